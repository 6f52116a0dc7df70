//! What a node says of itself: status, network, genesis, parameters. Nothing here is proven; it is for operators and for
//! finding a place to start.

use crate::encoding::{base64, or_default, text, time, upper_hex};
use crate::validator::{GenesisValidator, OwnValidator, PublicKey};
use comity_model::Time;
use serde::{Deserialize, Serialize};

/// Most bytes of a block on Comity's chains: CometBFT's default.
pub const BLOCK_BYTES_MAX: i64 = 22_020_096;
/// No bound on gas: Comity counts none.
pub const GAS_MAX: i64 = -1;
/// How long misbehaviour can be shown, and how much of it fits into a block: CometBFT's defaults.
const EVIDENCE_BLOCKS: i64 = 100_000;
const EVIDENCE_NANOS: i64 = 172_800_000_000_000;
const EVIDENCE_BYTES: i64 = 1_048_576;

/// Result of `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Who it is.
    pub node_info: NodeInfo,
    /// Where it stands.
    pub sync_info: SyncInfo,
    /// The validator it signs with.
    pub validator_info: OwnValidator,
}

/// Who a node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeInfo {
    /// Versions of its protocols.
    pub protocol_version: ProtocolVersion,
    /// 20 bytes in lower-case hex.
    pub id: String,
    /// Where other nodes would reach it.
    pub listen_addr: String,
    /// The chain.
    pub network: String,
    /// The version of CometBFT whose RPC it speaks.
    pub version: String,
    /// Channels of the peer protocol, in hex.
    #[serde(default)]
    pub channels: String,
    /// A name for people.
    pub moniker: String,
    /// More.
    pub other: NodeOther,
}

/// Versions of protocols.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolVersion {
    /// Between nodes.
    #[serde(with = "text")]
    pub p2p: u64,
    /// Of blocks.
    #[serde(with = "text")]
    pub block: u64,
    /// Of the application.
    #[serde(with = "text")]
    pub app: u64,
}

/// More about a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeOther {
    /// `on` when `tx` finds transactions.
    pub tx_index: String,
    /// Where its RPC listens.
    pub rpc_address: String,
}

/// Where a node stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncInfo {
    /// Its latest header.
    #[serde(with = "upper_hex")]
    pub latest_block_hash: Vec<u8>,
    /// The app hash in it.
    #[serde(with = "upper_hex")]
    pub latest_app_hash: Vec<u8>,
    /// Its height; 0 before the first block.
    #[serde(with = "text")]
    pub latest_block_height: u64,
    /// Its time.
    #[serde(with = "time")]
    pub latest_block_time: Time,
    /// The first header it keeps.
    #[serde(with = "upper_hex")]
    pub earliest_block_hash: Vec<u8>,
    /// The app hash in it.
    #[serde(with = "upper_hex")]
    pub earliest_app_hash: Vec<u8>,
    /// Its height.
    #[serde(with = "text")]
    pub earliest_block_height: u64,
    /// Its time.
    #[serde(with = "time")]
    pub earliest_block_time: Time,
    /// Whether it still reads old blocks from others.
    pub catching_up: bool,
}

/// Result of `net_info`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetInfo {
    /// Whether it listens.
    pub listening: bool,
    /// Where.
    #[serde(default, deserialize_with = "or_default")]
    pub listeners: Vec<String>,
    /// Connected nodes.
    #[serde(with = "text")]
    pub n_peers: u64,
    /// About each, as it stands.
    #[serde(default, deserialize_with = "or_default")]
    pub peers: Vec<serde_json::Value>,
}

/// Result of `genesis`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenesisResponse {
    /// The genesis.
    pub genesis: Genesis,
}

