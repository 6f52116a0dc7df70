//! A real embedded ledger behind the ports, in this process: real headers, real signatures, real proofs.

use async_trait::async_trait;
use comity_adapters_ports::{
    BlockEvents, Chain, Events, Headers, Outcome, PortError, Prover, StateProof, Submit, transaction_hash,
};
use comity_ledger_app::Query;
use comity_ledger_engine::{
    Clock, CommittedBlock, Engine, EngineConfig, Handle, Storage, SubmitError, SystemClock, ValidatorKey,
};
use comity_model::client::ClientKind;
use comity_model::genesis::Genesis;
use comity_model::governance::{Governors, ValidatorUpdate};
use comity_model::member::Member;
use comity_model::order::{ReceivedId, ReceivedOrder};
use comity_model::packet::Packet;
use comity_model::profile::Profile;
use comity_model::seal::{PublicKey, Suites};
use comity_model::state::StatePath;
use comity_model::tx::{Message, Transaction, TxBody};
use comity_model::{ChainId, ClientId, Hash, Height, decode, encode};
use comity_verify::comet::{LightBlock, Validator, ValidatorSet};
use comity_verify::light::{Anchor, Contradiction};
use comity_verify::seal::signing_bytes;
use comity_verify::state::key;
use ed25519_dalek::{Signer, SigningKey};
use futures::StreamExt;
use futures::stream::BoxStream;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A ledger that runs.
pub struct TestLedger {
    ports: Arc<Ports>,
    engine: Engine,
    proposals: AtomicU64,
}

struct Ports {
    id: ChainId,
    handle: Handle,
    validators: ValidatorSet,
    blocks: Mutex<BTreeMap<Height, Arc<CommittedBlock>>>,
    operator: SigningKey,
}

impl TestLedger {
    pub async fn start(id: &str, member: Member, profiles: Vec<Profile>, operator: SigningKey) -> Self {
        Self::start_in(id, member, profiles, operator, (Storage::Memory, Arc::new(SystemClock))).await
    }

    /// The same, kept there, by that clock.
    pub async fn start_in(
        id: &str,
        member: Member,
        profiles: Vec<Profile>,
        operator: SigningKey,
        (storage, clock): (Storage, Arc<dyn Clock>),
    ) -> Self {
        let keys: Vec<_> = (0..4u8).map(|n| ValidatorKey::from_seed(&[n + id.len() as u8; 32])).collect();
        let validators: Vec<_> = keys.iter().map(|key| Validator { public_key: key.public_key(), power: 10 }).collect();
        let id: ChainId = id.parse().unwrap();
        let genesis = Genesis {
            chain: id.clone(),
            time: comity_gateway::Clock::system().now(),
            validators: validators
                .iter()
                .map(|validator| ValidatorUpdate { public_key: validator.public_key, power: validator.power })
                .collect(),
            governors: Governors {
                keys: vec![PublicKey::ed25519(SigningKey::from_bytes(&[77; 32]).verifying_key().to_bytes())],
                threshold: 1,
                delay_s: 0,
                next: 0,
            },
            client_kinds: vec![ClientKind::Comet],
            suites: Suites::NATIVE,
            members: vec![member],
            officers: Vec::new(),
            profiles,
        };
        let mut config = EngineConfig::new(genesis, keys);
        config.heartbeat = Duration::from_millis(500);
        config.storage = storage;
        config.clock = clock;
        let engine = Engine::start(config).await.unwrap();
        let ports = Arc::new(Ports {
            id,
            handle: engine.handle(),
            validators: ValidatorSet::new(validators).unwrap(),
            blocks: Mutex::default(),
            operator,
        });
        // Every block from the first on: the engine makes none before this subscription that is not also the latest.
        let (mut news, keeper) = (engine.subscribe(), ports.clone());
        if let Some(block) = engine.handle().latest() {
            ports.blocks.lock().unwrap().insert(block.height(), block);
        }
        tokio::spawn(async move {
            while let Ok(block) = news.recv().await {
                keeper.blocks.lock().unwrap().insert(block.height(), block);
            }
        });
        let ledger = Self { ports, engine, proposals: AtomicU64::new(0) };
        ledger.reach(3).await;
        ledger
    }

