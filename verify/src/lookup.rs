//! Private lookups: a sector's index from the number of a person to that person's records. An entry is a record under a
//! key that only the holder of the sector's lookup key can compute and everybody can check ([`crate::vrf`]): guessing
//! numbers needs the holder's help, absence is provable, and nothing links a person across sectors. Records whose own
//! names are personal data, such as the number of an account, stand under ids of the same kind.
//! Knows no secret key and no reader. Absence means: not in this index at this height.

use crate::fields::{self, DisclosedRecord, Disclosure};
use crate::light::TrustedHeader;
use crate::refusal::{Refusal, Rule};
use crate::seal;
use crate::state::{self, Proven, ProvenAbsence};
use crate::vrf::{self, Output, Proof};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use comity_model::record::{FieldValue, RecordStatus};
use comity_model::seal::Suites;
use comity_model::state::StatePath;
use comity_model::{Hash, RecordId, Sector};

/// Domain tag of what a lookup's output is computed from: canonical `(Sector, String)`, the number in its one form.
pub const TAG: &str = "comity/lookup/v1";
/// Domain tag of what the private id of a record is computed from: canonical `(Sector, RecordId)`, the record's own name.
pub const TAG_RECORD: &str = "comity/record-id/v1";
/// What ids begin with that an institution's key computes; no record's own name does.
pub const RESERVED: char = '~';
/// Whether a record of this id belongs to an index.
#[must_use]
pub fn is_reserved(id: &RecordId) -> bool {
    id.as_str().starts_with(RESERVED)
}

/// The id of the record that publishes the sector's lookup key.
const KEY_ID: &str = "~key";
/// The field of that record that holds the key.
pub const KEY_FIELD: &str = "key";
/// What the fields of an entry begin with: `records-000`, `records-001`, …; each holds ids of records.
pub const RECORDS_FIELD: &str = "records-";

/// The one form of a person's number: without white space, letters in upper case.
#[must_use]
pub fn normal(number: &str) -> String {
    number.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect()
}

/// The lookup's input for a number in any form.
#[must_use]
pub fn input(sector: &Sector, number: &str) -> Vec<u8> {
    seal::signing_bytes(TAG, &(sector, normal(number)))
}

/// The input that the private id of the record of this name is the output of.
#[must_use]
pub fn record_input(sector: &Sector, name: &RecordId) -> Vec<u8> {
    seal::signing_bytes(TAG_RECORD, &(sector, name))
}

/// The id under an output, an entry's or a record's: `~` and the first 32 bytes in hex.
#[must_use]
pub fn private_id(output: &Output) -> RecordId {
    let hex: String = output.iter().take(32).map(|byte| format!("{byte:02x}")).collect();
    own(format!("{RESERVED}{hex}"))
}

/// The id of the record that publishes a sector's lookup key.
#[must_use]
pub fn key_id() -> RecordId {
    own(KEY_ID.to_string())
}

/// What records of an index name as their schema, in the place of a sector's: the hash of the tag and nothing.
#[must_use]
pub fn schema() -> Hash {
    seal::digest(TAG, &())
}

#[allow(clippy::expect_used, reason = "65 bytes of `~` and hex digits are a record id")]
fn own(id: String) -> RecordId {
    id.try_into().expect("a record id")
}

/// An answer about one record of an index, as it came: its state and proof, and what was disclosed of it.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// Canonical `RecordState`; `None` where nothing is said to stand.
    pub state: Option<&'a [u8]>,
    /// The ICS-23 proof of one or the other.
    pub proof: &'a [u8],
    /// The disclosure; of an absence, nothing.
    pub disclosure: Option<&'a Disclosure>,
}

/// A sector's lookup key, proven to be published under a header.
#[derive(Clone, Debug)]
#[must_use]
pub struct PublishedKey {
    header: TrustedHeader,
    sector: Sector,
    key: [u8; 32],
    version: u32,
    accepted: Suites,
}

/// What an index says of a person.
#[derive(Clone, Debug)]
#[must_use]
pub enum Indexed {
    /// Ids of the person's records, all of them; none where all were withdrawn.
    Records(Proven<Vec<RecordId>>),
    /// The index has never known the person.
    Nothing(ProvenAbsence),
}

