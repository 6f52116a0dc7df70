//! The verdict of a file in words: the two lines, and that neither language says more than the other, or than the verifier.
#![allow(clippy::unwrap_used)]

#[path = "../../../verify/tests/world/bundles.rs"]
mod bundles;
#[path = "support/deposited.rs"]
mod deposited;
#[path = "../../../verify/tests/tsa/mod.rs"]
mod tsa;
#[path = "../../../verify/tests/world/mod.rs"]
mod world;

use bundles::World;
use comity_model::deposit::{Content, LogState};
use comity_model::member::MemberKind;
use comity_model::state::StatePath;
use comity_model::{Hash, UnixSeconds, encode};
use comity_verify::bundle::{Bundle, Claim, Link, Reader, Verdict};
use comity_verify::deposit::{self, Deposited};
use comity_verify::light::Anchor;
use comity_verify::merkle::{self, TreeHead};
use comity_verify::renewal::RenewedBundle;
use comity_verify::timestamp::{Authority, Request};
use comity_verify::tlog::Checkpoint;
use comity_verify::witnessed::{Grown, StampedCheckpoint, StampedDeposit};
use comity_web_verify::anchor::AnchorFile;
use comity_web_verify::words::{self, FileFound};
use deposited::{content, deposited, statement};
use serde_json::Value;
use world::{State, at};

const NOW_S: i64 = 50;

fn anchor(world: &World) -> String {
    let file = AnchorFile {
        member: "court".parse().unwrap(),
        kind: MemberKind::Court,
        gateway: "127.0.0.1:7101".into(),
        authority_pem: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".into(),
        anchor: world.anchor.clone(),
    };
    file.text()
}

fn told(bundle: &Bundle, world: &World, file: Option<FileFound>) -> Value {
    words::judge(&bundle.encode(), &anchor(world), file.as_ref(), at(NOW_S))
}

fn file() -> FileFound {
    FileFound { sha256: content().sha256, sm3: content().sm3, size: content().size }
}

#[test]
fn a_file_is_the_deposited_one_only_by_both_digests_and_its_size() {
    let (world, bundle) = deposited(Some(content()), None);
    let said = told(&bundle, &world, Some(file()));
    assert_eq!((said["verdict"].as_str(), said["told"]["outcome"].as_str()), (Some("VERIFIED"), Some("MATCH")));
    assert_eq!(said["told"]["headline"][0]["en"], "This file is unchanged since 2023-11-14 22:13:23 UTC.");
    assert_eq!(said["told"]["headline"][0]["zh"], "此文件自 2023-11-14 22:13:23 UTC 起未被更改。");
    let others = [
        FileFound { sha256: Hash([9; 32]), ..file() },
        FileFound { sm3: Hash([9; 32]), ..file() },
        FileFound { size: 999, ..file() },
    ];
    for other in others {
        let said = told(&bundle, &world, Some(other));
        assert_eq!(said["told"]["outcome"], "MISMATCH", "{other:?}");
    }
    assert_eq!(told(&bundle, &world, None)["told"]["outcome"], "NO_FILE");
    let (world, bundle) = deposited(None, None);
    assert_eq!(told(&bundle, &world, Some(file()))["told"]["outcome"], "NOT_SHOWN");
}

#[test]
fn chinese_stands_beside_every_english_sentence_of_the_verifier_and_every_step_has_its_bytes() {
    for (content, statement) in [(None, None), (Some(content()), None), (Some(content()), Some(statement()))] {
        let (world, bundle) = deposited(content, statement);
        let said = told(&bundle, &world, None);
        for what in ["proves", "does_not_prove", "steps"] {
            let (theirs, ours) = (said[what].as_array().unwrap(), said["told"][what].as_array().unwrap());
            assert_eq!(theirs.len(), ours.len(), "{what}: {said}");
            for (their, our) in theirs.iter().zip(ours) {
                let (english, both) = if what == "steps" { (&their["what"], &our["what"]) } else { (their, our) };
                assert_eq!(&both["en"], english);
                assert!(!both["zh"].as_str().unwrap().is_ascii(), "{both}");
                assert!(what != "steps" || !our["bytes"].as_array().unwrap().is_empty(), "{our}");
            }
        }
    }
}

/// A deposit of such a file, the only one of its log, under a header that the anchor pins.
fn alone(content: Content, taken_at: i64) -> (Anchor, Deposited, Bundle) {
    let entry = deposit::entry(&content, &statement());
    let root = merkle::root_of_hashes(&[deposit::leaf(&entry)]);
    let log = LogState { size: 1, root, at: at(taken_at).unix_seconds() };
    let keeper: comity_model::MemberId = "court".parse().unwrap();
    let place = StatePath::Deposits(keeper.clone());
    let state = State::of_paths(&[(place.clone(), encode(&log)), (StatePath::Governors, vec![1])]);
    let (content, path) = (Some(content), vec![]);
    let deposit = Deposited { keeper, log, index: 0, path, entry, content, statement: None, seal: None };
    let block = bundles::chain_block(u64::try_from(taken_at).unwrap() + 1, state.root);
    let claim = Claim::Deposit(deposit.clone());
    let link = Link::Forward { steps: Vec::new() };
    let bundle = Bundle { anchor: block.header.clone(), link, claim, proof: state.prove(&place) };
    (world::anchor(&block), deposit, bundle)
}

