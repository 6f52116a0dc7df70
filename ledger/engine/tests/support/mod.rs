//! A small chain for tests: one institution, three governors, four validators, and the transactions it needs. Each test
//! binary uses a part of it.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use comity_ledger_engine::{Engine, EngineConfig, Handle, Storage, ValidatorKey};
use comity_ledger_rpc::jsonrpc::{Request, Response, RpcError};
use comity_model::client::ClientKind;
use comity_model::genesis::Genesis;
use comity_model::governance::{Action, GovernorApproval, Governors, Proposal, ValidatorUpdate};
use comity_model::member::{Member, MemberKind, Validity};
use comity_model::profile::Profile;
use comity_model::record::{RecordState, RecordStatus};
use comity_model::seal::{PublicKey, Signature, Suites};
use comity_model::tx::{Message, RecordBatch, Transaction, TxBody};
use comity_model::{ChainId, Hash, Height, MemberId, RecordId, Sector, Time, UnixSeconds};
use comity_verify::seal::signing_bytes;
use ed25519_dalek::{Signer as _, SigningKey};
use serde::de::DeserializeOwned;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Keys and names of the chain.
pub(crate) struct World {
    pub(crate) genesis: Genesis,
    operator: SigningKey,
    seal: SigningKey,
    governors: Vec<SigningKey>,
    salt: AtomicU64,
}

pub(crate) fn key(seed: u8) -> ValidatorKey {
    ValidatorKey::from_seed(&[seed; 32])
}

/// Keys 1 to `count`.
pub(crate) fn keys(count: u8) -> Vec<ValidatorKey> {
    (1..=count).map(key).collect()
}

pub(crate) fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let seconds = i64::try_from(since.as_secs()).expect("in range");
    Time::new(seconds, since.subsec_nanos()).expect("in range")
}

fn public(key: &SigningKey) -> PublicKey {
    PublicKey::ed25519(key.verifying_key().to_bytes())
}

impl World {
    /// A chain that begins `age_s` seconds ago with validators 1 to 4 of equal power.
    pub(crate) fn new(age_s: u64) -> Self {
        let signing = |seed: u8| SigningKey::from_bytes(&[seed; 32]);
        let (operator, seal) = (signing(100), signing(101));
        let governors: Vec<SigningKey> = (110..113).map(signing).collect();
        let chain: ChainId = "engine-test-1".parse().expect("a chain id");
        let member: MemberId = "court".parse().expect("a member id");
        let begun = now().seconds() - i64::try_from(age_s).expect("small");
        let genesis = Genesis {
            chain: chain.clone(),
            time: Time::new(begun, 0).expect("in range"),
            validators: keys(4).iter().map(|key| power(key, 10)).collect(),
            governors: Governors { keys: governors.iter().map(public).collect(), threshold: 2, delay_s: 0, next: 0 },
            client_kinds: vec![ClientKind::Comet],
            suites: Suites::NATIVE,
            members: vec![Member {
                id: member.clone(),
                home: chain,
                kind: MemberKind::Court,
                names: vec!["Test Court".into()],
                seal_key: public(&seal),
                encryption_key: [9; 32],
                operators: vec![operator.verifying_key().to_bytes()],
                gateway: "127.0.0.1:1".into(),
                ca_fingerprint: Hash([1; 32]),
                validity: Validity { from: UnixSeconds(0), until: UnixSeconds(4_000_000_000), compromised_since: None },
            }],
            officers: vec![],
            profiles: vec![Profile { sector: sector(), institution: member, kinds: vec![] }],
        };
        Self { genesis, operator, seal, governors, salt: AtomicU64::new(0) }
    }

    /// Settings for this chain with validator keys 1 to `count`.
    pub(crate) fn config(&self, count: u8, storage: Storage, heartbeat_ms: u64) -> EngineConfig {
        EngineConfig {
            storage,
            heartbeat: Duration::from_millis(heartbeat_ms),
            ..EngineConfig::new(self.genesis.clone(), keys(count))
        }
    }

    fn tx(&self, messages: Vec<Message>) -> Vec<u8> {
        let body = TxBody {
            chain: self.genesis.chain.clone(),
            sender: self.operator.verifying_key().to_bytes(),
            salt: self.salt.fetch_add(1, Ordering::Relaxed).to_be_bytes(),
            messages,
        };
        let signature = self.operator.sign(&signing_bytes("comity/tx/v1", &body));
        comity_model::encode(&Transaction { body, signature: signature.to_bytes() })
    }

    /// Governors' proposal `number`: change validators.
    pub(crate) fn set_validators(&self, number: u64, updates: Vec<ValidatorUpdate>) -> Vec<u8> {
        let proposal = Proposal {
            chain: self.genesis.chain.clone(),
            number,
            action: Action::SetValidators(updates),
            evidence: Hash::ZERO,
        };
        let bytes = signing_bytes("comity/proposal/v1", &proposal);
        let approvals = (0u8..).zip(self.governors.iter().take(2));
        let approvals = approvals
            .map(|(governor, key)| GovernorApproval {
                governor,
                signature: Signature::ed25519(key.sign(&bytes).to_bytes()),
            })
            .collect();
        self.tx(vec![Message::Govern { proposal, approvals }])
    }

    /// Writes the first version of a record.
    pub(crate) fn put_record(&self, id: &str) -> Vec<u8> {
        let batch = RecordBatch {
            chain: self.genesis.chain.clone(),
            member: self.genesis.members[0].id.clone(),
            sector: sector(),
            records: vec![(record_id(id), record())],
        };
        let bytes = signing_bytes("comity/records/v1", &batch);
        let seal = Signature::ed25519(self.seal.sign(&bytes).to_bytes());
        self.tx(vec![Message::PutRecords { batch, seal }])
    }
}

pub(crate) fn sector() -> Sector {
    "judgment".parse().expect("a sector")
}

pub(crate) fn record_id(id: &str) -> RecordId {
    id.parse().expect("a record id")
}

pub(crate) fn record() -> RecordState {
    RecordState {
        schema: Hash([2; 32]),
        root: Hash([3; 32]),
        status: RecordStatus::Current,
        version: 1,
        updated_at: UnixSeconds(1),
    }
}

pub(crate) fn power(key: &ValidatorKey, power: u64) -> ValidatorUpdate {
    ValidatorUpdate { public_key: key.public_key(), power }
}

pub(crate) fn directory(path: &Path) -> Storage {
    Storage::Directory(path.to_owned())
}

/// Waits until a block of that height is durable.
pub(crate) async fn reach(handle: &Handle, height: u64) {
    let mut blocks = handle.subscribe();
    let wait = async {
        while handle.status().height < Height(height) {
            handle.ask_for_block();
            // Falling behind is no matter: the status tells.
            let _ = blocks.recv().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("blocks are made");
}

/// Calls the engine's RPC as any client would.
pub(crate) async fn rpc<T: DeserializeOwned>(engine: &Engine, request: &Request) -> Result<T, RpcError> {
    let body = serde_json::to_vec(request).expect("json");
    let (_, text) = post(engine, body).await;
    let answer: Response<T> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    answer.into_result()
}

/// Posts bytes: status and body.
pub(crate) async fn post(engine: &Engine, body: Vec<u8>) -> (u16, String) {
    let url = format!("http://{}/", engine.rpc_addr());
    let answer = reqwest::Client::new().post(url).body(body).send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}

/// Gets a path with its query.
pub(crate) async fn get(engine: &Engine, path: &str) -> (u16, String) {
    let url = format!("http://{}/{path}", engine.rpc_addr());
    let answer = reqwest::get(url).await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}
