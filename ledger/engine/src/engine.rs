//! The engine as its owner holds it: start, stop, and handles for everybody else. Opens files, the thread and the socket;
//! knows no rule of the chain.

use crate::block;
use crate::chain::Chain;
use crate::config::{EngineConfig, Limits, Storage};
use crate::fault::{EngineError, SubmitError};
use crate::keys::Keys;
use crate::outcome::{CommittedBlock, TxOutcome};
use crate::pool::{Bounds, Pool, PoolSize};
use crate::rpc;
use crate::store::BlockStore;
use crate::writer::{Pace, Window, Writer};
use comity_ledger_app::{App, Info, Query, QueryResponse, Reader};
use comity_model::event::Event;
use comity_model::genesis::Genesis;
use comity_model::{ChainId, Hash, Height, Time};
use comity_verify::comet::LightBlock;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A running ledger. Dropping it stops it without waiting; [`Engine::stop`] waits until its files are free.
pub struct Engine {
    handle: Handle,
    rpc_addr: SocketAddr,
    writer: Option<std::thread::JoinHandle<()>>,
    server: Option<JoinHandle<()>>,
    cancel: CancellationToken,
}

/// Access to a running ledger from anywhere in the process. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) genesis: Genesis,
    /// The validator that `status` names.
    pub(crate) own: [u8; 32],
    /// Taken away when the engine stops, so that a forgotten handle keeps no file open.
    files: RwLock<Option<Arc<Files>>>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) window: Arc<Window>,
    pub(crate) limits: Limits,
}

/// The open files, for reading.
pub(crate) struct Files {
    pub(crate) reader: Reader,
    pub(crate) store: Arc<BlockStore>,
}

/// A transaction that was handed in.
#[derive(Debug)]
pub enum Entered {
    /// It was carried out before.
    Settled(TxOutcome),
    /// It waits for a block: then its outcome comes. Dropped unanswered only with the ledger.
    Waits(oneshot::Receiver<Result<TxOutcome, SubmitError>>),
}

/// How long [`Engine::stop`] waits for those who are reading.
const READERS_TIMEOUT: Duration = Duration::from_secs(2);

/// Where a ledger stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineStatus {
    /// The chain.
    pub chain: ChainId,
    /// The last durable block.
    pub height: Height,
    /// Its header's hash.
    pub header_hash: Hash,
    /// Its header's time.
    pub time: Time,
    /// Hash of the state after it; it stands in the next header.
    pub app_hash: Hash,
    /// What waits for a block.
    pub pool: PoolSize,
    /// How many independent operators run the validators: an embedded engine is one, whatever the number of keys.
    pub operators: u32,
    /// Why no more blocks are made, if a fault is the reason.
    pub halted: Option<String>,
}

impl Engine {
    /// Opens the ledger, carries out again what a crash left behind, makes a first, empty block and listens.
    pub async fn start(config: EngineConfig) -> Result<Self, EngineError> {
        config.check()?;
        let listener = TcpListener::bind(config.rpc)
            .await
            .and_then(|listener| listener.local_addr().map(|addr| (listener, addr)))
            .map_err(|source| EngineError::Listen { addr: config.rpc.to_string(), source });
        let (listener, rpc_addr) = listener?;
        if !rpc_addr.ip().is_loopback() {
            tracing::warn!(%rpc_addr, "the RPC is open to the network: it asks nobody who they are");
        }
        let (shared, writer) = tokio::task::spawn_blocking(move || open(config))
            .await
            .map_err(|error| EngineError::Thread { reason: error.to_string() })??;
        tracing::info!(
            chain = %shared.genesis.chain,
            %rpc_addr,
            "an embedded ledger runs: one process, one operator, no replication"
        );
        let writer = std::thread::Builder::new()
            .name(format!("ledger-{}", shared.genesis.chain))
            .spawn(move || writer.run())
            .map_err(|error| EngineError::Thread { reason: error.to_string() })?;
        let handle = Handle { shared: Arc::new(shared) };
        let cancel = CancellationToken::new();
        let server = tokio::spawn(rpc::server::serve(listener, handle.clone(), cancel.clone()));
        Ok(Self { handle, rpc_addr, writer: Some(writer), server: Some(server), cancel })
    }

    /// Where the RPC listens.
    #[must_use]
    pub const fn rpc_addr(&self) -> SocketAddr {
        self.rpc_addr
    }

    /// A handle for others.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// See [`Handle::submit`].
    pub async fn submit(&self, tx: Vec<u8>) -> Result<TxOutcome, SubmitError> {
        self.handle.submit(tx).await
    }

    /// See [`Handle::status`].
    #[must_use]
    pub fn status(&self) -> EngineStatus {
        self.handle.status()
    }

    /// See [`Handle::subscribe`].
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<CommittedBlock>> {
        self.handle.subscribe()
    }

