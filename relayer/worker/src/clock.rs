//! The two clocks: the calendar, for trusting periods and drift alone, and a monotonic one for pacing. No packet's
//! expiry is judged by either.

use comity_model::Time;
use comity_relayer_engine::Moment;
use std::time::{Duration, Instant, SystemTime};

/// The local calendar.
pub(crate) fn now() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    Time::new(seconds, since.subsec_nanos()).unwrap_or(Time::UNIX_EPOCH)
}

/// Milliseconds since the task began.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment(u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// The instant at which [`Stopwatch::moment`] has reached `moment`.
    pub(crate) fn instant(&self, moment: Moment) -> tokio::time::Instant {
        // A millisecond more, because a moment is rounded down.
        (self.0 + Duration::from_millis(moment.0.saturating_add(1).min(u64::from(u32::MAX)))).into()
    }
}

/// Pauses that double from `first` to `longest`, with a random part, so that many relayers do not return at once.
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }

    pub(crate) fn pause(&mut self) -> Duration {
        let full = self.next;
        self.next = (full * 2).min(self.longest);
        full / 2 + full.mul_f64(fraction() / 2.0)
    }
}

/// A number in 0..1 that differs between tasks and processes; spread is all that is asked of it.
fn fraction() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    // A fresh hasher carries fresh keys.
    let bits = RandomState::new().hash_one(0u8) >> 11;
    #[allow(clippy::cast_precision_loss)] // 53 bits fit
    let numerator = bits as f64;
    numerator / (1u64 << 53) as f64
}

/// A number for seeding pacers; two relayers should not share one.
pub(crate) fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(1u8)
}

/// A name for this relayer that no other bears.
pub(crate) fn name() -> [u8; 16] {
    use std::hash::{BuildHasher, RandomState};
    let (one, other) = (RandomState::new().hash_one(2u8), RandomState::new().hash_one(3u8));
    (u128::from(one) << 64 | u128::from(other) ^ u128::from(std::process::id())).to_be_bytes()
}
