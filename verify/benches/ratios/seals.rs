//! Seals: SM2 as `verify` judges it, tag, canonical bytes and strict forms included, against the plain crate.

use crate::{Figures, compare, show};
use comity_model::seal::{PublicKey, Signature, Suite, Suites};
use comity_verify::seal::{check, signing_bytes};
use comity_verify::suite::SM2_ID;
use sm2::dsa::signature::{Signer, Verifier};
use sm2::dsa::{SigningKey, VerifyingKey};
use std::hint::black_box;

const TAG: &str = "comity/decision/v1";

pub(crate) fn measure(rounds: usize, figures: &mut Figures) {
    let signer = SigningKey::from_slice(SM2_ID, &[7; 32]).expect("a key");
    let encoded = signer.verifying_key().to_sec1_bytes();
    let value = [5u8; 200];
    let message = signing_bytes(TAG, &value);
    let signature = signer.sign(&message);
    let key = PublicKey::new(Suite::Sm2Sm3, compressed(&encoded)).expect("a key");
    let seal = Signature { suite: Suite::Sm2Sm3, bytes: signature.to_bytes().into() };
    let ours = || assert!(black_box(check(TAG, &value, &key, &seal, Suites::ALL)).is_ok());
    let peer = || {
        let key = VerifyingKey::from_sec1_bytes(SM2_ID, key.bytes()).expect("a key");
        assert!(black_box(key.verify(&message, &signature)).is_ok());
    };
    compare("sm2_one", rounds, figures, ours, peer);
    ecdsa(rounds);
}

/// P-256 and secp256k1 as this build judges them, against the portable crates.
fn ecdsa(rounds: usize) {
    let (value, seed) = ([5u8; 200], [7u8; 32]);
    let message = signing_bytes(TAG, &value);
    let signer = p256::ecdsa::SigningKey::from_bytes(&seed.into()).expect("a key");
    let signature: p256::ecdsa::Signature = signer.sign(&message);
    let signature = signature.normalize_s();
    let point = signer.verifying_key().to_sec1_point(true).as_bytes().to_vec();
    let key = PublicKey::new(Suite::P256Sha256, point.clone()).expect("a key");
    let seal = Signature { suite: Suite::P256Sha256, bytes: signature.to_bytes().into() };
    let ours = || assert!(black_box(check(TAG, &value, &key, &seal, Suites::ALL)).is_ok());
    let peer = || {
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).expect("a key");
        assert!(black_box(key.verify(&message, &signature)).is_ok());
    };
    show("p256_one", rounds, ours, peer);
    let signer = k256::ecdsa::SigningKey::from_bytes(&seed.into()).expect("a key");
    let signature: k256::ecdsa::Signature = signer.sign(&message);
    let signature = signature.normalize_s();
    let point = signer.verifying_key().to_sec1_point(true).as_bytes().to_vec();
    let key = PublicKey::new(Suite::Secp256k1Sha256, point.clone()).expect("a key");
    let seal = Signature { suite: Suite::Secp256k1Sha256, bytes: signature.to_bytes().into() };
    let ours = || assert!(black_box(check(TAG, &value, &key, &seal, Suites::ALL)).is_ok());
    let peer = || {
        let key = k256::ecdsa::VerifyingKey::from_sec1_bytes(&point).expect("a key");
        assert!(black_box(key.verify(&message, &signature)).is_ok());
    };
    show("secp256k1_one", rounds, ours, peer);
}

/// SEC 1 section 2.3.3: the parity of y, then x.
fn compressed(point: &[u8]) -> Vec<u8> {
    match point {
        [4, rest @ ..] if rest.len() == 64 => [&[2 | (rest[63] & 1)], &rest[..32]].concat(),
        _ => point.to_vec(),
    }
}
