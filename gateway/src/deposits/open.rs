//! What anyone may learn of a kept log, without an account: by a digest, what its holder could check himself; by a number,
//! that an entry stands there. It takes no permit, since it reaches nothing else.
//!
//! It refuses to show what a depositor states and who the depositor is, and to open an entry to who does not name its file's
//! digest: whoever counts through numbers or guesses digests learns what the public tiles show as well.

use super::{FOUND_MAX, Kept, log_failed};
use crate::error::{ApiError, Reason};
use comity_model::{Hash, Height, UnixSeconds};
use comity_verify::deposit;
use moka::sync::Cache;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Bundles that are kept to be told again: bytes of all, and how long.
const BUNDLES_BYTES_MAX: u64 = 16 << 20;
const BUNDLES_FOR: Duration = Duration::from_secs(60);

/// The open side of a kept log.
#[derive(Clone)]
pub(crate) struct OpenDesk {
    kept: Arc<Kept>,
    /// By number, and whether digests and size are opened. What was erased is looked up first, and so never told from here.
    bundles: Cache<(u64, bool), Arc<[u8]>>,
}

/// A place in the log, and since when it is proven to stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) number: u64,
    /// Time of the block that took it up; `None` as long as none has.
    pub(crate) since: Option<UnixSeconds>,
}

/// The checkpoint that an answer is as of.
#[derive(Clone, Debug)]
pub(crate) struct AsOf {
    pub(crate) size: u64,
    pub(crate) root: Hash,
    pub(crate) time: UnixSeconds,
    /// The checkpoint, signed by the log (C2SP tlog-checkpoint).
    pub(crate) note: String,
}

/// What a transaction of the chain took up.
#[derive(Clone, Debug)]
pub(crate) struct TakenUp {
    /// The block that it is in.
    pub(crate) height: Height,
    /// The first of the entries that came with it, and how many they are.
    pub(crate) first: u64,
    pub(crate) count: u64,
    /// The checkpoint that it made.
    pub(crate) checkpoint: AsOf,
}

impl OpenDesk {
    pub(crate) fn new(kept: Arc<Kept>) -> Self {
        let bundles = Cache::builder()
            .max_capacity(BUNDLES_BYTES_MAX)
            .weigher(|_, bundle: &Arc<[u8]>| u32::try_from(bundle.len()).unwrap_or(u32::MAX))
            .time_to_live(BUNDLES_FOR)
            .build();
        Self { kept, bundles }
    }

    /// Who keeps the log.
    pub(crate) fn keeper(&self) -> &comity_model::MemberId {
        &self.kept.institution
    }

    /// The newest checkpoint; `None` before the first.
    pub(crate) fn as_of(&self) -> Option<AsOf> {
        let published = self.kept.standings.published.load_full()?;
        let log = &published.head.log;
        Some(AsOf { size: log.size, root: log.root, time: log.at, note: published.note() })
    }

    /// Where tiles and checkpoint lie.
    pub(crate) fn folder(&self) -> PathBuf {
        self.kept.log.folder().to_path_buf()
    }

    /// The deposits of a digest, SHA-256 or SM3: the newest first, at most 16.
    pub(crate) async fn by_digest(&self, digest: Hash) -> Result<Vec<Seen>, ApiError> {
        let log = self.kept.log.clone();
        let found = tokio::task::spawn_blocking(move || log.find(&digest, FOUND_MAX)).await;
        let found: Vec<u64> =
            found.map_err(ApiError::fault)?.map_err(log_failed)?.into_iter().map(|found| found.index).collect();
        let since = self.kept.book.since(found.iter().copied().collect()).await?;
        Ok(found.into_iter().map(|number| Seen { number, since: since.get(&number).copied() }).collect())
    }

    /// What the transaction of this hash took up; nothing where it is none that is known here. Which entries a block took up the
    /// sizes of checkpoints show as well.
    pub(crate) async fn by_transaction(&self, transaction: Hash) -> Result<Option<TakenUp>, ApiError> {
        let found = self.kept.taken(&transaction).await?;
        Ok(found.map(|(taken, head, note)| TakenUp {
            height: taken.height,
            first: taken.before,
            count: taken.size.saturating_sub(taken.before),
            checkpoint: AsOf { size: head.log.size, root: head.log.root, time: head.log.at, note },
        }))
    }

    /// The bundle of a deposit for who names its file's digest: it opens digests and size, and nothing else.
    ///
    /// # Errors
    /// `UNKNOWN_DEPOSIT` also where the digest is another file's; `DEPOSIT_PENDING`.
    pub(crate) async fn opened(&self, number: u64, digest: Hash) -> Result<Arc<[u8]>, ApiError> {
        let found = self.kept.stored(number).await?;
        let found = found.filter(|(_, stored)| [stored.content.sha256, stored.content.sm3].contains(&digest));
        let (entry, stored) = found.ok_or_else(super::unknown)?;
        if let Some(bundle) = self.bundles.get(&(number, true)) {
            return Ok(bundle);
        }
        let bundle = self.kept.prover.bare(number, entry, Some(stored.content), self.kept.clock.now()).await?;
        let bundle: Arc<[u8]> = bundle.into();
        self.bundles.insert((number, true), bundle.clone());
        Ok(bundle)
    }

    /// The place of a number with a bundle that opens nothing. An erased deposit's entry stands as any other.
    ///
    /// # Errors
    /// `UNKNOWN_DEPOSIT` above the log's size; `DEPOSIT_PENDING`.
    pub(crate) async fn closed(&self, number: u64) -> Result<(Seen, Hash, Arc<[u8]>), ApiError> {
        let log = self.kept.log.clone();
        let entry = tokio::task::spawn_blocking(move || {
            if number >= log.head().size {
                return Ok(None);
            }
            log.entry(number).map(Some)
        });
        let entry = entry.await.map_err(ApiError::fault)?.map_err(log_failed)?;
        let missing = || ApiError::new(Reason::UnknownDeposit, "The log has no entry of this number.");
        let entry = entry.ok_or_else(missing)?;
        let seen = Seen { number, since: Some(self.kept.prover.head(number).await?.log.at) };
        let leaf = deposit::leaf(&entry);
        if let Some(bundle) = self.bundles.get(&(number, false)) {
            return Ok((seen, leaf, bundle));
        }
        let bundle: Arc<[u8]> = self.kept.prover.bare(number, entry, None, self.kept.clock.now()).await?.into();
        self.bundles.insert((number, false), bundle.clone());
        Ok((seen, leaf, bundle))
    }
}
