//! Two institutions on loopback: a court that keeps judgments and a registry that asks for them, each with a real
//! ledger, a gateway over mutual TLS, and a signer.
// Each program of tests takes what it needs.
#![allow(dead_code, unused_imports, clippy::unwrap_used, missing_docs, unreachable_pub)]

mod chain;
mod clock;
mod governed;
pub mod liar;
mod people;
mod pki;

pub use chain::TestLedger;
pub use clock::TestClock;
pub use people::{always, approval, client_of, free_address, officer, profile, signature};
pub use pki::Authority;

use comity_gateway::following::Following;
use comity_gateway::sectors::{SectorSource, Sectors};
use comity_gateway::signer::{SignerClient, SignerCore, SignerIdentity};
use comity_gateway::tls::{ChannelLimits, channel};
use comity_gateway::{Clock, DecidePolicy, Deps, GatewayConfig, Limits, PeerConfig, Running};
use comity_model::member::{Member, MemberKind};
use comity_model::profile::Profile;
use comity_model::record::{Date, Field, FieldValue};
use comity_model::seal::PublicKey;
use comity_model::{Hash, MemberId, RecordId, Sector};
use comity_store::{RedbStore, Store};
use comity_verify::light::Anchor;
use ed25519_dalek::SigningKey;
use secrecy::SecretBox;
use std::sync::Arc;
use tonic::transport::Channel;
use tonic_types::StatusExt;

/// A sector to test with: a licence register, with a field for each reader.
pub const SECTOR: &str = "licences";
const SCHEMA: &str = include_str!("licences.proto");

/// One institution.
pub struct Institution {
    pub id: MemberId,
    pub authority: Authority,
    pub ledger: TestLedger,
    pub anchor: Anchor,
    kind: MemberKind,
    folder: tempfile::TempDir,
}

impl Institution {
    pub async fn start(id: &str, kind: MemberKind, keeps: bool) -> Self {
        let member: MemberId = id.parse().unwrap();
        let operator = SigningKey::from_bytes(&[9; 32]);
        let entry = Member {
            id: member.clone(),
            home: format!("{id}-1").parse().unwrap(),
            kind,
            names: vec![format!("{id} of the test")],
            seal_key: PublicKey::ed25519(seal_key().verifying_key().to_bytes()),
            encryption_key: [3; 32],
            operators: vec![operator.verifying_key().to_bytes()],
            gateway: "127.0.0.1:1".into(),
            ca_fingerprint: Hash([4; 32]),
            validity: always(),
        };
        let profile = Profile { sector: sector(), institution: member.clone(), kinds: Vec::new() };
        let profiles = if keeps { vec![profile] } else { Vec::new() };
        let ledger = TestLedger::start(&format!("{id}-1"), entry, profiles, operator).await;
        let anchor = ledger.anchor(3_600);
        Self { id: member, authority: Authority::new(id), ledger, anchor, kind, folder: tempfile::tempdir().unwrap() }
    }

    /// What others are told of this institution, whose gateway listens at `address`.
    pub fn as_peer(&self, address: &str) -> PeerConfig {
        PeerConfig {
            member: self.id.clone(),
            kind: self.kind,
            address: address.to_owned(),
            ca_pem: self.authority.pem.clone(),
            anchor: self.anchor.clone(),
            clients: None,
        }
    }

    /// Starts a gateway over the institution's ledger and the store `name`.
    pub async fn gateway(&self, name: &str, peers: Vec<PeerConfig>) -> Running {
        self.gateway_at(name, peers, Clock::system()).await
    }

    pub async fn gateway_at(&self, name: &str, peers: Vec<PeerConfig>, clock: Clock) -> Running {
        self.gateway_over(self.store(name), peers, clock).await
    }

    /// The store `name`.
    pub fn store(&self, name: &str) -> Arc<dyn Store> {
        Arc::new(RedbStore::open(&self.folder.path().join(name)).unwrap())
    }

    /// Starts a gateway over a store that others may use too.
    pub async fn gateway_over(&self, store: Arc<dyn Store>, peers: Vec<PeerConfig>, clock: Clock) -> Running {
        let identity = SignerIdentity {
            institution: self.id.clone(),
            chain: self.anchor.chain_id.clone(),
            officers: Vec::new(),
            rules: Vec::new(),
        };
        let core = SignerCore::new(identity, &SecretBox::new(Box::new(seal_key().to_bytes())));
        let config = GatewayConfig {
            institution: self.id.clone(),
            kind: self.kind,
            listen: "127.0.0.1:0".parse().unwrap(),
            rest: Some("127.0.0.1:0".parse().unwrap()),
            tls: self.authority.issue(&format!("comity://{}/gateway", self.id)),
            peers,
            anchor: self.anchor.clone(),
            encryption_key: SecretBox::new(Box::new([6; 32])),
            lookup_key: Some(SecretBox::new(Box::new([8; 32]))),
            limits: Limits::default(),
            decide: DecidePolicy::default(),
            following: Following::default(),
            clock,
        };
        let deps = Deps {
            chain: self.ledger.chain(),
            store,
            signer: SignerClient::in_task(core),
            sectors: Arc::new(sectors()),
            rules: Arc::default(),
            deposits: None,
            policies: None,
        };
        comity_gateway::start(config, deps).await.unwrap()
    }

    /// A channel to a gateway of this institution, as somebody of it in `role`.
    pub fn person(&self, gateway: &Running, role: &str) -> Channel {
        let material = self.authority.issue(&format!("comity://{}/{role}", self.id));
        let address = gateway.grpc_addr().to_string();
        channel(&self.id, &address, &self.authority.pem, &material, ChannelLimits::default()).unwrap()
    }
}

fn seal_key() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

pub fn sector() -> Sector {
    SECTOR.parse().unwrap()
}

pub fn sectors() -> Sectors {
    Sectors::load(&[SectorSource { name: SECTOR, schema: SCHEMA, profile: None }]).unwrap()
}

/// A record of the test's sector.
pub fn licence(number: &str, status: &str) -> (RecordId, Vec<Field>) {
    let text = |name: &str, value: &str| Field { name: name.parse().unwrap(), value: FieldValue::Text(value.into()) };
    let fields = vec![
        text("firm", "浙江某某律师事务所"),
        text("holder", "王五"),
        Field { name: "issued".parse().unwrap(), value: FieldValue::Date(Date::new(2008, 5, 1).unwrap()) },
        text("number", number),
        text("remark", "for the own use of the register"),
        text("status", status),
    ];
    (number.parse().unwrap(), fields)
}

pub fn name(keeper: &Institution, number: &str) -> String {
    format!("members/{}/sectors/{SECTOR}/records/{number}", keeper.id)
}

/// The reason of a refused call, and one of its facts.
pub fn reason(status: &tonic::Status) -> String {
    status.get_details_error_info().map_or_else(|| format!("{status:?}"), |info| info.reason)
}

pub fn fact(status: &tonic::Status, key: &str) -> String {
    let info = status.get_details_error_info();
    info.and_then(|info| info.metadata.get(key).cloned()).unwrap_or_else(|| format!("no {key} in {status:?}"))
}
