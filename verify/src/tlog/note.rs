//! Signed notes: a text and the signatures under it (C2SP `signed-note`). Knows no text's meaning.

use super::{from_base64, malformed, to_base64};
use crate::refusal::{Refusal, Rule};
use crate::suite;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use comity_model::seal::{PublicKey, Signature, Suite};
use sha2::{Digest, Sha256};

/// Largest note, in bytes: signatures of sixteen post-quantum keys fit many times.
const NOTE_BYTES_MAX: usize = 512 << 10;
/// Most signatures; the specification asks for 16 at least.
const SIGNATURES_MAX: usize = 64;
/// Longest name of a key, in bytes.
const NAME_MAX: usize = 255;
/// Signature types (section "Signature types").
const ED25519: u8 = 1;
const COSIGNATURE: u8 = 4;

/// A key that is known: a log's, or a witness's. Ed25519, under a name; one key under two types is two keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteKey {
    name: String,
    kind: u8,
    id: [u8; 4],
    key: PublicKey,
}

impl NoteKey {
    /// A log's key (type 0x01).
    ///
    /// # Errors
    /// `LOG_FORMAT` for a name that is empty, longer than 255 bytes, or has spaces, control characters or `+`; for a key
    /// that is no Ed25519 key.
    pub fn log(name: &str, key: [u8; 32]) -> Result<Self, Refusal> {
        Self::new(name, ED25519, key)
    }

    /// A witness's key (type 0x04).
    ///
    /// # Errors
    /// As [`NoteKey::log`].
    pub fn witness(name: &str, key: [u8; 32]) -> Result<Self, Refusal> {
        Self::new(name, COSIGNATURE, key)
    }

    fn new(name: &str, kind: u8, key: [u8; 32]) -> Result<Self, Refusal> {
        if !is_name(name) {
            return Err(malformed("a key's name without spaces and plus signs", "another text"));
        }
        let id = id_of(name, kind, &key);
        let key = PublicKey::new(Suite::Ed25519Sha256, key.to_vec());
        let key = key.map_err(|_| malformed("an Ed25519 key", "other bytes"))?;
        Ok(Self { name: name.into(), kind, id, key })
    }

    /// Reads a verifier key: the name, `+`, the id in hex, `+`, type and key in base64.
    ///
    /// # Errors
    /// `LOG_FORMAT`, also for an id that is not the key's, and for types other than 0x01 and 0x04.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let refuse = || malformed("a verifier key: name+id+base64", "another text");
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(refuse());
        };
        let bytes = from_base64(key).ok_or_else(refuse)?;
        let (Some((kind, key)), true) = (bytes.split_first(), id.len() == 8) else { return Err(refuse()) };
        if !matches!(*kind, ED25519 | COSIGNATURE) {
            return Err(malformed("a key of type 1 or 4", &format!("type {kind}")));
        }
        let found = Self::new(name, *kind, key.try_into().map_err(|_| refuse())?)?;
        if format!("{:08x}", u32::from_be_bytes(found.id)) != id {
            return Err(malformed("the key's own id", id));
        }
        Ok(found)
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a witness's.
    #[must_use]
    pub const fn is_witness(&self) -> bool {
        self.kind == COSIGNATURE
    }

    /// The line that carries a signature of this key in a note, with its newline (C2SP `signed-note`, Signatures).
    #[must_use]
    pub fn line(&self, signature: &[u8]) -> String {
        let mut bytes = self.id.to_vec();
        bytes.extend_from_slice(signature);
        format!("\u{2014} {} {}\n", self.name, to_base64(&bytes))
    }

    /// Whether both are one key, whatever their names.
    pub(super) fn has_key_of(&self, other: &Self) -> bool {
        self.key == other.key
    }

    /// Whether it is one signer's with `other`: the message that a witness signs does not name it.
    pub(super) fn is_of(&self, other: &Self) -> bool {
        self.name == other.name || self.key == other.key
    }

    /// Checks a signature over `message` (Ed25519, RFC 8032, strict).
    pub(super) fn check(&self, message: &[u8], signature: &[u8]) -> Result<(), Refusal> {
        let refuse = || Refusal::new(Rule::LogSignature, format!("a signature by {}", self.name), "another signature");
        let bytes: [u8; 64] = signature.try_into().map_err(|_| refuse())?;
        let signature = Signature { suite: Suite::Ed25519Sha256, bytes };
        suite::verify(&self.key, message, &signature).map_err(|_| refuse())
    }
}

/// The verifier key as text.
impl core::fmt::Display for NoteKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut typed = Vec::with_capacity(33);
        typed.push(self.kind);
        typed.extend_from_slice(self.key.bytes());
        write!(f, "{}+{:08x}+{}", self.name, u32::from_be_bytes(self.id), to_base64(&typed))
    }
}

/// The first four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ key).
fn id_of(name: &str, kind: u8, key: &[u8; 32]) -> [u8; 4] {
    let mut hash = Sha256::new();
    hash.update(name.as_bytes());
    hash.update([0x0a, kind]);
    hash.update(key);
    let [a, b, c, d, ..] = <[u8; 32]>::from(hash.finalize());
    [a, b, c, d]
}

fn is_name(name: &str) -> bool {
    let barred = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    (1..=NAME_MAX).contains(&name.len()) && !name.contains(barred)
}

/// A note, taken apart: nothing in it is believed.
pub(super) struct Note<'a> {
    /// With its last newline.
    pub(super) text: &'a str,
    signatures: Vec<Line<'a>>,
}

struct Line<'a> {
    name: &'a str,
    id: [u8; 4],
    signature: Vec<u8>,
}

impl<'a> Note<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let refuse = |found| malformed("a signed note: text, an empty line, signatures", found);
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(refuse("more than 512 KiB"));
        }
        let note = core::str::from_utf8(bytes).map_err(|_| refuse("bytes that are not UTF-8"))?;
        if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(refuse("control characters"));
        }
        // The last empty line parts them.
        let at = note.rfind("\n\n").ok_or_else(|| refuse("no empty line"))?;
        let (text, rest) = note.split_at_checked(at.saturating_add(1)).ok_or_else(|| refuse("no empty line"))?;
        let signed = rest.strip_prefix('\n').and_then(|rest| rest.strip_suffix('\n'));
        let signed = signed.ok_or_else(|| refuse("no newline at the end"))?;
        let mut signatures = Vec::new();
        for line in signed.split('\n') {
            if signatures.len() == SIGNATURES_MAX {
                return Err(refuse("more than 64 signatures"));
            }
            signatures.push(Line::parse(line).ok_or_else(|| refuse("a line that is no signature"))?);
        }
        Ok(Self { text, signatures })
    }

    /// What `key` signed with, once however often it stands there; `None` where it did not sign.
    ///
    /// # Errors
    /// `judge`'s: a known key's signature that does not hold spoils the note.
    pub(super) fn by<T>(
        &self,
        key: &NoteKey,
        judge: impl Fn(&[u8]) -> Result<T, Refusal>,
    ) -> Result<Option<T>, Refusal> {
        let mut found = None;
        for line in self.signatures.iter().filter(|line| line.name == key.name && line.id == key.id) {
            let judged = judge(&line.signature)?;
            found = found.or(Some(judged));
        }
        Ok(found)
    }
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        let bytes = from_base64(encoded)?;
        let (id, signature) = bytes.split_first_chunk::<4>()?;
        (is_name(name) && !signature.is_empty()).then(|| Self { name, id: *id, signature: signature.to_vec() })
    }
}
