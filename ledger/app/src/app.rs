//! The chain application behind its ABCI-shaped surface.
//!
//! Synchronous and deterministic: equal blocks give equal app hashes on every machine. It knows no clock, no network
//! and no consensus; "now" is the time in the header of the block that is being carried out.

use crate::abci::{AppError, Block, Finalized, Info, InitResponse, Prepare, Process, Query, QueryResponse, TxResult};
use crate::refusal::{Reason, Refusal};
use crate::side::Side;
use crate::store::{self, Batch, Snapshot};
use crate::working::{Clock, Config, Execution, Working, decode};
use crate::{due, genesis, headers, indexes, proposal, query, transaction, tree};
use comity_model::genesis::Genesis;
use comity_model::governance::ValidatorUpdate;
use comity_model::{Hash, Height, encode};
use redb::Database;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The chain application.
pub struct App {
    pub(crate) reader: Reader,
    pub(crate) config: Option<Config>,
    pub(crate) clock: Option<Clock>,
    finalized: Option<(Batch, Clock)>,
}

/// The committed state, for questions from any thread while blocks are carried out. Cheap to clone; it always sees the
/// last committed block.
#[derive(Clone)]
pub struct Reader {
    pub(crate) database: Arc<Database>,
}

impl App {
    /// Opens the state at `path`, or creates it, and recovers to the last committed block. A state that was never begun
    /// needs [`App::init_chain`].
    pub fn open(path: &Path) -> Result<Self, AppError> {
        Self::with_database(store::open(path)?)
    }

    /// A state in memory, for tests and simulation.
    pub fn in_memory() -> Result<Self, AppError> {
        Self::with_backend(redb::backends::InMemoryBackend::new())
    }

    /// A state over any of redb's backends.
    pub fn with_backend(backend: impl redb::StorageBackend) -> Result<Self, AppError> {
        Self::with_database(store::open_backend(backend)?)
    }

    fn with_database(database: Database) -> Result<Self, AppError> {
        let reader = Reader { database: Arc::new(database) };
        let mut snapshot = Snapshot::open(&reader.database)?;
        if snapshot.side(&Side::Restoring.key())?.is_some() {
            // Half a snapshot is worth nothing: the node asks its peers again.
            store::clear(&reader.database, &BTreeMap::new())?;
            snapshot = Snapshot::open(&reader.database)?;
        }
        Ok(Self { config: config(&snapshot)?, clock: clock(&snapshot)?, finalized: None, reader })
    }

    /// A handle for questions from other threads.
    #[must_use]
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// Where the application stands.
    pub fn info(&self) -> Result<Info, AppError> {
        self.reader.info()
    }

    /// Begins the chain; durable when it returns. Called again with the same genesis before the first block, it
    /// answers the same.
    pub fn init_chain(&mut self, genesis: &Genesis) -> Result<InitResponse, AppError> {
        let config = genesis::config(genesis);
        let app_hash = match (&self.config, &self.clock) {
            (None, _) | (_, None) => self.begin(genesis, config)?,
            (Some(known), Some(clock)) if *known == config && clock.height == Height(0) => clock.app_hash,
            _ => return Err(AppError::OtherGenesis),
        };
        Ok(InitResponse { validators: genesis.validators.clone(), app_hash })
    }

    fn begin(&mut self, genesis: &Genesis, config: Config) -> Result<Hash, AppError> {
        let snapshot = Snapshot::open(&self.reader.database)?;
        let state = Working::new(&snapshot, 0);
        let mut ex = Execution::new(state, &config, Height(0), genesis.time);
        genesis::write(&mut ex, genesis)?;
        ex.keep();
        let (batch, clock, _) = seal(&snapshot, ex)?;
        store::write(&self.reader.database, &batch)?;
        self.config = Some(config);
        self.clock = Some(clock);
        Ok(clock.app_hash)
    }

    /// Whether a transaction may enter the pool: its form, its sender and its signature, against the committed state.
    pub fn check_tx(&self, tx: &[u8]) -> Result<TxResult, AppError> {
        self.reader.check_tx(tx)
    }

