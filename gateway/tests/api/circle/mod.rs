//! A credit body that keeps listings, and a court and a bank that read them, on loopback: each with a real ledger, a gateway
//! over mutual TLS and a signer, by one clock that a test can move. Any of the gateways can be stopped and started again.
#![allow(dead_code, clippy::unwrap_used, missing_docs, unreachable_pub)]

use crate::filling::{self, About};
use crate::support::{Authority, TestClock, TestLedger, always, free_address, profile};
use comity_gateway::following::Following;
use comity_gateway::sectors::Sectors;
use comity_gateway::signer::{SignerClient, SignerCore, SignerIdentity};
use comity_gateway::tls::{ChannelLimits, channel};
use comity_gateway::{DecidePolicy, Deps, GatewayConfig, Limits, PeerConfig, Reason, Running};
use comity_ledger_engine::Storage;
use comity_model::member::{Member, MemberKind};
use comity_model::record::{Field, FieldValue};
use comity_model::seal::PublicKey;
use comity_model::{Hash, MemberId, RecordId, Sector};
use comity_proto::v1;
use comity_store::{RedbStore, Store};
use comity_verify::light::Anchor;
use ed25519_dalek::SigningKey;
use secrecy::SecretBox;
use std::sync::Arc;
use tonic::transport::Channel;

/// One institution.
pub struct Party {
    pub id: MemberId,
    pub kind: MemberKind,
    pub authority: Authority,
    pub address: String,
    pub ledger: TestLedger,
    pub anchor: Anchor,
    /// Its gateway, while it runs.
    pub running: Option<Running>,
    /// Another one over the same store, while it runs.
    pub beside: Option<Running>,
    store: Option<Arc<dyn Store>>,
    sectors: Arc<Sectors>,
    seed: u8,
    clock: TestClock,
    folder: tempfile::TempDir,
}

impl Party {
    async fn start(id: &str, kind: MemberKind, seed: u8, sectors: Arc<Sectors>, clock: TestClock) -> Self {
        let member: MemberId = id.parse().unwrap();
        let operator = SigningKey::from_bytes(&[seed + 1; 32]);
        let entry = Member {
            id: member.clone(),
            home: format!("{id}-1").parse().unwrap(),
            kind,
            names: vec![format!("{id} of the test")],
            seal_key: PublicKey::ed25519(SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes()),
            encryption_key: [3; 32],
            operators: vec![operator.verifying_key().to_bytes()],
            gateway: "127.0.0.1:1".into(),
            ca_fingerprint: Hash([4; 32]),
            validity: always(),
        };
        let kept = sectors.iter().filter(|_| kind == MemberKind::Credit);
        let profiles = kept.map(|schema| profile(schema, &member)).collect();
        let by: (Storage, Arc<dyn comity_ledger_engine::Clock>) = (Storage::Memory, Arc::new(clock.clone()));
        let ledger = TestLedger::start_in(&format!("{id}-1"), entry, profiles, operator, by).await;
        let anchor = ledger.anchor(300 * 86_400);
        let (address, authority, folder) = (free_address(), Authority::new(id), tempfile::tempdir().unwrap());
        Self {
            id: member,
            kind,
            authority,
            address,
            ledger,
            anchor,
            running: None,
            beside: None,
            store: None,
            sectors,
            seed,
            clock,
            folder,
        }
    }

    pub fn as_peer(&self) -> PeerConfig {
        PeerConfig {
            member: self.id.clone(),
            kind: self.kind,
            address: self.address.clone(),
            ca_pem: self.authority.pem.clone(),
            anchor: self.anchor.clone(),
            clients: None,
        }
    }

    /// Starts its gateway over its store.
    pub async fn run(&mut self, peers: Vec<PeerConfig>, following: Following) {
        let path = self.folder.path().join("gateway.redb");
        let store = self.store.get_or_insert_with(|| Arc::new(RedbStore::open(&path).unwrap())).clone();
        let listen = self.address.clone();
        self.running = Some(self.gateway_at(&listen, store, peers, following).await);
    }

    /// Starts another gateway beside it, over the same store.
    pub async fn run_beside(&mut self, peers: Vec<PeerConfig>, following: Following) {
        let store = self.store.clone().unwrap();
        self.beside = Some(self.gateway_at("127.0.0.1:0", store, peers, following).await);
    }

    async fn gateway_at(
        &self,
        listen: &str,
        store: Arc<dyn Store>,
        peers: Vec<PeerConfig>,
        following: Following,
    ) -> Running {
        let identity = SignerIdentity {
            institution: self.id.clone(),
            chain: self.anchor.chain_id.clone(),
            officers: Vec::new(),
            rules: Vec::new(),
        };
        let core = SignerCore::new(identity, &SecretBox::new(Box::new([self.seed; 32])));
        let config = GatewayConfig {
            institution: self.id.clone(),
            kind: self.kind,
            listen: listen.parse().unwrap(),
            rest: None,
            tls: self.authority.issue(&format!("comity://{}/gateway", self.id)),
            peers,
            anchor: self.anchor.clone(),
            encryption_key: SecretBox::new(Box::new([6; 32])),
            lookup_key: None,
            limits: Limits::default(),
            decide: DecidePolicy::default(),
            following,
            clock: self.clock.gateway(),
        };
        let deps = Deps {
            chain: self.ledger.chain(),
            store,
            signer: SignerClient::in_task_at(core, self.clock.gateway()),
            sectors: self.sectors.clone(),
            rules: Arc::default(),
            deposits: None,
            policies: None,
        };
        comity_gateway::start(config, deps).await.unwrap()
    }

