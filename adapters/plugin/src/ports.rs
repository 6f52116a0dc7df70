//! The ports of a chain behind a program: each a call, its answer held to its form. Judges nothing that it is told.

use crate::ROWS_MAX;
use crate::config::{Launch, PluginConfig};
use crate::error::PluginError;
use crate::follow;
use crate::link::{CallError, Link};
use crate::status::port_error;
use crate::wire::{self, BadWire};
use async_trait::async_trait;
use comity_adapters_ports::{
    BlockEvents, Chain, Events, Headers, Operator, Outcome, PortError, Prover, StateProof, Submit, signed,
    transaction_hash,
};
use comity_model::order::{ReceivedId, ReceivedOrder};
use comity_model::packet::Packet;
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{ChainId, ClientId, Hash, Height, Malformed, decode};
use comity_proto::comity::adapter::v1 as proto;
use comity_verify::comet::{LightBlock, SetCache};
use comity_verify::light::Contradiction;
use futures::stream::BoxStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Between two deliveries of the same transaction.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// The ports of the chain behind `config`'s program, which is kept up until the last of them is dropped. A program that
/// cannot be reached now is waited for; one that does not exist is an error. Needs a Tokio runtime.
pub fn open(config: PluginConfig) -> Result<Chain, PluginError> {
    if let Launch::Command { program, .. } = &config.launch {
        // A bare name is looked for in PATH when it is started.
        if program.components().count() > 1 && !program.is_file() {
            return Err(PluginError::NotFound { program: program.display().to_string() });
        }
    }
    let chain = Arc::new(PluginChain {
        chain: config.chain.clone(),
        operator: config.operator_seed.as_ref().map(|seed| Operator::from_seed(seed)),
        link: Arc::new(Link::new(config)),
        sets: Mutex::default(),
    });
    Ok(Chain {
        headers: Arc::clone(&chain) as _,
        prover: Arc::clone(&chain) as _,
        events: Arc::clone(&chain) as _,
        submit: chain,
    })
}

struct PluginChain {
    chain: ChainId,
    operator: Option<Operator>,
    link: Arc<Link>,
    /// Validator sets met lately: one that comes again brings its decompressed keys.
    sets: Mutex<SetCache>,
}

/// Asks by a method of the client, within the time for one answer.
macro_rules! ask {
    ($self:expr, $method:ident, $question:expr) => {{
        let within = $self.link.paces.answer_timeout;
        $self.link.call($question, within, |mut client, request| async move { client.$method(request).await }).await
    }};
}

/// What an error means to whoever asked about `height`.
fn about(height: Height) -> impl Fn(CallError) -> PortError {
    move |error| match error {
        CallError::Status(status) => port_error(&status, height),
        CallError::Port(error) => error,
    }
}

fn malformed(error: BadWire) -> PortError {
    PortError::Malformed(error.to_string())
}

fn undecodable(error: Malformed) -> PortError {
    PortError::Malformed(error.to_string())
}

#[async_trait]
impl Headers for PluginChain {
    fn chain(&self) -> &ChainId {
        &self.chain
    }

    async fn latest(&self) -> Result<Height, PortError> {
        let answer: proto::LatestResponse =
            ask!(self, latest, proto::LatestRequest {}).map_err(about(Height::default()))?;
        Ok(Height(answer.height))
    }

    async fn light_block(&self, height: Height) -> Result<LightBlock, PortError> {
        let answer: proto::LightBlockResponse =
            ask!(self, light_block, proto::LightBlockRequest { height: height.0 }).map_err(about(height))?;
        let mut block = wire::light_block(answer).map_err(malformed)?;
        block.validators = self.sets.lock().unwrap_or_else(PoisonError::into_inner).share(block.validators);
        if block.header.chain_id != self.chain || block.header.height != height {
            return Err(PortError::Malformed(format!(
                "asked for header {height} of {}, got {} of {}",
                self.chain, block.header.height, block.header.chain_id
            )));
        }
        Ok(block)
    }
}

