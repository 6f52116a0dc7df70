//! State with proof, and inclusion in the tree over header hashes.

use crate::CometChain;
use crate::query::refused;
use async_trait::async_trait;
use comity_adapters_ports::{Headers, PortError, Prover, StateProof};
use comity_ledger_rpc::abci::{AbciQuery, PROOF_JMT};
use comity_model::state::StatePath;
use comity_model::{Hash, Height, encode};
use std::sync::atomic::Ordering;

const PATH: &str = "/state";

#[async_trait]
impl Prover for CometChain {
    async fn prove(&self, path: &StatePath, header: Height) -> Result<StateProof, PortError> {
        self.state(comity_verify::state::key(path), header).await
    }

    async fn header_proof(&self, height: Height, size: u64) -> Result<Vec<Hash>, PortError> {
        self.ask("a path in the header tree", "/header-proof", &encode(&(height, size))).await
    }
}

impl CometChain {
    pub(crate) async fn state(&self, key: [u8; 32], header: Height) -> Result<StateProof, PortError> {
        // The app hash after block h stands in header h + 1. Height 0 means "the latest" to the RPC, so what header 1
        // proves cannot be asked for.
        let Some(height) = header.0.checked_sub(1).filter(|height| *height > 0) else {
            return Err(PortError::Gone(header));
        };
        self.require(header).await?;
        let answer = match self.query(PATH, &key, Some(height), true).await {
            Ok(answer) => answer,
            Err(error) => return Err(self.explain(error, Height(height)).await),
        };
        if answer.code != 0 {
            return Err(self.explain_refusal(&answer, header).await);
        }
        if answer.height != height {
            let text = format!("asked for the state after block {height}, got {}", answer.height);
            return Err(PortError::Malformed(text));
        }
        Ok(StateProof {
            proof: proof(&answer)?,
            // No value of the state is empty.
            value: (!answer.value.is_empty()).then_some(answer.value),
            header,
        })
    }

    /// The node proves against app hashes whose header does not exist yet; the port does not.
    async fn require(&self, header: Height) -> Result<(), PortError> {
        if header.0 <= self.seen.load(Ordering::Relaxed) || header <= self.latest().await? {
            return Ok(());
        }
        Err(PortError::NotYet(header))
    }

    async fn explain_refusal(&self, answer: &AbciQuery, header: Height) -> PortError {
        // The header exists, so a state that cannot be read was pruned, unless the application lags behind its blocks.
        match self.latest().await {
            Ok(latest) if header.0.saturating_add(1) < latest.0 => PortError::Gone(header),
            _ => refused(PATH, answer),
        }
    }
}

fn proof(answer: &AbciQuery) -> Result<Vec<u8>, PortError> {
    let ops = answer.proof_ops.as_ref().map_or(&[][..], |proof| &proof.ops);
    match ops {
        [op] if op.kind == PROOF_JMT => Ok(op.data.clone()),
        ops => Err(PortError::Malformed(format!("expected one proof of kind {PROOF_JMT}, got {}", ops.len()))),
    }
}
