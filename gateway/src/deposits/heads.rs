//! Heads of the institution's log that its chain has taken up, each with the proof under which it was: what a deposit's
//! bundle is made from, long after the chain's state has gone on.

use crate::error::ApiError;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::deposit::LogState;
use comity_model::{Hash, Height, UnixSeconds, decode, encode};
use comity_store::{Batch, Row, Store, StoreError, Table};
use comity_verify::tlog::{Cosigned, Policy};
use comity_verify::witnessed::SIGNATURES_MAX;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Size (big-endian `u64`) → [`Head`].
const HEADS: Table = Table("deposit-heads");

/// Size (big-endian `u64`) → [`Signed`].
const SIGNED: Table = Table("deposit-cosignatures");

/// Size (big-endian `u64`) → [`Taken`]: a transaction that carried the head of this size and is in a block. Whether it was the one
/// that took it up is not known yet.
const CARRIED: Table = Table("deposit-carried");
/// Hash of the transaction that took a head up → [`Taken`].
const TAKEN: Table = Table("deposit-transactions");
/// Size (big-endian `u64`) → the hash of the transaction that took the head of this size up.
const TAKEN_BY: Table = Table("deposit-taken-by");

/// Checkpoints that are looked at for one that enough witnesses have cosigned.
const LOOKED_AT_MAX: usize = 64;

/// Size (big-endian `u64`) → [`StampedHead`].
const STAMPED: Table = Table("deposit-time-stamps");
/// In [`LOGS`]: `stamped` → the size of the checkpoint that was stamped last.
const LAST_STAMPED: &[u8] = b"stamped";

/// `log` → the id of the one log whose deposits the institution's gateways take.
const LOGS: Table = Table("deposit-logs");
const THE_LOG: &[u8] = b"log";

/// A head that was proven to stand on the chain.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Head {
    pub(crate) log: LogState,
    /// The header that the proof is under.
    pub(crate) header: Height,
    /// ICS-23 proof.
    pub(crate) proof: Vec<u8>,
}

/// What a transaction did of a log: in the block of `height` it made `size` entries of `before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Taken {
    pub(crate) transaction: Hash,
    pub(crate) height: Height,
    pub(crate) before: u64,
    pub(crate) size: u64,
}

/// What was signed under the checkpoint of a head: by the log, and by witnesses.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Signed {
    pub(crate) log: Cosigned,
    pub(crate) witnesses: Vec<Cosigned>,
}

impl Signed {
    /// The checkpoint of this text with every signature that there is.
    pub(crate) fn note(&self, text: &str) -> String {
        let lines = std::iter::once(&self.log).chain(&self.witnesses);
        lines.fold(format!("{text}\n"), |note, cosigned| note + &cosigned.line())
    }
}

/// A time stamp over the checkpoint of a head.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct StampedHead {
    /// Entries of the checkpoint.
    pub(crate) size: u64,
    /// The token's time.
    pub(crate) made: UnixSeconds,
    /// It was there at this time at the latest.
    pub(crate) at: UnixSeconds,
    /// The authority's name, as its certificate has it.
    pub(crate) by: String,
    /// The token (RFC 3161, DER).
    pub(crate) token: Vec<u8>,
}

/// The heads, in the gateway's store.
#[derive(Clone)]
pub(crate) struct HeadBook {
    store: Arc<dyn Store>,
}

