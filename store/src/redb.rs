//! The store in one redb file: for a gateway or a relayer that runs alone. One thread writes; batches that arrive
//! while it syncs share the next sync. Readers work on snapshots and never wait for the writer.
//! Refuses to know what the rows mean.

mod format;
mod writer;

use crate::{Batch, KEY_BYTES_MAX, Row, SCAN_ROWS_MAX, Store, StoreError, Table, VALUE_BYTES_MAX};
use async_trait::async_trait;
use redb::{Database, ReadableDatabase, TableDefinition, TableError};
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

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
    /// program, and when the file is not a store.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let database = Arc::new(format::open(path)?);
        let writer = writer::Writer::start(Arc::clone(&database))?;
        Ok(Self { database, writer })
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

fn read(database: &Database, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let snapshot = database.begin_read().map_err(failed)?;
    let name = table_name(table);
    let rows = match snapshot.open_table(definition(&name)) {
        Ok(rows) => rows,
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let value = rows.get(key).map_err(failed)?;
    Ok(value.map(|value| value.value().to_vec()))
}

fn scan(database: &Database, table: Table, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
    let snapshot = database.begin_read().map_err(failed)?;
    let name = table_name(table);
    let rows = match snapshot.open_table(definition(&name)) {
        Ok(rows) => rows,
        Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
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

fn fits(batch: &Batch) -> bool {
    let expectations = batch.expect.iter().all(|expectation| match expectation {
        crate::Expectation::Absent(_, key) => key.len() <= KEY_BYTES_MAX,
        crate::Expectation::Equals(_, key, value) => key.len() <= KEY_BYTES_MAX && value.len() <= VALUE_BYTES_MAX,
    });
    let writes = batch
        .writes
        .iter()
        .all(|(_, key, value)| key.len() <= KEY_BYTES_MAX && value.as_ref().is_none_or(|v| v.len() <= VALUE_BYTES_MAX));
    expectations && writes
}

type Rows<'a> = TableDefinition<'a, &'static [u8], &'static [u8]>;

/// Rows live apart from the store's own table, whatever they are called.
fn table_name(table: Table) -> String {
    format!("rows:{}", table.0)
}

fn definition(name: &str) -> Rows<'_> {
    TableDefinition::new(name)
}

fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(error.to_string())
}
