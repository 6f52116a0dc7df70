//! The ports of a chain whose embedded engine runs in this process: reading and submitting without a network in between.
//! What it says is believed no more than what any node says. Once the engine has stopped, the RPC is asked instead: it
//! answers for whoever runs the chain then.

mod follow;

use crate::keys::Seed;
use async_trait::async_trait;
use borsh::BorshDeserialize;
use comity_adapters_ports::{
    BlockEvents, Chain, Events, Headers, Operator, Outcome, PortError, Prover, StateProof, Submit, signed,
    transaction_hash,
};
use comity_ledger_app::{Query, TxResult};
use comity_ledger_engine::{EngineError, Handle, SubmitError};
use comity_model::order::{ReceivedId, ReceivedOrder};
use comity_model::packet::Packet;
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{ChainId, ClientId, Hash, Height, encode};
use comity_verify::comet::{LightBlock, SetCache};
use comity_verify::light::Contradiction;
use futures::stream::BoxStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Where the application's state is asked for.
const STATE: &str = "/state";
/// How long a transaction may wait for its block here before the RPC's way of finding out is taken.
const COMMIT_WAIT: Duration = Duration::from_secs(10);

/// The ports of the chain that `engine` runs, with the key `operator`; `far` is the same chain over its RPC.
pub(crate) fn chain(engine: Handle, far: Chain, operator: &Seed) -> Chain {
    let operator = Operator::from_seed(&operator.bytes());
    let near = Arc::new(Near { engine, far, operator, sets: Mutex::default() });
    Chain { headers: near.clone(), prover: near.clone(), events: near.clone(), submit: near }
}

struct Near {
    engine: Handle,
    far: Chain,
    operator: Operator,
    /// Validator sets met lately: one that comes again brings its decompressed keys.
    sets: Mutex<SetCache>,
}

impl Near {
    /// Reads from the engine on a thread that may wait for the disk; `None` where it has stopped or cannot say.
    async fn read<T: Send + 'static>(
        &self,
        reading: impl FnOnce(&Handle) -> Result<T, EngineError> + Send + 'static,
    ) -> Option<T> {
        let engine = self.engine.clone();
        let read = tokio::task::spawn_blocking(move || reading(&engine)).await;
        match read {
            Ok(Ok(read)) => Some(read),
            Ok(Err(error)) => {
                tracing::debug!(%error, "the engine does not answer; asking the RPC");
                None
            }
            Err(_) => None,
        }
    }

    /// The canonical bytes that the application answers a question with; `None` where it has none, or the engine has stopped.
    async fn ask<T: BorshDeserialize + Send + 'static>(&self, path: &'static str, data: Vec<u8>) -> Option<T> {
        let asked = move |engine: &Handle| engine.query(&Query { path, data: &data, height: None, prove: false });
        let answer = self.read(asked).await.filter(|answer| answer.code == 0)?;
        comity_model::decode(path, &answer.value).ok()
    }
}

#[async_trait]
impl Headers for Near {
    fn chain(&self) -> &ChainId {
        self.far.headers.chain()
    }

    async fn latest(&self) -> Result<Height, PortError> {
        // Of an engine that was stopped the last block is known, and may be long ago: it must say that it runs.
        let runs = self.engine.events(Height(u64::MAX)).is_ok();
        match self.engine.latest() {
            Some(block) if runs => Ok(block.height()),
            _ => self.far.headers.latest().await,
        }
    }

    async fn light_block(&self, height: Height) -> Result<LightBlock, PortError> {
        match self.read(move |engine| engine.light_block(height)).await.flatten() {
            Some(block) => {
                let validators = self.sets.lock().unwrap_or_else(PoisonError::into_inner).share(block.validators);
                Ok(LightBlock { validators, ..block })
            }
            None => self.far.headers.light_block(height).await,
        }
    }
}

#[async_trait]
impl Prover for Near {
    async fn prove(&self, path: &StatePath, header: Height) -> Result<StateProof, PortError> {
        // The app hash after block h stands in header h + 1.
        let height = header.0.checked_sub(1).filter(|height| *height > 0).map(Height);
        let exists = self.engine.latest().is_some_and(|block| block.height() >= header);
        let (Some(height), true) = (height, exists) else { return self.far.prover.prove(path, header).await };
        let key = comity_verify::state::key(path);
        let asked =
            move |engine: &Handle| engine.query(&Query { path: STATE, data: &key, height: Some(height), prove: true });
        match self.read(asked).await {
            Some(answer) if answer.code == 0 && answer.height == height && !answer.proof.is_empty() => {
                // No value of the state is empty.
                Ok(StateProof { proof: answer.proof, value: Some(answer.value).filter(|v| !v.is_empty()), header })
            }
            _ => self.far.prover.prove(path, header).await,
        }
    }

    async fn header_proof(&self, height: Height, size: u64) -> Result<Vec<Hash>, PortError> {
        self.far.prover.header_proof(height, size).await
    }
}

