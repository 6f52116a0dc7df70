//! The one thread that writes. Batches that wait together become one transaction with one sync; each is checked in
//! its turn against what those before it wrote, and one that conflicts fails alone.

use super::{definition, failed, table_name};
use crate::{Batch, Expectation, StoreError, Table};
use redb::{Database, Durability, ReadableTable, WriteTransaction};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot, watch};

/// How many commits may wait; further callers wait for a place.
const QUEUE_BATCHES_MAX: usize = 1_024;
/// Most batches that share a sync.
const GROUP_BATCHES_MAX: usize = 256;
/// A group takes no further batch once it writes this much.
const GROUP_BYTES_MAX: usize = 16 << 20;

pub(super) struct Writer {
    /// `None` once the store is being dropped.
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    failure: Arc<watch::Sender<Option<String>>>,
}

struct Job {
    batch: Batch,
    reply: oneshot::Sender<Result<(), StoreError>>,
}

impl Writer {
    pub(super) fn start(database: Arc<Database>) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::channel(QUEUE_BATCHES_MAX);
        let failure = Arc::new(watch::Sender::new(None));
        let told = Arc::clone(&failure);
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || write_all(&database, jobs, &told))
            .map_err(failed)?;
        Ok(Self { queue: Some(queue), thread: Some(thread), failure })
    }

    /// Waits until a write fails.
    pub(super) async fn failed(&self) -> String {
        let mut failure = self.failure.subscribe();
        loop {
            if let Some(why) = failure.borrow_and_update().clone() {
                return why;
            }
            // The sender is `self`: it is not dropped while this waits.
            let _ = failure.changed().await;
        }
    }

    pub(super) async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let stopped = || StoreError::Failed("the writer has stopped".into());
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        let (reply, answer) = oneshot::channel();
        queue.send(Job { batch, reply }).await.map_err(|_| stopped())?;
        // The job was taken over: without an answer nobody knows how far it came.
        answer.await.map_err(|_| StoreError::Unknown("the writer ended during the commit".into()))?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer ended by a panic");
        }
    }
}

fn write_all(database: &Database, mut jobs: mpsc::Receiver<Job>, failure: &watch::Sender<Option<String>>) {
    while let Some(first) = jobs.blocking_recv() {
        if let Some(why) = write_group(database, gather(first, &mut jobs)) {
            failure.send_if_modified(|failure| failure.replace(why).is_none());
        }
    }
}

/// What waits already, up to the bounds; never waits for more.
fn gather(first: Job, jobs: &mut mpsc::Receiver<Job>) -> Vec<Job> {
    let mut bytes = size(&first.batch);
    let mut group = vec![first];
    while group.len() < GROUP_BATCHES_MAX && bytes < GROUP_BYTES_MAX {
        let Ok(job) = jobs.try_recv() else { break };
        bytes += size(&job.batch);
        group.push(job);
    }
    group
}

fn size(batch: &Batch) -> usize {
    batch.writes.iter().map(|(_, key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum()
}

/// Writes a group and answers for it; says what failed, if the disk did.
fn write_group(database: &Database, group: Vec<Job>) -> Option<String> {
    let answers = write(database, group.iter().map(|job| &job.batch));
    let mut failure = None;
    for (job, answer) in group.into_iter().zip(answers) {
        if let Err(StoreError::Failed(why) | StoreError::Unknown(why)) = &answer {
            failure = Some(why.clone());
        }
        // A caller that no longer waits does not need the answer.
        let _ = job.reply.send(answer);
    }
    failure
}

/// Writes batches as one transaction with one sync; one answer a batch.
pub(super) fn write<'a>(
    database: &Database,
    batches: impl ExactSizeIterator<Item = &'a Batch>,
) -> Vec<Result<(), StoreError>> {
    let count = batches.len();
    let (transaction, verdicts) = match apply(database, batches) {
        Ok(applied) => applied,
        Err(error) => return (0..count).map(|_| Err(StoreError::Failed(error.to_string()))).collect(),
    };
    // Conflicts alone change nothing and need no sync.
    let result = if verdicts.contains(&Verdict::Written) {
        transaction.commit().map_err(|error| error.to_string())
    } else {
        transaction.abort().map_err(|error| error.to_string())
    };
    let answer = |verdict| match (verdict, &result) {
        (Verdict::Conflict, _) => Err(StoreError::Conflict),
        (Verdict::Written, Ok(())) => Ok(()),
        // The disk failed somewhere within the commit: what a restart finds is not known here.
        (Verdict::Written, Err(error)) => Err(StoreError::Unknown(error.clone())),
    };
    verdicts.into_iter().map(answer).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Written,
    Conflict,
}

/// Applies batches to a transaction that is not committed yet. On an error the transaction is dropped, and with it
/// everything it wrote.
fn apply<'a>(
    database: &Database,
    batches: impl Iterator<Item = &'a Batch>,
) -> Result<(WriteTransaction, Vec<Verdict>), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    let verdicts = {
        let mut tables = Tables { transaction: &transaction, open: BTreeMap::new() };
        batches.map(|batch| tables.apply(batch)).collect::<Result<_, _>>()?
    };
    Ok((transaction, verdicts))
}

type Rows<'a> = redb::Table<'a, &'static [u8], &'static [u8]>;

struct Tables<'a> {
    transaction: &'a WriteTransaction,
    open: BTreeMap<Table, Rows<'a>>,
}

impl<'a> Tables<'a> {
    fn apply(&mut self, batch: &Batch) -> Result<Verdict, redb::Error> {
        for expectation in &batch.expect {
            let (table, key, wanted) = match expectation {
                Expectation::Absent(table, key) => (*table, key, None),
                Expectation::Equals(table, key, value) => (*table, key, Some(value.as_slice())),
            };
            let found = self.rows(table)?.get(key.as_slice())?;
            if found.as_ref().map(|value| value.value()) != wanted {
                return Ok(Verdict::Conflict);
            }
        }
        for (table, key, value) in &batch.writes {
            let rows = self.rows(*table)?;
            match value {
                Some(value) => drop(rows.insert(key.as_slice(), value.as_slice())?),
                None => drop(rows.remove(key.as_slice())?),
            }
        }
        Ok(Verdict::Written)
    }

    fn rows(&mut self, table: Table) -> Result<&mut Rows<'a>, redb::Error> {
        use std::collections::btree_map::Entry;
        match self.open.entry(table) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let name = table_name(table);
                Ok(entry.insert(self.transaction.open_table(definition(&name))?))
            }
        }
    }
}