    /// Ends: the block in the making is finished, those who wait are told, the files are closed. Handles that others
    /// still hold answer [`EngineError::Stopped`] and [`SubmitError::Stopped`] from then on.
    pub async fn stop(mut self) -> Result<(), EngineError> {
        self.signal();
        if let Some(server) = self.server.take() {
            // A panicking connection has no bearing on the chain.
            let _ = server.await;
        }
        if let Some(writer) = self.writer.take() {
            tokio::task::spawn_blocking(move || writer.join())
                .await
                .map_err(|error| EngineError::Thread { reason: error.to_string() })?
                .map_err(|_| EngineError::Thread { reason: "the writer panicked".into() })?;
        }
        let files = self.handle.shared.close();
        let Some(files) = files.map(|files| Arc::downgrade(&files)) else {
            return Ok(());
        };
        let closed = async {
            while files.strong_count() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(READERS_TIMEOUT, closed)
            .await
            .map_err(|_| EngineError::Thread { reason: "somebody still reads the ledger's files".into() })
    }

    fn signal(&self) {
        self.cancel.cancel();
        self.handle.shared.pool.stop(&SubmitError::Stopped);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.signal();
        self.handle.shared.close();
    }
}

impl Shared {
    pub(crate) fn close(&self) -> Option<Arc<Files>> {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        files.take()
    }

    /// The open files.
    pub(crate) fn files(&self) -> Result<Arc<Files>, EngineError> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        files.clone().ok_or(EngineError::Stopped)
    }
}

fn open(config: EngineConfig) -> Result<(Shared, Writer), EngineError> {
    let (store, app) = files(&config.storage)?;
    open_over(config, store, app)
}

fn files(storage: &Storage) -> Result<(BlockStore, App), EngineError> {
    Ok(match storage {
        Storage::Memory => (BlockStore::in_memory()?, App::in_memory()?),
        Storage::Directory(directory) => {
            std::fs::create_dir_all(directory)
                .map_err(|source| EngineError::Directory { path: directory.display().to_string(), source })?;
            let file = |name: &str| -> PathBuf { directory.join(name) };
            (BlockStore::open(&file("blocks.redb"))?, App::open(&file("state.redb"))?)
        }
    })
}

/// Opens the ledger over its two files, and makes its first block after the start.
pub(crate) fn open_over(config: EngineConfig, store: BlockStore, app: App) -> Result<(Shared, Writer), EngineError> {
    let store = Arc::new(store);
    let reader = app.reader();
    let own = config.keys.first().map(crate::ValidatorKey::public_key);
    let Some(own) = own else {
        return Err(EngineError::Config { reason: "no validator key is held".into() });
    };
    let limits = config.limits;
    let chain = Chain::open(app, Arc::clone(&store), Keys::new(config.keys), &config.genesis)?;
    let pool = Arc::new(Pool::new(Bounds {
        count_max: limits.pool_count_max,
        bytes_max: limits.pool_bytes_max,
        tx_bytes_max: limits.tx_bytes_max,
    }));
    let window = Arc::new(Window::new(limits.subscriber_lag_max));
    let mut writer = Writer {
        chain,
        pool: Arc::clone(&pool),
        window: Arc::clone(&window),
        clock: config.clock,
        heartbeat: config.heartbeat,
        block_bytes_max: limits.block_bytes_max,
        pace: Pace::default(),
    };
    writer.begin()?;
    let shared = Shared {
        genesis: config.genesis,
        own,
        files: RwLock::new(Some(Arc::new(Files { reader, store }))),
        pool,
        window,
        limits,
    };
    Ok((shared, writer))
}

impl Handle {
    /// Submits a transaction and waits until it stands in a durable block. Submitting one again that waits, or that was
    /// carried out, answers with its one outcome; one that its block refused is tried again.
    pub async fn submit(&self, tx: Vec<u8>) -> Result<TxOutcome, SubmitError> {
        let handle = self.clone();
        let entered = tokio::task::spawn_blocking(move || handle.hand_in(tx));
        match entered.await.map_err(|_| SubmitError::Unavailable)?? {
            Entered::Settled(outcome) => Ok(outcome),
            // The waiter is dropped unanswered only with the engine.
            Entered::Waits(answer) => answer.await.map_err(|_| SubmitError::Stopped)?,
        }
    }

    /// The first half of [`Handle::submit`]: whether the transaction was carried out before, or waits from now on. Blocks
    /// for the look and the check.
    pub fn hand_in(&self, tx: Vec<u8>) -> Result<Entered, SubmitError> {
        let hash = block::tx_hash(&tx);
        if let Some(outcome) = self.carried_out(&hash)? {
            return Ok(Entered::Settled(outcome));
        }
        let (waiter, answer) = oneshot::channel();
        self.enter(hash, tx, Some(waiter))?;
        Ok(Entered::Waits(answer))
    }