#[async_trait]
impl Events for Near {
    fn follow(&self, from: Height) -> BoxStream<'static, Result<BlockEvents, PortError>> {
        follow::blocks(self.engine.clone(), Arc::clone(&self.far.events), from)
    }

    async fn outbox(&self, client: &ClientId, from: u64, limit: u32) -> Result<Vec<Packet>, PortError> {
        match self.ask("/outbox", encode(&(client.clone(), from, limit))).await {
            Some(packets) => Ok(packets),
            None => self.far.events.outbox(client, from, limit).await,
        }
    }

    async fn acknowledgement(&self, client: &ClientId, sequence: u64) -> Result<Option<Vec<u8>>, PortError> {
        match self.ask("/ack", encode(&(client.clone(), sequence))).await {
            Some(acknowledgement) => Ok(acknowledgement),
            None => self.far.events.acknowledgement(client, sequence).await,
        }
    }

    async fn pending(&self, after: Option<ReceivedId>, limit: u32) -> Result<Vec<ReceivedOrder>, PortError> {
        match self.ask("/pending", encode(&(after.clone(), limit))).await {
            Some(orders) => Ok(orders),
            None => self.far.events.pending(after, limit).await,
        }
    }

    async fn contradiction(&self, client: &ClientId, back: u32) -> Result<Option<Contradiction>, PortError> {
        match self.ask("/contradiction", encode(&(client.clone(), back))).await {
            Some(contradiction) => Ok(contradiction),
            None => self.far.events.contradiction(client, back).await,
        }
    }
}

#[async_trait]
impl Submit for Near {
    async fn submit(&self, messages: Vec<Message>) -> Result<Outcome, PortError> {
        let tx = match signed(Some(&self.operator), self.far.headers.chain(), messages.clone())? {
            Ok(tx) => tx,
            Err(refused) => return Ok(refused),
        };
        let hash = transaction_hash(&tx);
        match tokio::time::timeout(COMMIT_WAIT, self.engine.submit(tx)).await {
            Ok(Ok(outcome)) => Ok(outcome_of(hash, outcome.height, outcome.result)),
            Ok(Err(SubmitError::Refused(result))) => Ok(Outcome::refused(&result.codespace, &result.log)),
            // Messages are idempotent: whatever became of the transaction, another one with the same may follow.
            Ok(Err(error)) => {
                tracing::debug!(%error, "the engine takes no transaction; asking the RPC");
                self.far.submit.submit(messages).await
            }
            Err(_) => self.far.submit.submit(messages).await,
        }
    }
}

fn outcome_of(tx: Hash, height: Height, result: TxResult) -> Outcome {
    if result.is_ok() {
        Outcome::Committed { tx, height, events: result.events }
    } else {
        Outcome::refused(&result.codespace, &result.log)
    }
}

#[cfg(test)]
#[path = "../../adapters/comet/tests/support/ledger.rs"]
mod ledger;
#[cfg(test)]
#[path = "../../adapters/comet/tests/support/promises.rs"]
mod promises;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::{World, WorldEngine, WorldOptions};
    use comity_adapters_comet::{CometChain, CometConfig};
    use futures::StreamExt as _;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn past_the_network_every_promise_of_the_ports_is_kept() {
        let ledger = super::promises::court().await;
        let fixture = super::promises::fixture(&ledger).await;
        let folder = tempfile::tempdir().expect("a folder");
        let operator = folder.path().join("operator.key");
        let seed = super::ledger::key("court-1 operator").to_bytes();
        crate::files::write_secret(&operator, hex::encode(seed).as_bytes()).expect("a key file");
        let operator = Seed::read(&operator).expect("a key");
        let near = chain(ledger.engine().handle(), ledger.chain(), &operator);
        comity_adapters_conformance::run(&near, &fixture).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_engine_says_what_the_rpc_says_and_once_it_has_stopped_the_rpc_is_asked() {
        let options =
            WorldOptions { dir: None, seed: 1, quiet: true, rate_per_second: None, engine: WorldEngine::Embedded };
        let world = World::start(options).await.expect("a world");
        let property = world.institution("property").expect("it is there");
        let near = world.chain("property").expect("it has a chain");
        let far = CometConfig::new(property.rpc.as_str(), property.chain.clone());
        let far = CometChain::open(far).expect("an address");

        let height = near.headers.latest().await.expect("it runs");
        let block = near.headers.light_block(height).await.expect("it is there");
        assert_eq!(block, far.headers.light_block(height).await.expect("it is there"));
        let absent = StatePath::Record("parcels".parse().expect("a sector"), "nothing".parse().expect("an id"));
        for path in [StatePath::Member(property.id.clone()), absent] {
            let proof = near.prover.prove(&path, height).await.expect("a proof");
            assert_eq!(proof, far.prover.prove(&path, height).await.expect("a proof"));
        }
        let (mut followed, mut by_rpc) = (near.events.follow(Height(1)), far.events.follow(Height(1)));
        for at in 1..=height.0 {
            let block = followed.next().await.expect("it goes on").expect("a block");
            assert_eq!(block.height, Height(at));
            assert_eq!(block, by_rpc.next().await.expect("it goes on").expect("a block"));
        }
        let to_come = Height(height.0 + 1_000);
        let member = StatePath::Member(property.id.clone());
        assert_eq!(near.prover.prove(&member, to_come).await, Err(PortError::NotYet(to_come)));
        assert_eq!(near.headers.light_block(to_come).await, Err(PortError::NotYet(to_come)));

        world.stop_chain("property").await.expect("it stops");
        let stopped = near.headers.latest().await;
        assert!(matches!(stopped, Err(PortError::Unavailable(_))), "{stopped:?}");
        world.start_chain("property").await.expect("it starts again");
        let latest = near.headers.latest().await.expect("the RPC answers");
        assert!(latest > height);
        assert!(near.prover.prove(&member, height).await.is_ok());
        for at in height.0 + 1..=latest.0 {
            // While nobody ran the chain, that was said.
            let block = loop {
                if let Ok(block) = followed.next().await.expect("it goes on") {
                    break block;
                }
            };
            assert_eq!(block.height, Height(at));
        }
        world.stop().await.expect("the world stops");
    }
}
