//! The folder of snapshots that a machine offers to its peers: made in the background from time to time, a few kept.
//!
//! `<height>/manifest` and `<height>/<chunk>`; a folder gets its name when everything in it is on disk. What cannot be
//! read or is not what the manifest says is not given out. Knows no message; makes no block wait.

use comity_ledger_app::snapshots::{Making, Manifest, hash};
use comity_ledger_app::{AppError, Reader};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Where snapshots are kept, and when they are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotConfig {
    /// Their folder, made if missing.
    pub folder: PathBuf,
    /// One is made about every so many blocks: at the first height from a multiple on that can be one. 0 makes none.
    pub every: u64,
    /// How many are kept: the newest. At least one.
    pub keep: usize,
}

/// A chunk ends with the row that brings it to this many bytes: small enough to be asked for again without regret.
const CHUNK_BYTES: usize = 2 << 20;
const MANIFEST: &str = "manifest";
/// The ending of a folder that is not whole.
const PARTIAL: &str = "partial";

/// The snapshots of a machine.
pub(crate) struct Snapshots {
    config: SnapshotConfig,
    kept: Arc<Mutex<BTreeMap<u64, Manifest>>>,
    stopping: Arc<AtomicBool>,
    /// The height at or before which nothing is due, and who is at work.
    work: Mutex<(u64, Option<JoinHandle<()>>)>,
}

impl Snapshots {
    /// Reads the folder; what was left half made is removed. The application stands at `height`.
    pub(crate) fn open(config: SnapshotConfig, height: u64) -> io::Result<Self> {
        fs::create_dir_all(&config.folder)?;
        let mut kept = BTreeMap::new();
        for entry in fs::read_dir(&config.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == PARTIAL) {
                fs::remove_dir_all(&path)?;
                continue;
            }
            let manifest = fs::read(path.join(MANIFEST)).ok().and_then(|bytes| Manifest::read(&bytes).ok());
            match manifest.filter(|manifest| path.ends_with(manifest.height.0.to_string())) {
                Some(manifest) => drop(kept.insert(manifest.height.0, manifest)),
                None => tracing::warn!(path = %path.display(), "this is no snapshot and is left alone"),
            }
        }
        let last = kept.last_key_value().map_or(0, |(height, _)| *height).max(height);
        let kept = Arc::new(Mutex::new(kept));
        Ok(Self { config, kept, stopping: Arc::default(), work: Mutex::new((last, None)) })
    }

    /// Those that can be fetched, the newest first.
    pub(crate) fn list(&self) -> Vec<Manifest> {
        lock(&self.kept).values().rev().cloned().collect()
    }

    /// A chunk, if it is here and whole.
    pub(crate) fn chunk(&self, height: u64, number: u32) -> Option<Vec<u8>> {
        let number = usize::try_from(number).ok()?;
        let expected = *lock(&self.kept).get(&height)?.chunks.get(number)?;
        let path = self.config.folder.join(height.to_string()).join(number.to_string());
        match fs::read(&path) {
            Ok(bytes) if hash(&bytes) == expected => Some(bytes),
            Ok(_) => {
                tracing::error!(path = %path.display(), "a chunk is damaged: remove this snapshot's folder");
                None
            }
            // It may have been one too many just now.
            Err(_) => None,
        }
    }

    /// A block was committed: begins a snapshot if one is due and none is being made.
    pub(crate) fn committed(&self, reader: &Reader) -> Result<(), AppError> {
        let (every, mut work) = (self.config.every, lock(&self.work));
        if every == 0 || work.1.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return Ok(());
        }
        let height = reader.height()?.0;
        if height / every == work.0 / every {
            return Ok(());
        }
        let Some(making) = reader.snapshot(CHUNK_BYTES)? else { return Ok(()) };
        let (config, kept, stopping) = (self.config.clone(), Arc::clone(&self.kept), Arc::clone(&self.stopping));
        let thread = std::thread::Builder::new().name("snapshot".into()).spawn(move || {
            if let Err(error) = make(&config, making, &kept, &stopping) {
                tracing::error!(%height, %error, "no snapshot was made; the next one is tried when it is due");
            }
        });
        match thread {
            Ok(thread) => *work = (height, Some(thread)),
            Err(error) => tracing::error!(%error, "no snapshot was made: there is no thread for it"),
        }
        Ok(())
    }

    /// Ends what is being made, unfinished.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = lock(&self.work).1.take() {
            // It has told what went wrong.
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn make(
    config: &SnapshotConfig,
    mut making: Making,
    kept: &Mutex<BTreeMap<u64, Manifest>>,
    stopping: &AtomicBool,
) -> io::Result<()> {
    let height = making.height().0;
    let partial = config.folder.join(format!("{height}.{PARTIAL}"));
    let whole = config.folder.join(height.to_string());
    if whole.exists() {
        return Ok(());
    }
    fs::create_dir_all(&partial)?;
    let mut number = 0u32;
    while let Some(chunk) = making.chunk().map_err(io::Error::other)? {
        if stopping.load(Ordering::Relaxed) {
            return fs::remove_dir_all(&partial);
        }
        write(&partial.join(number.to_string()), &chunk)?;
        number = number.saturating_add(1);
    }
    let manifest =
        making.manifest().ok_or_else(|| io::Error::other("the state has more chunks than a snapshot may"))?;
    write(&partial.join(MANIFEST), &manifest.bytes())?;
    File::open(&partial)?.sync_all()?;
    fs::rename(&partial, &whole)?;
    File::open(&config.folder)?.sync_all()?;
    tracing::info!(%height, chunks = number, "a snapshot was made");
    let mut kept = lock(kept);
    kept.insert(height, manifest);
    while kept.len() > config.keep.max(1) {
        if let Some((height, _)) = kept.pop_first() {
            remove(&config.folder, height)?;
        }
    }
    Ok(())
}

/// By way of another name, so that a crash leaves nothing that looks whole.
fn remove(folder: &Path, height: u64) -> io::Result<()> {
    let gone = folder.join(format!("{height}.{PARTIAL}"));
    fs::rename(folder.join(height.to_string()), &gone)?;
    fs::remove_dir_all(gone)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
