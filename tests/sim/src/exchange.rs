//! Gateways among each other: their own gRPC over simulated connections that are late, break and are cut. Who stands at
//! the other end is told by the connection, as mutual TLS tells it elsewhere. It refuses to know what they say.

use crate::life::Life;
use crate::net::Net;
use crate::parties;
use crate::plan::Party;
use comity_gateway::identity::{Caller, Role};
use comity_proto::v1::exchange_server::{Exchange, ExchangeServer};
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;
use tonic::transport::{Channel, Endpoint, Server};

/// Bytes that may be under way in one direction.
const WINDOW: usize = 64 << 10;
/// How long a call between gateways may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections that may wait to be accepted.
const BACKLOG: usize = 16;

/// Where gateways listen, while they live.
#[derive(Default)]
pub struct Switchboard(Mutex<BTreeMap<u8, Listener>>);

type Listener = (mpsc::Sender<Connection>, Life);

impl Switchboard {
    /// Begins to listen as gateway `number`.
    fn listen(&self, number: u8, life: Life) -> mpsc::Receiver<Connection> {
        let (sender, receiver) = mpsc::channel(BACKLOG);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(number, (sender, life));
        receiver
    }

    fn find(&self, number: u8) -> Option<Listener> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
    }
}

/// A connection with its caller.
struct Connection {
    stream: DuplexStream,
    caller: Caller,
}

impl Connected for Connection {
    type ConnectInfo = Caller;
    fn connect_info(&self) -> Caller {
        self.caller.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The lines of one gateway to others.
#[derive(Clone)]
pub struct Lines {
    /// Where others listen.
    pub switchboard: Arc<Switchboard>,
    /// The network.
    pub net: Arc<Net>,
    /// Whose lines.
    pub from: u8,
    /// Its life.
    pub life: Life,
}

impl Lines {
    /// A channel to another gateway. Connects when first used, and again when the connection was lost.
    #[must_use]
    pub fn channel(&self, to: u8) -> Channel {
        let lines = self.clone();
        let connect = tower::service_fn(move |_: tonic::transport::Uri| {
            let lines = lines.clone();
            async move { lines.connect(to).await.map(TokioIo::new) }
        });
        Endpoint::from_static("http://gateway").timeout(CALL_TIMEOUT).connect_with_connector_lazy(connect)
    }

    async fn connect(&self, to: u8) -> io::Result<DuplexStream> {
        let ends = (Party::Gateway(self.from), Party::Gateway(to));
        let late = self.net.piece(ends.0, ends.1).ok_or_else(broken)?;
        self.life.run(tokio::time::sleep(late)).await;
        let (listener, life) = self.switchboard.find(to).filter(|(_, life)| life.goes_on()).ok_or_else(broken)?;
        let (near, mine) = tokio::io::duplex(WINDOW);
        let (theirs, far) = tokio::io::duplex(WINDOW);
        let caller = Caller {
            institution: parties::member(self.from),
            role: Role::gateway(),
            kind: Some(parties::kind(self.from)),
        };
        listener.try_send(Connection { stream: far, caller }).map_err(|_| broken())?;
        let ((from_me, to_me), (from_them, to_them)) = (tokio::io::split(mine), tokio::io::split(theirs));
        let lives = [self.life.clone(), life];
        tokio::spawn(carry(Arc::clone(&self.net), lives.clone(), ends, from_me, to_them));
        tokio::spawn(carry(Arc::clone(&self.net), lives, (ends.1, ends.0), from_them, to_me));
        Ok(near)
    }
}

fn broken() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionRefused)
}

/// Carries one direction of a connection until it breaks, or one of its ends dies.
async fn carry(
    net: Arc<Net>,
    [near, far]: [Life; 2],
    ends: (Party, Party),
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
) {
    let mut buffer = vec![0; WINDOW];
    loop {
        let read = tokio::select! {
            biased;
            () = near.ended() => break,
            () = far.ended() => break,
            read = from.read(&mut buffer) => read,
        };
        let Ok(length @ 1..) = read else { break };
        let Some(late) = net.piece(ends.0, ends.1) else { break };
        tokio::time::sleep(late).await;
        if !near.goes_on() || !far.goes_on() || to.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
    // The other end learns that nothing more comes.
    let _ = to.shutdown().await;
}

/// Serves gateway `number` to others until its life ends.
pub(crate) fn serve(lines: &Lines, service: impl Exchange) {
    let (connections, life) = (lines.switchboard.listen(lines.from, lines.life.clone()), lines.life.clone());
    tokio::spawn(async move {
        let accepted = ReceiverStream::new(connections).map(Ok::<_, io::Error>);
        let serving = Server::builder().add_service(ExchangeServer::new(service)).serve_with_incoming(accepted);
        tokio::select! {
            biased;
            () = life.ended() => {}
            _ = serving => {}
        }
    });
}
