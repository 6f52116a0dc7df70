//! The ports of a chain whose embedded engine runs in this process: reading and submitting without a network in between.
//! What it says is believed no more than what any node says. Once the engine has stopped, the RPC is asked instead: it
//! answers for whoever runs the chain then.
//! Refuses to follow events by itself: these come over the RPC, with its watchdog.

use crate::failure::Failure;
use crate::keys::Seed;
use async_trait::async_trait;
use comity_adapters_ports::{Chain, Headers, Outcome, PortError, Prover, StateProof, Submit, transaction_hash};
use comity_ledger_app::{Query, TxResult};
use comity_ledger_engine::{EngineError, Handle, SubmitError};
use comity_model::state::StatePath;
use comity_model::tx::{Message, TX_BYTES_MAX, Transaction, TxBody};
use comity_model::{ChainId, Hash, Height, encode};
use comity_verify::comet::{LightBlock, SetCache};
use comity_verify::seal::{TAG_TX, signing_bytes};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Where the application's state is asked for.
const STATE: &str = "/state";
/// How long a transaction may wait for its block here before the RPC's way of finding out is taken.
const COMMIT_WAIT: Duration = Duration::from_secs(10);

/// The ports of the chain that `engine` runs, with the operator key at `operator`; `far` is the same chain over its RPC.
pub(crate) fn chain(engine: Handle, far: Chain, operator: &Path) -> Result<Chain, Failure> {
    let operator = Seed::read(operator)?;
    let near = Arc::new(Near { engine, far: far.clone(), operator, sets: Mutex::default() });
    Ok(Chain { headers: near.clone(), prover: near.clone(), events: far.events, submit: near })
}

struct Near {
    engine: Handle,
    far: Chain,
    operator: Seed,
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

    fn sign(&self, messages: Vec<Message>) -> Option<Vec<u8>> {
        let mut salt = [0; 8];
        getrandom::fill(&mut salt).ok()?;
        let chain = self.far.headers.chain().clone();
        let body = TxBody { chain, sender: self.operator.ed25519(), salt, messages };
        let signature = self.operator.sign(&signing_bytes(TAG_TX, &body)).bytes;
        let tx = encode(&Transaction { body, signature });
        (tx.len() <= TX_BYTES_MAX).then_some(tx)
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
impl Submit for Near {
    async fn submit(&self, messages: Vec<Message>) -> Result<Outcome, PortError> {
        let Some(tx) = self.sign(messages.clone()) else { return self.far.submit.submit(messages).await };
        let hash = transaction_hash(&tx);
        match tokio::time::timeout(COMMIT_WAIT, self.engine.submit(tx)).await {
            Ok(Ok(outcome)) => Ok(outcome_of(hash, outcome.height, outcome.result)),
            Ok(Err(SubmitError::Refused(result))) => Ok(refused(result)),
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
    if result.is_ok() { Outcome::Committed { tx, height, events: result.events } } else { refused(result) }
}

fn refused(result: TxResult) -> Outcome {
    #[allow(clippy::expect_used)] // a constant of the right form
    let unnamed = || "REFUSED_BY_CHAIN".parse().expect("a reason code");
    Outcome::Refused { code: result.codespace.parse().unwrap_or_else(|_| unnamed()), detail: result.log }
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

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn past_the_network_every_promise_of_the_ports_is_kept() {
        let ledger = super::promises::court().await;
        let fixture = super::promises::fixture(&ledger).await;
        let folder = tempfile::tempdir().expect("a folder");
        let operator = folder.path().join("operator.key");
        let seed = super::ledger::key("court-1 operator").to_bytes();
        crate::files::write_secret(&operator, hex::encode(seed).as_bytes()).expect("a key file");
        let near = chain(ledger.engine().handle(), ledger.chain(), &operator).expect("a chain");
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
        let to_come = Height(height.0 + 1_000);
        let member = StatePath::Member(property.id.clone());
        assert_eq!(near.prover.prove(&member, to_come).await, Err(PortError::NotYet(to_come)));
        assert_eq!(near.headers.light_block(to_come).await, Err(PortError::NotYet(to_come)));

        world.stop_chain("property").await.expect("it stops");
        let stopped = near.headers.latest().await;
        assert!(matches!(stopped, Err(PortError::Unavailable(_))), "{stopped:?}");
        world.start_chain("property").await.expect("it starts again");
        assert!(near.headers.latest().await.expect("the RPC answers") >= height);
        assert!(near.prover.prove(&member, height).await.is_ok());
        world.stop().await.expect("the world stops");
    }
}
