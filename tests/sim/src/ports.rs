//! A node as one party reaches it: the adapters' ports over the simulated network, with a node that may lie. What comes
//! out of here is judged by the code under test, exactly as it judges a real adapter.

use crate::life::Life;
use crate::net::{Net, NoAnswer};
use crate::node::{HEARTBEAT, Node};
use crate::plan::{Lie, Party};
use async_trait::async_trait;
use borsh::BorshDeserialize;
use comity_adapters_ports::{
    BlockEvents, Chain, Events, Headers, Outcome, PortError, Prover, StateProof, Submit, transaction_hash,
};
use comity_ledger_app::{Query, TxResult};
use comity_ledger_engine::{Entered, Handle, SubmitError, TxOutcome};
use comity_model::event::Event;
use comity_model::order::{ReceivedId, ReceivedOrder};
use comity_model::packet::Packet;
use comity_model::state::StatePath;
use comity_model::tx::{Message, Transaction, TxBody};
use comity_model::{ChainId, ClientId, Hash, Height, ReasonCode, decode, encode};
use comity_verify::comet::{CommitSig, LightBlock};
use comity_verify::light::Contradiction;
use comity_verify::seal::{TAG_TX, signing_bytes};
use ed25519_dalek::{Signer, SigningKey};
use futures::stream::{self, BoxStream, StreamExt};
use std::sync::Arc;
use std::time::Duration;

/// How long a transaction is tried before its outcome is left open.
const SUBMIT_FOR: Duration = Duration::from_secs(12);
/// After how many blocks a state can no longer be proven: real nodes keep a thousand, which under load is as short a time.
const STATES_KEPT: u64 = 10;
/// How long one waits for the block of a transaction.
const COMMIT_WAIT: Duration = Duration::from_secs(4);

/// The way of one party to one node.
#[derive(Clone)]
pub struct Ports {
    /// Who asks.
    pub who: Party,
    /// Its life: a dead process neither asks nor learns.
    pub life: Life,
    /// The chain.
    pub chain: ChainId,
    /// Who is asked.
    pub node: Arc<Node>,
    /// The way there.
    pub net: Arc<Net>,
    /// Whose transactions these are.
    pub operator: SigningKey,
}

impl Ports {
    /// All ports of the chain.
    #[must_use]
    pub fn ports(self) -> Chain {
        let ports = Arc::new(self);
        Chain { headers: ports.clone(), prover: ports.clone(), events: ports.clone(), submit: ports }
    }

    fn ends(&self) -> (Party, Party) {
        (self.who, Party::Node(self.node.number))
    }

    fn lie(&self) -> Option<Lie> {
        self.net.lie(Party::Node(self.node.number), self.who)
    }

    async fn ask<T>(&self, what: impl Fn(&Handle) -> Option<T>) -> Result<T, PortError> {
        if self.lie() == Some(Lie::Silence) {
            return self.life.run(self.net.none()).await.map_err(no_answer);
        }
        self.net.ask(&self.life, self.ends(), || self.node.serve(&what)).await.map_err(no_answer)
    }

    async fn query<T: BorshDeserialize>(&self, path: &str, data: &[u8]) -> Result<T, PortError> {
        let question = Query { path, data, height: None, prove: false };
        let answer = self.ask(|node| node.query(&question).ok()).await?;
        if answer.code != 0 {
            return Err(PortError::Unavailable(answer.log));
        }
        decode("an answer", &answer.value).map_err(|error| PortError::Malformed(error.to_string()))
    }
}

fn no_answer(_: NoAnswer) -> PortError {
    PortError::Unavailable("no answer".into())
}

#[async_trait]
impl Headers for Ports {
    fn chain(&self) -> &ChainId {
        &self.chain
    }

    async fn latest(&self) -> Result<Height, PortError> {
        let latest = self.ask(|node| node.latest().map(|block| block.height())).await?;
        Ok(match self.lie() {
            Some(Lie::OldHeights) => Height(latest.0.saturating_sub(self.net.between(1, 6)).max(1)),
            Some(Lie::ForgedHeaders) => Height(latest.0 + self.net.between(0, 2)),
            _ => latest,
        })
    }

    async fn light_block(&self, height: Height) -> Result<LightBlock, PortError> {
        let asked = match self.lie() {
            Some(Lie::OldHeights) => Height(height.0.saturating_sub(self.net.between(0, 3)).max(1)),
            _ => height,
        };
        let block = self.ask(|node| node.light_block(asked).ok()).await?.ok_or(PortError::NotYet(height))?;
        Ok(if self.lie() == Some(Lie::ForgedHeaders) { self.forged(block) } else { block })
    }
}

