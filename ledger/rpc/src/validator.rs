//! Validators as the RPC lists them. Refuses keys other than Ed25519: no other kind signs a chain that Comity follows.

use crate::encoding::{base64, or_default, text, upper_hex};
use serde::{Deserialize, Serialize};

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value")]
pub enum PublicKey {
    /// 32 bytes.
    #[serde(rename = "tendermint/PubKeyEd25519")]
    Ed25519(#[serde(with = "base64")] Vec<u8>),
}

/// A validator at some height.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validator {
    /// First 20 bytes of the key's SHA-256.
    #[serde(with = "upper_hex")]
    pub address: Vec<u8>,
    /// Its key.
    pub pub_key: PublicKey,
    /// Its power.
    #[serde(with = "text")]
    pub voting_power: u64,
    /// Of interest to a node that elects proposers: 0 on an embedded ledger.
    #[serde(default, with = "text")]
    pub proposer_priority: i64,
}

/// Result of `validators`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidatorsResponse {
    /// The block they sign.
    #[serde(with = "text")]
    pub block_height: u64,
    /// One page, in the set's order (power falling, then address rising).
    #[serde(deserialize_with = "or_default")]
    pub validators: Vec<Validator>,
    /// How many this page holds.
    #[serde(with = "text")]
    pub count: u64,
    /// How many the set holds.
    #[serde(with = "text")]
    pub total: u64,
}

/// The node's own validator in `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnValidator {
    /// Its address.
    #[serde(with = "upper_hex")]
    pub address: Vec<u8>,
    /// Its key.
    pub pub_key: PublicKey,
    /// Its power now; 0 if it is in no set.
    #[serde(with = "text")]
    pub voting_power: u64,
}

/// A validator in a genesis file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenesisValidator {
    /// Its address.
    #[serde(with = "upper_hex", default)]
    pub address: Vec<u8>,
    /// Its key.
    pub pub_key: PublicKey,
    /// Its power.
    #[serde(with = "text")]
    pub power: u64,
    /// A name for people.
    #[serde(default)]
    pub name: String,
}