#[async_trait]
impl Prover for PluginChain {
    async fn prove(&self, path: &StatePath, header: Height) -> Result<StateProof, PortError> {
        let question = proto::ProveRequest { key: comity_verify::state::key(path).to_vec(), header: header.0 };
        let answer: proto::ProveResponse = ask!(self, prove, question).map_err(about(header))?;
        if answer.header != header.0 {
            let text = format!("asked for a proof under header {header}, got one under {}", answer.header);
            return Err(PortError::Malformed(text));
        }
        // No value of the state is empty.
        Ok(StateProof { value: answer.value.filter(|value| !value.is_empty()), proof: answer.proof, header })
    }

    async fn header_proof(&self, height: Height, size: u64) -> Result<Vec<Hash>, PortError> {
        let question = proto::HeaderProofRequest { height: height.0, size };
        let answer: proto::HeaderProofResponse = ask!(self, header_proof, question).map_err(about(height))?;
        wire::hashes(&answer.path).map_err(malformed)
    }
}

#[async_trait]
impl Events for PluginChain {
    fn follow(&self, from: Height) -> BoxStream<'static, Result<BlockEvents, PortError>> {
        follow::follow(Arc::clone(&self.link), from)
    }

    async fn outbox(&self, client: &ClientId, from: u64, limit: u32) -> Result<Vec<Packet>, PortError> {
        let limit = limit.min(ROWS_MAX);
        let question = proto::OutboxRequest { client_id: client.to_string(), from, limit };
        let answer: proto::OutboxResponse = ask!(self, outbox, question).map_err(about(Height::default()))?;
        bounded(decode("the outbox", &answer.packets).map_err(undecodable)?, limit)
    }

    async fn acknowledgement(&self, client: &ClientId, sequence: u64) -> Result<Option<Vec<u8>>, PortError> {
        let question = proto::AcknowledgementRequest { client_id: client.to_string(), sequence };
        let answer: proto::AcknowledgementResponse =
            ask!(self, acknowledgement, question).map_err(about(Height::default()))?;
        Ok(answer.acknowledgement)
    }

    async fn pending(&self, after: Option<ReceivedId>, limit: u32) -> Result<Vec<ReceivedOrder>, PortError> {
        let limit = limit.min(ROWS_MAX);
        let question = proto::PendingRequest { after: after.as_ref().map(wire::of_received_id), limit };
        let answer: proto::PendingResponse = ask!(self, pending, question).map_err(about(Height::default()))?;
        bounded(decode("pending orders", &answer.orders).map_err(undecodable)?, limit)
    }

    async fn contradiction(&self, client: &ClientId, back: u32) -> Result<Option<Contradiction>, PortError> {
        let question = proto::ContradictionRequest { client_id: client.to_string(), back };
        let answer: proto::ContradictionResponse =
            ask!(self, contradiction, question).map_err(about(Height::default()))?;
        answer.contradiction.map(|bytes| decode("a contradiction", &bytes).map_err(undecodable)).transpose()
    }
}

fn bounded<T>(list: Vec<T>, limit: u32) -> Result<Vec<T>, PortError> {
    if list.len() > limit as usize {
        return Err(PortError::Malformed("the list holds more than was asked for".into()));
    }
    Ok(list)
}

#[async_trait]
impl Submit for PluginChain {
    async fn submit(&self, messages: Vec<Message>) -> Result<Outcome, PortError> {
        let transaction = match signed(self.operator.as_ref(), &self.chain, messages)? {
            Ok(transaction) => transaction,
            Err(refused) => return Ok(refused),
        };
        let tx = transaction_hash(&transaction);
        let until = Instant::now() + self.link.paces.submit_timeout;
        let mut pause = PAUSE.0;
        let mut again = false;
        loop {
            let question = proto::DeliverRequest { transaction: transaction.clone(), again };
            let within = until.saturating_duration_since(Instant::now());
            let delivering =
                self.link.call(question, within, |mut client, request| async move { client.deliver(request).await });
            let error = match delivering.await.map_err(about(Height::default())) {
                Ok(answer) => return wire::outcome(&answer, tx).map_err(malformed),
                Err(error) => error,
            };
            // The very same bytes: however often they arrive, they are one transaction.
            if !matches!(error, PortError::Unavailable(_)) || until < Instant::now() + pause {
                return Err(error);
            }
            tracing::debug!(chain = %self.chain, %error, "a delivery without an answer");
            again = true;
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }
}
