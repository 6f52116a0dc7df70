//! The store in one redb file: for a gateway or a relayer that runs alone. One thread writes; batches that arrive
//! while it syncs share the next sync. Readers work on snapshots and never wait for the writer.
//! Refuses to know what the rows mean.

mod format;
mod inline;
mod writer;

pub use inline::InlineStore;

use crate::backup::{NamedRow, Snapshot};
use crate::{Batch, KEY_BYTES_MAX, Row, SCAN_ROWS_MAX, Store, StoreError, Table, fits};
use async_trait::async_trait;
use redb::{Database, ReadOnlyTable, ReadableDatabase, ReadableTable, TableDefinition, TableError, TableHandle};
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;

/// What the names of tables with rows start with.
const ROWS: &str = "rows:";

/// Durable state in one redb file.
///
/// A commit whose future is dropped while it waits is carried out all the same. Dropping the store waits for the
/// commits under way and closes the file.
pub struct RedbStore {
    database: Arc<Database>,
    writer: writer::Writer,
}

impl RedbStore {
    /// Opens the store at `path`, or creates it, readable by its owner only.
    ///
    /// [`StoreError::Unreadable`] when another process has it open, when it was written by a newer version of the
    /// program, and when the file is not a store; [`StoreError::Damaged`] when a page of it is not what was written.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let database = Arc::new(format::open(path)?);
        let writer = writer::Writer::start(Arc::clone(&database))?;
        Ok(Self { database, writer })
    }

    /// Waits until the disk fails a write, and says why; for ever, while none does. From then on every commit fails until
    /// the store is opened anew: what was acknowledged before stands.
    pub async fn failed(&self) -> String {
        self.writer.failed().await
    }
}

#[async_trait]
impl Store for RedbStore {
    // A point read touches a handful of pages that are nearly always in redb's cache: some microseconds, less than a
    // hop to another thread costs.
    async fn read(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if key.len() > KEY_BYTES_MAX {
            return Err(StoreError::TooLarge);
        }
        read(&self.database, table, key)
    }

    // A scan may read many pages from disk, so it leaves the executor's threads alone.
    async fn scan(&self, table: Table, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        if prefix.len() > KEY_BYTES_MAX || from.len() > KEY_BYTES_MAX {
            return Err(StoreError::TooLarge);
        }
        let (database, prefix, from) = (Arc::clone(&self.database), prefix.to_vec(), from.to_vec());
        tokio::task::spawn_blocking(move || scan(&database, table, &prefix, &from, limit)).await.map_err(failed)?
    }

    async fn scan_back(&self, table: Table, until: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        if until.len() > KEY_BYTES_MAX {
            return Err(StoreError::TooLarge);
        }
        let (database, until) = (Arc::clone(&self.database), until.to_vec());
        tokio::task::spawn_blocking(move || scan_back(&database, table, &until, limit)).await.map_err(failed)?
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        if !fits(&batch) {
            return Err(StoreError::TooLarge);
        }
        if batch.expect.is_empty() && batch.writes.is_empty() {
            return Ok(());
        }
        self.writer.commit(batch).await
    }
}

#[async_trait]
impl Snapshot for RedbStore {
    async fn snapshot(&self, rows: mpsc::Sender<NamedRow>) -> Result<(), StoreError> {
        let database = Arc::clone(&self.database);
        tokio::task::spawn_blocking(move || copy(&database, &rows)).await.map_err(failed)?
    }
}

/// A table as it stands now; `None` where nothing was written to it yet.
fn opened(database: &Database, table: Table) -> Result<Option<OpenRows>, StoreError> {
    let snapshot = database.begin_read().map_err(failed)?;
    match snapshot.open_table(definition(&table_name(table))) {
        Ok(rows) => Ok(Some(rows)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

fn read(database: &Database, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(rows) = opened(database, table)? else { return Ok(None) };
    let value = rows.get(key).map_err(failed)?;
    Ok(value.map(|value| value.value().to_vec()))
}

fn scan(database: &Database, table: Table, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
    let Some(rows) = opened(database, table)? else { return Ok(Vec::new()) };
    // Keys with the prefix are contiguous and none of them is smaller than the prefix itself.
    let start = from.max(prefix);
    let range = rows.range::<&[u8]>((Bound::Included(start), Bound::Unbounded)).map_err(failed)?;
    let mut found = Vec::new();
    for row in range.take(limit.min(SCAN_ROWS_MAX)) {
        let (key, value) = row.map_err(failed)?;
        if !key.value().starts_with(prefix) {
            break;
        }
        found.push((key.value().to_vec(), value.value().to_vec()));
    }
    Ok(found)
}

fn scan_back(database: &Database, table: Table, until: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
    let Some(rows) = opened(database, table)? else { return Ok(Vec::new()) };
    let end = if until.is_empty() { Bound::Unbounded } else { Bound::Excluded(until) };
    let range = rows.range::<&[u8]>((Bound::Unbounded, end)).map_err(failed)?;
    let newest_first = range.rev().take(limit.min(SCAN_ROWS_MAX));
    newest_first
        .map(|row| row.map(|(key, value)| (key.value().to_vec(), value.value().to_vec())).map_err(failed))
        .collect()
}

/// Every row of a snapshot, which later commits leave alone.
fn copy(database: &Database, rows: &mpsc::Sender<NamedRow>) -> Result<(), StoreError> {
    let snapshot = database.begin_read().map_err(failed)?;
    let names = snapshot.list_tables().map_err(failed)?;
    let mut names: Vec<String> = names.map(|table| table.name().to_owned()).collect();
    names.sort();
    for name in &names {
        let Some(table) = name.strip_prefix(ROWS) else { continue };
        for row in snapshot.open_table(definition(name)).map_err(failed)?.iter().map_err(failed)? {
            let (key, value) = row.map_err(failed)?;
            let (key, value) = (key.value().to_vec(), value.value().to_vec());
            if rows.blocking_send(NamedRow { table: table.to_owned(), key, value }).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

type OpenRows = ReadOnlyTable<&'static [u8], &'static [u8]>;
type Rows<'a> = TableDefinition<'a, &'static [u8], &'static [u8]>;

/// Rows live apart from the store's own table, whatever they are called.
fn table_name(table: Table) -> String {
    format!("{ROWS}{}", table.0)
}

fn definition(name: &str) -> Rows<'_> {
    TableDefinition::new(name)
}

fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(error.to_string())
}
