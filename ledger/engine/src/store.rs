//! Blocks on disk: headers, transactions, signatures, results, validators, and where to find them by hash.
//!
//! Durability: [`BlockStore::put`] returns when the block, its signatures and its results are on disk, whole or not at
//! all; it is the write-ahead log of the application's state. Concurrency: one writer, any number of readers, who see
//! whole blocks. Repeating a `put` of the same block changes nothing. Knows no consensus rule.

use crate::fault::EngineError;
use crate::outcome::CommittedBlock;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_ledger_app::TxResult;
use comity_model::event::Event;
use comity_model::governance::ValidatorUpdate;
use comity_model::{Hash, Height};
use comity_store_file::Format;
use comity_verify::comet::{BlockId, Commit, Header, ValidatorSet};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::path::Path;

const METAS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("metas");
const TXS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("txs");
const COMMITS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("commits");
const RESULTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("results");
/// Validators from this height on; written only where they change.
const VALIDATORS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("validators");
const BLOCK_BY_HASH: TableDefinition<'_, [u8; 32], u64> = TableDefinition::new("block_by_hash");
const TX_BY_HASH: TableDefinition<'_, [u8; 32], (u64, u32)> = TableDefinition::new("tx_by_hash");
const CHAIN: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("chain");
const GENESIS: &str = "genesis";
const FIRST_APP_HASH: &str = "first_app_hash";

/// The format of the file; docs/formats.md says what each came with.
const FORMAT: Format = Format { holds: "a ledger's blocks", version: 1, unnumbered: &["metas"], upgrades: &[] };
/// redb's page cache: the newest blocks are what is asked for, and memory that grows with the chain is none.
const CACHE_BYTES: usize = 32 << 20;

/// A block without its transactions.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Meta {
    pub(crate) id: BlockId,
    pub(crate) header: Header,
    /// Bytes of the block's protobuf form.
    pub(crate) size: u64,
    pub(crate) txs: u32,
}

/// What a block came to.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Results {
    txs: Vec<StoredResult>,
    pub(crate) events: Vec<Event>,
    pub(crate) validator_updates: Vec<ValidatorUpdate>,
    pub(crate) app_hash: Hash,
}

/// A transaction's result as it stands on disk.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct StoredResult {
    code: u32,
    codespace: String,
    log: String,
    events: Vec<Event>,
}

impl Results {
    pub(crate) fn of(block: &CommittedBlock) -> Self {
        let txs = block.results.iter().map(|result| StoredResult {
            code: result.code,
            codespace: result.codespace.clone(),
            log: result.log.clone(),
            events: result.events.clone(),
        });
        Self {
            txs: txs.collect(),
            events: block.events.clone(),
            validator_updates: block.validator_updates.clone(),
            app_hash: block.app_hash,
        }
    }

    pub(crate) fn txs(&self) -> Vec<TxResult> {
        let results = self.txs.iter().map(|result| TxResult {
            code: result.code,
            codespace: result.codespace.clone(),
            log: result.log.clone(),
            events: result.events.clone(),
        });
        results.collect()
    }
}

/// The blocks of one chain.
pub(crate) struct BlockStore {
    database: Database,
}