impl Ports {
    /// A header that the chain never had: with the old signatures, with those of others, or with too few.
    fn forged(&self, mut block: LightBlock) -> LightBlock {
        match self.net.between(0, 3) {
            0 => block.header.app_hash = Hash([7; 32]).into(),
            1 => block.commit.signatures.iter_mut().skip(1).for_each(|signature| *signature = CommitSig::Absent),
            2 => block.header.time = block.header.time.plus_seconds(3_600),
            _ => {
                block.header.app_hash = Hash([9; 32]).into();
                block.commit.block_id.hash = block.header.hash();
                let forger = SigningKey::from_bytes(&[66; 32]);
                for signature in &mut block.commit.signatures {
                    if let CommitSig::Commit(vote) = signature {
                        vote.signature = forger.sign(b"a forged vote").to_bytes();
                    }
                }
            }
        }
        block
    }
}

#[async_trait]
impl Prover for Ports {
    async fn prove(&self, path: &StatePath, header: Height) -> Result<StateProof, PortError> {
        let (key, after) = (comity_verify::state::key(path), Height(header.0.saturating_sub(1)));
        let answer = self
            .ask(|node| {
                let latest = node.latest()?.height();
                if latest < header {
                    return Some(Err(PortError::NotYet(header)));
                }
                if after.0 + STATES_KEPT < latest.0 {
                    return Some(Err(PortError::Gone(header)));
                }
                node.query(&Query { path: "/state", data: &key, height: Some(after), prove: true }).ok().map(Ok)
            })
            .await??;
        if answer.code != 0 {
            return Err(PortError::Gone(header));
        }
        let value = (!answer.value.is_empty()).then_some(answer.value);
        let mut proof = StateProof { value, proof: answer.proof, header };
        if self.lie() == Some(Lie::WrongProofs) {
            match (self.net.between(0, 2), &mut proof.value) {
                (0, Some(value)) => value.iter_mut().take(1).for_each(|byte| *byte ^= 1),
                (1, Some(_)) => proof.value = None,
                (_, value @ None) => *value = Some(vec![1; 32]),
                _ => proof.proof.truncate(proof.proof.len() / 2),
            }
        }
        Ok(proof)
    }

    async fn header_proof(&self, height: Height, size: u64) -> Result<Vec<Hash>, PortError> {
        self.query("/header-proof", &encode(&(height, size))).await
    }
}

#[async_trait]
impl Events for Ports {
    fn follow(&self, from: Height) -> BoxStream<'static, Result<BlockEvents, PortError>> {
        let follower = Follower { ports: self.clone(), next: from.0.max(1), progress: tokio::time::Instant::now() };
        stream::unfold(follower, |mut follower| async move {
            let item = follower.advance().await;
            Some((item, follower))
        })
        .boxed()
    }

    async fn outbox(&self, client: &ClientId, from: u64, limit: u32) -> Result<Vec<Packet>, PortError> {
        let mut packets: Vec<Packet> = self.query("/outbox", &encode(&(client.clone(), from, limit))).await?;
        if self.lie() == Some(Lie::FalseEvents) {
            packets.truncate(packets.len() / 2);
        }
        Ok(packets)
    }

    async fn acknowledgement(&self, client: &ClientId, sequence: u64) -> Result<Option<Vec<u8>>, PortError> {
        let answer: Option<Vec<u8>> = self.query("/ack", &encode(&(client.clone(), sequence))).await?;
        Ok(if self.lie() == Some(Lie::FalseEvents) { answer.map(|_| vec![2; 9]) } else { answer })
    }

    async fn pending(&self, after: Option<ReceivedId>, limit: u32) -> Result<Vec<ReceivedOrder>, PortError> {
        let pending = self.query("/pending", &encode(&(after, limit))).await?;
        Ok(if self.lie() == Some(Lie::FalseEvents) { Vec::new() } else { pending })
    }

    async fn contradiction(&self, client: &ClientId, back: u32) -> Result<Option<Contradiction>, PortError> {
        self.query("/contradiction", &encode(&(client.clone(), back))).await
    }
}

struct Follower {
    ports: Ports,
    next: u64,
    progress: tokio::time::Instant,
}

impl Follower {
    async fn advance(&mut self) -> Result<BlockEvents, PortError> {
        loop {
            let height = Height(self.next);
            match self.ports.ask(|node| node.events(height).ok()).await {
                Ok(Some(events)) => {
                    self.next += 1;
                    self.progress = tokio::time::Instant::now();
                    return Ok(BlockEvents { height, events: self.told(events) });
                }
                Ok(None) => {}
                Err(error) => return Err(self.silence().unwrap_or(error)),
            }
            if let Some(silence) = self.silence() {
                return Err(silence);
            }
            self.ports.node.another(height.0.saturating_sub(1), Duration::from_secs(1)).await;
        }
    }

