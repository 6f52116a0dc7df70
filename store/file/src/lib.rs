//! One database file of this program: created whole, checked page by page whenever it is opened, and of a format that is
//! numbered in the file itself. Stores, blocks and chain states are such files.
//!
//! A file that was changed outside, cut off or emptied is refused, and so is one that a newer program wrote; an older one is
//! taken over where this program still reads it. Refuses to know what the rows mean.

mod format;

pub use format::{Format, Upgrade, prepare};

use redb::{Builder, Database, DatabaseError, StorageError};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Why a file was not opened. Nothing of it was changed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The disk, or the folder.
    #[error("{path} cannot be used: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("{path} is in use by another process")]
    InUse {
        /// The file.
        path: String,
    },
    /// What stands in it is not what was written: a page was changed, or the file was cut off or emptied.
    #[error("{path} is damaged: {what}")]
    Damaged {
        /// The file.
        path: String,
        /// What was found.
        what: String,
    },
    /// It is a file of something else.
    #[error("{path} does not hold {holds}: it is a file of another kind or of another program")]
    Other {
        /// The file.
        path: String,
        /// What it should hold.
        holds: &'static str,
    },
    /// A newer program wrote it.
    #[error(
        "{path} has format {found} and was written by comity {by}; this is comity {own} and reads formats up to {reads}"
    )]
    Newer {
        /// The file.
        path: String,
        /// Its format.
        found: u32,
        /// The program that wrote it last.
        by: String,
        /// This program.
        own: &'static str,
        /// The newest format that this program reads.
        reads: u32,
    },
    /// The database library wrote it in a way that this program's does not read.
    #[error("{path} is in version {version} of the database's own file format, which this program does not read")]
    Layout {
        /// The file.
        path: String,
        /// That version.
        version: u8,
    },
    /// Taking over an older format failed.
    #[error("{path} could not be taken over from format {from}: {reason}")]
    Upgrade {
        /// The file.
        path: String,
        /// Its format.
        from: u32,
        /// Why.
        reason: String,
    },
}

impl FileError {
    /// The stable reason code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "FILE_UNUSABLE",
            Self::InUse { .. } => "FILE_IN_USE",
            Self::Damaged { .. } => "FILE_DAMAGED",
            Self::Other { .. } => "FILE_OF_ANOTHER_KIND",
            Self::Newer { .. } | Self::Layout { .. } => "FILE_TOO_NEW",
            Self::Upgrade { .. } => "FILE_NOT_UPGRADED",
        }
    }
}

/// Opens the file at `path`, or creates it, readable by its owner only. Every page is read and its checksum compared, so
/// opening takes as long as reading the file.
///
/// # Errors
/// [`FileError`]; the file is as it was.
pub fn open(path: &Path, format: &Format, cache_bytes: usize) -> Result<Database, FileError> {
    match std::fs::metadata(path) {
        Ok(found) if found.len() == 0 => return Err(damaged(path, "it is empty")),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => create(path, format, cache_bytes)?,
        Err(error) => return Err(unusable(path, error)),
    }
    let rolled_back = Arc::new(AtomicBool::new(false));
    let database = checked(path, cache_bytes, Arc::clone(&rolled_back))?;
    if rolled_back.load(Ordering::Relaxed) {
        tracing::warn!(
            path = %path.display(),
            "the last commit was not whole on the disk and was left out: the machine lost power in the middle of it, or the \
             disk changed it since"
        );
    }
    format::check(path, &database, format)?;
    Ok(database)
}

fn checked(path: &Path, cache_bytes: usize, rolled_back: Arc<AtomicBool>) -> Result<Database, FileError> {
    let mut builder = Builder::new();
    builder.set_cache_size(cache_bytes).set_check_integrity_on_open(true);
    builder.set_repair_callback(move |session| {
        // redb says so (0.3) when the newest commit's checksums do not hold and it goes back to the one before. It does so
        // only after an end without a close: what was closed in good order must verify, or is refused.
        if session.progress() > 0.2 && session.progress() < 0.5 {
            rolled_back.store(true, Ordering::Relaxed);
        }
    });
    builder.open(path).map_err(|error| refused(path, error))
}

/// Makes the file under another name and puts it in place when it is whole: an empty file at `path` is never one that was
/// not finished.
fn create(path: &Path, format: &Format, cache_bytes: usize) -> Result<(), FileError> {
    let aside = aside(path);
    match std::fs::remove_file(&aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(unusable(&aside, error)),
        _ => {}
    }
    private(&aside).map_err(|error| unusable(&aside, error))?;
    let database = Builder::new().set_cache_size(cache_bytes).create(&aside).map_err(|error| refused(&aside, error))?;
    format::check(path, &database, format)?;
    database.close().map_err(|error| refused(&aside, error))?;
    std::fs::rename(&aside, path).map_err(|error| unusable(path, error))?;
    sync_folder(path)
}

fn aside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

/// A new file survives a crash of the machine only when its directory entry does.
fn sync_folder(path: &Path) -> Result<(), FileError> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| unusable(folder, error))
}

fn refused(path: &Path, error: DatabaseError) -> FileError {
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            FileError::InUse { path: path.display().to_string() }
        }
        DatabaseError::UpgradeRequired(version) => FileError::Layout { path: path.display().to_string(), version },
        DatabaseError::Storage(StorageError::Io(error))
            if !matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) =>
        {
            unusable(path, error)
        }
        error => damaged(path, &error.to_string()),
    }
}

fn damaged(path: &Path, what: &str) -> FileError {
    FileError::Damaged { path: path.display().to_string(), what: what.into() }
}

fn unusable(path: &Path, source: io::Error) -> FileError {
    FileError::Io { path: path.display().to_string(), source }
}
