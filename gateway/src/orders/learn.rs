//! Learns what was proven of the court's orders on its own chain.
//! It refuses to believe an event: only a value with proof changes an order.

use super::book::BookError;
use super::desk::Desk;
use super::follow::Concerned;
use async_trait::async_trait;
use comity_model::order::OrderEntry;
use comity_model::state::StatePath;
use comity_model::{Height, OrderId};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How many orders are looked at at once.
const LOOKS_AT_ONCE_MAX: usize = 64;
/// How often a look is tried before it is left to reconciliation, and the first wait between two tries.
const TRIES_MAX: u32 = 6;
const WAIT_MIN: Duration = Duration::from_millis(20);

/// Looks at this court's orders.
pub struct Learner {
    desk: Arc<Desk>,
    under_way: Arc<AtomicUsize>,
    slots: Arc<Semaphore>,
}

impl Learner {
    /// A learner for `desk`.
    #[must_use]
    pub fn new(desk: Arc<Desk>) -> Self {
        Self { desk, under_way: Arc::default(), slots: Arc::new(Semaphore::new(LOOKS_AT_ONCE_MAX)) }
    }
}

#[async_trait]
impl Concerned<OrderId> for Learner {
    fn changed(&self, order: OrderId, header: Height) {
        let (desk, slots) = (Arc::clone(&self.desk), Arc::clone(&self.slots));
        let counted = Counted::begin(&self.under_way);
        self.desk.tasks.spawn(async move {
            let _counted = counted;
            let _slot = slots.acquire().await;
            let stop = desk.stop.clone();
            tokio::select! {
                () = look(&desk, order, header) => {}
                () = stop.cancelled() => {}
            }
        });
    }

    async fn reconcile(&self) {
        if let Err(error) = self.desk.take_up().await {
            tracing::warn!(%error, "open orders cannot be read");
        }
    }

    fn is_idle(&self) -> bool {
        self.under_way.load(Ordering::Acquire) == 0
    }
}

async fn look(desk: &Arc<Desk>, order: OrderId, header: Height) {
    let mut wait = WAIT_MIN;
    for _ in 0..TRIES_MAX {
        match try_look(desk, order, header).await {
            Ok(()) => return,
            Err(reason) => tracing::debug!(%order, reason, "an order could not be looked at"),
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
}

async fn try_look(desk: &Arc<Desk>, order: OrderId, header: Height) -> Result<(), String> {
    // A chain that serves several courts reports orders of others too.
    match desk.book.read(&order).await {
        Err(BookError::NotFound) => return Ok(()),
        Err(error) => return Err(error.to_string()),
        Ok(_) => {}
    }
    let answer = desk.home.state(&StatePath::Order(order), header).await.map_err(|error| error.to_string())?;
    let Some(value) = answer.value else { return Ok(()) };
    let entry = value.decode::<OrderEntry>("order entry").map_err(|error| error.to_string())?;
    let now = desk.now();
    let learnt =
        desk.book.change(&order, |stored| Ok::<_, Infallible>(stored.learn(entry.value(), answer.under.clone(), now)));
    let learnt = learnt.await.map_err(|error| error.to_string())?;
    if learnt.is_under_way() {
        desk.trace(&learnt.order);
    }
    desk.collect_grounds(&learnt);
    if learnt.wanted_answer().is_some() {
        desk.collect(order);
    }
    Ok(())
}

/// Counts one look as long as it lives.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
