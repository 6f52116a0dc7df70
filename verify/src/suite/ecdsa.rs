//! ECDSA over SHA-256 on P-256 and secp256k1 (FIPS 186-5 section 6.4.2, SEC 1 section 4.1.4), low `s` only.
//!
//! A back-end answers one question, whether a signature holds. What a key and a signature may look like is decided here, once
//! for all of them, so that the same bytes are accepted wherever this runs. Knows no suite.

use super::is_compressed;

#[cfg(any(test, feature = "std"))]
mod native;
#[cfg(any(test, not(feature = "std")))]
mod portable;

#[cfg(feature = "std")]
use native as back_end;
#[cfg(not(feature = "std"))]
use portable as back_end;

/// Whether the signature holds on P-256; `None` where key or signature is not in its one form.
pub(super) fn p256(key: &[u8], message: &[u8], signature: &[u8; 64]) -> Option<bool> {
    on_p256(back_end::p256, key, message, signature)
}

/// Whether the signature holds on secp256k1; `None` where key or signature is not in its one form.
pub(super) fn secp256k1(key: &[u8], message: &[u8], signature: &[u8; 64]) -> Option<bool> {
    on_secp256k1(back_end::secp256k1, key, message, signature)
}

/// Whether a signature over a message holds under a key that is a point.
type Holds<K, S> = fn(&K, &[u8], &S) -> bool;

fn on_p256(
    holds: Holds<p256::ecdsa::VerifyingKey, p256::ecdsa::Signature>,
    key: &[u8],
    message: &[u8],
    signature: &[u8; 64],
) -> Option<bool> {
    // SEC 1 section 4.1.4, step 1: r and s from 1 to n − 1. Of s and n − s, the lower one.
    let signature = p256::ecdsa::Signature::from_slice(signature).ok()?;
    if !is_compressed(key) || signature.normalize_s() != signature {
        return None;
    }
    // SEC 1 section 2.3.4: x below p, and the point on the curve.
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    Some(holds(&key, message, &signature))
}

fn on_secp256k1(
    holds: Holds<k256::ecdsa::VerifyingKey, k256::ecdsa::Signature>,
    key: &[u8],
    message: &[u8],
    signature: &[u8; 64],
) -> Option<bool> {
    let signature = k256::ecdsa::Signature::from_slice(signature).ok()?;
    if !is_compressed(key) || signature.normalize_s() != signature {
        return None;
    }
    let key = k256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    Some(holds(&key, message, &signature))
}

#[cfg(test)]
mod tests;
