//! What a gateway believes of a chain: a light client with a memory. Headers come from the own chain's node or from a
//! peer's gateway and are believed only after `verify` has judged them against the anchor.
//! It refuses to know records, orders and the wire.

mod source;
mod state;

pub use source::HeaderSource;
pub use state::{HomeState, Standing, Stood};

use crate::config::Clock;
use crate::error::{ApiError, Reason};
use arc_swap::ArcSwapOption;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_adapters_ports::Headers;
use comity_model::{ChainId, Height, MemberId, decode, encode};
use comity_store::{Batch, Store, StoreError, Table};
use comity_verify::comet::LightBlock;
use comity_verify::light::{self, Anchor, Bisection, ConsensusState, LightStep, Progress, TrustedHeader};
use comity_verify::refusal::{Refusal, Rule};
use moka::sync::Cache;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;

/// Chain id → [`Row`].
const VIEWS: Table = Table("views");
/// Verified headers kept in memory, per chain.
const HEADERS_MAX: u64 = 4_096;
/// Fetched blocks and walked ways kept in memory, per chain.
const BLOCKS_MAX: u64 = 256;
/// How long to wait for a header that is about to come, and between two looks.
const WAIT_MAX: Duration = Duration::from_secs(20);
const WAIT_STEP: Duration = Duration::from_millis(25);
/// How many seconds of the chain's time pass between two writes: what a crash forgets is verified anew.
const WRITE_EVERY_S: i64 = 10;
/// How often a write is tried while other gateways over the same store write too.
const WRITE_TRIES: usize = 8;

/// What is kept of a chain across restarts.
#[derive(BorshSerialize, BorshDeserialize)]
struct Row {
    /// The anchor's header hash: another anchor starts anew.
    anchor: comity_model::Hash,
    /// The anchor's block: its header is what bundles start with.
    block: LightBlock,
    /// The latest verified header.
    latest: ConsensusState,
    /// Two contradicting headers of one height, if they were ever proven.
    divergence: Option<(ConsensusState, ConsensusState)>,
}

/// A verified view of one chain.
pub struct ChainView {
    anchor: Anchor,
    source: Arc<dyn HeaderSource>,
    store: Arc<dyn Store>,
    clock: Clock,
    /// The anchor's header, once its block was fetched.
    pinned: ArcSwapOption<(TrustedHeader, LightBlock)>,
    latest: ArcSwapOption<TrustedHeader>,
    divergence: ArcSwapOption<(ConsensusState, ConsensusState)>,
    headers: Cache<Height, TrustedHeader>,
    blocks: Cache<Height, Arc<LightBlock>>,
    ways: Cache<(Height, Height), Arc<Vec<LightStep>>>,
    /// Time of the last header that was written.
    written: AtomicI64,
    /// One walk forward at a time: who waited finds it done.
    walking: Mutex<()>,
    /// One look at the source's latest height at a time: who waited shares the next one.
    looking: Mutex<()>,
    /// Looks that began, and what the last one that ended found.
    looks: AtomicU64,
    looked: ArcSwapOption<(u64, Option<Height>)>,
}

impl ChainView {
    /// A view that starts at `anchor`, or where the store says it was. Nothing is fetched yet.
    ///
    /// # Errors
    /// The store's.
    pub async fn open(
        anchor: Anchor,
        source: Arc<dyn HeaderSource>,
        store: Arc<dyn Store>,
        clock: Clock,
    ) -> Result<Arc<Self>, ApiError> {
        let view = Self {
            source,
            clock,
            pinned: ArcSwapOption::empty(),
            latest: ArcSwapOption::empty(),
            divergence: ArcSwapOption::empty(),
            headers: Cache::new(HEADERS_MAX),
            blocks: Cache::new(BLOCKS_MAX),
            ways: Cache::new(BLOCKS_MAX),
            written: AtomicI64::new(i64::MIN),
            walking: Mutex::new(()),
            looking: Mutex::new(()),
            looks: AtomicU64::new(0),
            looked: ArcSwapOption::empty(),
            anchor,
            store,
        };
        if let Some(bytes) = view.store.read(VIEWS, view.chain().as_str().as_bytes()).await? {
            let row: Row = decode("a view", &bytes).map_err(ApiError::fault)?;
            if row.anchor == view.anchor.header_hash {
                view.restore(row).map_err(ApiError::fault)?;
            }
        }
        Ok(Arc::new(view))
    }

