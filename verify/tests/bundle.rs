//! Bundles: what they prove, and that no bit of one can change.
#![allow(clippy::unwrap_used)]

#[path = "world/bundles.rs"]
mod bundles;
mod world;

use bundles::{World, absent, archived, chain_block, id, live, openings, order_entry, received_order, record, sector};
use comity_model::record::RecordState;
use comity_model::seal::{HashAlgorithm, Suite, Suites};
use comity_model::state::StatePath;
use comity_model::{Hash, Height, OrderId};
use comity_verify::Rule;
use comity_verify::bundle::{BYTES_MAX, Bundle, Claim, Finding, Judgment, Link, MAGIC};
use comity_verify::fields::{disclose, root};
use comity_verify::light::{Anchor, TrustedHeader};
use comity_verify::merkle::TreeHead;
use proptest::prelude::*;
use world::{State, anchor, at};

#[test]
fn a_live_bundle_proves_the_record_and_says_what_it_does_not_prove() {
    let world = bundles::world();
    let verdict = live(&world).verify(&world.anchor, at(50)).unwrap();
    assert_eq!(verdict.judgment, Judgment::Live);
    assert_eq!((verdict.at.height, verdict.operators), (Height(9), 1));
    let Finding::Record(record) = &verdict.finding else { panic!("a record") };
    let names: Vec<&str> = record.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["case", "status"]);
    let text = verdict.to_string();
    for part in ["VERIFIED  LIVE  STATE", "A-3", "unchanged since", "was true before", "One operator", "[COMMIT_POWER]"]
    {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert!(!text.contains("case of the record"), "no field values in the text");
}

#[test]
fn a_record_under_sm3_is_proven_to_who_accepts_sm3_and_refused_by_name_to_others() {
    let state = RecordState { root: root(HashAlgorithm::Sm3, &openings()).unwrap(), ..record() };
    let path = StatePath::Record(sector(), id("A-3"));
    let others = [StatePath::Record(sector(), id("A-1")), StatePath::Governors];
    let mut values: Vec<_> = others.into_iter().map(|path| (path, vec![1])).collect();
    values.push((path.clone(), comity_model::encode(&state)));
    let world = World { state: State::of_paths(&values), ..bundles::world() };
    let disclosure = disclose(HashAlgorithm::Sm3, &openings(), &["court".parse().unwrap()]).unwrap();
    let claim = Claim::Record { sector: sector(), id: id("A-3"), state, disclosure };
    let bundle = Bundle { claim, proof: world.state.prove(&path), ..live(&world) };

    let refusal = bundle.verify(&world.anchor, at(50)).unwrap_err();
    assert_eq!((refusal.rule, refusal.found.as_str()), (Rule::Suite, "sm3"));
    let accepting = Anchor { suites: Suites::NATIVE.with(Suite::Sm2Sm3), ..world.anchor.clone() };
    let verdict = bundle.verify(&accepting, at(50)).unwrap();
    assert_eq!(verdict.suites, accepting.suites);
    assert!(verdict.to_string().contains("suites    ed25519-sha256, sm2-sm3"));
    every_changed_bit_is_refused("sm3", &accepting, &bundle);
}

#[test]
fn an_absence_is_proven_as_such() {
    let world = bundles::world();
    let verdict = absent(&world).verify(&world.anchor, at(50)).unwrap();
    assert!(matches!(verdict.finding, Finding::Absence { .. }));
    let present = Bundle { claim: Claim::Absence { sector: sector(), id: id("A-3") }, ..live(&world) };
    assert_eq!(present.verify(&world.anchor, at(50)).unwrap_err().rule, Rule::AbsenceProof);
}

#[test]
fn an_archive_bundle_holds_for_ever_and_says_that_its_time_is_not_witnessed() {
    let (anchor, bundle) = archived(&bundles::world());
    for seconds in [50, 1_000_000_000] {
        let verdict = bundle.verify(&anchor, at(seconds)).unwrap();
        assert_eq!((verdict.judgment, verdict.at.height), (Judgment::Archive, Height(4)));
        assert!(verdict.to_string().contains("not independently witnessed"));
    }
}

#[test]
fn a_live_bundle_is_refused_once_its_anchor_is_too_old() {
    let world = bundles::world();
    let refusal = live(&world).verify(&world.anchor, at(5_000)).unwrap_err();
    assert_eq!(refusal.rule, Rule::TrustingPeriod);
}

#[test]
fn a_bundle_is_refused_under_another_anchor() {
    let world = bundles::world();
    let mut other = world.anchor.clone();
    other.header_hash = Hash([1; 32]);
    assert_eq!(live(&world).verify(&other, at(50)).unwrap_err().rule, Rule::Anchor);
    let mut other = world.anchor.clone();
    other.chain_id = "bank-1".parse().unwrap();
    assert_eq!(live(&world).verify(&other, at(50)).unwrap_err().rule, Rule::ChainId);
}

#[test]
fn a_header_outside_the_tree_is_refused() {
    let world = bundles::world();
    let (anchor, mut bundle) = archived(&world);
    if let Link::Archive { header, .. } = &mut bundle.link {
        header.height = Height(5);
    }
    assert_eq!(bundle.verify(&anchor, at(50)).unwrap_err().rule, Rule::HeaderTree);
    let (_, mut bundle) = archived(&world);
    if let Link::Archive { tree, .. } = &mut bundle.link {
        *tree = TreeHead { size: 12, ..*tree };
    }
    assert_eq!(bundle.verify(&anchor, at(50)).unwrap_err().rule, Rule::StateProof);
}

