//! The tree over the store against a plain map and against the outside implementation of ICS-23.

use super::*;
use crate::store;
use ics23::HostFunctionsManager;
use proptest::prelude::*;
use redb::Database;

type Map = BTreeMap<StateKey, Option<Vec<u8>>>;

fn database() -> Database {
    store::open_backend(redb::backends::InMemoryBackend::new()).expect("in memory")
}

fn key(number: u8) -> StateKey {
    sha2::Sha256::digest([number]).into()
}

fn commit(database: &Database, version: u64, changes: &Map) -> Hash {
    let snapshot = Snapshot::open(database).expect("a view");
    let mut batch = Batch { version, ..Batch::default() };
    let (root, _) = update(&snapshot, changes, &mut batch).expect("the update");
    store::write(database, &batch).expect("the commit");
    root
}

fn check_proof(database: &Database, version: u64, root: &Hash, key: &StateKey, expected: Option<&Vec<u8>>) {
    let snapshot = Snapshot::open(database).expect("a view");
    let (value, proof) = prove(&snapshot, version, key).expect("a proof");
    assert_eq!(value.as_ref(), expected);
    let proof = ics23::CommitmentProof::decode(proof.as_slice()).expect("protobuf");
    let (spec, root) = (jmt::ics23_spec(), root.0.to_vec());
    let holds = match &value {
        Some(value) => ics23::verify_membership::<HostFunctionsManager>(&proof, &spec, &root, key, value),
        None => ics23::verify_non_membership::<HostFunctionsManager>(&proof, &spec, &root, key),
    };
    assert!(holds, "version {version}, key {key:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn roots_depend_on_contents_and_proofs_of_kept_versions_hold(
        blocks in prop::collection::vec(
            prop::collection::btree_map(0u8..24, prop::option::of(0u8..4), 0..12), 1..12),
    ) {
        let database = database();
        let mut now: BTreeMap<StateKey, Vec<u8>> = BTreeMap::new();
        // Something always stands: a tree is never empty after genesis.
        now.insert(key(99), vec![1]);
        let first: Map = now.iter().map(|(key, value)| (*key, Some(value.clone()))).collect();
        let mut roots = vec![(commit(&database, 0, &first), now.clone())];
        for (index, block) in blocks.iter().enumerate() {
            let changes: Map = block
                .iter()
                .map(|(number, value)| (key(*number), value.map(|value| vec![value])))
                .collect();
            let version = u64::try_from(index).expect("small") + 1;
            let root = commit(&database, version, &changes);
            for (key, value) in changes {
                match value {
                    Some(value) => now.insert(key, value),
                    None => now.remove(&key),
                };
            }
            roots.push((root, now.clone()));
        }
        for (version, (root, contents)) in roots.iter().enumerate() {
            let version = u64::try_from(version).expect("small");
            for number in 0..24 {
                check_proof(&database, version, root, &key(number), contents.get(&key(number)));
            }
        }
        let fresh: Map = now.iter().map(|(key, value)| (*key, Some(value.clone()))).collect();
        let rebuilt = commit(&self::database(), 0, &fresh);
        prop_assert_eq!(rebuilt, roots.last().expect("a root").0);
    }
}

#[test]
fn what_is_stale_for_long_is_forgotten_and_kept_versions_still_prove() {
    let database = database();
    let last = store::VERSIONS_KEPT + 300;
    let mut roots = Vec::new();
    for version in 0..=last {
        let [low, high, ..] = version.to_le_bytes();
        let mut changes = Map::new();
        changes.insert(key(1), Some(vec![low, high]));
        let turn = low % 8;
        changes.insert(key(2 + turn), (version % 16 < 8).then(|| vec![high]));
        if version < 2 {
            changes.insert(key(50), (version == 0).then(|| vec![1]));
        }
        roots.push(commit(&database, version, &changes));
    }
    for version in [last - store::VERSIONS_KEPT, last - 7, last] {
        let root = &roots[usize::try_from(version).expect("small")];
        let [low, high, ..] = version.to_le_bytes();
        check_proof(&database, version, root, &key(1), Some(&vec![low, high]));
        check_proof(&database, version, root, &key(200), None);
    }
    let snapshot = Snapshot::open(&database).expect("a view");
    assert!(prove(&snapshot, 5, &key(1)).is_err(), "version 5 is gone");
    let gone = hash(&key(50));
    let rows = snapshot.newest_value(&value_key(gone, 0), &value_key(gone, Version::MAX));
    assert_eq!(rows.expect("readable"), None, "of what was removed long ago not even the mark is left");
    assert!(snapshot.rows() < 12 * store::VERSIONS_KEPT, "{}", snapshot.rows());
}
