//! Deposits: what a log commits to of a file, and what its depositor states about it.
//!
//! An entry of a log shows nothing: it is two salted commitments. One opens to digests and size, for whoever has the file;
//! the other to what the depositor states, for whoever may read that.

use crate::{ChainId, Hash, MemberId, UnixSeconds};
use alloc::string::String;
use borsh::{BorshDeserialize, BorshSerialize};

/// What kind of thing was deposited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum DepositKind {
    /// A piece of electronic evidence.
    ElectronicEvidence = 1,
    /// A file of a case.
    CaseFile = 2,
    /// An archive.
    Archive = 3,
    /// A statistical report.
    StatisticalReport = 4,
    /// The record of an operation of enforcement.
    EnforcementOperation = 5,
    /// A document that was served.
    ServedDocument = 6,
    /// The receipt of a service.
    ReceiptOfService = 7,
    /// Data of a mediation.
    MediationData = 8,
    /// A record of trading.
    TradingRecord = 9,
}

impl DepositKind {
    /// Every kind, by number.
    pub const ALL: [Self; 9] = [
        Self::ElectronicEvidence,
        Self::CaseFile,
        Self::Archive,
        Self::StatisticalReport,
        Self::EnforcementOperation,
        Self::ServedDocument,
        Self::ReceiptOfService,
        Self::MediationData,
        Self::TradingRecord,
    ];

    /// Its name, as the API and the page write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ElectronicEvidence => "ELECTRONIC_EVIDENCE",
            Self::CaseFile => "CASE_FILE",
            Self::Archive => "ARCHIVE",
            Self::StatisticalReport => "STATISTICAL_REPORT",
            Self::EnforcementOperation => "ENFORCEMENT_OPERATION",
            Self::ServedDocument => "SERVED_DOCUMENT",
            Self::ReceiptOfService => "RECEIPT_OF_SERVICE",
            Self::MediationData => "MEDIATION_DATA",
            Self::TradingRecord => "TRADING_RECORD",
        }
    }
}

/// The deposited file, by its digests. Its salted hash is in the log (`verify::deposit`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Content {
    /// 128 random bits of this deposit's own: without them the log would tell who asks which digests are there. Deleting
    /// them is erasure.
    pub salt: [u8; 16],
    /// SHA-256 of the file.
    pub sha256: Hash,
    /// SM3 of the file.
    pub sm3: Hash,
    /// Its length in bytes.
    pub size: u64,
}

/// What the depositor states about a file. Nobody vouches for it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Statement {
    /// 128 random bits, others than the content's.
    pub salt: [u8; 16],
    /// What is the file's own.
    pub item: Item,
    /// What is the same for a whole batch.
    pub circumstances: Circumstances,
}

/// What a depositor states about one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Item {
    /// The file's name; may be empty.
    pub name: String,
    /// Its media type; may be empty.
    pub media_type: String,
    /// When it was made.
    pub created_at: Option<UnixSeconds>,
    /// The deposit that this one follows in its case: the hash of that one's entry as a leaf.
    pub follows: Option<Hash>,
}

/// What a depositor states about all files of a batch: texts that may be empty, of at most [`Circumstances::TEXT_MAX`] bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Circumstances {
    /// What the files are.
    pub kind: DepositKind,
    /// Whose deposit it is.
    pub depositor: MemberId,
    /// How the depositor's identity was verified.
    pub identified_by: String,
    /// Where the files come from.
    pub source: String,
    /// How they were collected.
    pub method: String,
    /// Who has had them since.
    pub custody: String,
    /// On what machine and system they were collected.
    pub environment: String,
    /// The case that they belong to.
    pub case: String,
}

impl Circumstances {
    /// Longest text of a statement, in bytes.
    pub const TEXT_MAX: usize = 1_024;

    /// Whether every text keeps its bound and has no control characters but line ends.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        [&self.identified_by, &self.source, &self.method, &self.custody, &self.environment, &self.case]
            .into_iter()
            .all(|text| is_text(text))
    }
}

impl Item {
    /// Whether its texts keep their bound and have no control characters.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        is_text(&self.name) && is_text(&self.media_type)
    }
}

fn is_text(text: &str) -> bool {
    text.len() <= Circumstances::TEXT_MAX && !text.chars().any(|c| c.is_control() && c != '\n')
}

/// An entry of a log: its canonical bytes are what the log's leaves are hashed from (65 bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Entry {
    /// The form of what follows; 1.
    pub version: u8,
    /// Commitment to the [`Content`].
    pub content: Hash,
    /// Commitment to the [`Statement`].
    pub statement: Hash,
}

impl Entry {
    /// The one version that is known.
    pub const VERSION: u8 = 1;
    /// Length of its canonical bytes.
    pub const LENGTH: usize = 65;

    /// Its canonical bytes.
    #[must_use]
    pub fn bytes(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [self.version; Self::LENGTH];
        let (content, statement) = bytes[1..].split_at_mut(32);
        content.copy_from_slice(&self.content.0);
        statement.copy_from_slice(&self.statement.0);
        bytes
    }
}

/// What a depositor seals: all entries of one batch, once (domain tag `comity/deposits/v1`).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DepositBatch {
    /// The chain that the log's heads are committed to.
    pub chain: ChainId,
    /// The institution that keeps the log.
    pub keeper: MemberId,
    /// Whose batch it is.
    pub depositor: MemberId,
    /// Number of entries.
    pub count: u32,
    /// Root of the RFC 6962 tree over them, in order.
    pub root: Hash,
}

/// A log's head for its chain: under the keeper's seal, tag `comity/log-head/v1`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct LogHead {
    /// The chain.
    pub chain: ChainId,
    /// The institution that keeps the log; each keeps one on a chain.
    pub keeper: MemberId,
    /// Number of entries.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
}

/// A log as its chain's state has it. It has only ever grown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct LogState {
    /// Number of entries.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
    /// Time of the block that took this head up.
    pub at: UnixSeconds,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_entrys_bytes_are_its_canonical_bytes() {
        let entry = Entry { version: Entry::VERSION, content: Hash([2; 32]), statement: Hash([3; 32]) };
        assert_eq!(entry.bytes().to_vec(), crate::encode(&entry));
        assert_eq!(crate::decode::<Entry>("an entry", &entry.bytes()).unwrap(), entry);
    }

    #[test]
    fn a_kind_has_one_number_and_one_name() {
        for (kind, number) in DepositKind::ALL.into_iter().zip(1u8..) {
            assert_eq!(crate::encode(&kind), [number]);
        }
        let mut names = DepositKind::ALL.map(DepositKind::name);
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn a_statement_has_bounded_texts_without_control_characters() {
        let item = |name: &str| Item { name: name.into(), ..Item::default() };
        assert!(item("合同.pdf").is_sound());
        assert!(!item("a\u{0}b").is_sound());
        assert!(!item(&"a".repeat(Circumstances::TEXT_MAX + 1)).is_sound());
    }
}