    /// Chooses the transactions of the next block, in their order. What depends on time is left out while block time
    /// lags behind the proposer's clock, and stays in the pool.
    #[must_use]
    pub fn prepare_proposal(&self, prepare: &Prepare) -> Vec<Vec<u8>> {
        proposal::prepare(prepare)
    }

    /// Whether a proposed block keeps the bounds.
    #[must_use]
    pub fn process_proposal(&self, process: &Process<'_>) -> bool {
        proposal::acceptable(process)
    }

    /// Carries out a block on top of the committed state. Refused transactions are results; an error is a fault that
    /// must stop the chain. Called again before [`App::commit`], it replaces what was finalized.
    pub fn finalize_block(&mut self, block: &Block<'_>) -> Result<Finalized, AppError> {
        self.finalized = None;
        let (Some(config), Some(clock)) = (&self.config, &self.clock) else {
            return Err(AppError::NoGenesis);
        };
        let expected = clock.height.next();
        if block.height != expected {
            return Err(AppError::WrongHeight { expected, found: block.height });
        }
        let snapshot = Snapshot::open(&self.reader.database)?;
        let state = Working::new(&snapshot, clock.height.0);
        let mut ex = Execution::new(state, config, block.height, block.time);
        let events = due::run(&mut ex)?;
        let mut tx_results = Vec::with_capacity(block.txs.len());
        for (index, tx) in block.txs.iter().enumerate() {
            ex.tx = u32::try_from(index).unwrap_or(u32::MAX);
            ex.message = 0;
            tx_results.push(transaction::run(&mut ex, tx)?);
        }
        let next_due = due::next(&ex.state)?;
        headers::append(&mut ex, block.hash)?;
        ex.keep();
        let validator_updates = changed_validators(&snapshot, std::mem::take(&mut ex.validator_updates))?;
        let (batch, clock, work) = seal(&snapshot, ex)?;
        self.finalized = Some((batch, clock));
        Ok(Finalized { app_hash: clock.app_hash, tx_results, events, validator_updates, work, next_due })
    }

    /// Makes the finalized block durable, whole or not at all, and with it those of [`App::commit_for_now`].
    pub fn commit(&mut self) -> Result<(), AppError> {
        self.commit_by(store::write)
    }

    /// Takes the finalized block into the state, whole, without a sync: a crash takes back every block since the last
    /// [`App::commit`]. For an engine that keeps its blocks durable and carries out again what [`App::info`] lacks.
    pub fn commit_for_now(&mut self) -> Result<(), AppError> {
        self.commit_by(store::write_for_now)
    }

    fn commit_by(&mut self, write: impl FnOnce(&Database, &Batch) -> Result<(), AppError>) -> Result<(), AppError> {
        let (batch, clock) = self.finalized.take().ok_or(AppError::NothingToCommit)?;
        write(&self.reader.database, &batch)?;
        self.clock = Some(clock);
        Ok(())
    }

    /// Answers a question; see [`Reader::query`].
    pub fn query(&self, query: &Query<'_>) -> Result<QueryResponse, AppError> {
        self.reader.query(query)
    }
}

impl Reader {
    /// Where the application stands.
    pub fn info(&self) -> Result<Info, AppError> {
        let snapshot = Snapshot::open(&self.database)?;
        let Some(clock) = clock(&snapshot)? else {
            return Ok(Info { height: Height(0), app_hash: Hash::ZERO, time: None, next_due: None });
        };
        Ok(Info {
            height: clock.height,
            app_hash: clock.app_hash,
            time: Some(clock.time),
            next_due: due::next(&Working::new(&snapshot, clock.height.0))?,
        })
    }

    /// The last committed block; 0 before the first.
    pub fn height(&self) -> Result<Height, AppError> {
        let snapshot = Snapshot::open(&self.database)?;
        Ok(clock(&snapshot)?.map_or(Height(0), |clock| clock.height))
    }

