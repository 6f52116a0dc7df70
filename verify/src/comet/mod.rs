//! CometBFT's blocks as its light clients see them: headers, commits, validator sets, and the bytes that are hashed and
//! signed. Knows what is well formed; whom to trust is [`crate::light`]'s matter.

mod block;
mod commit;
mod header;
mod set_cache;
mod validators;

pub use block::{PART_BYTES, TxOutcome, block_bytes, consensus_hash, data_hash, evidence_hash, parts, results_hash};
pub use commit::{Commit, CommitSig, Vote, commit_hash, vote_bytes, vote_sign_bytes};
pub use header::{AppHash, BLOCK_PROTOCOL, Header, Version};
pub use set_cache::SetCache;
pub use validators::{Validator, ValidatorSet, address};

use crate::refusal::{Refusal, Rule};
use crate::wire;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::Hash;

/// A validator's address: the first 20 bytes of the SHA-256 of its Ed25519 key.
pub type Address = [u8; 20];

/// How a block was cut into parts for gossip; votes sign it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PartSetHeader {
    /// Number of parts.
    pub total: u32,
    /// Root over the parts; [`Hash::ZERO`] stands for the empty one of [`PartSetHeader::NONE`].
    pub hash: Hash,
}

impl PartSetHeader {
    /// No parts, as CometBFT writes it: neither number nor hash.
    pub const NONE: Self = Self { total: 0, hash: Hash::ZERO };
}

/// What a vote for a block names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BlockId {
    /// The header's hash.
    pub hash: Hash,
    /// The block's parts.
    pub parts: PartSetHeader,
}

impl BlockId {
    /// Protobuf bytes; as `BlockID` and `CanonicalBlockID` they are the same.
    fn bytes(&self) -> Vec<u8> {
        let mut parts = Vec::with_capacity(40);
        wire::put_u64(&mut parts, 1, u64::from(self.parts.total));
        if self.parts.hash != Hash::ZERO {
            wire::put_bytes(&mut parts, 2, &self.parts.hash.0);
        }
        let mut out = Vec::with_capacity(76);
        wire::put_bytes(&mut out, 1, &self.hash.0);
        wire::put_message(&mut out, 2, &parts);
        out
    }
}

/// A header and the commit that made it final.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SignedHeader {
    /// The header.
    pub header: Header,
    /// The votes for it.
    pub commit: Commit,
}

/// A header, its commit, and the validators that could sign it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct LightBlock {
    /// The header.
    pub header: Header,
    /// The votes for it.
    pub commit: Commit,
    /// The set that the header names.
    pub validators: ValidatorSet,
}

impl LightBlock {
    /// Checks everything that needs no trust (`LightBlock.ValidateBasic` and `verifyBasicValsAndCommit` of CometBFT):
    /// the header's form, that the commit is for it, that the set is the one it names, and that each vote stands at
    /// its validator's index. Returns the header's hash. No signature is checked here.
    pub fn check(&self) -> Result<Hash, Refusal> {
        self.header.check()?;
        let hash = self.header.hash();
        let commit = &self.commit;
        if commit.height != self.header.height {
            return Err(Refusal::new(
                Rule::CommitMismatch,
                alloc::format!("a commit of height {}", self.header.height),
                alloc::format!("height {}", commit.height),
            ));
        }
        if commit.round > i32::MAX.unsigned_abs() {
            return Err(Refusal::new(Rule::HeaderMalformed, "a round below 2^31", commit.round));
        }
        if commit.block_id.hash != hash {
            return Err(Refusal::new(Rule::HeaderHash, commit.block_id.hash, hash));
        }
        let set_hash = self.validators.hash();
        if set_hash != self.header.validators_hash {
            return Err(Refusal::new(Rule::ValidatorsHash, self.header.validators_hash, set_hash));
        }
        commit.check_indices(&self.validators)?;
        Ok(hash)
    }
}

impl LightBlock {
    /// The bytes that votes for this block sign, but for their times.
    pub(crate) fn sign_bytes(&self) -> commit::SignBytes {
        let commit = &self.commit;
        commit::SignBytes::new(&self.header.chain_id, commit.height, commit.round, Some(&commit.block_id))
    }
}
