//! Taking transactions in, by CometBFT's three ways, and listing those that wait.

use crate::block::tx_hash;
use crate::engine::Handle;
use crate::fault::SubmitError;
use crate::rpc::params::Params;
use comity_ledger_app::TxResult;
use comity_ledger_rpc::abci::{Event, ExecTxResult};
use comity_ledger_rpc::jsonrpc::RpcError;
use comity_ledger_rpc::tx::{BroadcastTx, BroadcastTxCommit, UnconfirmedTxs};
use comity_model::Hash;
use tokio::sync::oneshot;

const LISTED_DEFAULT: usize = 30;
const LISTED_MAX: usize = 100;

/// A result on the wire.
pub(crate) fn result_of(result: &TxResult) -> ExecTxResult {
    ExecTxResult {
        code: result.code,
        log: result.log.clone(),
        codespace: result.codespace.clone(),
        events: result.events.iter().map(Event::of).collect(),
        ..ExecTxResult::default()
    }
}

/// `broadcast_tx_sync`: checked, waiting.
pub(crate) fn sync(handle: &Handle, params: &Params) -> Result<BroadcastTx, RpcError> {
    let tx = params.bytes("tx")?;
    let hash = tx_hash(&tx);
    let refused = enter(handle, hash, tx, None)?;
    Ok(accepted(hash, refused))
}

/// `broadcast_tx_async`: as `sync`, but the application's refusal is not told.
pub(crate) fn background(handle: &Handle, params: &Params) -> Result<BroadcastTx, RpcError> {
    let tx = params.bytes("tx")?;
    let hash = tx_hash(&tx);
    enter(handle, hash, tx, None)?;
    Ok(accepted(hash, None))
}

/// `broadcast_tx_commit`: answered when the transaction stands in a durable block.
pub(crate) async fn commit(handle: &Handle, params: &Params) -> Result<BroadcastTxCommit, RpcError> {
    let tx = params.bytes("tx")?;
    let hash = tx_hash(&tx);
    let (waiter, answer) = oneshot::channel();
    let entering = handle.clone();
    let refused = tokio::task::spawn_blocking(move || enter(&entering, hash, tx, Some(waiter)))
        .await
        .map_err(|_| RpcError::internal("the check failed"))??;
    if let Some(refused) = refused {
        return Ok(BroadcastTxCommit {
            check_tx: result_of(&refused),
            tx_result: ExecTxResult::default(),
            hash: hash.0.to_vec(),
            height: 0,
        });
    }
    let patience = handle.shared().limits.rpc_commit_timeout;
    let outcome = match tokio::time::timeout(patience, answer).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(SubmitError::Stopped),
        Err(_) => Err(SubmitError::TimedOut),
    };
    let outcome = outcome.map_err(|error| RpcError::internal(error.to_string()))?;
    Ok(BroadcastTxCommit {
        check_tx: ExecTxResult::default(),
        tx_result: result_of(&outcome.result),
        hash: hash.0.to_vec(),
        height: outcome.height.0,
    })
}

/// Lets a transaction wait; the application's refusal is a result, everything else an error. As on CometBFT, one that
/// waits or was carried out is not taken again.
fn enter(
    handle: &Handle,
    hash: Hash,
    tx: Vec<u8>,
    waiter: Option<crate::pool::Waiter>,
) -> Result<Option<TxResult>, RpcError> {
    if tx.is_empty() {
        return Err(RpcError::invalid_params("tx must not be empty"));
    }
    let told = |error: SubmitError| RpcError::internal(error.to_string());
    if handle.shared().pool.holds(&hash) || handle.carried_out(&hash).map_err(told)?.is_some() {
        return Err(told(SubmitError::AlreadyThere));
    }
    match handle.enter(hash, tx, waiter) {
        Ok(()) => Ok(None),
        Err(SubmitError::Refused(result)) => Ok(Some(result)),
        Err(error) => Err(told(error)),
    }
}

fn accepted(hash: Hash, refused: Option<TxResult>) -> BroadcastTx {
    let (code, log, codespace) =
        refused.map_or_else(Default::default, |result| (result.code, result.log, result.codespace));
    BroadcastTx { code, data: Vec::new(), log, codespace, hash: hash.0.to_vec() }
}

/// `unconfirmed_txs` with a limit, `num_unconfirmed_txs` without.
pub(crate) fn waiting(handle: &Handle, limit: Option<Option<i64>>) -> UnconfirmedTxs {
    let shared = handle.shared();
    let size = shared.pool.size();
    let txs = limit.map(|limit| {
        let count = limit
            .and_then(|limit| usize::try_from(limit).ok())
            .filter(|limit| *limit > 0)
            .unwrap_or(LISTED_DEFAULT)
            .min(LISTED_MAX);
        shared.pool.oldest(count, shared.limits.block_bytes_max)
    });
    let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    UnconfirmedTxs {
        n_txs: wide(txs.as_ref().map_or(size.count, Vec::len)),
        total: wide(size.count),
        total_bytes: wide(size.bytes),
        txs,
    }
}
