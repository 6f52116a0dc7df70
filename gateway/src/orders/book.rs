//! The court's orders in the store: one row an order, changed only by compare-and-set, each change told to those who
//! watch.
//! It refuses to know what a change means (see `stored`) and who may make it.

use super::room::Room;
use super::stored::StoredOrder;
use crate::requests::{Known, Requests, RequestsError};
use comity_model::{Hash, Malformed, ObligationId, OrderId, RequestId, decode, encode};
use comity_store::{Batch, Store, StoreError, Table};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time::Instant;

/// Order id → [`StoredOrder`].
const ORDERS: Table = Table("orders");
/// The requests that drew orders up.
const REQUESTS: Requests = Requests { made: Table("requests"), conflicts: Table("request_conflicts") };
/// Orders that are not answered: order id → nothing.
const OPEN: Table = Table("orders_open");
/// Orders whose answer is still to be handed over: order id → nothing.
const WANTED: Table = Table("answers_wanted");
/// Answered orders whose hold lives on: order id → nothing.
const HOLDING: Table = Table("orders_holding");
/// Obligations that orders serve: obligation id → nothing.
const OBLIGATIONS: Table = Table("obligations");
/// Newest first: (2⁶⁴ − 1 − issue time) big-endian ‖ order id → nothing.
const BY_TIME: Table = Table("orders_by_time");

/// How often a change is tried again because another came first.
const ATTEMPTS_MAX: usize = 32;
/// How many changes a watcher may lag behind before it reads the store instead.
const LAG_MAX: usize = 16;
/// How many changes of all orders a watcher may lag behind.
const LAG_ALL_MAX: usize = 256;
/// How often a watcher looks into the store: another gateway over it may have changed the order.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How many orders may be watched at once before dead watches are swept out.
const WATCHED_SWEEP: usize = 1_024;

/// Why an order could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum BookError<R> {
    /// No such order.
    #[error("there is no such order")]
    NotFound,
    /// The change is not allowed; nothing was written.
    #[error(transparent)]
    Rule(R),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row of the store is not what was written there.
    #[error(transparent)]
    Corrupt(#[from] Malformed),
    /// Others changed the order all the time.
    #[error("the order changed too often while it was being changed")]
    Contended,
}

impl<R> From<RequestsError> for BookError<R> {
    fn from(error: RequestsError) -> Self {
        match error {
            RequestsError::Store(error) => Self::Store(error),
            RequestsError::Corrupt(error) => Self::Corrupt(error),
        }
    }
}

/// What became of a request to draw up an order.
pub enum Filed {
    /// It is new, and stored.
    New(Arc<StoredOrder>),
    /// The same request came before.
    Same(Arc<StoredOrder>),
    /// Another request came before under this id; both are kept.
    Conflict,
}

/// The court's orders. One per gateway.
pub struct OrderBook {
    store: Arc<dyn Store>,
    room: Arc<Room>,
    watched: Mutex<HashMap<OrderId, broadcast::Sender<Arc<StoredOrder>>>>,
    all: broadcast::Sender<Arc<StoredOrder>>,
}

