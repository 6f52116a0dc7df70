//! A gateway process: its services and their work as they are, over simulated ports, lines and disk. It refuses to know what
//! others do.

use crate::disk::Medium;
use crate::exchange::{self, Lines, Switchboard};
use crate::life::Life;
use crate::net::{Net, NoAnswer};
use crate::node::Node;
use crate::oracle::{Oracle, Promise};
use crate::parties;
use crate::plan::Party;
use crate::planted::Planted;
use crate::ports::Ports;
use crate::watched::Watched;
use comity_gateway::agreements::StoredAgreement;
use comity_gateway::following::Following;
use comity_gateway::orders::StoredOrder;
use comity_gateway::policy::{DEFAULT_POLICIES, Policy};
use comity_gateway::signer::SignerClient;
use comity_gateway::view::{self, ChainView};
use comity_gateway::{Clock, DecidePolicy, Deps, GatewayConfig, Limits, PeerConfig, Peers, Services, TlsMaterial};
use comity_model::decode;
use comity_store::{InlineStore, Store, Table};
use comity_verify::light::Anchor;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Where the court's gateway keeps its orders, its agreements, and what rules fired.
pub(crate) const ORDERS: Table = Table("orders");
pub(crate) const AGREEMENTS: Table = Table("agreements");
pub(crate) const FIRINGS: Table = Table("firings");

/// Orders on their way to one institution: so few that some are refused and asked for again.
const ORDERS_MAX: usize = 4;

/// A gateway. What it has on disk outlives its lives.
pub struct Gateway {
    /// Whose gateway it is.
    pub number: u8,
    /// Its own chain's node.
    pub node: Arc<Node>,
    /// The network.
    pub net: Arc<Net>,
    /// Where gateways listen.
    pub switchboard: Arc<Switchboard>,
    /// The oracle.
    pub oracle: Arc<Oracle>,
    /// What is planted.
    pub planted: Option<Planted>,
    /// Its disk.
    pub medium: Medium,
    /// The anchors that it is told: its own chain's, and those of the institutions that it deals with.
    pub anchors: Mutex<BTreeMap<u8, Anchor>>,
    running: Mutex<Option<(Life, Arc<Services>)>>,
}

impl Gateway {
    /// A gateway that was never started.
    #[must_use]
    pub fn new(
        node: Arc<Node>,
        net: Arc<Net>,
        switchboard: Arc<Switchboard>,
        oracle: Arc<Oracle>,
        planted: Option<Planted>,
    ) -> Self {
        Self {
            number: node.number,
            node,
            net,
            switchboard,
            oracle,
            planted,
            medium: Medium::new(),
            anchors: Mutex::default(),
            running: Mutex::new(None),
        }
    }

    /// Lives until `life` ends.
    pub async fn live(&self, life: Life) {
        match self.start(&life).await {
            Ok(services) => {
                *self.lock() = Some((life.clone(), Arc::clone(&services)));
                life.ended().await;
                *self.lock() = None;
                // The first look cancels all tasks; a dead process waits for none of them.
                let mut stop = std::pin::pin!(services.stop());
                let _ = futures::poll!(stop.as_mut());
            }
            Err(_) if !life.goes_on() => {}
            Err(error) => self.oracle.broken(Promise::Restart, error),
        }
    }

    async fn start(&self, life: &Life) -> Result<Arc<Services>, Box<dyn std::error::Error + Send + Sync>> {
        let store: Arc<dyn Store> = Arc::new(InlineStore::open(self.medium.open(life.clone()))?);
        if self.number == 0 {
            self.check_told(&store).await?;
        }
        let store: Arc<dyn Store> =
            Arc::new(Watched::new(store, self.number, life.clone(), self.oracle.clone(), self.planted));
        let clock = self.clock();
        let ports = Ports {
            who: Party::Gateway(self.number),
            life: life.clone(),
            chain: parties::chain(self.number),
            node: Arc::clone(&self.node),
            net: Arc::clone(&self.net),
            operator: parties::operator(self.number, 0),
        };
        let chain = Planted::at_gateway(self.planted, ports.ports(), &store, life);
        let anchors = self.anchors.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let own = anchors.get(&self.number).cloned().ok_or("no anchor")?;
        let others = anchors.iter().filter(|(number, _)| **number != self.number);
        let peers: Vec<_> =
            others.map(|(number, anchor)| parties::peer(*number, self.number, anchor.clone())).collect();
        let lines = Lines {
            switchboard: Arc::clone(&self.switchboard),
            net: Arc::clone(&self.net),
            from: self.number,
            life: life.clone(),
        };
        let numbers: BTreeMap<_, _> = anchors.keys().map(|number| (parties::member(*number), *number)).collect();
        let dial = |peer: &comity_gateway::PeerConfig| {
            Ok(lines.channel(numbers.get(&peer.member).copied().unwrap_or(u8::MAX)))
        };
        let opened = Peers::over(&peers, &Limits::default(), &clock, &store, dial).await?;
        let home =
            ChainView::open(own.clone(), view::node(chain.headers.clone()), store.clone(), clock.clone()).await?;
        let policy = Arc::new(Policy::new(parties::member(self.number), DEFAULT_POLICIES)?);
        let deps = Deps {
            chain,
            store,
            signer: SignerClient::in_task(parties::signer(self.number)),
            sectors: parties::sectors(),
            rules: parties::rules(),
            deposits: None,
            policies: None,
        };
        let services = Arc::new(Services::start(self.config(own, peers, clock), deps, policy, opened, home));
        exchange::serve(&lines, services.exchange());
        Ok(services)
    }