    /// Stops its gateway; its store is closed where no other one uses it.
    pub async fn halt(&mut self) {
        self.running.take().unwrap().stop().await;
        if self.beside.is_none() {
            self.store = None;
        }
    }

    /// A channel to its gateway, as somebody of it in `role`.
    pub fn person(&self, role: &str) -> Channel {
        self.reached_by(self, role)
    }

    /// The same to the gateway beside it.
    pub fn person_beside(&self, role: &str) -> Channel {
        let address = self.beside.as_ref().unwrap().grpc_addr().to_string();
        let material = self.authority.issue(&format!("comity://{}/{role}", self.id));
        channel(&self.id, &address, &self.authority.pem, &material, ChannelLimits::default()).unwrap()
    }

    /// The same, as somebody of another institution.
    pub fn reached_by(&self, other: &Self, role: &str) -> Channel {
        let material = other.authority.issue(&format!("comity://{}/{role}", other.id));
        channel(&self.id, &self.address, &self.authority.pem, &material, ChannelLimits::default()).unwrap()
    }

    pub fn gateway(&self) -> &Running {
        self.running.as_ref().unwrap()
    }
}

pub struct Circle {
    pub credit: Party,
    pub court: Party,
    pub bank: Party,
    pub clock: TestClock,
    pub following: Following,
}

pub const LISTING: &str = "SX-2026-0001";

impl Circle {
    pub async fn start(following: Following) -> Self {
        Self::start_at(following, TestClock::default()).await
    }

    /// All three gateways, with the sectors as they ship, and one listing.
    pub async fn start_at(following: Following, clock: TestClock) -> Self {
        let sectors = Arc::new(Sectors::embedded().unwrap());
        let party = |id, kind, seed| Party::start(id, kind, seed, sectors.clone(), clock.clone());
        let mut circle = Self {
            credit: party("credit", MemberKind::Credit, 10).await,
            court: party("court", MemberKind::Court, 20).await,
            bank: party("bank", MemberKind::Finance, 30).await,
            clock: clock.clone(),
            following,
        };
        circle.run_credit().await;
        circle.run_court().await;
        circle.run_bank().await;
        circle.publish("NONE").await;
        circle
    }

    pub async fn run_credit(&mut self) {
        let peers = vec![self.court.as_peer(), self.bank.as_peer()];
        self.credit.run(peers, self.following.clone()).await;
    }

    /// A second gateway of the credit body, and of the court, over the store of the first.
    pub async fn run_two(&mut self) {
        let peers = vec![self.court.as_peer(), self.bank.as_peer()];
        self.credit.run_beside(peers, self.following.clone()).await;
        let peers = vec![self.credit.as_peer(), self.bank.as_peer()];
        self.court.run_beside(peers, self.following.clone()).await;
    }

    pub async fn run_court(&mut self) {
        let peers = vec![self.credit.as_peer(), self.bank.as_peer()];
        self.court.run(peers, self.following.clone()).await;
    }

    pub async fn run_bank(&mut self) {
        let peers = vec![self.credit.as_peer(), self.court.as_peer()];
        self.bank.run(peers, self.following.clone()).await;
    }

    /// The listing says that so much of the duty is performed.
    pub async fn publish(&self, performance: &str) {
        self.publish_as(LISTING, performance).await;
    }

    pub async fn publish_as(&self, number: &str, performance: &str) {
        self.publish_through(self.credit.gateway(), number, performance).await;
    }

    /// The same through one of the gateways; whoever is overtaken by the other one tries again.
    pub async fn publish_through(&self, gateway: &Running, number: &str, performance: &str) {
        loop {
            let records = vec![(number.parse::<RecordId>().unwrap(), self.listing(number, performance))];
            match gateway.records().publish(&sector(), records).await {
                Err(error) if error.reason() == Reason::Contended => {}
                published => return drop(published.unwrap()),
            }
        }
    }

    pub async fn withdraw(&self) {
        self.credit.gateway().records().withdraw(&sector(), vec![LISTING.parse().unwrap()]).await.unwrap();
    }

    fn listing(&self, number: &str, performance: &str) -> Vec<Field> {
        let schema = self.credit.sectors.sector(&sector()).unwrap();
        let about = About { reference: number, name: filling::NAME, number: filling::NUMBER };
        let mut fields = filling::record(schema, &about);
        let field = fields.iter_mut().find(|field| field.name.as_str() == "performance").unwrap();
        field.value = FieldValue::Text(performance.into());
        fields.sort_by(|one, other| one.name.cmp(&other.name));
        fields
    }

    pub async fn stop(self) {
        for mut party in [self.credit, self.court, self.bank] {
            if let Some(beside) = party.beside.take() {
                beside.stop().await;
            }
            if party.running.is_some() {
                party.halt().await;
            }
            party.ledger.stop().await;
        }
    }
}

pub fn sector() -> Sector {
    "credit".parse().unwrap()
}

pub fn name() -> String {
    format!("members/credit/sectors/credit/records/{LISTING}")
}

pub fn purpose() -> Option<v1::Purpose> {
    Some(v1::Purpose {
        case_number: filling::CASE.into(),
        legal_basis: "民事诉讼法第二百六十六条".into(),
        purpose: "spending limits".into(),
    })
}
