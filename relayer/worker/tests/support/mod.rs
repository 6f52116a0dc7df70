//! A court's and a bank's ledger with clients of each other, orders between them, and relayers.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../../adapters/comet/tests/support/ledger.rs"]
pub mod ledger;

use async_trait::async_trait;
use comity_adapters_ports::{Chain, Headers, Outcome, PortError, Submit};
use comity_model::asset::{Asset, Enforcement};
use comity_model::member::{MemberKind, Officer};
use comity_model::order::{
    Approval, ApprovalClass, Decision, DecisionVerdict, Delivery, Order, OrderEntry, OrderState, ReceivedOrder,
    SealedOrder,
};
use comity_model::profile::{Effect, KindRule, Profile};
use comity_model::state::StatePath;
use comity_model::tx::{AssetBatch, Message};
use comity_model::{Amount, AssetHandle, ClientId, Hash, Height, OrderId, RequestId, decode, encode};
use comity_relayer_worker::{ChainConfig, Change, Limits, PathConfig, Relayer, RelayerConfig};
use comity_store::{RedbStore, Store};
use comity_verify::light::{Anchor, LightStep};
use ledger::{Ledger, always, create_client, genesis, now, public_key, reach, seal};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

pub const ACCOUNT: AssetHandle = AssetHandle([0xA1; 32]);

pub struct World {
    pub court: Ledger,
    pub bank: Ledger,
    pub court_anchor: Anchor,
    pub bank_anchor: Anchor,
    /// Limits of the relayers that are started from here on.
    pub limits: Limits,
}

/// Counts what is submitted and refused.
pub struct Counted {
    pub chain: Chain,
    pub submitted: AtomicUsize,
    pub refused: AtomicUsize,
}

impl Counted {
    pub fn new(chain: Chain) -> Arc<Self> {
        Arc::new(Self { chain, submitted: AtomicUsize::new(0), refused: AtomicUsize::new(0) })
    }

    /// The chain with its submissions counted.
    pub fn chain(self: &Arc<Self>) -> Chain {
        Chain { submit: self.clone(), ..self.chain.clone() }
    }
}

#[async_trait]
impl Submit for Counted {
    async fn submit(&self, messages: Vec<Message>) -> Result<Outcome, PortError> {
        self.submitted.fetch_add(1, Ordering::Relaxed);
        let outcome = self.chain.submit.submit(messages).await?;
        if let Outcome::Refused { code, detail } = &outcome {
            println!("refused: {code}: {detail}");
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        Ok(outcome)
    }
}

pub fn client_on_court() -> ClientId {
    "bank-client-0".parse().unwrap()
}

pub fn client_on_bank() -> ClientId {
    "court-client-0".parse().unwrap()
}

impl World {
    pub async fn start() -> Self {
        Self::with_trusting_period(ledger::TRUSTING_S).await
    }

    /// Both ledgers, their clients, the bank imported on the court's chain, and an account of 1,000,000.00.
    pub async fn with_trusting_period(trusting_s: u64) -> Self {
        let court = Ledger::start(court_genesis()).await;
        let bank = Ledger::start(bank_genesis()).await;
        let (mut court_anchor, mut bank_anchor) = (court.anchor(2).await, bank.anchor(2).await);
        court_anchor.trusting_period_secs = trusting_s;
        bank_anchor.trusting_period_secs = trusting_s;
        let world = Self {
            court,
            bank,
            court_anchor,
            bank_anchor,
            limits: Limits {
                sweep_every_ms: 2_000,
                inspect_every_ms: (1_000, 5_000),
                retry_ms: (50, 1_000),
                ..Limits::default()
            },
        };
        world.connect().await;
        world.import_bank().await;
        world.register_account().await;
        world
    }

    async fn connect(&self) {
        let bank_block = self.bank.chain().headers.light_block(self.bank_anchor.height).await.unwrap();
        let action = create_client(&client_on_court(), &client_on_bank(), &self.bank_anchor, &bank_block);
        self.court.done(vec![self.court.proposal(action)]).await;
        let court_block = self.court.chain().headers.light_block(self.court_anchor.height).await.unwrap();
        let action = create_client(&client_on_bank(), &client_on_court(), &self.court_anchor, &court_block);
        self.bank.done(vec![self.bank.proposal(action)]).await;
    }

