//! What the services of a gateway share, and each service made from it.
//! It refuses to know ports, connections and layers.

use crate::agreements::{self, AgreementBook, AgreementDesk, AgreementsService};
use crate::audit::{Audit, TrailService};
use crate::chains::ChainsService;
use crate::config::{Deps, GatewayConfig};
use crate::convert_order::Operators;
use crate::credentials::CredentialsService;
use crate::deposits::{DepositsService, Kept, KeptParts};
use crate::exchange::ExchangeService;
use crate::following::{Checker, Deliverer, DeliveriesService, HeldBook, HoldingsService, Receiver};
use crate::institution::InstitutionService;
use crate::investigations::InvestigationsService;
use crate::keeper::{KeeperParts, RecordKeeper};
use crate::lookup::LookupKey;
use crate::measure::Sampler;
use crate::members::{Directory, MembersService};
use crate::orders::{Home, Work, WorkParts};
use crate::peers::Peers;
use crate::policy::Policy;
use crate::records::{Answerer, Reader, RecordsService};
use crate::registrar::{AssetsService, Registrar};
use crate::search::{Searcher, Seeker};
use crate::triggers::{Asker, Engine, EngineParts, FiringBook, TriggersService};
use crate::view::{ChainView, HomeState};
use comity_adapters_ports::Events;
use comity_model::member::MemberKind;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What services share.
pub(super) struct Parts {
    pub(super) institution: comity_model::MemberId,
    pub(super) policy: Arc<Policy>,
    pub(super) peers: Peers,
    pub(super) home: HomeState,
    pub(super) events: Arc<dyn Events>,
    pub(super) keeper: RecordKeeper,
    pub(super) answerer: Arc<Answerer>,
    pub(super) reader: Arc<Reader>,
    pub(super) registrar: Arc<Registrar>,
    pub(super) sectors: Arc<crate::sectors::Sectors>,
    pub(super) audit: Audit,
    pub(super) clock: crate::config::Clock,
    pub(super) work: Work,
    pub(super) is_court: bool,
    pub(super) engine: Arc<Engine>,
    pub(super) agreement_desk: Arc<AgreementDesk>,
    pub(super) directory: Arc<Directory>,
    pub(super) searcher: Arc<Searcher>,
    pub(super) deliverer: Arc<Deliverer>,
    pub(super) receiver: Arc<Receiver>,
    pub(super) checker: Arc<Checker>,
    pub(super) seeker: Arc<Seeker>,
    pub(super) deposits: Option<Arc<Kept>>,
}

