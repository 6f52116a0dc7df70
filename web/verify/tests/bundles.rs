//! The bundles that the browser's build is tested with, each with its anchor file and the answer to it: kept under
//! `test/bundles`, made here, and held against what is made. `COMITY_RENEW=1` writes them anew.
#![allow(clippy::unwrap_used)]

#[path = "../../../verify/tests/world/bundles.rs"]
mod bundles;
#[path = "support/deposited.rs"]
mod deposited;
#[path = "../../../verify/tests/world/mod.rs"]
mod world;

use bundles::{World, absent, archived, id, live, order_entry, received_order, record, sector};
use comity_model::member::MemberKind;
use comity_model::record::{Date, Field, FieldValue, Opening, RecordState};
use comity_model::seal::{HashAlgorithm, Suite, Suites};
use comity_model::state::StatePath;
use comity_model::{Amount, Hash, UnixSeconds};
use comity_verify::bundle::{Bundle, Claim, Link};
use comity_verify::fields::{disclose, root};
use comity_verify::light::{Anchor, LightStep, trim, verify};
use comity_web_verify::anchor::AnchorFile;
use comity_web_verify::{answer, describe};
use deposited::{content, deposited, statement, witnessed};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use world::{State, at, params, pin};

/// Every case is judged at this time.
const NOW_S: i64 = 50;

struct Case {
    name: &'static str,
    anchor: Anchor,
    bundle: Bundle,
}

fn cases() -> Vec<Case> {
    let world = bundles::world();
    let (archive_anchor, archive) = archived(&world);
    let of = |name, bundle| Case { name, anchor: world.anchor.clone(), bundle };
    let mut cases = vec![
        of("record", live(&world)),
        of("absence", absent(&world)),
        Case { name: "archive", anchor: archive_anchor, bundle: archive },
        of("two-steps", two_steps(&world)),
        sm3(&world),
    ];
    cases.extend(orders_and_values(&world));
    for (name, (world, bundle)) in [
        ("deposit", deposited(Some(content()), Some(statement()))),
        ("deposit-alone", deposited(None, None)),
        ("witnessed", witnessed(Some(content()))),
    ] {
        cases.push(Case { name, anchor: world.anchor, bundle });
    }
    cases
}

/// The record, two headers after the anchor.
fn two_steps(world: &World) -> Bundle {
    let pinned = pin(&world.pinned);
    let first = LightStep { trusted_next: None, block: bundles::chain_block(6, Hash([1; 32])) };
    let second = LightStep { trusted_next: None, block: bundles::chain_block(9, world.state.root) };
    let trusted = verify(&params(), &pinned, &first, at(NOW_S)).unwrap();
    let steps = vec![trim(&pinned, &first), trim(&trusted, &second)];
    Bundle { link: Link::Forward { steps }, ..live(world) }
}

/// A record under SM3 with a field of each type, shown to a reader who accepts SM2 and SM3.
fn sm3(world: &World) -> Case {
    let values = [
        ("amount", FieldValue::Amount(Amount::cny(123_456))),
        ("closed", FieldValue::Boolean(true)),
        ("court", FieldValue::Text("海事法院".into())),
        ("digest", FieldValue::Digest(Hash([0xab; 32]))),
        ("heard", FieldValue::Date(Date::new(2025, 2, 28).unwrap())),
        ("judges", FieldValue::Texts(vec!["甲".into(), "乙".into()])),
        ("number", FieldValue::Integer(-7)),
        ("sealed", FieldValue::Time(UnixSeconds(1_700_000_000))),
    ];
    let openings: Vec<Opening> = values
        .into_iter()
        .zip(1u8..)
        .map(|((name, value), salt)| Opening { salt: [salt; 16], field: Field { name: name.parse().unwrap(), value } })
        .collect();
    let names: Vec<_> = openings.iter().map(|opening| opening.field.name.clone()).collect();
    let state = RecordState { root: root(HashAlgorithm::Sm3, &openings).unwrap(), ..record() };
    let path = StatePath::Record(sector(), id("A-3"));
    let tree = State::of_paths(&[(path.clone(), comity_model::encode(&state)), (StatePath::Governors, vec![1])]);
    let world = World { state: tree, anchor: world.anchor.clone(), pinned: world.pinned.clone() };
    let disclosure = disclose(HashAlgorithm::Sm3, &openings, &names).unwrap();
    let claim = Claim::Record { sector: sector(), id: id("A-3"), state, disclosure };
    let bundle = Bundle { claim, proof: world.state.prove(&path), ..live(&world) };
    Case { name: "sm3", anchor: Anchor { suites: Suites::NATIVE.with(Suite::Sm2Sm3), ..world.anchor }, bundle }
}

