//! Watching all orders: the newest as they stand, then each as it changes. What this gateway changes is told at once; what
//! another gateway over the same store changed is seen when this one looks: of the newest orders, which are those that change
//! before anything is proven. It refuses to know the wire.

use super::book::{BookError, LOOK_EVERY, OrderBook};
use super::stored::StoredOrder;
use comity_model::OrderId;
use futures::Stream;
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

/// How many of the newest orders are looked at for changes that were not told.
const LOOKED_AT: usize = 20;
/// And by a watcher who lagged behind, which may have missed more.
const LOOKED_AT_LAGGING: usize = 100;
/// Orders of which a watcher remembers what it has told.
const TOLD_MAX: usize = 1_000;

type Item = Result<Arc<StoredOrder>, BookError<Infallible>>;

/// The `newest` orders, the oldest of them first, then every order as it changes, until `stop`. Ends with an error where the
/// first look fails; a later one is made again.
pub(super) fn watch_all(
    book: Arc<OrderBook>,
    newest: usize,
    stop: CancellationToken,
) -> impl Stream<Item = Item> + Send {
    let changes = book.subscribe_all();
    let state = Watching { book, stop, changes, ready: VecDeque::new(), told: Told::default(), first: Some(newest) };
    futures::stream::unfold(state, |mut state| async move {
        let item = state.next().await?;
        Some((item, state))
    })
}

struct Watching {
    book: Arc<OrderBook>,
    stop: CancellationToken,
    changes: Receiver<Arc<StoredOrder>>,
    ready: VecDeque<Arc<StoredOrder>>,
    told: Told,
    /// Of how many orders to tell how they stand, before anything else.
    first: Option<usize>,
}

impl Watching {
    async fn next(&mut self) -> Option<Item> {
        loop {
            while let Some(order) = self.ready.pop_front() {
                if self.told.is_news(&order) {
                    return Some(Ok(order));
                }
            }
            if let Some(newest) = self.first.take() {
                if let Err(error) = self.look(newest).await {
                    return Some(Err(error));
                }
                continue;
            }
            let changed = tokio::select! {
                () = self.stop.cancelled() => return None,
                changed = tokio::time::timeout(LOOK_EVERY, self.changes.recv()) => changed,
            };
            let number = match changed {
                Ok(Ok(order)) => {
                    self.ready.push_back(order);
                    continue;
                }
                Ok(Err(RecvError::Closed)) => return None,
                Ok(Err(RecvError::Lagged(_))) => LOOKED_AT_LAGGING,
                Err(_) => LOOKED_AT,
            };
            if let Err(error) = self.look(number).await {
                tracing::debug!(%error, "orders that are watched could not be looked at");
            }
        }
    }

    async fn look(&mut self, newest: usize) -> Result<(), BookError<Infallible>> {
        let (orders, _) = self.book.list(None, newest).await?;
        self.ready.extend(orders.into_iter().rev());
        Ok(())
    }
}

/// What was told last of each order.
#[derive(Default)]
struct Told {
    revisions: HashMap<OrderId, u64>,
    order: VecDeque<OrderId>,
}

impl Told {
    /// Whether this is newer than what was told; remembers it then.
    fn is_news(&mut self, order: &StoredOrder) -> bool {
        let id = order.order.id;
        match self.revisions.insert(id, order.revision) {
            Some(told) if told >= order.revision => {
                self.revisions.insert(id, told);
                false
            }
            Some(_) => true,
            None => {
                self.order.push_back(id);
                if self.order.len() > TOLD_MAX
                    && let Some(oldest) = self.order.pop_front()
                {
                    self.revisions.remove(&oldest);
                }
                true
            }
        }
    }
}
