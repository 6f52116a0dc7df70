//! Reading blocks, validators, results and the application's state. Height rules and their wording are CometBFT's
//! (`rpc/core/env.go`, `rpc/core/blocks.go`): light clients read them.

use crate::engine::{Files, Handle};
use crate::fault::EngineError;
use crate::rpc::params::Params;
use crate::rpc::submit::result_of;
use crate::store::Meta;
use comity_ledger_app::Query;
use comity_ledger_rpc::abci::{
    AbciQuery, AbciQueryResponse, BlockResults, Event, PROOF_JMT, ProofOp, ProofOps, ValidatorUpdate,
};
use comity_ledger_rpc::block::{
    Block, BlockId, BlockMeta, BlockResponse, BlockchainResponse, CommitResponse, Data, EvidenceList, Header,
    HeaderResponse, SignedHeader,
};
use comity_ledger_rpc::convert;
use comity_ledger_rpc::encoding::hex_text;
use comity_ledger_rpc::jsonrpc::RpcError;
use comity_ledger_rpc::tx::TxResponse;
use comity_ledger_rpc::validator::ValidatorsResponse;
use comity_model::{Hash, Height};
use std::sync::Arc;

/// Most headers that `blockchain` lists.
const LISTED_MAX: u64 = 20;
const VALIDATORS_PER_PAGE: usize = 30;
const VALIDATORS_PER_PAGE_MAX: usize = 100;

/// A fault of ours: the caller learns that there is one, the log which.
pub(crate) fn fault(error: &EngineError) -> RpcError {
    if matches!(error, EngineError::Stopped) {
        return RpcError::server(error.to_string());
    }
    tracing::error!(code = error.code(), error = error as &dyn std::error::Error, "a request could not be answered");
    RpcError::internal("the ledger's files could not be read")
}

fn files(handle: &Handle) -> Result<Arc<Files>, RpcError> {
    handle.shared().files().map_err(|error| fault(&error))
}

pub(crate) fn latest(handle: &Handle) -> Height {
    handle.latest().map_or(Height(0), |block| block.height())
}

/// The height asked for, within 1 to `highest`; `highest` when left out.
pub(crate) fn height(params: &Params, highest: Height) -> Result<Height, RpcError> {
    let Some(asked) = params.integer("height")? else {
        return Ok(highest);
    };
    match u64::try_from(asked) {
        Err(_) | Ok(0) => Err(RpcError::internal(format!("height must be greater than 0, but got {asked}"))),
        Ok(height) if height > highest.0 => Err(RpcError::internal(format!(
            "height {height} must be less than or equal to the current blockchain height {highest}"
        ))),
        Ok(height) => Ok(Height(height)),
    }
}

fn meta(handle: &Handle, height: Height) -> Result<Meta, RpcError> {
    let meta = files(handle)?.store.meta(height);
    meta.map_err(|error| fault(&error))?.ok_or_else(|| RpcError::internal(format!("block {height} is not kept here")))
}

pub(crate) fn header(handle: &Handle, params: &Params) -> Result<HeaderResponse, RpcError> {
    let height = height(params, latest(handle))?;
    Ok(HeaderResponse { header: Header::from(&meta(handle, height)?.header) })
}

/// By the hash in hex here, in base64 at `block_by_hash`: CometBFT declares them so.
pub(crate) fn header_by_hash(handle: &Handle, params: &Params) -> Result<serde_json::Value, RpcError> {
    let header = match by_hash(handle, &params.hex_bytes("hash")?)? {
        Some(height) => Some(Header::from(&meta(handle, height)?.header)),
        None => None,
    };
    Ok(serde_json::json!({ "header": header }))
}

fn by_hash(handle: &Handle, bytes: &[u8]) -> Result<Option<Height>, RpcError> {
    let hash = hash_of(bytes)?;
    let height = files(handle)?.store.height_of(&hash);
    let height = height.map_err(|error| fault(&error))?;
    Ok(height.filter(|height| *height <= latest(handle)))
}

