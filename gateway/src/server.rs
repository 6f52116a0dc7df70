//! Puts one gateway together and runs it: every service behind mutual TLS, admission and limits.
//! It refuses to know a concrete chain, store or signer: the program brings them.

mod parts;
mod services;

pub use services::Services;

use crate::audit::Audit;
use crate::config::{Deps, GatewayConfig, Limits};
use crate::deposits::{self, Kept, OpenDesk};
use crate::error::{ApiError, Reason};
use crate::identity::{Caller, Identity};
use crate::institution::{AssetRegister, Decider};
use crate::keeper::RecordKeeper;
use crate::measure;
use crate::middleware::admission::{Admission, AdmissionLayer};
use crate::middleware::measure::MeasureLayer;
use crate::middleware::reasons::ReasonsLayer;
use crate::operations::OperationsService;
use crate::orders::{ObligationsService, OrdersService, Work};
use crate::peers::{Peers, PeersError};
use crate::policy::{DEFAULT_POLICIES, Policy, PolicyError};
use crate::public::{Public, PublicConfig, PublicError};
use crate::rest::{Api, Rest, RestError};
use crate::tls::{Authorities, Listener, Protocol, ServerTls, TlsError, TlsMaterial, TlsServerMaterial, public_config};
use crate::view::{self, ChainView};
use comity_proto::google::longrunning::operations_server::OperationsServer;
use comity_proto::v1::accesses_server::AccessesServer;
use comity_proto::v1::agreements_server::AgreementsServer;
use comity_proto::v1::assets_server::AssetsServer;
use comity_proto::v1::chains_server::ChainsServer;
use comity_proto::v1::credentials_server::CredentialsServer;
use comity_proto::v1::deliveries_server::DeliveriesServer;
use comity_proto::v1::deposits_server::DepositsServer;
use comity_proto::v1::exchange_server::ExchangeServer;
use comity_proto::v1::holdings_server::HoldingsServer;
use comity_proto::v1::institution_server::InstitutionServer;
use comity_proto::v1::investigations_server::InvestigationsServer;
use comity_proto::v1::members_server::MembersServer;
use comity_proto::v1::obligations_server::ObligationsServer;
use comity_proto::v1::orders_server::OrdersServer;
use comity_proto::v1::records_server::RecordsServer;
use comity_proto::v1::triggers_server::TriggersServer;
use futures::future::OptionFuture;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Request;
use tonic::service::Routes;
use tonic::transport::Server;
use tower::ServiceBuilder;

