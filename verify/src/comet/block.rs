//! What a block's producer hashes: transactions, results, parameters, parts. Pure functions over bytes; light clients
//! never need them. Knows no application.

use super::{Commit, Header, PartSetHeader};
use crate::merkle;
use crate::sha::sha256;
use crate::wire;
use alloc::vec::Vec;
use comity_model::Hash;

/// Size of a block part in bytes (CometBFT `BlockPartSizeBytes`).
pub const PART_BYTES: usize = 65_536;

/// `DataHash`: the root over the SHA-256 of each transaction (CometBFT `Txs.Hash`).
#[must_use]
pub fn data_hash<T: AsRef<[u8]>>(txs: &[T]) -> Hash {
    let digests: Vec<[u8; 32]> = txs.iter().map(|tx| sha256(&[tx.as_ref()]).0).collect();
    merkle::root(&digests)
}

/// `EvidenceHash` of a block without evidence.
#[must_use]
pub fn evidence_hash() -> Hash {
    merkle::empty_root()
}

/// The deterministic part of a transaction's result (CometBFT `ExecTxResult`, fields 1, 2, 5, 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TxOutcome<'a> {
    /// 0 where the transaction was carried out.
    pub code: u32,
    /// Result bytes.
    pub data: &'a [u8],
    /// Gas asked for.
    pub gas_wanted: i64,
    /// Gas used.
    pub gas_used: i64,
}

/// `LastResultsHash` of the next header: the root over the results of a block.
#[must_use]
pub fn results_hash(outcomes: &[TxOutcome<'_>]) -> Hash {
    let leaves: Vec<Vec<u8>> = outcomes
        .iter()
        .map(|outcome| {
            let mut out = Vec::new();
            wire::put_u64(&mut out, 1, u64::from(outcome.code));
            wire::put_bytes(&mut out, 2, outcome.data);
            wire::put_i64(&mut out, 5, outcome.gas_wanted);
            wire::put_i64(&mut out, 6, outcome.gas_used);
            out
        })
        .collect();
    merkle::root(&leaves)
}

/// `ConsensusHash`: SHA-256 of `HashedParams` (CometBFT `ConsensusParams.Hash`).
#[must_use]
pub fn consensus_hash(block_max_bytes: i64, block_max_gas: i64) -> Hash {
    let mut out = Vec::with_capacity(22);
    wire::put_i64(&mut out, 1, block_max_bytes);
    wire::put_i64(&mut out, 2, block_max_gas);
    sha256(&[&out])
}

/// A block as protobuf (header, transactions, no evidence, last commit): what is cut into parts.
#[must_use]
pub fn block_bytes<T: AsRef<[u8]>>(header: &Header, txs: &[T], last_commit: Option<&Commit>) -> Vec<u8> {
    let mut data = Vec::new();
    for tx in txs {
        wire::put_message(&mut data, 1, tx.as_ref());
    }
    let mut out = Vec::with_capacity(data.len().saturating_add(1024));
    wire::put_message(&mut out, 1, &header.bytes());
    wire::put_message(&mut out, 2, &data);
    wire::put_message(&mut out, 3, &[]);
    if let Some(commit) = last_commit {
        wire::put_message(&mut out, 4, &commit.bytes());
    }
    out
}

/// The part set header of a block's bytes.
#[must_use]
pub fn parts(block: &[u8]) -> PartSetHeader {
    let parts: Vec<&[u8]> = block.chunks(PART_BYTES).collect();
    PartSetHeader { total: u32::try_from(parts.len()).unwrap_or(u32::MAX), hash: merkle::root(&parts) }
}