impl BlockStore {
    /// Opens or creates the store at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, EngineError> {
        Self::with(comity_store_file::open(path, &FORMAT, CACHE_BYTES)?)
    }

    /// A store in memory, for tests and simulation.
    pub(crate) fn in_memory() -> Result<Self, EngineError> {
        Self::over(redb::backends::InMemoryBackend::new())
    }

    /// A store over any of redb's backends.
    pub(crate) fn over(backend: impl redb::StorageBackend) -> Result<Self, EngineError> {
        let database =
            Database::builder().create_with_backend(backend).map_err(|source| fault("opening it", source.into()))?;
        comity_store_file::prepare(&database, &FORMAT)?;
        Self::with(database)
    }

    fn with(database: Database) -> Result<Self, EngineError> {
        let store = Self { database };
        store.write("creating its tables", |transaction| {
            transaction.open_table(METAS)?;
            transaction.open_table(TXS)?;
            transaction.open_table(COMMITS)?;
            transaction.open_table(RESULTS)?;
            transaction.open_table(VALIDATORS)?;
            transaction.open_table(BLOCK_BY_HASH)?;
            transaction.open_table(TX_BY_HASH)?;
            transaction.open_table(CHAIN)?;
            Ok(())
        })?;
        Ok(store)
    }

    /// The genesis bytes the chain began with and the hash of its first state.
    pub(crate) fn genesis(&self) -> Result<Option<(Vec<u8>, Hash)>, EngineError> {
        self.read("reading the genesis", |transaction| {
            let table = transaction.open_table(CHAIN)?;
            let bytes = table.get(GENESIS)?.map(|value| value.value().to_vec());
            let hash = table.get(FIRST_APP_HASH)?.map(|value| value.value().to_vec());
            Ok(bytes.zip(hash))
        })?
        .map(|(bytes, hash)| {
            let hash = <[u8; 32]>::try_from(hash.as_slice()).map_err(|_| damaged("first state"))?;
            Ok((bytes, Hash(hash)))
        })
        .transpose()
    }

    /// Begins the chain.
    pub(crate) fn begin(&self, genesis: &[u8], app_hash: Hash, validators: &ValidatorSet) -> Result<(), EngineError> {
        self.write("writing the genesis", |transaction| {
            let mut chain = transaction.open_table(CHAIN)?;
            chain.insert(GENESIS, genesis)?;
            chain.insert(FIRST_APP_HASH, app_hash.0.as_slice())?;
            let mut table = transaction.open_table(VALIDATORS)?;
            table.insert(1, comity_model::encode(validators).as_slice())?;
            Ok(())
        })
    }

    /// Writes a block; durable when it returns. `validators` are those of two blocks later, where they changed.
    pub(crate) fn put(
        &self,
        block: &CommittedBlock,
        size: u64,
        validators: Option<&ValidatorSet>,
        hashes: &[Hash],
    ) -> Result<(), EngineError> {
        let height = block.height().0;
        let meta = Meta {
            id: block.id,
            header: block.header.clone(),
            size,
            txs: u32::try_from(block.txs.len()).unwrap_or(u32::MAX),
        };
        self.write("writing a block", |transaction| {
            let encode_into = |table: TableDefinition<'_, u64, &[u8]>, at: u64, bytes: Vec<u8>| {
                transaction.open_table(table)?.insert(at, bytes.as_slice())?;
                Ok::<(), redb::Error>(())
            };
            encode_into(METAS, height, comity_model::encode(&meta))?;
            if !block.txs.is_empty() {
                encode_into(TXS, height, comity_model::encode(&block.txs))?;
            }
            encode_into(COMMITS, height, comity_model::encode(&block.commit))?;
            encode_into(RESULTS, height, comity_model::encode(&Results::of(block)))?;
            if let Some(validators) = validators {
                let from = height.saturating_add(2);
                encode_into(VALIDATORS, from, comity_model::encode(validators))?;
            }
            let mut by_hash = transaction.open_table(BLOCK_BY_HASH)?;
            by_hash.insert(block.id.hash.0, height)?;
            let mut tx_by_hash = transaction.open_table(TX_BY_HASH)?;
            for (index, hash) in (0u32..).zip(hashes) {
                tx_by_hash.insert(hash.0, (height, index))?;
            }
            Ok(())
        })
    }

    /// The height of the last block; 0 before the first.
    pub(crate) fn height(&self) -> Result<Height, EngineError> {
        self.read("reading the height", |transaction| {
            let table = transaction.open_table(METAS)?;
            Ok(Height(table.last()?.map_or(0, |(height, _)| height.value())))
        })
    }

    pub(crate) fn meta(&self, height: Height) -> Result<Option<Meta>, EngineError> {
        self.entry("header", METAS, height)
    }

    /// A block's transactions; empty also where there is no such block.
    pub(crate) fn txs(&self, height: Height) -> Result<Vec<Vec<u8>>, EngineError> {
        Ok(self.entry("transactions", TXS, height)?.unwrap_or_default())
    }

    pub(crate) fn commit(&self, height: Height) -> Result<Option<Commit>, EngineError> {
        self.entry("commit", COMMITS, height)
    }

    pub(crate) fn results(&self, height: Height) -> Result<Option<Results>, EngineError> {
        self.entry("results", RESULTS, height)
    }

    /// The validators of a height: those of the last change at or below it.
    pub(crate) fn validators(&self, height: Height) -> Result<Option<ValidatorSet>, EngineError> {
        self.read("reading validators", |transaction| {
            let table = transaction.open_table(VALIDATORS)?;
            let last = table.range(..=height.0)?.next_back().transpose()?;
            Ok(last.map(|(_, value)| value.value().to_vec()))
        })?
        .map(|bytes| decode("validators", &bytes))
        .transpose()
    }

    /// Where the block with that header hash stands.
    pub(crate) fn height_of(&self, hash: &Hash) -> Result<Option<Height>, EngineError> {
        self.read("finding a block", |transaction| {
            let table = transaction.open_table(BLOCK_BY_HASH)?;
            Ok(table.get(hash.0)?.map(|height| Height(height.value())))
        })
    }

    /// Where the transaction last stood: block and place.
    pub(crate) fn place_of(&self, hash: &Hash) -> Result<Option<(Height, u32)>, EngineError> {
        self.read("finding a transaction", |transaction| {
            let table = transaction.open_table(TX_BY_HASH)?;
            Ok(table.get(hash.0)?.map(|place| {
                let (height, index) = place.value();
                (Height(height), index)
            }))
        })
    }

    fn entry<T: BorshDeserialize>(
        &self,
        what: &'static str,
        table: TableDefinition<'_, u64, &[u8]>,
        height: Height,
    ) -> Result<Option<T>, EngineError> {
        self.read("reading a block", |transaction| {
            let table = transaction.open_table(table)?;
            Ok(table.get(height.0)?.map(|value| value.value().to_vec()))
        })?
        .map(|bytes| decode(what, &bytes))
        .transpose()
    }

    fn read<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&redb::ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, EngineError> {
        let run = || work(&self.database.begin_read()?);
        run().map_err(|source| fault(doing, source))
    }

    /// One durable transaction: redb syncs the file before `commit` returns.
    fn write(
        &self,
        doing: &'static str,
        work: impl FnOnce(&redb::WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), EngineError> {
        let run = || {
            let transaction = self.database.begin_write()?;
            work(&transaction)?;
            transaction.commit()?;
            Ok(())
        };
        run().map_err(|source| fault(doing, source))
    }
}

fn fault(doing: &'static str, source: redb::Error) -> EngineError {
    EngineError::Store { doing, source: Box::new(source) }
}

fn damaged(what: &str) -> EngineError {
    EngineError::Damaged { what: what.into() }
}

fn decode<T: BorshDeserialize>(what: &'static str, bytes: &[u8]) -> Result<T, EngineError> {
    comity_model::decode(what, bytes).map_err(|error| damaged(&error.to_string()))
}