/// How long calls under way may take to end when the gateway stops.
const DRAIN_MAX: Duration = Duration::from_secs(5);
/// How often an idle connection is asked whether it lives, and how long it may take to answer.
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a connection may live: then its caller proves itself anew. Calls under way end in peace.
const CONNECTION_AGE_MAX: Duration = Duration::from_secs(3_600);
/// How much may be under way to us, on a connection and on a call.
const CONNECTION_WINDOW: u32 = 4 << 20;
const STREAM_WINDOW: u32 = 2 << 20;

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A certificate, key or authority cannot be used.
    #[error("TLS of the gateway cannot be set up")]
    Tls(#[from] TlsError),
    /// The policies cannot be used.
    #[error("the policies cannot be used")]
    Policy(#[from] PolicyError),
    /// A peer cannot be set up.
    #[error("a peer cannot be set up")]
    Peers(#[from] PeersError),
    /// The view of the own chain cannot be opened.
    #[error("the view of the own chain cannot be opened")]
    View(#[source] ApiError),
    /// Two peers, or a peer and this institution, have one id.
    #[error("{0} is configured twice")]
    Twice(comity_model::MemberId),
    /// The address cannot be bound.
    #[error("the gateway cannot listen at {0}")]
    Listen(SocketAddr, #[source] io::Error),
    /// The API's own description cannot be read.
    #[error("reflection cannot be set up")]
    Reflection(#[source] tonic_reflection::server::Error),
    /// The API cannot be served as REST.
    #[error("the API cannot be served as REST")]
    Rest(#[from] RestError),
}

/// A gateway that runs.
pub struct Running {
    address: SocketAddr,
    rest: Option<SocketAddr>,
    tls: Arc<ServerTls>,
    keeper: RecordKeeper,
    work: Work,
    audit: Audit,
    home: Arc<ChainView>,
    peers: Peers,
    deposits: Option<Arc<Kept>>,
    public: Option<Public>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub const fn grpc_addr(&self) -> SocketAddr {
        self.address
    }

    /// Where it serves REST, if it does.
    #[must_use]
    pub const fn rest_addr(&self) -> Option<SocketAddr> {
        self.rest
    }

    /// The records that the institution keeps.
    #[must_use]
    pub const fn records(&self) -> &RecordKeeper {
        &self.keeper
    }

    /// The assets that the institution keeps.
    #[must_use]
    pub const fn assets(&self) -> &AssetRegister {
        &self.work.assets
    }

    /// Orders that wait for the institution's decision.
    #[must_use]
    pub const fn decider(&self) -> &Arc<Decider> {
        &self.work.decider
    }

    /// Who had access to personal data.
    #[must_use]
    pub const fn audit(&self) -> &Audit {
        &self.audit
    }

    /// The own chain as verified.
    #[must_use]
    pub const fn home(&self) -> &Arc<ChainView> {
        &self.home
    }

    /// The institutions that it deals with.
    #[must_use]
    pub const fn peers(&self) -> &Peers {
        &self.peers
    }

    /// Opens the public port, once. Lookups are over the log that this gateway keeps.
    ///
    /// # Errors
    /// [`PublicError`]; the gateway runs on without it.
    pub fn open_public(&mut self, config: PublicConfig) -> Result<SocketAddr, PublicError> {
        if let Some(open) = &self.public {
            return Err(PublicError::AlreadyOpen(open.address()));
        }
        let desk = self.deposits.clone().map(OpenDesk::new);
        let public = Public::open(config, desk)?;
        let address = public.address();
        self.public = Some(public);
        Ok(address)
    }

    /// Where the public port is, as an address to visit; `None` where it is not open.
    #[must_use]
    pub fn public_url(&self) -> Option<String> {
        let public = self.public.as_ref()?;
        Some(format!("{}://{}", if public.is_tls() { "https" } else { "http" }, public.address()))
    }

    /// Takes new certificates for the connections that come, of the members' ports and of the public one where it has TLS of its
    /// own; those that are up go on.
    ///
    /// # Errors
    /// [`TlsError`]; all the old ones stay in use.
    pub fn reload_tls(&self, material: &TlsMaterial, public: Option<&TlsServerMaterial>) -> Result<(), TlsError> {
        let config = public.map(public_config).transpose()?;
        self.tls.reload(material)?;
        if let (Some(port), Some(config)) = (&self.public, config) {
            port.renew(config);
        }
        Ok(())
    }

    /// Stops: no new calls, those under way may end, work that was begun is taken up at the next start.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Some(public) = self.public {
            public.close().await;
        }
        self.work.stop().await;
        let mut serving = self.serving;
        if tokio::time::timeout(DRAIN_MAX, &mut serving).await.is_err() {
            serving.abort();
            // Once it is gone its store is closed: the next one may open it.
            let _ = serving.await;
        }
    }
}

/// Starts a gateway. Everything is checked before the port is bound.
///
/// # Errors
/// [`StartError`]; nothing runs then.
pub async fn start(config: GatewayConfig, deps: Deps) -> Result<Running, StartError> {
    let authorities = authorities(&config)?;
    let admission = Admission::new(authorities.institutions(), &config.limits);
    let tls = Arc::new(ServerTls::new(Identity::gateway(config.institution.clone()), &config.tls, authorities)?);
    let text = deps.policies.as_deref().unwrap_or(DEFAULT_POLICIES);
    let policy = Arc::new(Policy::new(config.institution.clone(), text)?);
    let peers = Peers::open(&config, &deps.store).await?;
    let source = view::node(deps.chain.headers.clone());
    let view = ChainView::open(config.anchor.clone(), source, deps.store.clone(), config.clock.clone())
        .await
        .map_err(StartError::View)?;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(comity_proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(StartError::Reflection)?;

    let api = Api::read()?;
    let (listener, address) = bind(config.listen, &tls, Protocol::Grpc, &config.limits).await?;
    let rest = match config.rest {
        Some(listen) => Some(bind(listen, &tls, Protocol::Rest, &config.limits).await?),
        None => None,
    };

    let limits = config.limits;
    let Services { parts, operators, stop } = Services::start(config, deps, policy, peers, view);
    // Health says SERVING from here on: everything above has succeeded.
    let (_reporter, health) = tonic_health::server::health_reporter();
    let bytes = limits.request_bytes;
    let orders =
        OrdersService::new(parts.work.desk.clone(), parts.policy.clone(), operators.clone(), parts.audit.clone());
    let obligations = ObligationsService {
        desk: parts.work.desk.clone(),
        policy: parts.policy.clone(),
        operators: operators.clone(),
    };
    let agreements = parts.agreements(operators.clone());
    let triggers = parts.triggers(operators.clone());
    let operations = OperationsService::new(parts.work.desk.clone(), parts.policy.clone(), operators.clone());
    let routes = Routes::new(health)
        .add_service(reflection)
        .add_service(RecordsServer::new(parts.records()).max_decoding_message_size(bytes))
        .add_service(AssetsServer::new(parts.assets()).max_decoding_message_size(bytes))
        .add_service(CredentialsServer::new(parts.credentials()).max_decoding_message_size(bytes))
        .add_service(MembersServer::new(parts.members()).max_decoding_message_size(bytes))
        .add_service(ChainsServer::new(parts.chains()).max_decoding_message_size(bytes))
        .add_service(ExchangeServer::new(parts.exchange()).max_decoding_message_size(bytes))
        .add_service(HoldingsServer::new(parts.holdings(stop.clone())).max_decoding_message_size(bytes))
        .add_service(
            DepositsServer::new(parts.deposits()).max_decoding_message_size(deposits::REQUEST_BYTES_MAX.max(bytes)),
        )
        .add_service(DeliveriesServer::new(parts.deliveries()).max_decoding_message_size(bytes))
        .add_service(InvestigationsServer::new(parts.investigations()).max_decoding_message_size(bytes))
        .add_service(
            InstitutionServer::new(parts.institution_service(operators.clone())).max_decoding_message_size(bytes),
        )
        .add_service(OrdersServer::new(orders).max_decoding_message_size(bytes))
        .add_service(ObligationsServer::new(obligations).max_decoding_message_size(bytes))
        .add_service(AccessesServer::new(parts.trail()).max_decoding_message_size(bytes))
        .add_service(AgreementsServer::new(agreements).max_decoding_message_size(bytes))
        .add_service(TriggersServer::new(triggers).max_decoding_message_size(bytes))
        .add_service(OperationsServer::new(operations).max_decoding_message_size(bytes));
    // One way in for both: who calls over REST passes what who calls over gRPC passes.
    let layers = ServiceBuilder::new().layer(MeasureLayer).layer(ReasonsLayer).layer(AdmissionLayer(admission));
    let rest_addr = rest.as_ref().map(|(_, address)| *address);
    let rest = rest.map(|(listener, _)| {
        let service = layers.clone().service(routes.clone());
        (Rest::new(api, service, limits, CONNECTION_AGE_MAX, DRAIN_MAX), listener)
    });
    let router = Server::builder()
        .concurrency_limit_per_connection(limits.requests_per_connection.try_into().unwrap_or(usize::MAX))
        .max_concurrent_streams(limits.requests_per_connection)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_stream_window_size(STREAM_WINDOW)
        .max_connection_age(CONNECTION_AGE_MAX)
        .layer(layers)
        .add_routes(routes);
    measure::describe();
    parts.work.spawn(parts.sampler().run(stop.clone()));
    let (connections, ended) = (listener.accept(stop.clone()), stop.clone());
    let rest = rest.map(|(rest, listener)| rest.serve(listener.accept(stop.clone()), stop.clone()));
    let serving = tokio::spawn(async move {
        let grpc = router.serve_with_incoming_shutdown(connections, ended.cancelled_owned());
        let (grpc, _) = tokio::join!(grpc, OptionFuture::from(rest));
        if let Err(error) = grpc {
            tracing::error!(%error, "the gateway's server ended");
        }
    });
    tracing::info!(institution = %parts.institution, %address, "the gateway runs");
    Ok(Running {
        address,
        rest: rest_addr,
        tls,
        keeper: parts.keeper,
        work: parts.work,
        audit: parts.audit,
        home: parts.home.view().clone(),
        peers: parts.peers,
        deposits: parts.deposits,
        public: None,
        stop,
        serving,
    })
}

async fn bind(
    listen: SocketAddr,
    tls: &Arc<ServerTls>,
    protocol: Protocol,
    limits: &Limits,
) -> Result<(Listener, SocketAddr), StartError> {
    let failed = |error| StartError::Listen(listen, error);
    let listener = Listener::bind(listen, tls.clone(), protocol, limits.connections).await.map_err(failed)?;
    let address = listener.address().map_err(failed)?;
    Ok((listener, address))
}

/// Who is calling, as the connection's certificate proved it.
///
/// # Errors
/// `UNAUTHENTICATED` for a request that came over no such connection.
pub(crate) fn caller<T>(request: &Request<T>) -> Result<Caller, ApiError> {
    let caller = request.extensions().get::<Caller>();
    caller.cloned().ok_or_else(|| {
        ApiError::new(Reason::Unauthenticated, "The connection carries no certificate of an institution.")
    })
}

fn authorities(config: &GatewayConfig) -> Result<Authorities, StartError> {
    let mut authorities = Authorities::default();
    authorities.add(config.institution.clone(), Some(config.kind), &config.tls.own_ca_pem)?;
    for peer in &config.peers {
        if authorities.roots(&peer.member).is_some() {
            return Err(StartError::Twice(peer.member.clone()));
        }
        authorities.add(peer.member.clone(), Some(peer.kind), &peer.ca_pem)?;
    }
    Ok(authorities)
}
