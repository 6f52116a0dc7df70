//! Draws from a seed. The mapping from random words to values is written out here, so that no version of a library can
//! change what a seed means.

use comity_model::Hash;
use jiff::ToSpan;
use jiff::civil::Date;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};

/// A stream of draws.
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    /// The stream `name` (at most 24 bytes count) of a seed: adding draws to one stream changes no other.
    pub(super) fn new(seed: u64, name: &str) -> Self {
        let mut key = [0u8; 32];
        let (head, tail) = key.split_at_mut(8);
        head.copy_from_slice(&seed.to_le_bytes());
        for (slot, byte) in tail.iter_mut().zip(name.bytes()) {
            *slot = byte;
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// 0 to `limit` − 1; 0 for a `limit` of 0. The bias, below `limit` / 2⁶⁴, does not show.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        let wide = u128::from(self.0.next_u64()) * u128::from(limit);
        (wide >> 64) as u64
    }

    /// `low` to `high`, both possible.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True in `per_mille` of 1,000 cases.
    pub(super) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// An index into something of this length.
    pub(super) fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// One of `items`.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.index(items.len())]
    }

    /// One of `items`, by weight.
    pub(super) fn weighted<T: Copy>(&mut self, items: &[(u64, T)]) -> T {
        let mut at = self.below(items.iter().map(|(weight, _)| weight).sum());
        for (weight, item) in items {
            if at < *weight {
                return *item;
            }
            at -= weight;
        }
        items[0].1
    }

    /// A day from `first` to `last`.
    pub(super) fn day(&mut self, first: Date, last: Date) -> Date {
        let days = first.until(last).map_or(0, |span| span.get_days());
        let days = i64::try_from(self.below(u64::try_from(days).unwrap_or(0) + 1)).unwrap_or(0);
        plus_days(first, days)
    }

    /// A sum in fen whose size spreads over orders of magnitude from `low` to `high` yuan, as debts and balances do.
    pub(super) fn fen(&mut self, low: u64, high: u64) -> u64 {
        // A number of halvings drawn evenly spreads the sum like a logarithm, without floating point.
        let halvings = (high / low.max(1)).checked_ilog2().unwrap_or(0);
        let top = high >> self.below(u64::from(halvings) + 1);
        let yuan = self.between((top / 2).max(low), top.max(low));
        yuan * 100 + if self.chance(550) { 0 } else { self.below(100) }
    }

    /// A digest of a document that nobody wrote.
    pub(super) fn digest(&mut self) -> Hash {
        let mut bytes = [0u8; 32];
        self.0.fill_bytes(&mut bytes);
        Hash(bytes)
    }
}

/// `days` after `date`; the calendar's last day where it ends.
pub(super) fn plus_days(date: Date, days: i64) -> Date {
    date.saturating_add(days.days())
}

/// `years` after `date`.
pub(super) fn plus_years(date: Date, years: i64) -> Date {
    date.saturating_add(years.years())
}
