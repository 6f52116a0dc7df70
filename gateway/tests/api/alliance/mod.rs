//! A court and an institution that answers for any sectors, on loopback, each with a real ledger, a gateway over mutual TLS and a signer, and a relayer between
//! the two ledgers.
#![allow(dead_code, clippy::unwrap_used, missing_docs, unreachable_pub)]

use crate::support::{Authority, TestLedger, always, client_of, free_address, officer, profile};
use comity_adapters_ports::Chain;
use comity_deposits::Log;
use comity_gateway::following::Following;
use comity_gateway::sectors::{Role, SectorSchema, Sectors};
use comity_gateway::signer::{SealRule, SignerClient, SignerCore, SignerIdentity};
use comity_gateway::tls::{ChannelLimits, channel};
use comity_gateway::triggers::Rules;
use comity_gateway::{
    Bucket, BucketConfig, Clock, DecidePolicy, DepositLog, Deps, GatewayConfig, Limits, OrderClients, PeerConfig,
    Running, Timestamps, sealing,
};
use comity_model::governance::Action;
use comity_model::member::{Member, MemberKind};
use comity_model::seal::PublicKey;
use comity_model::{Hash, MemberId};
use comity_proto::v1::orders_client::OrdersClient;
use comity_relayer_worker::{ChainConfig, PathConfig, Relayer, RelayerConfig};
use comity_store::RedbStore;
use comity_verify::light::Anchor;
use comity_verify::tlog::Policy;
use ed25519_dalek::SigningKey;
use secrecy::SecretBox;
use std::sync::Arc;
use tonic::transport::Channel;

/// One institution.
pub struct Party {
    pub id: MemberId,
    pub kind: MemberKind,
    pub authority: Authority,
    pub ledger: TestLedger,
    pub anchor: Anchor,
    /// What its gateway and signer know.
    pub sectors: Arc<Sectors>,
    /// The rules of its gateway.
    pub rules: Arc<Rules>,
    /// Seeds of its keys start with this byte.
    seed: u8,
    pub folder: tempfile::TempDir,
    /// The log of deposits that it keeps, if it is a court.
    pub log: Option<Arc<Log>>,
    /// Who is to witness it.
    pub policy: Option<Policy>,
    /// The bucket into which the log is copied.
    pub bucket: Option<BucketConfig>,
    /// Who is to stamp it.
    pub timestamps: Option<Timestamps>,
}

pub struct World {
    pub court: Party,
    pub bank: Party,
    pub court_gateway: Running,
    pub bank_gateway: Running,
    relayer: Relayer,
    court_address: String,
    bank_address: String,
}

fn log_in(folder: &std::path::Path) -> Arc<Log> {
    Arc::new(Log::open(folder, comity_deposits::Options::default()).unwrap())
}

impl Party {
    /// An institution that knows `sectors` and answers for those that `keeps` accepts.
    pub async fn keeping(
        id: &str,
        kind: MemberKind,
        seed: u8,
        sectors: Arc<Sectors>,
        keeps: impl Fn(&SectorSchema) -> bool,
    ) -> Self {
        let member: MemberId = id.parse().unwrap();
        let operator = SigningKey::from_bytes(&[seed + 1; 32]);
        let encryption = SecretBox::new(Box::new([seed + 2; 32]));
        let entry = Member {
            id: member.clone(),
            home: format!("{id}-1").parse().unwrap(),
            kind,
            names: vec![format!("{id} of the test")],
            seal_key: PublicKey::ed25519(SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes()),
            encryption_key: sealing::public_key(&encryption).unwrap(),
            operators: vec![operator.verifying_key().to_bytes()],
            gateway: "127.0.0.1:1".into(),
            ca_fingerprint: Hash([4; 32]),
            validity: always(),
        };
        let kept = sectors.iter().filter(|schema| keeps(schema));
        let profiles = kept.map(|schema| profile(schema, &member)).collect();
        let ledger = TestLedger::start(&format!("{id}-1"), entry, profiles, operator).await;
        let anchor = ledger.anchor(3_600);
        let folder = tempfile::tempdir().unwrap();
        Self {
            id: member,
            kind,
            authority: Authority::new(id),
            ledger,
            anchor,
            sectors,
            rules: Arc::default(),
            seed,
            policy: None,
            bucket: None,
            timestamps: None,
            log: (kind == MemberKind::Court).then(|| log_in(&folder.path().join("log"))),
            folder,
        }
    }

    /// From now on its log is an empty one, as after a restore from nothing.
    pub fn exchange_log(&mut self) {
        let another = self.folder.path().join("another-log");
        self.log = Some(log_in(&another));
        std::fs::copy(self.folder.path().join("log/id"), another.join("id")).unwrap();
    }

