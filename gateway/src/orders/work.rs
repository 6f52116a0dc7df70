//! Sets the work of one gateway going: the court's desk, the institution's inbox and decider, and the one follower of
//! the own chain that serves both.
//! It refuses to know listeners and the wire.

use super::book::OrderBook;
use super::desk::{Desk, DeskParts, OrderClients};
use super::follow::{self, Parties};
use super::home::Home;
use super::learn::Learner;
use crate::config::Clock;
use crate::institution::{Answers, AssetRegister, Courts, DecidePolicy, Decider, DeciderParts, Inbox, InboxParts};
use crate::keeper::RecordKeeper;
use crate::peers::Peers;
use crate::sectors::Sectors;
use crate::signer::SignerClient;
use crate::view::{ChainView, HomeState};
use comity_adapters_ports::Chain;
use comity_model::MemberId;
use comity_model::member::MemberKind;
use comity_store::Store;
use secrecy::SecretBox;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What the work needs.
pub struct WorkParts {
    /// The institution.
    pub institution: MemberId,
    /// To whom it sends orders, over which clients: empty for an institution that orders nothing.
    pub clients: BTreeMap<MemberId, OrderClients>,
    /// Its own chain.
    pub chain: Chain,
    /// The verified view of its own chain.
    pub view: Arc<ChainView>,
    /// Its durable state.
    pub store: Arc<dyn Store>,
    /// Its signer.
    pub signer: SignerClient,
    /// The sectors.
    pub sectors: Arc<Sectors>,
    /// Other gateways.
    pub peers: Peers,
    /// X25519 key that private parts are sealed to.
    pub encryption_key: Arc<SecretBox<[u8; 32]>>,
    /// The records that it keeps.
    pub keeper: RecordKeeper,
    /// How many orders may be on their way to one institution.
    pub orders_max: usize,
    /// Who decides.
    pub decide: DecidePolicy,
    /// What time it is.
    pub clock: Clock,
}

/// The work of one gateway.
pub struct Work {
    /// The court's desk.
    pub desk: Arc<Desk>,
    /// Where private parts arrive.
    pub inbox: Arc<Inbox>,
    /// What it answered.
    pub answers: Arc<Answers>,
    /// Who decides orders that arrived.
    pub decider: Arc<Decider>,
    /// The register of assets.
    pub assets: AssetRegister,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Work {
    /// Sets everything going, and takes up what a stop or a crash left behind. Must be called within a runtime.
    #[must_use]
    pub fn start(parts: WorkParts) -> Self {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (follow, asks) = follow::asks();
        let chain_id = parts.view.chain().clone();
        let home = Home::new(HomeState::new(parts.view.clone(), parts.chain.prover.clone()));
        let desk = Desk::new(DeskParts {
            court: parts.institution.clone(),
            chain_id: chain_id.clone(),
            chain: parts.chain.clone(),
            home: home.clone(),
            clients: parts.clients,
            sectors: parts.sectors.clone(),
            signer: parts.signer.clone(),
            peers: parts.peers.clone(),
            book: Arc::new(OrderBook::new(parts.store.clone(), parts.orders_max)),
            store: parts.store.clone(),
            encryption_key: parts.encryption_key.clone(),
            follow,
            clock: parts.clock.clone(),
            stop: stop.clone(),
            tasks: tasks.clone(),
        });
        let courts = parts.peers.iter().filter(|peer| peer.config.kind == MemberKind::Court);
        let courts = courts.map(|peer| (peer.config.member.clone(), peer.view.chain().clone())).collect();
        let inbox = Arc::new(Inbox::new(InboxParts {
            institution: parts.institution.clone(),
            courts,
            encryption_key: parts.encryption_key,
            sectors: parts.sectors.clone(),
            signer: parts.signer.clone(),
            store: parts.store.clone(),
            clock: parts.clock.clone(),
        }));
        let courts = Arc::new(Courts::new(parts.peers));
        let answers = Arc::new(Answers {
            store: parts.store.clone(),
            courts: courts.clone(),
            inbox: inbox.clone(),
            sectors: parts.sectors.clone(),
            clock: parts.clock.clone(),
        });
        let assets = AssetRegister::new(
            parts.institution.clone(),
            chain_id.clone(),
            parts.store.clone(),
            parts.chain.submit.clone(),
            Arc::new(home.clone()),
            parts.signer.clone(),
        );
        let decider = Decider::start(DeciderParts {
            institution: parts.institution,
            chain_id,
            chain: parts.chain.clone(),
            home,
            courts,
            answers: answers.clone(),
            keeper: parts.keeper,
            sectors: parts.sectors,
            signer: parts.signer,
            inbox: inbox.clone(),
            assets: assets.clone(),
            policy: parts.decide,
            clock: parts.clock,
            stop: stop.clone(),
            tasks: tasks.clone(),
        });
        let parties = Parties { court: Arc::new(Learner::new(desk.clone())), institution: decider.clone() };
        tasks.spawn(follow::run(parts.chain, parts.store, asks, parties, stop.clone()));
        Self { desk, inbox, answers, decider, assets, stop, tasks }
    }

    /// Adds work that ends with the gateway; it ends by itself when it is told to.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work);
    }

    /// Stops and waits until no work is under way. What was begun is taken up again at the next start.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
