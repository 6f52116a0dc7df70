//! Telling a chain that the chain it follows has contradicted itself.

use super::RemoteClient;
use crate::fault::Fault;
use crate::view::Contradiction;
use comity_adapters_ports::Outcome;
use comity_model::encode;
use comity_model::tx::Message;
use comity_verify::comet::LightBlock;
use comity_verify::light::{LightStep, TrustedHeader, trim};

impl RemoteClient {
    /// Submits two blocks of one height. Whether the chain has taken the evidence, or has no use for it.
    pub(crate) async fn accuse(&self, evidence: &Contradiction) -> Result<(), Fault> {
        let height = evidence.first.header.height;
        let known = match self.known().await {
            Err(Fault::Frozen(_)) => return Ok(()),
            known => known?,
        };
        if known.height() >= height {
            // The client trusts a header there, or above: the one that contradicts it freezes it.
            self.contradict(&evidence.first).await;
            self.contradict(&evidence.second).await;
            return Ok(());
        }
        let message = Message::Misbehaviour {
            client: self.id.clone(),
            first: encode(&self.step(&known, &evidence.first).await?),
            second: encode(&self.step(&known, &evidence.second).await?),
        };
        let outcome = self.host.chain.submit.submit(vec![message]).await?;
        tracing::error!(client = %self.id, host = %self.host.id(), %height, ?outcome, "misbehaviour was submitted");
        self.forget().await;
        Ok(())
    }

    /// Submits a header that contradicts one that the client trusts: it is judged from what the client trusts below.
    pub(crate) async fn contradict(&self, block: &LightBlock) {
        let step = LightStep { trusted_next: None, block: block.clone() };
        let update = Message::UpdateClient { client: self.id.clone(), steps: vec![encode(&step)] };
        let height = block.header.height;
        match self.host.chain.submit.submit(vec![update]).await {
            Ok(Outcome::Committed { .. }) => {
                tracing::error!(client = %self.id, host = %self.host.id(), %height, "a contradicting header was submitted");
            }
            Ok(Outcome::Refused { code, .. }) => {
                tracing::error!(client = %self.id, host = %self.host.id(), %height, %code, "a contradicting header was refused");
            }
            Err(error) => {
                tracing::warn!(client = %self.id, host = %self.host.id(), %error, "a contradicting header was not submitted");
            }
        }
    }

    async fn step(&self, known: &TrustedHeader, block: &LightBlock) -> Result<LightStep, Fault> {
        let next = self.target.block(known.height().next()).await?;
        let step = LightStep::new(known, next.validators.clone(), block.clone());
        Ok(trim(known, &step))
    }
}
