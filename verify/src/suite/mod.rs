//! The signature suites of seals and approvals: whether a signature over some bytes is genuine under a key. This folder
//! is the seam for faster back-ends (`ecdsa` has two): everything above it sees [`verify`] only. Knows no domain tag and no
//! acceptance.
//!
//! In every suite a key, a message and a signature have one form each, so that nobody can make a second valid signature
//! out of one that he saw:
//!
//! | suite | key | signature |
//! |---|---|---|
//! | Ed25519 | 32 bytes, canonical (`y` below p), no small order | `R ‖ s`, both canonical, `s` below the group's order (RFC 8032 section 5.1.7 without cofactor) |
//! | P-256, secp256k1 | 33 bytes, compressed (SEC 1 section 2.3.3, tag 02 or 03) | `r ‖ s`, each 32 bytes big-endian, 1 to n − 1, and `s` at most n / 2 |
//! | SM2 | 33 bytes, compressed | `r ‖ s`, each 32 bytes big-endian, 1 to n − 1; `n − s` is no second signature, so that no half is chosen |

mod ecdsa;
mod ed25519;
mod sm2;

pub use self::sm2::SM2_ID;

use crate::refusal::{Refusal, Rule};
use comity_model::seal::{PublicKey, Signature, Suite};

/// Checks a signature over `message`. Key and signature must be of one suite; what they are is told apart from a
/// signature that does not hold, so that a wrong key file is found.
pub fn verify(key: &PublicKey, message: &[u8], signature: &Signature) -> Result<(), Refusal> {
    if signature.suite != key.suite() {
        return Err(Refusal::new(
            Rule::Suite,
            alloc::format!("a {} signature, as the key is", key.suite().name()),
            alloc::format!("a {} signature", signature.suite.name()),
        ));
    }
    let genuine = match key.suite() {
        Suite::Ed25519Sha256 => ed25519::verify(key.bytes(), message, &signature.bytes),
        Suite::P256Sha256 => ecdsa::p256(key.bytes(), message, &signature.bytes),
        Suite::Secp256k1Sha256 => ecdsa::secp256k1(key.bytes(), message, &signature.bytes),
        Suite::Sm2Sm3 => self::sm2::verify(key.bytes(), message, &signature.bytes),
    };
    if genuine == Some(true) {
        return Ok(());
    }
    let found = if genuine.is_none() { "a key or signature that is not in its one form" } else { "another signature" };
    Err(Refusal::new(Rule::Seal, alloc::format!("a signature by {key:?}"), found))
}

/// The tag of a compressed point: 02 or 03. Parsers of points take others as well (uncompressed, hybrid, compact).
fn is_compressed(key: &[u8]) -> bool {
    matches!(key, [2 | 3, rest @ ..] if rest.len() == 32)
}
