//! A real ledger for tests: an embedded engine on disk with its RPC on loopback, reached through the adapter. Keys
//! follow from names.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use borsh::BorshSerialize;
use comity_adapters_comet::{CometChain, CometConfig};
use comity_adapters_ports::{Chain, Outcome};
use comity_ledger_engine::{Engine, EngineConfig, Storage, ValidatorKey};
use comity_model::client::{AnchorPoint, ClientKind, ClientState, ClientStatus};
use comity_model::event::Event;
use comity_model::genesis::Genesis;
use comity_model::governance::{Action, GovernorApproval, Governors, Proposal, ValidatorUpdate};
use comity_model::member::{Member, MemberKind, Validity};
use comity_model::seal::{PublicKey, Signature, Suites};
use comity_model::tx::Message;
use comity_model::{ChainId, ClientId, Hash, Height, Time, UnixSeconds, encode};
use comity_verify::comet::{BlockId, Commit, CommitSig, Header, LightBlock, Vote, vote_bytes};
use comity_verify::light::Anchor;
use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

pub const HEARTBEAT: Duration = Duration::from_millis(500);
pub const TRUSTING_S: u64 = 3_600;
pub const DRIFT_S: u64 = 30;

/// The key that belongs to `name`.
pub fn key(name: &str) -> SigningKey {
    SigningKey::from_bytes(&Sha256::digest(name).into())
}

/// Its public half as a seal key.
pub fn public_key(name: &str) -> PublicKey {
    PublicKey::ed25519(key(name).verifying_key().to_bytes())
}

/// A signature by `name` under a domain tag.
pub fn seal<T: BorshSerialize>(name: &str, tag: &'static str, value: &T) -> Signature {
    let bytes = comity_verify::seal::signing_bytes(tag, value);
    Signature::ed25519(key(name).sign(&bytes).to_bytes())
}

pub fn now() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Time::new(i64::try_from(since.as_secs()).unwrap(), since.subsec_nanos()).unwrap()
}

pub const fn always() -> Validity {
    Validity { from: UnixSeconds(0), until: UnixSeconds(u64::MAX), compromised_since: None }
}

pub fn member(id: &str, kind: MemberKind, home: &str) -> Member {
    Member {
        id: id.parse().unwrap(),
        home: home.parse().unwrap(),
        kind,
        names: vec![id.into()],
        seal_key: public_key(&format!("{id} seal")),
        encryption_key: [1; 32],
        operators: vec![key(&format!("{home} operator")).verifying_key().to_bytes()],
        gateway: "127.0.0.1:1".into(),
        ca_fingerprint: Hash([2; 32]),
        validity: always(),
    }
}

/// A genesis with four validators, three governors and one institution.
pub fn genesis(chain: &str, institution: &str, kind: MemberKind) -> Genesis {
    Genesis {
        chain: chain.parse().unwrap(),
        time: now(),
        validators: (0..4).map(|n| power(chain, n, 10)).collect(),
        governors: Governors {
            keys: (0..3).map(|n| public_key(&format!("{chain} governor {n}"))).collect(),
            threshold: 2,
            delay_s: 0,
            next: 0,
        },
        client_kinds: vec![ClientKind::Comet],
        suites: Suites::NATIVE,
        members: vec![member(institution, kind, chain)],
        officers: vec![],
        profiles: vec![],
    }
}

/// A validator of a chain: the engines of tests hold the keys of numbers 0 to 9.
pub fn power(chain: &str, number: u8, power: u64) -> ValidatorUpdate {
    ValidatorUpdate { public_key: validator_key(chain, number).verifying_key().to_bytes(), power }
}

fn validator_key(chain: &str, number: u8) -> SigningKey {
    key(&format!("{chain} validator {number}"))
}

/// One ledger, on disk, so that it can be stopped and started.
pub struct Ledger {
    pub genesis: Genesis,
    engine: Option<Engine>,
    directory: PathBuf,
    rpc: SocketAddr,
    proposals: AtomicU64,
    _temporary: tempfile::TempDir,
}

