//! A chain's state as a file of chunks, for a machine that begins in the middle: made from one committed view, and taken
//! back only if it comes to the app hash that the taker already trusts.
//!
//! Format 1: canonical bytes of a [`Manifest`] and of each chunk. State rows come first, in the order of the tree, then index
//! rows by key; so equal states give equal bytes on every machine. Knows no network and no folder.

use crate::abci::AppError;
use crate::app::{self, App, Reader};
use crate::indexes::Sum;
use crate::side::{self, Side};
use crate::store::{self, Batch, Row, Snapshot};
use crate::tree::{self, StateKey};
use crate::working::{Clock, Config};
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::state::StatePath;
use comity_model::{ChainId, Hash, Height, Time, encode};
use redb::Database;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The format of what is made here, and the only one that is taken.
pub const FORMAT: u32 = 1;
/// Most bytes of a chunk, as CometBFT carries it.
pub const CHUNK_BYTES_MAX: usize = 8 << 20;
/// Most chunks of a snapshot: with them a manifest has 2 MiB, half of what CometBFT carries.
pub const CHUNKS_MAX: usize = 65_536;

/// What a snapshot consists of.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Manifest {
    /// The last block whose effects are in it.
    pub height: Height,
    /// That block's header time. No hash covers it: until the next block it decides which transactions the pool lets in,
    /// and nothing else.
    pub time: Time,
    /// How many of the chunks, from the first on, hold state; the others hold indexes.
    pub state_chunks: u32,
    /// SHA-256 of each chunk, in order.
    pub chunks: Vec<Hash>,
}

/// Why a snapshot is not taken.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It is not what it says, or not of this chain: another one may be.
    #[error("the snapshot is refused: {0}")]
    Refused(&'static str),
    /// A chunk that is not the manifest's: whoever sent it may be wrong, the snapshot need not be.
    #[error("chunk {0} is not the one that the manifest names")]
    WrongChunk(u32),
    /// A fault on our side.
    #[error(transparent)]
    App(#[from] AppError),
}

impl Manifest {
    /// Reads a manifest and holds it against the bounds of the format.
    pub fn read(bytes: &[u8]) -> Result<Self, RestoreError> {
        let manifest: Self =
            comity_model::decode("a manifest", bytes).map_err(|_| RestoreError::Refused("it has no manifest"))?;
        let (chunks, state) = (manifest.chunks.len(), u64::from(manifest.state_chunks));
        // Each chunk of state takes a version of the tree, up to that of the height.
        let fits = (1..=CHUNKS_MAX).contains(&chunks)
            && (1..=u64::try_from(chunks).unwrap_or(0)).contains(&state)
            && state <= manifest.height.0;
        if fits { Ok(manifest) } else { Err(RestoreError::Refused("its manifest breaks a bound")) }
    }

    /// Its canonical bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        encode(self)
    }
}

/// SHA-256 of a manifest or a chunk.
#[must_use]
pub fn hash(bytes: &[u8]) -> Hash {
    Hash(Sha256::digest(bytes).into())
}

#[derive(BorshSerialize, BorshDeserialize)]
enum Chunk {
    State(Vec<(StateKey, Vec<u8>)>),
    Indexes(Vec<Row>),
}

/// A snapshot being made: chunk after chunk from one committed view, whatever is committed meanwhile.
pub struct Making {
    clock: Clock,
    state: Rows<(StateKey, Vec<u8>)>,
    indexes: Rows<Row>,
    chunk_bytes: usize,
    state_chunks: u32,
    chunks: Vec<Hash>,
}

type Rows<T> = Box<dyn Iterator<Item = Result<T, AppError>> + Send>;

