//! A log of deposits: appended to by one sequencer, read by any number. Knows no chain, no seal and no network.
//!
//! # What holds
//! - **Durable**: a batch is in the journal, on disk, before its places are told of. After that it is there after any crash.
//! - **Whole**: all deposits of a batch are there, or none, in one run of indexes.
//! - **Once told, for ever**: an index, an entry and the tree of a size never change.
//! - **Bounded**: what waits is bounded ([`Options::waiting_max`]); more is refused at once with [`Busy`].
//! - **Checked**: a deposit that is read is what its entry commits to, or it is [`LogFault::Damaged`].
//! - **Once for a request**: a batch for a request that was answered is not appended again; the same places are told. What is
//!   another batch under the same key is refused ([`Refused::Conflict`]).
//!
//! # Folder
//! `journal/` is the truth. `tile/` and `checkpoint` are for readers (C2SP `tlog-tiles`). `index/` and `mark` follow from the
//! journal: what they lack is made again at the next start. Of a deposit that was erased, the tile has the entry, and nothing else
//! has anything.

use crate::batch::Batch;
use crate::fault::{LogFault, disk};
use crate::frame;
use crate::index::Index;
use crate::journal::{Position, Reader, Stored, Writer};
use crate::mark::Mark;
use crate::sequencer::{self, Appended, Busy, Queue, Refused};
use crate::tree::{Tree, TreeView};
use comity_model::Hash;
use comity_model::deposit::Entry;
use comity_verify::deposit;
use comity_verify::merkle::{self, TreeHead};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// How a log works.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Deposits that may wait to be written.
    pub waiting_max: usize,
    /// After how many deposits a start need not read the journal before them again.
    pub mark_every: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { waiting_max: 500_000, mark_every: 500_000 }
    }
}

/// A deposit that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its place in the log, from 0.
    pub index: u64,
    /// Its entry.
    pub entry: Entry,
    /// What was deposited.
    pub stored: Stored,
}

/// An open log. Dropped, it writes what waits, and what a start would otherwise make again.
pub struct Log {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    _lock: File,
}

/// What the sequencer's threads and readers share.
pub(crate) struct Shared {
    pub(crate) folder: PathBuf,
    pub(crate) reader: Reader,
    pub(crate) index: Index,
    pub(crate) standing: Mutex<Standing>,
    pub(crate) queue: Queue,
    pub(crate) marking: Mutex<u64>,
}

/// The tree, and where the journal goes on from it.
pub(crate) struct Standing {
    pub(crate) tree: Tree,
    pub(crate) position: Position,
}

impl Shared {
    pub(crate) fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes what is appended so far need no reading at the next start: index and tiles are on disk, and the mark says so.
    pub(crate) fn mark(&self) -> Result<(), LogFault> {
        let mut marked = self.marking.lock().unwrap_or_else(PoisonError::into_inner);
        let mark = {
            let standing = self.standing();
            Mark { edge: standing.tree.edge().clone(), position: standing.position }
        };
        if mark.edge.size() == *marked {
            return Ok(());
        }
        // The index has at least what the tree has: it is put in first.
        self.index.flush()?;
        let folder = File::open(&self.folder).map_err(disk("open", &self.folder))?;
        rustix::fs::syncfs(&folder).map_err(std::io::Error::from).map_err(disk("sync", &self.folder))?;
        mark.write(&self.folder)?;
        *marked = mark.edge.size();
        Ok(())
    }
}