/// A checkpoint of that log with a time stamp of now.
fn stamped(deposit: &Deposited, tsa: &tsa::Tsa) -> StampedCheckpoint {
    let head = TreeHead { size: 1, root: deposit.log.root };
    let text = Checkpoint::text(&deposit::origin(&world::chain(), &deposit.keeper), &head).unwrap();
    let request = Request::new(text.as_bytes(), [7; 8]);
    let token = request.answered(&tsa.reply(&request.encode())).unwrap().to_vec();
    StampedCheckpoint { tree: Grown { size: 1, root: head.root, growth: Vec::new() }, token }
}

/// Every sentence and step has its Chinese, and every step its bytes.
fn in_both(bundle: &Bundle, verdict: &Verdict) -> words::Told {
    let told = words::told(bundle, verdict, None).unwrap();
    let sentences = told.proves.iter().chain(&told.does_not_prove).chain(told.steps.iter().map(|step| &step.what));
    for both in sentences {
        assert!(both.zh != both.en && !both.zh.is_ascii(), "{both:?}");
    }
    assert_eq!((told.proves.len(), told.steps.len()), (verdict.proves.len(), verdict.steps.len()));
    assert!(told.steps.iter().all(|step| !step.bytes.is_empty()));
    told
}

#[test]
fn time_stamps_and_renewals_are_told_in_both_languages_to_who_believes_them_and_to_who_does_not() {
    let Some(tsa) = tsa::Tsa::p256(true) else { return };
    let authorities = Authority::read_pem(&tsa.root()).unwrap();
    let (old_anchor, deposit, mut old) = alone(content(), 3);
    let stamp = stamped(&deposit, &tsa);
    old.claim = Claim::Stamped(StampedDeposit { deposit, stamped: stamp, witnessed: None });
    let now = at(100_000_000);
    for authorities in [&authorities[..], &[]] {
        let reader = Reader { authorities, ..Reader::default() };
        let verdict = old.verify_for(&reader, &old_anchor, now).unwrap();
        let told = in_both(&old, &verdict);
        let told = told.proves.iter().any(|both| both.zh.contains("最迟于"));
        assert_eq!(told, !authorities.is_empty());
    }
    let bytes = old.encode();
    let digests = Content {
        salt: [6; 16],
        sha256: Hash(<sha2::Sha256 as sha2::Digest>::digest(&bytes).into()),
        sm3: Hash(<sm3::Sm3 as sha2::Digest>::digest(&bytes).into()),
        size: bytes.len().try_into().unwrap(),
    };
    let (new_anchor, deposit, outer) = alone(digests, 40);
    let stamp = stamped(&deposit, &tsa);
    let anchors = [old_anchor];
    for (stamp, now) in [(None, at(45)), (None, now), (Some(stamp), now)] {
        let claim = RenewedBundle { deposit: deposit.clone(), stamped: stamp, witnessed: None, old: bytes.clone() };
        let bundle = Bundle { claim: Claim::Renewed(claim), ..outer.clone() };
        let reader = Reader { anchors: &anchors, authorities: &authorities, ..Reader::default() };
        let verdict = bundle.verify_for(&reader, &new_anchor, now).unwrap();
        let told = in_both(&bundle, &verdict);
        assert!(told.proves.iter().any(|both| both.zh.contains("重新存入")), "{told:?}");
    }
}

#[test]
fn what_does_not_hold_and_what_is_no_deposit_is_told_in_two_lines() {
    let (world, mut bundle) = deposited(Some(content()), None);
    if let Claim::Deposit(deposit) = &mut bundle.claim {
        deposit.content = Some(Content { size: 1_001, ..content() });
    }
    let said = told(&bundle, &world, Some(file()));
    assert_eq!((said["verdict"].as_str(), said["rule"].as_str()), (Some("REFUSED"), Some("DEPOSIT_OPENING")));
    assert!(said["told"]["headline"][1]["zh"].as_str().unwrap().starts_with("规则 DEPOSIT_OPENING："));
    let record = bundles::world();
    let said = told(&bundles::live(&record), &record, None);
    assert!(said["told"]["headline"][0]["en"].as_str().unwrap().contains("not about a deposit"));
    let [first, second] = words::not_found(7, Some(UnixSeconds(1_700_000_003)));
    assert_eq!(first.en, "Not found as of checkpoint 7 of 2023-11-14 22:13:23 UTC.");
    assert!(second.zh.contains("并非证明"));
}