    fn restore(&self, row: Row) -> Result<(), Refusal> {
        let pinned = TrustedHeader::pin(&self.anchor, &row.block)?;
        self.headers.insert(pinned.height(), pinned.clone());
        self.pinned.store(Some(Arc::new((pinned, row.block))));
        let latest = TrustedHeader::restore(self.chain().clone(), row.latest);
        self.headers.insert(latest.height(), latest.clone());
        self.latest.store(Some(Arc::new(latest)));
        self.divergence.store(row.divergence.map(Arc::new));
        Ok(())
    }

    /// The chain.
    #[must_use]
    pub const fn chain(&self) -> &ChainId {
        &self.anchor.chain_id
    }

    /// Where the view started.
    #[must_use]
    pub const fn anchor(&self) -> &Anchor {
        &self.anchor
    }

    /// The latest header that was verified; `None` before the first.
    #[must_use]
    pub fn verified(&self) -> Option<TrustedHeader> {
        self.latest.load_full().map(|header| (*header).clone())
    }

    /// Whether two contradicting headers of this chain were proven.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.divergence.load().is_some()
    }

    /// The latest verified header, or the anchor's, which is then fetched and checked.
    ///
    /// # Errors
    /// `PROOF_REFUSED` where the source has another header than the anchor names; `CHAIN_FROZEN`; the source's.
    pub async fn trusted(&self) -> Result<TrustedHeader, ApiError> {
        self.check_frozen()?;
        match self.verified() {
            Some(header) => Ok(header),
            None => Ok(self.pin().await?.0.clone()),
        }
    }

    /// Asks the source for its latest header and verifies it.
    ///
    /// # Errors
    /// `PROOF_REFUSED` with the rule; `TRUST_EXPIRED`; `CHAIN_FROZEN`; the source's.
    pub async fn fresh(&self) -> Result<TrustedHeader, ApiError> {
        let height = self.latest_height().await?;
        let trusted = self.trusted().await?;
        if height <= trusted.height() { Ok(trusted) } else { self.header(height).await }
    }

    /// The verified header of `height`, fetched and walked to if it is not known.
    ///
    /// # Errors
    /// As [`ChainView::fresh`]; the source's for a height that does not exist yet or no longer.
    pub async fn header(&self, height: Height) -> Result<TrustedHeader, ApiError> {
        self.check_frozen()?;
        if let Some(known) = self.headers.get(&height) {
            return Ok(known);
        }
        let _walking = self.walking.lock().await;
        if let Some(known) = self.headers.get(&height) {
            return Ok(known);
        }
        let from = self.below(height).await?;
        let (_, header) = self.walk(&from, height).await?;
        self.learn(&header).await?;
        Ok(header)
    }

    /// The verified header of `height`, waiting for it if the chain is about to make it.
    ///
    /// # Errors
    /// As [`ChainView::header`]; `CHAIN_UNAVAILABLE` if it does not come within 20 s.
    pub async fn header_soon(&self, height: Height) -> Result<TrustedHeader, ApiError> {
        let waiting = async {
            loop {
                if self.headers.contains_key(&height) || self.source.latest().await? >= height {
                    return self.header(height).await;
                }
                tokio::time::sleep(WAIT_STEP).await;
            }
        };
        tokio::time::timeout(WAIT_MAX, waiting).await.unwrap_or_else(|_| {
            Err(ApiError::new(Reason::ChainUnavailable, format!("The chain makes no block {height} now.")))
        })
    }

    /// Judges steps that a peer sent, from the header of `from` on, and takes the last one up.
    ///
    /// # Errors
    /// `PROOF_REFUSED` with the rule, `TRUST_EXPIRED`, `CHAIN_FROZEN`.
    pub async fn accept(&self, from: &TrustedHeader, steps: &[LightStep]) -> Result<TrustedHeader, ApiError> {
        self.check_frozen()?;
        if steps.is_empty() {
            return Ok(from.clone());
        }
        // A peer that was away for long sends a long way.
        let threads = std::thread::available_parallelism().unwrap_or(std::num::NonZeroUsize::MIN);
        let header = light::verify_all_on(threads, &self.anchor.params(), from, steps, self.clock.now())
            .map_err(|refusal| self.refused(&refusal))?;
        self.learn(&header).await?;
        Ok(header)
    }

    /// The steps from the header of `from` to that of `to`, each with only the votes that it needs.
    ///
    /// # Errors
    /// As [`ChainView::header`].
    pub async fn steps(&self, from: Height, to: Height) -> Result<Arc<Vec<LightStep>>, ApiError> {
        if from >= to {
            return Ok(Arc::default());
        }
        if let Some(known) = self.ways.get(&(from, to)) {
            return Ok(known);
        }
        let trusted = self.header(from).await?;
        let (steps, header) = self.walk(&trusted, to).await?;
        self.learn(&header).await?;
        let steps = Arc::new(steps);
        self.ways.insert((from, to), steps.clone());
        Ok(steps)
    }

    /// The anchor's block and the steps from it to the header of `height`, for a bundle.
    ///
    /// # Errors
    /// As [`ChainView::header`]; `HEIGHT_GONE` for a header before the anchor's.
    pub async fn link(&self, height: Height) -> Result<(LightBlock, Vec<LightStep>), ApiError> {
        let pinned = self.pin().await?;
        if height < pinned.0.height() {
            return Err(ApiError::new(Reason::HeightGone, "The header is older than the anchor of its chain."));
        }
        let steps = self.steps(pinned.0.height(), height).await?;
        Ok((pinned.1.clone(), steps.to_vec()))
    }

    /// The light block of `height` as the source has it; for a peer that asks.
    ///
    /// # Errors
    /// The source's.
    pub async fn block(&self, height: Height) -> Result<Arc<LightBlock>, ApiError> {
        if let Some(known) = self.blocks.get(&height) {
            return Ok(known);
        }
        let block = Arc::new(self.source.light_block(height).await?);
        self.blocks.insert(height, block.clone());
        Ok(block)
    }

    /// A refusal of this chain's claims as an error, with the rule.
    #[must_use]
    pub fn refused(&self, refusal: &Refusal) -> ApiError {
        let error = ApiError::proof("chain", self.chain(), refusal);
        if refusal.rule == Rule::TrustingPeriod {
            return ApiError::new(
                Reason::TrustExpired,
                format!(
                    "The last verified header of {} is too old to go on from; anchor the chain anew.",
                    self.chain()
                ),
            )
            .with("chain", self.chain().as_str());
        }
        error
    }

    /// The source's latest height, no older than this call. Calls that come while the source is asked share the next
    /// asking: it begins after all of them.
    async fn latest_height(&self) -> Result<Height, ApiError> {
        let before = self.looks.load(Ordering::Acquire);
        let _looking = self.looking.lock().await;
        if let Some(&(look, height)) = self.looked.load().as_deref()
            && look > before
        {
            return height.ok_or_else(|| ApiError::new(Reason::ChainUnavailable, "The chain does not answer now."));
        }
        let look = self.looks.fetch_add(1, Ordering::AcqRel) + 1;
        let height = self.source.latest().await;
        self.looked.store(Some(Arc::new((look, height.as_ref().ok().copied()))));
        height
    }

    /// The highest verified header below `height`.
    async fn below(&self, height: Height) -> Result<TrustedHeader, ApiError> {
        let trusted = self.trusted().await?;
        if trusted.height() < height {
            return Ok(trusted);
        }
        let pinned = self.pin().await?.0.clone();
        let known = self.headers.iter().map(|(_, header)| header).filter(|header| header.height() < height);
        let best = known.max_by_key(TrustedHeader::height);
        match best {
            Some(header) if header.height() > pinned.height() => Ok(header),
            _ if pinned.height() < height => Ok(pinned),
            _ => Err(ApiError::new(Reason::HeightGone, "The header is older than the anchor of its chain.")),
        }
    }

    async fn walk(&self, from: &TrustedHeader, to: Height) -> Result<(Vec<LightStep>, TrustedHeader), ApiError> {
        let mut walk =
            Bisection::new(self.anchor.params(), from.clone(), to).map_err(|refusal| self.refused(&refusal))?;
        loop {
            let block = self.block(walk.wanted()).await?;
            match walk.feed((*block).clone(), self.clock.now()) {
                Ok(Progress::Need(_)) => {}
                Ok(Progress::Done { steps, header }) => return Ok((steps, header)),
                Err(refusal) => {
                    // A block that was refused must not be met again once the source tells the truth.
                    self.blocks.invalidate_all();
                    return Err(self.refused(&refusal));
                }
            }
        }
    }

    async fn pin(&self) -> Result<Arc<(TrustedHeader, LightBlock)>, ApiError> {
        if let Some(pinned) = self.pinned.load_full() {
            return Ok(pinned);
        }
        let block = self.block(self.anchor.height).await?;
        let header = TrustedHeader::pin(&self.anchor, &block).map_err(|refusal| {
            self.blocks.invalidate_all();
            self.refused(&refusal)
        })?;
        let pinned = Arc::new((header.clone(), (*block).clone()));
        self.pinned.store(Some(pinned.clone()));
        self.learn(&header).await?;
        Ok(pinned)
    }

    /// Remembers a verified header; the highest one durably from time to time. Another one of a known height freezes the view.
    async fn learn(&self, header: &TrustedHeader) -> Result<(), ApiError> {
        if let Some(known) = self.headers.get(&header.height())
            && known.header_hash() != header.header_hash()
        {
            let pair = (known.consensus_state().clone(), header.consensus_state().clone());
            self.divergence.store(Some(Arc::new(pair)));
            tracing::error!(chain = %self.chain(), height = %header.height(), "two contradicting headers were proven");
            self.write().await?;
            return self.check_frozen();
        }
        self.headers.insert(header.height(), header.clone());
        self.latest.rcu(|latest| match latest {
            Some(latest) if latest.height() >= header.height() => Some(latest.clone()),
            _ => Some(Arc::new(header.clone())),
        });
        let seconds = header.time().seconds();
        if seconds >= self.written.load(Ordering::Relaxed).saturating_add(WRITE_EVERY_S) {
            self.written.store(seconds, Ordering::Relaxed);
            self.write().await?;
            return self.check_frozen();
        }
        Ok(())
    }

    /// Several gateways may write the row of one chain: it goes forward only, and a divergence that any of them proved
    /// stays and freezes the others too.
    async fn write(&self) -> Result<(), ApiError> {
        let key = self.chain().as_str().as_bytes();
        for _ in 0..WRITE_TRIES {
            let (Some(pinned), Some(latest)) = (self.pinned.load_full(), self.verified()) else { return Ok(()) };
            let before = self.store.read(VIEWS, key).await?;
            let known: Option<Row> =
                before.as_deref().map(|bytes| decode("a view", bytes)).transpose().map_err(ApiError::fault)?;
            let known = known.filter(|row| row.anchor == self.anchor.header_hash);
            let mut latest = latest.consensus_state().clone();
            if let Some(known) = known {
                if let (Some(pair), false) = (known.divergence, self.is_frozen()) {
                    tracing::error!(chain = %self.chain(), "another gateway has proven two contradicting headers");
                    self.divergence.store(Some(Arc::new(pair)));
                }
                if known.latest.height > latest.height {
                    latest = known.latest;
                }
            }
            let row = Row {
                anchor: self.anchor.header_hash,
                block: pinned.1.clone(),
                latest,
                divergence: self.divergence.load_full().map(|pair| (*pair).clone()),
            };
            let batch = match before {
                Some(before) => Batch::new().equals(VIEWS, key, before),
                None => Batch::new().absent(VIEWS, key),
            };
            match self.store.commit(batch.put(VIEWS, key, encode(&row))).await {
                Ok(()) => return Ok(()),
                Err(StoreError::Conflict | StoreError::Unknown(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    fn check_frozen(&self) -> Result<(), ApiError> {
        if !self.is_frozen() {
            return Ok(());
        }
        let message = format!("Two contradicting headers of {} were proven; nothing of it is believed.", self.chain());
        Err(ApiError::new(Reason::ChainFrozen, message).with("chain", self.chain().as_str()))
    }
}

/// The views of one gateway.
#[derive(Clone)]
pub struct Views {
    /// Of the own chain.
    pub home: Arc<ChainView>,
    /// Of peers' chains.
    pub peers: BTreeMap<MemberId, Arc<ChainView>>,
}

impl Views {
    /// The view of the chain on which `member` lives.
    #[must_use]
    pub fn of(&self, member: &MemberId) -> Option<&Arc<ChainView>> {
        self.peers.get(member)
    }
}

/// The own chain's node as a source.
#[must_use]
pub fn node(headers: Arc<dyn Headers>) -> Arc<dyn HeaderSource> {
    Arc::new(source::Node(headers))
}

#[cfg(test)]
mod tests;
