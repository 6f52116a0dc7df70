//! Transparency logs as others write and read them: checkpoints that a log signs and witnesses cosign, proofs that stand
//! alone, tiles, what witnesses are asked and by which policy they are counted (C2SP `signed-note`, `tlog-checkpoint`,
//! `tlog-cosignature`, `tlog-proof`, `tlog-tiles`, `tlog-witness`, `tlog-policy`). Trees are SHA-256 and of RFC 6962's shape ([`crate::merkle`]). Knows no entry's meaning and fetches nothing.
//!
//! A cosignature says that its witness saw this tree, grown from the one before, at that time. It says nothing of truth.

mod checkpoint;
mod note;
mod policy;
mod proof;
mod submission;
mod tile;

pub use checkpoint::{Checkpoint, Cosigned, Trust, Witnessed};
pub use note::NoteKey;
pub use policy::{Policy, PolicyWitness, Quorum};
pub use proof::{Logged, PATH_MAX, TlogProof};
pub use submission::{PROOF_MAX, SIZE_TYPE, Submission, size_told, told_size};
pub use tile::{ENTRIES_MAX, Tile, TileOf, WIDTH};

use crate::refusal::{Refusal, Rule};
use alloc::string::String;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use comity_model::Hash;

/// RFC 4648 section 4, with its padding, and no other form of the same bytes.
pub(crate) fn from_base64(text: &str) -> Option<alloc::vec::Vec<u8>> {
    STANDARD.decode(text).ok()
}

fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// A hash in base64.
fn hash(text: &str) -> Option<Hash> {
    // Nothing longer is decoded.
    let bytes = (text.len() == 44).then(|| from_base64(text))??;
    bytes.try_into().ok().map(Hash)
}

/// An ASCII decimal without leading zeros.
fn decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || (!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()));
    canonical.then(|| text.parse().ok())?
}

fn malformed(expected: &str, found: &str) -> Refusal {
    Refusal::new(Rule::LogFormat, expected, found)
}

#[cfg(test)]
mod tests;
