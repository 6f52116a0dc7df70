//! Strict Ed25519 (RFC 8032 section 5.1.7, without the freedoms that implementations took). Chain votes are judged by
//! another rule (ZIP-215, [`crate::ed25519`]).

use ed25519_dalek::{Signature, VerifyingKey};

/// Whether the signature holds; `None` where key or signature is not in its one form.
pub(super) fn verify(key: &[u8], message: &[u8], signature: &[u8; 64]) -> Option<bool> {
    let bytes: [u8; 32] = key.try_into().ok()?;
    let key = VerifyingKey::from_bytes(&bytes).ok()?;
    // `y` at or above p, and a sign on x = 0, are other encodings of points (RFC 8032 section 5.1.3).
    if key.to_edwards().compress().to_bytes() != bytes {
        return None;
    }
    // Refuses small orders, and an `s` that is not reduced; `R` is compared as bytes.
    Some(key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
}
