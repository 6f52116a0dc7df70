//! Values and absences in a chain's state, proven under a trusted header. Knows paths and proofs, not what values mean.

use crate::ics23::{self, CommitmentProof, ProofSpec};
use crate::light::TrustedHeader;
use crate::refusal::{Refusal, Rule};
use crate::sha::sha256;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::state::StatePath;
use comity_model::{ChainId, Hash, Height, Time};

/// The key in the tree of the value at `path`: SHA-256("comity/state-key/v1" ‖ 0x00 ‖ path bytes). Opaque, so that a
/// proof, which shows neighbours, tells nothing.
#[must_use]
pub fn key(path: &StatePath) -> [u8; 32] {
    key_of_bytes(&path.bytes())
}

pub(crate) fn key_of_bytes(path: &[u8]) -> [u8; 32] {
    sha256(&[b"comity/state-key/v1\0", path]).0
}

/// Where and when something was proven.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ProvenAt {
    /// The chain.
    pub chain_id: ChainId,
    /// The height of the header; its state is that after the block before.
    pub height: Height,
    /// The header's time.
    pub time: Time,
    /// The header's hash.
    pub header_hash: Hash,
}

impl ProvenAt {
    pub(crate) fn of(header: &TrustedHeader) -> Self {
        Self {
            chain_id: header.chain_id().clone(),
            height: header.height(),
            time: header.time(),
            header_hash: header.header_hash(),
        }
    }
}

/// A value that was proven. Only this crate can make one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Proven<T> {
    value: T,
    at: ProvenAt,
}

impl<T> Proven<T> {
    pub(crate) const fn new(value: T, at: ProvenAt) -> Self {
        Self { value, at }
    }

    /// The value.
    pub const fn value(&self) -> &T {
        &self.value
    }

    /// Takes the value out; from then on it is an ordinary one.
    #[must_use]
    pub fn into_value(self) -> T {
        self.value
    }

    /// Where and when.
    pub const fn at(&self) -> &ProvenAt {
        &self.at
    }
}

impl Proven<Vec<u8>> {
    /// Reads proven bytes as the canonical encoding of a `T`; `what` names it in the refusal.
    pub fn decode<T: BorshDeserialize>(self, what: &'static str) -> Result<Proven<T>, Refusal> {
        let value = comity_model::decode(what, &self.value).map_err(|malformed| {
            Refusal::new(Rule::StateEncoding, malformed.what, alloc::format!("{} other bytes", self.value.len()))
        })?;
        Ok(Proven { value, at: self.at })
    }
}

/// A proof that nothing stands at a path. Only this crate can make one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct ProvenAbsence {
    key: [u8; 32],
    at: ProvenAt,
}

impl ProvenAbsence {
    /// The key under which nothing stands ([`key`]).
    #[must_use]
    pub const fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// Where and when.
    pub const fn at(&self) -> &ProvenAt {
        &self.at
    }
}

/// Proves that `value` stands at `path` under `header`; `proof` is an ICS-23 `CommitmentProof` of existence.
pub fn membership(
    header: &TrustedHeader,
    path: &StatePath,
    value: &[u8],
    proof: &[u8],
) -> Result<Proven<Vec<u8>>, Refusal> {
    membership_at(header, &key(path), value, proof)
}

pub(crate) fn membership_at(
    header: &TrustedHeader,
    key: &[u8; 32],
    value: &[u8],
    proof: &[u8],
) -> Result<Proven<Vec<u8>>, Refusal> {
    let root = root(header, Rule::StateProof)?;
    // A batch would prove it as well, and in many forms; here a proof has one.
    let CommitmentProof::Exist(decoded) = ics23::decode(proof)? else {
        return Err(Refusal::new(Rule::StateProof, "a proof of existence of one key", "another proof"));
    };
    ics23::verify_existence(&decoded, &ProofSpec::JMT, &root.0, key, value)?;
    Ok(Proven::new(value.to_vec(), ProvenAt::of(header)))
}

/// Proves that nothing stands at `path` under `header`; `proof` is an ICS-23 `CommitmentProof` of non-existence.
pub fn absence(header: &TrustedHeader, path: &StatePath, proof: &[u8]) -> Result<ProvenAbsence, Refusal> {
    let key = key(path);
    let root = root(header, Rule::AbsenceProof)?;
    let decoded = match ics23::decode(proof)? {
        // ICS-23 ignores the key that a proof of absence names; here no byte of a proof may lie.
        CommitmentProof::Nonexist(decoded) if decoded.key == key => decoded,
        _ => {
            return Err(Refusal::new(Rule::AbsenceProof, "a proof of absence of the key asked for", "another proof"));
        }
    };
    ics23::verify_non_existence(&decoded, &ProofSpec::JMT, &root.0, &key)?;
    Ok(ProvenAbsence { key, at: ProvenAt::of(header) })
}

fn root(header: &TrustedHeader, rule: Rule) -> Result<Hash, Refusal> {
    let root = header.app_hash();
    if root == Hash::ZERO {
        return Err(Refusal::new(rule, "a header with a 32-byte app hash", "one without"));
    }
    Ok(root)
}
