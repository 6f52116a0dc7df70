//! Checkpoints: a log's signed statement of its size and root, with the cosignatures of witnesses (C2SP `tlog-checkpoint`,
//! `tlog-cosignature`). Knows no earlier checkpoint: that one grew from another is [`crate::merkle::consistent`].

use super::note::{Note, NoteKey};
use super::{decimal, hash, malformed, to_base64};
use crate::merkle::{TreeHead, empty_root};
use crate::refusal::{Refusal, Rule};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use comity_model::UnixSeconds;

/// Which log is meant, and whom its reader wants to have seen the tree.
#[derive(Clone, Debug)]
pub struct Trust {
    /// The log's origin: the first line of its checkpoints.
    pub origin: String,
    /// The log's keys; one of them must have signed.
    pub log: Vec<NoteKey>,
    /// Witnesses that are known.
    pub witnesses: Vec<NoteKey>,
    /// How many of them must have cosigned; 0: none.
    pub quorum: usize,
}

/// A witness that cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed {
    /// The witness's name.
    pub name: String,
    /// When it had seen the tree.
    pub at: UnixSeconds,
}

/// A checkpoint that its log signed, and as many witnesses as were wanted. Only [`Checkpoint::verify`] makes one.
#[derive(Clone, Debug)]
#[must_use]
pub struct Checkpoint {
    origin: String,
    head: TreeHead,
    witnessed: Vec<Witnessed>,
}

impl Checkpoint {
    /// Judges a checkpoint as it came. `now`: a cosignature from later does not count.
    ///
    /// # Errors
    /// `LOG_FORMAT` for what is no checkpoint; `LOG_SIGNATURE` for another log's, for one that no known key signed, and
    /// where any known key's signature does not hold; `LOG_WITNESSES` where fewer cosigned than are wanted.
    pub fn verify(note: &[u8], trust: &Trust, now: UnixSeconds) -> Result<Self, Refusal> {
        let note = Note::parse(note)?;
        let (origin, head) = body(note.text)?;
        if origin != trust.origin {
            return Err(Refusal::new(Rule::LogSignature, &trust.origin, origin));
        }
        let mut signed = false;
        for key in trust.log.iter().filter(|key| !key.is_witness()) {
            signed |= note.by(key, |signature| key.check(note.text.as_bytes(), signature))?.is_some();
        }
        if !signed {
            return Err(Refusal::new(Rule::LogSignature, format!("a signature of {}", trust.origin), "none"));
        }
        let mut witnessed = Vec::new();
        let mut counted: Vec<&NoteKey> = Vec::new();
        for key in trust.witnesses.iter().filter(|key| key.is_witness()) {
            let at = note.by(key, |signature| cosigned(key, note.text, signature))?;
            // Twice in the list, under one name or two, it is one witness.
            if let Some(at) = at.filter(|at| *at <= now && !counted.iter().any(|other| other.is_of(key))) {
                counted.push(key);
                witnessed.push(Witnessed { name: key.name().to_string(), at });
            }
        }
        if witnessed.len() < trust.quorum {
            return Err(Refusal::new(
                Rule::LogWitnesses,
                format!("{} witnesses", trust.quorum),
                format!("{} of those that are known", witnessed.len()),
            ));
        }
        Ok(Self { origin: origin.to_string(), head, witnessed })
    }

    /// The log's origin.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Its size and root.
    #[must_use]
    pub const fn head(&self) -> &TreeHead {
        &self.head
    }

    /// The known witnesses that cosigned, in the order of the reader's list.
    #[must_use]
    pub fn witnessed(&self) -> &[Witnessed] {
        &self.witnessed
    }

    /// The text that a log signs for a tree, with its last newline; `None` for an origin that is empty or has control
    /// characters.
    #[must_use]
    pub fn text(origin: &str, head: &TreeHead) -> Option<String> {
        let sound = !origin.is_empty() && !origin.bytes().any(|byte| byte < 0x20);
        sound.then(|| format!("{origin}\n{}\n{}\n", head.size, to_base64(&head.root.0)))
    }

    /// What a witness signs over such a text.
    #[must_use]
    pub fn cosigned_message(text: &str, at: UnixSeconds) -> String {
        format!("cosignature/v1\ntime {}\n{text}", at.0)
    }
}

/// Origin and head (section "Note text").
fn body(text: &str) -> Result<(&str, TreeHead), Refusal> {
    let refuse = |found| malformed("a checkpoint: origin, size, root", found);
    let lines = text.strip_suffix('\n').ok_or_else(|| refuse("no newline at the end"))?;
    if lines.split('\n').any(str::is_empty) {
        return Err(refuse("an empty line"));
    }
    let mut lines = lines.split('\n');
    let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
        return Err(refuse("fewer than three lines"));
    };
    let size = decimal(size).ok_or_else(|| refuse("a size that is no number"))?;
    let root = hash(root).ok_or_else(|| refuse("a root that is no hash"))?;
    if size == 0 && root != empty_root() {
        return Err(refuse("a root over nothing that is another"));
    }
    Ok((origin, TreeHead { size, root }))
}

/// When the witness cosigned (section "Ed25519 signed message").
fn cosigned(key: &NoteKey, text: &str, signature: &[u8]) -> Result<UnixSeconds, Refusal> {
    let refuse = || Refusal::new(Rule::LogSignature, format!("a cosignature by {}", key.name()), "another signature");
    let (time, signature) = signature.split_first_chunk::<8>().ok_or_else(refuse)?;
    let at = u64::from_be_bytes(*time);
    if i64::try_from(at).is_err() {
        return Err(refuse());
    }
    key.check(Checkpoint::cosigned_message(text, UnixSeconds(at)).as_bytes(), signature)?;
    Ok(UnixSeconds(at))
}
