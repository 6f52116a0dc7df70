//! What a websocket subscription sends. Events are hints: a subscriber that was cut off reads the chain instead.

use crate::abci::{Event, ExecTxResult, ValidatorUpdate};
use crate::block::{Block, BlockId};
use crate::encoding::{base64, or_default, text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The query for new blocks.
pub const QUERY_NEW_BLOCK: &str = "tm.event='NewBlock'";
/// The query for transactions in new blocks.
pub const QUERY_TX: &str = "tm.event='Tx'";

/// One event, sent as the result of a [`crate::jsonrpc::Response`] under the subscription's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// The query it answers.
    pub query: String,
    /// What happened.
    pub data: EventData,
    /// Attributes by `type.key`.
    #[serde(default, deserialize_with = "or_default")]
    pub events: BTreeMap<String, Vec<String>>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value")]
pub enum EventData {
    /// A block was committed.
    #[serde(rename = "tendermint/event/NewBlock")]
    NewBlock(Box<NewBlock>),
    /// A transaction was carried out in a block.
    #[serde(rename = "tendermint/event/Tx")]
    Tx(Box<TxEvent>),
}

/// A committed block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewBlock {
    /// The block.
    pub block: Option<Block>,
    /// Its id.
    pub block_id: BlockId,
    /// What it came to.
    pub result_finalize_block: FinalizeBlock,
}

/// What a block came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalizeBlock {
    /// Events outside transactions.
    #[serde(default, deserialize_with = "or_default")]
    pub events: Vec<Event>,
    /// One result a transaction.
    #[serde(default, deserialize_with = "or_default")]
    pub tx_results: Vec<ExecTxResult>,
    /// Changed validators.
    #[serde(default, deserialize_with = "or_default")]
    pub validator_updates: Vec<ValidatorUpdate>,
    /// Hash of the state after the block.
    #[serde(default, with = "base64")]
    pub app_hash: Vec<u8>,
}

/// A transaction in a committed block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxEvent {
    /// The transaction and its result.
    #[serde(rename = "TxResult")]
    pub tx_result: TxInfo,
}

/// A transaction and its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxInfo {
    /// Its block.
    #[serde(with = "text")]
    pub height: u64,
    /// Its place in the block; the first place, 0, is left out.
    #[serde(default, skip_serializing_if = "is_first")]
    pub index: u32,
    /// The transaction.
    #[serde(with = "base64")]
    pub tx: Vec<u8>,
    /// What it came to.
    pub result: ExecTxResult,
}

// The signature that serde asks for.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_first(index: &u32) -> bool {
    *index == 0
}
