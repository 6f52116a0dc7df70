//! Carrying a packet by hand, as any relayer could: what the attacks, and an order that came too late, need. It holds an
//! operator's key and therefore no authority: the chains verify what it brings.

use crate::failure::{Failure, OrFail};
use comity_adapters_ports::{Chain, Outcome, StateProof};
use comity_model::client::ClientState;
use comity_model::packet::Packet;
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{ClientId, Height};
use comity_verify::light::{ConsensusState, LightStep, TrustedHeader};
use std::time::Duration;

/// From one chain to the client of it on another.
pub(super) struct Carrier<'a> {
    source: &'a Chain,
    dest: &'a Chain,
    /// The client of `source`, on `dest`.
    client: ClientId,
}

impl<'a> Carrier<'a> {
    /// A carrier from `source` to `client` of it on `dest`.
    pub(super) fn new(source: &'a Chain, dest: &'a Chain, client: ClientId) -> Self {
        Self { source, dest, client }
    }

    /// The step that brings the destination's client to `height` of the source.
    pub(super) async fn step(&self, height: Height) -> Result<LightStep, Failure> {
        let client: ClientState = read(self.dest, &StatePath::Client(self.client.clone())).await?;
        let path = StatePath::Consensus(self.client.clone(), client.latest);
        let known: ConsensusState = read(self.dest, &path).await?;
        let trusted = TrustedHeader::restore(client.chain, known);
        let next = block(self.source, client.latest.next()).await?.validators;
        Ok(LightStep::new(&trusted, next, block(self.source, height).await?))
    }

    /// The messages that update the client by `step`, then `message`.
    pub(super) fn messages(&self, step: &LightStep, message: Option<Message>) -> Vec<Message> {
        let update = Message::UpdateClient { client: self.client.clone(), steps: vec![comity_model::encode(step)] };
        std::iter::once(update).chain(message).collect()
    }

    /// Submits to the destination.
    pub(super) async fn submit(&self, messages: Vec<Message>) -> Result<Outcome, Failure> {
        self.dest.submit.submit(messages).await.or_unavailable(|| "the chain did not answer".into())
    }

    /// A packet sent from the source over `client` there, still standing; waits a little for it.
    pub(super) async fn outbox(&self, client: &ClientId) -> Result<Packet, Failure> {
        for _ in 0..100 {
            let packets = self.source.events.outbox(client, 1, 1000).await;
            let packets = packets.or_unavailable(|| "the chain's outbox cannot be read".into())?;
            if let Some(packet) = packets.into_iter().last() {
                return Ok(packet);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(Failure::unavailable("no packet was sent"))
    }

    /// The acknowledgement that the source wrote for a packet received over `client`.
    pub(super) async fn acknowledgement(&self, client: &ClientId, sequence: u64) -> Result<Vec<u8>, Failure> {
        let found = self.source.events.acknowledgement(client, sequence).await;
        found
            .or_unavailable(|| "the chain does not answer".into())?
            .ok_or_else(|| Failure::unavailable("the packet was not acknowledged"))
    }

    /// What the source's state says at `path`, under its latest header.
    pub(super) async fn proof(&self, path: &StatePath) -> Result<StateProof, Failure> {
        for _ in 0..100 {
            let latest = self.source.headers.latest().await.or_unavailable(|| "the chain does not answer".into())?;
            let proof = self.source.prover.prove(path, latest).await;
            let proof = proof.or_unavailable(|| "the chain does not prove its state".into())?;
            if proof.value.is_some() {
                return Ok(proof);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(Failure::unavailable("the value does not stand on the chain"))
    }
}

/// A chain's own word for its state; whatever is built on it, the other chain verifies.
async fn read<T: borsh::BorshDeserialize>(chain: &Chain, path: &StatePath) -> Result<T, Failure> {
    let latest = chain.headers.latest().await.or_unavailable(|| "the chain does not answer".into())?;
    let state = chain.prover.prove(path, latest).await.or_unavailable(|| "the chain does not answer".into())?;
    let bytes = state.value.ok_or_else(|| Failure::fault("the chain's state lacks a light client"))?;
    comity_model::decode("state", &bytes).or_fault(|| "the chain's state is not of its form".into())
}

async fn block(chain: &Chain, height: Height) -> Result<comity_verify::comet::LightBlock, Failure> {
    chain.headers.light_block(height).await.or_unavailable(|| format!("header {height} cannot be read"))
}
