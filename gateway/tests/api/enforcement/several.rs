//! A court with several gateways over one PostgreSQL, and several relayers over another schema of it. Each runs on threads
//! of its own and can be killed: everything it was doing ends where it stands.

use super::{Party, RICH, relayer_config, sectors};
use crate::support::{TestClock, free_address, officer};
use comity_gateway::institution::NewAsset;
use comity_gateway::triggers::Rules;
use comity_gateway::{DecidePolicy, Running};
use comity_model::asset::{Asset, Enforcement};
use comity_model::governance::Action;
use comity_model::member::MemberKind;
use comity_model::state::StatePath;
use comity_model::{Amount, decode};
use comity_proto::google::longrunning::operations_client::OperationsClient;
use comity_proto::v1::orders_client::OrdersClient;
use comity_relayer_worker::Relayer;
use comity_store::{PostgresConfig, PostgresStore};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tonic::transport::Channel;

/// How long a relayer may be silent before another takes over.
pub const TERM: Duration = Duration::from_secs(1);

/// Something that runs on threads of its own.
pub struct Killable<T> {
    pub it: T,
    runtime: Runtime,
}

impl<T: Send + 'static> Killable<T> {
    async fn start(start: impl Future<Output = T> + Send + 'static) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let it = runtime.spawn(start).await.unwrap();
        Self { it, runtime }
    }

    /// As `kill -9`: nothing is said, nothing is finished.
    pub fn kill(self) {
        self.runtime.shutdown_background();
    }
}

pub struct Several {
    pub court: Arc<Party>,
    pub bank: Arc<Party>,
    pub gateways: Vec<Killable<Running>>,
    pub relayers: Vec<Killable<Relayer>>,
    bank_gateway: Running,
    bank_address: String,
}

impl Several {
    /// `gateways` gateways of the court over one store, a gateway of the bank, `relayers` relayers over another store. The
    /// bank asks the last gateway for the court's keys: kill another one.
    pub async fn start(gateways: usize, relayers: usize, store: PostgresConfig, relay: PostgresConfig) -> Self {
        Self::start_ruled(gateways, relayers, store, relay, Rules::default()).await
    }

    /// The same, where the court's gateways have these rules.
    pub async fn start_ruled(
        gateways: usize,
        relayers: usize,
        store: PostgresConfig,
        relay: PostgresConfig,
        rules: Rules,
    ) -> Self {
        let (all, clock) = (sectors(), TestClock::default());
        let mut court = Party::start("court", MemberKind::Court, 10, all.clone(), clock.clone()).await;
        court.rules = Arc::new(rules);
        let bank = Party::start("bank", MemberKind::Finance, 20, all, clock.clone()).await;
        court.ledger.govern(Action::SetOfficer(officer(1))).await;
        court.ledger.govern(Action::SetOfficer(officer(2))).await;
        court.ledger.watch(&bank.chain(), &bank.anchor).await;
        bank.ledger.watch(&court.chain(), &court.anchor).await;
        let (court, bank) = (Arc::new(court), Arc::new(bank));
        let addresses: Vec<_> = (0..gateways).map(|_| free_address()).collect();
        let bank_address = free_address();

        let signer = bank.signer();
        let peer = court.as_peer_of(&bank, addresses.last().unwrap());
        let bank_gateway = bank.gateway(&bank_address, peer, signer, DecidePolicy::Automatic).await;
        let account = NewAsset {
            sector: "accounts".parse().unwrap(),
            reference: RICH.into(),
            value: Some(Amount::cny(900_000)),
            enforcement: Enforcement::Attested,
            follows: None,
        };
        bank_gateway.assets().register(vec![account]).await.unwrap();

        let (none, nobody) = (Vec::new(), Vec::new());
        let mut several = Self { court, bank, gateways: none, relayers: nobody, bank_gateway, bank_address };
        // All at once, as behind one load balancer.
        let starting = addresses.into_iter().map(|address| several.gateway(address, store.clone()));
        several.gateways = futures::future::join_all(starting).await;
        for _ in 0..relayers {
            let (court, bank, relay) = (several.court.clone(), several.bank.clone(), relay.clone());
            several.relayers.push(
                Killable::start(async move {
                    let store = Arc::new(PostgresStore::open(&relay).await.unwrap());
                    Relayer::start_among(relayer_config(&court, &bank, store), TERM).unwrap()
                })
                .await,
            );
        }
        several
    }

    /// Starts one more gateway of the court.
    pub fn gateway(&self, address: String, store: PostgresConfig) -> impl Future<Output = Killable<Running>> + use<> {
        let (court, bank, bank_address) = (self.court.clone(), self.bank.clone(), self.bank_address.clone());
        Killable::start(async move {
            let store = Arc::new(PostgresStore::open(&store).await.unwrap());
            let peer = bank.as_peer_of(&court, &bank_address);
            let signer = court.signer();
            court.gateway_over(store, &address, peer, signer, DecidePolicy::Automatic).await
        })
    }

    /// How many holds were ever placed on an account, as the bank's chain proves.
    pub async fn holds_on(&self, account: &str) -> u32 {
        let known = self.bank_gateway.assets().find(&"accounts".parse().unwrap(), account).await.unwrap().unwrap();
        let chain = self.bank.chain();
        let latest = chain.headers.latest().await.unwrap();
        let found = chain.prover.prove(&StatePath::Asset(known.handle), latest).await.unwrap();
        decode::<Asset>("an asset", &found.value.unwrap()).unwrap().holds
    }

    /// The orders of the court as its gateway `number` has them.
    pub fn orders(&self, number: usize, role: &str) -> OrdersClient<Channel> {
        OrdersClient::new(self.person(number, role))
    }

    /// A channel to the court's gateway `number`, as somebody in `role`.
    pub fn person(&self, number: usize, role: &str) -> Channel {
        self.court.person(&self.gateways[number].it, role)
    }

    pub fn operations(&self, number: usize) -> OperationsClient<Channel> {
        OperationsClient::new(self.person(number, "clerk"))
    }

    /// Kills what is left, all of it.
    pub async fn stop(self) {
        self.relayers.into_iter().for_each(Killable::kill);
        self.gateways.into_iter().for_each(Killable::kill);
        self.bank_gateway.stop().await;
    }
}
