//! A world: everybody, their supervisors, and the conductor that has happen what the plan says. It refuses to know what
//! is promised.

use crate::chance::Chance;
use crate::disk::Medium;
use crate::exchange::Switchboard;
use crate::gateway::Gateway;
use crate::life::Life;
use crate::machine;
use crate::net::{Net, Weather};
use crate::node::Node;
use crate::oracle::Oracle;
use crate::parties;
use crate::plan::{Item, KEYS, Party, Plan, RELAYERS, What};
use crate::planted::{self, Planted};
use crate::relayer::Relayer;
use comity_ledger_app::Query;
use comity_ledger_engine::Entered;
use comity_model::governance::{Action, Governors, ValidatorUpdate};
use comity_model::state::StatePath;
use comity_model::tx::{Message, Transaction, TxBody};
use comity_model::{Height, decode, encode};
use comity_verify::comet::LightBlock;
use comity_verify::light::Anchor;
use comity_verify::seal::{TAG_TX, signing_bytes};
use comity_verify::state::key;
use ed25519_dalek::Signer;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How much later than decided a process dies that uses no disk.
const FUSE: Duration = Duration::from_secs(3);
/// How long a gateway's view of a chain trusts a header, in seconds.
const VIEW_TRUSTING_S: u64 = 3_600;
/// The least time between two lives.
const DOWN_MS: u64 = 20;

/// Everybody.
pub struct World {
    /// What is to happen.
    pub plan: Plan,
    /// The network.
    pub net: Arc<Net>,
    /// The oracle.
    pub oracle: Arc<Oracle>,
    /// The nodes, by institution.
    pub nodes: Vec<Arc<Node>>,
    /// The gateways, by institution.
    pub gateways: Vec<Arc<Gateway>>,
    /// The relayers.
    pub relayers: Vec<Arc<Relayer>>,
    lives: Mutex<BTreeMap<Party, Life>>,
    down_ms: Mutex<BTreeMap<Party, u64>>,
    crashes: Mutex<Chance>,
    salt: Mutex<u64>,
}

impl World {
    /// Everybody, and nobody runs.
    #[must_use]
    pub fn new(plan: Plan, planted: Option<Planted>) -> Arc<Self> {
        let (net, oracle) = (Arc::new(Net::new(plan.seed)), Arc::new(Oracle::new()));
        let switchboard = Arc::new(Switchboard::default());
        let node = |number| {
            let keys = parties::validator_keys(number);
            Arc::new(Node::new(number, parties::genesis(number), keys, Arc::clone(&net), Arc::clone(&oracle)))
        };
        let nodes: Vec<_> = (0..plan.institutions).map(node).collect();
        let gateway = |node: &Arc<Node>| {
            let (net, oracle, switchboard) = (Arc::clone(&net), Arc::clone(&oracle), Arc::clone(&switchboard));
            Arc::new(Gateway::new(Arc::clone(node), net, switchboard, oracle, planted))
        };
        let gateways: Vec<_> = nodes.iter().map(gateway).collect();
        let relayer = |number| {
            Arc::new(Relayer {
                number,
                nodes: nodes.clone(),
                net: Arc::clone(&net),
                oracle: Arc::clone(&oracle),
                planted,
                medium: Medium::new(),
                anchors: Mutex::default(),
            })
        };
        planted::on_disks(planted, &gateways);
        Arc::new(Self {
            relayers: (0..RELAYERS).map(relayer).collect(),
            crashes: Mutex::new(Chance::of(plan.seed, "crashes")),
            plan,
            net,
            oracle,
            nodes,
            gateways,
            lives: Mutex::default(),
            down_ms: Mutex::default(),
            salt: Mutex::new(0),
        })
    }

    /// Founds the world in good weather: chains, their clients of each other, gateways and relayers.
    pub async fn found(self: &Arc<Self>) {
        for node in &self.nodes {
            self.supervise(Party::Node(node.number));
        }
        for node in &self.nodes {
            self.header(node.number, Height(2)).await;
        }
        for node in self.nodes.iter().skip(1) {
            for (of, on) in [(node.number, 0), (0, node.number)] {
                let block = self.header(of, Height(2)).await;
                self.govern(on, |_| Some(parties::create_client(of, on, &block, self.plan.trusting_s))).await;
            }
        }
        self.anchor().await;
        for gateway in &self.gateways {
            self.supervise(Party::Gateway(gateway.number));
        }
        for relayer in &self.relayers {
            self.supervise(Party::Relayer(relayer.number));
        }
    }

