//! The header: its form and its hash, a tree over its 14 fields. Knows no commit.

use super::{Address, BlockId};
use crate::merkle;
use crate::refusal::{Refusal, Rule};
use crate::wire;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::{ChainId, Hash, Height, Time};
use core::fmt;

/// The block protocol that this crate speaks (CometBFT `version.BlockProtocol`).
pub const BLOCK_PROTOCOL: u64 = 11;

/// Longest app hash in bytes. CometBFT sets no bound; every application in use has 32 bytes or none.
const APP_HASH_MAX: usize = 64;

/// Versions of block format and application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Version {
    /// Block protocol: [`BLOCK_PROTOCOL`].
    pub block: u64,
    /// The application's own version.
    pub app: u64,
}

/// What the application commits to: at most 64 bytes; proofs need exactly 32.
#[derive(Clone, PartialEq, Eq, Default, BorshSerialize)]
pub struct AppHash(Vec<u8>);

impl AppHash {
    /// `None` for more than 64 bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() <= APP_HASH_MAX).then_some(Self(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The root that state proofs lead to, where it is one.
    #[must_use]
    pub fn root(&self) -> Option<Hash> {
        self.0.as_slice().try_into().ok().map(Hash)
    }
}

impl From<Hash> for AppHash {
    fn from(hash: Hash) -> Self {
        Self(hash.0.to_vec())
    }
}

impl BorshDeserialize for AppHash {
    fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
        crate::bounded::list::<_, u8, APP_HASH_MAX>(reader).map(Self)
    }
}

impl fmt::Debug for AppHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A CometBFT header. Where the protocol allows a hash to be empty, it is an `Option`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Header {
    /// Versions.
    pub version: Version,
    /// The chain.
    pub chain_id: ChainId,
    /// The block's height.
    pub height: Height,
    /// The block's time.
    pub time: Time,
    /// The block before; `None` for the first.
    pub last_block_id: Option<BlockId>,
    /// Hash of the commit of the block before ([`super::commit_hash`]).
    pub last_commit_hash: Option<Hash>,
    /// Root over the transactions ([`super::data_hash`]).
    pub data_hash: Option<Hash>,
    /// The set that signs this block.
    pub validators_hash: Hash,
    /// The set that signs the next block.
    pub next_validators_hash: Hash,
    /// Hash of the consensus parameters.
    pub consensus_hash: Option<Hash>,
    /// The application's state after the block before.
    pub app_hash: AppHash,
    /// Root over the results of the block before.
    pub last_results_hash: Option<Hash>,
    /// Root over the evidence in this block.
    pub evidence_hash: Option<Hash>,
    /// Who proposed the block.
    pub proposer_address: Address,
}

impl Header {
    /// The hash that votes sign: the root of the tree over the 14 fields, each in protobuf, wrapped where it is a
    /// scalar (CometBFT spec, `data_structures.md`, Header).
    #[must_use]
    pub fn hash(&self) -> Hash {
        let leaves: [Vec<u8>; 14] = [
            self.version_bytes(),
            wrapped_bytes(self.chain_id.as_str().as_bytes()),
            wrapped_number(self.height.0),
            wire::timestamp(self.time),
            self.last_block_id_bytes(),
            wrapped_hash(self.last_commit_hash.as_ref()),
            wrapped_hash(self.data_hash.as_ref()),
            wrapped_bytes(&self.validators_hash.0),
            wrapped_bytes(&self.next_validators_hash.0),
            wrapped_hash(self.consensus_hash.as_ref()),
            wrapped_bytes(self.app_hash.bytes()),
            wrapped_hash(self.last_results_hash.as_ref()),
            wrapped_hash(self.evidence_hash.as_ref()),
            wrapped_bytes(&self.proposer_address),
        ];
        merkle::root(&leaves)
    }

    /// Checks the header's form (`Header.ValidateBasic`) beyond what its types already ensure.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.version.block != BLOCK_PROTOCOL {
            return Err(Refusal::new(
                Rule::HeaderMalformed,
                alloc::format!("block protocol {BLOCK_PROTOCOL}"),
                self.version.block,
            ));
        }
        if self.height.0 == 0 || i64::try_from(self.height.0).is_err() {
            return Err(Refusal::new(Rule::HeaderMalformed, "a height from 1 to 2^63 - 1", self.height));
        }
        Ok(())
    }

    /// The header as protobuf, as it stands in a block.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let optional = |hash: &Option<Hash>| hash.map(|hash| hash.0.to_vec()).unwrap_or_default();
        let mut out = Vec::with_capacity(512);
        wire::put_message(&mut out, 1, &self.version_bytes());
        wire::put_bytes(&mut out, 2, self.chain_id.as_str().as_bytes());
        wire::put_u64(&mut out, 3, self.height.0);
        wire::put_message(&mut out, 4, &wire::timestamp(self.time));
        wire::put_message(&mut out, 5, &self.last_block_id_bytes());
        wire::put_bytes(&mut out, 6, &optional(&self.last_commit_hash));
        wire::put_bytes(&mut out, 7, &optional(&self.data_hash));
        wire::put_bytes(&mut out, 8, &self.validators_hash.0);
        wire::put_bytes(&mut out, 9, &self.next_validators_hash.0);
        wire::put_bytes(&mut out, 10, &optional(&self.consensus_hash));
        wire::put_bytes(&mut out, 11, self.app_hash.bytes());
        wire::put_bytes(&mut out, 12, &optional(&self.last_results_hash));
        wire::put_bytes(&mut out, 13, &optional(&self.evidence_hash));
        wire::put_bytes(&mut out, 14, &self.proposer_address);
        out
    }

    fn version_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(12);
        wire::put_u64(&mut out, 1, self.version.block);
        wire::put_u64(&mut out, 2, self.version.app);
        out
    }

    fn last_block_id_bytes(&self) -> Vec<u8> {
        // The zero block id still carries its empty, non-nullable part set header.
        self.last_block_id.map_or_else(|| alloc::vec![0x12, 0x00], |id| id.bytes())
    }
}

/// `google.protobuf.BytesValue` and `StringValue`: nothing at all where the value is empty.
fn wrapped_bytes(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().saturating_add(2));
    wire::put_bytes(&mut out, 1, bytes);
    out
}

fn wrapped_hash(hash: Option<&Hash>) -> Vec<u8> {
    wrapped_bytes(hash.map_or(&[], |hash| hash.0.as_slice()))
}

fn wrapped_number(number: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(10);
    wire::put_u64(&mut out, 1, number);
    out
}
