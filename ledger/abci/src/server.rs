//! The server as its owner holds it: start, wait, stop. Opens the state and the socket, and bounds the connections;
//! knows no message.

use crate::address::Address;
use crate::application::Application;
use crate::connection::{self, Stream};
use crate::fault::AbciError;
use crate::snapshots::{SnapshotConfig, Snapshots};
use comity_ledger_app::App;
use comity_model::ChainId;
use std::collections::HashMap;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// A node opens four connections; a restarted one may come while the old ones are being closed.
const CONNECTIONS_MAX: usize = 16;

/// What a server is told.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The chain: a node of another one is refused.
    pub chain: ChainId,
    /// Where it listens.
    pub listen: Address,
    /// The file of the state, made if missing; one process uses it at a time.
    pub state: PathBuf,
    /// What it offers to new machines.
    pub snapshots: SnapshotConfig,
}

/// A running server. Dropping it stops it without waiting.
pub struct Server {
    address: Address,
    task: Option<JoinHandle<Result<(), AbciError>>>,
    cancel: CancellationToken,
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Server {
    /// Opens the state, recovers it to the last committed block, and listens.
    pub async fn start(config: ServerConfig) -> Result<Self, AbciError> {
        let state = config.state.clone();
        let app = tokio::task::spawn_blocking(move || App::open(&state)).await.map_err(thread)??;
        let info = app.info()?;
        let (listener, address) = listen(&config.listen)
            .await
            .map_err(|source| AbciError::Listen { address: config.listen.to_string(), source })?;
        tracing::info!(chain = %config.chain, %address, height = %info.height, "the application waits for its node");
        let cancel = CancellationToken::new();
        let (folder, height) = (config.snapshots.folder.clone(), info.height.0);
        let snapshots = tokio::task::spawn_blocking(move || Snapshots::open(config.snapshots, height))
            .await
            .map_err(thread)?
            .map_err(|source| AbciError::Snapshots { folder, source })?;
        let application = Arc::new(Application::new(app, config.chain, snapshots));
        let task = tokio::spawn(accept(listener, application, cancel.clone()));
        Ok(Self { address, task: Some(task), cancel })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Waits until it ends: by a fault, or because it was stopped.
    pub async fn ended(&mut self) -> Result<(), AbciError> {
        match &mut self.task {
            Some(task) => {
                let ended = task.await;
                self.task = None;
                ended.map_err(thread)?
            }
            None => Ok(()),
        }
    }

    /// Ends: the request at work is finished, connections are closed, the state's file is free.
    pub async fn stop(mut self) -> Result<(), AbciError> {
        self.cancel.cancel();
        self.ended().await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

async fn listen(address: &Address) -> io::Result<(Listener, Address)> {
    match address {
        Address::Tcp(addr) => {
            let listener = TcpListener::bind(addr).await?;
            let addr = listener.local_addr()?;
            Ok((Listener::Tcp(listener), Address::Tcp(addr)))
        }
        Address::Unix(path) => {
            remove_stale(path)?;
            Ok((Listener::Unix(UnixListener::bind(path)?), address.clone()))
        }
    }
}

/// A socket file outlives its process. One that nobody answers at is removed; anything else is left alone.
fn remove_stale(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(file) if file.file_type().is_socket() && UnixStream::connect(path).is_err() => std::fs::remove_file(path),
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

impl Listener {
    /// The next connection, as a blocking socket: a connection has a thread of its own, since its requests are answered
    /// one after the other.
    async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => {
                let stream = listener.accept().await?.0.into_std()?;
                stream.set_nonblocking(false)?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
            Self::Unix(listener) => {
                let stream = listener.accept().await?.0.into_std()?;
                stream.set_nonblocking(false)?;
                Ok(Stream::Unix(stream))
            }
        }
    }
}

async fn accept(listener: Listener, application: Arc<Application>, cancel: CancellationToken) -> Result<(), AbciError> {
    let mut open: HashMap<u64, Stream> = HashMap::new();
    let mut serving: JoinSet<(u64, Result<(), AbciError>)> = JoinSet::new();
    let mut next = 0u64;
    let ended = loop {
        tokio::select! {
            () = cancel.cancelled() => break Ok(()),
            Some(ended) = serving.join_next() => match ended {
                Ok((id, Ok(()))) => {
                    open.remove(&id);
                }
                Ok((_, Err(fault))) => break Err(fault),
                Err(error) => break Err(thread(error)),
            },
            stream = listener.accept() => {
                let accepted = stream.and_then(|stream| Ok((stream.try_clone()?, stream)));
                let (handle, stream) = match accepted {
                    Ok(both) if open.len() < CONNECTIONS_MAX => both,
                    Ok(_) => {
                        tracing::warn!("too many connections: one was closed");
                        continue;
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection was not accepted");
                        // Out of files, perhaps: do not spin.
                        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                        continue;
                    }
                };
                next = next.wrapping_add(1);
                let (id, application) = (next, Arc::clone(&application));
                open.insert(id, handle);
                serving.spawn_blocking(move || (id, connection::serve(stream, id, &application)));
            }
        }
    };
    for stream in open.values() {
        stream.shut_down();
    }
    while serving.join_next().await.is_some() {}
    // At most as long as one chunk takes.
    tokio::task::spawn_blocking(move || application.stop()).await.map_err(thread)?;
    ended
}

fn thread(error: JoinError) -> AbciError {
    AbciError::Thread { reason: error.to_string() }
}
