//! The signer as a process of its own: gRPC over mutual TLS, open to its own institution's gateway and to nobody else.
//! It refuses to know what is done with a seal.

use super::client::SealRequest;
use super::identity;
use super::sealer::{SealRefusal, SignerCore};
use crate::config::Clock;
use crate::error::{ApiError, DOMAIN, Reason};
use crate::identity::Caller;
use crate::tls::{Authorities, Listener, Protocol, ServerTls, TlsError, TlsMaterial};
use comity_model::{MemberId, decode, encode};
use comity_proto::v1::signer_server::{Signer, SignerServer};
use comity_proto::v1::{SealBytesRequest, SealDeedRequest, SealOrderRequest, SealResponse};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// Largest message: a batch of records, with room.
const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// Connections at once: those of one gateway's processes.
const CONNECTIONS_MAX: usize = 32;
/// How long a call may take.
const CALL_MAX: Duration = Duration::from_secs(10);

/// The gRPC service over a signer.
pub(super) struct SignerService {
    core: Arc<SignerCore>,
    institution: MemberId,
}

impl SignerService {
    /// A service over `core`, ready to be served.
    #[must_use]
    pub(super) fn new(core: SignerCore) -> SignerServer<Self> {
        let institution = core.institution().clone();
        SignerServer::new(Self { core: Arc::new(core), institution })
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// Only the own institution's gateway: asked before anything is decoded.
    fn permitted<T>(&self, request: Request<T>) -> Result<T, Status> {
        let caller = request.extensions().get::<Caller>();
        let ours = caller.is_some_and(|caller| caller.institution == self.institution && caller.role.is_gateway());
        if ours { Ok(request.into_inner()) } else { Err(ApiError::denied().into()) }
    }

    fn answer(&self, request: &SealRequest) -> Result<Response<SealResponse>, Status> {
        match self.core.answer(request, Clock::system().now().unix_seconds()) {
            Ok(sealed) => Ok(Response::new(SealResponse {
                seal: encode(&sealed.signature),
                log_key: sealed.log_key.map(Vec::from).unwrap_or_default(),
            })),
            Err(refusal) => {
                tracing::warn!(reason = refusal.code(), "the signer refused");
                Err(refused(&refusal))
            }
        }
    }
}

#[tonic::async_trait]
impl Signer for SignerService {
    async fn seal_order(&self, request: Request<SealOrderRequest>) -> Result<Response<SealResponse>, Status> {
        let request = self.permitted(request)?;
        let order = decoded("order", &request.order)?;
        let approvals = decoded("approvals", &request.approvals)?;
        let part = decoded("private part", &request.private_part)?;
        self.answer(&SealRequest::Order(Box::new(order), approvals, Box::new(part)))
    }

    async fn seal_delivery(&self, request: Request<SealBytesRequest>) -> Result<Response<SealResponse>, Status> {
        let request = self.permitted(request)?;
        self.answer(&SealRequest::Delivery(decoded("delivery receipt", &request.value)?))
    }

    async fn seal_decision(&self, request: Request<SealBytesRequest>) -> Result<Response<SealResponse>, Status> {
        let request = self.permitted(request)?;
        self.answer(&SealRequest::Decision(decoded("decision", &request.value)?))
    }

    async fn seal_objection(&self, request: Request<SealBytesRequest>) -> Result<Response<SealResponse>, Status> {
        let request = self.permitted(request)?;
        self.answer(&SealRequest::Objection(decoded("objection", &request.value)?))
    }

    async fn seal_records(&self, request: Request<SealBytesRequest>) -> Result<Response<SealResponse>, Status> {
        let request = self.permitted(request)?;
        self.answer(&SealRequest::Records(decoded("batch of records", &request.value)?))
    }

    async fn seal_assets(&self, request: Request<SealBytesRequest>) -> Result<Response<SealResponse>, Status> {
        let request = self.permitted(request)?;
        self.answer(&SealRequest::Assets(decoded("batch of assets", &request.value)?))
    }

