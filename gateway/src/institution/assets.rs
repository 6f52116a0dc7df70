//! The register of an institution's assets: which account, parcel or right stands under which opaque handle on its chain.
//! Only the institution can tell; the chain sees random handles. What an asset is worth and how often it changed is the
//! chain's to say: orders take out of it and hand it over, so it is read there, by proof, before it is changed.
//! It refuses to know whose an asset is, and what orders say.

use crate::error::ApiError;
use crate::orders::Home;
use crate::signer::{SignerClient, SignerError};
use async_trait::async_trait;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_adapters_ports::{Outcome, PortError, Submit};
use comity_model::asset::{Asset, AssetStatus, Enforcement};
use comity_model::state::StatePath;
use comity_model::tx::{AssetBatch, Message};
use comity_model::{Amount, AssetHandle, ChainId, Height, Malformed, MemberId, ReasonCode, Sector, decode, encode};
use comity_store::{Batch, Store, StoreError, Table};
use futures::{StreamExt, TryStreamExt};
use std::collections::HashSet;
use std::sync::Arc;

/// Sector ‖ 0 ‖ reference → [`Row`].
pub(super) const ASSETS: Table = Table("assets");
/// Most assets that go into one sealed batch, and in one call of the API.
pub(crate) const BATCH_MAX: usize = 500;
/// Longest reference in bytes.
const REFERENCE_BYTES_MAX: usize = 128;
/// How often an asset may have gone on under a new handle.
const SUCCESSORS_MAX: usize = 64;
/// How many assets are proven at once.
const PROOFS_AT_ONCE: usize = 16;
/// How often a batch is sent again because something on the chain came between reading and writing.
const ATTEMPTS_MAX: usize = 4;
/// What the chain says of a batch that follows another state of an asset than the one that stands.
const ASSET_REVISION: &str = "ASSET_REVISION";

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
    /// The revision of the state on the chain that a new value follows: one that was changed since is refused. `None`:
    /// whatever stands there when it is registered.
    pub follows: Option<u64>,
}

/// An asset as the register knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct KnownAsset {
    /// Its handle on the chain.
    pub handle: AssetHandle,
    /// Its value where it is divisible.
    pub value: Option<Amount>,
}

/// What the register keeps: enough to find the asset on the chain, and to register it there if it is not.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Row {
    pub(super) asset: KnownAsset,
    enforcement: Enforcement,
}

/// What became of a registration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registered {
    /// The assets, in the order of the call.
    pub assets: Vec<RegisteredAsset>,
    /// The first header whose state has all that this call changed; `None` where it changed nothing.
    pub header: Option<Height>,
}