    pub fn chain(&self) -> Chain {
        self.ledger.chain()
    }

    pub fn as_peer_of(&self, other: &Self, address: &str) -> PeerConfig {
        PeerConfig {
            member: self.id.clone(),
            kind: self.kind,
            address: address.to_owned(),
            ca_pem: self.authority.pem.clone(),
            anchor: self.anchor.clone(),
            clients: Some(OrderClients {
                source_client: client_of(self.anchor.chain_id.as_str()),
                dest_client: client_of(other.anchor.chain_id.as_str()),
            }),
        }
    }

    pub fn signer_core(&self) -> SignerCore {
        let rules = self.sectors.iter().flat_map(|schema| {
            let amount = schema.order.as_ref().and_then(|order| order.role(Role::Amount));
            let amount = amount.map(|spec| spec.name.clone());
            let kinds = schema.profile.iter().flat_map(|profile| &profile.kinds);
            kinds.map(move |rule| SealRule {
                sector: schema.name.clone(),
                kind: rule.kind.clone(),
                effect: rule.effect,
                two_approvals_from: rule.two_approvals_from,
                emergencies: rule.confirm_within_s.is_some(),
                amount_field: amount.clone(),
            })
        });
        let identity = SignerIdentity {
            institution: self.id.clone(),
            chain: self.anchor.chain_id.clone(),
            officers: if self.kind == MemberKind::Court { vec![officer(1), officer(2)] } else { Vec::new() },
            rules: rules.collect(),
        };
        SignerCore::new(identity, &SecretBox::new(Box::new([self.seed; 32])))
    }

    pub async fn gateway(
        &self,
        address: &str,
        peers: Vec<PeerConfig>,
        signer: SignerClient,
        decide: DecidePolicy,
    ) -> Running {
        self.running("gateway.redb", address, peers, signer, decide).await
    }

    /// Another gateway of this institution, over the store `name`.
    pub async fn gateway_over(&self, name: &str, peers: Vec<PeerConfig>) -> Running {
        let signer = SignerClient::in_task(self.signer_core());
        self.running(name, "127.0.0.1:0", peers, signer, DecidePolicy::Automatic).await
    }

    async fn running(
        &self,
        store: &str,
        address: &str,
        peers: Vec<PeerConfig>,
        signer: SignerClient,
        decide: DecidePolicy,
    ) -> Running {
        let config = GatewayConfig {
            institution: self.id.clone(),
            kind: self.kind,
            listen: address.parse().unwrap(),
            rest: Some("127.0.0.1:0".parse().unwrap()),
            tls: self.authority.issue(&format!("comity://{}/gateway", self.id)),
            peers,
            anchor: self.anchor.clone(),
            encryption_key: SecretBox::new(Box::new([self.seed + 2; 32])),
            lookup_key: Some(SecretBox::new(Box::new([self.seed + 3; 32]))),
            limits: Limits::default(),
            decide,
            following: Following::default(),
            clock: Clock::system(),
        };
        let deps = Deps {
            chain: self.chain(),
            store: Arc::new(RedbStore::open(&self.folder.path().join(store)).unwrap()),
            signer,
            sectors: self.sectors.clone(),
            rules: self.rules.clone(),
            deposits: self.log.clone().map(|log| DepositLog {
                log,
                policy: self.policy.clone(),
                bucket: self.bucket.as_ref().map(|bucket| Bucket::new(bucket).unwrap()),
                timestamps: self.timestamps.clone(),
            }),
            policies: None,
        };
        comity_gateway::start(config, deps).await.unwrap()
    }

    /// A channel to another institution's gateway, as somebody of this one in `role`.
    pub fn guest(&self, host: &Self, gateway: &Running, role: &str) -> Channel {
        let material = self.authority.issue(&format!("comity://{}/{role}", self.id));
        let address = gateway.grpc_addr().to_string();
        channel(&host.id, &address, &host.authority.pem, &material, ChannelLimits::default()).unwrap()
    }

    /// A channel to this institution's gateway, as somebody of it in `role`.
    pub fn person(&self, gateway: &Running, role: &str) -> Channel {
        let material = self.authority.issue(&format!("comity://{}/{role}", self.id));
        let address = gateway.grpc_addr().to_string();
        channel(&self.id, &address, &self.authority.pem, &material, ChannelLimits::default()).unwrap()
    }
}

