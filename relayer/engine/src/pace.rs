//! When to try again: doubling with jitter.

use crate::Moment;

/// A small deterministic generator (splitmix64): jitter needs spread, not secrecy, and a seed must replay.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    state: u64,
}

impl Pace {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// `now` and a delay that doubles with each attempt from `range.0` to `range.1`, of which the second half is
    /// random.
    pub(crate) fn after(&mut self, now: Moment, attempts: u32, range: (u64, u64)) -> Moment {
        let (first, longest) = range;
        let delay = first.saturating_mul(1u64.checked_shl(attempts).unwrap_or(u64::MAX)).min(longest);
        let half = delay / 2;
        now.plus(half + self.next() % (half + 1))
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_spread() {
        let mut pace = Pace::new(7);
        for attempts in 0..200 {
            let full = 100u64.saturating_mul(1u64.checked_shl(attempts).unwrap_or(u64::MAX)).min(30_000);
            let Moment(at) = pace.after(Moment(1_000), attempts, (100, 30_000));
            assert!((full / 2..=full).contains(&(at - 1_000)), "attempt {attempts}: {at}");
        }
        let spread: std::collections::BTreeSet<_> = (0..50).map(|_| pace.after(Moment(0), 9, (100, 30_000))).collect();
        assert!(spread.len() > 40);
    }
}
