//! A court and a bank on loopback, each with a real ledger, a gateway over mutual TLS and a signer, and a relayer between
//! the two ledgers.
#![allow(dead_code, clippy::unwrap_used, missing_docs, unreachable_pub)]

use crate::support::{Authority, TestClock, TestLedger, always, client_of, free_address, officer};
use comity_adapters_ports::Chain;
use comity_gateway::following::Following;
use comity_gateway::institution::NewAsset;
use comity_gateway::sectors::{Role, SectorSource, Sectors};
use comity_gateway::signer::{SealRule, SignerClient, SignerCore, SignerIdentity};
use comity_gateway::tls::{ChannelLimits, channel};
use comity_gateway::triggers::Rules;
use comity_gateway::{DecidePolicy, Deps, GatewayConfig, Limits, OrderClients, PeerConfig, Running, sealing};
use comity_ledger_engine::Storage;
use comity_model::asset::Enforcement;
use comity_model::governance::Action;
use comity_model::member::{Member, MemberKind};
use comity_model::profile::Profile;
use comity_model::record::{Field, FieldValue};
use comity_model::seal::PublicKey;
use comity_model::{Amount, Hash, MemberId, RecordId};
use comity_proto::v1;
use comity_proto::v1::institution_client::InstitutionClient;
use comity_proto::v1::orders_client::OrdersClient;
use comity_relayer_worker::{ChainConfig, PathConfig, Relayer, RelayerConfig};
use comity_store::{RedbStore, Store};
use comity_verify::light::Anchor;
use ed25519_dalek::SigningKey;
use secrecy::SecretBox;
use std::sync::Arc;
use tonic::transport::Channel;

pub mod agreements;
pub mod several;

const SCHEMA: &str = include_str!("accounts.proto");
const PROFILE: &str = include_str!("accounts.toml");
const PAYMENTS: &str = include_str!("../../../../sectors/payments/schema.proto");

/// One institution.
pub struct Party {
    pub id: MemberId,
    pub kind: MemberKind,
    pub authority: Authority,
    pub ledger: TestLedger,
    pub anchor: Anchor,
    pub sectors: Sectors,
    clock: TestClock,
    /// Seeds of its keys start with this byte.
    seed: u8,
    /// The rules of its gateway.
    rules: Arc<Rules>,
    /// What its gateway takes on.
    limits: Limits,
    pub folder: tempfile::TempDir,
}

pub struct World {
    pub court: Party,
    pub bank: Party,
    pub court_gateway: Running,
    pub bank_gateway: Running,
    pub clock: TestClock,
    relayer: Option<Relayer>,
    court_address: String,
    bank_address: String,
}

pub fn sectors() -> Sectors {
    let accounts = SectorSource { name: "accounts", schema: SCHEMA, profile: Some(PROFILE) };
    let payments = SectorSource { name: "payments", schema: PAYMENTS, profile: None };
    Sectors::load(&[accounts, payments]).unwrap()
}

impl Party {
    async fn start(id: &str, kind: MemberKind, seed: u8, sectors: Sectors, clock: TestClock) -> Self {
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
        // The bank answers for every sector that takes orders.
        let profiles = sectors.iter().filter(|_| kind == MemberKind::Finance);
        let profiles = profiles.map(|sector| match &sector.profile {
            Some(profile) => profile.profile(member.clone()),
            None => Profile { sector: sector.name.clone(), institution: member.clone(), kinds: Vec::new() },
        });
        let profiles = profiles.collect();
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::Directory(folder.path().join("ledger"));
        let kept: (Storage, Arc<dyn comity_ledger_engine::Clock>) = (storage, Arc::new(clock.clone()));
        let ledger = TestLedger::start_in(&format!("{id}-1"), entry, profiles, operator, kept).await;
        let anchor = ledger.anchor(300 * 86_400);
        let authority = Authority::new(id);
        let (rules, limits) = (Arc::default(), Limits::default());
        Self { id: member, kind, authority, ledger, anchor, sectors, clock, seed, rules, limits, folder }
    }

    pub fn chain(&self) -> Chain {
        self.ledger.chain()
    }

