//! Bundles: what they prove, and that no bit of one can change.
#![allow(clippy::unwrap_used)]

mod world;

use comity_model::asset::Arrival;
use comity_model::order::{
    Approval, ApprovalClass, Delivery, Order, OrderEntry, OrderState, ReceivedOrder, SealedOrder,
};
use comity_model::profile::Effect;
use comity_model::record::{Field, FieldValue, Opening, RecordState, RecordStatus};
use comity_model::seal::{HashAlgorithm, Signature, Suite, Suites};
use comity_model::state::StatePath;
use comity_model::{Hash, Height, OrderId, RecordId, RequestId, Sector, UnixSeconds};
use comity_verify::Rule;
use comity_verify::bundle::{BYTES_MAX, Bundle, Claim, Finding, Judgment, Link, MAGIC};
use comity_verify::comet::LightBlock;
use comity_verify::fields::{disclose, root};
use comity_verify::light::{Anchor, LightStep, TrustedHeader, trim};
use comity_verify::merkle::{Frontier, TreeHead, inclusion, leaf_hash};
use proptest::prelude::*;
use std::collections::BTreeMap;
use world::{State, anchor, at, block, header, pin, set};

const FOUR: [u8; 4] = [1, 2, 3, 4];

fn sector() -> Sector {
    "judgments".parse().unwrap()
}

fn id(text: &str) -> RecordId {
    text.parse().unwrap()
}

fn openings() -> Vec<Opening> {
    ["case", "court", "debtor", "ruling", "status"]
        .iter()
        .enumerate()
        .map(|(index, name)| Opening {
            salt: [index as u8 + 1; 16],
            field: Field { name: name.parse().unwrap(), value: FieldValue::Text(format!("{name} of the record")) },
        })
        .collect()
}

fn record() -> RecordState {
    RecordState {
        schema: Hash([0x51; 32]),
        root: root(HashAlgorithm::Sha256, &openings()).unwrap(),
        status: RecordStatus::Current,
        version: 1,
        updated_at: UnixSeconds(1_700_000_000),
    }
}

fn chain_block(height: u64, app: Hash) -> LightBlock {
    let four = set(&[(1, 10), (2, 10), (3, 10), (4, 10)]);
    block(header(height, &four, &four, app), &four, &FOUR)
}

struct World {
    anchor: Anchor,
    pinned: LightBlock,
    state: State,
}

/// A chain whose state holds the record and its neighbours; the anchor is at height 3.
fn world() -> World {
    let path = |name: &str| StatePath::Record(sector(), id(name));
    let values: Vec<(StatePath, Vec<u8>)> =
        ["A-1", "A-2", "A-3", "A-4", "A-5"].iter().map(|name| (path(name), comity_model::encode(&record()))).collect();
    let pinned = chain_block(3, Hash([0x77; 32]));
    World { anchor: anchor(&pinned), pinned, state: State::of_paths(&values) }
}

/// The record, disclosed in part, one skip after the anchor.
fn live(world: &World) -> Bundle {
    let trusted = pin(&world.pinned);
    let step = LightStep { trusted_next: None, block: chain_block(9, world.state.root) };
    Bundle {
        anchor: world.pinned.header.clone(),
        link: Link::Forward { steps: vec![trim(&trusted, &step)] },
        claim: Claim::Record {
            sector: sector(),
            id: id("A-3"),
            state: record(),
            disclosure: disclose(
                HashAlgorithm::Sha256,
                &openings(),
                &["case".parse().unwrap(), "status".parse().unwrap()],
            )
            .unwrap(),
        },
        proof: world.state.prove(&StatePath::Record(sector(), id("A-3"))),
    }
}

fn absent(world: &World) -> Bundle {
    Bundle {
        claim: Claim::Absence { sector: sector(), id: id("B-1") },
        proof: world.state.prove(&StatePath::Record(sector(), id("B-1"))),
        ..live(world)
    }
}

/// The same record under an early header; the anchor is a later one, whose state holds the tree of headers.
fn archived(world: &World) -> (Anchor, Bundle) {
    let early = chain_block(4, world.state.root).header;
    let hashes: Vec<Hash> =
        (1..=11u8).map(|height| if height == 4 { early.hash() } else { Hash([height; 32]) }).collect();
    let (mut frontier, mut nodes) = (Frontier::new(), BTreeMap::new());
    for hash in &hashes {
        for node in frontier.append(leaf_hash(&hash.0)) {
            nodes.insert((node.level, node.index), node.hash);
        }
    }
    let tree = frontier.head();
    let state = State::of_paths(&[
        (StatePath::Headers, comity_model::encode(&tree)),
        (StatePath::Governors, vec![1]),
        (StatePath::Record(sector(), id("C-1")), vec![2]),
    ]);
    let pinned = chain_block(12, state.root);
    let link = Link::Archive {
        steps: Vec::new(),
        tree,
        tree_proof: state.prove(&StatePath::Headers),
        header: early,
        path: inclusion(3, 11, &|level, index| nodes.get(&(level, index)).copied()).unwrap(),
    };
    (anchor(&pinned), Bundle { anchor: pinned.header, link, ..live(world) })
}

