//! Time stamps: tokens that OpenSSL makes hold, and nothing in one can be exchanged.
#![allow(clippy::unwrap_used)]

mod tsa;

use comity_model::{Hash, UnixSeconds};
use comity_verify::timestamp::{Authority, Request, Stamp, TOKEN_BYTES_MAX, check};
use comity_verify::{Refusal, Rule};
use proptest::prelude::*;
use std::time::{SystemTime, UNIX_EPOCH};
use tsa::{P256, Tsa};

const MESSAGE: &[u8] = b"court-1/court\n3\nAAAA\n";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn token(tsa: &Tsa, message: &[u8]) -> Vec<u8> {
    let request = Request::new(message, [7; 8]);
    request.answered(&tsa.reply(&request.encode())).unwrap().to_vec()
}

fn roots(tsa: &Tsa) -> Vec<Authority> {
    Authority::read_pem(&tsa.root()).unwrap()
}

fn rule(judged: Result<Stamp, Refusal>) -> Option<Rule> {
    judged.err().map(|refusal| refusal.rule)
}

#[test]
fn a_token_holds_for_who_trusts_its_root_or_itself_and_is_anybodys_word_for_others() {
    let kinds: [(&[&str], &str, bool); 4] = [
        (P256, "sha256", true),
        (P256, "sha512", false),
        (&["-newkey", "rsa:2048"], "sha256", true),
        (&["-newkey", "rsa:4096"], "sha512", false),
    ];
    for (key, digest, with_root) in kinds {
        let before = now();
        let Some(tsa) = Tsa::new(key, digest, with_root) else { return };
        let token = token(&tsa, MESSAGE);
        let own = Authority::read_pem(&tsa.pem("tsa")).unwrap();
        for trusted in [&roots(&tsa), &own] {
            let stamp = check(&token, MESSAGE, trusted).unwrap();
            assert!(stamp.known, "{key:?}");
            // The stated accuracy is added: it was there then at the latest.
            assert!((before + 2..=now() + 3).contains(&stamp.at.0), "{} {before}", stamp.at.0);
            assert_eq!((stamp.by.as_str(), stamp.to_string().as_str()), ("A clock", "A clock"));
            assert_eq!(stamp.certificate, own[0].fingerprint());
        }
        let stranger = check(&token, MESSAGE, &[]).unwrap();
        assert!(!stranger.known && stranger.to_string().contains(&own[0].fingerprint().to_string()));
        let other = Tsa::new(key, digest, with_root).unwrap();
        assert!(!check(&token, MESSAGE, &roots(&other)).unwrap().known, "another root of the same name");
        assert_eq!(rule(check(&token, b"court-1/court\n4\nAAAA\n", &own)), Some(Rule::Timestamp));
    }
}

#[test]
fn any_changed_bit_of_a_token_is_refused_or_leaves_it_anybodys_word() {
    for with_root in [true, false] {
        let Some(tsa) = Tsa::p256(with_root) else { return };
        let token = token(&tsa, MESSAGE);
        let roots = roots(&tsa);
        let mut refused = 0;
        for position in 0..token.len() {
            let mut changed = token.clone();
            changed[position] ^= 1 << (position % 8);
            match check(&changed, MESSAGE, &roots) {
                Ok(stamp) => assert!(!stamp.known, "byte {position} of {}: {:02x}", token.len(), token[position]),
                Err(_) => refused += 1,
            }
        }
        // Where the root names another as its own issuer, nothing says any more that it signed itself.
        assert!(refused + 50 > token.len(), "{refused} of {}", token.len());
        assert!(with_root || refused == token.len());
    }
}

#[test]
fn a_certificate_signs_tokens_only_if_it_is_for_nothing_else() {
    let Some(tsa) = Tsa::p256(false) else { return };
    let info = tsa.info(&token(&tsa, MESSAGE));
    assert!(check(&tsa.signed(&info, "tsa", &[]), MESSAGE, &roots(&tsa)).unwrap().known);
    for (name, section) in [("other", "other"), ("plain", "plain"), ("sub", "ca")] {
        tsa.certificate(name, section, P256, "-sha256");
        assert_eq!(rule(check(&tsa.signed(&info, name, &[]), MESSAGE, &roots(&tsa))), Some(Rule::Timestamp), "{name}");
    }
    // Nor does one that is for something else count as an authority.
    for section in ["other", "plain"] {
        assert_eq!(Authority::read_pem(&tsa.pem(section)).unwrap_err().rule, Rule::TimestampFormat);
    }
}

#[test]
fn a_token_from_before_or_after_its_certificate_was_valid_is_refused() {
    let Some(tsa) = Tsa::p256(false) else { return };
    let info = tsa.info(&token(&tsa, MESSAGE));
    let year = info.windows(2).position(|pair| pair == b"20").unwrap();
    for other in [b"1999", b"2099"] {
        let mut moved = info.clone();
        moved[year..year + 4].copy_from_slice(other);
        let token = tsa.signed(&moved, "tsa", &[]);
        assert_eq!(rule(check(&token, MESSAGE, &roots(&tsa))), Some(Rule::Timestamp));
    }
}

