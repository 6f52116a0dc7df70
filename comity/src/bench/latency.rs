//! Latencies of one round: counted, not kept, so that a long load takes no more memory than a short one.
//! Refuses to know what took that long.

use crate::failure::{Failure, OrFail};
use hdrhistogram::Histogram;
use std::time::Duration;

/// Longest latency that is told apart, in microseconds: ten minutes.
const MICROS_MAX: u64 = 600_000_000;
/// Digits that a latency is kept to.
const DIGITS: u8 = 3;

/// A histogram of latencies.
#[derive(Clone)]
pub(super) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(super) fn new() -> Result<Self, Failure> {
        let histogram = Histogram::new_with_bounds(1, MICROS_MAX, DIGITS);
        Ok(Self(histogram.or_fault(|| "a histogram could not be made".into())?))
    }

    /// Counts one; what is longer than ten minutes counts as ten minutes.
    pub(super) fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(micros.max(1));
    }

    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency, in microseconds, that this share of requests did not exceed; 0 where there are none.
    pub(super) fn quantile(&self, share: f64) -> u64 {
        if self.0.is_empty() { 0 } else { self.0.value_at_quantile(share) }
    }

    /// Points of the curve of latency over percentile: how many nines, and microseconds.
    pub(super) fn curve(&self) -> Vec<(f64, u64)> {
        let steps = 40;
        (0..=steps)
            .map(|step| {
                let nines = 4.0 * f64::from(step) / f64::from(steps);
                (nines, self.quantile(1.0 - 10f64.powf(-nines)))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn percentiles_are_within_a_thousandth_of_what_was_recorded() {
        let mut latencies = Latencies::new().unwrap();
        for micros in 1..=100_000u64 {
            latencies.record(Duration::from_micros(micros));
        }
        for (share, exact) in [(0.5, 50_000.0), (0.99, 99_000.0), (0.999, 99_900.0)] {
            let found = latencies.quantile(share) as f64;
            assert!((found - exact).abs() / exact < 0.002, "{share}: {found}");
        }
        assert_eq!(latencies.count(), 100_000);
    }

    #[test]
    fn one_slow_request_in_a_thousand_shows_in_p999_and_not_in_p99() {
        let mut latencies = Latencies::new().unwrap();
        for _ in 0..998 {
            latencies.record(Duration::from_millis(1));
        }
        latencies.record(Duration::from_secs(2));
        latencies.record(Duration::from_secs(9_999));
        assert!(latencies.quantile(0.99) < 1_100);
        assert!(latencies.quantile(0.999) >= 1_990_000);
        assert!(latencies.quantile(1.0) >= 599_000_000, "ten minutes is the longest");
        assert_eq!(Latencies::new().unwrap().quantile(0.5), 0);
    }
}
