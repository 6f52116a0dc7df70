//! Submitting transactions and finding them again. Knows no transaction's content.

use crate::abci::ExecTxResult;
use crate::encoding::{base64, or_default, text, upper_hex};
use serde::{Deserialize, Serialize};

/// Result of `broadcast_tx_sync` (checked, waiting) and `broadcast_tx_async` (not even checked: code 0).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BroadcastTx {
    /// 0 accepted into the pool.
    pub code: u32,
    /// Output of the check: none.
    #[serde(default, with = "upper_hex")]
    pub data: Vec<u8>,
    /// A sentence for people when refused.
    #[serde(default, deserialize_with = "or_default")]
    pub log: String,
    /// The reason code when refused.
    #[serde(default, deserialize_with = "or_default")]
    pub codespace: String,
    /// SHA-256 of the transaction.
    #[serde(with = "upper_hex")]
    pub hash: Vec<u8>,
}

/// Result of `broadcast_tx_commit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BroadcastTxCommit {
    /// Whether it was let into the pool; when not, `tx_result` is empty and `height` 0.
    pub check_tx: ExecTxResult,
    /// What it came to in its block.
    #[serde(alias = "deliver_tx")]
    pub tx_result: ExecTxResult,
    /// SHA-256 of the transaction.
    #[serde(with = "upper_hex")]
    pub hash: Vec<u8>,
    /// Its block.
    #[serde(with = "text")]
    pub height: u64,
}

/// Result of `tx`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxResponse {
    /// SHA-256 of the transaction.
    #[serde(with = "upper_hex")]
    pub hash: Vec<u8>,
    /// Its block.
    #[serde(with = "text")]
    pub height: u64,
    /// Its place in the block.
    pub index: u32,
    /// What it came to.
    pub tx_result: ExecTxResult,
    /// The transaction.
    #[serde(with = "base64")]
    pub tx: Vec<u8>,
}

/// Result of `unconfirmed_txs` and `num_unconfirmed_txs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnconfirmedTxs {
    /// How many are listed.
    #[serde(with = "text")]
    pub n_txs: u64,
    /// How many wait.
    #[serde(with = "text")]
    pub total: u64,
    /// Their bytes together.
    #[serde(with = "text")]
    pub total_bytes: u64,
    /// The first ones; `null` where only the number was asked for.
    #[serde(with = "opt_base64_list", default)]
    pub txs: Option<Vec<Vec<u8>>>,
}

mod opt_base64_list {
    use crate::encoding::base64_list;
    use serde::{Deserialize, Deserializer, Serializer};

    #[derive(Deserialize)]
    struct List(#[serde(with = "base64_list")] Vec<Vec<u8>>);

    pub(super) fn serialize<S: Serializer>(list: &Option<Vec<Vec<u8>>>, serializer: S) -> Result<S::Ok, S::Error> {
        match list {
            Some(list) => base64_list::serialize(list, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Vec<u8>>>, D::Error> {
        Ok(Option::<List>::deserialize(deserializer)?.map(|List(list)| list))
    }
}
