//! Copies the log's files into a bucket: each tile before the checkpoint that covers it, and full ones once. It goes on from the
//! checkpoint that the bucket has, which therefore must be one of this log's.
//! It refuses to hold up anything: what is taken and published here waits for no bucket.

use super::super::failing::Failing;
use super::super::files::{CHECKPOINT, CHECKPOINT_KEPT, CHECKPOINT_KIND, TILE_KIND, tile_kept};
use super::super::heads::HeadBook;
use super::super::log_failed;
use super::super::publish::{Published, Standings};
use super::{Bucket, code};
use crate::config::Clock;
use crate::error::ApiError;
use crate::measure::{BUCKET_FAILURES, BUCKET_FILES, BUCKET_SIZE};
use crate::recurring::every;
use comity_deposits::Log;
use comity_model::UnixSeconds;
use comity_verify::tlog::{Checkpoint, Tile, TileOf};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it is looked for a new checkpoint.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often the rest of a bucket that failed is doubled, at the most.
const REST_DOUBLED_MAX: u32 = 5;
/// Files that are under way at once, each of 17 KiB at the most.
const AT_ONCE: usize = 16;
/// After how many entries a checkpoint is put on the way to the newest one: as much is copied again after a crash.
const STEP: u64 = 65_536;
/// Levels of tiles: 256^8 leaves.
const LEVELS: u8 = 8;

/// What is known of the bucket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Entries of the checkpoint that stands in it.
    pub(crate) size: u64,
    /// When that was last known; nothing before the first time.
    pub(crate) at: Option<UnixSeconds>,
    /// Why it did not take the newest one.
    pub(crate) failing: Failing,
    /// The checkpoint that was put last.
    note: String,
}

/// Copies one log into one bucket.
pub(crate) struct Copier {
    pub(crate) bucket: Bucket,
    log: Arc<Log>,
    book: HeadBook,
    standings: Arc<Standings>,
    clock: Clock,
    told: Mutex<Told>,
}

/// Why the bucket did not take the newest checkpoint.
#[derive(Debug, thiserror::Error)]
enum CopyError {
    #[error("the bucket")]
    Bucket(#[from] object_store::Error),
    #[error("what stands in the bucket is another log's, {0:?}: name another bucket or prefix")]
    Another(String),
    #[error(
        "the bucket has {held} entries of this log, which has {own}: the log was restored from an older state, or another keeps it"
    )]
    Ahead { held: u64, own: u64 },
    #[error("the bucket has other entries under this log's name, up to {0}: name another bucket or prefix")]
    Forked(u64),
    #[error("the log or the store")]
    Own(#[from] ApiError),
    #[error("a tile of the log cannot be read")]
    Tile(#[from] std::io::Error),
    #[error("a tile of the log is damaged: {0}")]
    Damaged(String),
}

impl CopyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Bucket(error) => code(error),
            Self::Another(_) | Self::Forked(_) => "ANOTHER_LOG",
            Self::Ahead { .. } => "AHEAD",
            Self::Own(_) | Self::Tile(_) | Self::Damaged(_) => "OWN_FAULT",
        }
    }
}

impl Copier {
    pub(crate) fn new(bucket: Bucket, log: Arc<Log>, book: HeadBook, standings: Arc<Standings>, clock: Clock) -> Self {
        Self { bucket, log, book, standings, clock, told: Mutex::default() }
    }