fn hash_of(bytes: &[u8]) -> Result<Hash, RpcError> {
    <[u8; 32]>::try_from(bytes).map(Hash).map_err(|_| RpcError::invalid_params("hash must have 32 bytes"))
}

pub(crate) fn commit(handle: &Handle, params: &Params) -> Result<CommitResponse, RpcError> {
    let latest = latest(handle);
    let height = height(params, latest)?;
    let commit = files(handle)?.store.commit(height);
    let commit = commit
        .map_err(|error| fault(&error))?
        .ok_or_else(|| RpcError::internal(format!("block {height} is not kept here")))?;
    Ok(CommitResponse {
        signed_header: SignedHeader { header: Header::from(&meta(handle, height)?.header), commit: (&commit).into() },
        // The signatures for the latest block are seen; the next block will carry them.
        canonical: height < latest,
    })
}

pub(crate) fn block(handle: &Handle, params: &Params) -> Result<BlockResponse, RpcError> {
    block_at(handle, height(params, latest(handle))?)
}

pub(crate) fn block_by_hash(handle: &Handle, params: &Params) -> Result<BlockResponse, RpcError> {
    match by_hash(handle, &params.bytes("hash")?)? {
        Some(height) => block_at(handle, height),
        None => Ok(BlockResponse { block_id: BlockId::default(), block: None }),
    }
}

fn block_at(handle: &Handle, height: Height) -> Result<BlockResponse, RpcError> {
    let files = files(handle)?;
    let store = &files.store;
    let meta = meta(handle, height)?;
    let txs = store.txs(height).map_err(|error| fault(&error))?;
    let before = Height(height.0.saturating_sub(1));
    let last_commit = store.commit(before).map_err(|error| fault(&error))?;
    Ok(BlockResponse {
        block_id: (&meta.id).into(),
        block: Some(Block {
            header: Header::from(&meta.header),
            data: Data { txs },
            evidence: EvidenceList::default(),
            last_commit: Some(convert::last_commit(last_commit.as_ref())),
        }),
    })
}

pub(crate) fn blockchain(handle: &Handle, params: &Params) -> Result<BlockchainResponse, RpcError> {
    let latest = latest(handle);
    let bound = |name: &str, default: u64| -> Result<u64, RpcError> {
        match params.integer(name)? {
            None | Some(0) => Ok(default),
            Some(height) => u64::try_from(height).map_err(|_| RpcError::internal("heights must be non-negative")),
        }
    };
    let max = bound("maxHeight", latest.0)?.min(latest.0);
    let min = bound("minHeight", 1)?.max((max + 1).saturating_sub(LISTED_MAX));
    if min > max {
        return Err(RpcError::internal(format!("min height {min} can't be greater than max height {max}")));
    }
    let mut metas = Vec::new();
    for height in (min..=max).rev() {
        let meta = meta(handle, Height(height))?;
        metas.push(BlockMeta {
            block_id: (&meta.id).into(),
            block_size: meta.size,
            header: Header::from(&meta.header),
            num_txs: u64::from(meta.txs),
        });
    }
    Ok(BlockchainResponse { last_height: latest.0, block_metas: metas })
}

pub(crate) fn block_results(handle: &Handle, params: &Params) -> Result<BlockResults, RpcError> {
    let height = height(params, latest(handle))?;
    let results = files(handle)?.store.results(height);
    let results = results
        .map_err(|error| fault(&error))?
        .ok_or_else(|| RpcError::internal(format!("could not find results for height #{height}")))?;
    let txs: Vec<_> = results.txs().iter().map(result_of).collect();
    Ok(BlockResults {
        height: height.0,
        txs_results: (!txs.is_empty()).then_some(txs),
        finalize_block_events: results.events.iter().map(Event::of).collect(),
        validator_updates: updates(&results.validator_updates),
        consensus_param_updates: None,
        app_hash: results.app_hash.0.to_vec(),
    })
}

