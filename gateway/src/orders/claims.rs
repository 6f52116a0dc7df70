//! Who works on what: each order is taken up by one task at a time, a bounded number of orders and, for each institution, of
//! steps at once: one that is slow to answer holds up no other.
//! It refuses to know what the work is.

use comity_model::{MemberId, OrderId};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most orders that are taken up by work in the background; more come with a later reconciliation.
const CLAIMED_MAX: usize = 4_096;
/// Most steps of such work under way with one institution.
const AT_ONCE_MAX: usize = 16;

/// The orders that one kind of work has taken up.
pub(super) struct Claims {
    claimed: Mutex<HashSet<OrderId>>,
    claimed_max: usize,
    /// By institution, one for each step under way. As many institutions as orders go to.
    slots: Mutex<HashMap<MemberId, Arc<Semaphore>>>,
    at_once: usize,
}

impl Default for Claims {
    fn default() -> Self {
        Self::new(CLAIMED_MAX, AT_ONCE_MAX)
    }
}

impl Claims {
    /// At most `claimed_max` orders, and `at_once` steps with each institution.
    pub(super) fn new(claimed_max: usize, at_once: usize) -> Self {
        Self { claimed: Mutex::default(), claimed_max, slots: Mutex::default(), at_once }
    }

    /// Takes an order up; `false` where somebody has, or there are too many.
    pub(super) fn claim(&self, id: OrderId) -> bool {
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        claimed.len() < self.claimed_max && claimed.insert(id)
    }

    /// Waits until there may be another step with an institution: for as long as what is returned is kept. `None` never comes.
    pub(super) async fn slot(&self, with: &MemberId) -> Option<OwnedSemaphorePermit> {
        let slots = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            match slots.get(with) {
                Some(slots) => Arc::clone(slots),
                None => {
                    let new = Arc::new(Semaphore::new(self.at_once));
                    slots.insert(with.clone(), Arc::clone(&new));
                    new
                }
            }
        };
        slots.acquire_owned().await.ok()
    }

    /// Gives it back.
    pub(super) fn unclaim(&self, id: &OrderId) {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn steps_with_one_institution_wait_for_each_other_and_not_for_those_with_another() {
        let claims = Claims::new(usize::MAX, 2);
        let (slow, other): (MemberId, MemberId) = ("slow".parse().unwrap(), "other".parse().unwrap());
        let first = claims.slot(&slow).await.unwrap();
        let _second = claims.slot(&slow).await.unwrap();
        let third = tokio::time::timeout(Duration::from_millis(20), claims.slot(&slow)).await;
        assert!(third.is_err(), "two steps are under way");
        assert!(claims.slot(&other).await.is_some());
        drop(first);
        assert!(claims.slot(&slow).await.is_some());
    }
}
