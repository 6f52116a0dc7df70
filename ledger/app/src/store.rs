//! The durable side: four redb tables, written in one transaction a block.
//!
//! `nodes` and `values` are the versions of the tree, `stale` says what may be forgotten when, `side` holds indexes
//! that no proof is made of. It knows bytes only: what stands where is decided by `tree`, `side` and `working`.

use crate::abci::AppError;
use comity_store_file::Format;
use redb::{Database, Durability, ReadOnlyTable, ReadableDatabase, ReadableTable, TableDefinition};
use std::collections::BTreeMap;
use std::ops::Bound;

/// A table of bytes by bytes.
type Bytes = TableDefinition<'static, &'static [u8], &'static [u8]>;
/// A row: its key and its value.
pub(crate) type Row = (Vec<u8>, Vec<u8>);
/// A committed view of such a table.
type View = ReadOnlyTable<&'static [u8], &'static [u8]>;

const NODES: Bytes = TableDefinition::new("nodes");
const VALUES: Bytes = TableDefinition::new("values");
const STALE: Bytes = TableDefinition::new("stale");
const SIDE: Bytes = TableDefinition::new("side");

/// How many versions before the last one can still be read and proven.
pub(crate) const VERSIONS_KEPT: u64 = 1_000;
/// How many stale rows one commit forgets at most, so that no block pays for a long past.
const FORGOTTEN_PER_COMMIT_MAX: usize = 8_192;
/// Memory that one ledger's database may use as cache, in bytes.
const CACHE_BYTES: usize = 64 << 20;

/// The format of the file; docs/formats.md says what each came with.
const FORMAT: Format =
    Format { holds: "a ledger's state", version: 1, unnumbered: &["nodes", "values", "stale", "side"], upgrades: &[] };

/// Opens the database file at `path`, or creates it.
pub(crate) fn open(path: &std::path::Path) -> Result<Database, AppError> {
    prepare(comity_store_file::open(path, &FORMAT, CACHE_BYTES)?)
}

/// Opens a database over any of redb's backends.
pub(crate) fn open_backend(backend: impl redb::StorageBackend) -> Result<Database, AppError> {
    let database = redb::Builder::new()
        .set_cache_size(CACHE_BYTES)
        .create_with_backend(backend)
        .map_err(|error| fault("opening the backend", error))?;
    comity_store_file::prepare(&database, &FORMAT)?;
    prepare(database)
}

/// Makes sure that all tables exist, so that views can always be opened.
fn prepare(database: Database) -> Result<Database, AppError> {
    let doing = "creating the tables";
    let transaction = database.begin_write().map_err(|error| fault(doing, error))?;
    for table in [NODES, VALUES, STALE, SIDE] {
        transaction.open_table(table).map_err(|error| fault(doing, error))?;
    }
    transaction.commit().map_err(|error| fault(doing, error))?;
    Ok(database)
}

/// Removes everything and writes `side`, whole or not at all. Durable when it returns.
pub(crate) fn clear(database: &Database, side: &BTreeMap<Vec<u8>, Option<Vec<u8>>>) -> Result<(), AppError> {
    let doing = "beginning anew";
    let mut transaction = database.begin_write().map_err(|error| fault(doing, error))?;
    transaction.set_durability(Durability::Immediate).map_err(|error| fault(doing, error))?;
    for table in [NODES, VALUES, STALE, SIDE] {
        transaction.delete_table(table).map_err(|error| fault(doing, error))?;
    }
    let batch = Batch { side: side.clone(), ..Batch::default() };
    write_tables(&transaction, &batch).map_err(|error| fault(doing, error))?;
    transaction.commit().map_err(|error| fault(doing, error))
}