    /// Waits until the ledger has a block of this height that the ports know.
    pub async fn reach(&self, height: u64) {
        while self.ports.blocks.lock().unwrap().keys().next_back().is_none_or(|latest| latest.0 < height) {
            self.ports.handle.ask_for_block();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The transactions of every block.
    pub fn transactions(&self) -> Vec<Vec<u8>> {
        self.ports.blocks.lock().unwrap().values().flat_map(|block| block.txs.clone()).collect()
    }

    pub fn id(&self) -> &ChainId {
        &self.ports.id
    }

    /// The number of the governors' next proposal.
    pub(super) fn next_proposal(&self) -> u64 {
        self.proposals.fetch_add(1, Ordering::SeqCst)
    }

    pub fn chain(&self) -> Chain {
        let ports = self.ports.clone();
        Chain { headers: ports.clone(), prover: ports.clone(), events: ports.clone(), submit: ports }
    }

    /// An anchor at the latest block.
    pub fn anchor(&self, trusting_period_secs: u64) -> Anchor {
        let blocks = self.ports.blocks.lock().unwrap();
        let header = &blocks.values().next_back().unwrap().header;
        Anchor {
            chain_id: header.chain_id.clone(),
            height: header.height,
            header_hash: header.hash(),
            validators_hash: header.validators_hash,
            trusting_period_secs,
            clock_drift_secs: 10,
            operators: 1,
            suites: Suites::NATIVE,
        }
    }

    pub async fn stop(self) {
        self.engine.stop().await.unwrap();
    }
}

fn gone(error: impl std::fmt::Display) -> PortError {
    PortError::Unavailable(error.to_string())
}

impl Ports {
    fn ask(
        &self,
        path: &str,
        data: &[u8],
        height: Option<Height>,
        prove: bool,
    ) -> Result<(Vec<u8>, Vec<u8>), PortError> {
        let answer = self.handle.query(&Query { path, data, height, prove }).map_err(gone)?;
        if answer.code == 0 { Ok((answer.value, answer.proof)) } else { Err(gone(answer.log)) }
    }
}

#[async_trait]
impl Headers for Ports {
    fn chain(&self) -> &ChainId {
        &self.id
    }

    async fn latest(&self) -> Result<Height, PortError> {
        let latest = self.blocks.lock().unwrap().keys().next_back().copied();
        latest.ok_or(PortError::NotYet(Height(1)))
    }

    async fn light_block(&self, height: Height) -> Result<LightBlock, PortError> {
        let block = self.blocks.lock().unwrap().get(&height).cloned().ok_or(PortError::NotYet(height))?;
        Ok(LightBlock {
            header: block.header.clone(),
            commit: block.commit.clone(),
            validators: self.validators.clone(),
        })
    }
}

#[async_trait]
impl Prover for Ports {
    async fn prove(&self, path: &StatePath, header: Height) -> Result<StateProof, PortError> {
        let (value, proof) = self.ask("/state", &key(path), Some(Height(header.0 - 1)), true)?;
        Ok(StateProof { value: (!value.is_empty()).then_some(value), proof, header })
    }

    async fn header_proof(&self, height: Height, size: u64) -> Result<Vec<Hash>, PortError> {
        let (value, _) = self.ask("/header-proof", &encode(&(height, size)), None, false)?;
        decode("a path", &value).map_err(gone)
    }
}

#[async_trait]
impl Events for Ports {
    fn follow(&self, _: Height) -> BoxStream<'static, Result<BlockEvents, PortError>> {
        let blocks = tokio_stream::wrappers::BroadcastStream::new(self.handle.subscribe());
        blocks
            .map(|block| {
                let block = block.map_err(gone)?;
                let events = block.results.iter().flat_map(|result| result.events.clone()).collect();
                Ok(BlockEvents { height: block.height(), events })
            })
            .boxed()
    }

    async fn outbox(&self, client: &ClientId, from: u64, limit: u32) -> Result<Vec<Packet>, PortError> {
        let (value, _) = self.ask("/outbox", &encode(&(client.clone(), from, limit)), None, false)?;
        decode("packets", &value).map_err(gone)
    }

    async fn acknowledgement(&self, client: &ClientId, sequence: u64) -> Result<Option<Vec<u8>>, PortError> {
        let (value, _) = self.ask("/ack", &encode(&(client.clone(), sequence)), None, false)?;
        decode("an acknowledgement", &value).map_err(gone)
    }

    async fn pending(&self, after: Option<ReceivedId>, limit: u32) -> Result<Vec<ReceivedOrder>, PortError> {
        let (value, _) = self.ask("/pending", &encode(&(after, limit)), None, false)?;
        decode("orders", &value).map_err(gone)
    }

    async fn contradiction(&self, client: &ClientId, back: u32) -> Result<Option<Contradiction>, PortError> {
        let (value, _) = self.ask("/contradiction", &encode(&(client.clone(), back)), None, false)?;
        decode("a contradiction", &value).map_err(gone)
    }
}

#[async_trait]
impl Submit for Ports {
    async fn submit(&self, messages: Vec<Message>) -> Result<Outcome, PortError> {
        let salt = rand_salt();
        let body = TxBody { chain: self.id.clone(), sender: self.operator.verifying_key().to_bytes(), salt, messages };
        let signature = self.operator.sign(&signing_bytes(comity_verify::seal::TAG_TX, &body)).to_bytes();
        let transaction = encode(&Transaction { body, signature });
        let tx = transaction_hash(&transaction);
        let result = match self.handle.submit(transaction).await {
            Ok(outcome) if outcome.result.is_ok() => {
                return Ok(Outcome::Committed { tx, height: outcome.height, events: outcome.result.events });
            }
            Ok(outcome) => outcome.result,
            Err(SubmitError::Refused(result)) => result,
            Err(error) => return Err(gone(error)),
        };
        Ok(Outcome::Refused { code: result.codespace.parse().unwrap(), detail: result.log })
    }
}

fn rand_salt() -> [u8; 8] {
    let mut salt = [0; 8];
    getrandom::fill(&mut salt).unwrap();
    salt
}
