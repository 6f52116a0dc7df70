//! Durable state of a gateway or a relayer: the contract in words, and the backends that keep it.
//!
//! **Durability.** When [`Store::commit`] returns `Ok`, the whole batch survives a crash of the process and of the
//! machine; when it returns an error other than [`StoreError::Unknown`], nothing of it was written.
//! **Atomicity.** A batch is visible whole or not at all. Its expectations are checked and its writes made at one point
//! in time: two batches that expect the same key to be absent cannot both succeed.
//! **Order.** A read that starts after a commit returned sees it. Scans are in byte order of the keys.
//! **Retries.** After [`StoreError::Unknown`] (the connection broke during commit) the caller reads what it expected
//! to write; repeating a batch whose expectations no longer hold is refused, never applied twice.
//! **Concurrency.** Any number of tasks may use a store at once; commits that arrive together share one sync.

pub mod backup;
mod lease;
mod postgres;
mod redb;
pub mod suite;

pub use crate::lease::Lease;
pub use crate::postgres::{PostgresConfig, PostgresStore};
pub use crate::redb::{InlineStore, RedbStore};

use async_trait::async_trait;

/// Largest key in bytes.
pub const KEY_BYTES_MAX: usize = 512;
/// Largest value in bytes.
pub const VALUE_BYTES_MAX: usize = 8 << 20;
/// Most rows that one scan returns.
pub const SCAN_ROWS_MAX: usize = 1_000;

/// A table of byte keys and byte values, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Table(pub &'static str);

/// A key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// What must hold for a batch to be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// The key has no value.
    Absent(Table, Vec<u8>),
    /// The key has exactly this value.
    Equals(Table, Vec<u8>, Vec<u8>),
}

/// Writes that are applied together, if all expectations hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// What must hold.
    pub expect: Vec<Expectation>,
    /// Key and new value; `None` deletes.
    pub writes: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes `value` at `key`.
    #[must_use]
    pub fn put(mut self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        self.writes.push((table, key.into(), Some(value.into())));
        self
    }

    /// Deletes `key`.
    #[must_use]
    pub fn delete(mut self, table: Table, key: impl Into<Vec<u8>>) -> Self {
        self.writes.push((table, key.into(), None));
        self
    }

    /// Requires that `key` has no value.
    #[must_use]
    pub fn absent(mut self, table: Table, key: impl Into<Vec<u8>>) -> Self {
        self.expect.push(Expectation::Absent(table, key.into()));
        self
    }

    /// Requires that `key` has exactly `value`.
    #[must_use]
    pub fn equals(mut self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        self.expect.push(Expectation::Equals(table, key.into(), value.into()));
        self
    }
}

/// Durable state. See the crate's contract.
#[async_trait]
pub trait Store: Send + Sync {
    /// The value at `key`.
    async fn read(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Rows with keys in `from..` that start with `prefix`, at most `limit` (and at most [`SCAN_ROWS_MAX`]). `from` is
    /// inclusive; an empty `from` starts at the prefix.
    async fn scan(&self, table: Table, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Row>, StoreError>;

    /// Rows with keys below `until`, from the last: in descending order, at most `limit` (and at most [`SCAN_ROWS_MAX`]). An
    /// empty `until` starts at the table's end.
    async fn scan_back(&self, table: Table, until: &[u8], limit: usize) -> Result<Vec<Row>, StoreError>;

    /// Applies a batch.
    async fn commit(&self, batch: Batch) -> Result<(), StoreError>;
}

/// Why a store did not do as asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// An expectation does not hold; nothing was written. Read again and decide anew.
    #[error("another change came first")]
    Conflict,
    /// A key or value over its limit; nothing was written.
    #[error("a key or value is larger than the store allows")]
    TooLarge,
    /// The database does not answer now; nothing was written. The same again later may succeed.
    #[error("the store does not answer now: {0}")]
    Unavailable(String),
    /// The disk or the database failed; nothing was written.
    #[error("the store failed: {0}")]
    Failed(String),
    /// The outcome of a commit is not known: read, then decide.
    #[error("the outcome of the last commit is unknown: {0}")]
    Unknown(String),
    /// The file or schema was written by a newer version of the program, or is not a store, or cannot be reached as the
    /// configuration says. Somebody has to change something first.
    #[error("the store cannot be opened: {0}")]
    Unreadable(String),
    /// What stands in the file is not what was written. It is not opened; a backup can be restored in its place.
    #[error("{0}")]
    Damaged(String),
}

/// Whether every key and value keeps to its limit.
fn fits(batch: &Batch) -> bool {
    let expectations = batch.expect.iter().all(|expectation| match expectation {
        Expectation::Absent(_, key) => key.len() <= KEY_BYTES_MAX,
        Expectation::Equals(_, key, value) => key.len() <= KEY_BYTES_MAX && value.len() <= VALUE_BYTES_MAX,
    });
    let writes = batch
        .writes
        .iter()
        .all(|(_, key, value)| key.len() <= KEY_BYTES_MAX && value.as_ref().is_none_or(|v| v.len() <= VALUE_BYTES_MAX));
    expectations && writes
}
