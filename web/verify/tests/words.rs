//! The verdict of a file in words: the two lines, and that neither language says more than the other, or than the verifier.
#![allow(clippy::unwrap_used)]

#[path = "../../../verify/tests/world/bundles.rs"]
mod bundles;
#[path = "support/deposited.rs"]
mod deposited;
#[path = "../../../verify/tests/world/mod.rs"]
mod world;

use bundles::World;
use comity_model::deposit::Content;
use comity_model::member::MemberKind;
use comity_model::{Hash, UnixSeconds};
use comity_verify::bundle::{Bundle, Claim};
use comity_web_verify::anchor::AnchorFile;
use comity_web_verify::words::{self, FileFound};
use deposited::{content, deposited, statement};
use serde_json::Value;
use world::at;

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
