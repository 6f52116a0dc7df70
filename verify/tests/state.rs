//! State proofs against the tree of the `jmt` crate, with the `ics23` crate as oracle.
#![allow(clippy::unwrap_used)]

mod world;

use comity_model::Hash;
use comity_model::state::StatePath;
use comity_verify::Rule;
use comity_verify::ics23::{HashOp, LengthOp, ProofSpec, membership, non_membership};
use ics23::HostFunctionsManager;
use proptest::prelude::*;
use prost_for_ics23::Message;
use std::collections::BTreeMap;
use world::State;

fn oracle(root: &Hash, key: &[u8], value: Option<&[u8]>, proof: &[u8]) -> Option<bool> {
    let proof = ics23::CommitmentProof::decode(proof).ok()?;
    let (spec, root) = (jmt::ics23_spec(), root.0.to_vec());
    Some(match value {
        Some(value) => ics23::verify_membership::<HostFunctionsManager>(&proof, &spec, &root, key, value),
        None => ics23::verify_non_membership::<HostFunctionsManager>(&proof, &spec, &root, key),
    })
}

fn ours(root: &Hash, key: &[u8], value: Option<&[u8]>, proof: &[u8]) -> bool {
    match value {
        Some(value) => membership(&ProofSpec::JMT, root, key, value, proof).is_ok(),
        None => non_membership(&ProofSpec::JMT, root, key, proof).is_ok(),
    }
}

#[test]
fn the_spec_is_that_of_the_jmt_crate() {
    let theirs = jmt::ics23_spec();
    let (leaf, inner, ours) = (theirs.leaf_spec.unwrap(), theirs.inner_spec.unwrap(), ProofSpec::JMT);
    let hash = |number: i32| HashOp::from_number(number.try_into().unwrap()).unwrap();
    assert_eq!(hash(leaf.hash), ours.leaf.hash);
    assert_eq!(hash(leaf.prehash_key), ours.leaf.prehash_key);
    assert_eq!(hash(leaf.prehash_value), ours.leaf.prehash_value);
    assert_eq!(LengthOp::from_number(leaf.length.try_into().unwrap()), Some(ours.leaf.length));
    assert_eq!(leaf.prefix, ours.leaf.prefix);
    assert_eq!(hash(inner.hash), ours.inner.hash);
    assert_eq!(inner.child_order, [0, 1]);
    assert_eq!(ours.inner.child_order, [0, 1]);
    assert_eq!(inner.child_size.unsigned_abs(), ours.inner.child_size);
    assert_eq!(inner.min_prefix_length.unsigned_abs(), ours.inner.min_prefix_length);
    assert_eq!(inner.max_prefix_length.unsigned_abs(), ours.inner.max_prefix_length);
    assert_eq!(inner.empty_child, ours.inner.empty_child);
    assert_eq!(theirs.max_depth.unsigned_abs(), ours.max_depth);
    assert_eq!(theirs.min_depth.unsigned_abs(), ours.min_depth);
    assert_eq!(theirs.prehash_key_before_comparison, ours.prehash_key_before_comparison);
}

fn batch_of(proofs: impl IntoIterator<Item = ics23::CommitmentProof>) -> ics23::CommitmentProof {
    use ics23::batch_entry::Proof as Entry;
    use ics23::commitment_proof::Proof;
    let entry = |proof: ics23::CommitmentProof| ics23::BatchEntry {
        proof: Some(match proof.proof.unwrap() {
            Proof::Exist(proof) => Entry::Exist(proof),
            Proof::Nonexist(proof) => Entry::Nonexist(proof),
            other => panic!("no single proof: {other:?}"),
        }),
    };
    let batch = ics23::BatchProof { entries: proofs.into_iter().map(entry).collect() };
    ics23::CommitmentProof { proof: Some(Proof::Batch(batch)) }
}