#[test]
fn an_encoded_bundle_decodes_to_itself_and_nothing_else_does() {
    let world = bundles::world();
    let (_, archive) = archived(&world);
    for bundle in [live(&world), absent(&world), archive] {
        let bytes = bundle.encode();
        assert_eq!(bytes[..8], MAGIC);
        assert_eq!(Bundle::decode(&bytes), Ok(bundle));
        for wrong in [&bytes[..bytes.len() - 1], &bytes[1..], &[&bytes[..], &[0]].concat(), b""] {
            assert_eq!(Bundle::decode(wrong).unwrap_err().rule, Rule::BundleEncoding);
        }
    }
    assert!(Bundle::decode(&vec![0; BYTES_MAX + 1]).unwrap_err().found.contains("4194305"));
}

fn every_changed_bit_is_refused(name: &str, anchor: &Anchor, bundle: &Bundle) {
    let bytes = bundle.encode();
    assert!(bundle.verify(anchor, at(50)).is_ok());
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let judged = Bundle::decode(&changed).and_then(|bundle| bundle.verify(anchor, at(50)));
        assert!(judged.is_err(), "{name}: bit {bit} of {}", bytes.len() * 8);
    }
}

#[test]
fn any_single_bit_change_of_a_valid_bundle_is_refused() {
    let world = bundles::world();
    let (archive_anchor, archive) = archived(&world);
    every_changed_bit_is_refused("live", &world.anchor, &live(&world));
    every_changed_bit_is_refused("absence", &world.anchor, &absent(&world));
    every_changed_bit_is_refused("archive", &archive_anchor, &archive);
}

/// A change of some bytes: at a place, so many taken out, these put in.
type Edit = (prop::sample::Index, usize, Vec<u8>);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_valid_bundle_has_one_encoding(
        which in 0usize..3,
        edits in prop::collection::vec(
            (any::<prop::sample::Index>(), 0usize..5, prop::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..5)),
            1..4,
        ),
    ) {
        let world = bundles::world();
        let (anchor, bundle) = match which {
            0 => (world.anchor.clone(), live(&world)),
            1 => (world.anchor.clone(), absent(&world)),
            _ => archived(&world),
        };
        let bytes = bundle.encode();
        let mut changed = bytes.clone();
        for (at, out, put) in &edits as &[Edit] {
            let at = at.index(changed.len());
            let end = at.saturating_add(*out).min(changed.len());
            changed.splice(at..end, put.iter().copied());
        }
        let judged = Bundle::decode(&changed).and_then(|bundle| bundle.verify(&anchor, at(50)));
        prop_assert!(judged.is_err() || changed == bytes);
    }
}

#[test]
fn orders_and_values_are_claims_whose_every_bit_counts() {
    let world = bundles::world();
    let path = StatePath::Order(OrderId([5; 16]));
    let (entry, received) = (order_entry(), received_order());
    let received_path = StatePath::Received(received.client.clone(), received.sealed.order.id);
    let state = State::of_paths(&[
        (path.clone(), comity_model::encode(&entry)),
        (received_path.clone(), comity_model::encode(&received)),
        (StatePath::Governors, vec![1, 2, 3]),
    ]);
    let world = World { state, ..world };
    let value = Claim::Value { path: StatePath::Governors.bytes(), value: vec![1, 2, 3] };
    for (name, claim, path) in [
        ("order", Claim::Order(entry), path),
        ("received", Claim::Received(received), received_path),
        ("value", value, StatePath::Governors),
    ] {
        let bundle = Bundle { claim, proof: world.state.prove(&path), ..live(&world) };
        every_changed_bit_is_refused(name, &world.anchor, &bundle);
        if name != "value" {
            let other = Anchor { suites: Suites::NATIVE.with(Suite::Sm2Sm3), ..world.anchor.clone() };
            assert!(bundle.verify(&other, at(50)).is_ok());
        }
    }
}

#[test]
fn an_order_sealed_under_a_suite_that_the_anchor_does_not_accept_is_refused_by_name() {
    let mut entry = order_entry();
    entry.sealed.seal.suite = Suite::P256Sha256;
    let path = StatePath::Order(entry.sealed.order.id);
    let state = State::of_paths(&[(path.clone(), comity_model::encode(&entry)), (StatePath::Governors, vec![1])]);
    let world = World { state, ..bundles::world() };
    let bundle = Bundle { claim: Claim::Order(entry), proof: world.state.prove(&path), ..live(&world) };
    let refusal = bundle.verify(&world.anchor, at(50)).unwrap_err();
    assert_eq!((refusal.rule, refusal.found.as_str()), (Rule::Suite, "p256-sha256"));
    let accepting = Anchor { suites: Suites::NATIVE.with(Suite::P256Sha256), ..world.anchor.clone() };
    assert_eq!(bundle.verify(&accepting, at(50)).unwrap().suites, accepting.suites);
}

#[test]
fn a_pinned_header_needs_no_step() {
    let world = bundles::world();
    let pinned = chain_block(9, world.state.root);
    let bundle = Bundle { anchor: pinned.header.clone(), link: Link::Forward { steps: Vec::new() }, ..live(&world) };
    let anchor = anchor(&pinned);
    assert_eq!(bundle.verify(&anchor, at(50)).unwrap().judgment, Judgment::Live);
    assert_eq!(bundle.verify(&anchor, at(5_000)).unwrap().judgment, Judgment::Archive);
    assert!(TrustedHeader::pin(&anchor, &pinned).is_ok());
}
