//! The signature suites: what the standards' examples say, and that a key, a message and a signature have one form each.
#![allow(clippy::unwrap_used)]

use comity_model::seal::{PublicKey, Signature, Suite};
use comity_verify::Rule;
use comity_verify::suite::{SM2_ID, verify};
use p256::ecdsa::signature::Signer as _;
use sm2::elliptic_curve::sec1::ToSec1Point as _;

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    let hex: String = hex.chars().filter(|c| !c.is_whitespace()).collect();
    let digits =
        hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
    digits.collect::<Vec<u8>>().try_into().unwrap()
}

/// A key, and a signature over a message.
struct Signed {
    key: PublicKey,
    signature: [u8; 64],
}

fn signed(suite: Suite, message: &[u8]) -> Signed {
    let seed = [9; 32].into();
    let (key, signature): (Vec<u8>, [u8; 64]) = match suite {
        Suite::Ed25519Sha256 => {
            let key = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
            (key.verifying_key().to_bytes().to_vec(), key.sign(message).to_bytes())
        }
        Suite::P256Sha256 => {
            let key = p256::ecdsa::SigningKey::from_bytes(&seed).unwrap();
            let signature: p256::ecdsa::Signature = key.sign(message);
            (key.verifying_key().to_sec1_point(true).as_bytes().to_vec(), signature.normalize_s().to_bytes().into())
        }
        Suite::Secp256k1Sha256 => {
            let key = k256::ecdsa::SigningKey::from_bytes(&seed).unwrap();
            let signature: k256::ecdsa::Signature = key.sign(message);
            (key.verifying_key().to_sec1_point(true).as_bytes().to_vec(), signature.normalize_s().to_bytes().into())
        }
        Suite::Sm2Sm3 => {
            let key = sm2::dsa::SigningKey::from_slice(SM2_ID, &[9; 32]).unwrap();
            let point = key.verifying_key().as_affine().to_sec1_point(true);
            (point.as_bytes().to_vec(), key.sign(message).to_bytes().into())
        }
    };
    Signed { key: PublicKey::new(suite, key).unwrap(), signature }
}

fn rule(key: &PublicKey, message: &[u8], bytes: [u8; 64]) -> Result<(), Rule> {
    verify(key, message, &Signature { suite: key.suite(), bytes }).map_err(|refusal| refusal.rule)
}

#[test]
fn a_signature_holds_in_each_suite_and_no_changed_bit_of_it_does() {
    for suite in Suite::ALL {
        let Signed { key, signature } = signed(suite, b"an order");
        assert_eq!(rule(&key, b"an order", signature), Ok(()), "{suite:?}");
        assert_eq!(rule(&key, b"an Order", signature), Err(Rule::Seal), "{suite:?}");
        for bit in 0..512 {
            let mut changed = signature;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(rule(&key, b"an order", changed), Err(Rule::Seal), "{suite:?} bit {bit}");
        }
    }
}

#[test]
fn no_changed_bit_of_a_key_leaves_a_signature_valid() {
    for suite in Suite::ALL {
        let Signed { key, signature } = signed(suite, b"an order");
        for bit in 0..key.bytes().len() * 8 {
            let mut changed = key.bytes().to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = PublicKey::new(suite, changed).unwrap();
            assert_eq!(rule(&changed, b"an order", signature), Err(Rule::Seal), "{suite:?} bit {bit}");
        }
    }
}

#[test]
fn a_signature_of_another_suite_than_the_key_is_refused_by_name() {
    for suite in Suite::ALL {
        let Signed { key, signature } = signed(suite, b"an order");
        for other in Suite::ALL.into_iter().filter(|other| *other != suite) {
            let refusal = verify(&key, b"an order", &Signature { suite: other, bytes: signature }).unwrap_err();
            assert_eq!(refusal.rule, Rule::Suite);
            assert!(refusal.expected.contains(suite.name()) && refusal.found.contains(other.name()), "{refusal}");
        }
    }
}

/// A 256-bit number, big-endian.
fn minus(a: [u8; 32], b: &[u8]) -> [u8; 32] {
    let (mut out, mut borrow) = ([0; 32], 0i16);
    for index in (0..32).rev() {
        let digit = i16::from(a[index]) - i16::from(b[index]) - borrow;
        borrow = i16::from(digit < 0);
        out[index] = u8::try_from(digit.rem_euclid(256)).unwrap();
    }
    out
}