/// What became of one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisteredAsset {
    /// Its handle.
    pub handle: AssetHandle,
    /// Its revision on the chain.
    pub revision: u64,
    /// Whether this call registered or changed it.
    pub changed: bool,
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
    /// The asset changed on the chain since the state that the new value follows.
    #[error("the asset has changed on the chain since the state that the new value follows")]
    Revision,
    /// The asset went over to another owner for good.
    #[error("the asset went over to another owner and is no longer registered")]
    Gone,
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
    /// The chain's state could not be proven now.
    #[error(transparent)]
    Proof(#[from] ApiError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row of the store is not what was written there.
    #[error(transparent)]
    Corrupt(#[from] Malformed),
}

/// What the institution's own chain proves of its assets.
#[async_trait]
pub trait ProvenAssets: Send + Sync {
    /// What stands under `handle`, and the header under which it does: the newest, and at least `at_least`.
    ///
    /// # Errors
    /// Where nothing can be proven now.
    async fn asset(&self, handle: &AssetHandle, at_least: Height) -> Result<(Option<Asset>, Height), ApiError>;
}

#[async_trait]
impl ProvenAssets for Home {
    async fn asset(&self, handle: &AssetHandle, at_least: Height) -> Result<(Option<Asset>, Height), ApiError> {
        let answer = self.state(&StatePath::Asset(*handle), at_least).await?;
        let asset = answer.value.map(|value| value.decode::<Asset>("asset")).transpose().map_err(ApiError::fault)?;
        Ok((asset.map(comity_verify::state::Proven::into_value), answer.under.height))
    }
}

/// The register. Cheap to clone.
#[derive(Clone)]
pub struct AssetRegister {
    institution: MemberId,
    chain: ChainId,
    store: Arc<dyn Store>,
    submit: Arc<dyn Submit>,
    proven: Arc<dyn ProvenAssets>,
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
        proven: Arc<dyn ProvenAssets>,
        signer: SignerClient,
    ) -> Self {
        Self { institution, chain, store, submit, proven, signer }
    }

    /// Registers assets, or updates the value of known ones, and answers what became of each in the same order. Handles
    /// are stored before they are submitted, and a repeated call finds them again: nothing is registered twice. What
    /// orders took out of a known one, or did with it, is read from the chain first.
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
            let rows = self.rows(chunk).await?;
            let (assets, header) = self.register_chunk(chunk, rows).await?;
            registered.assets.extend(assets);
            registered.header = registered.header.max(header);
        }
        Ok(registered)
    }

    /// Whether this asset could be registered now, as far as can be told here.
    ///
    /// # Errors
    /// As [`AssetRegister::register`].
    pub async fn check(&self, new: &NewAsset) -> Result<(), AssetError> {
        if !is_reference(&new.reference) {
            return Err(AssetError::Reference);
        }
        match self.row(&new.sector, &new.reference).await? {
            Some(row) => self.judge(new, &row, false, Height(0)).await.map(|_| ()),
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

    /// The asset as it stands under a header of at least `at_least`: under the handle that it goes on as, and less what was
    /// deducted. `None` where the chain has no such asset; then the header says since when that is known.
    ///
    /// # Errors
    /// [`AssetError::Proof`]; [`AssetError::Gone`] if it ended.
    pub async fn standing(&self, handle: AssetHandle, at_least: Height) -> Result<(Option<Asset>, Height), AssetError> {
        let mut handle = handle;
        for _ in 0..SUCCESSORS_MAX {
            let (asset, header) = self.proven.asset(&handle, at_least).await?;
            match asset.as_ref().map(|asset| asset.status) {
                Some(AssetStatus::Transferred { successor: Some(successor) }) => handle = successor,
                Some(AssetStatus::Transferred { successor: None }) => return Err(AssetError::Gone),
                Some(AssetStatus::Standing) | None => return Ok((asset, header)),
            }
        }
        Err(AssetError::Gone)
    }

    async fn row(&self, sector: &Sector, reference: &str) -> Result<Option<Row>, AssetError> {
        let bytes = self.store.read(ASSETS, &key(sector, reference)).await?;
        Ok(bytes.map(|bytes| decode("asset row", &bytes)).transpose()?)
    }

    /// The rows of a chunk, and whether each is fresh: what is new is durable before it is submitted. A row that another
    /// call wrote meanwhile is read again.
    async fn rows(&self, chunk: &[NewAsset]) -> Result<Vec<(Row, bool)>, AssetError> {
        loop {
            let mut batch = Batch::new();
            let mut rows = Vec::with_capacity(chunk.len());
            for new in chunk {
                if !is_reference(&new.reference) {
                    return Err(AssetError::Reference);
                }
                let known = self.row(&new.sector, &new.reference).await?;
                let fresh = known.is_none();
                let row = known.map_or_else(|| Row::fresh(new), Ok)?;
                if fresh {
                    let key = key(&new.sector, &new.reference);
                    batch = batch.absent(ASSETS, key.clone()).put(ASSETS, key, encode(&row));
                }
                rows.push((row, fresh));
            }
            if batch.writes.is_empty() {
                return Ok(rows);
            }
            match self.store.commit(batch).await {
                Ok(()) => return Ok(rows),
                // Someone else registered one of them first, or the outcome is not known: what stands decides.
                Err(StoreError::Conflict | StoreError::Unknown(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Brings the chain to what a chunk says. What nobody said that it follows a certain state follows the one that
    /// stands, however often that changes meanwhile.
    async fn register_chunk(
        &self,
        chunk: &[NewAsset],
        rows: Vec<(Row, bool)>,
    ) -> Result<(Vec<RegisteredAsset>, Option<Height>), AssetError> {
        let mut rows = rows;
        let mut at_least = Height(0);
        for _ in 0..ATTEMPTS_MAX {
            let asked: Vec<_> =
                chunk.iter().zip(&rows).map(|(new, (row, fresh))| self.judge(new, row, *fresh, at_least)).collect();
            let judged: Vec<Judged> = futures::stream::iter(asked).buffered(PROOFS_AT_ONCE).try_collect().await?;
            match self.submit_chunk(chunk, &judged).await {
                Err(AssetError::Refused(code)) if code.as_str() == ASSET_REVISION => {}
                Err(error) => return Err(error),
                Ok(header) => return Ok((judged.iter().map(|judged| judged.registered).collect(), header)),
            }
            // What was read is no longer so: the next header has it. A handle of ours may be on the chain by now.
            at_least = judged.iter().map(|judged| judged.read_under).max().unwrap_or_default().next();
            rows.iter_mut().for_each(|(_, fresh)| *fresh = false);
        }
        Err(AssetError::Revision)
    }

    /// What is to be done with one asset.
    async fn judge(&self, new: &NewAsset, row: &Row, fresh: bool, at_least: Height) -> Result<Judged, AssetError> {
        if row.enforcement != new.enforcement || form(row.asset.value) != form(new.value) {
            return Err(AssetError::Changed);
        }
        // A handle that was drawn just now stands on no chain.
        let (asset, read_under) =
            if fresh { (None, Height(0)) } else { self.standing(row.asset.handle, at_least).await? };
        let revision = asset.as_ref().map_or(0, |asset| asset.revision);
        if new.follows.is_some_and(|follows| follows != revision) {
            return Err(AssetError::Revision);
        }
        let handle = asset.as_ref().map_or(row.asset.handle, |asset| asset.handle);
        let changed = asset.is_none_or(|asset| asset.value != new.value);
        let revision = if changed { revision.saturating_add(1) } else { revision };
        Ok(Judged { registered: RegisteredAsset { handle, revision, changed }, read_under })
    }

    /// Submits what changes; the first header whose state has it.
    async fn submit_chunk(&self, chunk: &[NewAsset], judged: &[Judged]) -> Result<Option<Height>, AssetError> {
        let changes: Vec<_> = chunk
            .iter()
            .zip(judged.iter().map(|judged| judged.registered))
            .filter(|(_, registered)| registered.changed)
            .collect();
        if changes.is_empty() {
            return Ok(None);
        }
        let assets = changes.iter().map(|(new, registered)| Asset {
            handle: registered.handle,
            sector: new.sector.clone(),
            institution: self.institution.clone(),
            enforcement: new.enforcement,
            value: new.value,
            holds: 0,
            revision: registered.revision,
            status: AssetStatus::Standing,
        });
        let batch =
            AssetBatch { chain: self.chain.clone(), member: self.institution.clone(), assets: assets.collect() };
        let seal = self.signer.seal_assets(batch.clone()).await?;
        match self.submit.submit(vec![Message::RegisterAssets { batch, seal }]).await? {
            Outcome::Committed { height, .. } => {
                self.keep(&changes).await?;
                Ok(Some(height.next()))
            }
            Outcome::Refused { code, .. } => Err(AssetError::Refused(code)),
        }
    }

    /// Keeps what the chain has taken. Where it is lost, the chain still knows.
    async fn keep(&self, changes: &[(&NewAsset, RegisteredAsset)]) -> Result<(), AssetError> {
        let mut written = Batch::new();
        for (new, registered) in changes {
            let asset = KnownAsset { handle: registered.handle, value: new.value };
            let row = Row { asset, enforcement: new.enforcement };
            written = written.put(ASSETS, key(&new.sector, &new.reference), encode(&row));
        }
        Ok(self.store.commit(written).await?)
    }
}

/// What is to be done with an asset, and what was known when that was decided.
struct Judged {
    registered: RegisteredAsset,
    read_under: Height,
}

impl Row {
    /// Whether the chain's asset is of the kind that was registered: that never changes.
    pub(super) fn is_of(&self, asset: &Asset) -> bool {
        self.enforcement == asset.enforcement && form(self.asset.value) == form(asset.value)
    }

    fn fresh(new: &NewAsset) -> Result<Self, AssetError> {
        let mut handle = [0; 32];
        getrandom::fill(&mut handle).map_err(|_| AssetError::Randomness)?;
        Ok(Self { asset: KnownAsset { handle: AssetHandle(handle), value: new.value }, enforcement: new.enforcement })
    }
}

/// Whether an asset is divisible, and in which currency: this never changes.
fn form(value: Option<Amount>) -> Option<comity_model::Currency> {
    value.map(|value| value.currency)
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
