//! Brings the log's head to the chain, block by block, and publishes the checkpoint once the chain is proven to have taken it
//! up. It refuses to let a log take deposits whose chain knows more of it, or other things, than the log does.

use super::heads::{Head, HeadBook, Taken};
use crate::error::ApiError;
use crate::recurring::every;
use crate::signer::{SignerClient, SignerError};
use crate::view::{HomeState, Standing};
use arc_swap::ArcSwapOption;
use comity_adapters_ports::{Outcome, Submit};
use comity_deposits::{Log, LogFault};
use comity_model::deposit::{LogHead, LogState};
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{Height, MemberId, UnixSeconds, decode};
use comity_verify::deposit::origin;
use comity_verify::merkle::TreeHead;
use comity_verify::state::ProvenAt;
use comity_verify::tlog::{Checkpoint, Cosigned, NoteKey};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it is looked whether the log has grown: more often than blocks come.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The head that the chain has, and what is published of it.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) head: Head,
    /// Where it was proven.
    pub(crate) at: ProvenAt,
    pub(crate) origin: String,
    /// The checkpoint, signed by the log.
    pub(crate) signed: String,
    pub(crate) key: NoteKey,
    /// What witnesses have signed under it.
    pub(crate) cosigned: Vec<Cosigned>,
}

impl Published {
    /// The checkpoint's text, with its last newline.
    pub(crate) fn text(&self) -> String {
        let tree = TreeHead { size: self.head.log.size, root: self.head.log.root };
        Checkpoint::text(&self.origin, &tree).unwrap_or_default()
    }

    /// The checkpoint with every signature that there is.
    pub(crate) fn note(&self) -> String {
        self.cosigned.iter().fold(self.signed.clone(), |note, cosigned| note + &cosigned.line())
    }

    /// When a witness saw it, if it cosigned.
    pub(crate) fn cosigned_by(&self, key: &NoteKey) -> Option<UnixSeconds> {
        let key = key.to_string();
        let cosigned = self.cosigned.iter().find(|cosigned| cosigned.key == key.as_bytes())?;
        cosigned.check(&self.text()).ok()?.1
    }
}

/// What is known of the log's place on the chain.
#[derive(Default)]
pub(crate) struct Standings {
    /// Set once the chain's head was proven to be one of the log's.
    pub(crate) ready: std::sync::atomic::AtomicBool,
    pub(crate) published: ArcSwapOption<Published>,
    /// One at a time writes the checkpoint.
    writing: tokio::sync::Mutex<()>,
}

impl Standings {
    /// Keeps what a witness has signed under the checkpoint of `size`, and publishes it if that is still the newest.
    pub(crate) async fn cosign(
        &self,
        log: &Arc<Log>,
        book: &HeadBook,
        size: u64,
        cosigned: Cosigned,
    ) -> Result<(), ApiError> {
        let _one = self.writing.lock().await;
        let all = book.cosign(size, cosigned).await?;
        let Some(published) = self.published.load_full().filter(|published| published.head.log.size == size) else {
            return Ok(());
        };
        let published = Published { cosigned: all, ..Published::clone(&published) };
        let (log, bytes) = (log.clone(), published.note().into_bytes());
        let written = tokio::task::spawn_blocking(move || log.publish(size, &bytes)).await;
        written.map_err(ApiError::fault)?.map_err(super::log_failed)?;
        self.published.store(Some(Arc::new(published)));
        Ok(())
    }
}

/// Publishes one log.
pub(crate) struct Publisher {
    pub(crate) institution: MemberId,
    pub(crate) log: Arc<Log>,
    pub(crate) home: HomeState,
    pub(crate) submit: Arc<dyn Submit>,
    pub(crate) signer: SignerClient,
    pub(crate) book: HeadBook,
    pub(crate) standings: Arc<Standings>,
}

