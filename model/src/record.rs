//! Records: what an institution's chain commits to, and what is opened of it, field by field.

use crate::codec::decode_through;
use crate::{Amount, ChainId, FieldName, Hash, Height, MemberId, RecordId, Sector, UnixSeconds};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// What a chain's state says of a record. Fields stay off the chain; `root` commits to them.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RecordState {
    /// SHA-256 of the sector's schema, as published (its file descriptor set).
    pub schema: Hash,
    /// Root of the tree of salted fields (`verify::fields`).
    pub root: Hash,
    /// Whether the record stands.
    pub status: RecordStatus,
    /// 1 for the first version; each change adds one.
    pub version: u32,
    /// The institution's time of this version.
    pub updated_at: UnixSeconds,
}

/// Whether a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum RecordStatus {
    /// In force.
    Current = 1,
    /// Withdrawn by its institution; its history stays.
    Withdrawn = 2,
}

/// A field of a record, or of the private part of an order.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Field {
    /// The field's name in the schema.
    pub name: FieldName,
    /// Its value.
    pub value: FieldValue,
}

/// A value of a field.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum FieldValue {
    /// Text, NFC as the institution keeps it.
    Text(String) = 1,
    /// A whole number.
    Integer(i64) = 2,
    /// Yes or no.
    Boolean(bool) = 3,
    /// A calendar date.
    Date(Date) = 4,
    /// A point in time.
    Time(UnixSeconds) = 5,
    /// Money.
    Amount(Amount) = 6,
    /// A digest of a document.
    Digest(Hash) = 7,
    /// Several texts, in order.
    Texts(Vec<String>) = 8,
}

/// A calendar date of the Gregorian calendar. The day is checked to exist in some month, not in this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct Date {
    /// 1 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

#[derive(BorshDeserialize)]
struct RawDate {
    year: u16,
    month: u8,
    day: u8,
}

impl TryFrom<RawDate> for Date {
    type Error = ();
    fn try_from(raw: RawDate) -> Result<Self, ()> {
        Self::new(raw.year, raw.month, raw.day).ok_or(())
    }
}
decode_through!(Date, RawDate);

impl Date {
    /// `None` where a part is out of its range.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let fits = (1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
        fits.then_some(Self { year, month, day })
    }
}

impl core::fmt::Display for Date {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// A field and the salt that hides it: opening it lets a reader check it against the record's root.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Opening {
    /// 128 random bits, fresh for each field and version: without them a low-entropy value could be guessed from its
    /// hash.
    pub salt: [u8; 16],
    /// The field.
    pub field: Field,
}

/// What a holder's signer says when a delivery of a record has arrived (domain tag `comity/record-receipt/v1`).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RecordReceipt {
    /// Who holds an answer about the record.
    pub holder: MemberId,
    /// Who keeps the record.
    pub keeper: MemberId,
    /// The keeper's chain.
    pub chain: ChainId,
    /// The record's sector.
    pub sector: Sector,
    /// The record.
    pub record: RecordId,
    /// Which of the holder's answers: it has one for each of its roles.
    pub holding: [u8; 16],
    /// What it holds now; `None` where it holds none any more.
    pub held: Option<HeldVersion>,
    /// When it said so.
    pub at: UnixSeconds,
}

/// A version of a record that an institution holds, by proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct HeldVersion {
    /// The version.
    pub version: u32,
    /// Its root.
    pub root: Hash,
    /// The header under which it was proven to the holder.
    pub height: Height,
}