impl Log {
    /// Opens the log in `folder`, or begins one: reads what of the journal lies after the mark, and starts the sequencer.
    ///
    /// # Errors
    /// [`LogFault`]; nothing runs then.
    pub fn open(folder: &Path, options: Options) -> Result<Self, LogFault> {
        let journal = folder.join("journal");
        fs::create_dir_all(&journal).map_err(disk("create", &journal))?;
        let lock_path = folder.join("lock");
        let lock = File::create(&lock_path).map_err(disk("create", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(LogFault::InUse(folder.to_path_buf())),
            Err(fs::TryLockError::Error(error)) => return Err(disk("lock", &lock_path)(error)),
        }
        let mark = Mark::read(folder)?;
        let index = Index::open(&folder.join("index"))?;
        let marked = mark.edge.size();
        let reader = Reader::open(&journal)?;
        if index.covered() < marked {
            tracing::warn!("the log's index is made anew from its journal");
            reader.keys(mark.position, |keys, end| {
                index.put(keys.into_iter(), end);
                if index.is_full() { index.flush() } else { Ok(()) }
            })?;
        }
        let mut tree = Tree::new(folder, mark.edge);
        let writer = Writer::open(&journal, mark.position, marked, |frame| {
            if frame.first != tree.edge().size() {
                return Err(LogFault::Damaged { path: journal.clone(), what: "the mark and the journal do not fit" });
            }
            let end = frame.first + frame.batch.entries().len() as u64;
            index.put(frame::keys_of(&frame.batch, frame.first), end);
            tree.append(frame.batch.entries(), frame.batch.leaves())?;
            if index.is_full() { index.flush() } else { Ok(()) }
        })?;
        let standing = Standing { tree, position: writer.at() };
        let shared = Arc::new(Shared {
            folder: folder.to_path_buf(),
            reader,
            index,
            standing: Mutex::new(standing),
            queue: Queue::new(options.waiting_max),
            marking: Mutex::new(marked),
        });
        let threads = sequencer::start(&shared, writer, options.mark_every);
        Ok(Self { shared, threads, _lock: lock })
    }

    /// Hands a batch to the sequencer. `done` is called on its thread, once: when the batch is on disk and can be found, or
    /// when the log has failed.
    ///
    /// # Errors
    /// [`Busy`] where too much waits; the batch was not taken, and `done` is not called.
    pub fn append(
        &self,
        batch: Batch,
        done: impl FnOnce(Result<Appended, Refused>) + Send + 'static,
    ) -> Result<(), Busy> {
        self.shared.queue.push(batch, Box::new(done))
    }

    /// Size and root of what is on disk.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        self.shared.standing().tree.edge().head()
    }

    fn view(&self) -> TreeView {
        self.shared.standing().tree.view()
    }

    /// A deposit's entry.
    ///
    /// # Errors
    /// [`LogFault`]; also for an index that is not below the size.
    pub fn entry(&self, index: u64) -> Result<Entry, LogFault> {
        self.view().entry(index)
    }

    /// A deposit, as it was deposited; `None` for one that was erased, or is not there.
    ///
    /// # Errors
    /// [`LogFault::Damaged`] where it is no longer what its entry commits to.
    pub fn deposit(&self, index: u64) -> Result<Option<(Entry, Stored)>, LogFault> {
        let view = self.view();
        if index >= view.head().size {
            return Ok(None);
        }
        let entry = view.entry(index)?;
        let Some(stored) = self.shared.reader.deposit(index)? else { return Ok(None) };
        if deposit::entry(&stored.content, &stored.statement) == entry {
            Ok(Some((entry, stored)))
        } else {
            let path = self.shared.folder.clone();
            Err(LogFault::Damaged { path, what: "a deposit is not what its entry commits to" })
        }
    }

    /// The newest deposits with this SHA-256 or SM3, at most `limit`, the newest first; those that were erased are not among
    /// them.
    ///
    /// # Errors
    /// [`LogFault`]: an index that is damaged never answers that there is none.
    pub fn find(&self, digest: &Hash, limit: usize) -> Result<Vec<Found>, LogFault> {
        self.found(digest, limit, |stored| [stored.content.sha256, stored.content.sm3].contains(digest))
    }

    /// The newest deposits of a case, at most `limit`, the newest first.
    ///
    /// # Errors
    /// As [`Log::find`].
    pub fn of_case(&self, case: &str, limit: usize) -> Result<Vec<Found>, LogFault> {
        let Some(key) = frame::case_key(case) else { return Ok(Vec::new()) };
        self.found(&key, limit, |stored| stored.statement.circumstances.case == case)
    }