fn tree(seeds: &[u16]) -> (BTreeMap<Vec<u8>, Vec<u8>>, State) {
    let values: BTreeMap<Vec<u8>, Vec<u8>> =
        seeds.iter().map(|seed| (format!("key {seed}").into_bytes(), format!("value {seed}").into_bytes())).collect();
    let list: Vec<(Vec<u8>, Vec<u8>)> = values.clone().into_iter().collect();
    (values, State::of_keys(&list))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_proof_of_a_random_tree_verifies(seeds in prop::collection::vec(any::<u16>(), 1..60), asked in prop::collection::vec(any::<u16>(), 20)) {
        let (values, state) = tree(&seeds);
        let keys = asked.iter().chain(seeds.iter().take(20)).map(|seed| format!("key {seed}").into_bytes());
        for key in keys {
            let (value, proof) = state.prove_key(&key);
            prop_assert_eq!(value.as_ref(), values.get(&key));
            prop_assert!(ours(&state.root, &key, value.as_deref(), &proof));
            // The opposite claim is not proven by it.
            match value {
                Some(value) => {
                    prop_assert!(!ours(&state.root, &key, None, &proof));
                    prop_assert!(!ours(&state.root, &key, Some(&[&value[..], b"x"].concat()), &proof));
                }
                None => prop_assert!(!ours(&state.root, &key, Some(b"value"), &proof)),
            }
        }
    }

    #[test]
    fn a_proof_of_absence_does_not_hold_for_a_key_that_is_there(seeds in prop::collection::vec(any::<u16>(), 2..40), asked: u16) {
        let (values, state) = tree(&seeds);
        let absent = format!("key {asked}").into_bytes();
        prop_assume!(!values.contains_key(&absent));
        let (_, proof) = state.prove_key(&absent);
        for key in values.keys() {
            prop_assert!(!ours(&state.root, key, None, &proof));
        }
    }

    #[test]
    fn a_changed_proof_is_refused_and_the_ics23_crate_never_disagrees(seeds in prop::collection::vec(any::<u16>(), 1..40), asked: u16, present: bool, at: prop::sample::Index, bit in 0u8..8) {
        let (_, state) = tree(&seeds);
        let seed = if present { seeds[0] } else { asked };
        let key = format!("key {seed}").into_bytes();
        let (value, proof) = state.prove_key(&key);
        prop_assert_eq!(oracle(&state.root, &key, value.as_deref(), &proof), Some(true));
        let mut changed = proof.clone();
        let at = at.index(changed.len());
        changed[at] ^= 1 << bit;
        let accepted = ours(&state.root, &key, value.as_deref(), &changed);
        // In a proof of absence the key that it names is ignored by ICS-23; `state::absence` checks it as well.
        let named_key = value.is_none() && {
            let parsed = ics23::CommitmentProof::decode(&changed[..]);
            parsed.is_ok_and(|parsed| match parsed.proof {
                Some(ics23::commitment_proof::Proof::Nonexist(other)) => other.key != key,
                _ => false,
            })
        };
        prop_assert!(!accepted || named_key);
        if accepted {
            prop_assert_eq!(oracle(&state.root, &key, value.as_deref(), &changed), Some(true));
        }
    }

    #[test]
    fn a_batch_compressed_or_not_is_judged_as_the_ics23_crate_judges_it(
        seeds in prop::collection::vec(any::<u16>(), 2..40),
        asked in prop::collection::vec(any::<u16>(), 1..6),
        compress: bool,
        change in prop::option::of((any::<prop::sample::Index>(), 0u8..8)),
    ) {
        let (values, state) = tree(&seeds);
        let keys: Vec<Vec<u8>> =
            asked.iter().chain(&seeds[..2]).map(|seed| format!("key {seed}").into_bytes()).collect();
        let single = |key: &Vec<u8>| ics23::CommitmentProof::decode(&state.prove_key(key).1[..]).unwrap();
        let batch = batch_of(keys.iter().map(single));
        let batch = if compress { ics23::compress(&batch).unwrap() } else { batch };
        let mut bytes = batch.encode_to_vec();
        if let Some((at, bit)) = change {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        for key in &keys {
            let value = values.get(key).map(Vec::as_slice);
            let accepted = ours(&state.root, key, value, &bytes);
            prop_assert!(change.is_some() || accepted);
            prop_assert!(!accepted || oracle(&state.root, key, value, &bytes) == Some(true));
            prop_assert!(!ours(&state.root, key, Some(b"another value"), &bytes));
        }
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = comity_verify::ics23::decode(&bytes);
        let _ = comity_verify::bundle::Bundle::decode(&bytes);
    }
}

#[test]
fn a_value_of_the_state_is_proven_by_one_proof_and_never_by_a_batch() {
    let path = StatePath::Governors;
    let state = State::of_paths(&[(path.clone(), vec![1, 2]), (StatePath::Headers, vec![3])]);
    let proof = state.prove(&path);
    let four = world::set(&[(1, 10)]);
    let header = world::pin(&world::block(world::header(5, &four, &four, state.root), &four, &[1]));
    assert!(comity_verify::state::membership(&header, &path, &[1, 2], &proof).is_ok());
    let single = ics23::CommitmentProof::decode(&proof[..]).unwrap();
    let batch = batch_of([single]);
    for batch in [ics23::compress(&batch).unwrap(), batch] {
        let bytes = batch.encode_to_vec();
        assert!(membership(&ProofSpec::JMT, &state.root, &comity_verify::state::key(&path), &[1, 2], &bytes).is_ok());
        let refused = comity_verify::state::membership(&header, &path, &[1, 2], &bytes);
        assert_eq!(refused.map_err(|refusal| refusal.rule), Err(Rule::StateProof));
    }
}