    async fn seal_record_receipt(&self, request: Request<SealBytesRequest>) -> Result<Response<SealResponse>, Status> {
        let request = self.permitted(request)?;
        self.answer(&SealRequest::RecordReceipt(decoded("record receipt", &request.value)?))
    }

    async fn seal_log_head(&self, request: Request<SealBytesRequest>) -> Result<Response<SealResponse>, Status> {
        let request = self.permitted(request)?;
        self.answer(&SealRequest::LogHead(decoded("head of a log", &request.value)?))
    }

    async fn sign_checkpoint(&self, request: Request<SealBytesRequest>) -> Result<Response<SealResponse>, Status> {
        let request = self.permitted(request)?;
        self.answer(&SealRequest::Checkpoint(decoded("head of a log", &request.value)?))
    }

    async fn seal_deposits(&self, request: Request<SealBytesRequest>) -> Result<Response<SealResponse>, Status> {
        let request = self.permitted(request)?;
        self.answer(&SealRequest::Deposits(decoded("batch of deposits", &request.value)?))
    }

    async fn seal_deed(&self, request: Request<SealDeedRequest>) -> Result<Response<SealResponse>, Status> {
        let request = self.permitted(request)?;
        let deed = decoded("deed", &request.deed)?;
        self.answer(&SealRequest::Deed(Box::new(deed), decoded("approval", &request.approval)?))
    }
}

fn decoded<T: borsh::BorshDeserialize>(what: &'static str, bytes: &[u8]) -> Result<T, Status> {
    decode(what, bytes).map_err(|malformed| refused(&SealRefusal::Malformed(malformed)))
}

/// A refusal on the wire: the reason is that of every refusing signer, its own code is a fact beside it.
fn refused(refusal: &SealRefusal) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(
        Reason::SignerRefused.as_str(),
        DOMAIN,
        [("signer_reason".to_owned(), refusal.code().to_owned())],
    );
    Status::with_error_details(Code::FailedPrecondition, refusal.to_string(), details)
}

/// What a signer process is told.
pub struct SignerConfig {
    /// Where it listens; port 0 takes any.
    pub listen: SocketAddr,
    /// Its certificate (`comity://<institution>/signer`), key, and the institution's authority: the only one it accepts.
    pub tls: TlsMaterial,
}

/// A signer that runs.
pub struct SignerRunning {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl SignerRunning {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops; what was asked is answered first.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "the signer's server ended badly");
        }
    }
}

/// Why a signer did not start.
#[derive(Debug, thiserror::Error)]
pub enum SignerStartError {
    /// A certificate, key or authority cannot be used.
    #[error("TLS of the signer cannot be set up")]
    Tls(#[from] TlsError),
    /// The address cannot be bound.
    #[error("the signer cannot listen at {0}")]
    Listen(SocketAddr, #[source] io::Error),
}

/// Serves a signer over mutual TLS.
///
/// # Errors
/// [`SignerStartError`]; nothing runs then.
pub async fn serve(config: SignerConfig, core: SignerCore) -> Result<SignerRunning, SignerStartError> {
    let institution = core.institution().clone();
    let mut authorities = Authorities::default();
    authorities.add(institution.clone(), None, &config.tls.own_ca_pem)?;
    let holder = identity(institution);
    let tls = Arc::new(ServerTls::new(holder, &config.tls, authorities)?);
    let unbound = |error| SignerStartError::Listen(config.listen, error);
    let listener = Listener::bind(config.listen, tls, Protocol::Grpc, CONNECTIONS_MAX).await.map_err(unbound)?;
    let address = listener.address().map_err(unbound)?;
    let stop = CancellationToken::new();
    let (connections, ended) = (listener.accept(stop.clone()), stop.clone());
    let router = Server::builder().timeout(CALL_MAX).add_service(SignerService::new(core));
    let serving = tokio::spawn(async move {
        if let Err(error) = router.serve_with_incoming_shutdown(connections, ended.cancelled_owned()).await {
            tracing::error!(%error, "the signer's server ended");
        }
    });
    Ok(SignerRunning { address, stop, serving })
}