const P256_N: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const SECP256K1_N: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
const SM2_N: &str = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123";

#[test]
fn the_other_s_of_a_signature_is_no_second_signature() {
    for (suite, order) in [(Suite::P256Sha256, P256_N), (Suite::Secp256k1Sha256, SECP256K1_N), (Suite::Sm2Sm3, SM2_N)] {
        for message in [b"1", b"2", b"3", b"4"] {
            let Signed { key, signature } = signed(suite, message);
            let mut other = signature;
            other[32..].copy_from_slice(&minus(bytes(order), &signature[32..]));
            assert_eq!(rule(&key, message, signature), Ok(()));
            assert_eq!(rule(&key, message, other), Err(Rule::Seal), "{suite:?}");
        }
    }
}

#[test]
fn numbers_outside_their_range_are_no_signature() {
    for (suite, order) in [(Suite::P256Sha256, P256_N), (Suite::Secp256k1Sha256, SECP256K1_N), (Suite::Sm2Sm3, SM2_N)] {
        let Signed { key, signature } = signed(suite, b"an order");
        for half in [0, 32] {
            for value in [[0; 32], bytes(order), [0xff; 32]] {
                let mut changed = signature;
                changed[half..half + 32].copy_from_slice(&value);
                assert_eq!(rule(&key, b"an order", changed), Err(Rule::Seal), "{suite:?}");
            }
        }
    }
}

#[test]
fn a_key_has_one_form() {
    for suite in [Suite::P256Sha256, Suite::Secp256k1Sha256, Suite::Sm2Sm3] {
        let Signed { key, signature } = signed(suite, b"an order");
        // 04 and 06 belong to points with two coordinates, 05 to compact ones; 00 is infinity.
        for tag in [0, 1, 4, 5, 6, 7] {
            let mut changed = key.bytes().to_vec();
            changed[0] = tag;
            assert_eq!(rule(&PublicKey::new(suite, changed).unwrap(), b"an order", signature), Err(Rule::Seal));
        }
        // An x at or above the field's prime.
        let high = [&[2], &[0xff; 32][..]].concat();
        assert_eq!(rule(&PublicKey::new(suite, high).unwrap(), b"an order", signature), Err(Rule::Seal));
    }
    // y = p + 3 is another encoding of y = 3 (RFC 8032 section 5.1.3); dalek alone would take it for the same point.
    let Signed { signature, .. } = signed(Suite::Ed25519Sha256, b"an order");
    let mut high = [0xff; 32];
    (high[0], high[31]) = (0xf0, 0x7f);
    assert!(ed25519_dalek::VerifyingKey::from_bytes(&high).is_ok());
    let refusal = verify(&PublicKey::ed25519(high), b"an order", &Signature::ed25519(signature)).unwrap_err();
    assert_eq!(refusal.found, "a key or signature that is not in its one form");
}

#[test]
fn sm2_gives_the_result_of_the_standards_example() {
    // GM/T 0003.5-2012, appendix A.2: signature over "message digest" on the recommended curve, under the default id.
    assert_eq!(SM2_ID, "1234567812345678");
    let x = "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020";
    let y = "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13";
    let r = "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3";
    let s = "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA";
    let tag = if bytes::<32>(y)[31] & 1 == 1 { 3 } else { 2 };
    let key = PublicKey::new(Suite::Sm2Sm3, [&[tag], &bytes::<32>(x)[..]].concat()).unwrap();
    let signature: [u8; 64] = bytes(&format!("{r}{s}"));
    assert_eq!(rule(&key, b"message digest", signature), Ok(()));
    assert_eq!(rule(&key, b"message digesT", signature), Err(Rule::Seal));
    let private = bytes::<32>("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8");
    let signer = sm2::dsa::SigningKey::from_slice(SM2_ID, &private).unwrap();
    assert_eq!(signer.verifying_key().as_affine().to_sec1_point(true).as_bytes(), key.bytes());
    // Another id is another signature.
    let other = sm2::dsa::SigningKey::from_slice("ALICE123@YAHOO.COM", &private).unwrap();
    assert_eq!(rule(&key, b"message digest", other.sign(b"message digest").to_bytes().into()), Err(Rule::Seal));
}