    /// What is known of the bucket.
    pub(crate) fn told(&self) -> Told {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn tell(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Copies until `stop`.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        every(LOOK_EVERY, stop, async || self.round().await).await;
    }

    async fn round(&self) {
        let Some(published) = self.standings.published.load_full() else { return };
        let told = self.told();
        if told.note == published.note() {
            return;
        }
        let Err(error) = self.copy(&published).await else { return };
        let code = error.code();
        metrics::counter!(BUCKET_FAILURES, "reason" => code).increment(1);
        tracing::warn!(
            bucket = self.bucket.location(),
            code,
            error = &error as &dyn std::error::Error,
            "the bucket did not take the log's checkpoint"
        );
        let mut rest = Duration::ZERO;
        self.tell(|told| rest = told.failing.again(code, REST_DOUBLED_MAX));
        tokio::time::sleep(rest).await;
    }

    async fn copy(&self, published: &Published) -> Result<(), CopyError> {
        let (own, newest) = (published.head.log.size, published.note());
        let mut held = self.held(published).await?;
        loop {
            let next = self.next(held, published).await?;
            let (size, note) = next.unwrap_or_else(|| (own, newest.clone()));
            let tiles = stream::iter(grown(held, size)).map(Ok::<_, CopyError>);
            tiles.try_for_each_concurrent(AT_ONCE, |tile| self.tile(tile)).await?;
            let bytes = note.clone().into_bytes().into();
            self.bucket.put(CHECKPOINT, bytes, CHECKPOINT_KIND, CHECKPOINT_KEPT).await?;
            metrics::gauge!(BUCKET_SIZE).set(size as f64);
            let at = Some(self.clock.now().unix_seconds());
            self.tell(|told| *told = Told { size, at, note, failing: Failing::default() });
            held = size;
            if size == own {
                return Ok(());
            }
        }
    }

    /// Entries of the checkpoint that stands in the bucket: all tiles under it are there.
    async fn held(&self, published: &Published) -> Result<u64, CopyError> {
        let Some(note) = self.bucket.read(CHECKPOINT).await? else { return Ok(0) };
        let note = String::from_utf8_lossy(&note);
        let mut lines = note.lines();
        let (origin, size) = (lines.next().unwrap_or_default(), lines.next().and_then(|size| size.parse().ok()));
        let (Some(held), true) = (size, origin == published.origin) else {
            return Err(CopyError::Another(origin.chars().take(100).collect()));
        };
        let own = published.head.log.size;
        if held > own {
            return Err(CopyError::Ahead { held, own });
        }
        // Whoever signed it: the same root means the same entries.
        let text = self.text(held, published).await?;
        if note.strip_prefix(&text).is_some_and(|rest| rest.starts_with('\n')) {
            Ok(held)
        } else {
            Err(CopyError::Forked(held))
        }
    }

    /// The checkpoint that is put before the newest one, where there is much to copy: the chain's earliest with a step more.
    async fn next(&self, held: u64, published: &Published) -> Result<Option<(u64, String)>, CopyError> {
        let own = published.head.log.size;
        if own.saturating_sub(held) <= STEP {
            return Ok(None);
        }
        let next = self.book.signed_from(held.saturating_add(STEP)).await?;
        let Some((size, signed)) = next.filter(|(size, _)| *size < own) else { return Ok(None) };
        Ok(Some((size, signed.note(&self.text(size, published).await?))))
    }

    /// The text of the checkpoint of `size`.
    async fn text(&self, size: u64, published: &Published) -> Result<String, ApiError> {
        let log = self.log.clone();
        let head = tokio::task::spawn_blocking(move || log.head_at(size)).await.map_err(ApiError::fault)?;
        let head = head.map_err(log_failed)?;
        Checkpoint::text(&published.origin, &head).ok_or_else(|| ApiError::fault("the log's origin is no name"))
    }

    async fn tile(&self, tile: Tile) -> Result<(), CopyError> {
        let path = tile.path();
        let bytes = tokio::fs::read(self.log.folder().join(&path)).await?;
        let sound = match tile.of() {
            TileOf::Entries => tile.entries(&bytes).map(drop),
            TileOf::Level(_) => tile.hashes(&bytes).map(drop),
        };
        // What is put is kept by others for a year.
        sound.map_err(|_| CopyError::Damaged(path.clone()))?;
        self.bucket.put(&path, bytes.into(), TILE_KIND, tile_kept(&tile)).await?;
        metrics::counter!(BUCKET_FILES).increment(1);
        Ok(())
    }
}

/// The tiles of a tree of `new` leaves that one of `old` did not have, as wide as they are now.
fn grown(old: u64, new: u64) -> impl Iterator<Item = Tile> {
    let levels = std::iter::once(TileOf::Entries).chain((0..LEVELS).map(TileOf::Level));
    levels.flat_map(move |of| {
        let level = if let TileOf::Level(level) = of { level } else { 0 };
        let before = old.checked_shr(8 * u32::from(level) + 8).unwrap_or(0);
        let tiles = (before..).map_while(move |index| Tile::of_tree(of, index, new));
        tiles.filter(move |tile| Tile::of_tree(of, before, old).as_ref() != Some(tile))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn paths(old: u64, new: u64) -> Vec<String> {
        grown(old, new).map(|tile| tile.path()).collect()
    }

    #[test]
    fn a_tree_that_grew_has_new_tiles_at_its_right_edge_alone() {
        assert_eq!(paths(0, 0), Vec::<String>::new());
        assert_eq!(paths(0, 1), ["tile/entries/000.p/1", "tile/0/000.p/1"]);
        assert_eq!(paths(256, 256), Vec::<String>::new());
        assert_eq!(paths(255, 256), ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
        assert_eq!(paths(256, 300), ["tile/entries/001.p/44", "tile/0/001.p/44"]);
        assert_eq!(grown(0, 100_000_000).count() as u64, 2 * 390_625 + 1_526 + 6 + 1);
        assert!(grown(99_999_999, 100_000_000).count() <= 5);
    }

    #[test]
    fn whoever_follows_by_steps_has_every_tile_of_every_checkpoint_and_puts_none_twice() {
        let (mut size, mut has) = (0, BTreeSet::new());
        for step in [1, 254, 1, 1, 300, 65_000, 536, 12, 70_000, 256] {
            for tile in grown(size, size + step) {
                assert!(has.insert(tile.path()), "{} twice", tile.path());
            }
            size += step;
            for tile in grown(0, size) {
                assert!(has.contains(&tile.path()), "{} is missing at {size}", tile.path());
            }
        }
    }
}
