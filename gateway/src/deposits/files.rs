//! The log's files as others fetch them: what each is, and how long it may be kept on the way. The same from the public port
//! and from a bucket.

use comity_verify::tlog::{Tile, WIDTH};

/// Where the checkpoint lies, from the log's prefix.
pub(crate) const CHECKPOINT: &str = "checkpoint";
/// What a checkpoint is.
pub(crate) const CHECKPOINT_KIND: &str = "text/plain; charset=utf-8";
/// What a tile is.
pub(crate) const TILE_KIND: &str = "application/octet-stream";
/// A checkpoint is replaced by each block that has deposits.
pub(crate) const CHECKPOINT_KEPT: &str = "public, max-age=2";

/// How long a tile may be kept. A full one never changes, and says so to every cache; a partial one stays as it is, but a fuller
/// one replaces it.
pub(crate) const fn tile_kept(tile: &Tile) -> &'static str {
    if tile.width() == WIDTH { "public, max-age=31536000, immutable" } else { "public, max-age=3600" }
}
