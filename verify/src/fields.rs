//! Records disclosed field by field: a record commits to the tree of its salted fields, an answer opens some of them.
//! The tree is SHA-256's or SM3's; which one is bound by the record's root, so that a root is never read as the other's.
//! Knows no schema and no reader.

use crate::light::TrustedHeader;
use crate::merkle;
use crate::refusal::{Refusal, Rule};
use crate::seal;
use crate::sha::hash;
use crate::state::{self, Proven};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::record::{Field, Opening, RecordState};
use comity_model::seal::{HashAlgorithm, Suites};
use comity_model::state::StatePath;
use comity_model::{FieldName, Hash, RecordId, Sector};

/// Domain tag of a field's leaf.
pub const TAG_FIELD: &str = "comity/field/v1";
/// Domain tag of a record's root over a SHA-256 tree of its fields.
pub const TAG_FIELDS: &str = "comity/fields/v1";
/// Domain tag of a record's root over an SM3 tree of its fields.
pub const TAG_FIELDS_SM3: &str = "comity/fields-sm3/v1";
/// Most fields of a record.
pub const FIELDS_MAX: usize = 256;

/// The leaf of a field: the leaf hash (0x00 before the data, as in RFC 6962) of `"comity/field/v1" ‖ 0x00 ‖ canonical
/// bytes of the opening`.
#[must_use]
pub fn leaf(algorithm: HashAlgorithm, opening: &Opening) -> Hash {
    hash(algorithm, &[&[0], &seal::signing_bytes(TAG_FIELD, opening)])
}

fn node(algorithm: HashAlgorithm) -> impl Fn(&Hash, &Hash) -> Hash {
    move |left, right| hash(algorithm, &[&[1], &left.0, &right.0])
}

/// A record's root: SHA-256(tag ‖ 0x00 ‖ number of fields (`u16`) ‖ root of the tree over the leaves, of RFC 6962's
/// shape). The tag is [`TAG_FIELDS`] or [`TAG_FIELDS_SM3`]. Fields are sorted by name, each once, 1 to 256 of them. The
/// number is bound, so that a disclosure has one form; the algorithm is, so that a weakness of one is none of the other.
pub fn root(algorithm: HashAlgorithm, openings: &[Opening]) -> Result<Hash, Refusal> {
    let names: Vec<&FieldName> = openings.iter().map(|opening| &opening.field.name).collect();
    ascending(&names)?;
    let few = || malformed("1 to 256 fields", openings.len());
    if openings.len() > FIELDS_MAX {
        return Err(few());
    }
    let count = u16::try_from(openings.len()).map_err(|_| few())?;
    let tree = merkle::root_by(&node(algorithm), &leaves(algorithm, openings)).ok_or_else(few)?;
    Ok(bind(algorithm, count, &tree))
}

fn leaves(algorithm: HashAlgorithm, openings: &[Opening]) -> Vec<Hash> {
    openings.iter().map(|opening| leaf(algorithm, opening)).collect()
}

