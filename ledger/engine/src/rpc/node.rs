//! What the ledger says of itself: status, genesis, parameters, network. Nothing here is proven.

use crate::engine::Handle;
use crate::rpc::params::Params;
use crate::rpc::read::{self, fault};
use comity_ledger_app::abci::APP_VERSION;
use comity_ledger_rpc::abci::{AbciInfo, AbciInfoResponse};
use comity_ledger_rpc::encoding::hex_text;
use comity_ledger_rpc::jsonrpc::RpcError;
use comity_ledger_rpc::node::{
    ConsensusParams, ConsensusParamsResponse, Genesis, GenesisResponse, NetInfo, NodeInfo, NodeOther, ProtocolVersion,
    Status, SyncInfo,
};
use comity_ledger_rpc::validator::{OwnValidator, PublicKey};
use comity_model::Height;
use comity_verify::comet::{BLOCK_PROTOCOL, address};

/// The version of CometBFT whose RPC is spoken: clients choose their dialect by it.
const SPOKEN_VERSION: &str = "0.38.0";
/// `status`.
pub(crate) fn status(handle: &Handle) -> Result<Status, RpcError> {
    let shared = handle.shared();
    let missing = || RpcError::internal("the ledger has no block yet");
    let latest = handle.latest().ok_or_else(missing)?;
    let files = shared.files().map_err(|error| fault(&error))?;
    let first = files.store.meta(Height(1));
    let first = first.map_err(|error| fault(&error))?.ok_or_else(missing)?;
    let set = files.store.validators(latest.height());
    let set = set.map_err(|error| fault(&error))?.ok_or_else(missing)?;
    let own = address(&shared.own);
    let power = set
        .validators()
        .iter()
        .find(|validator| validator.public_key == shared.own)
        .map_or(0, |validator| validator.power);
    Ok(Status {
        node_info: NodeInfo {
            protocol_version: ProtocolVersion { p2p: 8, block: BLOCK_PROTOCOL, app: APP_VERSION },
            id: hex_text(&own).to_lowercase(),
            // There are no peers: nothing listens for them.
            listen_addr: "tcp://127.0.0.1:0".into(),
            network: shared.genesis.chain.to_string(),
            version: SPOKEN_VERSION.into(),
            channels: String::new(),
            moniker: format!("comity {} (embedded, one operator)", env!("CARGO_PKG_VERSION")),
            other: NodeOther { tx_index: "on".into(), rpc_address: String::new() },
        },
        sync_info: SyncInfo {
            latest_block_hash: latest.id.hash.0.to_vec(),
            latest_app_hash: latest.header.app_hash.bytes().to_vec(),
            latest_block_height: latest.height().0,
            latest_block_time: latest.header.time,
            earliest_block_hash: first.id.hash.0.to_vec(),
            earliest_app_hash: first.header.app_hash.bytes().to_vec(),
            earliest_block_height: 1,
            earliest_block_time: first.header.time,
            catching_up: false,
        },
        validator_info: OwnValidator {
            address: own.to_vec(),
            pub_key: PublicKey::Ed25519(shared.own.to_vec()),
            voting_power: power,
        },
    })
}

/// `abci_info`.
pub(crate) fn abci_info(handle: &Handle) -> Result<AbciInfoResponse, RpcError> {
    let info = handle.info().map_err(|error| fault(&error))?;
    Ok(AbciInfoResponse {
        response: AbciInfo {
            data: "comity".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            app_version: APP_VERSION,
            last_block_height: info.height.0,
            last_block_app_hash: info.app_hash.0.to_vec(),
        },
    })
}

/// `genesis`.
pub(crate) fn genesis(handle: &Handle) -> GenesisResponse {
    GenesisResponse { genesis: Genesis::of(&handle.shared().genesis, APP_VERSION) }
}

/// `consensus_params`.
pub(crate) fn consensus_params(handle: &Handle, asked: &Params) -> Result<ConsensusParamsResponse, RpcError> {
    let height = read::height(asked, read::latest(handle).next())?;
    Ok(ConsensusParamsResponse { block_height: height.0, consensus_params: ConsensusParams::of(APP_VERSION) })
}

/// `net_info`: an embedded ledger has no peers.
pub(crate) fn net_info() -> NetInfo {
    NetInfo { listening: false, listeners: Vec::new(), n_peers: 0, peers: Vec::new() }
}
