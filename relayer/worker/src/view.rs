//! One chain as the relayer sees it: its events as hints, its newest header verified by the relayer's own light client.
//! All paths of a chain share one view. Refuses to know packets.

mod evidence;
mod follow;
mod heads;
mod witness;

use crate::ChainConfig;
use crate::fault::Fault;
use crate::light::{self, Link};
use comity_adapters_ports::{BlockEvents, Chain};
use comity_model::{ChainId, Height};
use comity_store::Store;
use comity_verify::comet::LightBlock;
use comity_verify::light::{Anchor, ClientParams, Evidence, TrustedHeader};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use witness::Witness;

/// Blocks whose events wait for a slow reader; one that falls further behind sweeps instead.
const EVENTS_MAX: usize = 1_024;
/// Verified headers that are kept with their blocks.
const RECENT_MAX: usize = 64;

pub(crate) struct View {
    pub(crate) chain: Chain,
    id: ChainId,
    anchor: Anchor,
    params: ClientParams,
    witnesses: Vec<Witness>,
    store: Arc<dyn Store>,
    /// The newest verified header.
    head: watch::Sender<Option<TrustedHeader>>,
    /// The newest height that the node has announced.
    reached: watch::Sender<Reached>,
    events: broadcast::Sender<Hint>,
    /// Evidence against the chain, once there is some.
    divergence: watch::Sender<Option<Arc<Evidence>>>,
    recent: Mutex<BTreeMap<Height, Known>>,
}

/// Something that the chain's node reported.
#[derive(Clone, Debug)]
pub(crate) enum Hint {
    /// A block's events.
    Block(Arc<BlockEvents>),
    /// Blocks passed whose events were not seen.
    Lost,
}

#[derive(Clone, Copy, Debug, Default)]
struct Reached {
    height: Height,
    /// The block changed state, so the block that proves it follows at once.
    more_follows: bool,
}

#[derive(Clone)]
struct Known {
    header: TrustedHeader,
    block: Arc<LightBlock>,
}

impl View {
    pub(crate) fn new(config: ChainConfig, store: Arc<dyn Store>) -> Self {
        let params = config.anchor.params();
        Self {
            id: config.anchor.chain_id.clone(),
            chain: config.chain,
            anchor: config.anchor,
            params,
            witnesses: config.witnesses.into_iter().map(Witness::new).collect(),
            store,
            head: watch::Sender::new(None),
            reached: watch::Sender::new(Reached::default()),
            events: broadcast::Sender::new(EVENTS_MAX),
            divergence: watch::Sender::new(None),
            recent: Mutex::new(BTreeMap::new()),
        }
    }

    pub(crate) fn start(self: &Arc<Self>, tasks: &TaskTracker, stop: &CancellationToken) {
        let (view, stopped) = (Arc::clone(self), stop.clone());
        tasks.spawn(async move { stopped.run_until_cancelled(view.follow()).await });
        let (view, stopped) = (Arc::clone(self), stop.clone());
        tasks.spawn(async move { stopped.run_until_cancelled(view.verify_heads()).await });
    }

    pub(crate) const fn id(&self) -> &ChainId {
        &self.id
    }

    pub(crate) const fn params(&self) -> &ClientParams {
        &self.params
    }

    /// The newest verified header.
    pub(crate) fn head(&self) -> Option<TrustedHeader> {
        self.head.borrow().clone()
    }

    pub(crate) fn heads(&self) -> watch::Receiver<Option<TrustedHeader>> {
        self.head.subscribe()
    }

    pub(crate) fn hints(&self) -> broadcast::Receiver<Hint> {
        self.events.subscribe()
    }

    pub(crate) fn divergence(&self) -> watch::Receiver<Option<Arc<Evidence>>> {
        self.divergence.subscribe()
    }

    /// A header that was verified not long ago.
    pub(crate) fn recent(&self, height: Height) -> Option<(TrustedHeader, Arc<LightBlock>)> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.get(&height).map(|known| (known.header.clone(), Arc::clone(&known.block)))
    }

    /// The block of `height` as the node claims it, or as it was verified.
    pub(crate) async fn block(&self, height: Height) -> Result<Arc<LightBlock>, Fault> {
        if let Some((_, block)) = self.recent(height) {
            return Ok(block);
        }
        Ok(Arc::new(self.chain.headers.light_block(height).await?))
    }

    /// The verified way from `trusted` to `target`.
    pub(crate) async fn link(&self, trusted: &TrustedHeader, target: Height) -> Result<Link, Fault> {
        light::link(&self.params, trusted, target, |height| self.block(height)).await
    }

    fn remember(&self, known: Known) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.insert(known.header.height(), known);
        while recent.len() > RECENT_MAX {
            recent.pop_first();
        }
    }
}
