//! Heads of the institution's log that its chain has taken up, each with the proof under which it was: what a deposit's
//! bundle is made from, long after the chain's state has gone on.

use crate::error::ApiError;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::deposit::LogState;
use comity_model::{Height, UnixSeconds, decode, encode};
use comity_store::{Batch, Store, StoreError, Table};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Size (big-endian `u64`) → [`Head`].
const HEADS: Table = Table("deposit-heads");

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

    /// Keeps a head; the first proof of a size stays, since it is the earliest.
    pub(crate) async fn keep(&self, head: &Head) -> Result<(), ApiError> {
        let key = head.log.size.to_be_bytes();
        if self.store.read(HEADS, &key).await?.is_some() {
            return Ok(());
        }
        Ok(self.store.commit(Batch::new().put(HEADS, key, encode(head))).await?)
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

    /// The earliest head that has the deposit of an index.
    pub(crate) async fn with(&self, index: u64) -> Result<Option<Head>, ApiError> {
        let from = index.saturating_add(1).to_be_bytes();
        let rows = self.store.scan(HEADS, &[], &from, 1).await?;
        rows.first().map(|(_, bytes)| decode("a head of the log", bytes).map_err(ApiError::fault)).transpose()
    }
}