    fn as_peer_of(&self, other: &Self, address: &str) -> PeerConfig {
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
        let rules = self.sectors.iter().filter_map(|schema| Some((schema, schema.profile.as_ref()?))).flat_map(
            |(schema, profile)| {
                let amount = schema.order.as_ref().unwrap().role(Role::Amount).map(|spec| spec.name.clone());
                profile.kinds.iter().map(move |rule| SealRule {
                    sector: schema.name.clone(),
                    kind: rule.kind.clone(),
                    effect: rule.effect,
                    two_approvals_from: rule.two_approvals_from,
                    emergencies: rule.confirm_within_s.is_some(),
                    amount_field: amount.clone(),
                })
            },
        );
        let identity = SignerIdentity {
            institution: self.id.clone(),
            chain: self.anchor.chain_id.clone(),
            officers: if self.kind == MemberKind::Court { vec![officer(1), officer(2)] } else { Vec::new() },
            rules: rules.collect(),
        };
        SignerCore::new(identity, &SecretBox::new(Box::new([self.seed; 32])))
    }

    pub fn lookup_key(&self) -> SecretBox<[u8; 32]> {
        SecretBox::new(Box::new([self.seed + 3; 32]))
    }

    fn signer(&self) -> SignerClient {
        SignerClient::in_task_at(self.signer_core(), self.clock.gateway())
    }

    async fn gateway(&self, address: &str, peer: PeerConfig, signer: SignerClient, decide: DecidePolicy) -> Running {
        let store = Arc::new(RedbStore::open(&self.folder.path().join("gateway.redb")).unwrap());
        self.gateway_over(store, address, peer, signer, decide).await
    }

    async fn gateway_over(
        &self,
        store: Arc<dyn Store>,
        address: &str,
        peer: PeerConfig,
        signer: SignerClient,
        decide: DecidePolicy,
    ) -> Running {
        let config = GatewayConfig {
            institution: self.id.clone(),
            kind: self.kind,
            listen: address.parse().unwrap(),
            rest: Some("127.0.0.1:0".parse().unwrap()),
            tls: self.authority.issue(&format!("comity://{}/gateway", self.id)),
            peers: vec![peer],
            anchor: self.anchor.clone(),
            encryption_key: SecretBox::new(Box::new([self.seed + 2; 32])),
            lookup_key: Some(self.lookup_key()),
            limits: self.limits,
            decide,
            following: Following::default(),
            clock: self.clock.gateway(),
        };
        let deps = Deps {
            chain: self.chain(),
            store,
            signer,
            sectors: Arc::new(self.sectors.clone()),
            rules: self.rules.clone(),
            deposits: None,
            policies: None,
        };
        comity_gateway::start(config, deps).await.unwrap()
    }

    /// A channel to this institution's gateway, as somebody of it in `role`.
    pub fn person(&self, gateway: &Running, role: &str) -> Channel {
        let material = self.authority.issue(&format!("comity://{}/{role}", self.id));
        let address = gateway.grpc_addr().to_string();
        channel(&self.id, &address, &self.authority.pem, &material, ChannelLimits::default()).unwrap()
    }
}

impl World {
    pub async fn start() -> Self {
        Self::start_deciding(DecidePolicy::Automatic).await
    }

    /// The same, where the bank decides so.
    pub async fn start_deciding(decide: DecidePolicy) -> Self {
        Self::start_with(decide, sectors()).await.with_accounts().await
    }

    /// The same, where the court's gateway takes on so much.
    pub async fn start_limited(limits: Limits) -> Self {
        let world = Self::start_where(DecidePolicy::Automatic, sectors(), |court| court.limits = limits).await;
        world.with_accounts().await
    }

    /// The bank has its two accounts.
    async fn with_accounts(self) -> Self {
        let account = |reference: &str, minor| NewAsset {
            sector: "accounts".parse().unwrap(),
            reference: reference.into(),
            value: Some(Amount::cny(minor)),
            enforcement: Enforcement::Attested,
            follows: None,
        };
        let bank = &self.bank_gateway;
        bank.assets().register(vec![account(RICH, 900_000), account(POOR, 70_000)]).await.unwrap();
        bank.records().publish(&"accounts".parse().unwrap(), vec![record(RICH)]).await.unwrap();
        self
    }

    /// The same, with these sectors, all of which the bank answers for.
    pub async fn start_with(decide: DecidePolicy, sectors: Sectors) -> Self {
        Self::start_ruled(decide, sectors, Rules::default()).await
    }

    /// The same, where the court's gateway has these rules.
    pub async fn start_ruled(decide: DecidePolicy, sectors: Sectors, rules: Rules) -> Self {
        Self::start_where(decide, sectors, |court| court.rules = Arc::new(rules)).await
    }

