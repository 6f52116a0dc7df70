//! ECDSA in pure Rust, for every target. Refuses to know forms: key and signature were parsed.

use p256::ecdsa::signature::Verifier;

pub(super) fn p256(key: &p256::ecdsa::VerifyingKey, message: &[u8], signature: &p256::ecdsa::Signature) -> bool {
    key.verify(message, signature).is_ok()
}

pub(super) fn secp256k1(key: &k256::ecdsa::VerifyingKey, message: &[u8], signature: &k256::ecdsa::Signature) -> bool {
    key.verify(message, signature).is_ok()
}