impl Parts {
    pub(super) fn new(
        config: GatewayConfig,
        deps: Deps,
        policy: Arc<Policy>,
        peers: Peers,
        view: Arc<ChainView>,
    ) -> Self {
        let institution = config.institution;
        let home = HomeState::new(view.clone(), deps.chain.prover.clone());
        let events = deps.chain.events.clone();
        let audit = Audit::new(deps.store.clone());
        let lookup = config.lookup_key.as_ref().map(|seed| Arc::new(LookupKey::new(seed)));
        let keeper = RecordKeeper::new(KeeperParts {
            institution: institution.clone(),
            home: home.clone(),
            submit: deps.chain.submit.clone(),
            store: deps.store.clone(),
            signer: deps.signer.clone(),
            sectors: deps.sectors.clone(),
            lookup: lookup.clone(),
            clock: config.clock.clone(),
        });
        let answerer = Arc::new(Answerer::new(
            institution.clone(),
            home.clone(),
            keeper.clone(),
            deps.sectors.clone(),
            policy.clone(),
            audit.clone(),
            config.clock.clone(),
        ));
        let held = HeldBook::new(deps.store.clone(), config.following.check_every);
        let reader = Arc::new(Reader {
            held: held.clone(),
            recent: keeper.recent().clone(),
            institution: institution.clone(),
            home: view.clone(),
            answerer: answerer.clone(),
            peers: peers.clone(),
            sectors: deps.sectors.clone(),
            policy: policy.clone(),
            audit: audit.clone(),
            clock: config.clock.clone(),
        });
        let directory = Arc::new(Directory::new(
            institution.clone(),
            home.clone(),
            peers.clone(),
            deps.sectors.clone(),
            config.clock.clone(),
        ));
        let deliverer = Arc::new(Deliverer {
            institution: institution.clone(),
            book: keeper.holders().clone(),
            home: home.clone(),
            answerer: answerer.clone(),
            directory: directory.clone(),
            peers: peers.clone(),
            policy: policy.clone(),
            sectors: deps.sectors.clone(),
            following: config.following.clone(),
            clock: config.clock.clone(),
        });
        let receiver = Arc::new(Receiver {
            kind: config.kind,
            book: held.clone(),
            reader: reader.clone(),
            signer: deps.signer.clone(),
            clock: config.clock.clone(),
        });
        let checker = Arc::new(Checker {
            kind: config.kind,
            book: held,
            reader: reader.clone(),
            following: config.following,
            clock: config.clock.clone(),
        });
        let encryption_key = Arc::new(config.encryption_key);
        let searcher = Arc::new(Searcher {
            institution: institution.clone(),
            home: home.clone(),
            answerer: answerer.clone(),
            sectors: deps.sectors.clone(),
            policy: policy.clone(),
            audit: audit.clone(),
            lookup,
            encryption_key: encryption_key.clone(),
            clock: config.clock.clone(),
        });
        let is_court = config.kind == MemberKind::Court;
        let clients = config.peers.iter().filter(|_| is_court);
        let clients: BTreeMap<_, _> =
            clients.filter_map(|peer| Some((peer.member.clone(), peer.clients.clone()?))).collect();
        let kinds = config.peers.iter().map(|peer| (peer.member.clone(), peer.kind));
        let recipients = kinds.filter(|(member, _)| clients.contains_key(member)).collect();
        let (chain, store, signer) = (deps.chain.clone(), deps.store.clone(), deps.signer.clone());
        let deposits = deps.deposits.map(|kept| {
            let clients = config.peers.iter().filter_map(|peer| Some((peer.member.clone(), peer.clients.as_ref()?)));
            Kept::new(KeptParts {
                institution: institution.clone(),
                log: kept.log,
                policy: kept.policy,
                bucket: kept.bucket,
                timestamps: kept.timestamps,
                chain: chain.clone(),
                store: store.clone(),
                signer: signer.clone(),
                home: home.clone(),
                directory: directory.clone(),
                peers: peers.clone(),
                clients: clients.map(|(member, clients)| (member, clients.source_client.clone())).collect(),
                audit: audit.clone(),
                clock: config.clock.clone(),
            })
        });
        let work = Work::start(WorkParts {
            institution: institution.clone(),
            clients: clients.clone(),
            chain: deps.chain,
            view: view.clone(),
            store: deps.store,
            signer: deps.signer,
            sectors: deps.sectors.clone(),
            peers: peers.clone(),
            encryption_key,
            keeper: keeper.clone(),
            orders_max: config.limits.orders,
            decide: config.decide,
            clock: config.clock.clone(),
        });
        let seeker = Arc::new(Seeker {
            institution: institution.clone(),
            reader: reader.clone(),
            directory: directory.clone(),
            searcher: searcher.clone(),
        });
        let engine = Arc::new(Engine::new(EngineParts {
            asker: Asker { seeker: seeker.clone(), peers: peers.clone() },
            institution: institution.clone(),
            rules: deps.rules,
            book: FiringBook::new(store.clone()),
            orders: work.desk.clone(),
            sectors: deps.sectors.clone(),
            recipients,
            clock: config.clock.clone(),
        }));
        let agreement_desk = Arc::new(AgreementDesk::new(agreements::DeskParts {
            court: institution.clone(),
            chain_id: view.chain().clone(),
            chain,
            home: Home::new(home.clone()),
            clients,
            signer,
            peers: peers.clone(),
            book: AgreementBook::new(store),
            engine: engine.clone(),
            clock: config.clock.clone(),
        }));
        let registrar = Arc::new(Registrar {
            engine: engine.clone(),
            institution: institution.clone(),
            sectors: deps.sectors.clone(),
            keeper: keeper.clone(),
            assets: work.assets.clone(),
            answerer: answerer.clone(),
            home: home.clone(),
            audit: audit.clone(),
            clock: config.clock.clone(),
        });
        Self {
            institution,
            policy,
            peers,
            home,
            events,
            keeper,
            answerer,
            reader,
            registrar,
            sectors: deps.sectors,
            audit,
            clock: config.clock,
            work,
            is_court,
            engine,
            agreement_desk,
            directory,
            searcher,
            deliverer,
            receiver,
            checker,
            seeker,
            deposits,
        }
    }

