//! From a method's name to its answer. Methods that read run on the blocking pool: they touch the disk and wait for no
//! one. Knows no transport.

use crate::engine::Handle;
use crate::rpc::params::Params;
use crate::rpc::{node, read, submit};
use comity_ledger_rpc::jsonrpc::{Request, Response, RpcError, VERSION};
use serde::Serialize;
use serde_json::Value;

/// The methods and the names of their parameters in order.
pub(crate) const METHODS: &[(&str, &[&str])] = &[
    ("abci_info", &[]),
    ("abci_query", &["path", "data", "height", "prove"]),
    ("block", &["height"]),
    ("block_by_hash", &["hash"]),
    ("block_results", &["height"]),
    ("blockchain", &["minHeight", "maxHeight"]),
    ("broadcast_tx_async", &["tx"]),
    ("broadcast_tx_commit", &["tx"]),
    ("broadcast_tx_sync", &["tx"]),
    ("commit", &["height"]),
    ("consensus_params", &["height"]),
    ("genesis", &[]),
    ("header", &["height"]),
    ("header_by_hash", &["hash"]),
    ("health", &[]),
    ("net_info", &[]),
    ("num_unconfirmed_txs", &[]),
    ("status", &[]),
    ("tx", &["hash", "prove"]),
    ("unconfirmed_txs", &["limit"]),
    ("validators", &["height", "page", "per_page"]),
];

fn names(method: &str) -> Result<&'static [&'static str], RpcError> {
    METHODS.iter().find(|(name, _)| *name == method).map(|(_, names)| *names).ok_or_else(RpcError::method_not_found)
}

/// Answers one JSON-RPC message; `None` for a notification, which wants no answer.
pub(crate) async fn answer(handle: &Handle, message: Value) -> Option<Response<Value>> {
    let request: Request = match serde_json::from_value(message) {
        Ok(request) => request,
        Err(error) => {
            let error = RpcError::invalid_request(error.to_string());
            return Some(Response::failed(Value::Null, error));
        }
    };
    let id = match valid_id(&request)? {
        Ok(id) => id,
        Err(error) => return Some(Response::failed(Value::Null, error)),
    };
    let result = match names(&request.method).and_then(|names| Params::from_json(request.params, names)) {
        Ok(params) => run(handle, &request.method, params).await,
        Err(error) => Err(error),
    };
    Some(match result {
        Ok(value) => Response::ok(id, value),
        Err(error) => Response::failed(id, error),
    })
}

/// The id of a request that wants an answer: a text or a number.
pub(crate) fn valid_id(request: &Request) -> Option<Result<Value, RpcError>> {
    if request.jsonrpc != VERSION {
        return Some(Err(RpcError::invalid_request("jsonrpc must be \"2.0\"")));
    }
    match &request.id {
        None | Some(Value::Null) => None,
        Some(id @ (Value::String(_) | Value::Number(_))) => Some(Ok(id.clone())),
        Some(_) => Some(Err(RpcError::invalid_request("id must be a text or a number"))),
    }
}

/// Answers a GET.
pub(crate) async fn answer_uri(handle: &Handle, method: &str, params: Params) -> Result<Value, RpcError> {
    names(method)?;
    run(handle, method, params).await
}

async fn run(handle: &Handle, method: &str, params: Params) -> Result<Value, RpcError> {
    if method == "broadcast_tx_commit" {
        return to_value(submit::commit(handle, &params).await?);
    }
    let handle = handle.clone();
    let method = method.to_owned();
    tokio::task::spawn_blocking(move || read_method(&handle, &method, &params))
        .await
        .map_err(|_| RpcError::internal("the method failed"))?
}

fn read_method(handle: &Handle, method: &str, params: &Params) -> Result<Value, RpcError> {
    match method {
        "abci_info" => to_value(node::abci_info(handle)?),
        "abci_query" => to_value(read::abci_query(handle, params)?),
        "block" => to_value(read::block(handle, params)?),
        "block_by_hash" => to_value(read::block_by_hash(handle, params)?),
        "block_results" => to_value(read::block_results(handle, params)?),
        "blockchain" => to_value(read::blockchain(handle, params)?),
        "broadcast_tx_async" => to_value(submit::background(handle, params)?),
        "broadcast_tx_sync" => to_value(submit::sync(handle, params)?),
        "commit" => to_value(read::commit(handle, params)?),
        "consensus_params" => to_value(node::consensus_params(handle, params)?),
        "genesis" => to_value(node::genesis(handle)),
        "header" => to_value(read::header(handle, params)?),
        "header_by_hash" => to_value(read::header_by_hash(handle, params)?),
        "health" => Ok(Value::Object(serde_json::Map::new())),
        "net_info" => to_value(node::net_info()),
        "num_unconfirmed_txs" => to_value(submit::waiting(handle, None)),
        "status" => to_value(node::status(handle)?),
        "tx" => to_value(read::tx(handle, params)?),
        "unconfirmed_txs" => {
            let limit = params.integer("limit")?;
            to_value(submit::waiting(handle, Some(limit)))
        }
        "validators" => to_value(read::validators(handle, params)?),
        _ => Err(RpcError::method_not_found()),
    }
}

fn to_value<T: Serialize>(result: T) -> Result<Value, RpcError> {
    serde_json::to_value(result).map_err(|error| RpcError::internal(error.to_string()))
}
