//! Institutions and their officers, as their home chain knows them.

use crate::seal::PublicKey;
use crate::{ChainId, Hash, MemberId, OfficerId, UnixSeconds};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// An institution. Authoritative on its home chain only; others read it by proof, or keep it in genesis.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Member {
    /// Its id across the alliance.
    pub id: MemberId,
    /// The chain it lives on.
    pub home: ChainId,
    /// What kind of institution it is.
    pub kind: MemberKind,
    /// Its name, in its own language and in English.
    pub names: Vec<String>,
    /// The key its signer process seals with.
    pub seal_key: PublicKey,
    /// X25519 key that private parts are sealed to (RFC 9180, DHKEM(X25519, HKDF-SHA256)).
    pub encryption_key: [u8; 32],
    /// Ed25519 keys of its gateways and relayers: they may submit transactions, and carry no authority beyond that.
    pub operators: Vec<[u8; 32]>,
    /// Where its gateway listens, `host:port`.
    pub gateway: String,
    /// SHA-256 of the DER certificate of its certificate authority.
    pub ca_fingerprint: Hash,
    /// When its keys may be used.
    pub validity: Validity,
}

/// From when to when a key may be used, and since when it must be doubted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Validity {
    /// First second.
    pub from: UnixSeconds,
    /// First second in which it is no longer valid.
    pub until: UnixSeconds,
    /// Evidence sealed at or after this time is flagged; nothing is deleted.
    pub compromised_since: Option<UnixSeconds>,
}

impl Validity {
    /// Whether a key may be used at `time`.
    #[must_use]
    pub fn covers(&self, time: UnixSeconds) -> bool {
        self.from <= time && time < self.until && self.compromised_since.is_none_or(|since| time < since)
    }
}

/// Kinds of institution (see the sectors of the judicial alliance).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum MemberKind {
    /// A court of any level.
    Court = 1,
    /// A justice bureau: lawyers' licences.
    Justice = 2,
    /// A registry of immovable property.
    Property = 3,
    /// A bank, securities or insurance company.
    Finance = 4,
    /// An intellectual property office.
    IntellectualProperty = 5,
    /// A credit body.
    Credit = 6,
    /// A market regulator.
    Market = 7,
    /// Procuratorate, police or administrative enforcement.
    Enforcement = 8,
    /// A mediation body.
    Mediation = 9,
    /// A data or trading platform.
    Platform = 10,
}

/// An officer of a member who may approve orders.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Officer {
    /// The member.
    pub member: MemberId,
    /// Work number within the member.
    pub id: OfficerId,
    /// The key the officer approves with.
    pub key: PublicKey,
    /// When it may be used.
    pub validity: Validity,
}