    async fn import_bank(&self) {
        let bank = self.bank.chain();
        let height = bank.headers.latest().await.unwrap();
        let step = LightStep { trusted_next: None, block: bank.headers.light_block(height).await.unwrap() };
        let path = StatePath::Member("bank".parse().unwrap());
        let proven = bank.prover.prove(&path, height).await.unwrap();
        let update = Message::UpdateClient { client: client_on_court(), steps: vec![encode(&step)] };
        let import = Message::ImportMember {
            client: client_on_court(),
            member: decode("a member", &proven.value.unwrap()).unwrap(),
            proof: proven.proof,
            height,
        };
        self.court.done(vec![update, import]).await;
    }

    async fn register_account(&self) {
        let batch = AssetBatch {
            chain: self.bank.id().clone(),
            member: "bank".parse().unwrap(),
            assets: vec![Asset {
                handle: ACCOUNT,
                sector: "deposits".parse().unwrap(),
                institution: "bank".parse().unwrap(),
                enforcement: Enforcement::Attested,
                value: Some(Amount::cny(100_000_000)),
                holds: 0,
                revision: 1,
                status: comity_model::asset::AssetStatus::Standing,
            }],
        };
        let seal = seal("bank seal", "comity/assets/v2", &batch);
        self.bank.done(vec![Message::RegisterAssets { batch, seal }]).await;
    }

    /// A relayer with a store at `path`.
    pub fn relayer(&self, path: &Path) -> Relayer {
        self.relayer_over(self.court.chain(), self.bank.chain(), vec![], path)
    }

    /// A relayer over ports of the test's choice, with witnesses of the bank's chain.
    pub fn relayer_over(
        &self,
        court: Chain,
        bank: Chain,
        bank_witnesses: Vec<Arc<dyn Headers>>,
        path: &Path,
    ) -> Relayer {
        let store: Arc<dyn Store> = Arc::new(RedbStore::open(path).expect("a store"));
        let config = RelayerConfig {
            chains: vec![
                ChainConfig { chain: court, anchor: self.court_anchor.clone(), witnesses: vec![] },
                ChainConfig { chain: bank, anchor: self.bank_anchor.clone(), witnesses: bank_witnesses },
            ],
            paths: vec![self.path()],
            store,
            limits: self.limits.clone(),
        };
        Relayer::start(config).expect("a configuration that can be served")
    }

    /// The path between both.
    pub fn path(&self) -> PathConfig {
        PathConfig {
            a: self.court.id().clone(),
            a_client: client_on_court(),
            b: self.bank.id().clone(),
            b_client: client_on_bank(),
        }
    }

    /// The chains as they are, with or without the path.
    pub fn change(&self, path: bool, limits: Limits) -> Change {
        Change {
            kept: vec![self.court.id().clone(), self.bank.id().clone()],
            chains: vec![],
            paths: if path { vec![self.path()] } else { vec![] },
            limits,
        }
    }

    /// Commits an order that must be delivered within `deliver_s` seconds.
    pub async fn commit(&self, number: u16, deliver_s: u64) -> OrderId {
        self.commit_many(&[number.into()], deliver_s).await[0]
    }

    /// Commits orders in one transaction.
    pub async fn commit_many(&self, numbers: &[u32], deliver_s: u64) -> Vec<OrderId> {
        let orders: Vec<_> = numbers.iter().map(|number| self.order(*number, deliver_s)).collect();
        let ids = orders.iter().map(|sealed| sealed.order.id).collect();
        let commit = |sealed| Message::CommitOrder { sealed, claim: None };
        self.court.done(orders.into_iter().map(commit).collect()).await;
        ids
    }

    /// The id of an order by its number.
    pub fn numbered(number: u32) -> OrderId {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        OrderId(id)
    }

    fn order(&self, number: u32, deliver_s: u64) -> SealedOrder {
        let id = Self::numbered(number);
        let now = now().unix_seconds();
        let order = Order {
            id,
            request: RequestId(id.0),
            source_chain: self.court.id().clone(),
            source_client: client_on_court(),
            dest_client: client_on_bank(),
            court: "court".parse().unwrap(),
            recipient: "bank".parse().unwrap(),
            sector: "deposits".parse().unwrap(),
            kind: "freeze".parse().unwrap(),
            effect: Effect::HoldDivisible,
            original: None,
            amount: None,
            account: None,
            obligation: None,
            private_digest: Hash([7; 32]),
            approval: ApprovalClass::Double,
            issued_at: now,
            deliver_by: now.plus(deliver_s),
            decide_by: now.plus(deliver_s).plus(2_400),
            hold_until: now.plus(300 * 86_400),
        };
        seal_order(order)
    }

