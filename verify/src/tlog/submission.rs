//! What a log submits to a witness, and what it is told (C2SP `tlog-witness`, `add-checkpoint`): the bytes of request and answers.
//! Knows no HTTP and no state.

use super::note::Note;
use super::{decimal, hash, malformed, to_base64};
use crate::refusal::Refusal;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use comity_model::Hash;

/// Most hashes of a consistency proof.
pub const PROOF_MAX: usize = 63;
/// The content type of the answer 409, which names a size.
pub const SIZE_TYPE: &str = "text/x.tlog.size";

/// A checkpoint with the proof that it grew from the one of `old` entries. Nothing in it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Entries of the checkpoint that the witness is thought to know; 0: none.
    pub old: u64,
    /// The consistency proof (RFC 6962 section 2.1.2).
    pub proof: Vec<Hash>,
    /// The checkpoint, signed by its log.
    pub checkpoint: Vec<u8>,
}

impl Submission {
    /// The request's body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut text = format!("old {}\n", self.old);
        for hash in &self.proof {
            text.push_str(&to_base64(&hash.0));
            text.push('\n');
        }
        text.push('\n');
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.checkpoint);
        bytes
    }

    /// Reads a request's body.
    ///
    /// # Errors
    /// `LOG_FORMAT`.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let refuse = |found| malformed("an old size, a proof of at most 63 hashes, an empty line, a checkpoint", found);
        let mut rest = bytes;
        let mut line = || {
            let at = rest.iter().position(|byte| *byte == b'\n')?;
            let (line, after) = rest.split_at_checked(at)?;
            rest = after.get(1..)?;
            core::str::from_utf8(line).ok()
        };
        let old = line().and_then(|line| decimal(line.strip_prefix("old ")?));
        let old = old.ok_or_else(|| refuse("a first line that is no old size"))?;
        let mut proof = Vec::new();
        loop {
            let line = line().ok_or_else(|| refuse("no empty line"))?;
            if line.is_empty() {
                break;
            }
            if proof.len() == PROOF_MAX {
                return Err(refuse("more hashes"));
            }
            proof.push(hash(line).ok_or_else(|| refuse("a line that is no hash"))?);
        }
        Ok(Self { old, proof, checkpoint: rest.to_vec() })
    }

    /// The text that the checkpoint's log signed, with its last newline: origin, size, root.
    ///
    /// # Errors
    /// `LOG_FORMAT` where it is no signed note.
    pub fn text(&self) -> Result<&str, Refusal> {
        Note::parse(&self.checkpoint).map(|note| note.text)
    }
}

/// The size that the answer 409 names.
#[must_use]
pub fn told_size(body: &[u8]) -> Option<u64> {
    decimal(core::str::from_utf8(body).ok()?.strip_suffix('\n')?)
}

/// The answer 409's body.
#[must_use]
pub fn size_told(size: u64) -> String {
    format!("{size}\n")
}
