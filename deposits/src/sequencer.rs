//! The sequencer: three threads that give batches their places. The first writes what waits to the journal, all of it with one
//! sync; the second appends to tree and index, and tells; the third keeps the index in runs and moves the mark.

use crate::batch::Batch;
use crate::fault::LogFault;
use crate::frame;
use crate::journal::{Position, Writer};
use crate::log::Shared;
use comity_model::Hash;
use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// Deposits that are written with one sync at the most.
const GROUP_MAX: usize = 100_000;

/// Too much waits to be written: nothing was taken. Try again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many deposits wait to be written: try again later")]
pub struct Busy;

/// Where a batch is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The first deposit's index.
    pub first: u64,
    /// The number of deposits.
    pub count: u32,
    /// Whether it was there before: its request had been answered.
    pub repeated: bool,
}

/// Why a batch was not appended.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refused {
    /// The log has failed. Whether the batch is on disk is not known.
    #[error("the log has failed")]
    Failed(#[source] Arc<LogFault>),
    /// The request was answered before, with another batch.
    #[error("the request id was used for other deposits")]
    Conflict,
}

type Done = Box<dyn FnOnce(Result<Appended, Refused>) + Send>;

struct Job {
    batch: Batch,
    done: Done,
}

/// What waits.
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    some: Condvar,
    max: usize,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    deposits: usize,
    closed: bool,
}

impl Queue {
    pub(crate) fn new(max: usize) -> Self {
        Self { waiting: Mutex::default(), some: Condvar::new(), max }
    }

    pub(crate) fn push(&self, batch: Batch, done: Done) -> Result<(), Busy> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = batch.entries().len();
        if waiting.closed || (waiting.deposits > 0 && waiting.deposits + count > self.max) {
            return Err(Busy);
        }
        waiting.deposits += count;
        waiting.jobs.push_back(Job { batch, done });
        self.some.notify_one();
        Ok(())
    }

    pub(crate) fn close(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.some.notify_all();
    }

    /// What waits, up to a group; `None` once the queue is closed and empty.
    fn take(&self) -> Option<Vec<Job>> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let none = |waiting: &mut Waiting| waiting.jobs.is_empty() && !waiting.closed;
        let mut waiting = self.some.wait_while(waiting, none).unwrap_or_else(PoisonError::into_inner);
        let (mut group, mut count) = (Vec::new(), 0);
        while let Some(job) = waiting.jobs.pop_front() {
            count += job.batch.entries().len();
            group.push(job);
            if count >= GROUP_MAX {
                break;
            }
        }
        waiting.deposits -= count;
        (!group.is_empty()).then_some(group)
    }
}

/// What became of jobs: those that are on disk, where the journal goes on after them, and what is only to be told.
struct Written {
    first: u64,
    jobs: Vec<Job>,
    after: Position,
    told: Vec<(Done, Result<Appended, Refused>)>,
}

/// Batches of the last groups that answered a request: the index may not have them yet.
#[derive(Default)]
struct Recent {
    batches: HashMap<Hash, (Appended, Hash)>,
    order: VecDeque<Hash>,
}

/// Requests that are remembered; far more than are under way to the index.
const RECENT_MAX: usize = 65_536;

type Sorted = (Vec<Job>, Vec<(Done, Result<Appended, Refused>)>);

impl Recent {
    /// Parts the jobs that are to be written, from index `next` on, from those whose request was answered before.
    fn sort_out(&mut self, shared: &Shared, group: Vec<Job>, mut next: u64) -> Result<Sorted, (Vec<Job>, LogFault)> {
        let (mut jobs, mut told) = (Vec::with_capacity(group.len()), Vec::new());
        let mut group = group.into_iter();
        while let Some(job) = group.next() {
            let count = u32::try_from(job.batch.entries().len()).unwrap_or(u32::MAX);
            if let Some(key) = job.batch.request().copied() {
                let said = job.batch.said();
                match self.answered(shared, &key) {
                    Ok(Some((before, its))) if its == said => {
                        told.push((job.done, Ok(Appended { repeated: true, ..before })));
                        continue;
                    }
                    Ok(Some(_)) => {
                        told.push((job.done, Err(Refused::Conflict)));
                        continue;
                    }
                    Ok(None) => self.remember(key, Appended { first: next, count, repeated: false }, said),
                    Err(fault) => {
                        jobs.push(job);
                        jobs.extend(group);
                        return Err((jobs, fault));
                    }
                }
            }
            next += u64::from(count);
            jobs.push(job);
        }
        Ok((jobs, told))
    }