impl OrderBook {
    /// The orders in `store`, of which `places` may be on their way to one institution.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, places: usize) -> Self {
        let (room, all) = (Room::of(places), broadcast::channel(LAG_ALL_MAX).0);
        Self { store, room, watched: Mutex::default(), all }
    }

    /// Whether there is room for another order on its way.
    pub(super) const fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// One order.
    ///
    /// # Errors
    /// [`BookError::NotFound`], or the store's.
    pub async fn read(&self, id: &OrderId) -> Result<Arc<StoredOrder>, BookError<Infallible>> {
        let bytes = self.store.read(ORDERS, &id.0).await?.ok_or(BookError::NotFound)?;
        Ok(Arc::new(decode("stored order", &bytes)?))
    }

    /// Reads one order and notes whether it is on its way.
    ///
    /// # Errors
    /// As [`OrderBook::read`].
    pub(super) async fn look(&self, id: &OrderId) -> Result<Arc<StoredOrder>, BookError<Infallible>> {
        let order = self.read(id).await?;
        self.room.note(&order);
        Ok(order)
    }

    /// The order that was drawn up for a request id, and the digest of that request.
    ///
    /// # Errors
    /// The store's.
    pub async fn request(&self, request: &RequestId) -> Result<Option<(OrderId, Hash)>, BookError<Infallible>> {
        let made = REQUESTS.made(self.store.as_ref(), request).await?;
        Ok(made.map(|(id, digest)| (OrderId(id), digest)))
    }

    /// Looks a request up, without writing but for evidence of a conflict; `None` for a new one.
    ///
    /// # Errors
    /// The store's.
    pub async fn find(
        &self,
        request: &RequestId,
        digest: &Hash,
        body: &[u8],
    ) -> Result<Option<Filed>, BookError<Infallible>> {
        Ok(match REQUESTS.known(self.store.as_ref(), (request, digest), body).await? {
            Known::Nothing => None,
            Known::Same(id) => Some(Filed::Same(self.read(&OrderId(id)).await?)),
            Known::Conflict => Some(Filed::Conflict),
        })
    }

    /// Stores a fresh draft under its request id.
    ///
    /// # Errors
    /// The store's.
    pub async fn file(&self, draft: StoredOrder, body: &[u8]) -> Result<Filed, BookError<Infallible>> {
        let (id, request) = (draft.order.id, draft.order.request);
        if let Some(known) = self.find(&request, &draft.request_digest, body).await? {
            return Ok(known);
        }
        let batch = REQUESTS
            .file(Batch::new(), (&request, &draft.request_digest), id.0)
            .absent(ORDERS, id.0)
            .put(ORDERS, id.0, encode(&draft))
            .put(OPEN, id.0, [])
            .put(BY_TIME, time_key(&draft), []);
        let batch = match &draft.claim {
            Some(claim) => batch.put(OBLIGATIONS, claim.obligation.0, []),
            None => batch,
        };
        match self.store.commit(batch).await {
            Ok(()) => {
                let draft = Arc::new(draft);
                self.tell(&draft);
                Ok(Filed::New(draft))
            }
            // The same request twice at once, or an outcome that is not known: what stands now decides.
            Err(error @ (StoreError::Conflict | StoreError::Unknown(_))) => {
                self.find(&request, &draft.request_digest, body).await?.ok_or(BookError::Store(error))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Changes one order. `change` says whether it changed anything; it may be called again on a fresher order, and must
    /// not act outside of it.
    ///
    /// # Errors
    /// [`BookError::Rule`] with what `change` refused; then nothing was written.
    pub async fn change<R>(
        &self,
        id: &OrderId,
        mut change: impl FnMut(&mut StoredOrder) -> Result<bool, R>,
    ) -> Result<Arc<StoredOrder>, BookError<R>> {
        for _ in 0..ATTEMPTS_MAX {
            let before = self.store.read(ORDERS, &id.0).await?.ok_or(BookError::NotFound)?;
            let mut order: StoredOrder = decode("stored order", &before)?;
            let indexed_before = indexes(&order);
            if !change(&mut order).map_err(BookError::Rule)? {
                // Another gateway may have made the change: those who watch here have not been told.
                let order = Arc::new(order);
                self.tell(&order);
                return Ok(order);
            }
            let mut batch = Batch::new().equals(ORDERS, id.0, before).put(ORDERS, id.0, encode(&order));
            for ((table, was), (_, is)) in indexed_before.into_iter().zip(indexes(&order)) {
                batch = match (was, is) {
                    (false, true) => batch.put(table, id.0, []),
                    (true, false) => batch.delete(table, id.0),
                    _ => batch,
                };
            }
            match self.store.commit(batch).await {
                Ok(()) => {
                    let order = Arc::new(order);
                    self.tell(&order);
                    return Ok(order);
                }
                Err(StoreError::Conflict | StoreError::Unknown(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(BookError::Contended)
    }

    /// Orders that are not answered, in order of id after `after`, at most `limit`.
    ///
    /// # Errors
    /// The store's.
    pub async fn open(&self, after: Option<OrderId>, limit: usize) -> Result<Vec<OrderId>, BookError<Infallible>> {
        self.ids(OPEN, after, limit).await
    }

    /// Orders whose answer is still to be handed over, in order of id after `after`, at most `limit`.
    ///
    /// # Errors
    /// The store's.
    pub async fn wanting(&self, after: Option<OrderId>, limit: usize) -> Result<Vec<OrderId>, BookError<Infallible>> {
        self.ids(WANTED, after, limit).await
    }

    /// Answered orders whose hold lives on, in order of id after `after`, at most `limit`.
    ///
    /// # Errors
    /// The store's.
    pub async fn holding(&self, after: Option<OrderId>, limit: usize) -> Result<Vec<OrderId>, BookError<Infallible>> {
        self.ids(HOLDING, after, limit).await
    }

    async fn ids(
        &self,
        table: Table,
        after: Option<OrderId>,
        limit: usize,
    ) -> Result<Vec<OrderId>, BookError<Infallible>> {
        let ids = self.keys(table, after.map(|id| id.0), limit).await?;
        Ok(ids.into_iter().map(OrderId).collect())
    }

    /// Obligations that orders serve, in order of id after `after`, at most `limit`.
    ///
    /// # Errors
    /// The store's.
    pub async fn obligations(
        &self,
        after: Option<ObligationId>,
        limit: usize,
    ) -> Result<Vec<ObligationId>, BookError<Infallible>> {
        let ids = self.keys(OBLIGATIONS, after.map(|id| id.0), limit).await?;
        Ok(ids.into_iter().map(ObligationId).collect())
    }

    async fn keys(
        &self,
        table: Table,
        after: Option<[u8; 16]>,
        limit: usize,
    ) -> Result<Vec<[u8; 16]>, BookError<Infallible>> {
        let from = after.map(|id| successor(&id)).unwrap_or_default();
        let rows = self.store.scan(table, &[], &from, limit).await?;
        Ok(rows.iter().filter_map(|(key, _)| key.as_slice().try_into().ok()).collect())
    }

    /// Orders from the newest, after the place `after`, at most `limit`, and the place to go on from.
    ///
    /// # Errors
    /// The store's.
    pub async fn list(
        &self,
        after: Option<&[u8; 24]>,
        limit: usize,
    ) -> Result<(Vec<Arc<StoredOrder>>, Option<[u8; 24]>), BookError<Infallible>> {
        let from = after.map(|place| successor(place)).unwrap_or_default();
        let rows = self.store.scan(BY_TIME, &[], &from, limit.saturating_add(1)).await?;
        let mut orders = Vec::new();
        for (key, _) in rows.iter().take(limit) {
            let id = key.get(8..).and_then(|id| id.try_into().ok()).map(OrderId);
            orders.push(self.read(&id.ok_or(Malformed { what: "order place" })?).await?);
        }
        let more = rows.len() > limit;
        let last = rows.get(limit.saturating_sub(1)).and_then(|(key, _)| key.as_slice().try_into().ok());
        Ok((orders, last.filter(|_| more)))
    }

    /// Changes of one order from now on. Subscribe first, then read: nothing is lost in between.
    pub(super) fn subscribe(&self, id: &OrderId) -> broadcast::Receiver<Arc<StoredOrder>> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.len() >= WATCHED_SWEEP {
            watched.retain(|_, sender| sender.receiver_count() > 0);
        }
        watched.entry(*id).or_insert_with(|| broadcast::channel(LAG_MAX).0).subscribe()
    }

    /// Changes of every order from now on; drafts among them.
    pub(super) fn subscribe_all(&self) -> broadcast::Receiver<Arc<StoredOrder>> {
        self.all.subscribe()
    }

    fn tell(&self, order: &Arc<StoredOrder>) {
        self.room.note(order);
        // That nobody watches is no failure.
        let _ = self.all.send(order.clone());
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let unheard = watched.get(&order.order.id).is_some_and(|sender| sender.send(order.clone()).is_err());
        if unheard {
            watched.remove(&order.order.id);
        }
    }

    /// Waits until the order is answered, however fast the answer came, or `until` is over.
    ///
    /// # Errors
    /// The store's.
    pub async fn answered(&self, id: &OrderId, until: Instant) -> Result<Arc<StoredOrder>, BookError<Infallible>> {
        let mut changes = self.subscribe(id);
        let mut order = self.read(id).await?;
        while !order.state.is_answered() {
            match tokio::time::timeout_at(until.min(Instant::now() + LOOK_EVERY), changes.recv()).await {
                Ok(Ok(changed)) if changed.revision > order.revision => order = changed,
                Ok(Ok(_)) => {}
                Ok(Err(broadcast::error::RecvError::Lagged(_))) => order = self.read(id).await?,
                Ok(Err(broadcast::error::RecvError::Closed)) => changes = self.subscribe(id),
                Err(_) if Instant::now() >= until => return self.read(id).await,
                // A store that does not answer now is asked again.
                Err(_) => order = self.read(id).await.unwrap_or(order),
            }
        }
        Ok(order)
    }
}

impl<R> BookError<R> {
    /// Says what broke the rule in other words.
    pub fn map_rule<S>(self, into: impl FnOnce(R) -> S) -> BookError<S> {
        match self {
            Self::NotFound => BookError::NotFound,
            Self::Rule(rule) => BookError::Rule(into(rule)),
            Self::Store(error) => BookError::Store(error),
            Self::Corrupt(error) => BookError::Corrupt(error),
            Self::Contended => BookError::Contended,
        }
    }
}

/// The tables that list an order, and whether they do as it stands.
fn indexes(order: &StoredOrder) -> [(Table, bool); 3] {
    [(OPEN, order.is_open()), (WANTED, order.wanted_answer().is_some()), (HOLDING, order.hold_lives())]
}

fn time_key(order: &StoredOrder) -> [u8; 24] {
    let mut key = [0; 24];
    let (time, id) = key.split_at_mut(8);
    time.copy_from_slice(&(u64::MAX - order.order.issued_at.0).to_be_bytes());
    id.copy_from_slice(&order.order.id.0);
    key
}

/// The first key after `key`.
fn successor(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

/// Whether a watch of this order is over: it is answered, and its hold, if it is followed, has ended.
#[must_use]
pub(super) fn is_over(order: &StoredOrder, follow_hold: bool) -> bool {
    order.state.is_answered() && !(follow_hold && order.hold_lives())
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
