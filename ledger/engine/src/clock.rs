//! The one place where the engine learns the time, so that a test can set it. Knows no block; the rules that make block
//! time rise stand where blocks are made.

use comity_model::Time;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where "now" comes from.
pub trait Clock: Send + Sync + 'static {
    /// The present time in UTC. It may jump, also backwards; block time does not follow it backwards.
    fn now(&self) -> Time;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs())
            .ok()
            .and_then(|seconds| Time::new(seconds, since.subsec_nanos()))
            .unwrap_or(Time::UNIX_EPOCH)
    }
}

/// A clock that stands until it is moved: for tests and simulation.
#[derive(Debug)]
pub struct ManualClock(Mutex<Time>);

impl ManualClock {
    /// A clock that shows `time`.
    #[must_use]
    pub const fn new(time: Time) -> Self {
        Self(Mutex::new(time))
    }

    /// Moves it forward.
    pub fn advance_seconds(&self, seconds: u64) {
        let mut time = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *time = time.plus_seconds(seconds);
    }

    /// Sets it, also backwards.
    pub fn set(&self, time: Time) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
