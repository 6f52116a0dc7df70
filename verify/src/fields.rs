//! Records disclosed field by field: a record commits to the tree of its salted fields, an answer opens some of them.
//! Knows no schema and no reader.

use crate::light::TrustedHeader;
use crate::merkle;
use crate::refusal::{Refusal, Rule};
use crate::seal;
use crate::state::{self, Proven};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::record::{Field, Opening, RecordState};
use comity_model::state::StatePath;
use comity_model::{FieldName, Hash, RecordId, Sector};

/// Domain tag of a field's leaf.
pub const TAG_FIELD: &str = "comity/field/v1";
/// Domain tag of a record's root over its fields.
pub const TAG_FIELDS: &str = "comity/fields/v1";
/// Most fields of a record.
pub const FIELDS_MAX: usize = 256;

/// The leaf of a field: RFC 6962 leaf hash of `"comity/field/v1" ‖ 0x00 ‖ canonical bytes of the opening`.
#[must_use]
pub fn leaf(opening: &Opening) -> Hash {
    merkle::leaf_hash(&seal::signing_bytes(TAG_FIELD, opening))
}

/// A record's root: SHA-256("comity/fields/v1" ‖ 0x00 ‖ number of fields (`u16`) ‖ RFC 6962 root over the leaves).
/// Fields are sorted by name, each once, 1 to 256 of them. The number is bound, so that a disclosure has one form.
pub fn root(openings: &[Opening]) -> Result<Hash, Refusal> {
    let names: Vec<&FieldName> = openings.iter().map(|opening| &opening.field.name).collect();
    ascending(&names)?;
    let count = u16::try_from(openings.len()).unwrap_or(u16::MAX);
    if !(1..=FIELDS_MAX).contains(&openings.len()) {
        return Err(malformed("1 to 256 fields", openings.len()));
    }
    let leaves: Vec<Hash> = openings.iter().map(leaf).collect();
    Ok(seal::digest(TAG_FIELDS, &(count, merkle::root_of_hashes(&leaves))))
}

fn ascending<T: Ord>(items: &[T]) -> Result<(), Refusal> {
    let sorted = items.iter().zip(items.iter().skip(1)).all(|(a, b)| a < b);
    if sorted { Ok(()) } else { Err(malformed("ascending order, each once", "another order")) }
}

fn malformed(expected: &str, found: impl core::fmt::Display) -> Refusal {
    Refusal::new(Rule::FieldsMalformed, expected, found)
}

/// Some fields of a record, opened, and what it takes to lead them to the record's root: one proof for all of them.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Disclosure {
    /// How many fields the record has.
    pub count: u16,
    /// The opened ones, ascending by index; may be none.
    #[borsh(deserialize_with = "crate::bounded::list::<_, _, FIELDS_MAX>")]
    pub opened: Vec<Opened>,
    /// Roots of the subtrees in which nothing is opened, from left to right.
    #[borsh(deserialize_with = "crate::bounded::list::<_, _, FIELDS_MAX>")]
    pub siblings: Vec<Hash>,
}

/// A field opened at its place.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Opened {
    /// Its index among the record's fields.
    pub index: u16,
    /// The field and its salt.
    pub opening: Opening,
}

/// Opens the fields of these names. A name that the record does not have is refused.
pub fn disclose(openings: &[Opening], names: &[FieldName]) -> Result<Disclosure, Refusal> {
    let _ = root(openings)?;
    for name in names {
        if !openings.iter().any(|opening| opening.field.name == *name) {
            return Err(malformed("a field of the record", name));
        }
    }
    let opened: Vec<Opened> = openings
        .iter()
        .zip(0u16..)
        .filter(|(opening, _)| names.contains(&opening.field.name))
        .map(|(opening, index)| Opened { index, opening: opening.clone() })
        .collect();
    let leaves: Vec<Hash> = openings.iter().map(leaf).collect();
    let mut siblings = Vec::new();
    gather(&leaves, 0, &opened, &mut siblings);
    Ok(Disclosure { count: u16::try_from(openings.len()).unwrap_or(u16::MAX), opened, siblings })
}

/// Collects the roots of subtrees of `leaves` (whose first has index `start`) in which nothing is opened.
fn gather(leaves: &[Hash], start: usize, opened: &[Opened], siblings: &mut Vec<Hash>) {
    let end = start.saturating_add(leaves.len());
    if within(opened, start, end).is_empty() {
        siblings.push(merkle::root_of_hashes(leaves));
    } else if leaves.len() > 1 {
        let middle = merkle::split(leaves.len());
        let (left, right) = leaves.split_at_checked(middle).unwrap_or((leaves, &[]));
        gather(left, start, opened, siblings);
        gather(right, start.saturating_add(middle), opened, siblings);
    }
}

/// The opened fields with indices from `start` to before `end`; `opened` is ascending.
fn within(opened: &[Opened], start: usize, end: usize) -> &[Opened] {
    let from = opened.partition_point(|one| usize::from(one.index) < start);
    let to = opened.partition_point(|one| usize::from(one.index) < end);
    opened.get(from..to).unwrap_or(&[])
}

