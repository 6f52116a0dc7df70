//! ECVRF-EDWARDS25519-SHA512-TAI (RFC 9381): whether an output belongs to an input under a public key. Outputs are index
//! keys of private lookups: nobody but the key's holder can compute one, everybody can check it. Knows no index and no
//! secret key; the prover, which has one, shares the steps below.

// Points and scalars have operators without overflow.
#![allow(clippy::arithmetic_side_effects)]

use crate::refusal::{Refusal, Rule};
use crate::sha::sha512;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;

/// The suite's number (RFC 9381 section 5.5).
const SUITE: u8 = 3;

/// An output: as random to everyone who lacks the key as if it were drawn.
pub type Output = [u8; 64];

/// A proof: Gamma (32 bytes), c (16) and s (32, little-endian).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof(pub [u8; 80]);

/// Checks a proof for the input `alpha` and returns its output (RFC 9381 section 5.3, with `validate_key`). Key, Gamma
/// and `s` are refused in any but their one form.
pub fn verify(public_key: &[u8; 32], alpha: &[u8], proof: &Proof) -> Result<Output, Refusal> {
    let refuse = |found: &str| Refusal::new(Rule::Vrf, "a proof of this input under this key", found);
    let key = point(public_key).filter(|key| !key.is_small_order()).ok_or_else(|| refuse("a malformed key"))?;
    let (gamma, challenge_bytes, s) = parts(proof).ok_or_else(|| refuse("a malformed proof"))?;
    let base = hash_to_curve(public_key, alpha).ok_or_else(|| refuse("an input without a point"))?;
    let c = short_scalar(challenge_bytes);
    let u = EdwardsPoint::vartime_double_scalar_mul_basepoint(&c, &(-key), &s);
    let v = base * s - gamma * c;
    if challenge([&key, &base, &gamma, &u, &v]) != challenge_bytes {
        return Err(refuse("another proof"));
    }
    Ok(output(&gamma))
}

/// Gamma, c and s; `None` where Gamma is no point in its one form, or `s` is not below the group's order.
fn parts(proof: &Proof) -> Option<(EdwardsPoint, [u8; 16], Scalar)> {
    let (gamma, rest) = proof.0.split_first_chunk::<32>()?;
    let (c, s) = rest.split_first_chunk::<16>()?;
    let s = Option::from(Scalar::from_canonical_bytes(s.try_into().ok()?))?;
    Some((point(gamma)?, *c, s))
}

/// `string_to_point` (RFC 8032 section 5.1.3): other encodings of a point are refused.
fn point(bytes: &[u8; 32]) -> Option<EdwardsPoint> {
    let encoded = CompressedEdwardsY(*bytes);
    encoded.decompress().filter(|point| point.compress() == encoded)
}

/// The point of an input under a key (`ECVRF_encode_to_curve_try_and_increment`, section 5.4.1.1). `None` where no
/// counter leads to one, which happens to one input in 2²⁵⁶.
#[must_use]
pub fn hash_to_curve(public_key: &[u8; 32], alpha: &[u8]) -> Option<EdwardsPoint> {
    (0..=u8::MAX).find_map(|counter| {
        let digest = sha512(&[&[SUITE, 1], public_key, alpha, &[counter, 0]]);
        let candidate = point(digest.first_chunk::<32>()?)?.mul_by_cofactor();
        (!candidate.is_identity()).then_some(candidate)
    })
}

/// The challenge over the key, the input's point, Gamma, `U` and `V` (section 5.4.3).
#[must_use]
pub fn challenge(points: [&EdwardsPoint; 5]) -> [u8; 16] {
    let [key, base, gamma, u, v] = points.map(|point| point.compress().to_bytes());
    let digest = sha512(&[&[SUITE, 2], &key, &base, &gamma, &u, &v, &[0]]);
    digest.first_chunk().copied().unwrap_or_default()
}

/// A challenge as a scalar.
#[must_use]
pub fn short_scalar(challenge: [u8; 16]) -> Scalar {
    Scalar::from(u128::from_le_bytes(challenge))
}

/// The output that belongs to a Gamma that was proven (`ECVRF_proof_to_hash`, section 5.2).
#[must_use]
pub fn output(gamma: &EdwardsPoint) -> Output {
    sha512(&[&[SUITE, 3], &gamma.mul_by_cofactor().compress().to_bytes(), &[0]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn bytes(hex: &str) -> Vec<u8> {
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).expect("hex");
        hex.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
    }

    fn array<const N: usize>(hex: &str) -> [u8; N] {
        bytes(hex).try_into().expect("a length")
    }

    /// RFC 9381, appendix B.3, examples 16 to 18: key, input, proof, output.
    const EXAMPLES: [(&str, &str, &str, &str); 3] = [
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f\
             26f8a57ccaed74ee1b190bed1f479d9727d2d0f9b005a6e456a35d4fb0daab12\
             68a1b0db10836d9826a528ca76567805",
            "90cf1df3b703cce59e2a35b925d411164068269d7b2d29f3301c03dd757876ff\
             66b71dda49d2de59d03450451af026798e8f81cd2e333de5cdf4f3e140fdd8ae",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "f3141cd382dc42909d19ec5110469e4feae18300e94f304590abdced48aed593\
             3bf0864a62558b3ed7f2fea45c92a465301b3bbf5e3e54ddf2d935be3b67926d\
             a3ef39226bbc355bdc9850112c8f4b02",
            "eb4440665d3891d668e7e0fcaf587f1b4bd7fbfe99d0eb2211ccec90496310eb\
             5e33821bc613efb94db5e5b54c70a848a0bef4553a41befc57663b56373a5031",
        ),
        (
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "9bc0f79119cc5604bf02d23b4caede71393cedfbb191434dd016d30177ccbf80\
             96bb474e53895c362d8628ee9f9ea3c0e52c7a5c691b6c18c9979866568add7a\
             2d41b00b05081ed0f58ee5e31b3a970e",
            "645427e5d00c62a23fb703732fa5d892940935942101e456ecca7bb217c61c45\
             2118fec1219202a0edcf038bb6373241578be7217ba85a2687f7a0310b2df19f",
        ),
    ];

    #[test]
    fn the_examples_of_the_rfc_verify_and_no_changed_bit_of_a_proof_does() {
        for (key, alpha, proof, expected) in EXAMPLES {
            let (key, alpha, proof) = (array(key), bytes(alpha), Proof(array(proof)));
            assert_eq!(verify(&key, &alpha, &proof), Ok(array(expected)));
            for bit in 0..proof.0.len() * 8 {
                let mut changed = proof;
                changed.0[bit / 8] ^= 1 << (bit % 8);
                let refusal = verify(&key, &alpha, &changed).expect_err("refused");
                assert_eq!(refusal.rule, Rule::Vrf, "bit {bit}");
            }
            assert!(verify(&key, b"other", &proof).is_err());
        }
    }

    #[test]
    fn a_key_of_small_order_proves_nothing() {
        // Order 4: y = 0; order 1: y = 1. With them every Gamma of small order could be shown for every input.
        for y in [0u8, 1] {
            let mut key = [0; 32];
            key[0] = y;
            let refusal = verify(&key, b"", &Proof(array(EXAMPLES[0].2))).expect_err("refused");
            assert_eq!(refusal.found, "a malformed key");
        }
    }
}