/// A chain's first state as CometBFT keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genesis {
    /// Time of the first block.
    #[serde(with = "time")]
    pub genesis_time: Time,
    /// The chain.
    pub chain_id: String,
    /// Height of the first block.
    #[serde(with = "text")]
    pub initial_height: u64,
    /// Parameters of consensus.
    pub consensus_params: ConsensusParams,
    /// The first validators.
    #[serde(default, deserialize_with = "or_default")]
    pub validators: Vec<GenesisValidator>,
    /// Hash of the first state: none, the application tells it.
    #[serde(default, with = "upper_hex")]
    pub app_hash: Vec<u8>,
    /// The application's first state. Comity's: `{"comity": base64 of the canonical bytes of its genesis}`.
    #[serde(default)]
    pub app_state: serde_json::Value,
}

impl Genesis {
    /// The genesis document of a Comity chain whose application has this version.
    #[must_use]
    pub fn of(genesis: &comity_model::genesis::Genesis, app_version: u64) -> Self {
        let state = ComityState { comity: comity_model::encode(genesis) };
        let validators = genesis.validators.iter().map(|one| GenesisValidator {
            address: comity_verify::comet::address(&one.public_key).to_vec(),
            pub_key: PublicKey::Ed25519(one.public_key.to_vec()),
            power: one.power,
            name: String::new(),
        });
        Self {
            genesis_time: genesis.time,
            chain_id: genesis.chain.to_string(),
            initial_height: 1,
            consensus_params: ConsensusParams::of(app_version),
            validators: validators.collect(),
            app_hash: Vec::new(),
            app_state: serde_json::to_value(state).unwrap_or_default(),
        }
    }
}

/// The `app_state` of a Comity chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComityState {
    /// Canonical bytes of `comity_model::genesis::Genesis`.
    #[serde(with = "base64")]
    pub comity: Vec<u8>,
}

/// Result of `consensus_params`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsensusParamsResponse {
    /// The block they hold for.
    #[serde(with = "text")]
    pub block_height: u64,
    /// The parameters.
    pub consensus_params: ConsensusParams,
}

/// Parameters of consensus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsensusParams {
    /// Bounds of a block.
    pub block: BlockParams,
    /// How long misbehaviour can be shown.
    pub evidence: EvidenceParams,
    /// Kinds of validators' keys.
    pub validator: ValidatorParams,
    /// Version of the application.
    #[serde(default)]
    pub version: VersionParams,
    /// Switches of ABCI.
    #[serde(default)]
    pub abci: AbciParams,
}

impl ConsensusParams {
    /// The parameters that a Comity chain runs with.
    #[must_use]
    pub fn of(app_version: u64) -> Self {
        Self {
            block: BlockParams { max_bytes: BLOCK_BYTES_MAX, max_gas: GAS_MAX },
            evidence: EvidenceParams {
                max_age_num_blocks: EVIDENCE_BLOCKS,
                max_age_duration: EVIDENCE_NANOS,
                max_bytes: EVIDENCE_BYTES,
            },
            validator: ValidatorParams { pub_key_types: vec!["ed25519".into()] },
            version: VersionParams { app: app_version },
            abci: AbciParams::default(),
        }
    }
}

/// Bounds of a block. Only these two stand in the header's `consensus_hash`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockParams {
    /// Bytes.
    #[serde(with = "text")]
    pub max_bytes: i64,
    /// Gas; -1 for no bound.
    #[serde(with = "text")]
    pub max_gas: i64,
}

/// How long misbehaviour can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceParams {
    /// In blocks.
    #[serde(with = "text")]
    pub max_age_num_blocks: i64,
    /// In nanoseconds.
    #[serde(with = "text")]
    pub max_age_duration: i64,
    /// Bytes in one block.
    #[serde(default, with = "text")]
    pub max_bytes: i64,
}

/// Kinds of validators' keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidatorParams {
    /// `ed25519`.
    pub pub_key_types: Vec<String>,
}

/// Version of the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionParams {
    /// As in headers.
    #[serde(default, with = "text")]
    pub app: u64,
}

/// Switches of ABCI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AbciParams {
    /// From when votes carry extensions; 0 for never.
    #[serde(default, with = "text")]
    pub vote_extensions_enable_height: u64,
}
