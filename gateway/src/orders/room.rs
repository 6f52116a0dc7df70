//! How many orders are on their way to each institution, and whether there is room for one more. What is taken up beyond what
//! chain, relayer and institution carry would only wait, and end at its deadline; so it is refused while it can still be
//! asked for again. An institution that does not answer fills its own room, not that of the others.
//! It refuses to know how an order goes its way, and who asks.

use super::draft::DraftRequest;
use super::stored::StoredOrder;
use comity_model::order::{ApprovalClass, Order};
use comity_model::{MemberId, OrderId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The places of each institution. Of them, a quarter is kept for orders that press, and another for what is already drawn
/// up: an order that cannot be sent is refused before officers have signed it.
pub(super) struct Room {
    places: usize,
    taken: Mutex<BTreeMap<MemberId, BTreeMap<OrderId, Holder>>>,
}

/// Who has a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    /// An approval that may send the order on its way.
    Approval,
    /// An order on its way.
    Order,
}

/// There is no room.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{on_their_way} orders are on their way to {recipient}, which is as many as may be: try again in a while")]
pub struct Full {
    /// To whom.
    pub recipient: MemberId,
    /// How many places are taken.
    pub on_their_way: usize,
}

/// A place that is given back unless its order is on its way by then.
pub(super) struct Place {
    room: Arc<Room>,
    recipient: MemberId,
    id: OrderId,
}

impl Room {
    /// `places` for each institution, one at least.
    #[must_use]
    pub(super) fn of(places: usize) -> Arc<Self> {
        Arc::new(Self { places: places.max(1), taken: Mutex::default() })
    }

    /// Whether another order may be drawn up.
    pub(super) fn for_draft(&self, request: &DraftRequest) -> Result<(), Full> {
        let quarters = if request.emergency || request.original.is_some() { 3 } else { 2 };
        let on_their_way = self.taken(&request.recipient);
        if on_their_way < self.quarters(quarters) {
            return Ok(());
        }
        Err(Full { recipient: request.recipient.clone(), on_their_way })
    }

    /// A place for an order that its next approval may send on its way.
    pub(super) fn take(self: &Arc<Self>, order: &Order) -> Result<Place, Full> {
        // What changes a hold that stands has that hold's time, an emergency its own.
        let presses = order.approval == ApprovalClass::Emergency || order.original.is_some();
        let mut taken = self.lock();
        let taken = taken.entry(order.recipient.clone()).or_default();
        let has_one = taken.contains_key(&order.id);
        if !has_one && taken.len() >= self.quarters(if presses { 4 } else { 3 }) {
            return Err(Full { recipient: order.recipient.clone(), on_their_way: taken.len() });
        }
        taken.entry(order.id).or_insert(Holder::Approval);
        Ok(Place { room: Arc::clone(self), recipient: order.recipient.clone(), id: order.id })
    }

    /// Notes where an order stands.
    pub(super) fn note(&self, order: &StoredOrder) {
        let (recipient, id) = (&order.order.recipient, order.order.id);
        let mut taken = self.lock();
        if order.is_on_its_way() {
            match taken.get_mut(recipient) {
                Some(taken) => drop(taken.insert(id, Holder::Order)),
                None => drop(taken.insert(recipient.clone(), BTreeMap::from([(id, Holder::Order)]))),
            }
        } else if let Some(taken) = taken.get_mut(recipient)
            && taken.get(&id) == Some(&Holder::Order)
        {
            taken.remove(&id);
        }
    }

    /// How many places of an institution are taken.
    pub(super) fn taken(&self, recipient: &MemberId) -> usize {
        self.lock().get(recipient).map_or(0, BTreeMap::len)
    }

    /// The orders that are on their way as far as was noted.
    pub(super) fn on_their_way(&self) -> BTreeSet<OrderId> {
        let taken = self.lock();
        let orders = taken.values().flatten().filter(|(_, holder)| **holder == Holder::Order);
        orders.map(|(id, _)| *id).collect()
    }

    fn quarters(&self, number: usize) -> usize {
        (self.places * number).div_ceil(4)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<MemberId, BTreeMap<OrderId, Holder>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(taken) = self.room.lock().get_mut(&self.recipient)
            && taken.get(&self.id) == Some(&Holder::Approval)
        {
            taken.remove(&self.id);
        }
    }
}

#[cfg(test)]
#[path = "room_tests.rs"]
mod tests;