/// Validator updates on the wire.
pub(crate) fn updates(updates: &[comity_model::governance::ValidatorUpdate]) -> Vec<ValidatorUpdate> {
    updates.iter().map(|update| ValidatorUpdate::ed25519(&update.public_key, update.power)).collect()
}

pub(crate) fn validators(handle: &Handle, params: &Params) -> Result<ValidatorsResponse, RpcError> {
    // The set of the next block is decided already: a light client asks for it.
    let height = height(params, latest(handle).next())?;
    let set = files(handle)?.store.validators(height);
    let set = set
        .map_err(|error| fault(&error))?
        .ok_or_else(|| RpcError::internal(format!("validators of {height} are not kept here")))?;
    let per_page = match params.integer("per_page")? {
        None => VALIDATORS_PER_PAGE,
        Some(count) => usize::try_from(count)
            .ok()
            .filter(|count| *count > 0)
            .unwrap_or(VALIDATORS_PER_PAGE)
            .min(VALIDATORS_PER_PAGE_MAX),
    };
    let all = convert::validators(&set);
    let pages = all.len().div_ceil(per_page).max(1);
    let asked = params.integer("page")?.unwrap_or(1);
    let page = usize::try_from(asked)
        .ok()
        .filter(|page| (1..=pages).contains(page))
        .ok_or_else(|| RpcError::internal(format!("page should be within [1, {pages}] range, given {asked}")))?;
    let total = all.len();
    let listed: Vec<_> = all.into_iter().skip((page - 1) * per_page).take(per_page).collect();
    let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Ok(ValidatorsResponse { block_height: height.0, count: wide(listed.len()), validators: listed, total: wide(total) })
}

pub(crate) fn tx(handle: &Handle, params: &Params) -> Result<TxResponse, RpcError> {
    let hash = hash_of(&params.bytes("hash")?)?;
    if params.flag("prove")? {
        return Err(RpcError::invalid_params(
            "this ledger gives no inclusion proofs of transactions; prove the state instead",
        ));
    }
    let outcome = handle.outcome_of(&hash).map_err(|error| fault(&error))?;
    let missing = || RpcError::internal(format!("tx ({}) not found", hex_text(&hash.0)));
    let outcome = outcome.ok_or_else(missing)?;
    let txs = files(handle)?.store.txs(outcome.height);
    let txs = txs.map_err(|error| fault(&error))?;
    let tx = usize::try_from(outcome.index).ok().and_then(|index| txs.into_iter().nth(index)).ok_or_else(missing)?;
    Ok(TxResponse {
        hash: hash.0.to_vec(),
        height: outcome.height.0,
        index: outcome.index,
        tx_result: result_of(&outcome.result),
        tx,
    })
}

pub(crate) fn abci_query(handle: &Handle, params: &Params) -> Result<AbciQueryResponse, RpcError> {
    let path = params.text("path")?;
    let data = params.hex_bytes("data")?;
    let height = match params.integer("height")? {
        None | Some(0) => None,
        Some(height) => {
            Some(Height(u64::try_from(height).map_err(|_| RpcError::internal("height must be non-negative"))?))
        }
    };
    let answer = handle.query(&Query { path: &path, data: &data, height, prove: params.flag("prove")? });
    let answer = answer.map_err(|error| fault(&error))?;
    let proof_ops = (!answer.proof.is_empty()).then(|| ProofOps {
        ops: vec![ProofOp { kind: PROOF_JMT.into(), key: answer.key.clone(), data: answer.proof }],
    });
    Ok(AbciQueryResponse {
        response: AbciQuery {
            code: answer.code,
            log: answer.log,
            key: answer.key,
            value: answer.value,
            proof_ops,
            height: answer.height.0,
            codespace: answer.codespace,
            ..AbciQuery::default()
        },
    })
}
