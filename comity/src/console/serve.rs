//! Connections of the console: few, each with an end to its silence. Refuses to know what is asked.

use super::site::{Site, router};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections at once: a browser has six, and a few tabs share them.
const CONNECTIONS_MAX: usize = 64;
/// How long the head of a request may take; an idle connection is closed after as long.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Head of a request: bytes and lines.
const HEAD_BYTES_MAX: usize = 16 << 10;
const HEADERS_MAX: usize = 64;
/// How long what is under way may take to end.
const DRAIN_MAX: Duration = Duration::from_secs(2);
/// How long the loop rests when the system gives no more sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop`, then lets what is under way end.
pub(super) async fn serve(socket: TcpListener, site: Arc<Site>, stop: CancellationToken) {
    let (router, slots, tasks) = (router(site), Arc::new(Semaphore::new(CONNECTIONS_MAX)), TaskTracker::new());
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((tcp, _)) => {
                // One too many is closed without a word.
                let Ok(slot) = slots.clone().try_acquire_owned() else { continue };
                tasks.spawn(connected(tcp, router.clone(), slot, stop.clone()));
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

async fn connected(tcp: TcpStream, router: Router, _slot: OwnedSemaphorePermit, stop: CancellationToken) {
    // Small answers go at once; where that cannot be set they go a little later.
    let _ = tcp.set_nodelay(true);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    let serving = http.serve_connection(TokioIo::new(tcp), TowerToHyperService::new(router));
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            tokio::time::timeout(DRAIN_MAX, serving).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection of the console ended");
    }
}