/// Checks a disclosure against a record's root and returns the opened fields.
pub fn disclosed(disclosure: &Disclosure, root: &Hash) -> Result<Vec<Field>, Refusal> {
    let Disclosure { count, opened, .. } = disclosure;
    if !(1..=FIELDS_MAX).contains(&usize::from(*count)) {
        return Err(malformed("1 to 256 fields", count));
    }
    let indices: Vec<u16> = opened.iter().map(|one| one.index).collect();
    ascending(&indices)?;
    let names: Vec<&FieldName> = opened.iter().map(|one| &one.opening.field.name).collect();
    ascending(&names)?;
    if indices.last().is_some_and(|last| last >= count) {
        return Err(malformed("indices below the number of fields", "one above"));
    }
    let mut siblings = disclosure.siblings.iter();
    let tree = climb(0, usize::from(*count), opened, &mut siblings);
    let found =
        tree.filter(|_| siblings.next().is_none()).map(|tree| seal::digest(TAG_FIELDS, &(*count, tree))).ok_or_else(
            || Refusal::new(Rule::FieldProof, "as many hashes as the opened fields need", disclosure.siblings.len()),
        )?;
    if found != *root {
        return Err(Refusal::new(Rule::FieldProof, root, found));
    }
    Ok(opened.iter().map(|one| one.opening.field.clone()).collect())
}

/// The root of the subtree of `count` leaves from `start`; `None` where a sibling is missing.
fn climb<'a>(
    start: usize,
    count: usize,
    opened: &[Opened],
    siblings: &mut impl Iterator<Item = &'a Hash>,
) -> Option<Hash> {
    let inside = within(opened, start, start.saturating_add(count));
    let Some(first) = inside.first() else {
        return siblings.next().copied();
    };
    if count == 1 {
        return Some(leaf(&first.opening));
    }
    let left = merkle::split(count);
    let left_root = climb(start, left, inside, siblings)?;
    let right_root = climb(start.saturating_add(left), count.saturating_sub(left), inside, siblings)?;
    Some(merkle::node_hash(&left_root, &right_root))
}

/// A record as proven, with the fields that its answer opened.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DisclosedRecord {
    /// The record's sector.
    pub sector: Sector,
    /// Its id.
    pub id: RecordId,
    /// What the chain's state says of it.
    pub state: RecordState,
    /// The opened fields, by name.
    pub fields: Vec<Field>,
    /// How many fields the record has in all.
    pub fields_total: u16,
}

impl DisclosedRecord {
    /// Refuses a record of another schema than `schema`.
    pub fn under(&self, schema: &Hash) -> Result<(), Refusal> {
        if self.state.schema == *schema {
            Ok(())
        } else {
            Err(Refusal::new(Rule::SchemaHash, schema, self.state.schema))
        }
    }
}

/// Proves a record under `header`: `state_bytes` stand at its path, and the disclosure leads to their root.
pub fn record(
    header: &TrustedHeader,
    sector: &Sector,
    id: &RecordId,
    state_bytes: &[u8],
    proof: &[u8],
    disclosure: &Disclosure,
) -> Result<Proven<DisclosedRecord>, Refusal> {
    let path = StatePath::Record(sector.clone(), id.clone());
    let proven = state::membership(header, &path, state_bytes, proof)?.decode::<RecordState>("record state")?;
    let fields = disclosed(disclosure, &proven.value().root)?;
    let at = proven.at().clone();
    let record = DisclosedRecord {
        sector: sector.clone(),
        id: id.clone(),
        state: proven.into_value(),
        fields,
        fields_total: disclosure.count,
    };
    Ok(Proven::new(record, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use comity_model::record::FieldValue;
    use proptest::prelude::*;

    fn openings(count: usize) -> Vec<Opening> {
        (0..count)
            .map(|index| Opening {
                salt: [u8::try_from(index % 251).unwrap_or(0); 16],
                field: Field {
                    name: std::format!("field-{index:03}").parse().expect("a name"),
                    value: FieldValue::Integer(i64::try_from(index).unwrap_or(0)),
                },
            })
            .collect()
    }

    fn chosen(openings: &[Opening], mask: &[bool]) -> Vec<FieldName> {
        let picked = openings.iter().zip(mask).filter(|(_, pick)| **pick);
        picked.map(|(opening, _)| opening.field.name.clone()).collect()
    }

    #[test]
    fn unsorted_doubled_or_no_fields_have_no_root() {
        let mut fields = openings(3);
        fields.swap(0, 1);
        assert!(root(&fields).is_err());
        let fields = [openings(1), openings(1)].concat();
        assert!(root(&fields).is_err());
        assert!(root(&[]).is_err());
        assert!(root(&openings(256)).is_ok());
        assert!(root(&openings(257)).is_err());
    }

    #[test]
    fn a_field_that_the_record_does_not_have_cannot_be_asked_for() {
        assert!(disclose(&openings(2), &["other".parse().expect("a name")]).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_disclosed_is_what_was_committed(count in 1usize..40, mask in proptest::collection::vec(any::<bool>(), 40)) {
            let openings = openings(count);
            let names = chosen(&openings, &mask);
            let disclosure = disclose(&openings, &names).expect("a disclosure");
            let fields = disclosed(&disclosure, &root(&openings).expect("a root")).expect("fields");
            prop_assert_eq!(fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>(), names);
        }

        #[test]
        fn any_changed_bit_of_a_disclosure_is_refused(count in 1usize..12, mask in proptest::collection::vec(any::<bool>(), 12)) {
            let openings = openings(count);
            let disclosure = disclose(&openings, &chosen(&openings, &mask)).expect("a disclosure");
            let root = root(&openings).expect("a root");
            let bytes = comity_model::encode(&disclosure);
            for bit in 0..bytes.len() * 8 {
                let mut changed = bytes.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                if let Ok(changed) = comity_model::decode::<Disclosure>("disclosure", &changed) {
                    prop_assert!(disclosed(&changed, &root).is_err(), "bit {}", bit);
                }
            }
        }
    }
}
