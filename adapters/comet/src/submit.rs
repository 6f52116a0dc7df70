//! Submission: sign once, deliver, and find out what became of it whatever happens to the answer.
//!
//! `broadcast_tx_commit` answers in the exchange that carries the transaction, so nothing is polled while all goes
//! well. When its answer is lost or says that the transaction is known, it is looked up by its hash; when it is not
//! found, the very same bytes are sent again, so that no repetition can be a second transaction.

use crate::CometChain;
use crate::follow::hints;
use crate::http::CallError;
use async_trait::async_trait;
use comity_adapters_ports::{Courier, Outcome, PortError, StateProof, Submit, signed, transaction_hash};
use comity_ledger_rpc::abci::ExecTxResult;
use comity_ledger_rpc::jsonrpc::Request;
use comity_ledger_rpc::tx::{BroadcastTxCommit, TxResponse};
use comity_model::tx::Message;
use comity_model::{Hash, Height};
use std::time::Duration;
use tokio::time::Instant;

/// Longest wait for one answer of `broadcast_tx_commit`; CometBFT gives up after 10 seconds by itself.
const COMMIT_WAIT: Duration = Duration::from_secs(10);
/// First and longest pause between looking up and sending again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

#[async_trait]
impl Submit for CometChain {
    async fn submit(&self, messages: Vec<Message>) -> Result<Outcome, PortError> {
        match signed(self.operator.as_ref(), &self.chain, messages)? {
            Ok(tx) => self.deliver(&tx, false).await,
            Err(refused) => Ok(refused),
        }
    }
}

#[async_trait]
impl Courier for CometChain {
    async fn prove_key(&self, key: [u8; 32], header: Height) -> Result<StateProof, PortError> {
        self.state(key, header).await
    }

    async fn deliver(&self, tx: &[u8], again: bool) -> Result<Outcome, PortError> {
        let hash = transaction_hash(tx);
        let deadline = Instant::now() + self.submit_timeout;
        let mut pause = PAUSE.0;
        let mut attempts = u32::from(again);
        if again && let Some(outcome) = self.find(&hash).await {
            return Ok(outcome);
        }
        loop {
            attempts += 1;
            let remaining = deadline.saturating_duration_since(Instant::now());
            let sent = self.send(tx, remaining.min(COMMIT_WAIT)).await;
            // A refusal of the first attempt is the answer. A later one may be the refusal of a repetition.
            if attempts == 1 && sent.is_ok() || matches!(sent, Ok(Outcome::Committed { .. })) {
                return sent;
            }
            if let Some(outcome) = self.find(&hash).await {
                return Ok(outcome);
            }
            match sent {
                Ok(refused) => return Ok(refused),
                Err(error) if deadline < Instant::now() + pause => return Err(error),
                Err(error) => tracing::debug!(%error, attempts, "submission without an answer"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }
}

impl CometChain {
    async fn send(&self, tx: &[u8], wait: Duration) -> Result<Outcome, PortError> {
        let request = Request::broadcast_tx_commit(tx);
        let answer: BroadcastTxCommit = self.rpc.call_within(&request, wait).await?;
        if answer.check_tx.code != 0 {
            return Ok(refused(&answer.check_tx));
        }
        Ok(outcome(transaction_hash(tx), answer.height, &answer.tx_result))
    }

    /// The transaction, if it is in a block. No answer is as good as none: the caller tries again.
    async fn find(&self, hash: &Hash) -> Option<Outcome> {
        match self.rpc.call::<TxResponse>(&Request::tx(&hash.0)).await {
            Ok(found) if found.hash == hash.0 => Some(outcome(*hash, found.height, &found.tx_result)),
            Ok(_) | Err(CallError::Node(_) | CallError::Port(_)) => None,
        }
    }
}

fn outcome(tx: Hash, height: u64, result: &ExecTxResult) -> Outcome {
    if result.code != 0 {
        return refused(result);
    }
    Outcome::Committed { tx, height: Height(height), events: hints(&result.events).collect() }
}

fn refused(result: &ExecTxResult) -> Outcome {
    Outcome::refused(&result.codespace, &result.log)
}
