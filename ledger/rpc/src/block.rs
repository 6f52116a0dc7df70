//! Blocks, headers and commits as CometBFT v0.38 writes them in JSON. Knows no rule about them: what is read here is a
//! claim until `verify` has judged it.

use crate::encoding::{base64, base64_list, or_default, text, time, upper_hex};
use comity_model::Time;
use serde::{Deserialize, Serialize};

/// Versions of the block protocol and of the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The block protocol: 11.
    #[serde(with = "text")]
    pub block: u64,
    /// The application.
    #[serde(with = "text", default)]
    pub app: u64,
}

/// The parts that a block is spread in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartSetHeader {
    /// How many.
    pub total: u32,
    /// Root over them: 32 bytes, or none before the first block.
    #[serde(with = "upper_hex")]
    pub hash: Vec<u8>,
}

/// What a vote is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockId {
    /// The header's hash: 32 bytes, or none before the first block.
    #[serde(with = "upper_hex")]
    pub hash: Vec<u8>,
    /// The block's parts.
    #[serde(alias = "part_set_header")]
    pub parts: PartSetHeader,
}

/// A header: the 14 fields that its hash covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Versions.
    pub version: Version,
    /// The chain.
    pub chain_id: String,
    /// Its height, from 1.
    #[serde(with = "text")]
    pub height: u64,
    /// BFT time: the weighted median of the votes for the block before.
    #[serde(with = "time")]
    pub time: Time,
    /// The block before; empty at height 1.
    pub last_block_id: BlockId,
    /// Root over the signatures of the commit for the block before.
    #[serde(with = "upper_hex")]
    pub last_commit_hash: Vec<u8>,
    /// Root over the hashes of the transactions.
    #[serde(with = "upper_hex")]
    pub data_hash: Vec<u8>,
    /// Hash of the validators that sign this block.
    #[serde(with = "upper_hex")]
    pub validators_hash: Vec<u8>,
    /// Hash of the validators that sign the next.
    #[serde(with = "upper_hex")]
    pub next_validators_hash: Vec<u8>,
    /// Hash of the consensus parameters.
    #[serde(with = "upper_hex")]
    pub consensus_hash: Vec<u8>,
    /// Hash of the application's state after the block before.
    #[serde(with = "upper_hex")]
    pub app_hash: Vec<u8>,
    /// Root over the results of the block before.
    #[serde(with = "upper_hex")]
    pub last_results_hash: Vec<u8>,
    /// Root over the evidence of misbehaviour.
    #[serde(with = "upper_hex")]
    pub evidence_hash: Vec<u8>,
    /// Who proposed it: 20 bytes.
    #[serde(with = "upper_hex")]
    pub proposer_address: Vec<u8>,
}

/// The signatures for a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The block's height.
    #[serde(with = "text")]
    pub height: u64,
    /// The round that decided it.
    pub round: u32,
    /// What was decided.
    pub block_id: BlockId,
    /// One entry a validator, in the set's order.
    #[serde(deserialize_with = "or_default")]
    pub signatures: Vec<CommitSig>,
}

/// One validator's entry in a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitSig {
    /// 1 absent, 2 for the block, 3 for nil.
    pub block_id_flag: u8,
    /// The validator: 20 bytes; none when absent.
    #[serde(with = "upper_hex")]
    pub validator_address: Vec<u8>,
    /// The vote's time; 0001-01-01T00:00:00Z when absent.
    #[serde(with = "time")]
    pub timestamp: Time,
    /// 64 bytes; none when absent.
    #[serde(with = "base64")]
    pub signature: Vec<u8>,
}

/// A header and the signatures for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedHeader {
    /// The header.
    pub header: Header,
    /// The signatures.
    pub commit: Commit,
}

/// A block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Its header.
    pub header: Header,
    /// Its transactions.
    pub data: Data,
    /// Evidence of misbehaviour: always empty on an embedded ledger.
    #[serde(default)]
    pub evidence: EvidenceList,
    /// The signatures for the block before; height 0 and no signatures at height 1.
    pub last_commit: Option<Commit>,
}

/// A block's transactions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data {
    /// The transactions in their order.
    #[serde(with = "base64_list")]
    pub txs: Vec<Vec<u8>>,
}

/// A block's evidence. Comity reads its presence only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceList {
    /// Each piece as it stands.
    #[serde(default, deserialize_with = "or_default")]
    pub evidence: Vec<serde_json::Value>,
}

/// Result of `header`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderResponse {
    /// The header.
    pub header: Header,
}

/// Result of `commit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitResponse {
    /// Header and signatures.
    pub signed_header: SignedHeader,
    /// Whether the signatures are those that the next block carries. Of the latest block they are those that were seen.
    pub canonical: bool,
}

/// Result of `block` and `block_by_hash`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockResponse {
    /// Its id; empty when no block has the hash asked for.
    pub block_id: BlockId,
    /// The block.
    pub block: Option<Block>,
}

/// Result of `blockchain`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockchainResponse {
    /// The latest height.
    #[serde(with = "text")]
    pub last_height: u64,
    /// At most 20, the highest first.
    #[serde(deserialize_with = "or_default")]
    pub block_metas: Vec<BlockMeta>,
}

/// What a block is, without its transactions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockMeta {
    /// Its id.
    pub block_id: BlockId,
    /// Bytes of its protobuf form.
    #[serde(with = "text")]
    pub block_size: u64,
    /// Its header.
    pub header: Header,
    /// How many transactions it holds.
    #[serde(with = "text")]
    pub num_txs: u64,
}