    fn silence(&mut self) -> Option<PortError> {
        let silent = self.progress.elapsed();
        if silent < HEARTBEAT * 3 {
            return None;
        }
        self.progress = tokio::time::Instant::now();
        Some(PortError::Silent(silent.as_secs()))
    }

    /// What is told of a block's events: a liar leaves some out, and says of packets that they are settled.
    fn told(&self, events: Vec<Event>) -> Vec<Event> {
        if self.ports.lie() != Some(Lie::FalseEvents) {
            return events;
        }
        let invent = |event: Event| match event {
            Event::PacketSent(packet) => {
                let (client, sequence) = (packet.source_client, packet.sequence);
                Some(Event::PacketAcknowledged { client, sequence })
            }
            Event::PacketReceived(packet) => {
                Some(Event::AcknowledgementWritten { packet, acknowledgement: vec![3; 11] })
            }
            _ => None,
        };
        events.into_iter().filter_map(invent).collect()
    }
}

#[async_trait]
impl Submit for Ports {
    /// Signs once, and sends the same bytes until something is known of them, as an adapter does.
    async fn submit(&self, messages: Vec<Message>) -> Result<Outcome, PortError> {
        if self.lie() == Some(Lie::FalseOutcomes) {
            let latest = self.ask(|node| node.latest().map(|block| block.height())).await?;
            return Ok(Outcome::Committed { tx: Hash([0; 32]), height: latest, events: Vec::new() });
        }
        let tx = self.sign(messages);
        let hash = transaction_hash(&tx);
        let deadline = tokio::time::Instant::now() + SUBMIT_FOR;
        let mut attempts = 0u32;
        loop {
            attempts += 1;
            let sent = self.send(&tx).await;
            // A refusal of the first attempt is the answer. A later one may be the refusal of a repetition.
            if attempts == 1 && sent.is_ok() || matches!(sent, Ok(Outcome::Committed { .. })) {
                return sent;
            }
            if let Ok(Some(found)) = self.ask(|node| node.outcome_of(&hash).ok()).await {
                return Ok(outcome(hash, found));
            }
            if sent.is_ok() || tokio::time::Instant::now() > deadline {
                return sent;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Ports {
    fn sign(&self, messages: Vec<Message>) -> Vec<u8> {
        let salt = self.net.between(0, u64::MAX - 1).to_be_bytes();
        let sender = self.operator.verifying_key().to_bytes();
        let body = TxBody { chain: self.chain.clone(), sender, salt, messages };
        let signature = self.operator.sign(&signing_bytes(TAG_TX, &body)).to_bytes();
        encode(&Transaction { body, signature })
    }

    async fn send(&self, tx: &[u8]) -> Result<Outcome, PortError> {
        let entered = self.ask(|node| Some(node.hand_in(tx.to_vec()))).await?;
        self.node.wake();
        let outcome = match entered {
            Ok(Entered::Settled(settled)) => outcome(transaction_hash(tx), settled),
            Err(SubmitError::Refused(result)) => refused(&result),
            Err(error) => return Err(PortError::Unavailable(error.to_string())),
            Ok(Entered::Waits(answer)) => {
                let answer = self.life.run(tokio::time::timeout(COMMIT_WAIT, answer)).await;
                let (who, node) = self.ends();
                // The answer has a way to go as well.
                let Some(late) = self.net.message(node, who) else {
                    return self.life.run(self.net.none()).await.map_err(no_answer);
                };
                self.life.run(tokio::time::sleep(late)).await;
                match answer {
                    Ok(Ok(Ok(settled))) => outcome(transaction_hash(tx), settled),
                    Ok(Ok(Err(error))) => return Err(PortError::Unavailable(error.to_string())),
                    _ => return Err(PortError::Unavailable("the block did not come".into())),
                }
            }
        };
        Ok(outcome)
    }
}

fn outcome(tx: Hash, settled: TxOutcome) -> Outcome {
    if settled.result.is_ok() {
        return Outcome::Committed { tx, height: settled.height, events: settled.result.events };
    }
    refused(&settled.result)
}

fn refused(result: &TxResult) -> Outcome {
    let unnamed = || -> ReasonCode { "REFUSED_BY_CHAIN".parse().expect("a reason code") };
    Outcome::Refused { code: result.codespace.parse().unwrap_or_else(|_| unnamed()), detail: result.log.clone() }
}
