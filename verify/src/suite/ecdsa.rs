//! ECDSA over SHA-256 on P-256 and secp256k1 (FIPS 186-5 section 6.4.2, SEC 1 section 4.1.4), low `s` only.

use super::is_compressed;
use k256::ecdsa as k1;
use p256::ecdsa as r1;
use p256::ecdsa::signature::Verifier;

/// Whether the signature holds on P-256; `None` where key or signature is not in its one form.
pub(super) fn p256(key: &[u8], message: &[u8], signature: &[u8; 64]) -> Option<bool> {
    let signature = r1::Signature::from_slice(signature).ok()?;
    if !is_compressed(key) || signature.normalize_s() != signature {
        return None;
    }
    let key = r1::VerifyingKey::from_sec1_bytes(key).ok()?;
    Some(key.verify(message, &signature).is_ok())
}

/// Whether the signature holds on secp256k1; `None` where key or signature is not in its one form.
pub(super) fn secp256k1(key: &[u8], message: &[u8], signature: &[u8; 64]) -> Option<bool> {
    let signature = k1::Signature::from_slice(signature).ok()?;
    if !is_compressed(key) || signature.normalize_s() != signature {
        return None;
    }
    let key = k1::VerifyingKey::from_sec1_bytes(key).ok()?;
    Some(key.verify(message, &signature).is_ok())
}