    async fn anchors(&self, height: impl Fn(u8) -> Height) -> BTreeMap<u8, Anchor> {
        let mut anchors = BTreeMap::new();
        for node in &self.nodes {
            let block = self.header(node.number, height(node.number)).await;
            anchors.insert(node.number, parties::anchor(&block, self.plan.trusting_s));
        }
        anchors
    }

    /// Tells gateways and relayers their first anchors.
    async fn anchor(&self) {
        let anchors = self.anchors(|_| Height(2)).await;
        for gateway in &self.gateways {
            let dealt_with = anchors.iter().filter(|(number, _)| {
                let numbers = [gateway.number, 0];
                gateway.number == 0 || numbers.contains(number)
            });
            let mut known: BTreeMap<_, _> = dealt_with.map(|(number, anchor)| (*number, anchor.clone())).collect();
            // A view of another's chain moves on only with an order: what is near expiry here are clients on chains.
            known.values_mut().for_each(|anchor| anchor.trusting_period_secs = VIEW_TRUSTING_S);
            *gateway.anchors.lock().unwrap_or_else(PoisonError::into_inner) = known;
        }
        for relayer in &self.relayers {
            *relayer.anchors.lock().unwrap_or_else(PoisonError::into_inner) = anchors.clone();
        }
    }

    /// Tells relayers the latest headers as their anchors, and starts them anew: what they knew may have expired.
    pub async fn anchor_relayers(&self) {
        let anchors = self.anchors(|number| self.height(number)).await;
        for relayer in &self.relayers {
            *relayer.anchors.lock().unwrap_or_else(PoisonError::into_inner) = anchors.clone();
            self.kill(Party::Relayer(relayer.number));
        }
    }

    /// The latest height of a chain, 0 from a dead node.
    pub fn height(&self, chain: u8) -> Height {
        let node = &self.nodes[usize::from(chain)];
        node.serve(|handle| handle.latest().map(|block| block.height())).unwrap_or(Height(0))
    }