fn bind(algorithm: HashAlgorithm, count: u16, tree: &Hash) -> Hash {
    let tag = match algorithm {
        HashAlgorithm::Sha256 => TAG_FIELDS,
        HashAlgorithm::Sm3 => TAG_FIELDS_SM3,
    };
    seal::digest(tag, &(count, tree))
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
    /// The tree's hash algorithm.
    pub algorithm: HashAlgorithm,
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
pub fn disclose(algorithm: HashAlgorithm, openings: &[Opening], names: &[FieldName]) -> Result<Disclosure, Refusal> {
    let _ = root(algorithm, openings)?;
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
    let mut siblings = Vec::new();
    gather(&node(algorithm), &leaves(algorithm, openings), 0, &opened, &mut siblings);
    Ok(Disclosure { algorithm, count: u16::try_from(openings.len()).unwrap_or(u16::MAX), opened, siblings })
}

/// Collects the roots of subtrees of `leaves` (whose first has index `start`) in which nothing is opened.
fn gather(
    node: &impl Fn(&Hash, &Hash) -> Hash,
    leaves: &[Hash],
    start: usize,
    opened: &[Opened],
    siblings: &mut Vec<Hash>,
) {
    let end = start.saturating_add(leaves.len());
    if within(opened, start, end).is_empty() {
        siblings.extend(merkle::root_by(node, leaves));
    } else if leaves.len() > 1 {
        let middle = merkle::split(leaves.len());
        let (left, right) = leaves.split_at_checked(middle).unwrap_or((leaves, &[]));
        gather(node, left, start, opened, siblings);
        gather(node, right, start.saturating_add(middle), opened, siblings);
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
    let Disclosure { algorithm, count, opened, .. } = disclosure;
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
    let tree = climb(*algorithm, 0, usize::from(*count), opened, &mut siblings);
    let tree = tree.filter(|_| siblings.next().is_none()).ok_or_else(|| {
        Refusal::new(Rule::FieldProof, "as many hashes as the opened fields need", disclosure.siblings.len())
    })?;
    let found = bind(*algorithm, *count, &tree);
    if found != *root {
        return Err(Refusal::new(Rule::FieldProof, root, found));
    }
    Ok(opened.iter().map(|one| one.opening.field.clone()).collect())
}

/// The root of the subtree of `count` leaves from `start`; `None` where a sibling is missing.
fn climb<'a>(
    algorithm: HashAlgorithm,
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
        return Some(leaf(algorithm, &first.opening));
    }
    let left = merkle::split(count);
    let left_root = climb(algorithm, start, left, inside, siblings)?;
    let right_start = start.saturating_add(left);
    let right_root = climb(algorithm, right_start, count.saturating_sub(left), inside, siblings)?;
    Some(node(algorithm)(&left_root, &right_root))
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
    /// The hash algorithm of the tree that ties the fields to the record.
    pub algorithm: HashAlgorithm,
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

/// Proves a record under `header`: `state_bytes` stand at its path, and the disclosure leads to their root, by a hash
/// algorithm of the `accepted` suites.
pub fn record(
    header: &TrustedHeader,
    sector: &Sector,
    id: &RecordId,
    state_bytes: &[u8],
    proof: &[u8],
    disclosure: &Disclosure,
    accepted: Suites,
) -> Result<Proven<DisclosedRecord>, Refusal> {
    if !accepted.hashes_with(disclosure.algorithm) {
        return Err(Refusal::new(Rule::Suite, accepted, disclosure.algorithm.name()));
    }
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
        algorithm: disclosure.algorithm,
    };
    Ok(Proven::new(record, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use comity_model::record::FieldValue;
    use proptest::prelude::*;

    const SHA: HashAlgorithm = HashAlgorithm::Sha256;
    const SM3: HashAlgorithm = HashAlgorithm::Sm3;

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
        assert!(root(SHA, &fields).is_err());
        let fields = [openings(1), openings(1)].concat();
        assert!(root(SHA, &fields).is_err());
        assert!(root(SHA, &[]).is_err());
        assert!(root(SHA, &openings(256)).is_ok());
        assert!(root(SHA, &openings(257)).is_err());
    }

    #[test]
    fn a_field_that_the_record_does_not_have_cannot_be_asked_for() {
        assert!(disclose(SHA, &openings(2), &["other".parse().expect("a name")]).is_err());
    }

    #[test]
    fn the_root_binds_the_hash_algorithm() {
        let openings = openings(3);
        let roots = [SHA, SM3].map(|algorithm| root(algorithm, &openings).expect("a root"));
        assert_ne!(roots[0], roots[1]);
        for (algorithm, root, other) in [(SHA, roots[0], SM3), (SM3, roots[1], SHA)] {
            let mut disclosure = disclose(algorithm, &openings, &[]).expect("a disclosure");
            assert!(disclosed(&disclosure, &root).is_ok());
            // The tree's root under a single sibling: the same 32 bytes, said to be the other algorithm's.
            disclosure.algorithm = other;
            assert_eq!(disclosed(&disclosure, &root).map_err(|refusal| refusal.rule), Err(Rule::FieldProof));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_disclosed_is_what_was_committed(
            count in 1usize..40,
            mask in proptest::collection::vec(any::<bool>(), 40),
            sm3: bool,
        ) {
            let algorithm = if sm3 { SM3 } else { SHA };
            let openings = openings(count);
            let names = chosen(&openings, &mask);
            let disclosure = disclose(algorithm, &openings, &names).expect("a disclosure");
            let fields = disclosed(&disclosure, &root(algorithm, &openings).expect("a root")).expect("fields");
            prop_assert_eq!(fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>(), names);
        }

        #[test]
        fn any_changed_bit_of_a_disclosure_is_refused(
            count in 1usize..12,
            mask in proptest::collection::vec(any::<bool>(), 12),
            sm3: bool,
        ) {
            let algorithm = if sm3 { SM3 } else { SHA };
            let openings = openings(count);
            let disclosure = disclose(algorithm, &openings, &chosen(&openings, &mask)).expect("a disclosure");
            let root = root(algorithm, &openings).expect("a root");
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
