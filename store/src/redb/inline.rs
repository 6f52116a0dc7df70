//! The same rows and transactions without a thread, over any of redb's backends: each call is carried out where it is
//! made. For simulation, where a thread would be chance. Refuses to know what the rows mean.

use super::{format, read, scan, scan_back, writer};
use crate::{Batch, KEY_BYTES_MAX, Row, Store, StoreError, Table, fits};
use async_trait::async_trait;
use redb::{Database, StorageBackend};

/// Durable state over a backend, in the caller's own task. Every commit syncs by itself.
pub struct InlineStore {
    database: Database,
}

impl InlineStore {
    /// Opens the store on `backend`, or creates it.
    ///
    /// [`StoreError::Unreadable`] as for [`crate::RedbStore::open`].
    pub fn open(backend: impl StorageBackend) -> Result<Self, StoreError> {
        Ok(Self { database: format::open_over(backend)? })
    }
}

#[async_trait]
impl Store for InlineStore {
    async fn read(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if key.len() > KEY_BYTES_MAX {
            return Err(StoreError::TooLarge);
        }
        read(&self.database, table, key)
    }

    async fn scan(&self, table: Table, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        if prefix.len() > KEY_BYTES_MAX || from.len() > KEY_BYTES_MAX {
            return Err(StoreError::TooLarge);
        }
        scan(&self.database, table, prefix, from, limit)
    }

    async fn scan_back(&self, table: Table, until: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        if until.len() > KEY_BYTES_MAX {
            return Err(StoreError::TooLarge);
        }
        scan_back(&self.database, table, until, limit)
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        if !fits(&batch) {
            return Err(StoreError::TooLarge);
        }
        if batch.expect.is_empty() && batch.writes.is_empty() {
            return Ok(());
        }
        let mut answers = writer::write(&self.database, std::iter::once(&batch));
        answers.pop().unwrap_or_else(|| Err(StoreError::Failed("the batch was not written".into())))
    }
}
