//! Telling a chain that the chain it follows has contradicted itself.

use super::RemoteClient;
use crate::fault::Fault;
use comity_adapters_ports::Outcome;
use comity_model::tx::Message;
use comity_model::{Height, encode};
use comity_verify::comet::LightBlock;
use comity_verify::light::{Evidence, LightStep, TrustedHeader, trim};

/// Why a chain does not take what it is shown.
const FROZEN: &str = "CLIENT_FROZEN";

impl RemoteClient {
    /// Submits evidence until the client is frozen.
    pub(crate) async fn accuse(&self, evidence: &Evidence) -> Result<(), Fault> {
        let known = match self.known().await {
            Err(Fault::Frozen(_)) => return Ok(()),
            known => known?,
        };
        let (common, height) = (evidence.common.height(), evidence.primary.height());
        let known = if known.height() < common { self.bring_to(&known, common).await? } else { known };
        let messages = if known.height() >= height {
            // The client trusts a header there, or above: what contradicts it freezes it.
            let steps = [&evidence.primary, &evidence.witness];
            let whole = |step: &LightStep| LightStep { trusted_next: None, block: step.block.clone() };
            vec![self.update(&steps.map(whole))]
        } else {
            let (first, second) = if known.header_hash() == evidence.common.header_hash() {
                (evidence.primary.clone(), evidence.witness.clone())
            } else {
                // It got further than where both agree: judged from there.
                (self.step(&known, &evidence.primary.block).await?, self.step(&known, &evidence.witness.block).await?)
            };
            vec![Message::Misbehaviour { client: self.id.clone(), first: encode(&first), second: encode(&second) }]
        };
        let outcome = self.host.chain.submit.submit(messages).await?;
        self.forget().await;
        let (client, host) = (&self.id, self.host.id());
        match outcome {
            Outcome::Committed { .. } => {
                tracing::error!(%client, %host, %height, "misbehaviour was proven: the client is frozen");
                Ok(())
            }
            Outcome::Refused { code, .. } if code.as_str() == FROZEN => Ok(()),
            Outcome::Refused { code, detail } => {
                tracing::error!(%client, %host, %height, %code, detail, "evidence of misbehaviour was refused");
                Err(Fault::UpdateRefused(self.id.clone(), code))
            }
        }
    }

    /// Brings the client to a header on which both stories agree.
    async fn bring_to(&self, known: &TrustedHeader, common: Height) -> Result<TrustedHeader, Fault> {
        let link = self.target.link(known, common).await?;
        let steps = self.submit_early_steps(link.steps).await?;
        match self.host.chain.submit.submit(vec![self.update(&steps)]).await? {
            Outcome::Committed { .. } => {
                self.learnt(link.header.clone()).await;
                Ok(link.header)
            }
            Outcome::Refused { code, .. } => {
                self.forget().await;
                Err(Fault::UpdateRefused(self.id.clone(), code))
            }
        }
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
