//! The register of an institution's assets: which account, parcel or right stands under which opaque handle on its chain.
//! Only the institution can tell; the chain sees random handles.
//! It refuses to know whose an asset is, and what orders say.

use crate::signer::{SignerClient, SignerError};
use borsh::{BorshDeserialize, BorshSerialize};
use comity_adapters_ports::{Outcome, PortError, Submit};
use comity_model::asset::{Asset, AssetStatus, Enforcement};
use comity_model::tx::{AssetBatch, Message};
use comity_model::{Amount, AssetHandle, ChainId, Height, Malformed, MemberId, ReasonCode, Sector, decode, encode};
use comity_store::{Batch, Store, StoreError, Table};
use std::collections::HashSet;
use std::sync::Arc;

/// Sector ‖ 0 ‖ reference → [`Row`].
const ASSETS: Table = Table("assets");
/// Most assets that go into one sealed batch, and in one call of the API.
pub(crate) const BATCH_MAX: usize = 500;
/// Longest reference in bytes.
const REFERENCE_BYTES_MAX: usize = 128;

/// An asset to register.
#[derive(Clone)]
pub struct NewAsset {
    /// Its sector.
    pub sector: Sector,
    /// What orders call it: an account number, a unit number. At most 128 bytes, without control characters.
    pub reference: String,
    /// Its value where it is divisible.
    pub value: Option<Amount>,
    /// Who enforces a hold on it.
    pub enforcement: Enforcement,
}

/// An asset as the register knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct KnownAsset {
    /// Its handle on the chain.
    pub handle: AssetHandle,
    /// Its value where it is divisible.
    pub value: Option<Amount>,
}

#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Row {
    asset: KnownAsset,
    enforcement: Enforcement,
    /// The asset's revision on the chain, once it stands there as it does here.
    revision: u64,
    /// Whether the chain was seen to have it as it stands here.
    on_chain: bool,
}

/// What became of a registration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registered {
    /// The assets' handles and whether this call registered or changed them, in the order of the call.
    pub handles: Vec<(AssetHandle, bool)>,
    /// The first header whose state has all that this call changed; `None` where it changed nothing.
    pub header: Option<Height>,
}

/// A row before and after a call.
struct Change {
    before: Option<Row>,
    after: Row,
}

