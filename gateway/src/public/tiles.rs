//! The log as plain files (C2SP `tlog-tiles`): its checkpoint, its tiles. Names are parsed, never joined: no path of a visitor's
//! reaches the disk. A full tile never changes, and says so to every cache.

use crate::error::{ApiError, Reason};
use bytes::Bytes;
use comity_verify::tlog::{Tile, WIDTH};
use std::io;
use std::path::{Path, PathBuf};

/// What never changes may be kept for a year.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// A partial tile stays as it is, but a fuller one replaces it.
const FOR_A_WHILE: &str = "public, max-age=3600";
/// A checkpoint is replaced by each block that has deposits.
const SHORTLY: &str = "public, max-age=2";

/// A file of the log, and how long it may be kept.
pub(super) struct LogFile {
    pub(super) kind: &'static str,
    pub(super) bytes: Bytes,
    pub(super) cache: &'static str,
}

/// The file at a path under the log's prefix: `checkpoint`, `tile/…`.
pub(super) async fn read(folder: &Path, path: &str) -> Result<LogFile, ApiError> {
    let (file, kind, cache): (PathBuf, _, _) = if path == "checkpoint" {
        (folder.join("checkpoint"), super::assets::TEXT, SHORTLY)
    } else {
        let tile = Tile::parse(path).map_err(|_| unknown())?;
        let cache = if tile.width() == WIDTH { FOR_EVER } else { FOR_A_WHILE };
        (folder.join(tile.path()), "application/octet-stream", cache)
    };
    match tokio::fs::read(&file).await {
        Ok(bytes) => Ok(LogFile { kind, bytes: bytes.into(), cache }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(unknown()),
        Err(error) => Err(ApiError::new(Reason::LogFailed, "The log's files cannot be read.").because(error)),
    }
}

fn unknown() -> ApiError {
    ApiError::new(Reason::UnknownPage, "The log has no such file; tiles that are not full yet grow into others.")
}
