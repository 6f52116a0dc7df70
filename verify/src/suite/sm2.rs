//! SM2 signatures over SM3 (GM/T 0003.2 section 7.1, GM/T 0003.5 for the curve), under the default id.

use super::is_compressed;
use ::sm2::dsa::signature::Verifier;
use ::sm2::dsa::{Signature, VerifyingKey};

/// The id that goes into every SM2 digest (GM/T 0009 section 10): sixteen digits in ASCII, the same for everybody.
pub const SM2_ID: &str = "1234567812345678";

/// Whether the signature holds; `None` where key or signature is not in its one form.
pub(super) fn verify(key: &[u8], message: &[u8], signature: &[u8; 64]) -> Option<bool> {
    if !is_compressed(key) {
        return None;
    }
    let key = VerifyingKey::from_sec1_bytes(SM2_ID, key).ok()?;
    let signature = Signature::from_slice(signature).ok()?;
    Some(key.verify(message, &signature).is_ok())
}
