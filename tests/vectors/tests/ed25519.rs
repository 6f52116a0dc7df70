//! The edge cases of Ed25519 that C2SP/CCTV collects: ZIP-215 accepts all but those with a non-canonical `s` or a key or
//! `R` that is no point, and batch verification agrees with single verification on each.

use comity_verify::ed25519::{Item, Key, verify, verify_batch};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    number: u32,
    key: String,
    sig: String,
    msg: String,
}

#[test]
fn every_edge_case_is_judged_as_zip_215_says_singly_and_in_batches() {
    let Some(path) = comity_vectors::folder("ed25519/cctv.json") else { return };
    let cases: Vec<Case> = serde_json::from_value(comity_vectors::json(&path)).expect("cases");
    let good_key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let good_sig = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
    let good = (key(good_key).expect("a key"), signature(good_sig));
    let good = Item { key: &good.0, signature: &good.1, message: b"" };
    assert!(verify(&good), "RFC 8032 test 1");

    let mut accepted = Vec::new();
    for case in &cases {
        let key = key(&case.key);
        let signature = signature(&case.sig);
        let single = key.as_ref().is_some_and(|key| {
            let item = Item { key, signature: &signature, message: case.msg.as_bytes() };
            let single = verify(&item);
            assert_eq!(verify_batch(&[item]), single, "case {}", case.number);
            assert_eq!(verify_batch(&[good, item, good]), single, "case {}", case.number);
            single
        });
        if single {
            accepted.push((key.expect("a key"), signature, case.msg.clone()));
        }
    }
    let items: Vec<Item<'_>> =
        accepted.iter().map(|(key, signature, message)| Item { key, signature, message: message.as_bytes() }).collect();
    assert!(verify_batch(&items), "all accepted cases as one batch");
    println!("ed25519: {} cases, {} accepted", cases.len(), accepted.len());
    assert_eq!((cases.len(), accepted.len()), (914, 826));
}

fn key(text: &str) -> Option<Key> {
    Key::new(hex::decode(text).expect("hex").try_into().expect("32 bytes"))
}

fn signature(text: &str) -> [u8; 64] {
    hex::decode(text).expect("hex").try_into().expect("64 bytes")
}