    /// What the gateway is told. Nobody listens, so that neither addresses nor certificates are looked at.
    fn config(&self, anchor: Anchor, peers: Vec<PeerConfig>, clock: Clock) -> GatewayConfig {
        let none =
            TlsMaterial { cert_chain_pem: String::new(), key_pem: String::new().into(), own_ca_pem: String::new() };
        GatewayConfig {
            institution: parties::member(self.number),
            kind: parties::kind(self.number),
            listen: ([127, 0, 0, 1], 0).into(),
            rest: None,
            tls: none,
            peers,
            anchor,
            encryption_key: parties::encryption(self.number),
            lookup_key: None,
            limits: Limits { orders: ORDERS_MAX, ..Limits::default() },
            decide: DecidePolicy::Automatic,
            following: Following::default(),
            clock,
        }
    }

    /// What the clerk was told stands in the store, at that revision or a later one.
    async fn check_told(&self, store: &Arc<dyn Store>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        for (order, revision) in self.oracle.all_told() {
            let found = store.read(ORDERS, &order.0).await?;
            let stored: Option<StoredOrder> = found.map(|bytes| decode("an order", &bytes)).transpose()?;
            match stored {
                Some(stored) if stored.revision >= revision => {}
                Some(stored) => self.oracle.broken(
                    Promise::Kept,
                    format_args!("{order} was told at revision {revision} and is at {}", stored.revision),
                ),
                None => self.oracle.broken(Promise::Kept, format_args!("{order} was told and is gone")),
            }
        }
        for (agreement, revision) in self.oracle.all_agreements_told() {
            let found = store.read(AGREEMENTS, &agreement.0).await?;
            let stored: Option<StoredAgreement> = found.map(|bytes| decode("an agreement", &bytes)).transpose()?;
            if stored.is_none_or(|stored| stored.revision < revision) {
                let how = format_args!("{agreement} was told at revision {revision} and is gone, or older");
                self.oracle.broken(Promise::Kept, how);
            }
        }
        Ok(())
    }

    fn clock(&self) -> Clock {
        let (net, who) = (Arc::clone(&self.net), Party::Gateway(self.number));
        Clock::from_fn(move || net.clock(who))
    }

    /// What runs, if it lives.
    pub fn services(&self) -> Option<(Life, Arc<Services>)> {
        self.lock().clone().filter(|(life, _)| life.goes_on())
    }

    /// Has the gateway do something for `from`, over the network: carried out twice where the question comes twice, and
    /// left open where an answer is lost or the gateway dies over it.
    pub async fn call<T, Fut>(&self, from: Party, what: impl Fn(Arc<Services>) -> Fut) -> Result<T, NoAnswer>
    where
        Fut: Future<Output = T>,
    {
        let to = Party::Gateway(self.number);
        let Some(late) = self.net.message(from, to) else {
            return self.net.none().await;
        };
        tokio::time::sleep(late).await;
        let Some((life, services)) = self.services() else { return self.net.none().await };
        let twice = self.net.between(0, 9) == 0;
        let carried_out = async {
            let first = what(services.clone()).await;
            if twice { what(services).await } else { first }
        };
        let answer = tokio::select! {
            biased;
            () = life.ended() => None,
            answer = carried_out => Some(answer).filter(|_| life.goes_on()),
        };
        let late = self.net.message(to, from);
        match (answer, late) {
            (Some(answer), Some(late)) => {
                tokio::time::sleep(late).await;
                Ok(answer)
            }
            _ => self.net.none().await,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Life, Arc<Services>)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
