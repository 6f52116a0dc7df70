//! When requests are due: at fixed times from the start, whatever became of those before. Latencies that count from these
//! times leave nothing out while a server stalls (no coordinated omission).
//! Refuses to know what is asked.

use std::time::Duration;

/// Arrivals at an even rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    rate: u32,
    count: u64,
}

impl Schedule {
    /// `count` arrivals at `rate` a second.
    pub(super) const fn new(rate: u32, count: u64) -> Self {
        Self { rate: if rate == 0 { 1 } else { rate }, count }
    }

    /// As many as are due within `seconds`.
    pub(super) const fn of(rate: u32, seconds: u32) -> Self {
        Self::new(rate, rate as u64 * seconds as u64)
    }

    /// Arrivals per second.
    pub(super) const fn rate(&self) -> u32 {
        self.rate
    }

    /// How many there are.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// When arrival `index` is due after the start.
    pub(super) fn due(&self, index: u64) -> Duration {
        let nanos = u128::from(index) * 1_000_000_000 / u128::from(self.rate);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How many are due when `elapsed` has passed since the start.
    pub(super) fn due_by(&self, elapsed: Duration) -> u64 {
        let passed = elapsed.as_nanos() * u128::from(self.rate) / 1_000_000_000;
        u64::try_from(passed).unwrap_or(u64::MAX).saturating_add(1).min(self.count)
    }

    /// From the first arrival to the end of the last one's interval.
    pub(super) fn length(&self) -> Duration {
        self.due(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_due_at_even_times_whatever_the_rate() {
        let schedule = Schedule::of(3, 10);
        assert_eq!((schedule.count(), schedule.length()), (30, Duration::from_secs(10)));
        assert_eq!(schedule.due(0), Duration::ZERO);
        assert_eq!(schedule.due(3), Duration::from_secs(1), "no error adds up");
        assert_eq!(schedule.due(1), Duration::from_nanos(333_333_333));
    }

    #[test]
    fn after_a_late_look_all_that_is_due_is_due_at_once_and_never_more_than_there_is() {
        let schedule = Schedule::of(1_000, 2);
        assert_eq!(schedule.due_by(Duration::ZERO), 1);
        assert_eq!(schedule.due_by(Duration::from_micros(1_999)), 2);
        assert_eq!(schedule.due_by(Duration::from_millis(250)), 251);
        assert_eq!(schedule.due_by(Duration::from_secs(3_600)), 2_000);
        for index in 0..schedule.count() {
            assert!(schedule.due_by(schedule.due(index)) > index, "{index} is due when it is due");
        }
    }
}