impl Ledger {
    pub async fn start(genesis: Genesis) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let mut ledger = Self {
            genesis,
            engine: None,
            directory: temporary.path().join("ledger"),
            rpc: SocketAddr::from(([127, 0, 0, 1], 0)),
            proposals: AtomicU64::new(0),
            _temporary: temporary,
        };
        ledger.resume().await;
        ledger
    }

    /// Starts it again, on the port that it had.
    pub async fn resume(&mut self) {
        let chain = self.genesis.chain.as_str();
        let seeds = (0..10).map(|number| validator_key(chain, number).to_bytes());
        let keys = seeds.map(|seed| ValidatorKey::from_seed(&seed)).collect();
        let config = EngineConfig {
            storage: Storage::Directory(self.directory.clone()),
            heartbeat: HEARTBEAT,
            rpc: self.rpc,
            ..EngineConfig::new(self.genesis.clone(), keys)
        };
        let engine = Engine::start(config).await.expect("the engine starts");
        self.rpc = engine.rpc_addr();
        self.engine = Some(engine);
    }

    pub async fn stop(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.stop().await.expect("the engine stops");
        }
    }

    /// The engine, for whoever reads from it without a network.
    pub fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("it runs")
    }

    pub fn id(&self) -> &ChainId {
        &self.genesis.chain
    }

    pub fn config(&self) -> CometConfig {
        let operator = key(&format!("{} operator", self.id()));
        let mut config =
            CometConfig::new(format!("http://{}", self.rpc), self.id().clone()).with_operator(operator.to_bytes());
        config.poll_interval = Duration::from_millis(200);
        config
    }

    /// Its ports, through the adapter.
    pub fn chain(&self) -> Chain {
        CometChain::open(self.config()).expect("an address")
    }

    pub async fn anchor(&self, height: u64) -> Anchor {
        reach(&self.chain(), Height(height)).await;
        let block = self.chain().headers.light_block(Height(height)).await.unwrap();
        Anchor {
            chain_id: self.id().clone(),
            height: block.header.height,
            header_hash: block.header.hash(),
            validators_hash: block.header.validators_hash,
            trusting_period_secs: TRUSTING_S,
            clock_drift_secs: DRIFT_S,
            operators: 1,
            suites: Suites::NATIVE,
        }
    }

    /// Submits messages that must be carried out.
    pub async fn done(&self, messages: Vec<Message>) -> (Height, Vec<Event>) {
        match self.chain().submit.submit(messages).await.expect("an answer") {
            Outcome::Committed { height, events, .. } => (height, events),
            Outcome::Refused { code, detail } => panic!("refused: {code}: {detail}"),
        }
    }

    /// The next proposal, under two governors' signatures.
    pub fn proposal(&self, action: Action) -> Message {
        let proposal = Proposal {
            chain: self.id().clone(),
            number: self.proposals.fetch_add(1, Ordering::Relaxed),
            action,
            evidence: Hash::ZERO,
        };
        let approvals = [0, 2].map(|governor| GovernorApproval {
            governor,
            signature: seal(&format!("{} governor {governor}", self.id()), "comity/proposal/v1", &proposal),
        });
        Message::Govern { approvals: approvals.to_vec(), proposal }
    }

    /// A header signed by this ledger's first validators.
    pub fn sign(&self, header: Header, like: &LightBlock) -> LightBlock {
        sign(self.id(), header, like)
    }
}

/// Signs `header` with the keys of the chain's validators in place of the commit of `like`.
pub fn sign(chain: &ChainId, header: Header, like: &LightBlock) -> LightBlock {
    let block_id = BlockId { hash: header.hash(), parts: like.commit.block_id.parts };
    let bytes = vote_bytes(&header.chain_id, header.height, 0, Some(&block_id), header.time);
    let keys: Vec<_> = (0..10).map(|number| validator_key(chain.as_str(), number)).collect();
    let votes = like.validators.validators().iter().zip(like.validators.addresses());
    let votes = votes.map(|(validator, address)| {
        let own = |key: &&SigningKey| key.verifying_key().to_bytes() == validator.public_key;
        CommitSig::Commit(Vote {
            address: *address,
            time: header.time,
            signature: keys.iter().find(own).unwrap().sign(&bytes).to_bytes(),
        })
    });
    LightBlock {
        commit: Commit { height: header.height, round: 0, block_id, signatures: votes.collect() },
        validators: like.validators.clone(),
        header,
    }
}

/// The proposal of a client of the chain that `anchor` is of.
pub fn create_client(id: &ClientId, counterparty: &ClientId, anchor: &Anchor, block: &LightBlock) -> Action {
    Action::CreateClient {
        client: ClientState {
            id: id.clone(),
            kind: ClientKind::Comet,
            chain: anchor.chain_id.clone(),
            counterparty: counterparty.clone(),
            anchor: AnchorPoint {
                height: anchor.height,
                header_hash: anchor.header_hash,
                validators_hash: anchor.validators_hash,
            },
            trusting_period_s: anchor.trusting_period_secs,
            clock_drift_s: anchor.clock_drift_secs,
            operators: 1,
            suites: anchor.suites,
            usable_from: UnixSeconds(0),
            latest: Height(0),
            status: ClientStatus::Active,
        },
        block: encode(block),
    }
}

/// Waits until a block of that height exists.
pub async fn reach(chain: &Chain, height: Height) {
    let wait = async {
        while chain.headers.latest().await.unwrap_or_default() < height {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("blocks are made");
}
