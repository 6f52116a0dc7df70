//! Rows that become durable together: the first one of a group opens it, those that come until it is written join.
//! Where rows are rare each is written at once. Refuses to answer before its row is durable.

use super::AUDIT;
use crate::error::ApiError;
use comity_store::{Batch, Store, StoreError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// From the beginning of one write to the next: at most so long a row waits for others.
const APART: Duration = Duration::from_millis(16);
/// Rows that open a write of their own: a batch is bounded.
const ROWS_MAX: usize = 512;

/// Rows on their way.
#[derive(Clone)]
pub(super) struct Group(Arc<Parts>);

struct Parts {
    store: Arc<dyn Store>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    rows: Vec<Row>,
    /// When the last write began.
    written: Option<Instant>,
}

struct Row {
    key: Vec<u8>,
    value: Vec<u8>,
    durable: oneshot::Sender<Result<(), StoreError>>,
}

impl Group {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self(Arc::new(Parts { store, waiting: Mutex::default() }))
    }

    /// Writes a row with those that wait; durable when this returns.
    pub(super) async fn append(&self, key: Vec<u8>, value: Vec<u8>) -> Result<(), ApiError> {
        let (durable, written) = oneshot::channel();
        let opens = {
            let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.rows.push(Row { key, value, durable });
            (waiting.rows.len() % ROWS_MAX == 1).then(|| waiting.written.map_or_else(Instant::now, |at| at + APART))
        };
        if let Some(at) = opens {
            // A task of its own: who opened the group may hang up, and the others still wait.
            let group = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep_until(at).await;
                group.write().await;
            });
        }
        let lost = |_| StoreError::Unknown("the write of an access ended without an answer".into());
        Ok(written.await.map_err(lost)??)
    }

    async fn write(&self) {
        let rows: Vec<Row> = {
            let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.written = Some(Instant::now());
            let count = waiting.rows.len().min(ROWS_MAX);
            waiting.rows.drain(..count).collect()
        };
        let mut batch = Batch::new();
        let mut told = Vec::with_capacity(rows.len());
        for row in rows {
            batch = batch.put(AUDIT, row.key, row.value);
            told.push(row.durable);
        }
        let written = self.0.store.commit(batch).await;
        for durable in told {
            // Who no longer waits needs no answer.
            let _ = durable.send(written.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use comity_store::{Row as StoredRow, Table};
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Counts batches, and fails while it is told to.
    #[derive(Default)]
    struct Counting {
        batches: AtomicUsize,
        rows: AtomicUsize,
        fails: std::sync::atomic::AtomicBool,
    }

    #[async_trait::async_trait]
    impl Store for Counting {
        async fn read(&self, _: Table, _: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
            Ok(None)
        }
        async fn scan(&self, _: Table, _: &[u8], _: &[u8], _: usize) -> Result<Vec<StoredRow>, StoreError> {
            Ok(Vec::new())
        }
        async fn scan_back(&self, _: Table, _: &[u8], _: usize) -> Result<Vec<StoredRow>, StoreError> {
            Ok(Vec::new())
        }
        async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
            tokio::time::sleep(Duration::from_millis(1)).await;
            if self.fails.load(Ordering::SeqCst) {
                return Err(StoreError::Failed("the disk is full".into()));
            }
            self.batches.fetch_add(1, Ordering::SeqCst);
            self.rows.fetch_add(batch.writes.len(), Ordering::SeqCst);
            Ok(())
        }
    }

    async fn append(group: &Group, key: u32) -> Result<(), ApiError> {
        group.append(key.to_be_bytes().to_vec(), vec![1]).await
    }

    #[tokio::test]
    async fn rows_of_one_moment_share_a_write_and_each_is_answered_once_it_is_durable() {
        let store = Arc::new(Counting::default());
        let group = Group::new(store.clone());
        append(&group, 0).await.unwrap();
        assert_eq!(store.rows.load(Ordering::SeqCst), 1, "a row alone does not wait for others");
        let all = (1..=1_200).map(|key| append(&group, key));
        for written in futures::future::join_all(all).await {
            written.unwrap();
        }
        assert_eq!(store.rows.load(Ordering::SeqCst), 1_201);
        assert!(store.batches.load(Ordering::SeqCst) <= 5, "{:?}", store.batches);
    }

    #[tokio::test]
    async fn who_hangs_up_leaves_the_others_their_write_and_a_failure_is_everybody_s() {
        let store = Arc::new(Counting::default());
        let group = Group::new(store.clone());
        append(&group, 0).await.unwrap();
        let opener = tokio::time::timeout(Duration::from_micros(10), append(&group, 1));
        let (gone, other) = tokio::join!(opener, append(&group, 2));
        assert!(gone.is_err() && other.is_ok());
        store.fails.store(true, Ordering::SeqCst);
        let (one, two) = tokio::join!(append(&group, 3), append(&group, 4));
        assert!(one.is_err() && two.is_err(), "nothing is handed out that is not filed");
        store.fails.store(false, Ordering::SeqCst);
        append(&group, 5).await.unwrap();
    }
}
