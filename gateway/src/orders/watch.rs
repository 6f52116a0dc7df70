//! Watching an order: as it stands, then each change, and nothing lost between the two.
//! It refuses to know the wire.

use super::book::{BookError, LOOK_EVERY, OrderBook, is_over};
use super::stored::StoredOrder;
use comity_model::OrderId;
use futures::Stream;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

/// What is watched.
pub(super) struct Watch {
    /// The order.
    pub(super) id: OrderId,
    /// Whether to go on after the answer, as long as the hold lives.
    pub(super) follow_hold: bool,
    /// The last revision seen.
    pub(super) after_revision: u64,
}

type Item = Result<Arc<StoredOrder>, BookError<Infallible>>;

/// Changes of the order with a revision after the last one seen, ascending; ends when it is answered (and its hold has
/// ended, if that is followed) or at `stop`. A watcher that lags sees the newest state instead of each.
pub(super) fn watch(book: Arc<OrderBook>, watch: Watch, stop: CancellationToken) -> impl Stream<Item = Item> + Send {
    let changes = book.subscribe(&watch.id);
    let state = Watching { book, watch, stop, changes, first: true, over: false };
    futures::stream::unfold(state, |mut state| async move {
        let item = state.next().await?;
        state.over = item.as_ref().is_ok_and(|order| is_over(order, state.watch.follow_hold)) || item.is_err();
        Some((item, state))
    })
}

struct Watching {
    book: Arc<OrderBook>,
    watch: Watch,
    stop: CancellationToken,
    changes: Receiver<Arc<StoredOrder>>,
    first: bool,
    over: bool,
}

impl Watching {
    async fn next(&mut self) -> Option<Item> {
        if self.over {
            return None;
        }
        loop {
            let order = match self.candidate().await? {
                Ok(order) => order,
                Err(error) => return Some(Err(error)),
            };
            if order.revision > self.watch.after_revision {
                self.watch.after_revision = order.revision;
                return Some(Ok(order));
            }
            // Nothing new in it, and nothing can come after it.
            if is_over(&order, self.watch.follow_hold) {
                return None;
            }
        }
    }

    async fn candidate(&mut self) -> Option<Item> {
        if std::mem::take(&mut self.first) {
            return Some(self.book.read(&self.watch.id).await);
        }
        loop {
            let changed = tokio::select! {
                changed = self.changes.recv() => changed,
                // Another gateway over the same store may have changed it. A store that does not answer now is asked again.
                () = tokio::time::sleep(LOOK_EVERY) => match self.book.read(&self.watch.id).await {
                    Ok(order) => Ok(order),
                    Err(BookError::Store(_)) => continue,
                    Err(error) => return Some(Err(error)),
                },
                () = self.stop.cancelled() => return None,
            };
            return match changed {
                Ok(order) => Some(Ok(order)),
                Err(RecvError::Lagged(_)) => Some(self.book.read(&self.watch.id).await),
                Err(RecvError::Closed) => {
                    self.changes = self.book.subscribe(&self.watch.id);
                    Some(self.book.read(&self.watch.id).await)
                }
            };
        }
    }
}
