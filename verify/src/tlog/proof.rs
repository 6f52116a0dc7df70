//! Proofs that stand alone: an entry's place in a log, and the checkpoint that it is proven under (C2SP `tlog-proof`).
//! Knows no log but the one that its reader trusts.

use super::checkpoint::{Checkpoint, Trust};
use super::{decimal, from_base64, hash, malformed, to_base64};
use crate::merkle::{self, leaf_hash};
use crate::refusal::Refusal;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use comity_model::{Hash, UnixSeconds};

const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// Longest path: a tree has fewer than 2⁶⁴ leaves.
pub const PATH_MAX: usize = 64;
/// Largest proof, in bytes: the largest note and as much again.
const BYTES_MAX: usize = 1 << 20;

/// A proof as it came. Nothing in it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// What the proof's maker added. Nobody signed it.
    pub extra: Option<Vec<u8>>,
    /// The entry's place, from 0.
    pub index: u64,
    /// From the leaf's sibling up.
    pub path: Vec<Hash>,
    /// The checkpoint, as its log and witnesses signed it.
    pub checkpoint: Vec<u8>,
}

/// An entry that stands in a log.
#[derive(Clone, Debug)]
#[must_use]
pub struct Logged {
    checkpoint: Checkpoint,
    index: u64,
}

impl Logged {
    /// The checkpoint that it is proven under.
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The entry's place, from 0.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }
}

impl TlogProof {
    /// Reads a proof.
    ///
    /// # Errors
    /// `LOG_FORMAT`.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let refuse = |found| malformed("a proof of a transparency log, version 1", found);
        if bytes.len() > BYTES_MAX {
            return Err(refuse("more than 1 MiB"));
        }
        let text = core::str::from_utf8(bytes).map_err(|_| refuse("bytes that are not UTF-8"))?;
        let (head, checkpoint) = text.split_once("\n\n").ok_or_else(|| refuse("no empty line"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(refuse("another first line"));
        }
        let extra = lines.next_if(|line| line.starts_with("extra ")).and_then(|line| line.strip_prefix("extra "));
        let extra = extra.map(|text| from_base64(text).ok_or_else(|| refuse("extra data that is no base64")));
        let index = lines.next().and_then(|line| decimal(line.strip_prefix("index ")?));
        let index = index.ok_or_else(|| refuse("no index"))?;
        let mut path = Vec::new();
        for line in lines {
            if path.len() == PATH_MAX {
                return Err(refuse("a path of more than 64 hashes"));
            }
            path.push(hash(line).ok_or_else(|| refuse("a line that is no hash"))?);
        }
        Ok(Self { extra: extra.transpose()?, index, path, checkpoint: checkpoint.as_bytes().to_vec() })
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut text = String::from(HEADER);
        if let Some(extra) = &self.extra {
            text.push_str(&format!("\nextra {}", to_base64(extra)));
        }
        text.push_str(&format!("\nindex {}", self.index));
        for hash in &self.path {
            text.push('\n');
            text.push_str(&to_base64(&hash.0));
        }
        text.push_str("\n\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.checkpoint);
        bytes
    }

    /// Proves that `entry` stands at the proof's place of the log that is trusted.
    ///
    /// # Errors
    /// As [`Checkpoint::verify`]; `LOG_PROOF` where the entry is not there.
    pub fn verify(&self, entry: &[u8], trust: &Trust, now: UnixSeconds) -> Result<Logged, Refusal> {
        let checkpoint = Checkpoint::verify(&self.checkpoint, trust, now)?;
        merkle::included(&leaf_hash(entry), self.index, checkpoint.head(), &self.path)?;
        Ok(Logged { checkpoint, index: self.index })
    }
}
