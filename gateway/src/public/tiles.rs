//! The log as plain files (C2SP `tlog-tiles`): its checkpoint, its tiles. Names are parsed, never joined: no path of a visitor's
//! reaches the disk.

use crate::deposits::files;
use crate::error::{ApiError, Reason};
use bytes::Bytes;
use comity_verify::tlog::Tile;
use std::io;
use std::path::{Path, PathBuf};

/// A file of the log, and how long it may be kept.
pub(super) struct LogFile {
    pub(super) kind: &'static str,
    pub(super) bytes: Bytes,
    pub(super) cache: &'static str,
}

/// The file at a path under the log's prefix: `checkpoint`, `tile/…`.
pub(super) async fn read(folder: &Path, path: &str) -> Result<LogFile, ApiError> {
    let (file, kind, cache): (PathBuf, _, _) = if path == files::CHECKPOINT {
        (folder.join(path), files::CHECKPOINT_KIND, files::CHECKPOINT_KEPT)
    } else {
        let tile = Tile::parse(path).map_err(|_| unknown())?;
        (folder.join(tile.path()), files::TILE_KIND, files::tile_kept(&tile))
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
