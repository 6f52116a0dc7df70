//! A chain's first state out of CometBFT's genesis document: read, and held against what the document says beside it.
//!
//! The document's `app_state` is `{"comity": base64 of the canonical bytes of comity_model::genesis::Genesis}`. Chain,
//! time and validators stand in both; a document in which they differ would begin a chain that light clients and the
//! application see differently, and is refused.

use crate::convert;
use crate::fault::Stop;
use comity_ledger_rpc::node::{BLOCK_BYTES_MAX, ComityState};
use comity_model::ChainId;
use comity_model::genesis::Genesis;
use std::collections::BTreeMap;
use tendermint_proto::v0_38::abci::RequestInitChain;

/// The genesis that `request` carries, for `chain`.
pub(crate) fn read(request: &RequestInitChain, chain: &ChainId) -> Result<Genesis, Stop> {
    let state: ComityState = serde_json::from_slice(&request.app_state_bytes)
        .map_err(|_| Stop::refused("app_state is not {\"comity\": base64}"))?;
    let genesis: Genesis = comity_model::decode("a genesis", &state.comity)
        .map_err(|_| Stop::refused("app_state holds no genesis of this program"))?;
    if genesis.chain != *chain || request.chain_id != chain.as_str() {
        return Err(Stop::refused(format!("the genesis document is not of {chain}")));
    }
    if request.initial_height != 1 {
        return Err(Stop::refused("initial_height must be 1"));
    }
    if convert::time(request.time)? != genesis.time {
        return Err(Stop::refused("genesis_time is not the time in app_state"));
    }
    if powers(request)? != genesis.validators.iter().map(|one| (one.public_key, one.power)).collect() {
        return Err(Stop::refused("validators are not those in app_state"));
    }
    let block = request.consensus_params.as_ref().and_then(|params| params.block.as_ref());
    if !block.is_some_and(|block| (1..=BLOCK_BYTES_MAX).contains(&block.max_bytes)) {
        return Err(Stop::refused(format!("consensus_params.block.max_bytes must be 1 to {BLOCK_BYTES_MAX}")));
    }
    Ok(genesis)
}

fn powers(request: &RequestInitChain) -> Result<BTreeMap<[u8; 32], u64>, Stop> {
    let mut powers = BTreeMap::new();
    for update in &request.validators {
        let validator = convert::validator(update)?;
        powers.insert(validator.public_key, validator.power);
    }
    Ok(powers)
}