/// Why there is no new checkpoint.
#[derive(Debug, thiserror::Error)]
enum PublishError {
    #[error("the chain, the store or the view")]
    Api(#[from] ApiError),
    #[error("the log")]
    Log(#[from] LogFault),
    #[error("the signer")]
    Signer(#[from] SignerError),
    #[error("a task of the log ended")]
    Ended(#[from] tokio::task::JoinError),
    #[error("the log's id")]
    Id(#[from] std::io::Error),
    #[error("another log is this institution's: its gateways share one store, and one of them keeps the log")]
    Another,
    #[error("the chain refused the head: {0}")]
    Refused(String),
    #[error(
        "the chain has a head of {chain} entries that is not one of this log's, which has {log}: the log was restored from an \
         old backup or exchanged; it takes no deposits until the right one is back"
    )]
    Forked { chain: u64, log: u64 },
}

impl Publisher {
    /// Publishes until `stop`.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        every(LOOK_EVERY, stop, async || {
            if let Err(error) = self.round().await {
                metrics::counter!(crate::measure::CHECKPOINTS_FAILED).increment(1);
                tracing::warn!(error = &error as &dyn std::error::Error, "no new checkpoint of the log of deposits");
                // What does not work now is not asked five times a second.
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
        })
        .await;
    }

    async fn round(&self) -> Result<(), PublishError> {
        let Some(published) = self.standings.published.load_full() else {
            return self.begin().await;
        };
        let new = self.head().await?;
        if new.size == published.head.log.size {
            return Ok(());
        }
        self.grow(published.head.log.size, new).await
    }

    async fn head(&self) -> Result<TreeHead, PublishError> {
        let log = self.log.clone();
        Ok(tokio::task::spawn_blocking(move || log.head()).await?)
    }

    /// Learns where the chain stands, and whether that is this log.
    async fn begin(&self) -> Result<(), PublishError> {
        let folder = self.log.folder().to_path_buf();
        let id = tokio::task::spawn_blocking(move || id_of(&folder)).await??;
        if !self.book.claim(&id).await? {
            return Err(PublishError::Another);
        }
        let stood = self.home.now(&self.path()).await?;
        let header = stood.header.height();
        let Standing::Value(value) = &stood.what else {
            self.standings.ready.store(true, std::sync::atomic::Ordering::Release);
            let head = self.head().await?;
            // An empty log needs no head.
            return if head.size == 0 { Ok(()) } else { self.grow(0, head).await };
        };
        let state: LogState = decode("a log of deposits", value.value()).map_err(ApiError::fault)?;
        let (log, size) = (self.log.clone(), state.size);
        let (own, total) = tokio::task::spawn_blocking(move || (log.head_at(size), log.head().size)).await?;
        if !own.is_ok_and(|own| own.root == state.root) {
            return Err(PublishError::Forked { chain: state.size, log: total });
        }
        self.standings.ready.store(true, std::sync::atomic::Ordering::Release);
        let at = value.at().clone();
        self.publish(Head { log: state, header, proof: stood.proof }, at).await
    }

    async fn grow(&self, old: u64, new: TreeHead) -> Result<(), PublishError> {
        let log = self.log.clone();
        let consistency = tokio::task::spawn_blocking(move || log.consistency(old, new.size)).await??;
        let head = self.log_head(&new);
        let seal = self.signer.seal_log_head(head.clone()).await?;
        match self.submit.submit(vec![Message::GrowLog { head, consistency, seal }]).await.map_err(ApiError::from)? {
            Outcome::Committed { tx, height, .. } => {
                self.book.carry(&Taken { transaction: tx, height, before: old, size: new.size }).await?;
                self.prove(height.next(), new).await
            }
            Outcome::Refused { code, detail } => {
                // Another process may have brought it there: what stands says so.
                self.standings.published.store(None);
                Err(PublishError::Refused(format!("{code}: {detail}")))
            }
        }
    }

    /// Proves that the chain has taken up the head, and publishes it.
    async fn prove(&self, header: Height, new: TreeHead) -> Result<(), PublishError> {
        let header = self.home.view().header_soon(header).await?;
        let stood = self.home.under(&self.path(), header).await?;
        let Standing::Value(value) = &stood.what else {
            return Err(PublishError::Refused("it does not stand on the chain".into()));
        };
        let log: LogState = decode("a log of deposits", value.value()).map_err(ApiError::fault)?;
        if log.size != new.size || log.root != new.root {
            return Err(PublishError::Refused("another head stands on the chain".into()));
        }
        let at = value.at().clone();
        self.publish(Head { log, header: stood.header.height(), proof: stood.proof }, at).await
    }

    /// Publishes the checkpoint of a proven head. The head is kept last: a deposit counts as proven once a head over it is
    /// kept, and who was given that proof may read the checkpoint and the tiles under it in the next moment.
    async fn publish(&self, head: Head, at: ProvenAt) -> Result<(), PublishError> {
        let tree = TreeHead { size: head.log.size, root: head.log.root };
        let (signature, key) = self.signer.sign_checkpoint(self.log_head(&tree)).await?;
        let origin = origin(self.home.view().chain(), &self.institution);
        let key = NoteKey::log(&origin, key).map_err(ApiError::fault)?;
        let text = Checkpoint::text(&origin, &tree).unwrap_or_default();
        let signed = format!("{text}\n{}", key.line(&signature));
        let own = Cosigned { key: key.to_string().into_bytes(), signature: signature.to_vec() };
        let _one = self.standings.writing.lock().await;
        let taken = self.taken(&head).await?;
        self.book.sign(tree.size, own).await?;
        let cosigned = self.book.cosigned(tree.size).await?;
        let published = Published { head, at, origin, signed, key, cosigned };
        let (log, bytes) = (self.log.clone(), published.note().into_bytes());
        tokio::task::spawn_blocking(move || log.publish(tree.size, &bytes)).await??;
        metrics::gauge!(crate::measure::CHECKPOINT_SIZE).set(tree.size as f64);
        let head = published.head.clone();
        self.standings.published.store(Some(Arc::new(published)));
        if let Err(error) = self.book.keep(&head, taken.as_ref()).await {
            // So that the next round begins again, and keeps it.
            self.standings.published.store(None);
            return Err(error.into());
        }
        Ok(())
    }

    /// The transaction that took a head up: the one that carried it, if the head's time is that of its block. A head that stood
    /// already is carried once more without a change.
    async fn taken(&self, head: &Head) -> Result<Option<Taken>, ApiError> {
        let Some(carried) = self.book.carried(head.log.size).await? else { return Ok(None) };
        let block = self.home.view().header(carried.height).await?;
        Ok(Some(carried).filter(|_| block.time().unix_seconds() == head.log.at))
    }

    fn log_head(&self, tree: &TreeHead) -> LogHead {
        LogHead {
            chain: self.home.view().chain().clone(),
            keeper: self.institution.clone(),
            size: tree.size,
            root: tree.root,
        }
    }

    fn path(&self) -> StatePath {
        StatePath::Deposits(self.institution.clone())
    }
}

/// The id of the log in a folder: 16 random bytes, drawn once.
fn id_of(folder: &Path) -> std::io::Result<[u8; 16]> {
    let path = folder.join("id");
    match std::fs::read(&path) {
        Ok(bytes) => bytes.try_into().map_err(|_| std::io::ErrorKind::InvalidData.into()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut id = [0; 16];
            getrandom::fill(&mut id).map_err(std::io::Error::other)?;
            std::fs::write(&path, id)?;
            std::fs::File::open(&path)?.sync_all()?;
            std::fs::File::open(folder)?.sync_all()?;
            Ok(id)
        }
        Err(error) => Err(error),
    }
}
