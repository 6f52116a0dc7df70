//! The commit: votes by validator index, the bytes each vote signs, and the commit's own hash. Knows no keys.

use super::{Address, BlockId, ValidatorSet};
use crate::merkle;
use crate::refusal::{Refusal, Rule};
use crate::wire;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::{ChainId, Hash, Height, Time};
use core::fmt;

/// The votes that made a block final; the vote at index i is that of the set's validator i.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Commit {
    /// The block's height.
    pub height: Height,
    /// The round in which it was decided.
    pub round: u32,
    /// What was decided.
    pub block_id: BlockId,
    /// One entry for each validator, at most 10,000.
    #[borsh(deserialize_with = "crate::bounded::list::<_, _, { ValidatorSet::MAX }>")]
    pub signatures: Vec<CommitSig>,
}

/// A validator's part in a commit.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum CommitSig {
    /// No vote arrived in time (`BlockIDFlagAbsent`).
    Absent = 1,
    /// A vote for the block (`BlockIDFlagCommit`).
    Commit(Vote) = 2,
    /// A vote for no block (`BlockIDFlagNil`): it never counts for one.
    Nil(Vote) = 3,
}

/// A vote in a commit.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Vote {
    /// Who voted.
    pub address: Address,
    /// When, by the validator's clock: part of what it signed.
    pub time: Time,
    /// Ed25519 signature over [`vote_sign_bytes`].
    pub signature: [u8; 64],
}

impl fmt::Debug for Vote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        write!(f, "@{}", self.time)
    }
}

impl CommitSig {
    /// The vote for the block, if it is one.
    #[must_use]
    pub const fn for_block(&self) -> Option<&Vote> {
        match self {
            Self::Commit(vote) => Some(vote),
            Self::Absent | Self::Nil(_) => None,
        }
    }

    const fn vote(&self) -> Option<&Vote> {
        match self {
            Self::Commit(vote) | Self::Nil(vote) => Some(vote),
            Self::Absent => None,
        }
    }
}

impl Commit {
    /// Checks that there is one entry for each validator and that each vote stands at its validator's index. A commit
    /// whose votes are reordered, or that holds a vote twice, is refused whether or not the signatures verify.
    pub(super) fn check_indices(&self, set: &ValidatorSet) -> Result<(), Refusal> {
        if self.signatures.len() != set.validators().len() {
            return Err(Refusal::new(
                Rule::CommitMismatch,
                alloc::format!("{} signatures", set.validators().len()),
                self.signatures.len(),
            ));
        }
        for (index, (entry, expected)) in self.signatures.iter().zip(set.addresses()).enumerate() {
            let Some(vote) = entry.vote() else { continue };
            if vote.address == *expected {
                continue;
            }
            let twice = self
                .signatures
                .iter()
                .take(index)
                .filter_map(CommitSig::vote)
                .any(|earlier| earlier.address == vote.address);
            let rule = if twice { Rule::DuplicateVote } else { Rule::CommitIndex };
            return Err(Refusal::new(
                rule,
                alloc::format!("validator {} at index {index}", Hex(expected)),
                Hex(&vote.address),
            ));
        }
        Ok(())
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// The bytes that the validator at `index` signed: a length-delimited `CanonicalVote` (precommit, height and round as
/// fixed 64-bit numbers, block id, time, chain id). `None` where there is no vote.
#[must_use]
pub fn vote_sign_bytes(chain_id: &ChainId, commit: &Commit, index: usize) -> Option<Vec<u8>> {
    let entry = commit.signatures.get(index)?;
    let block = entry.for_block().map(|_| &commit.block_id);
    let vote = entry.vote()?;
    Some(vote_bytes(chain_id, commit.height, commit.round, block, vote.time))
}

/// The bytes of a precommit that is still to be signed; `block` is `None` for a vote for no block.
#[must_use]
pub fn vote_bytes(chain_id: &ChainId, height: Height, round: u32, block: Option<&BlockId>, time: Time) -> Vec<u8> {
    SignBytes::new(chain_id, height, round, block).at(time)
}

/// The parts of a vote's bytes that are equal for all votes of a commit.
pub(crate) struct SignBytes {
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl SignBytes {
    pub(crate) fn new(chain_id: &ChainId, height: Height, round: u32, block: Option<&BlockId>) -> Self {
        const PRECOMMIT: u64 = 2;
        let mut head = Vec::with_capacity(104);
        wire::put_u64(&mut head, 1, PRECOMMIT);
        wire::put_fixed64(&mut head, 2, height.0);
        wire::put_fixed64(&mut head, 3, u64::from(round));
        if let Some(block) = block {
            wire::put_message(&mut head, 4, &block.bytes());
        }
        let mut tail = Vec::with_capacity(52);
        wire::put_bytes(&mut tail, 6, chain_id.as_str().as_bytes());
        Self { head, tail }
    }

    pub(crate) fn at(&self, time: Time) -> Vec<u8> {
        let stamp = wire::timestamp(time);
        // Tag and length of the time take a byte each: it has at most 17.
        let length = self.head.len().saturating_add(stamp.len()).saturating_add(2).saturating_add(self.tail.len());
        let mut out = Vec::with_capacity(length.saturating_add(2));
        wire::put_varint(&mut out, u64::try_from(length).unwrap_or(u64::MAX));
        out.extend_from_slice(&self.head);
        wire::put_message(&mut out, 5, &stamp);
        out.extend_from_slice(&self.tail);
        out
    }
}

/// `LastCommitHash` of the next header: the root over the entries of a commit.
#[must_use]
pub fn commit_hash(commit: &Commit) -> Hash {
    let leaves: Vec<Vec<u8>> = commit.signatures.iter().map(CommitSig::bytes).collect();
    merkle::root(&leaves)
}

impl CommitSig {
    fn bytes(&self) -> Vec<u8> {
        /// Go's zero time, 0001-01-01T00:00:00Z, stands where there is no vote.
        const ZERO_TIME_S: i64 = -62_135_596_800;
        let (flag, vote) = match self {
            Self::Absent => (1, None),
            Self::Commit(vote) => (2, Some(vote)),
            Self::Nil(vote) => (3, Some(vote)),
        };
        let time = vote.map(|vote| vote.time).or_else(|| Time::new(ZERO_TIME_S, 0)).unwrap_or(Time::UNIX_EPOCH);
        let mut out = Vec::with_capacity(112);
        wire::put_u64(&mut out, 1, flag);
        wire::put_bytes(&mut out, 2, vote.map_or(&[], |vote| vote.address.as_slice()));
        wire::put_message(&mut out, 3, &wire::timestamp(time));
        wire::put_bytes(&mut out, 4, vote.map_or(&[], |vote| vote.signature.as_slice()));
        out
    }
}

impl Commit {
    /// The commit as protobuf, as it stands in the next block.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.signatures.len().saturating_mul(112));
        wire::put_u64(&mut out, 1, self.height.0);
        wire::put_u64(&mut out, 2, u64::from(self.round));
        wire::put_message(&mut out, 3, &self.block_id.bytes());
        for entry in &self.signatures {
            wire::put_message(&mut out, 4, &entry.bytes());
        }
        out
    }
}