/// What one block writes.
#[derive(Default)]
pub(crate) struct Batch {
    /// The version: the block's height.
    pub(crate) version: u64,
    /// New tree nodes.
    pub(crate) nodes: Vec<Row>,
    /// New values.
    pub(crate) values: Vec<Row>,
    /// Rows of `nodes` that this version makes superfluous.
    pub(crate) stale_nodes: Vec<(u64, Vec<u8>)>,
    /// Rows of `values` that this version makes superfluous.
    pub(crate) stale_values: Vec<Vec<u8>>,
    /// Side rows; `None` removes.
    pub(crate) side: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

const STALE_NODE: u8 = 1;
const STALE_VALUE: u8 = 2;

fn stale_key(since: u64, kind: u8, row: &[u8]) -> Vec<u8> {
    let mut key = since.to_be_bytes().to_vec();
    key.push(kind);
    key.extend_from_slice(row);
    key
}

/// Writes `batch` whole or not at all, and forgets what has been stale for long. Durable when it returns.
pub(crate) fn write(database: &Database, batch: &Batch) -> Result<(), AppError> {
    write_with(Durability::Immediate, database, batch)
}

/// The same, durable with the next [`write`]; later views see it at once.
pub(crate) fn write_for_now(database: &Database, batch: &Batch) -> Result<(), AppError> {
    write_with(Durability::None, database, batch)
}

fn write_with(durability: Durability, database: &Database, batch: &Batch) -> Result<(), AppError> {
    let doing = "committing a block";
    let mut transaction = database.begin_write().map_err(|error| fault(doing, error))?;
    transaction.set_durability(durability).map_err(|error| fault(doing, error))?;
    write_tables(&transaction, batch).map_err(|error| fault(doing, error))?;
    transaction.commit().map_err(|error| fault(doing, error))
}

fn write_tables(transaction: &redb::WriteTransaction, batch: &Batch) -> Result<(), redb::Error> {
    let mut nodes = transaction.open_table(NODES)?;
    let mut values = transaction.open_table(VALUES)?;
    let mut stale = transaction.open_table(STALE)?;
    let mut side = transaction.open_table(SIDE)?;
    for (key, node) in &batch.nodes {
        nodes.insert(key.as_slice(), node.as_slice())?;
    }
    for (key, value) in &batch.values {
        values.insert(key.as_slice(), value.as_slice())?;
    }
    let none: &[u8] = &[];
    for (since, row) in &batch.stale_nodes {
        stale.insert(stale_key(*since, STALE_NODE, row).as_slice(), none)?;
    }
    for row in &batch.stale_values {
        stale.insert(stale_key(batch.version, STALE_VALUE, row).as_slice(), none)?;
    }
    for (key, value) in &batch.side {
        match value {
            Some(value) => side.insert(key.as_slice(), value.as_slice())?,
            None => side.remove(key.as_slice())?,
        };
    }
    // A version needs every row that was not stale at it; so rows stale since the oldest kept version may go.
    let Some(oldest) = batch.version.checked_sub(VERSIONS_KEPT) else {
        return Ok(());
    };
    let end = oldest.saturating_add(1).to_be_bytes();
    let mut forgotten = Vec::new();
    for row in stale.range::<&[u8]>(..end.as_slice())?.take(FORGOTTEN_PER_COMMIT_MAX) {
        forgotten.push(row?.0.value().to_vec());
    }
    for key in &forgotten {
        stale.remove(key.as_slice())?;
        if let Some((kind, row)) = key.get(8..).and_then(<[u8]>::split_first) {
            match *kind {
                STALE_NODE => nodes.remove(row)?,
                _ => values.remove(row)?,
            };
        }
    }
    Ok(())
}

/// The state as it was last committed when this view was opened. Later commits do not show in it.
pub(crate) struct Snapshot {
    nodes: View,
    values: View,
    side: View,
}

impl Snapshot {
    /// Opens a view of the last commit.
    pub(crate) fn open(database: &Database) -> Result<Self, AppError> {
        let doing = "opening a view";
        let transaction = database.begin_read().map_err(|error| fault(doing, error))?;
        let table = |definition| transaction.open_table(definition).map_err(|error| fault(doing, error));
        Ok(Self { nodes: table(NODES)?, values: table(VALUES)?, side: table(SIDE)? })
    }

    /// A row of `nodes`.
    pub(crate) fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, AppError> {
        row(&self.nodes, key)
    }

    /// The last row of `values` whose key is in `first..=last`.
    pub(crate) fn newest_value(&self, first: &[u8], last: &[u8]) -> Result<Option<Row>, AppError> {
        let doing = "reading a value";
        let mut rows = self.values.range(first..=last).map_err(|error| fault(doing, error))?;
        match rows.next_back() {
            None => Ok(None),
            Some(row) => {
                let (key, value) = row.map_err(|error| fault(doing, error))?;
                Ok(Some((key.value().to_vec(), value.value().to_vec())))
            }
        }
    }

    /// All rows of `values`, by key.
    pub(crate) fn all_values(&self) -> Result<impl Iterator<Item = Result<Row, AppError>> + Send + use<>, AppError> {
        all(&self.values)
    }

    /// All rows of `side`, by key.
    pub(crate) fn all_sides(&self) -> Result<impl Iterator<Item = Result<Row, AppError>> + Send + use<>, AppError> {
        all(&self.side)
    }

    /// A row of `side`.
    pub(crate) fn side(&self, key: &[u8]) -> Result<Option<Vec<u8>>, AppError> {
        row(&self.side, key)
    }

    /// At most `limit` rows of `side` within bounds, from the low end or from the high one.
    pub(crate) fn side_range(
        &self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        limit: usize,
        from_high: bool,
    ) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, AppError> {
        let doing = "reading an index";
        let mut rows = self.side.range::<&[u8]>((lower, upper)).map_err(|error| fault(doing, error))?;
        let mut found = BTreeMap::new();
        while found.len() < limit {
            let next = if from_high { rows.next_back() } else { rows.next() };
            let Some(row) = next else { break };
            let (key, value) = row.map_err(|error| fault(doing, error))?;
            found.insert(key.value().to_vec(), value.value().to_vec());
        }
        Ok(found)
    }
}

#[cfg(test)]
impl Snapshot {
    /// How many rows the tree takes.
    pub(crate) fn rows(&self) -> u64 {
        use redb::ReadableTableMetadata;
        self.nodes.len().expect("a length") + self.values.len().expect("a length")
    }
}

fn all(table: &View) -> Result<impl Iterator<Item = Result<Row, AppError>> + Send + use<>, AppError> {
    let doing = "reading all rows";
    let rows = table.range::<&[u8]>(..).map_err(|error| fault(doing, error))?;
    Ok(rows.map(move |row| {
        let (key, value) = row.map_err(|error| fault(doing, error))?;
        Ok((key.value().to_vec(), value.value().to_vec()))
    }))
}

fn row(table: &View, key: &[u8]) -> Result<Option<Vec<u8>>, AppError> {
    let found = table.get(key).map_err(|error| fault("reading a row", error))?;
    Ok(found.map(|value| value.value().to_vec()))
}

fn fault(doing: &'static str, error: impl Into<redb::Error>) -> AppError {
    AppError::Store { doing, source: Box::new(error.into()) }
}
