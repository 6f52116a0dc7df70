//! The public port: what anyone on the Internet may ask, without an account. The page with which a browser verifies a deposit
//! itself, lookups by digest and by number, the log's tiles and checkpoint.
//!
//! It runs on a thread of its own, with an edge of its own ([`edge`]): whatever comes here, the members' API goes on. It
//! refuses to reach anything but a kept log's open side ([`OpenDesk`]), and to take a request with a body.

mod address;
mod assets;
mod edge;
mod headers;
mod lookup;
mod page;
mod routes;
mod serve;
mod tiles;

pub use edge::PublicLimits;

use crate::deposits::OpenDesk;
pub use crate::tls::TlsServerMaterial;
use crate::tls::{TlsError, public_config};
use arc_swap::ArcSwap;
pub use http::HeaderName;
use routes::Site;
use rustls::ServerConfig;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Threads that read files for the public port.
const FILE_THREADS: usize = 2;

/// What the public port is told.
#[derive(Clone, Debug)]
pub struct PublicConfig {
    /// Where it listens; port 0 takes any.
    pub listen: SocketAddr,
    /// TLS of its own; without it the port speaks plain HTTP, for a proxy that terminates TLS.
    pub tls: Option<TlsServerMaterial>,
    /// The header in which the proxy before it names the client's address. Only with a proxy that overwrites it: otherwise
    /// anyone chooses whose budget is spent.
    pub client_header: Option<HeaderName>,
    /// The anchor file of the institution's chain, as the page hands it to visitors.
    pub anchor_file: String,
    /// Bounds.
    pub limits: PublicLimits,
}

/// Why the public port was not opened.
#[derive(Debug, thiserror::Error)]
pub enum PublicError {
    /// Its certificate or key cannot be used.
    #[error("TLS of the public port cannot be set up")]
    Tls(#[from] TlsError),
    /// The address cannot be bound.
    #[error("the public port cannot listen at {0}")]
    Listen(SocketAddr, #[source] io::Error),
    /// It is open already.
    #[error("the public port is open already, at {0}")]
    AlreadyOpen(SocketAddr),
    /// The page that came with the program cannot be put together.
    #[error("the page cannot be put together")]
    Page(#[source] serde_json::Error),
}

/// The public port, open.
pub(crate) struct Public {
    address: SocketAddr,
    tls: Option<Arc<ArcSwap<ServerConfig>>>,
    stop: CancellationToken,
    thread: JoinHandle<()>,
}

impl Public {
    /// Opens it. `desk` is the kept log's open side; without one only a bundle at hand can be verified. Lookups run where
    /// this is called from: within the gateway's runtime.
    pub(crate) fn open(config: PublicConfig, desk: Option<OpenDesk>) -> Result<Self, PublicError> {
        let failed = |error| PublicError::Listen(config.listen, error);
        let tls = config.tls.as_ref().map(public_config).transpose()?.map(|tls| Arc::new(ArcSwap::from(tls)));
        let core = tokio::runtime::Handle::current();
        let site = Site::new(&config, desk, core).map_err(PublicError::Page)?;
        let socket = std::net::TcpListener::bind(config.listen).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(FILE_THREADS)
            .build()
            .map_err(failed)?;
        let (stop, is_tls) = (CancellationToken::new(), tls.is_some());
        let (stopped, served) = (stop.clone(), tls.clone());
        let thread = std::thread::Builder::new().name("public".into()).spawn(move || {
            runtime.block_on(serve::serve(socket, served, Arc::new(site), stopped));
        });
        tracing::info!(%address, is_tls, "the public port is open");
        Ok(Self { address, tls, stop, thread: thread.map_err(failed)? })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it has TLS of its own.
    pub(crate) const fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Takes a new certificate for the connections that come; where the port has no TLS of its own, nothing is taken.
    pub(crate) fn renew(&self, config: Arc<ServerConfig>) {
        if let Some(tls) = &self.tls {
            tls.store(config);
        }
    }

    /// Takes no more connections, and lets what is under way end.
    pub(crate) async fn close(self) {
        self.stop.cancel();
        let thread = self.thread;
        let _ = tokio::task::spawn_blocking(move || thread.join()).await;
    }
}