impl PublishedKey {
    /// Proves the key that `sector` publishes under `header`.
    pub fn prove(header: &TrustedHeader, sector: &Sector, shown: Shown<'_>, accepted: Suites) -> Result<Self, Refusal> {
        let record = of_index(header, sector, &key_id(), shown, accepted)?.into_value();
        let key = record.fields.iter().find(|field| field.name.as_str() == KEY_FIELD).map(|field| &field.value);
        match key {
            Some(FieldValue::Digest(Hash(key))) => Ok(Self {
                header: header.clone(),
                sector: sector.clone(),
                key: *key,
                version: record.state.version,
                accepted,
            }),
            _ => Err(malformed("a published lookup key", "none")),
        }
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// How often the sector has published one: above 1, the entries under earlier keys are out of reach.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The id of the entry of a number: the output that `vrf_proof` proves.
    pub fn entry(&self, number: &str, vrf_proof: &Proof) -> Result<RecordId, Refusal> {
        Ok(private_id(&vrf::verify(&self.key, &input(&self.sector, number), vrf_proof)?))
    }

    /// The private id of the record of this name: the one place where the institution can keep it.
    pub fn record(&self, name: &RecordId, vrf_proof: &Proof) -> Result<RecordId, Refusal> {
        Ok(private_id(&vrf::verify(&self.key, &record_input(&self.sector, name), vrf_proof)?))
    }

    /// Proves what the index says of `number` under the header of this key: under the entry that belongs to it, and no
    /// other. Every record that the entry lists is in the answer.
    pub fn lookup(&self, number: &str, vrf_proof: &Proof, shown: Shown<'_>) -> Result<Indexed, Refusal> {
        let id = self.entry(number, vrf_proof)?;
        if shown.state.is_none() {
            let path = StatePath::Record(self.sector.clone(), id);
            return Ok(Indexed::Nothing(state::absence(&self.header, &path, shown.proof)?));
        }
        let record = of_index(&self.header, &self.sector, &id, shown, self.accepted)?;
        let at = record.at().clone();
        Ok(Indexed::Records(Proven::new(listed(&record.into_value())?, at)))
    }
}

/// A record of an index: of the index's schema, in force, and disclosed whole.
fn of_index(
    header: &TrustedHeader,
    sector: &Sector,
    id: &RecordId,
    shown: Shown<'_>,
    accepted: Suites,
) -> Result<Proven<DisclosedRecord>, Refusal> {
    let (Some(state), Some(disclosure)) = (shown.state, shown.disclosure) else {
        return Err(malformed("a record of the index", "none"));
    };
    let record = fields::record(header, sector, id, state, shown.proof, disclosure, accepted)?;
    record.value().under(&schema())?;
    if record.value().fields.len() != usize::from(record.value().fields_total) {
        return Err(malformed("every field of a record of the index", "some"));
    }
    if record.value().state.status != RecordStatus::Current {
        return Err(malformed("a record of the index in force", "a withdrawn one"));
    }
    Ok(record)
}

fn listed(record: &DisclosedRecord) -> Result<Vec<RecordId>, Refusal> {
    let mut ids = Vec::new();
    for field in &record.fields {
        let FieldValue::Texts(texts) = &field.value else {
            return Err(malformed("lists of record ids", "another value"));
        };
        for text in texts {
            let id: RecordId = text.parse().map_err(|_| malformed("a record id", "another text"))?;
            ids.push(id);
        }
    }
    Ok(ids)
}

fn malformed(expected: &str, found: &str) -> Refusal {
    Refusal::new(Rule::FieldsMalformed, expected, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_form_and_each_sector_its_own_input() {
        let (one, two): (Sector, Sector) = ("accounts".parse().expect("a"), "parcels".parse().expect("b"));
        assert_eq!(input(&one, " 11010519491231002x "), input(&one, "11010519491231002X"));
        assert_ne!(input(&one, "11010519491231002X"), input(&two, "11010519491231002X"));
        assert_ne!(input(&one, "1"), input(&one, "2"));
        let named = |sector, name: &str| record_input(sector, &name.parse().expect("a name"));
        assert_ne!(named(&one, "1"), input(&one, "1"), "a record's name is not a person's number");
        assert_ne!(named(&one, "1"), named(&two, "1"));
    }

    #[test]
    fn ids_of_an_index_are_record_ids_and_say_nothing() {
        assert_eq!(private_id(&[0xab; 64]).as_str(), format!("~{}", "ab".repeat(32)));
        assert!(key_id().as_str().starts_with(RESERVED));
    }
}
