//! SHA-256, SHA-512 and SM3 over several pieces, without copying them together first. Knows nothing of what is hashed.

mod short;

pub(crate) use short::Short;

use alloc::vec::Vec;
use comity_model::Hash;
use comity_model::seal::HashAlgorithm;
use sha2::{Digest, Sha256, Sha512};
use sm3::Sm3;

/// The digest of the concatenation of `pieces` by an algorithm.
pub(crate) fn hash(algorithm: HashAlgorithm, pieces: &[&[u8]]) -> Hash {
    match algorithm {
        HashAlgorithm::Sha256 => sha256(pieces),
        HashAlgorithm::Sm3 => sm3(pieces),
    }
}

/// SHA-256 of the concatenation of `pieces`.
pub(crate) fn sha256(pieces: &[&[u8]]) -> Hash {
    if let Some(short) = Short::new(pieces) {
        return short.digest();
    }
    let mut hasher = Sha256::new();
    for piece in pieces {
        hasher.update(piece);
    }
    Hash(hasher.finalize().into())
}

/// How many messages are hashed side by side.
pub(crate) const LANES: usize = 4;

/// SHA-256 of the pieces of each of several messages, side by side where all are short.
fn sha256_lanes<const N: usize>(messages: &[[&[u8]; N]; LANES]) -> [Hash; LANES] {
    match messages.each_ref().map(|pieces| Short::new(pieces)) {
        [Some(a), Some(b), Some(c), Some(d)] => Short::digests(&[a, b, c, d]),
        _ => messages.each_ref().map(|pieces| sha256(pieces)),
    }
}

/// SHA-256 of the pieces of each item, several items at a time.
pub(crate) fn sha256_each<'a, T, const N: usize>(items: &'a [T], pieces: impl Fn(&'a T) -> [&'a [u8]; N]) -> Vec<Hash> {
    let mut digests = Vec::with_capacity(items.len());
    let (groups, rest) = items.as_chunks::<LANES>();
    for group in groups {
        digests.extend(sha256_lanes(&group.each_ref().map(&pieces)));
    }
    digests.extend(rest.iter().map(|item| sha256(&pieces(item))));
    digests
}

/// SHA-512 of the concatenation of `pieces`.
pub(crate) fn sha512(pieces: &[&[u8]]) -> [u8; 64] {
    let mut hasher = Sha512::new();
    for piece in pieces {
        hasher.update(piece);
    }
    hasher.finalize().into()
}

/// SM3 of the concatenation of `pieces`.
pub(crate) fn sm3(pieces: &[&[u8]]) -> Hash {
    let mut hasher = Sm3::new();
    for piece in pieces {
        hasher.update(piece);
    }
    Hash(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;
    use std::vec;

    #[test]
    fn many_digests_at_a_time_are_those_of_each_whatever_their_lengths() {
        let items: std::vec::Vec<std::vec::Vec<u8>> = (0..23u8).map(|item| vec![item; usize::from(item) * 9]).collect();
        let each = sha256_each(&items, |item| [b"x", item.as_slice()]);
        let single: std::vec::Vec<_> = items.iter().map(|item| sha256(&[b"x", item])).collect();
        assert_eq!(each, single);
    }

    #[test]
    fn sm3_gives_the_digests_of_the_standards_examples() {
        // GM/T 0004-2012, appendix A.
        let digest = |pieces: &[&[u8]]| hash(HashAlgorithm::Sm3, pieces).to_string();
        assert_eq!(digest(&[b"a", b"bc"]), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
        assert_eq!(
            digest(&[b"abcd".as_slice(); 16]),
            "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
        );
    }
}
