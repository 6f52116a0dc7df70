//! The digest of the side table, kept in the state: whoever is given rows of it can check them against an app hash.
//!
//! It is a sum of row hashes (LtHash with 1,024 lanes of 16 bits, after Bellare and Micciancio; Lewi, Kim, Maykov and Weis,
//! "Securing Update Propagation with Homomorphic Hashing", 2019), so that a block pays for the rows that it changes and not for
//! all. The sum stands in the side table, its hash under [`StatePath::Indexes`]. Knows no row.

use crate::abci::AppError;
use crate::side::{self, Side};
use crate::store::Snapshot;
use crate::tree::StateKey;
use crate::working::Puts;
use comity_model::Hash;
use comity_model::state::StatePath;
use sha2::{Digest, Sha256};

/// Lanes of the sum; 16 of them come out of one hash.
const LANES: usize = 1_024;
const LANES_PER_HASH: usize = 16;
const ROW_TAG: &[u8] = b"comity/index-row/v1\0";
const DIGEST_TAG: &[u8] = b"comity/indexes/v1\0";

/// A sum over rows, whatever their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sum(Vec<u16>);

impl Sum {
    /// The sum over nothing.
    pub(crate) fn new() -> Self {
        Self(vec![0; LANES])
    }

    /// A sum out of its bytes, two a lane, big-endian.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (lanes, rest) = bytes.as_chunks::<2>();
        (lanes.len() == LANES && rest.is_empty())
            .then(|| Self(lanes.iter().map(|lane| u16::from_be_bytes(*lane)).collect()))
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|lane| lane.to_be_bytes()).collect()
    }

    pub(crate) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.each_lane(key, value, u16::wrapping_add);
    }

    pub(crate) fn remove(&mut self, key: &[u8], value: &[u8]) {
        self.each_lane(key, value, u16::wrapping_sub);
    }

    /// What stands for the sum in the state.
    pub(crate) fn digest(&self) -> Hash {
        let mut hasher = Sha256::new();
        hasher.update(DIGEST_TAG);
        hasher.update(self.bytes());
        Hash(hasher.finalize().into())
    }

    fn each_lane(&mut self, key: &[u8], value: &[u8], apply: impl Fn(u16, u16) -> u16) {
        let mut hasher = Sha256::new();
        hasher.update(ROW_TAG);
        // Side keys are short.
        hasher.update(u32::try_from(key.len()).unwrap_or(u32::MAX).to_be_bytes());
        hasher.update(key);
        hasher.update(value);
        let seed: [u8; 32] = hasher.finalize().into();
        for (number, lanes) in (0u32..).zip(self.0.chunks_mut(LANES_PER_HASH)) {
            let mut hasher = Sha256::new();
            hasher.update(seed);
            hasher.update(number.to_be_bytes());
            let hash: [u8; 32] = hasher.finalize().into();
            for (lane, bytes) in lanes.iter_mut().zip(hash.as_chunks::<2>().0) {
                *lane = apply(*lane, u16::from_be_bytes(*bytes));
            }
        }
    }
}

/// Takes a block's changes of the side table into the sum, and the sum's digest into the state.
pub(crate) fn account(
    snapshot: &Snapshot,
    state: &mut Puts<StateKey>,
    side: &mut Puts<Vec<u8>>,
) -> Result<(), AppError> {
    let row = Side::Indexes.key();
    let (mut sum, before) = match snapshot.side(&row)? {
        Some(bytes) => {
            let sum = Sum::read(&bytes).ok_or(AppError::Damaged { what: "the sum of the indexes" })?;
            (sum.clone(), Some(sum))
        }
        // Before genesis, over nothing. A state from before there were digests takes up its first one.
        None => (over_all(snapshot)?, None),
    };
    for (key, change) in side.iter().filter(|(key, _)| !side::is_local(key)) {
        let standing = snapshot.side(key)?;
        if standing == *change {
            continue;
        }
        if let Some(value) = standing {
            sum.remove(key, &value);
        }
        if let Some(value) = change {
            sum.add(key, value);
        }
    }
    if before.as_ref() != Some(&sum) {
        state.insert(comity_verify::state::key(&StatePath::Indexes), Some(sum.digest().0.to_vec()));
        side.insert(row, Some(sum.bytes()));
    }
    Ok(())
}

fn over_all(snapshot: &Snapshot) -> Result<Sum, AppError> {
    let mut sum = Sum::new();
    for row in snapshot.all_sides()? {
        let (key, value) = row?;
        if !side::is_local(&key) {
            sum.add(&key, &value);
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{self, Batch};

    #[test]
    fn a_sum_depends_on_the_rows_and_not_on_their_order_or_history() {
        let (mut one, mut other) = (Sum::new(), Sum::new());
        one.add(b"a", b"1");
        one.add(b"b", b"2");
        other.add(b"b", b"2");
        other.add(b"c", b"3");
        other.add(b"a", b"1");
        assert_ne!(one.digest(), other.digest());
        other.remove(b"c", b"3");
        assert_eq!(one, other);
        assert_eq!(Sum::read(&one.bytes()), Some(one.clone()));
        assert_eq!(Sum::read(&one.bytes()[1..]), None);
        one.remove(b"a", b"1");
        one.remove(b"b", b"2");
        assert_eq!(one, Sum::new());
    }

    #[test]
    fn a_state_without_a_sum_takes_up_the_one_that_it_would_have() {
        let database = store::open_backend(redb::backends::InMemoryBackend::new()).expect("in memory");
        let row = |key: u8, value: Option<u8>| (vec![key], value.map(|value| vec![value]));
        let write = |side: &Puts<Vec<u8>>| {
            let batch = Batch { side: side.clone(), ..Batch::default() };
            store::write(&database, &batch).expect("written");
        };
        // The clock, which does not count, and two rows that do.
        write(&Puts::from([row(2, Some(1)), row(9, Some(1)), row(10, Some(1))]));
        let snapshot = Snapshot::open(&database).expect("a view");
        let (mut state, mut side) = (Puts::new(), Puts::from([row(9, Some(2)), row(10, None), row(11, Some(3))]));
        account(&snapshot, &mut state, &mut side).expect("accounted");
        let mut expected = Sum::new();
        expected.add(&[9], &[2]);
        expected.add(&[11], &[3]);
        assert_eq!(side.get(&Side::Indexes.key()), Some(&Some(expected.bytes())));
        assert_eq!(state.values().next(), Some(&Some(expected.digest().0.to_vec())));
        write(&side);
        let snapshot = Snapshot::open(&database).expect("a view");
        let (mut state, mut side) = (Puts::new(), Puts::from([row(9, Some(2)), row(2, Some(5))]));
        account(&snapshot, &mut state, &mut side).expect("accounted");
        assert!(state.is_empty() && side.len() == 2, "what changes no index changes no digest");
    }

    #[test]
    fn where_a_key_ends_counts() {
        let (mut one, mut other) = (Sum::new(), Sum::new());
        one.add(b"ab", b"c");
        other.add(b"a", b"bc");
        assert_ne!(one.digest(), other.digest());
    }

    #[test]
    fn a_digest_of_one_row_is_what_it_was() {
        let mut sum = Sum::new();
        sum.add(b"key", b"value");
        assert_eq!(sum.digest().to_string(), "45a782e6e44623797b343254dd6fd5ad046145d8ffb33c88cf103f8e0a583c1c");
    }
}
