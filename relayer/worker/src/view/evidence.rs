//! Evidence against a chain: kept on disk before anybody is told, and found again after a restart. Refuses to know how it is
//! submitted.

use super::View;
use comity_model::{ChainId, decode, encode};
use comity_store::{Batch, Table};
use comity_verify::comet::Address;
use comity_verify::light::{ConsensusState, Divergence, Evidence, LightStep, TrustedHeader};
use std::sync::Arc;

/// Chain id and anchor hash → [`Row`]. A new anchor is a new beginning: what is kept here no longer speaks against it.
const EVIDENCE: Table = Table("relayer_evidence");

/// The common header, both steps, how they contradict each other, and who signed both.
type Row = (ChainId, ConsensusState, LightStep, LightStep, Divergence, Vec<Address>);

impl View {
    /// Keeps evidence, then hands it to whoever has a client of the chain.
    pub(super) async fn accuse(&self, evidence: Evidence) {
        let (first, second) = (evidence.divergence.first.header_hash, evidence.divergence.second.header_hash);
        let kind = evidence.divergence.kind;
        tracing::error!(chain = %self.id, height = %evidence.primary.height(), ?kind, %first, %second, "the chain has contradicted itself");
        let row: Row = (
            self.id.clone(),
            evidence.common.consensus_state().clone(),
            evidence.primary.clone(),
            evidence.witness.clone(),
            evidence.divergence.clone(),
            evidence.signed_both.clone(),
        );
        if let Err(error) = self.store.commit(Batch::new().put(EVIDENCE, self.cursor_key(), encode(&row))).await {
            // The chains that follow it keep it as well, once they are told.
            tracing::error!(chain = %self.id, %error, "the evidence was not kept here");
        }
        self.divergence.send_replace(Some(Arc::new(evidence)));
    }

    /// Evidence that was kept before a restart.
    pub(super) async fn kept_evidence(&self) -> Option<Evidence> {
        let bytes = match self.store.read(EVIDENCE, &self.cursor_key()).await {
            Ok(bytes) => bytes?,
            Err(error) => {
                tracing::warn!(chain = %self.id, %error, "kept evidence cannot be read");
                return None;
            }
        };
        let (chain, common, primary, witness, divergence, signed_both): Row = decode("evidence", &bytes).ok()?;
        let common = TrustedHeader::restore(chain, common);
        Some(Evidence { common, primary, witness, divergence, signed_both })
    }
}
