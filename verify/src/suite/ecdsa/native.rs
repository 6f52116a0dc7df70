//! ECDSA by ring and libsecp256k1, several times faster than the portable one, where there is a C compiler's target.
//! Refuses to know forms: key and signature were parsed, and are handed over as the libraries want them.

use crate::sha::sha256;
use k256::elliptic_curve::sec1::ToSec1Point as _;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

pub(super) fn p256(key: &p256::ecdsa::VerifyingKey, message: &[u8], signature: &p256::ecdsa::Signature) -> bool {
    // ring takes points with both coordinates only.
    let point = key.as_affine().to_sec1_point(false);
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point.as_bytes());
    key.verify(message, &signature.to_bytes()).is_ok()
}

pub(super) fn secp256k1(key: &k256::ecdsa::VerifyingKey, message: &[u8], signature: &k256::ecdsa::Signature) -> bool {
    // Both coordinates, so that the root is not drawn twice.
    let point = key.as_affine().to_sec1_point(false);
    let digest = secp256k1::Message::from_digest(sha256(&[message]).0);
    let Ok(key) = secp256k1::PublicKey::from_slice(point.as_bytes()) else { return false };
    let Ok(signature) = secp256k1::ecdsa::Signature::from_compact(&signature.to_bytes()) else { return false };
    secp256k1::ecdsa::verify(&signature, digest, &key).is_ok()
}
