//! SHA-256 and SHA-512 over several pieces, without copying them together first. Knows nothing of what is hashed.

use comity_model::Hash;
use sha2::{Digest, Sha256, Sha512};

/// SHA-256 of the concatenation of `pieces`.
pub(crate) fn sha256(pieces: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for piece in pieces {
        hasher.update(piece);
    }
    Hash(hasher.finalize().into())
}

/// SHA-512 of the concatenation of `pieces`.
pub(crate) fn sha512(pieces: &[&[u8]]) -> [u8; 64] {
    let mut hasher = Sha512::new();
    for piece in pieces {
        hasher.update(piece);
    }
    hasher.finalize().into()
}