    /// A block of a chain, as soon as it exists and the node lives.
    pub async fn header(&self, chain: u8, height: Height) -> LightBlock {
        loop {
            let node = &self.nodes[usize::from(chain)];
            let block = node.serve(|handle| handle.light_block(height.max(Height(1))).ok().flatten());
            if let Some(block) = block {
                return block;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The value at a path of a chain's state, as it stands now; asks again until a node answers.
    pub async fn value<T: borsh::BorshDeserialize>(&self, chain: u8, path: &StatePath) -> Option<T> {
        let key = key(path);
        loop {
            let question = Query { path: "/state", data: &key, height: None, prove: false };
            let answer = self.nodes[usize::from(chain)].serve(|handle| handle.query(&question).ok());
            if let Some(answer) = answer {
                return (!answer.value.is_empty()).then(|| decode("a value", &answer.value).expect("its type"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Has a chain's governors do what `action` says, given their number; tried until it is done. They sit beside their
    /// node.
    pub async fn govern(&self, chain: u8, action: impl Fn(u64) -> Option<Action>) {
        loop {
            let governors: Governors = self.value(chain, &StatePath::Governors).await.expect("governors");
            let Some(action) = action(governors.next) else { return };
            let message = parties::govern(chain, governors.next, action);
            if self.submit(chain, message).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Whether a message was carried out.
    async fn submit(&self, chain: u8, message: Message) -> bool {
        let salt = {
            let mut salt = self.salt.lock().unwrap_or_else(PoisonError::into_inner);
            *salt += 1;
            *salt
        };
        let operator = parties::operator(chain, 0);
        let body = TxBody {
            chain: parties::chain(chain),
            sender: operator.verifying_key().to_bytes(),
            salt: salt.to_be_bytes(),
            messages: vec![message],
        };
        let signature = operator.sign(&signing_bytes(TAG_TX, &body)).to_bytes();
        let tx = encode(&Transaction { body, signature });
        let node = &self.nodes[usize::from(chain)];
        let entered = node.serve(|handle| handle.hand_in(tx.clone()).ok());
        node.wake();
        match entered {
            Some(Entered::Settled(outcome)) => outcome.result.is_ok(),
            Some(Entered::Waits(answer)) => match tokio::time::timeout(Duration::from_secs(5), answer).await {
                Ok(Ok(Ok(outcome))) => outcome.result.is_ok(),
                _ => false,
            },
            None => false,
        }
    }

    /// Gives a process one life after another.
    pub fn supervise(self: &Arc<Self>, who: Party) {
        let world = Arc::clone(self);
        tokio::spawn(async move {
            loop {
                let life = Life::begin();
                world.lock_lives().insert(who, life.clone());
                world.live(who, life.clone()).await;
                life.end();
                world.oracle.crashed(who);
                world.power_off(who);
                let down_ms = world.down_ms.lock().unwrap_or_else(PoisonError::into_inner).remove(&who);
                tokio::time::sleep(Duration::from_millis(down_ms.unwrap_or(0).max(DOWN_MS))).await;
                world.oracle.note(format_args!("{who} begins again"));
            }
        });
    }

    async fn live(&self, who: Party, life: Life) {
        match who {
            Party::Node(number) => self.nodes[usize::from(number)].live(life).await,
            Party::Gateway(number) => self.gateways[usize::from(number)].live(life).await,
            Party::Relayer(number) => self.relayers[usize::from(number)].live(life).await,
            Party::Clerk => {}
        }
    }

    /// What was not synced is lost, or torn, or not.
    fn power_off(&self, who: Party) {
        let mut chance = self.crashes.lock().unwrap_or_else(PoisonError::into_inner);
        match who {
            Party::Node(number) => {
                self.nodes[usize::from(number)].media().into_iter().for_each(|medium| medium.crash(&mut chance));
            }
            Party::Gateway(number) => self.gateways[usize::from(number)].medium.crash(&mut chance),
            Party::Relayer(number) => self.relayers[usize::from(number)].medium.crash(&mut chance),
            Party::Clerk => {}
        }
    }

    /// The present life of a process.
    pub fn life(&self, who: Party) -> Option<Life> {
        self.lock_lives().get(&who).cloned()
    }

    fn lock_lives(&self) -> std::sync::MutexGuard<'_, BTreeMap<Party, Life>> {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Kills a process now; it is back after the shortest time.
    fn kill(&self, who: Party) {
        if let Some(life) = self.life(who) {
            life.end();
        }
    }

    /// Has everything that goes wrong go wrong at its time.
    pub fn conduct(self: &Arc<Self>) {
        for item in self.plan.items.clone().into_iter().flatten() {
            let world = Arc::clone(self);
            tokio::spawn(async move { world.happen(item).await });
        }
    }

    async fn happen(&self, item: Item) {
        until(item.at_ms).await;
        let (weather, for_ms) = match item.what {
            What::Crash { who, operations, down_ms } => {
                self.oracle.note(&item);
                return self.crash(who, operations, down_ms).await;
            }
            What::Rotate { chain, powers } => {
                self.oracle.note(&item);
                return self.rotate(chain, &powers).await;
            }
            What::Skew { who, ms } => {
                self.oracle.note(&item);
                return self.net.skew(who, ms);
            }
            What::Cut { a, b, for_ms } => (Weather::Cut(a, b), for_ms),
            What::Isolate { who, for_ms } => (Weather::Isolated(who), for_ms),
            What::Noise { who, for_ms, lost, twice, late_ms } => (Weather::Noise(who, lost, twice, late_ms), for_ms),
            What::Lies { node, to, how, for_ms } => (Weather::Lies(Party::Node(node), to, how), for_ms),
            // The clerk's, and the mediator's.
            What::Freeze { .. }
            | What::Release { .. }
            | What::Reuse { .. }
            | What::Withdraw { .. }
            | What::Agree { .. }
            | What::Pay { .. }
            | What::Stop { .. } => return,
        };
        self.oracle.note(&item);
        let number = self.net.begin(weather);
        tokio::time::sleep(Duration::from_millis(for_ms)).await;
        self.net.end(number);
    }

    async fn crash(&self, who: Party, operations: u64, down_ms: u64) {
        let Some(life) = self.life(who).filter(Life::goes_on) else { return };
        self.down_ms.lock().unwrap_or_else(PoisonError::into_inner).insert(who, down_ms);
        if operations == 0 {
            return life.end();
        }
        life.end_within(operations);
        tokio::time::sleep(FUSE).await;
        life.end();
    }

    async fn rotate(&self, chain: u8, powers: &[u64; KEYS]) {
        // The operator knows its own set.
        let height = self.height(chain);
        if height.0 == 0 {
            return;
        }
        let block = self.header(chain, height).await;
        let standing: Vec<ValidatorUpdate> = block
            .validators
            .validators()
            .iter()
            .map(|validator| ValidatorUpdate { public_key: validator.public_key, power: validator.power })
            .collect();
        let Some(action) = parties::rotate(chain, &standing, powers) else { return };
        let governors: Option<Governors> = self.value(chain, &StatePath::Governors).await;
        let number = governors.map_or(0, |governors| governors.next);
        // A change that was overtaken by another is not tried again.
        let _ = self.submit(chain, parties::govern(chain, number, action)).await;
    }
}

/// Waits until so many milliseconds after the beginning.
pub async fn until(at_ms: u64) {
    tokio::time::sleep(Duration::from_millis(at_ms.saturating_sub(machine::now_ms()))).await;
}