    fn answered(&self, shared: &Shared, key: &Hash) -> Result<Option<(Appended, Hash)>, LogFault> {
        if let Some(known) = self.batches.get(key) {
            return Ok(Some(*known));
        }
        for first in shared.index.find(key, 4)? {
            if let Some(batch) = shared.reader.answer(first, key)? {
                let count = u32::try_from(batch.entries().len()).unwrap_or(u32::MAX);
                return Ok(Some((Appended { first, count, repeated: true }, batch.said())));
            }
        }
        Ok(None)
    }

    fn remember(&mut self, key: Hash, appended: Appended, said: Hash) {
        if self.order.len() == RECENT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.batches.remove(&oldest);
        }
        self.batches.insert(key, (appended, said));
        self.order.push_back(key);
    }
}

pub(crate) fn start(shared: &Arc<Shared>, writer: Writer, mark_every: u64) -> Vec<JoinHandle<()>> {
    let (to_tree, written) = sync_channel(1);
    let (to_keeper, grown) = sync_channel(1);
    let next = shared.standing().tree.edge().size();
    let (writing, telling, keeping) = (shared.clone(), shared.clone(), shared.clone());
    vec![
        thread::spawn(move || write(&writing, writer, next, &to_tree)),
        thread::spawn(move || tell(&telling, &written, &to_keeper)),
        thread::spawn(move || keep(&keeping, &grown, mark_every)),
    ]
}

fn write(shared: &Shared, mut writer: Writer, mut next: u64, to_tree: &SyncSender<Written>) {
    let mut recent = Recent::default();
    while let Some(group) = shared.queue.take() {
        let (jobs, told) = match recent.sort_out(shared, group, next) {
            Ok(sorted) => sorted,
            Err((jobs, fault)) => return fail(shared, jobs, fault),
        };
        if let Err(fault) = writer.append(next, jobs.iter().map(|job| &job.batch)) {
            return fail(shared, jobs, fault);
        }
        let first = next;
        next += jobs.iter().map(|job| job.batch.entries().len() as u64).sum::<u64>();
        if let Err(unsent) = to_tree.send(Written { first, jobs, after: writer.at(), told }) {
            // The second thread has failed and said so.
            let path = shared.folder.clone();
            return fail(shared, unsent.0.jobs, LogFault::Damaged { path, what: "the log stopped" });
        }
    }
}

/// Refuses what was taken and what comes: whether it is on disk is not known.
fn fail(shared: &Shared, jobs: Vec<Job>, fault: LogFault) {
    tracing::error!(error = &fault as &dyn std::error::Error, "the log has stopped taking deposits");
    shared.queue.close();
    let fault = Arc::new(fault);
    jobs.into_iter().for_each(|job| (job.done)(Err(Refused::Failed(fault.clone()))));
    while let Some(jobs) = shared.queue.take() {
        jobs.into_iter().for_each(|job| (job.done)(Err(Refused::Failed(fault.clone()))));
    }
}

fn tell(shared: &Shared, written: &Receiver<Written>, to_keeper: &SyncSender<u64>) {
    while let Ok(Written { first, jobs, after, told }) = written.recv() {
        if let Err(fault) = grow(shared, first, &jobs, after) {
            return fail(shared, jobs, fault);
        }
        let mut first = first;
        for job in jobs {
            let count = u32::try_from(job.batch.entries().len()).unwrap_or(u32::MAX);
            (job.done)(Ok(Appended { first, count, repeated: false }));
            first += u64::from(count);
        }
        told.into_iter().for_each(|(done, outcome)| done(outcome));
        // One notice that waits is as good as two.
        let _ = to_keeper.try_send(first);
    }
}

fn grow(shared: &Shared, first: u64, jobs: &[Job], after: Position) -> Result<(), LogFault> {
    let mut next = first;
    for job in jobs {
        let first = next;
        next += job.batch.entries().len() as u64;
        shared.index.put(frame::keys_of(&job.batch, first), next);
    }
    let mut standing = shared.standing();
    for job in jobs {
        standing.tree.append(job.batch.entries(), job.batch.leaves())?;
    }
    standing.position = after;
    Ok(())
}

fn keep(shared: &Shared, grown: &Receiver<u64>, mark_every: u64) {
    while let Ok(size) = grown.recv() {
        let marked = *shared.marking.lock().unwrap_or_else(PoisonError::into_inner);
        let due = size.saturating_sub(marked) >= mark_every;
        let kept = if due {
            shared.mark()
        } else if shared.index.is_full() {
            shared.index.flush()
        } else {
            Ok(())
        };
        if let Err(fault) = kept {
            // What is in the journal is safe; what comes would only make the next start longer.
            return fail(shared, Vec::new(), fault);
        }
    }
}