impl Reader {
    /// Begins a snapshot of the last committed block. `None` where that block cannot be one: before genesis, and while
    /// header hashes wait for their tree, for those are covered by no app hash. They wait for twelve blocks at most.
    ///
    /// A chunk ends with the row that brings it to `chunk_bytes`; a row is hardly larger than a transaction.
    pub fn snapshot(&self, chunk_bytes: usize) -> Result<Option<Making>, AppError> {
        let view = Snapshot::open(&self.database)?;
        let waiting = view.side(&Side::HeadersWaiting.key())?.is_some();
        let Some(clock) = app::clock(&view)?.filter(|clock| !waiting && clock.height > Height(0)) else {
            return Ok(None);
        };
        let indexes = view.all_sides()?.filter(|row| !matches!(row, Ok((key, _)) if side::is_local(key)));
        Ok(Some(Making {
            clock,
            state: Box::new(tree::all(&view)?),
            indexes: Box::new(indexes),
            chunk_bytes,
            state_chunks: 0,
            chunks: Vec::new(),
        }))
    }
}

impl Making {
    /// The last block whose effects are in it.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.clock.height
    }

    /// The next chunk; `None` after the last one.
    pub fn chunk(&mut self) -> Result<Option<Vec<u8>>, AppError> {
        let state = take(&mut self.state, self.chunk_bytes, |(_, value)| 32 + value.len())?;
        let chunk = if state.is_empty() {
            let indexes = take(&mut self.indexes, self.chunk_bytes, |(key, value)| key.len() + value.len())?;
            if indexes.is_empty() {
                return Ok(None);
            }
            encode(&Chunk::Indexes(indexes))
        } else {
            self.state_chunks = self.state_chunks.saturating_add(1);
            encode(&Chunk::State(state))
        };
        self.chunks.push(hash(&chunk));
        Ok(Some(chunk))
    }

    /// The manifest of the chunks that were made. `None` if they are more than the format carries.
    #[must_use]
    pub fn manifest(self) -> Option<Manifest> {
        let Self { clock, state_chunks, chunks, .. } = self;
        let manifest = Manifest { height: clock.height, time: clock.time, state_chunks, chunks };
        Manifest::read(&manifest.bytes()).ok()
    }
}

fn take<T>(rows: &mut Rows<T>, bytes_wanted: usize, size: impl Fn(&T) -> usize) -> Result<Vec<T>, AppError> {
    let (mut taken, mut bytes) = (Vec::new(), 0usize);
    while bytes < bytes_wanted {
        let Some(row) = rows.next().transpose()? else { break };
        bytes = bytes.saturating_add(size(&row)).saturating_add(8);
        taken.push(row);
    }
    Ok(taken)
}

/// A snapshot being taken: chunk after chunk, in order.
pub struct Restoring {
    database: Arc<Database>,
    manifest: Manifest,
    app_hash: Hash,
    next: u32,
    root: Option<Hash>,
    sum: Sum,
    last_index: Vec<u8>,
    config: Option<Config>,
}

impl App {
    /// Begins to take a snapshot into a state that has no genesis, or has carried out no block since it took another; what
    /// an earlier attempt left behind is dropped. `app_hash` is that of the state after the manifest's block, from a header that was verified.
    pub fn restore(&mut self, manifest: Manifest, app_hash: Hash) -> Result<Restoring, RestoreError> {
        if let Some(clock) = &self.clock {
            let begins = Snapshot::open(&self.reader.database)?.side(&Side::Begins.key())?;
            if begins != Some(encode(&clock.height)) {
                return Err(RestoreError::Refused("the application has a state already"));
            }
        }
        let marked = BTreeMap::from([(Side::Restoring.key(), Some(Vec::new()))]);
        store::clear(&self.reader.database, &marked)?;
        (self.config, self.clock) = (None, None);
        Ok(Restoring {
            database: Arc::clone(&self.reader.database),
            manifest,
            app_hash,
            next: 0,
            root: None,
            sum: Sum::new(),
            last_index: Vec::new(),
            config: None,
        })
    }

    /// Ends it: the application stands where the snapshot was made, or has nothing of it. Durable when it returns.
    pub fn restored(&mut self, restoring: &Restoring, chain: &ChainId) -> Result<(), RestoreError> {
        let clock = restoring.check(chain)?;
        let mut batch = Batch::default();
        batch.side.insert(Side::Clock.key(), Some(encode(&clock)));
        batch.side.insert(Side::Begins.key(), Some(encode(&clock.height)));
        batch.side.insert(Side::Indexes.key(), Some(restoring.sum.bytes()));
        batch.side.insert(Side::Restoring.key(), None);
        store::write(&self.reader.database, &batch)?;
        self.config.clone_from(&restoring.config);
        self.clock = Some(clock);
        Ok(())
    }