fn orders_and_values(world: &World) -> Vec<Case> {
    let (entry, received) = (order_entry(), received_order());
    let order = StatePath::Order(entry.sealed.order.id);
    let arrived = StatePath::Received(received.client.clone(), received.sealed.order.id);
    let state = State::of_paths(&[
        (order.clone(), comity_model::encode(&entry)),
        (arrived.clone(), comity_model::encode(&received)),
        (StatePath::Governors, vec![1, 2, 3]),
    ]);
    let world = World { state, anchor: world.anchor.clone(), pinned: world.pinned.clone() };
    let value = Claim::Value { path: StatePath::Governors.bytes(), value: vec![1, 2, 3] };
    [
        ("order", Claim::Order(entry), order),
        ("received", Claim::Received(received), arrived),
        ("value", value, StatePath::Governors),
    ]
    .into_iter()
    .map(|(name, claim, path)| {
        let bundle = Bundle { claim, proof: world.state.prove(&path), ..live(&world) };
        Case { name, anchor: world.anchor.clone(), bundle }
    })
    .collect()
}

fn anchor_text(anchor: &Anchor) -> String {
    let file = AnchorFile {
        member: "court".parse().unwrap(),
        kind: MemberKind::Court,
        gateway: "127.0.0.1:7101".into(),
        authority_pem: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".into(),
        anchor: anchor.clone(),
    };
    file.text()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("test/bundles")
}

#[test]
fn the_kept_bundles_and_answers_are_those_that_are_made() {
    let renew = std::env::var_os("COMITY_RENEW").is_some();
    let cases = cases();
    for Case { name, anchor, bundle } in &cases {
        let (bytes, text) = (bundle.encode(), anchor_text(anchor));
        let said = answer::judge(&bytes, &text, at(NOW_S));
        assert_eq!(said["verdict"], "VERIFIED", "{name}: {said}");
        let answers = json!({ "now": at(NOW_S).to_string(), "verify": said, "describe": describe::describe(&bytes) });
        let answers = format!("{}\n", serde_json::to_string_pretty(&answers).unwrap());
        for (kind, made) in [("comity", bytes), ("anchor", text.into_bytes()), ("json", answers.into_bytes())] {
            let path = folder().join(format!("{name}.{kind}"));
            if renew {
                std::fs::write(&path, &made).unwrap();
            }
            let kept = std::fs::read(&path).unwrap_or_default();
            // The order of an object's members depends on what else is built with it, and says nothing.
            let same = match (kind, serde_json::from_slice::<Value>(&kept)) {
                ("json", Ok(kept)) => kept == serde_json::from_slice::<Value>(&made).unwrap(),
                _ => kept == made,
            };
            assert!(same, "{} is not what is made now; COMITY_RENEW=1 renews it", path.display());
        }
    }
    assert_eq!(std::fs::read_dir(folder()).unwrap().count(), cases.len() * 3, "no file of a case that is gone");
}

#[test]
fn a_refusal_names_its_rule_and_an_anchor_that_is_none_is_an_error() {
    let Case { anchor, bundle, .. } = cases().remove(0);
    let (bytes, text) = (bundle.encode(), anchor_text(&anchor));
    let refused = answer::judge(&bytes[1..], &text, at(NOW_S));
    assert_eq!((&refused["verdict"], &refused["rule"]), (&json!("REFUSED"), &json!("BUNDLE_ENCODING")));
    let other = text.replace("id = \"court-1\"", "id = \"bank-1\"");
    assert_eq!(answer::judge(&bytes, &other, at(NOW_S))["rule"], "CHAIN_ID");
    let error = answer::judge(&bytes, "[chain]", at(NOW_S));
    assert!(error["error"].as_str().unwrap().contains("not an anchor file"), "{error}");
    assert_eq!(error["verdict"], Value::Null);
}