    /// Decides an order at the bank.
    pub async fn decide(&self, order: OrderId) {
        let decision = Decision {
            chain: self.bank.id().clone(),
            client: client_on_bank(),
            order,
            verdict: DecisionVerdict::Execute { asset: ACCOUNT, amount: Some(Amount::cny(100)) },
            answer_digest: None,
        };
        let seal = seal("bank seal", "comity/decision/v2", &decision);
        self.bank.done(vec![Message::Decide { decision, seal }]).await;
    }

    /// The order on the court's chain, as the newest header proves it.
    pub async fn entry(&self, order: OrderId) -> Option<OrderEntry> {
        value(&self.court.chain(), &StatePath::Order(order)).await
    }

    /// The order on the bank's chain.
    pub async fn received(&self, order: OrderId) -> Option<ReceivedOrder> {
        value(&self.bank.chain(), &StatePath::Received(client_on_bank(), order)).await
    }

    /// Waits until the order has arrived at the bank, and tells how long it took.
    pub async fn arrived(&self, order: OrderId) -> Duration {
        until(&format!("order {order} arrives"), || async { self.received(order).await.is_some() }).await
    }

    /// Waits until the court's chain knows what became of the order.
    pub async fn ended(&self, order: OrderId) -> OrderState {
        until(&format!("order {order} ends"), || async {
            self.entry(order).await.is_some_and(|entry| entry.state.is_answered())
        })
        .await;
        self.entry(order).await.expect("the order").state
    }
}

/// The value at a path in the latest state that has a header.
pub async fn value<T: borsh::BorshDeserialize>(chain: &Chain, path: &StatePath) -> Option<T> {
    let height = chain.headers.latest().await.ok()?;
    let answer = chain.prover.prove(path, height).await.ok()?;
    answer.value.map(|bytes| decode("a value", &bytes).unwrap())
}

/// Waits until something is so.
pub async fn until<F, Fut>(what: &str, check: F) -> Duration
where
    F: Fn() -> Fut,
    Fut: Future<Output = bool>,
{
    let started = Instant::now();
    while !check().await {
        assert!(started.elapsed() < Duration::from_secs(60), "waited too long until {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    started.elapsed()
}

fn court_genesis() -> comity_model::genesis::Genesis {
    let officer = |id: &str| Officer {
        member: "court".parse().unwrap(),
        id: id.parse().unwrap(),
        key: public_key(&format!("officer {id}")),
        validity: always(),
    };
    let mut genesis = genesis("court-1", "court", MemberKind::Court);
    genesis.officers = vec![officer("J-1"), officer("J-2")];
    genesis
}

fn bank_genesis() -> comity_model::genesis::Genesis {
    let mut genesis = genesis("bank-1", "bank", MemberKind::Finance);
    genesis.profiles = vec![Profile {
        sector: "deposits".parse().unwrap(),
        institution: "bank".parse().unwrap(),
        kinds: vec![KindRule {
            kind: "freeze".parse().unwrap(),
            effect: Effect::HoldDivisible,
            period_days_max: 365,
            decide_within_s: 3_600,
            two_approvals_from: None,
            confirm_within_s: None,
            objection: None,
        }],
    }];
    genesis
}

fn seal_order(order: Order) -> SealedOrder {
    let approval = |id: &str| Approval {
        officer: id.parse().unwrap(),
        signature: seal(&format!("officer {id}"), "comity/order/v2", &order),
    };
    let approvals = vec![approval("J-1"), approval("J-2")];
    let delivery = Delivery {
        order: order.id,
        recipient: order.recipient.clone(),
        private_digest: order.private_digest,
        received_at: order.issued_at,
    };
    SealedOrder {
        seal: seal("court seal", "comity/order-seal/v2", &(order.clone(), approvals.clone())),
        delivery_seal: seal("bank seal", "comity/delivery/v1", &delivery),
        delivery,
        approvals,
        order,
    }
}

/// The height that a chain's client of the other has reached.
pub async fn client_height(chain: &Chain, client: &ClientId) -> Height {
    let path = StatePath::Client(client.clone());
    value::<comity_model::client::ClientState>(chain, &path).await.expect("the client").latest
}

/// Waits for blocks after the latest.
pub async fn blocks(chain: &Chain, count: u64) {
    let latest = chain.headers.latest().await.unwrap();
    reach(chain, Height(latest.0 + count)).await;
}