#[test]
fn a_live_bundle_proves_the_record_and_says_what_it_does_not_prove() {
    let world = world();
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
    let world = World { state: State::of_paths(&values), ..world() };
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
    let world = world();
    let verdict = absent(&world).verify(&world.anchor, at(50)).unwrap();
    assert!(matches!(verdict.finding, Finding::Absence { .. }));
    let present = Bundle { claim: Claim::Absence { sector: sector(), id: id("A-3") }, ..live(&world) };
    assert_eq!(present.verify(&world.anchor, at(50)).unwrap_err().rule, Rule::AbsenceProof);
}

#[test]
fn an_archive_bundle_holds_for_ever_and_says_that_its_time_is_not_witnessed() {
    let (anchor, bundle) = archived(&world());
    for seconds in [50, 1_000_000_000] {
        let verdict = bundle.verify(&anchor, at(seconds)).unwrap();
        assert_eq!((verdict.judgment, verdict.at.height), (Judgment::Archive, Height(4)));
        assert!(verdict.to_string().contains("not independently witnessed"));
    }
}

#[test]
fn a_live_bundle_is_refused_once_its_anchor_is_too_old() {
    let world = world();
    let refusal = live(&world).verify(&world.anchor, at(5_000)).unwrap_err();
    assert_eq!(refusal.rule, Rule::TrustingPeriod);
}

#[test]
fn a_bundle_is_refused_under_another_anchor() {
    let world = world();
    let mut other = world.anchor.clone();
    other.header_hash = Hash([1; 32]);
    assert_eq!(live(&world).verify(&other, at(50)).unwrap_err().rule, Rule::Anchor);
    let mut other = world.anchor.clone();
    other.chain_id = "bank-1".parse().unwrap();
    assert_eq!(live(&world).verify(&other, at(50)).unwrap_err().rule, Rule::ChainId);
}

#[test]
fn a_header_outside_the_tree_is_refused() {
    let world = world();
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
    let world = world();
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
    let world = world();
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
        let world = world();
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
    let world = world();
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
    let world = World { state, ..world() };
    let bundle = Bundle { claim: Claim::Order(entry), proof: world.state.prove(&path), ..live(&world) };
    let refusal = bundle.verify(&world.anchor, at(50)).unwrap_err();
    assert_eq!((refusal.rule, refusal.found.as_str()), (Rule::Suite, "p256-sha256"));
    let accepting = Anchor { suites: Suites::NATIVE.with(Suite::P256Sha256), ..world.anchor.clone() };
    assert_eq!(bundle.verify(&accepting, at(50)).unwrap().suites, accepting.suites);
}

fn order_entry() -> OrderEntry {
    OrderEntry {
        sealed: sealed_order(),
        sequence: 3,
        state: OrderState::Committed,
        result: None,
        notice: None,
        obligation: None,
        changed_at: UnixSeconds(1_700_000_003),
    }
}

fn received_order() -> ReceivedOrder {
    ReceivedOrder {
        sealed: sealed_order(),
        arrival: Arrival { height: Height(7), tx: 0, message: 1 },
        sequence: 3,
        client: "client-court-1".parse().unwrap(),
        state: OrderState::Pending,
        result: None,
        hold: None,
        notices: 0,
    }
}

/// Its signatures are of the right form; a bundle proves that a chain took it up, and judges no seal anew.
fn sealed_order() -> SealedOrder {
    let order = Order {
        id: OrderId([5; 16]),
        request: RequestId([4; 16]),
        source_chain: "court-1".parse().unwrap(),
        source_client: "client-bank-1".parse().unwrap(),
        dest_client: "client-court-1".parse().unwrap(),
        court: "court".parse().unwrap(),
        recipient: "bank".parse().unwrap(),
        sector: "accounts".parse().unwrap(),
        kind: "freeze".parse().unwrap(),
        effect: Effect::HoldDivisible,
        original: None,
        amount: None,
        account: None,
        obligation: None,
        private_digest: Hash([7; 32]),
        approval: ApprovalClass::Single,
        issued_at: UnixSeconds(1_700_000_000),
        deliver_by: UnixSeconds(1_700_003_600),
        decide_by: UnixSeconds(1_700_086_400),
        hold_until: UnixSeconds(1_731_536_000),
    };
    let delivery = Delivery {
        order: order.id,
        recipient: order.recipient.clone(),
        private_digest: order.private_digest,
        received_at: UnixSeconds(1_700_000_060),
    };
    let signature = Signature::ed25519([0x5a; 64]);
    let approvals = vec![Approval { officer: "J-1001".parse().unwrap(), signature }];
    SealedOrder { order, approvals, seal: signature, delivery, delivery_seal: signature }
}

#[test]
fn a_pinned_header_needs_no_step() {
    let world = world();
    let pinned = chain_block(9, world.state.root);
    let bundle = Bundle { anchor: pinned.header.clone(), link: Link::Forward { steps: Vec::new() }, ..live(&world) };
    let anchor = anchor(&pinned);
    assert_eq!(bundle.verify(&anchor, at(50)).unwrap().judgment, Judgment::Live);
    assert_eq!(bundle.verify(&anchor, at(5_000)).unwrap().judgment, Judgment::Archive);
    assert!(TrustedHeader::pin(&anchor, &pinned).is_ok());
}
