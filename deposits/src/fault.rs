//! What goes wrong with a log's disk, in words for its operator.

use std::io;
use std::path::PathBuf;

/// Why a log cannot go on. Nothing that was acknowledged is lost by it; nothing is acknowledged after it.
#[derive(Debug, thiserror::Error)]
pub enum LogFault {
    /// A file could not be read, written or synced.
    #[error("the log's disk failed while it was to {doing} {path}")]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process has the log open.
    #[error("another process has the log in {0} open: a log has one sequencer")]
    InUse(PathBuf),
    /// A file does not hold what was written to it.
    #[error(
        "the file {path} of the log is damaged ({what}): nothing of it is served; remove the folder `index` where the damage is \
         there, it is made anew at the next start; otherwise restore the log's folder from a backup"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        what: &'static str,
    },
    /// An entry, or a tree, was asked for that the log does not have.
    #[error("the log has {size} entries, and one or a tree beyond them was asked for")]
    Outside {
        /// Its entries.
        size: u64,
    },
    /// The log was written by a newer program.
    #[error("the log in {path} has form {found}, which this program does not know: run the program that wrote it")]
    Newer {
        /// The log's folder.
        path: PathBuf,
        /// The form.
        found: u32,
    },
}

/// Turns an I/O error into a fault with its context.
pub(crate) fn disk<'a>(doing: &'static str, path: &'a std::path::Path) -> impl FnOnce(io::Error) -> LogFault + 'a {
    move |source| LogFault::Disk { doing, path: path.to_path_buf(), source }
}
