//! Submission: sign once, send, and find out what became of it whatever happens to the answer.
//!
//! `broadcast_tx_commit` answers in the exchange that carries the transaction, so nothing is polled while all goes
//! well. When its answer is lost or says that the transaction is known, it is looked up by its hash; when it is not
//! found, the very same bytes are sent again, so that no repetition can be a second transaction.

use crate::CometChain;
use crate::follow::hints;
use crate::http::CallError;
use async_trait::async_trait;
use comity_adapters_ports::{Outcome, PortError, Submit};
use comity_ledger_rpc::abci::ExecTxResult;
use comity_ledger_rpc::jsonrpc::Request;
use comity_ledger_rpc::tx::{BroadcastTxCommit, TxResponse};
use comity_model::tx::{Message, TX_BYTES_MAX, Transaction, TxBody};
use comity_model::{Height, ReasonCode, encode};
use comity_verify::seal::{TAG_TX, signing_bytes};
use ed25519_dalek::Signer;
use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio::time::Instant;

/// Longest wait for one answer of `broadcast_tx_commit`; CometBFT gives up after 10 seconds by itself.
const COMMIT_WAIT: Duration = Duration::from_secs(10);
/// First and longest pause between looking up and sending again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

#[async_trait]
impl Submit for CometChain {
    async fn submit(&self, messages: Vec<Message>) -> Result<Outcome, PortError> {
        let tx = match self.sign(messages)? {
            Ok(tx) => tx,
            Err(refused) => return Ok(refused),
        };
        let hash: [u8; 32] = Sha256::digest(&tx).into();
        let deadline = Instant::now() + self.submit_timeout;
        let mut pause = PAUSE.0;
        let mut attempts = 0u32;
        loop {
            attempts += 1;
            let remaining = deadline.saturating_duration_since(Instant::now());
            let sent = self.send(&tx, remaining.min(COMMIT_WAIT)).await;
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
    fn sign(&self, messages: Vec<Message>) -> Result<Result<Vec<u8>, Outcome>, PortError> {
        let Some(operator) = &self.operator else {
            return Ok(Err(refusal("NO_OPERATOR_KEY", "no operator key is configured")));
        };
        let mut salt = [0; 8];
        getrandom::fill(&mut salt).map_err(|error| PortError::Unavailable(error.to_string()))?;
        let body = TxBody { chain: self.chain.clone(), sender: operator.verifying_key().to_bytes(), salt, messages };
        let signature = operator.sign(&signing_bytes(TAG_TX, &body)).to_bytes();
        let tx = encode(&Transaction { body, signature });
        if tx.len() > TX_BYTES_MAX {
            let detail = format!("the transaction has {} bytes, at most {TX_BYTES_MAX} are allowed", tx.len());
            return Ok(Err(refusal("TX_TOO_LARGE", &detail)));
        }
        Ok(Ok(tx))
    }

    async fn send(&self, tx: &[u8], wait: Duration) -> Result<Outcome, PortError> {
        let request = Request::broadcast_tx_commit(tx);
        let answer: BroadcastTxCommit = self.rpc.call_within(&request, wait).await?;
        if answer.check_tx.code != 0 {
            return Ok(refused(&answer.check_tx));
        }
        Ok(outcome(answer.height, &answer.tx_result))
    }

    /// The transaction, if it is in a block. No answer is as good as none: the caller tries again.
    async fn find(&self, hash: &[u8; 32]) -> Option<Outcome> {
        match self.rpc.call::<TxResponse>(&Request::tx(hash)).await {
            Ok(found) if found.hash == hash => Some(outcome(found.height, &found.tx_result)),
            Ok(_) | Err(CallError::Node(_) | CallError::Port(_)) => None,
        }
    }
}

fn outcome(height: u64, result: &ExecTxResult) -> Outcome {
    if result.code != 0 {
        return refused(result);
    }
    Outcome::Committed { height: Height(height), events: hints(&result.events).collect() }
}

fn refused(result: &ExecTxResult) -> Outcome {
    refusal(&result.codespace, &result.log)
}

fn refusal(code: &str, detail: &str) -> Outcome {
    Outcome::Refused {
        // Applications other than Comity's name no reason code.
        code: code.parse().unwrap_or_else(|_| unnamed()),
        detail: detail.chars().take(500).collect(),
    }
}

fn unnamed() -> ReasonCode {
    #[allow(clippy::expect_used)] // a constant of the right form
    "REFUSED_BY_CHAIN".parse().expect("a reason code")
}