    async fn start_where(decide: DecidePolicy, sectors: Sectors, court_has: impl FnOnce(&mut Party)) -> Self {
        let clock = TestClock::default();
        let mut court = Party::start("court", MemberKind::Court, 10, sectors.clone(), clock.clone()).await;
        court_has(&mut court);
        let bank = Party::start("bank", MemberKind::Finance, 20, sectors, clock.clone()).await;
        court.ledger.govern(Action::SetOfficer(officer(1))).await;
        court.ledger.govern(Action::SetOfficer(officer(2))).await;
        court.ledger.watch(&bank.chain(), &bank.anchor).await;
        bank.ledger.watch(&court.chain(), &court.anchor).await;
        let relayer = Some(relayer(&court, &bank));
        let (court_address, bank_address) = (free_address(), free_address());
        let bank_signer = bank.signer();
        let peer = court.as_peer_of(&bank, &court_address);
        let bank_gateway = bank.gateway(&bank_address, peer, bank_signer, decide).await;
        let court_gateway = open_court(&court, &bank, &court_address, &bank_address).await;
        Self { court, bank, court_gateway, bank_gateway, clock, relayer, court_address, bank_address }
    }

    /// Stops the court's gateway, takes a backup of its store, and starts it again.
    pub async fn back_up_court(self) -> (Self, Vec<u8>) {
        self.court_gateway.stop().await;
        let mut file = Vec::new();
        {
            let store = RedbStore::open(&self.court.folder.path().join("gateway.redb")).unwrap();
            comity_store::backup::write(&store, &mut file).await.unwrap();
        }
        let court_gateway = open_court(&self.court, &self.bank, &self.court_address, &self.bank_address).await;
        (Self { court_gateway, ..self }, file)
    }

    /// Stops the court's gateway and starts it again over the same store.
    pub async fn restart_court(self) -> Self {
        self.court_gateway.stop().await;
        let court_gateway = open_court(&self.court, &self.bank, &self.court_address, &self.bank_address).await;
        Self { court_gateway, ..self }
    }

    /// Stops the court's gateway; what happens at the bank goes on without it.
    pub async fn stop_court(self) -> Half {
        self.court_gateway.stop().await;
        Half {
            court: self.court,
            bank: self.bank,
            bank_gateway: self.bank_gateway,
            clock: self.clock,
            relayer: self.relayer,
            court_address: self.court_address,
            bank_address: self.bank_address,
        }
    }

    /// Stops the bank's gateway, changes its store, and starts it again to decide so.
    pub async fn restart_bank(self, decide: DecidePolicy, change: impl AsyncFnOnce(&RedbStore)) -> Self {
        self.bank_gateway.stop().await;
        let bank_gateway =
            restarted(&self.court, &self.bank, (&self.court_address, &self.bank_address), decide, change);
        let bank_gateway = bank_gateway.await;
        Self { bank_gateway, ..self }
    }

    /// Stops the relayer: nothing passes between the chains.
    pub async fn cut(&mut self) {
        self.relayer.take().unwrap().stop().await;
    }

    /// Starts it again over its store.
    pub fn join(&mut self) {
        self.relayer = Some(relayer(&self.court, &self.bank));
    }

    /// The bank's side of orders, as somebody of the bank.
    pub fn institution(&self, role: &str) -> InstitutionClient<Channel> {
        InstitutionClient::new(self.bank.person(&self.bank_gateway, role))
    }

    pub fn orders(&self, role: &str) -> OrdersClient<Channel> {
        OrdersClient::new(self.court.person(&self.court_gateway, role))
    }

    pub async fn stop(self) {
        self.close().await;
    }

    /// Stops everything and leaves what lies on disk.
    pub async fn close(self) -> [tempfile::TempDir; 2] {
        if let Some(relayer) = self.relayer {
            relayer.stop().await;
        }
        self.court_gateway.stop().await;
        self.bank_gateway.stop().await;
        self.court.ledger.stop().await;
        self.bank.ledger.stop().await;
        [self.court.folder, self.bank.folder]
    }
}

/// A world without the court's gateway.
pub struct Half {
    pub court: Party,
    pub bank: Party,
    pub bank_gateway: Running,
    clock: TestClock,
    relayer: Option<Relayer>,
    court_address: String,
    bank_address: String,
}

