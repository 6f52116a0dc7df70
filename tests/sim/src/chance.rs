//! Chance that a seed decides: each stream of draws has a name, so that what one part of the world draws does not change
//! what another does. It refuses to know what is drawn for.

/// A stream of draws (splitmix64).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The stream of `name` under `seed`.
    #[must_use]
    pub fn of(seed: u64, name: &str) -> Self {
        // FNV-1a: names are few and short.
        let hash = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut stream = Self(seed ^ hash);
        stream.draw();
        stream
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.draw() % (high.saturating_sub(low) + 1)
    }

    /// Whether something of `percent` percent happens.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.draw() % 100 < percent
    }

    /// One of several; `None` of none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = usize::try_from(self.draw() % (from.len().max(1) as u64)).unwrap_or(0);
        from.get(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_decided_by_its_seed_and_its_name() {
        let draws = |seed, name| {
            let mut chance = Chance::of(seed, name);
            (0..8).map(|_| chance.draw()).collect::<Vec<_>>()
        };
        assert_eq!(draws(1, "disk"), draws(1, "disk"));
        assert_ne!(draws(1, "disk"), draws(2, "disk"));
        assert_ne!(draws(1, "disk"), draws(1, "net"));
    }

    #[test]
    fn draws_keep_to_their_bounds() {
        let mut chance = Chance::of(7, "bounds");
        assert!((0..1_000).all(|_| (3..=9).contains(&chance.between(3, 9))));
        assert_eq!(chance.pick::<u8>(&[]), None);
    }
}