#[test]
fn what_is_beside_the_signature_is_not_carried_along() {
    let Some(tsa) = Tsa::p256(false) else { return };
    let info = tsa.info(&token(&tsa, MESSAGE));
    tsa.certificate("second", "tsa", P256, "-sha256");
    let extra = tsa.signed(&info, "tsa", &["-certfile", "second.pem"]);
    assert_eq!(rule(check(&extra, MESSAGE, &roots(&tsa))), Some(Rule::Timestamp), "a certificate of nobody");
    let bare = tsa.signed(&info, "tsa", &["-nocerts"]);
    assert!(check(&bare, MESSAGE, &roots(&tsa)).is_err(), "no certificate");
    let twice = tsa.signed(&info, "tsa", &["-signer", "second.pem", "-inkey", "second.key"]);
    assert_eq!(rule(check(&twice, MESSAGE, &roots(&tsa))), Some(Rule::TimestampFormat), "two signers");
    let no_attributes = tsa.cms(&info, "tsa", &["-noattr"]);
    assert_eq!(rule(check(&no_attributes, MESSAGE, &roots(&tsa))), Some(Rule::TimestampFormat));
    let unbound = tsa.cms(&info, "tsa", &[]);
    assert_eq!(
        rule(check(&unbound, MESSAGE, &roots(&tsa))),
        Some(Rule::Timestamp),
        "nothing says by which certificate"
    );
    let by_key = tsa.signed(&info, "tsa", &["-keyid"]);
    assert!(check(&by_key, MESSAGE, &roots(&tsa)).unwrap().known, "named by the key's id");
    let other_content = tsa.signed(b"not a TSTInfo", "tsa", &[]);
    assert_eq!(rule(check(&other_content, MESSAGE, &roots(&tsa))), Some(Rule::TimestampFormat));
}

#[test]
fn a_curve_that_is_not_judged_here_is_refused_and_never_taken() {
    let Some(tsa) = Tsa::new(&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"], "sha256", false) else {
        return;
    };
    let token = token(&tsa, MESSAGE);
    assert_eq!(rule(check(&token, MESSAGE, &roots(&tsa))), Some(Rule::Timestamp));
}

#[test]
fn an_answer_is_to_this_request_and_grants_it() {
    let Some(tsa) = Tsa::p256(true) else { return };
    let (one, two) = (Request::new(MESSAGE, [0; 8]), Request::new(MESSAGE, [0xff; 8]));
    let answer = tsa.reply(&one.encode());
    assert!(one.answered(&answer).is_ok());
    assert_eq!(two.answered(&answer).unwrap_err().rule, Rule::Timestamp, "another nonce");
    // It knows no SHA-1, and says so in the answer.
    let mut request = one.encode();
    let sha256 = request.windows(3).position(|bytes| bytes == [0x04, 0x02, 0x01]).unwrap();
    request[sha256 + 2] = 0x04;
    let refused = tsa.reply(&request);
    assert_eq!(one.answered(&refused).unwrap_err().found, "status 2");
    assert_eq!(one.answered(&answer[1..]).unwrap_err().rule, Rule::TimestampFormat);
}

#[test]
fn an_oversize_token_and_files_without_certificates_are_refused() {
    let oversize = check(&vec![0x30; TOKEN_BYTES_MAX + 1], MESSAGE, &[]).unwrap_err();
    assert_eq!((oversize.rule, oversize.found), (Rule::TimestampFormat, (TOKEN_BYTES_MAX + 1).to_string()));
    let block = |text: &str| format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    for text in ["", "certificates", "-----BEGIN CERTIFICATE-----\nAAAA", &block("?"), &block("MAA=")] {
        assert_eq!(Authority::read_pem(text.as_bytes()).unwrap_err().rule, Rule::TimestampFormat, "{text}");
    }
}

/// A token that was made once and is judged by every build alike, whatever OpenSSL is installed: over P-256, and over RSA.
const KEPT: [(&[u8], &[u8], u64); 2] = [
    (include_bytes!("tsa/p256.tst"), include_bytes!("tsa/p256.pem"), 1_795_941_290),
    (include_bytes!("tsa/rsa.tst"), include_bytes!("tsa/rsa.pem"), 1_795_941_291),
];

#[test]
fn kept_tokens_hold_as_they_did() {
    for (token, root, at) in KEPT {
        let stamp = check(token, MESSAGE, &Authority::read_pem(root).unwrap()).unwrap();
        assert_eq!((stamp.known, stamp.at), (true, UnixSeconds(at)));
        assert_ne!(stamp.certificate, Hash::ZERO);
    }
}

proptest! {
    #[test]
    fn nothing_that_is_read_panics(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = check(&bytes, MESSAGE, &[]);
        let _ = Request::new(MESSAGE, [1; 8]).answered(&bytes);
        let _ = Authority::from_der(&bytes);
        let _ = Authority::read_pem(&bytes);
    }

    #[test]
    fn a_kept_token_with_other_bytes_anywhere_is_nobodys(
        number in 0usize..2,
        from in 0usize..3_000,
        other in prop::collection::vec(any::<u8>(), 0..6),
        removed in 0usize..6,
    ) {
        let (token, root, _) = KEPT[number];
        let from = from % token.len();
        let to = (from + removed).min(token.len());
        let changed = [&token[..from], &other[..], &token[to..]].concat();
        let authorities = Authority::read_pem(root).unwrap();
        prop_assume!(changed != token);
        prop_assert!(check(&changed, MESSAGE, &authorities).map_or(true, |stamp| !stamp.known));
    }
}