impl World {
    /// A world whose bank answers for all of `sectors`, and keeps nothing yet.
    pub async fn keeping(sectors: Arc<Sectors>, decide: DecidePolicy) -> Self {
        Self::ruled(sectors, decide, Rules::default(), MemberKind::Finance).await
    }

    /// The same, where the court has these rules and keeps what courts keep, and the other one is of this kind.
    pub async fn ruled(sectors: Arc<Sectors>, decide: DecidePolicy, rules: Rules, kind: MemberKind) -> Self {
        let of_courts = |schema: &SectorSchema| ["judgments", "filings"].contains(&schema.name.as_str());
        let mut court = Party::keeping("court", MemberKind::Court, 10, sectors.clone(), of_courts).await;
        court.rules = Arc::new(rules);
        let bank = Party::keeping("bank", kind, 20, sectors, |_| true).await;
        court.ledger.govern(Action::SetOfficer(officer(1))).await;
        court.ledger.govern(Action::SetOfficer(officer(2))).await;
        court.ledger.watch(&bank.chain(), &bank.anchor).await;
        bank.ledger.watch(&court.chain(), &court.anchor).await;
        let relayer = relayer(&court, &bank);
        let (court_address, bank_address) = (free_address(), free_address());
        let bank_signer = SignerClient::in_task(bank.signer_core());
        let peer = court.as_peer_of(&bank, &court_address);
        let bank_gateway = bank.gateway(&bank_address, vec![peer], bank_signer, decide).await;
        let court_signer = SignerClient::in_task(court.signer_core());
        let peer = bank.as_peer_of(&court, &bank_address);
        let court_gateway = court.gateway(&court_address, vec![peer], court_signer, DecidePolicy::Automatic).await;
        Self { court, bank, court_gateway, bank_gateway, relayer, court_address, bank_address }
    }

    /// Stops the court's gateway and starts it again over its store.
    pub async fn restart_court(mut self) -> Self {
        self.court_gateway.stop().await;
        let peer = self.bank.as_peer_of(&self.court, &self.bank_address);
        let signer = SignerClient::in_task(self.court.signer_core());
        self.court_gateway = self.court.gateway(&self.court_address, vec![peer], signer, DecidePolicy::Automatic).await;
        self
    }

    /// Stops both gateways and starts them again over their stores; from now on they know `sectors`.
    pub async fn knowing(mut self, sectors: Arc<Sectors>) -> Self {
        self.court_gateway.stop().await;
        self.bank_gateway.stop().await;
        (self.court.sectors, self.bank.sectors) = (sectors.clone(), sectors);
        let peer = self.court.as_peer_of(&self.bank, &self.court_address);
        let signer = SignerClient::in_task(self.bank.signer_core());
        let bank_gateway = self.bank.gateway(&self.bank_address, vec![peer], signer, DecidePolicy::Automatic).await;
        let peer = self.bank.as_peer_of(&self.court, &self.bank_address);
        let signer = SignerClient::in_task(self.court.signer_core());
        let court_gateway = self.court.gateway(&self.court_address, vec![peer], signer, DecidePolicy::Automatic).await;
        Self { court_gateway, bank_gateway, ..self }
    }

    /// Every byte of both chains' blocks and of the relayer's store.
    pub fn public_bytes(&self) -> Vec<Vec<u8>> {
        let mut bytes = self.court.ledger.transactions();
        bytes.extend(self.bank.ledger.transactions());
        bytes.push(std::fs::read(self.court.folder.path().join("relayer.redb")).unwrap());
        bytes
    }

    pub fn orders(&self, role: &str) -> OrdersClient<Channel> {
        OrdersClient::new(self.court.person(&self.court_gateway, role))
    }

    pub async fn stop(self) {
        self.relayer.stop().await;
        self.court_gateway.stop().await;
        self.bank_gateway.stop().await;
        self.court.ledger.stop().await;
        self.bank.ledger.stop().await;
    }
}

fn relayer(court: &Party, bank: &Party) -> Relayer {
    let side =
        |party: &Party| ChainConfig { chain: party.chain(), anchor: party.anchor.clone(), witnesses: Vec::new() };
    let path = PathConfig {
        a: court.anchor.chain_id.clone(),
        a_client: client_of(bank.anchor.chain_id.as_str()),
        b: bank.anchor.chain_id.clone(),
        b_client: client_of(court.anchor.chain_id.as_str()),
    };
    let store = Arc::new(RedbStore::open(&court.folder.path().join("relayer.redb")).unwrap());
    let config =
        RelayerConfig { chains: vec![side(court), side(bank)], paths: vec![path], store, limits: Default::default() };
    Relayer::start(config).unwrap()
}