    /// Each is read as any other, so that damage is never an absence.
    fn found(&self, key: &Hash, limit: usize, is: impl Fn(&Stored) -> bool) -> Result<Vec<Found>, LogFault> {
        let mut kept = Vec::new();
        for index in self.shared.index.find(key, limit)? {
            if let Some((entry, stored)) = self.deposit(index)?.filter(|(_, stored)| is(stored)) {
                kept.push(Found { index, entry, stored });
            }
        }
        Ok(kept)
    }

    /// The inclusion path of an entry in the tree of the first `size` entries, checked.
    ///
    /// # Errors
    /// [`LogFault`]; also where index and size do not fit.
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, LogFault> {
        let view = self.view();
        let path = view.inclusion(index, size)?;
        let head = view.head_at(size)?;
        let leaf = deposit::leaf(&view.entry(index)?);
        match merkle::included(&leaf, index, &head, &path) {
            Ok(()) => Ok(path),
            Err(_) => Err(LogFault::Damaged { path: self.shared.folder.join("tile"), what: "tiles do not fit" }),
        }
    }

    /// The proof that the tree of the first `size` entries grew from that of the first `old`.
    ///
    /// # Errors
    /// [`LogFault`]; also where the sizes do not fit.
    pub fn consistency(&self, old: u64, size: u64) -> Result<Vec<Hash>, LogFault> {
        self.view().consistency(old, size)
    }

    /// The head of the tree of the first `size` entries.
    ///
    /// # Errors
    /// [`LogFault`]; also where `size` is above the log's.
    pub fn head_at(&self, size: u64) -> Result<TreeHead, LogFault> {
        let view = self.view();
        if size > view.head().size {
            return Err(LogFault::Outside { size: view.head().size });
        }
        view.head_at(size)
    }

    /// The inclusion path of an entry in the tree over its own batch, whose first index and count these are.
    ///
    /// # Errors
    /// [`LogFault`].
    pub fn batch_path(&self, index: u64, first: u64, count: u32) -> Result<Vec<Hash>, LogFault> {
        let view = self.view();
        let entries: Result<Vec<Entry>, LogFault> =
            (first..first.saturating_add(count.into())).map(|index| view.entry(index)).collect();
        let leaves = deposit::leaves(&entries?);
        let mut frontier = merkle::Frontier::new();
        let nodes: std::collections::BTreeMap<_, _> = leaves
            .into_iter()
            .flat_map(|leaf| frontier.append(leaf))
            .map(|node| ((node.level, node.index), node.hash))
            .collect();
        let place = index.saturating_sub(first);
        let path = merkle::inclusion(place, count.into(), &|level, index| nodes.get(&(level, index)).copied());
        path.ok_or_else(|| LogFault::Outside { size: view.head().size })
    }

    /// Publishes a checkpoint for readers: the tiles of its size, and then the note itself.
    ///
    /// # Errors
    /// [`LogFault`]; the checkpoint that stood before still stands then.
    pub fn publish(&self, size: u64, note: &[u8]) -> Result<(), LogFault> {
        self.view().write_partial(size)?;
        let path = self.shared.folder.join("checkpoint");
        crate::mark::replace(&path, note)
    }

    /// Erases what a deposit commits to: its salts, digests and size. The entry stays in the log, and nobody can open it any
    /// more. Erased for good when this returns.
    ///
    /// # Errors
    /// [`LogFault`].
    pub fn erase(&self, index: u64) -> Result<(), LogFault> {
        // A start must not read an erased frame again: it is not what was written.
        let marked = *self.shared.marking.lock().unwrap_or_else(PoisonError::into_inner);
        if index >= marked {
            self.shared.mark()?;
        }
        self.shared.reader.erase(index)
    }

    /// Where tiles and checkpoint lie.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.shared.queue.close();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the log ended badly");
            }
        }
        if let Err(fault) = self.shared.mark() {
            tracing::error!(%fault, "the next start of the log reads more of its journal");
        }
    }
}
