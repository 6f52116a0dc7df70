//! Who works on what: each order is taken up by one task at a time, a bounded number of orders and of steps at once.
//! It refuses to know what the work is.

use comity_model::OrderId;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Most orders that are taken up by work in the background; more come with a later reconciliation.
const CLAIMED_MAX: usize = 4_096;
/// Most steps of such work under way.
const AT_ONCE_MAX: usize = 16;

/// The orders that one kind of work has taken up.
pub(super) struct Claims {
    claimed: Mutex<HashSet<OrderId>>,
    claimed_max: usize,
    /// One for each step under way.
    pub(super) slots: Semaphore,
}

impl Default for Claims {
    fn default() -> Self {
        Self::new(CLAIMED_MAX, AT_ONCE_MAX)
    }
}

impl Claims {
    /// At most `claimed_max` orders, and `at_once` steps.
    pub(super) fn new(claimed_max: usize, at_once: usize) -> Self {
        Self { claimed: Mutex::default(), claimed_max, slots: Semaphore::new(at_once) }
    }

    /// Takes an order up; `false` where somebody has, or there are too many.
    pub(super) fn claim(&self, id: OrderId) -> bool {
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        claimed.len() < self.claimed_max && claimed.insert(id)
    }

    /// Gives it back.
    pub(super) fn unclaim(&self, id: &OrderId) {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}
