//! The file: what it is called, and what its refusals mean to a store.

use crate::StoreError;
use comity_store_file::{FileError, Format};
use redb::{Builder, Database, StorageBackend};
use std::path::Path;

/// The format that this program writes: the rows of a gateway or a relayer. docs/formats.md says what each came with.
const FORMAT: Format = Format { holds: "a store", version: 1, unnumbered: &[], upgrades: &[] };

/// redb's page cache. The store's working set is cursors, drafts and indices.
const CACHE_BYTES: usize = 64 << 20;

pub(super) fn open(path: &Path) -> Result<Database, StoreError> {
    comity_store_file::open(path, &FORMAT, CACHE_BYTES).map_err(refused)
}

/// The same over any backend.
pub(super) fn open_over(backend: impl StorageBackend) -> Result<Database, StoreError> {
    let created = Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(backend);
    let database = created.map_err(|error| StoreError::Unreadable(format!("the store's backend: {error}")))?;
    comity_store_file::prepare(&database, &FORMAT).map_err(refused)?;
    Ok(database)
}

fn refused(error: FileError) -> StoreError {
    match error {
        FileError::Damaged { .. } => StoreError::Damaged(error.to_string()),
        error => StoreError::Unreadable(error.to_string()),
    }
}
