//! Digests of files too large to hold: SHA-256 and SM3, piece by piece. Knows nothing of what is hashed.

use sha2::{Digest as _, Sha256};
use sm3::Sm3;

/// A digest in progress.
pub(crate) enum Digest {
    Sha256(Sha256),
    Sm3(Sm3),
}

impl Digest {
    /// 1 is SHA-256, 2 is SM3, as in a disclosure; others are none.
    pub(crate) fn new(algorithm: u32) -> Option<Self> {
        match algorithm {
            1 => Some(Self::Sha256(Sha256::new())),
            2 => Some(Self::Sm3(Sm3::new())),
            _ => None,
        }
    }

    pub(crate) fn update(&mut self, piece: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(piece),
            Self::Sm3(hasher) => hasher.update(piece),
        }
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        match self {
            Self::Sha256(hasher) => hasher.finalize().into(),
            Self::Sm3(hasher) => hasher.finalize().into(),
        }
    }
}

/// The digests that a page has under way, few of them.
pub(crate) struct Digests(Vec<Option<Digest>>);

impl Digests {
    const MAX: usize = 16;

    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// A number for a new digest; `None` for an unknown algorithm, or while too many are under way.
    pub(crate) fn begin(&mut self, algorithm: u32) -> Option<usize> {
        let digest = Digest::new(algorithm)?;
        if let Some(free) = self.0.iter().position(Option::is_none) {
            *self.0.get_mut(free)? = Some(digest);
            return Some(free);
        }
        if self.0.len() >= Self::MAX {
            return None;
        }
        self.0.push(Some(digest));
        self.0.len().checked_sub(1)
    }

    pub(crate) fn of(&mut self, number: usize) -> Option<&mut Digest> {
        self.0.get_mut(number)?.as_mut()
    }

    pub(crate) fn end(&mut self, number: usize) -> Option<Digest> {
        self.0.get_mut(number)?.take()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn digests_of_pieces_are_those_of_the_whole() {
        for algorithm in [1, 2] {
            let mut digests = Digests::new();
            let (whole, pieces) = (digests.begin(algorithm).unwrap(), digests.begin(algorithm).unwrap());
            digests.of(whole).unwrap().update(b"abcabc");
            for _ in 0..2 {
                digests.of(pieces).unwrap().update(b"abc");
            }
            assert_eq!(digests.end(whole).unwrap().finish(), digests.end(pieces).unwrap().finish());
            assert!(digests.end(pieces).is_none(), "a digest ends once");
        }
        assert_ne!(Digest::new(1).unwrap().finish(), Digest::new(2).unwrap().finish());
        assert!(Digest::new(3).is_none());
    }

    #[test]
    fn no_more_than_a_few_digests_are_under_way_and_an_ended_one_makes_room() {
        let mut digests = Digests::new();
        for _ in 0..Digests::MAX {
            assert!(digests.begin(1).is_some());
        }
        assert_eq!(digests.begin(1), None);
        digests.end(3);
        assert_eq!(digests.begin(2), Some(3));
    }
}