impl Half {
    /// As [`World::restart_bank`].
    pub async fn restart_bank(self, decide: DecidePolicy, change: impl AsyncFnOnce(&RedbStore)) -> Self {
        self.bank_gateway.stop().await;
        let bank_gateway =
            restarted(&self.court, &self.bank, (&self.court_address, &self.bank_address), decide, change);
        let bank_gateway = bank_gateway.await;
        Self { bank_gateway, ..self }
    }

    /// Starts the court's gateway again.
    pub async fn start_court(self) -> World {
        let court_gateway = open_court(&self.court, &self.bank, &self.court_address, &self.bank_address).await;
        World {
            court: self.court,
            bank: self.bank,
            court_gateway,
            bank_gateway: self.bank_gateway,
            clock: self.clock,
            relayer: self.relayer,
            court_address: self.court_address,
            bank_address: self.bank_address,
        }
    }
}

async fn restarted(
    court: &Party,
    bank: &Party,
    (court_address, bank_address): (&str, &str),
    decide: DecidePolicy,
    change: impl AsyncFnOnce(&RedbStore),
) -> Running {
    let store = RedbStore::open(&bank.folder.path().join("gateway.redb")).unwrap();
    change(&store).await;
    drop(store);
    let signer = bank.signer();
    bank.gateway(bank_address, court.as_peer_of(bank, court_address), signer, decide).await
}

/// The bank's record of an account that two people share.
fn record(account: &str) -> (RecordId, Vec<Field>) {
    let field = |name: &str, value| Field { name: name.parse().unwrap(), value };
    let owners = FieldValue::Texts(vec!["王五".into(), CO_OWNER.into()]);
    let fields = vec![field("account_number", FieldValue::Text(account.into())), field("co_owners", owners)];
    (account.parse().unwrap(), fields)
}

async fn open_court(court: &Party, bank: &Party, address: &str, bank_address: &str) -> Running {
    court.gateway(address, bank.as_peer_of(court, bank_address), court.signer(), DecidePolicy::Automatic).await
}

fn relayer(court: &Party, bank: &Party) -> Relayer {
    let store = Arc::new(RedbStore::open(&court.folder.path().join("relayer.redb")).unwrap());
    Relayer::start(relayer_config(court, bank, store)).unwrap()
}

fn relayer_config(court: &Party, bank: &Party, store: Arc<dyn Store>) -> RelayerConfig {
    // The relayer goes by the machine's clock, and a world's may be ahead of it.
    let anchor = |party: &Party| Anchor { clock_drift_secs: 400 * 86_400, ..party.anchor.clone() };
    let side = |party: &Party| ChainConfig { chain: party.chain(), anchor: anchor(party), witnesses: Vec::new() };
    let path = PathConfig {
        a: court.anchor.chain_id.clone(),
        a_client: client_of(bank.anchor.chain_id.as_str()),
        b: bank.anchor.chain_id.clone(),
        b_client: client_of(court.anchor.chain_id.as_str()),
    };
    RelayerConfig { chains: vec![side(court), side(bank)], paths: vec![path], store, limits: Default::default() }
}

pub const CO_OWNER: &str = "赵六";
pub const RICH: &str = "6222020001";
pub const POOR: &str = "6222020002";
pub const UNKNOWN: &str = "6222029999";

/// A request to freeze `minor` fen of `account`.
pub fn freeze(request: u128, account: &str, minor: u64) -> v1::CreateOrderRequest {
    let text =
        |name: &str, value: &str| v1::Field { name: name.into(), value: Some(v1::field::Value::Text(value.into())) };
    v1::CreateOrderRequest {
        request_id: uuid::Uuid::from_u128(request).to_string(),
        recipient: "members/bank".into(),
        sector: "accounts".into(),
        kind: "freeze".into(),
        private_fields: vec![
            text("account_number", account),
            text("case_number", "(2026)浙0106执1024号"),
            text("person_name", "王五"),
        ],
        obligation: Some(v1::Amount { currency: "CNY".into(), minor }),
        ..Default::default()
    }
}

/// A request to release what `original` holds.
pub fn release(request: u128, account: &str, original: &str) -> v1::CreateOrderRequest {
    v1::CreateOrderRequest {
        kind: "release".into(),
        original: original.into(),
        obligation: None,
        ..freeze(request, account, 0)
    }
}
