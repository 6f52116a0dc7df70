//! Validator sets seen lately, so that a set that comes again brings its decompressed keys. Decides nothing.

use super::ValidatorSet;
use alloc::vec::Vec;

/// A few sets, the latest last.
#[derive(Clone, Debug, Default)]
pub struct SetCache(Vec<ValidatorSet>);

impl SetCache {
    /// Most sets that are kept: a follower meets one, two around a change.
    pub const MAX: usize = 8;

    /// The set itself, or the equal one that was seen before.
    pub fn share(&mut self, set: ValidatorSet) -> ValidatorSet {
        let known = match self.0.iter().position(|known| known.hash() == set.hash()) {
            Some(index) => self.0.remove(index),
            None => set,
        };
        if self.0.len() >= Self::MAX {
            self.0.remove(0);
        }
        self.0.push(known.clone());
        known
    }
}

#[cfg(test)]
mod tests {
    use super::super::Validator;
    use super::*;
    use alloc::vec;

    fn set(seed: u8) -> ValidatorSet {
        ValidatorSet::new(vec![Validator { public_key: [seed; 32], power: 1 }]).expect("a set")
    }

    #[test]
    fn a_set_that_comes_again_is_the_one_that_came_before_and_few_are_kept() {
        let mut cache = SetCache::default();
        let first = cache.share(set(0));
        assert!(cache.share(set(0)).is(&first));
        for seed in 1..=8 {
            assert!(!cache.share(set(seed)).is(&first));
        }
        assert!(!cache.share(set(0)).is(&first), "the oldest went");
        assert_eq!(cache.0.len(), SetCache::MAX);
    }
}
