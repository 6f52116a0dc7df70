//! Connections of the public port: accepted within bounds, with TLS or without, each with an end. It refuses to know what is
//! asked, and to wait for who does not speak.

use super::address::Client;
use super::edge::ConnectionSlot;
use super::routes::Site;
use crate::measure;
use arc_swap::ArcSwap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a handshake, and the head of a request, may take; an idle connection is closed after as long.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long what is under way may take to end.
const DRAIN_MAX: Duration = Duration::from_secs(5);
/// How long the loop rests when the system gives no more sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Head of a request: bytes and lines.
const HEAD_BYTES_MAX: usize = 16 << 10;
const HEADERS_MAX: usize = 64;

/// Serves until `stop`, then lets what is under way end.
pub(super) async fn serve(
    socket: std::net::TcpListener,
    tls: Option<Arc<ArcSwap<ServerConfig>>>,
    site: Arc<Site>,
    stop: CancellationToken,
) {
    let socket = match TcpListener::from_std(socket) {
        Ok(socket) => socket,
        Err(error) => {
            tracing::error!(%error, "the public port cannot be served");
            return;
        }
    };
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((tcp, peer)) => {
                let Some(slot) = site.edge.connect(Client::of(peer.ip())) else {
                    metrics::counter!(measure::PUBLIC_CONNECTIONS_REFUSED).increment(1);
                    continue;
                };
                let (tls, site, stop) = (tls.as_ref().map(|tls| tls.load_full()), site.clone(), stop.clone());
                tasks.spawn(connected(tcp, peer.ip(), tls, site, slot, stop));
            }
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    tasks.close();
    let _ = tokio::time::timeout(DRAIN_MAX, tasks.wait()).await;
}

async fn connected(
    tcp: TcpStream,
    peer: IpAddr,
    tls: Option<Arc<ServerConfig>>,
    site: Arc<Site>,
    _slot: ConnectionSlot,
    stop: CancellationToken,
) {
    // Small answers go at once; where that cannot be set they go a little later.
    let _ = tcp.set_nodelay(true);
    let Some(tls) = tls else { return speak(tcp, peer, site, stop).await };
    let shaking = TlsAcceptor::from(tls).accept(tcp);
    match tokio::time::timeout(HEAD_TIMEOUT, shaking).await {
        Ok(Ok(stream)) => speak(stream, peer, site, stop).await,
        Ok(Err(error)) => tracing::debug!(%error, "a public connection was refused"),
        Err(_) => {}
    }
}

async fn speak<S>(stream: S, peer: IpAddr, site: Arc<Site>, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let age = site.connection_age;
    let service = service_fn(|request| {
        let site = site.clone();
        async move { Ok::<_, Infallible>(site.answer(request, peer).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    let serving = http.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = async { tokio::select! { () = stop.cancelled() => {}, () = tokio::time::sleep(age) => {} } } => {
            serving.as_mut().graceful_shutdown();
            tokio::time::timeout(DRAIN_MAX, serving).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a public connection ended");
    }
}
