//! What time it is in a world: the machine's clock, moved forward where a test needs it.

use comity_gateway::Clock;
use comity_model::Time;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A clock that a world's gateways and ledgers share.
#[derive(Clone, Default)]
pub struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn time(&self) -> Time {
        Clock::system().now().plus_seconds(self.0.load(Ordering::SeqCst))
    }

    /// The same for a gateway.
    pub fn gateway(&self) -> Clock {
        let clock = self.clone();
        Clock::from_fn(move || clock.time())
    }
}

impl comity_ledger_engine::Clock for TestClock {
    fn now(&self) -> Time {
        self.time()
    }
}
