//! What a service outside that fails is told as, and how long it is left alone: longer with each failure in a row.
//! It refuses to know which service that is, and what was asked of it.

use std::time::Duration;

/// How long a service is left alone that failed for the first time.
const REST: Duration = Duration::from_secs(2);

/// Failures in a row; none by default.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failing {
    /// Why the last call failed.
    pub(crate) code: Option<&'static str>,
    count: u32,
}

impl Failing {
    /// It failed again. How long to leave it alone now: twice as long with each failure, doubled `doubled_max` times at the most.
    pub(crate) fn again(&mut self, code: &'static str, doubled_max: u32) -> Duration {
        let rest = REST * 2u32.pow(self.count.min(doubled_max));
        (self.code, self.count) = (Some(code), self.count.saturating_add(1));
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_in_a_row_doubles_the_rest_up_to_a_bound() {
        let mut failing = Failing::default();
        let rests: Vec<u64> = (0..5).map(|_| failing.again("UNREACHABLE", 3).as_secs()).collect();
        assert_eq!(rests, [2, 4, 8, 16, 16]);
        assert_eq!(failing.code, Some("UNREACHABLE"));
    }
}
