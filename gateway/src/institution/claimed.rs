//! Which orders the decider has taken up, and under which header each is to be looked at at least.
//! It refuses to know what becomes of an order.

use comity_model::Height;
use comity_model::order::ReceivedId;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The orders that are taken up, each with the highest header that somebody asked for.
#[derive(Default)]
pub(super) struct Claimed(Mutex<HashMap<ReceivedId, Height>>);

impl Claimed {
    /// Takes an order up; `false` where it is. Then it is remembered that `header` was asked for.
    pub(super) fn claim(&self, order: &ReceivedId, header: Height) -> bool {
        let mut claimed = self.lock();
        match claimed.get_mut(order) {
            Some(asked) => {
                *asked = header.max(*asked);
                false
            }
            None => claimed.insert(order.clone(), header).is_none(),
        }
    }

    /// Gives an order back.
    pub(super) fn release(&self, order: &ReceivedId) {
        self.lock().remove(order);
    }

    /// Gives an order back that was looked at under `header`, unless a later one was asked for meanwhile: an order that is
    /// found in the node's newest state is not proven before the next header, and whoever is told of that header then finds
    /// it taken up.
    pub(super) fn looked_at(&self, order: &ReceivedId, header: Height) -> Option<Height> {
        let mut claimed = self.lock();
        let later = claimed.get(order).copied().filter(|asked| *asked > header);
        if later.is_none() {
            claimed.remove(order);
        }
        later
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ReceivedId, Height>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use comity_model::OrderId;

    fn order() -> ReceivedId {
        ReceivedId { client: "court-0".parse().unwrap(), order: OrderId([2; 16]) }
    }

    #[test]
    fn an_order_is_taken_up_once_until_it_is_given_back() {
        let claimed = Claimed::default();
        assert!(claimed.claim(&order(), Height(0)));
        assert!(!claimed.claim(&order(), Height(0)));
        claimed.release(&order());
        assert!(claimed.claim(&order(), Height(0)));
    }

    #[test]
    fn a_later_header_that_was_asked_for_meanwhile_is_looked_at_before_the_order_is_given_back() {
        let claimed = Claimed::default();
        assert!(claimed.claim(&order(), Height(0)));
        assert!(!claimed.claim(&order(), Height(12)), "it is being looked at, under an earlier header");
        assert_eq!(claimed.looked_at(&order(), Height(0)), Some(Height(12)));
        assert!(!claimed.claim(&order(), Height(12)), "and still is");
        assert_eq!(claimed.looked_at(&order(), Height(12)), None);
        assert!(claimed.claim(&order(), Height(12)));
    }
}
