//! A person's consent that somebody reads what is kept of them.

use crate::seal::Signature;
use crate::{MemberId, RecordId, Sector, UnixSeconds};
use alloc::string::String;
use borsh::{BorshDeserialize, BorshSerialize};

/// What the subject of a record consents to (domain tag `comity/consent/v1`).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Consent {
    /// Who keeps the record.
    pub keeper: MemberId,
    /// Its sector.
    pub sector: Sector,
    /// The record.
    pub record: RecordId,
    /// The institution that may read it.
    pub reader: MemberId,
    /// What for, in the words in which the reader states its purpose.
    pub purpose: String,
    /// The first second in which it holds: when it was given.
    pub from: UnixSeconds,
    /// The first second in which it no longer does.
    pub until: UnixSeconds,
}

/// A consent with its subject's signature.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SignedConsent {
    /// What was signed.
    pub consent: Consent,
    /// By the key that the record names.
    pub signature: Signature,
}
