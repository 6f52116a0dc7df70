//! Follows the institution's own chain: an event says that an order changed, and once the header that proves it exists,
//! those concerned look. Events are hints: a gap, a restart or a lost hint is made good by looking at everything open.
//! It refuses to know what an order's state means and believes nothing itself.

use async_trait::async_trait;
use comity_adapters_ports::{BlockEvents, Chain, PortError};
use comity_model::event::Event;
use comity_model::order::{OrderState, ReceivedId};
use comity_model::{Height, OrderId, decode, encode};
use comity_store::{Batch, Store, Table};
use futures::StreamExt;
use futures::stream::BoxStream;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Where following goes on after a restart.
const CURSORS: Table = Table("cursors");
const CURSOR: &[u8] = b"home";
/// How often everything open is looked at, whatever events say.
const RECONCILE_EVERY: Duration = Duration::from_secs(15);
/// How often at most the cursor is written: it only spares repeated looks.
const CURSOR_EVERY: Duration = Duration::from_secs(5);
/// How long to wait before a source that ended is followed again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How many asks to look may wait; one that finds no room is made good by reconciliation.
const ASKS_MAX: usize = 4_096;

/// Those who look when an order may have changed: one of this court's, or one that arrived here.
#[async_trait]
pub trait Concerned<Id>: Send + Sync {
    /// The order may have changed; header `header` exists and proves it. Must return at once.
    fn changed(&self, order: Id, header: Height);

    /// Look at everything open.
    async fn reconcile(&self);

    /// Whether every look that was asked for is done: only then the cursor moves on.
    fn is_idle(&self) -> bool;
}

/// A way to ask for a look. Cheap to clone.
#[derive(Clone)]
pub struct Follow(mpsc::Sender<(OrderId, Height)>);

/// The other end of [`Follow`]: give it to [`run`].
pub(super) struct Asks(mpsc::Receiver<(OrderId, Height)>);

/// A way to ask for looks, and its other end.
#[must_use]
pub(super) fn asks() -> (Follow, Asks) {
    let (sender, receiver) = mpsc::channel(ASKS_MAX);
    (Follow(sender), Asks(receiver))
}

impl Follow {
    /// Asks for a look at an order as soon as header `at_least` exists.
    pub fn look_at(&self, order: OrderId, at_least: Height) {
        if self.0.try_send((order, at_least)).is_err() {
            tracing::debug!(%order, "no room to ask for a look; reconciliation will");
        }
    }
}

/// Who is concerned by what.
pub(super) struct Parties {
    /// Looks at this court's own orders.
    pub(super) court: Arc<dyn Concerned<OrderId>>,
    /// Looks at orders that arrived here.
    pub(super) institution: Arc<dyn Concerned<ReceivedId>>,
}

/// Follows until `stop`.
pub(super) async fn run(chain: Chain, store: Arc<dyn Store>, asks: Asks, parties: Parties, stop: CancellationToken) {
    let (court, institution) = (Arc::clone(&parties.court), Arc::clone(&parties.institution));
    let mut follower = Follower { chain, store, parties, asks: asks.0, latest: Height(0), waiting: BTreeMap::new() };
    let following = async {
        let blocks = follower.begin().await;
        // Beside each other: there may be much that is open, and what happens meanwhile is not to wait for that.
        tokio::join!(follower.run(blocks), reconcile_always(court.as_ref(), institution.as_ref()));
    };
    tokio::select! {
        () = following => {}
        () = stop.cancelled() => {}
    }
}

async fn reconcile_always(court: &dyn Concerned<OrderId>, institution: &dyn Concerned<ReceivedId>) {
    let mut reconcile = tokio::time::interval(RECONCILE_EVERY);
    reconcile.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        reconcile.tick().await;
        court.reconcile().await;
        institution.reconcile().await;
    }
}

struct Follower {
    chain: Chain,
    store: Arc<dyn Store>,
    parties: Parties,
    asks: mpsc::Receiver<(OrderId, Height)>,
    /// The newest header that exists.
    latest: Height,
    /// Orders to look at, and from which header on.
    waiting: BTreeMap<Look, Height>,
}

/// What the chain tells, block by block.
type Blocks = BoxStream<'static, Result<BlockEvents, PortError>>;

/// An order to look at.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Look {
    /// One of this court's.
    Ours(OrderId),
    /// One that arrived here.
    Arrived(ReceivedId),
}

impl Follower {
    async fn run(&mut self, mut blocks: Blocks) {
        let mut written = tokio::time::Instant::now();
        loop {
            tokio::select! {
                block = blocks.next() => match block {
                    Some(Ok(block)) => self.block(&block),
                    Some(Err(error)) => tracing::warn!(%error, "the chain's events are interrupted"),
                    None => {
                        tokio::time::sleep(AGAIN_AFTER).await;
                        blocks = self.begin().await;
                    }
                },
                Some((order, at_least)) = self.asks.recv() => {
                    self.wait_for(Look::Ours(order), at_least);
                }
            }
            self.look();
            if written.elapsed() >= CURSOR_EVERY && self.waiting.is_empty() && self.parties.court.is_idle() {
                written = tokio::time::Instant::now();
                self.write_cursor().await;
            }
        }
    }

    /// Begins where the last run stopped, or now.
    async fn begin(&mut self) -> Blocks {
        let from = match self.store.read(CURSORS, CURSOR).await {
            Ok(Some(bytes)) => decode::<Height>("cursor", &bytes).ok(),
            Ok(None) => None,
            Err(error) => {
                tracing::warn!(%error, "the cursor cannot be read");
                None
            }
        };
        loop {
            match self.chain.headers.latest().await {
                Ok(latest) => {
                    self.latest = self.latest.max(latest);
                    return self.chain.events.follow(from.unwrap_or(latest));
                }
                Err(error) => {
                    tracing::warn!(%error, "the chain does not answer");
                    tokio::time::sleep(AGAIN_AFTER).await;
                }
            }
        }
    }

    fn block(&mut self, block: &BlockEvents) {
        self.latest = self.latest.max(block.height);
        // The state after this block is proven under the next header.
        let proven_at = block.height.next();
        for event in &block.events {
            match event {
                Event::ReceivedOrderChanged { client, order, state: OrderState::Pending } => {
                    let arrived = ReceivedId { client: client.clone(), order: *order };
                    self.wait_for(Look::Arrived(arrived), proven_at);
                }
                Event::OrderChanged { order, .. } | Event::HoldChanged { order } => {
                    self.wait_for(Look::Ours(*order), proven_at);
                }
                Event::OverControl { court, obligation, excess } if excess.minor > 0 => {
                    tracing::warn!(%court, %obligation, %excess, "the chain reports that more is held than is claimed");
                }
                _ => {}
            }
        }
    }

    fn wait_for(&mut self, what: Look, header: Height) {
        let known = self.waiting.entry(what).or_insert(header);
        *known = (*known).max(header);
    }

    /// Has those looked at whose header exists.
    fn look(&mut self) {
        let latest = self.latest;
        let parties = &self.parties;
        self.waiting.retain(|what, header| {
            let exists = *header <= latest;
            match what {
                _ if !exists => {}
                Look::Ours(order) => parties.court.changed(*order, latest),
                Look::Arrived(order) => parties.institution.changed(order.clone(), latest),
            }
            !exists
        });
    }

    async fn write_cursor(&self) {
        let batch = Batch::new().put(CURSORS, CURSOR, encode(&self.latest));
        if let Err(error) = self.store.commit(batch).await {
            tracing::warn!(%error, "the cursor cannot be written");
        }
    }
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
