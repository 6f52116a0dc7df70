//! What a witness answers to a checkpoint, and what it keeps of it. Knows no HTTP.

use comity_model::{UnixSeconds, decode, encode};
use comity_store::{Batch, Store, StoreError, Table};
use comity_verify::merkle::{self, TreeHead, empty_root};
use comity_verify::tlog::{Checkpoint, NoteKey, Quorum, Submission, Trust};
use comity_verify::{Refusal, Rule};
use ed25519_dalek::{Signer as _, SigningKey};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Origin → the newest [`TreeHead`] that was cosigned.
const SEEN: Table = Table("witnessed");

/// A witness: one key, the logs that it watches, and what it has seen of them.
pub struct Witness {
    key: NoteKey,
    secret: SigningKey,
    logs: Vec<NoteKey>,
    store: Arc<dyn Store>,
    now: Box<dyn Fn() -> UnixSeconds + Send + Sync>,
    /// Comparing and keeping are one step.
    one: Mutex<()>,
}

/// What a log is answered (C2SP `tlog-witness`, `add-checkpoint`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 200: the line of the cosignature. What was cosigned is on disk.
    Cosigned(String),
    /// 400: it is no such request, or its old size is above the checkpoint's.
    Malformed(String),
    /// 403: no key that is known of the log signed.
    NotSigned,
    /// 404: this witness does not watch the log.
    UnknownLog,
    /// 409: the witness has seen the log at this size, and not at the old size of the request; or at this very size with another
    /// root.
    Conflict(u64),
    /// 422: the proof does not show that the tree grew from the one that was seen.
    Inconsistent(String),
}

/// Why a witness cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum WitnessFault {
    /// Its store.
    #[error("the witness's store failed")]
    Store(#[from] StoreError),
    /// What stands in the store is not what it wrote.
    #[error("the witness's store has no tree where one was written")]
    Damaged,
    /// The name is none.
    #[error("the witness's name or key is none: {0}")]
    Key(Refusal),
    /// A log's key is none, or two are of one log and one key.
    #[error("{0} is not the key of a log")]
    Log(String),
}

impl Witness {
    /// A witness under `name` with the Ed25519 key of `seed`, which watches the logs with these keys; `now` is its clock. The
    /// store must be its own: a second witness over it would contradict it.
    ///
    /// # Errors
    /// [`WitnessFault::Key`], [`WitnessFault::Log`].
    pub fn new(
        name: &str,
        seed: &[u8; 32],
        logs: Vec<NoteKey>,
        store: Arc<dyn Store>,
        now: impl Fn() -> UnixSeconds + Send + Sync + 'static,
    ) -> Result<Self, WitnessFault> {
        let secret = SigningKey::from_bytes(seed);
        let key = NoteKey::witness(name, secret.verifying_key().to_bytes()).map_err(WitnessFault::Key)?;
        if let Some(log) = logs.iter().find(|log| log.is_witness()) {
            return Err(WitnessFault::Log(log.to_string()));
        }
        Ok(Self { key, secret, logs, store, now: Box::new(now), one: Mutex::new(()) })
    }

    /// Its key, as a policy names it.
    #[must_use]
    pub const fn key(&self) -> &NoteKey {
        &self.key
    }

    /// Judges what a log submits, keeps it if it has only grown, and cosigns.
    ///
    /// # Errors
    /// [`WitnessFault`]: nothing was cosigned.
    pub async fn add_checkpoint(&self, body: &[u8]) -> Result<Answer, WitnessFault> {
        let submission = match Submission::decode(body) {
            Ok(submission) => submission,
            Err(refusal) => return Ok(Answer::Malformed(refusal.to_string())),
        };
        let text = match submission.text() {
            Ok(text) => text,
            Err(refusal) => return Ok(Answer::Malformed(refusal.to_string())),
        };
        let origin = text.lines().next().unwrap_or_default();
        let log: Vec<NoteKey> = self.logs.iter().filter(|key| key.name() == origin).cloned().collect();
        if log.is_empty() {
            return Ok(Answer::UnknownLog);
        }
        let trust = Trust { origin: origin.into(), log, witnesses: Vec::new(), quorum: Quorum::none() };
        let checkpoint = match Checkpoint::verify(&submission.checkpoint, &trust, (self.now)()) {
            Ok(checkpoint) => checkpoint,
            Err(refusal) if refusal.rule == Rule::LogSignature => return Ok(Answer::NotSigned),
            Err(refusal) => return Ok(Answer::Malformed(refusal.to_string())),
        };
        let new = *checkpoint.head();
        if submission.old > new.size {
            return Ok(Answer::Malformed("the old size is above the checkpoint's".into()));
        }
        let _one = self.one.lock().await;
        let stored = self.store.read(SEEN, origin.as_bytes()).await?;
        let seen = match &stored {
            Some(bytes) => decode::<TreeHead>("a tree", bytes).map_err(|_| WitnessFault::Damaged)?,
            None => TreeHead { size: 0, root: empty_root() },
        };
        if submission.old != seen.size || (seen.size == new.size && seen.root != new.root) {
            return Ok(Answer::Conflict(seen.size));
        }
        if let Err(refusal) = merkle::consistent(&seen, &new, &submission.proof) {
            tracing::warn!(%origin, size = new.size, %refusal, "a log submitted a tree that did not grow from the one seen");
            return Ok(Answer::Inconsistent(refusal.to_string()));
        }
        let batch = Batch::new().put(SEEN, origin, encode(&new));
        let batch = match stored {
            Some(bytes) => batch.equals(SEEN, origin, bytes),
            None => batch.absent(SEEN, origin),
        };
        self.store.commit(batch).await?;
        let at = (self.now)();
        let signature = self.secret.sign(Checkpoint::cosigned_message(text, at).as_bytes());
        Ok(Answer::Cosigned(self.key.line(&Checkpoint::cosignature(at, &signature.to_bytes()))))
    }
}