/// Why assets were not registered, or could not be looked up.
#[derive(Debug, thiserror::Error)]
pub enum AssetError {
    /// A reference is empty, too long or holds control characters.
    #[error("a reference is 1 to 128 bytes of text without control characters")]
    Reference,
    /// The same reference twice in one call.
    #[error("the same reference stands twice in one call")]
    Twice,
    /// Divisible before and not now, or the other way round, or of another currency.
    #[error("an asset's enforcement, currency and divisibility cannot change")]
    Changed,
    /// The operating system gave no randomness.
    #[error("the operating system gives no randomness")]
    Randomness,
    /// The chain refused.
    #[error("the chain refused with {0}")]
    Refused(ReasonCode),
    /// The signer did not seal.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The chain's node did not answer.
    #[error(transparent)]
    Chain(#[from] PortError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row of the store is not what was written there.
    #[error(transparent)]
    Corrupt(#[from] Malformed),
}

/// The register. Cheap to clone.
#[derive(Clone)]
pub struct AssetRegister {
    institution: MemberId,
    chain: ChainId,
    store: Arc<dyn Store>,
    submit: Arc<dyn Submit>,
    signer: SignerClient,
}

impl AssetRegister {
    /// The register of `institution` on `chain`.
    #[must_use]
    pub fn new(
        institution: MemberId,
        chain: ChainId,
        store: Arc<dyn Store>,
        submit: Arc<dyn Submit>,
        signer: SignerClient,
    ) -> Self {
        Self { institution, chain, store, submit, signer }
    }

    /// Registers assets, or updates the value of known ones, and answers with their handles in the same order. Handles
    /// are stored before they are submitted, and a repeated call finds them again: nothing is registered twice. A new
    /// value that the chain refuses is taken back here as well.
    ///
    /// # Errors
    /// [`AssetError`]; batches before the failing one stand.
    pub async fn register(&self, assets: Vec<NewAsset>) -> Result<Registered, AssetError> {
        let mut seen = HashSet::with_capacity(assets.len());
        if !assets.iter().all(|new| seen.insert((&new.sector, &new.reference))) {
            return Err(AssetError::Twice);
        }
        let mut registered = Registered::default();
        for chunk in assets.chunks(BATCH_MAX) {
            let changes = self.store_chunk(chunk).await?;
            let handles = changes.iter().map(|change| (change.after.asset.handle, !change.after.on_chain));
            registered.handles.extend(handles);
            let header = self.submit_chunk(chunk, &changes).await?;
            registered.header = registered.header.max(header);
        }
        Ok(registered)
    }

    /// Whether this asset could be registered, as far as can be told here.
    ///
    /// # Errors
    /// As [`AssetRegister::register`].
    pub async fn check(&self, new: &NewAsset) -> Result<(), AssetError> {
        if !is_reference(&new.reference) {
            return Err(AssetError::Reference);
        }
        match self.row(&new.sector, &new.reference).await? {
            Some(known) => known.updated(new).map(|_| ()),
            None => Ok(()),
        }
    }

    /// The asset of that reference; `None` for one that is not known here.
    ///
    /// # Errors
    /// The store's.
    pub async fn find(&self, sector: &Sector, reference: &str) -> Result<Option<KnownAsset>, AssetError> {
        if !is_reference(reference) {
            return Ok(None);
        }
        Ok(self.row(sector, reference).await?.map(|row| row.asset))
    }

    async fn row(&self, sector: &Sector, reference: &str) -> Result<Option<Row>, AssetError> {
        let bytes = self.store.read(ASSETS, &key(sector, reference)).await?;
        Ok(bytes.map(|bytes| decode("asset row", &bytes)).transpose()?)
    }

    /// Writes what is new of a chunk; a row that another call wrote meanwhile is read again.
    async fn store_chunk(&self, chunk: &[NewAsset]) -> Result<Vec<Change>, AssetError> {
        loop {
            let mut batch = Batch::new();
            let mut changes = Vec::with_capacity(chunk.len());
            for new in chunk {
                if !is_reference(&new.reference) {
                    return Err(AssetError::Reference);
                }
                let key = key(&new.sector, &new.reference);
                let known = self.row(&new.sector, &new.reference).await?;
                let row = match &known {
                    Some(known) => known.updated(new)?,
                    None => Row::fresh(new)?,
                };
                if known.as_ref() != Some(&row) {
                    batch = match &known {
                        Some(known) => batch.equals(ASSETS, key.clone(), encode(known)),
                        None => batch.absent(ASSETS, key.clone()),
                    };
                    batch = batch.put(ASSETS, key, encode(&row));
                }
                changes.push(Change { before: known, after: row });
            }
            if batch.writes.is_empty() {
                return Ok(changes);
            }
            match self.store.commit(batch).await {
                Ok(()) => return Ok(changes),
                // Someone else registered one of them first, or the outcome is not known: what stands decides.
                Err(StoreError::Conflict | StoreError::Unknown(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The first header whose state has what was submitted.
    async fn submit_chunk(&self, chunk: &[NewAsset], changes: &[Change]) -> Result<Option<Height>, AssetError> {
        let rows = changes.iter().map(|change| &change.after);
        let fresh: Vec<(&NewAsset, &Row)> = chunk.iter().zip(rows).filter(|(_, row)| !row.on_chain).collect();
        if fresh.is_empty() {
            return Ok(None);
        }
        let assets = fresh
            .iter()
            .map(|(new, row)| Asset {
                handle: row.asset.handle,
                sector: new.sector.clone(),
                institution: self.institution.clone(),
                enforcement: row.enforcement,
                value: row.asset.value,
                holds: 0,
                revision: row.revision,
                status: AssetStatus::Standing,
            })
            .collect();
        let batch = AssetBatch { chain: self.chain.clone(), member: self.institution.clone(), assets };
        let seal = self.signer.seal_assets(batch.clone()).await?;
        let header = match self.submit.submit(vec![Message::RegisterAssets { batch, seal }]).await? {
            Outcome::Committed { height, .. } => height.next(),
            Outcome::Refused { code, .. } => {
                self.take_back(chunk, changes).await?;
                return Err(AssetError::Refused(code));
            }
        };
        let mut written = Batch::new();
        for (new, row) in fresh {
            let done = Row { on_chain: true, ..row.clone() };
            written = written.put(ASSETS, key(&new.sector, &new.reference), encode(&done));
        }
        self.store.commit(written).await?;
        Ok(Some(header))
    }

    /// Puts known rows back as they stood. New ones keep their handles, so that a later call is the same registration.
    async fn take_back(&self, chunk: &[NewAsset], changes: &[Change]) -> Result<(), AssetError> {
        for (new, change) in chunk.iter().zip(changes) {
            let Some(before) = change.before.as_ref().filter(|before| **before != change.after) else { continue };
            let key = key(&new.sector, &new.reference);
            let batch =
                Batch::new().equals(ASSETS, key.clone(), encode(&change.after)).put(ASSETS, key, encode(before));
            match self.store.commit(batch).await {
                // Another call changed it meanwhile: its word counts.
                Ok(()) | Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl Row {
    fn fresh(new: &NewAsset) -> Result<Self, AssetError> {
        let mut handle = [0; 32];
        getrandom::fill(&mut handle).map_err(|_| AssetError::Randomness)?;
        let asset = KnownAsset { handle: AssetHandle(handle), value: new.value };
        Ok(Self { asset, enforcement: new.enforcement, revision: 1, on_chain: false })
    }

    fn updated(&self, new: &NewAsset) -> Result<Self, AssetError> {
        let same_form = self.enforcement == new.enforcement
            && self.asset.value.map(|value| value.currency) == new.value.map(|value| value.currency);
        if !same_form {
            return Err(AssetError::Changed);
        }
        let on_chain = self.on_chain && self.asset.value == new.value;
        // A change that follows what the chain has; one that it was never seen to have goes again as it is now.
        let revision = if self.on_chain && !on_chain { self.revision.saturating_add(1) } else { self.revision };
        Ok(Self { asset: KnownAsset { value: new.value, ..self.asset }, revision, on_chain, ..self.clone() })
    }
}

fn is_reference(text: &str) -> bool {
    (1..=REFERENCE_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn key(sector: &Sector, reference: &str) -> Vec<u8> {
    [sector.as_str().as_bytes(), &[0], reference.as_bytes()].concat()
}

#[cfg(test)]
#[path = "assets_tests.rs"]
mod tests;