impl HeadBook {
    pub(crate) const fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Makes the log of this id the institution's, if it has none yet; whether it is. Two gateways that each open a log of
    /// their own must not both take deposits: the chain keeps one head.
    pub(crate) async fn claim(&self, id: &[u8; 16]) -> Result<bool, ApiError> {
        if let Some(known) = self.store.read(LOGS, THE_LOG).await? {
            return Ok(known == id);
        }
        match self.store.commit(Batch::new().absent(LOGS, THE_LOG).put(LOGS, THE_LOG, id.as_slice())).await {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict) => Ok(self.store.read(LOGS, THE_LOG).await?.is_some_and(|known| known == id)),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps a head, and which transaction took it up, where that is known; the first proof of a size stays, since it is the
    /// earliest.
    pub(crate) async fn keep(&self, head: &Head, taken: Option<&Taken>) -> Result<(), ApiError> {
        let key = head.log.size.to_be_bytes();
        let known = self.store.read(HEADS, &key).await?.is_some();
        if known && taken.is_none() {
            return Ok(());
        }
        let mut batch = Batch::new().delete(CARRIED, key);
        if !known {
            batch = batch.put(HEADS, key, encode(head));
        }
        if let Some(taken) = taken {
            batch = batch.put(TAKEN, taken.transaction.0, encode(taken)).put(TAKEN_BY, key, taken.transaction.0);
        }
        Ok(self.store.commit(batch).await?)
    }

    /// Notes a transaction that carried a head and is in a block, before the head is proven: the first one of a size stays.
    pub(crate) async fn carry(&self, carried: &Taken) -> Result<(), ApiError> {
        if self.carried(carried.size).await?.is_some() {
            return Ok(());
        }
        Ok(self.store.commit(Batch::new().put(CARRIED, carried.size.to_be_bytes(), encode(carried))).await?)
    }

    /// The transaction that carried the head of `size`, if one was noted that is not kept yet.
    pub(crate) async fn carried(&self, size: u64) -> Result<Option<Taken>, ApiError> {
        let found = self.store.read(CARRIED, &size.to_be_bytes()).await?;
        found.map(|bytes| decode("a transaction that carried a head", &bytes).map_err(ApiError::fault)).transpose()
    }

    /// What the transaction of this hash took up, with the head and all that was signed under it; nothing where it is none that is
    /// known here.
    pub(crate) async fn taken(&self, transaction: &Hash) -> Result<Option<(Taken, Head, Signed)>, ApiError> {
        let Some(bytes) = self.store.read(TAKEN, &transaction.0).await? else { return Ok(None) };
        let taken: Taken = decode("what a transaction took up", &bytes).map_err(ApiError::fault)?;
        let head = self.with(taken.size.saturating_sub(1)).await?.filter(|head| head.log.size == taken.size);
        let lost = || ApiError::fault("a head that a transaction took up is not kept");
        Ok(Some((taken, head.ok_or_else(lost)?, self.signed(taken.size).await?.ok_or_else(lost)?)))
    }

    /// The hash of the transaction that took up the head of `size`, where it is known.
    pub(crate) async fn taken_by(&self, size: u64) -> Result<Option<Hash>, ApiError> {
        let found = self.store.read(TAKEN_BY, &size.to_be_bytes()).await?;
        found.map(|bytes| bytes.try_into().map(Hash).map_err(|_| ApiError::fault("a hash is not 32 bytes"))).transpose()
    }

    /// Keeps the log's signature under the checkpoint of `size`; what witnesses have signed stays.
    pub(crate) async fn sign(&self, size: u64, log: Cosigned) -> Result<(), ApiError> {
        let witnesses = self.cosigned(size).await?;
        self.put(size, &Signed { log, witnesses }).await
    }

    /// Keeps what a witness has signed under the checkpoint of `size`, which the log has signed, in the place of what it signed
    /// before; all that witnesses have signed under it, in the order of their keys. The caller sees to it that one at a time
    /// does this.
    pub(crate) async fn cosign(&self, size: u64, cosigned: Cosigned) -> Result<Vec<Cosigned>, ApiError> {
        let mut signed = self.signed(size).await?.ok_or_else(|| ApiError::fault("the log has not signed this head"))?;
        signed.witnesses.retain(|other| other.key != cosigned.key);
        signed.witnesses.push(cosigned);
        signed.witnesses.sort_by(|a, b| a.key.cmp(&b.key));
        // With the log's own as many as a bundle takes.
        signed.witnesses.truncate(SIGNATURES_MAX - 1);
        self.put(size, &signed).await?;
        Ok(signed.witnesses)
    }

    /// What witnesses have signed under the checkpoint of `size`.
    pub(crate) async fn cosigned(&self, size: u64) -> Result<Vec<Cosigned>, ApiError> {
        Ok(self.signed(size).await?.map(|signed| signed.witnesses).unwrap_or_default())
    }

    /// The earliest checkpoint of at least `size` entries that enough witnesses have cosigned; where none of the next
    /// [`LOOKED_AT_MAX`] has, the one of them with the most.
    pub(crate) async fn witnessed(&self, size: u64, policy: &Policy) -> Result<Option<(u64, Signed)>, ApiError> {
        let rows = self.store.scan(SIGNED, &[], &size.to_be_bytes(), LOOKED_AT_MAX).await?;
        let mut best: Option<(u64, Signed)> = None;
        for row in rows {
            let (size, signed) = signed_row(row)?;
            let has = |number: usize| {
                let key = policy.witnesses().get(number).map(|witness| witness.key.to_string());
                key.is_some_and(|key| signed.witnesses.iter().any(|cosigned| cosigned.key == key.as_bytes()))
            };
            let enough = !policy.quorum().is_none() && policy.quorum().is_met(&has);
            if enough || best.as_ref().is_none_or(|(_, other)| other.witnesses.len() < signed.witnesses.len()) {
                best = Some((size, signed));
            }
            if enough {
                break;
            }
        }
        Ok(best.filter(|(_, signed)| !signed.witnesses.is_empty()))
    }

    /// The earliest checkpoint of at least `size` entries, with all that was signed under it.
    pub(crate) async fn signed_from(&self, size: u64) -> Result<Option<(u64, Signed)>, ApiError> {
        let rows = self.store.scan(SIGNED, &[], &size.to_be_bytes(), 1).await?;
        rows.into_iter().next().map(signed_row).transpose()
    }

    /// Keeps a time stamp; it was judged.
    pub(crate) async fn stamp(&self, stamped: &StampedHead) -> Result<(), ApiError> {
        let size = stamped.size.to_be_bytes();
        let batch = Batch::new().put(STAMPED, size, encode(stamped)).put(LOGS, LAST_STAMPED, size);
        Ok(self.store.commit(batch).await?)
    }

    /// The earliest time stamp over a checkpoint of at least `size` entries.
    pub(crate) async fn stamped(&self, size: u64) -> Result<Option<StampedHead>, ApiError> {
        let rows = self.store.scan(STAMPED, &[], &size.to_be_bytes(), 1).await?;
        rows.first().map(|(_, bytes)| decode("a time stamp over a head", bytes).map_err(ApiError::fault)).transpose()
    }

    /// The time stamp that was kept last.
    pub(crate) async fn last_stamped(&self) -> Result<Option<StampedHead>, ApiError> {
        let Some(size) = self.store.read(LOGS, LAST_STAMPED).await? else { return Ok(None) };
        let found = self.store.read(STAMPED, &size).await?;
        found.map(|bytes| decode("a time stamp over a head", &bytes).map_err(ApiError::fault)).transpose()
    }

    async fn signed(&self, size: u64) -> Result<Option<Signed>, ApiError> {
        let found = self.store.read(SIGNED, &size.to_be_bytes()).await?;
        found.map(|bytes| decode("signatures under a head", &bytes).map_err(ApiError::fault)).transpose()
    }

    async fn put(&self, size: u64, signed: &Signed) -> Result<(), ApiError> {
        Ok(self.store.commit(Batch::new().put(SIGNED, size.to_be_bytes(), encode(signed))).await?)
    }

    /// Since when each of these deposits is proven: those that no head has yet are left out. Read is a row for each head, not
    /// for each deposit.
    pub(crate) async fn since(&self, indexes: BTreeSet<u64>) -> Result<BTreeMap<u64, UnixSeconds>, ApiError> {
        let (mut since, mut last): (BTreeMap<u64, UnixSeconds>, Option<LogState>) = (BTreeMap::new(), None);
        for index in indexes {
            // The earliest head that has one deposit is the earliest that has the next, if it has that one at all.
            if last.is_none_or(|log| log.size <= index) {
                last = self.with(index).await?.map(|head| head.log);
            }
            let Some(log) = &last else { break };
            since.insert(index, log.at);
        }
        Ok(since)
    }

    /// Heads from the newest, of fewer entries than `below` if that is said, at most `limit`, and the size to go on from.
    pub(crate) async fn newest(&self, below: Option<u64>, limit: usize) -> Result<(Vec<Head>, Option<u64>), ApiError> {
        let until = below.map(|size| size.to_be_bytes().to_vec()).unwrap_or_default();
        let rows = self.store.scan_back(HEADS, &until, limit.saturating_add(1)).await?;
        let heads =
            rows.iter().take(limit).map(|(_, bytes)| decode("a head of the log", bytes).map_err(ApiError::fault));
        let heads = heads.collect::<Result<Vec<Head>, _>>()?;
        let next = heads.last().filter(|_| rows.len() > limit).map(|head| head.log.size);
        Ok((heads, next))
    }

    /// The earliest head that has the deposit of an index.
    pub(crate) async fn with(&self, index: u64) -> Result<Option<Head>, ApiError> {
        let from = index.saturating_add(1).to_be_bytes();
        let rows = self.store.scan(HEADS, &[], &from, 1).await?;
        rows.first().map(|(_, bytes)| decode("a head of the log", bytes).map_err(ApiError::fault)).transpose()
    }
}

fn signed_row((key, value): Row) -> Result<(u64, Signed), ApiError> {
    let size = u64::from_be_bytes(key.try_into().map_err(|_| ApiError::fault("a size is not 8 bytes"))?);
    Ok((size, decode("signatures under a head", &value).map_err(ApiError::fault)?))
}
