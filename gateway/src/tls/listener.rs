//! Accepts connections: TCP, then TLS with a caller's certificate, then a stream that knows its caller.
//! It refuses to know what is spoken on them. A handshake that fails is the other side's loss and is only counted.

use super::server::{Protocol, ServerTls};
use crate::identity::Caller;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections that wait to be served.
const BACKLOG: usize = 64;
/// How long the loop rests when the system gives no more sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A bound socket with TLS.
pub struct Listener {
    socket: TcpListener,
    tls: Arc<ServerTls>,
    protocol: Protocol,
    connections_max: usize,
}

impl Listener {
    /// Binds `address`; port 0 takes any.
    ///
    /// # Errors
    /// The system's.
    pub async fn bind(
        address: SocketAddr,
        tls: Arc<ServerTls>,
        protocol: Protocol,
        connections_max: usize,
    ) -> io::Result<Self> {
        Ok(Self { socket: TcpListener::bind(address).await?, tls, protocol, connections_max })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Connections as their handshakes end, until `stop`.
    pub fn accept(self, stop: CancellationToken) -> ReceiverStream<io::Result<Connection>> {
        let (ready, connections) = mpsc::channel(BACKLOG);
        let slots = Arc::new(Semaphore::new(self.connections_max));
        tokio::spawn(async move {
            loop {
                let slot = tokio::select! {
                    () = stop.cancelled() => return,
                    slot = slots.clone().acquire_owned() => slot,
                };
                let Ok(slot) = slot else { return };
                let tcp = tokio::select! {
                    () = stop.cancelled() => return,
                    accepted = self.socket.accept() => accepted,
                };
                match tcp {
                    Ok((tcp, _)) => {
                        tokio::spawn(hand_shake(tcp, self.tls.clone(), self.protocol, slot, ready.clone()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "no connection could be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        });
        ReceiverStream::new(connections)
    }
}

async fn hand_shake(
    tcp: TcpStream,
    tls: Arc<ServerTls>,
    protocol: Protocol,
    slot: OwnedSemaphorePermit,
    ready: mpsc::Sender<io::Result<Connection>>,
) {
    let shaking = async {
        tcp.set_nodelay(true)?;
        TlsAcceptor::from(tls.current(protocol)).accept(tcp).await
    };
    let stream = match tokio::time::timeout(HANDSHAKE_TIMEOUT, shaking).await {
        Ok(Ok(stream)) => stream,
        // Whoever hangs up without a word, as a probe of the port does, was refused nothing.
        Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => return,
        Ok(Err(error)) => {
            metrics::counter!(crate::measure::HANDSHAKES_REFUSED).increment(1);
            tracing::info!(%error, "a connection was refused");
            return;
        }
        Err(_) => {
            metrics::counter!(crate::measure::HANDSHAKES_REFUSED).increment(1);
            return;
        }
    };
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    // The verifier has accepted the certificate, so there is a caller; without one the connection ends here.
    let Some(caller) = tls.caller(certificates) else { return };
    let _ = ready.send(Ok(Connection { stream, caller, _slot: slot })).await;
}

/// A stream whose caller is known.
pub struct Connection {
    stream: TlsStream<TcpStream>,
    caller: Caller,
    _slot: OwnedSemaphorePermit,
}

/// Every request of a connection carries its [`Caller`] in its extensions.
impl Connected for Connection {
    type ConnectInfo = Caller;
    fn connect_info(&self) -> Caller {
        self.caller.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
