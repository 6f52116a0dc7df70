//! Checkpoints: a log's signed statement of its size and root, with the cosignatures of witnesses (C2SP `tlog-checkpoint`,
//! `tlog-cosignature`). Knows no earlier checkpoint: that one grew from another is [`crate::merkle::consistent`].

use super::note::{Note, NoteKey};
use super::policy::Quorum;
use super::{decimal, hash, malformed, to_base64};
use crate::merkle::{TreeHead, empty_root};
use crate::refusal::{Refusal, Rule};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
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
    /// Which of them must have cosigned.
    pub quorum: Quorum,
}

impl Trust {
    /// The known witnesses that cosigned by `now`, in the order of the list; `at` says when one did.
    ///
    /// # Errors
    /// `at`'s; `LOG_WITNESSES` where they are not enough.
    pub(crate) fn witnessed(
        &self,
        now: UnixSeconds,
        at: impl Fn(&NoteKey) -> Result<Option<UnixSeconds>, Refusal>,
    ) -> Result<Vec<Witnessed>, Refusal> {
        let mut witnessed = Vec::new();
        let mut counted: Vec<(usize, &NoteKey)> = Vec::new();
        for (number, key) in self.witnesses.iter().enumerate().filter(|(_, key)| key.is_witness()) {
            // Twice in the list, under one name or two, it is one witness.
            let new = |at: &UnixSeconds| *at <= now && !counted.iter().any(|(_, other)| other.is_of(key));
            if let Some(at) = at(key)?.filter(new) {
                counted.push((number, key));
                witnessed.push(Witnessed { name: key.name().to_string(), at });
            }
        }
        if self.quorum.is_met(&|number| counted.iter().any(|(counted, _)| *counted == number)) {
            return Ok(witnessed);
        }
        let found = format!("{} of those that are known", witnessed.len());
        Err(Refusal::new(Rule::LogWitnesses, &self.quorum, found))
    }
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
        let witnessed = trust.witnessed(now, |key| note.by(key, |signature| cosigned(key, note.text, signature)))?;
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

    /// The cosignature of a witness under such a text, as it stands in a note's line: the time and the signature.
    #[must_use]
    pub fn cosignature(at: UnixSeconds, signature: &[u8; 64]) -> Vec<u8> {
        let mut bytes = at.0.to_be_bytes().to_vec();
        bytes.extend_from_slice(signature);
        bytes
    }

    /// What a witness signs over such a text.
    #[must_use]
    pub fn cosigned_message(text: &str, at: UnixSeconds) -> String {
        format!("cosignature/v1\ntime {}\n{text}", at.0)
    }
}

/// A signature of a log or a witness under a checkpoint, with the key that it is by. Nothing in it is believed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Cosigned {
    /// The verifier key as text ([`NoteKey`]).
    #[borsh(deserialize_with = "crate::bounded::list::<_, _, 512>")]
    pub key: Vec<u8>,
    /// What its line has behind the key's id: the signature, behind the time if it is a witness's.
    #[borsh(deserialize_with = "crate::bounded::list::<_, _, 72>")]
    pub signature: Vec<u8>,
}

impl Cosigned {
    /// What `key` signed with under a note, if it did and the signature holds.
    ///
    /// # Errors
    /// `LOG_FORMAT`, `LOG_SIGNATURE`.
    pub fn of(note: &[u8], key: &NoteKey) -> Result<Option<Self>, Refusal> {
        let note = Note::parse(note)?;
        let found = note.by(key, |signature| {
            let one = Self { key: key.to_string().into_bytes(), signature: signature.to_vec() };
            one.check(note.text)?;
            Ok(one)
        })?;
        Ok(found)
    }

    /// Checks it over a checkpoint's text: whose it is, and when a witness saw the tree.
    ///
    /// # Errors
    /// `LOG_FORMAT` for a key that is none, `LOG_SIGNATURE` for a signature that does not hold.
    pub fn check(&self, text: &str) -> Result<(NoteKey, Option<UnixSeconds>), Refusal> {
        let key = core::str::from_utf8(&self.key).map_err(|_| malformed("a verifier key", "other bytes"))?;
        let key = NoteKey::parse(key)?;
        if key.is_witness() {
            let at = cosigned(&key, text, &self.signature)?;
            return Ok((key, Some(at)));
        }
        key.check(text.as_bytes(), &self.signature)?;
        Ok((key, None))
    }

    /// Its line in a note; nothing for a key that is none.
    #[must_use]
    pub fn line(&self) -> String {
        let key = core::str::from_utf8(&self.key).ok().and_then(|key| NoteKey::parse(key).ok());
        key.map(|key| key.line(&self.signature)).unwrap_or_default()
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