    pub(super) fn deposits(&self) -> DepositsService {
        DepositsService { kept: self.deposits.clone(), policy: self.policy.clone() }
    }

    pub(super) fn sampler(&self) -> Sampler {
        Sampler {
            institution: self.institution.clone(),
            home: self.home.clone(),
            peers: self.peers.clone(),
            book: self.work.desk.book().clone(),
            decider: self.work.decider.clone(),
            holders: self.keeper.holders().clone(),
            held: self.receiver.book.clone(),
            clock: self.clock.clone(),
        }
    }

    pub(super) fn holdings(&self, stop: CancellationToken) -> HoldingsService {
        let (reader, checker) = (self.reader.clone(), self.checker.clone());
        HoldingsService { book: self.receiver.book.clone(), reader, checker, stop }
    }

    pub(super) fn deliveries(&self) -> DeliveriesService {
        let (institution, policy) = (self.institution.clone(), self.policy.clone());
        DeliveriesService { institution, book: self.keeper.holders().clone(), policy }
    }

    pub(super) fn records(&self) -> RecordsService {
        RecordsService { policy: self.policy.clone(), reader: self.reader.clone(), registrar: self.registrar.clone() }
    }

    pub(super) fn assets(&self) -> AssetsService {
        AssetsService { policy: self.policy.clone(), registrar: self.registrar.clone() }
    }

    pub(super) fn credentials(&self) -> CredentialsService {
        CredentialsService { policy: self.policy.clone(), reader: self.reader.clone(), sectors: self.sectors.clone() }
    }

    pub(super) fn agreements(&self, operators: Operators) -> AgreementsService {
        let (desk, policy, audit) = (self.agreement_desk.clone(), self.policy.clone(), self.audit.clone());
        AgreementsService { desk, policy, operators, audit }
    }

    pub(super) fn triggers(&self, operators: Operators) -> TriggersService {
        let (engine, policy, audit) = (self.engine.clone(), self.policy.clone(), self.audit.clone());
        let (chain, home) = (self.home.view().chain().clone(), Home::new(self.home.clone()));
        TriggersService { engine, chain, home, policy, operators, audit }
    }

    pub(super) fn members(&self) -> MembersService {
        MembersService { policy: self.policy.clone(), directory: self.directory.clone() }
    }

    pub(super) fn investigations(&self) -> InvestigationsService {
        InvestigationsService {
            institution: self.institution.clone(),
            policy: self.policy.clone(),
            seeker: self.seeker.clone(),
            peers: self.peers.clone(),
            sectors: self.sectors.clone(),
            audit: self.audit.clone(),
            clock: self.clock.clone(),
        }
    }

    pub(super) fn chains(&self) -> ChainsService {
        ChainsService {
            policy: self.policy.clone(),
            home: self.home.clone(),
            events: self.events.clone(),
            peers: self.peers.clone(),
            clock: self.clock.clone(),
        }
    }

    pub(super) fn institution_service(&self, operators: Operators) -> InstitutionService {
        InstitutionService {
            operators,
            decider: self.work.decider.clone(),
            policy: self.policy.clone(),
            audit: self.audit.clone(),
            clock: self.clock.clone(),
        }
    }

    pub(super) fn trail(&self) -> TrailService {
        TrailService { policy: self.policy.clone(), audit: self.audit.clone(), clock: self.clock.clone() }
    }

    pub(super) fn exchange(&self) -> ExchangeService {
        ExchangeService {
            institution: self.institution.clone(),
            policy: self.policy.clone(),
            answerer: self.answerer.clone(),
            home: self.home.clone(),
            inbox: self.work.inbox.clone(),
            answers: self.work.answers.clone(),
            searcher: self.searcher.clone(),
            holders: self.keeper.holders().clone(),
            receiver: self.receiver.clone(),
            clock: self.clock.clone(),
        }
    }
}