    /// See [`App::check_tx`].
    pub fn check_tx(&self, tx: &[u8]) -> Result<TxResult, AppError> {
        let snapshot = Snapshot::open(&self.database)?;
        let (Some(config), Some(clock)) = (config(&snapshot)?, clock(&snapshot)?) else {
            return Ok(Refusal::from(Reason::NoGenesis).into_result());
        };
        let working = Working::new(&snapshot, clock.height.0);
        transaction::check(&working, &config, clock.time.unix_seconds(), tx)
    }

    /// Answers a question to the committed state. Arguments and values are canonical bytes:
    ///
    /// | path | argument | value |
    /// |---|---|---|
    /// | `/state` | the 32-byte state key | the value (empty: none), with proof when asked |
    /// | `/outbox` | `(ClientId, u64 from, u32 limit)` | `Vec<Packet>` whose commitments stand, by sequence |
    /// | `/ack` | `(ClientId, u64 sequence)` | `Option<Vec<u8>>`: the acknowledgement's bytes |
    /// | `/pending` | `(Option<ReceivedId> after, u32 limit)` | `Vec<ReceivedOrder>` not yet decided, by client and id |
    /// | `/header-proof` | `(Height, u64 size)` | `Vec<Hash>`: RFC 6962 inclusion path |
    /// | `/clients` | empty | `Vec<ClientState>`, by id |
    ///
    /// A limit above 1,000 counts as 1,000. A refused question is an answer with code 1; an error is a fault.
    pub fn query(&self, query: &Query<'_>) -> Result<QueryResponse, AppError> {
        let snapshot = Snapshot::open(&self.database)?;
        match clock(&snapshot)? {
            Some(clock) => query::answer(&snapshot, &clock, query),
            None => Ok(query::refused(&Reason::NoGenesis.into(), Height(0))),
        }
    }
}

/// Turns what a block changed into what is written for it: the batch, where the chain then stands, and whether the state
/// is another one than before.
fn seal(snapshot: &Snapshot, ex: Execution<'_>) -> Result<(Batch, Clock, bool), AppError> {
    let (height, time) = (ex.height, ex.time);
    let (mut state, mut side) = ex.state.into_changes();
    indexes::account(snapshot, &mut state, &mut side)?;
    let mut batch = Batch { version: height.0, side, ..Batch::default() };
    let (app_hash, changed) = tree::update(snapshot, &state, &mut batch)?;
    let clock = Clock { height, time, app_hash };
    batch.side.insert(Side::Clock.key(), Some(encode(&clock)));
    Ok((batch, clock, changed > 0))
}

/// What a block's updates came to, by key: the last one of each validator, and none where it stands as before the block.
/// An engine may rightly refuse the removal of a validator that it has never heard of.
fn changed_validators(snapshot: &Snapshot, updates: Vec<ValidatorUpdate>) -> Result<Vec<ValidatorUpdate>, AppError> {
    let newest: BTreeMap<_, _> = updates.into_iter().map(|update| (update.public_key, update)).collect();
    let mut changed = Vec::with_capacity(newest.len());
    for (key, update) in newest {
        let before = snapshot.side(&Side::Validator(key).key())?;
        let before: Option<ValidatorUpdate> = before.map(|bytes| decode("a validator", &bytes)).transpose()?;
        if before.map_or(0, |validator| validator.power) != update.power {
            changed.push(update);
        }
    }
    Ok(changed)
}

pub(crate) fn config(snapshot: &Snapshot) -> Result<Option<Config>, AppError> {
    let bytes = snapshot.side(&Side::Config.key())?;
    bytes.map(|bytes| decode("the chain's configuration", &bytes)).transpose()
}

pub(crate) fn clock(snapshot: &Snapshot) -> Result<Option<Clock>, AppError> {
    let bytes = snapshot.side(&Side::Clock.key())?;
    bytes.map(|bytes| decode("the chain's clock", &bytes)).transpose()
}