    /// Checks a transaction and lets it wait. Blocks for the check.
    pub(crate) fn enter(
        &self,
        hash: Hash,
        tx: Vec<u8>,
        waiter: Option<crate::pool::Waiter>,
    ) -> Result<(), SubmitError> {
        self.shared.pool.fits(tx.len())?;
        let files = self.shared.files().map_err(|_| SubmitError::Stopped)?;
        let check = files.reader.check_tx(&tx).map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "the check failed");
            SubmitError::Unavailable
        })?;
        if !check.is_ok() {
            return Err(SubmitError::Refused(check));
        }
        self.shared.pool.add(hash, tx, waiter)
    }

    /// The outcome of a transaction that stands in a block and was carried out there.
    pub(crate) fn carried_out(&self, hash: &Hash) -> Result<Option<TxOutcome>, SubmitError> {
        let found = self.outcome_of(hash).map_err(|error| match error {
            EngineError::Stopped => SubmitError::Stopped,
            error => {
                tracing::error!(error = &error as &dyn std::error::Error, "the lookup failed");
                SubmitError::Unavailable
            }
        })?;
        Ok(found.filter(|outcome| outcome.result.is_ok()))
    }

    /// The outcome of a transaction that stands in a durable block.
    pub fn outcome_of(&self, hash: &Hash) -> Result<Option<TxOutcome>, EngineError> {
        let files = self.shared.files()?;
        let store = &files.store;
        let Some((height, index)) = store.place_of(hash)? else {
            return Ok(None);
        };
        // A block that is in the store already, but not yet told of.
        if self.latest().is_none_or(|block| block.height() < height) {
            return Ok(None);
        }
        let results = store.results(height)?;
        let result = results.and_then(|results| {
            let index = usize::try_from(index).ok()?;
            results.txs().into_iter().nth(index)
        });
        Ok(result.map(|result| TxOutcome { hash: *hash, height, index, result }))
    }

    /// A durable block's header with its signatures and the validators that gave them. Blocks for the reading.
    pub fn light_block(&self, height: Height) -> Result<Option<LightBlock>, EngineError> {
        let files = self.shared.files()?;
        if self.latest().is_none_or(|block| block.height() < height) {
            return Ok(None);
        }
        let (meta, commit) = (files.store.meta(height)?, files.store.commit(height)?);
        let validators = files.store.validators(height)?;
        let (Some(meta), Some(commit), Some(validators)) = (meta, commit, validators) else {
            return Ok(None);
        };
        Ok(Some(LightBlock { header: meta.header, commit, validators }))
    }

    /// What a durable block reported, in order: due dates run before transactions. Blocks for the reading.
    pub fn events(&self, height: Height) -> Result<Option<Vec<Event>>, EngineError> {
        let files = self.shared.files()?;
        if self.latest().is_none_or(|block| block.height() < height) {
            return Ok(None);
        }
        let results = files.store.results(height)?;
        Ok(results.map(|results| {
            let txs = results.txs().into_iter().flat_map(|result| result.events);
            results.events.iter().cloned().chain(txs).collect()
        }))
    }

    /// The transactions of a durable block. Blocks for the reading.
    pub fn txs(&self, height: Height) -> Result<Vec<Vec<u8>>, EngineError> {
        self.shared.files()?.store.txs(height)
    }

    /// Asks the application; see [`Reader::query`]. Blocks for the reading.
    pub fn query(&self, query: &Query<'_>) -> Result<QueryResponse, EngineError> {
        Ok(self.shared.files()?.reader.query(query)?)
    }

    /// Where the application stands. Blocks for the reading.
    pub fn info(&self) -> Result<Info, EngineError> {
        Ok(self.shared.files()?.reader.info()?)
    }

    /// The last durable block.
    #[must_use]
    pub fn latest(&self) -> Option<Arc<CommittedBlock>> {
        self.shared.window.latest()
    }

    /// Durable blocks from now on. A receiver that falls behind by more than `subscriber_lag_max` blocks learns how many
    /// it missed: events are hints, the state is the truth.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<CommittedBlock>> {
        self.shared.window.subscribe()
    }

    /// Asks for a block now, as a heartbeat would.
    pub fn ask_for_block(&self) {
        self.shared.pool.ask();
    }

    /// Where the ledger stands.
    #[must_use]
    pub fn status(&self) -> EngineStatus {
        let latest = self.latest();
        let genesis = &self.shared.genesis;
        EngineStatus {
            chain: genesis.chain.clone(),
            height: latest.as_ref().map_or(Height(0), |block| block.height()),
            header_hash: latest.as_ref().map_or(Hash::ZERO, |block| block.id.hash),
            time: latest.as_ref().map_or(genesis.time, |block| block.header.time),
            app_hash: latest.as_ref().map_or(Hash::ZERO, |block| block.app_hash),
            pool: self.shared.pool.size(),
            operators: 1,
            halted: self.shared.window.halted().map(|why| why.to_string()),
        }
    }

    /// Waits until a fault ends the making of blocks, and says which; for ever, while there is none. Nothing that was told
    /// before is lost by it: starting again, once the cause is gone, goes on from the last durable block.
    pub async fn halted(&self) -> SubmitError {
        self.shared.window.until_halted().await
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }
}