    /// Drops what was taken of a snapshot.
    pub fn drop_restored(&mut self) -> Result<(), AppError> {
        match self.clock {
            Some(_) => Ok(()),
            None => store::clear(&self.reader.database, &BTreeMap::new()),
        }
    }
}

impl Restoring {
    /// Which chunk comes next.
    #[must_use]
    pub const fn next(&self) -> u32 {
        self.next
    }

    /// Whether all chunks are taken.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        usize::try_from(self.next).is_ok_and(|next| next == self.manifest.chunks.len())
    }

    /// Takes the next chunk. One that is not the manifest's changes nothing; after any other refusal nothing of the
    /// snapshot is of use.
    pub fn chunk(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        let number = self.next;
        let expected = usize::try_from(number).ok().and_then(|number| self.manifest.chunks.get(number));
        if bytes.len() > CHUNK_BYTES_MAX || expected != Some(&hash(bytes)) {
            return Err(RestoreError::WrongChunk(number));
        }
        let chunk =
            comity_model::decode("a chunk", bytes).map_err(|_| RestoreError::Refused("a chunk is malformed"))?;
        match chunk {
            Chunk::State(rows) if rows.is_empty() => return Err(RestoreError::Refused("a chunk is empty")),
            Chunk::State(rows) if number < self.manifest.state_chunks => self.state(rows)?,
            Chunk::Indexes(rows) if number >= self.manifest.state_chunks => self.indexes(rows)?,
            _ => return Err(RestoreError::Refused("its chunks are out of order")),
        }
        self.next = number.saturating_add(1);
        Ok(())
    }

    /// As a block would write them, at the last versions up to the height's.
    fn state(&mut self, rows: Vec<(StateKey, Vec<u8>)>) -> Result<(), RestoreError> {
        let left = self.manifest.state_chunks.saturating_sub(self.next).saturating_sub(1);
        let version = self.manifest.height.0.saturating_sub(u64::from(left));
        let view = Snapshot::open(&self.database)?;
        let mut batch = Batch { version, ..Batch::default() };
        let changes = rows.into_iter().map(|(key, value)| (key, Some(value))).collect();
        let (root, _) = tree::update(&view, &changes, &mut batch)?;
        store::write(&self.database, &batch)?;
        self.root = Some(root);
        Ok(())
    }

    fn indexes(&mut self, rows: Vec<Row>) -> Result<(), RestoreError> {
        let mut batch = Batch::default();
        for (key, value) in rows {
            // A row that comes many times could vanish from the sum.
            if side::is_local(&key) || key <= self.last_index {
                return Err(RestoreError::Refused("its indexes are out of order"));
            }
            self.sum.add(&key, &value);
            if key == Side::Config.key() {
                let config = comity_model::decode("a configuration", &value);
                self.config = Some(config.map_err(|_| RestoreError::Refused("its configuration is malformed"))?);
            }
            self.last_index.clone_from(&key);
            batch.side.insert(key, Some(value));
        }
        store::write(&self.database, &batch)?;
        Ok(())
    }

    /// Whether all of it together is the state behind the app hash.
    fn check(&self, chain: &ChainId) -> Result<Clock, RestoreError> {
        if !self.is_whole() {
            return Err(RestoreError::Refused("chunks are missing"));
        }
        if self.root != Some(self.app_hash) {
            return Err(RestoreError::Refused("its state is not the one behind the app hash"));
        }
        let Manifest { height, time, .. } = self.manifest;
        let view = Snapshot::open(&self.database)?;
        let digest = tree::value(&view, height.0, &comity_verify::state::key(&StatePath::Indexes))?;
        if digest.as_deref() != Some(self.sum.digest().as_bytes().as_slice()) {
            return Err(RestoreError::Refused("its indexes are not those that the state names"));
        }
        match &self.config {
            Some(config) if config.chain == *chain => Ok(Clock { height, time, app_hash: self.app_hash }),
            _ => Err(RestoreError::Refused("it is of another chain")),
        }
    }
}
