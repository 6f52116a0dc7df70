//! Seals of institutions and officers: what exactly is signed, and whether a signature over it is genuine.
//!
//! Strict Ed25519 (RFC 8032 without its freedoms), under a domain tag. Chain votes are another rule and other types
//! ([`crate::ed25519`]). Knows no institutions.

use crate::refusal::{Refusal, Rule};
use crate::sha::sha256;
use alloc::vec::Vec;
use borsh::BorshSerialize;
use comity_model::Hash;
use comity_model::seal::{PublicKey, Signature, Suite};

/// The bytes that are signed or hashed for `value`: `tag ‖ 0x00 ‖ canonical bytes`. No tag contains a zero byte, so
/// that no two tags share bytes.
#[must_use]
pub fn signing_bytes<T: BorshSerialize>(tag: &'static str, value: &T) -> Vec<u8> {
    let mut bytes = tag.as_bytes().to_vec();
    bytes.push(0);
    bytes.extend_from_slice(&comity_model::encode(value));
    bytes
}

/// SHA-256 of [`signing_bytes`].
#[must_use]
pub fn digest<T: BorshSerialize>(tag: &'static str, value: &T) -> Hash {
    sha256(&[&signing_bytes(tag, value)])
}

/// Checks a seal or approval. A suite that is not accepted, or that differs between key and signature, is refused by
/// name.
pub fn check<T: BorshSerialize>(
    tag: &'static str,
    value: &T,
    key: &PublicKey,
    signature: &Signature,
) -> Result<(), Refusal> {
    if key.suite() != Suite::Ed25519Sha256 || signature.suite != key.suite() {
        return Err(Refusal::new(
            Rule::Suite,
            Suite::Ed25519Sha256.name(),
            alloc::format!("{} key, {} signature", key.suite().name(), signature.suite.name()),
        ));
    }
    let genuine = strict_key(key).is_some_and(|strict| {
        strict
            .verify_strict(&signing_bytes(tag, value), &ed25519_dalek::Signature::from_bytes(&signature.bytes))
            .is_ok()
    });
    if genuine {
        Ok(())
    } else {
        Err(Refusal::new(
            Rule::Seal,
            alloc::format!("a signature over {tag} by {key:?}"),
            alloc::format!("{signature:?}"),
        ))
    }
}

fn strict_key(key: &PublicKey) -> Option<ed25519_dalek::VerifyingKey> {
    let bytes: [u8; 32] = key.bytes().try_into().ok()?;
    ed25519_dalek::VerifyingKey::from_bytes(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};

    #[test]
    fn a_seal_holds_for_its_tag_value_and_key_only() {
        let signer = SigningKey::from_bytes(&[7; 32]);
        let key = PublicKey::ed25519(signer.verifying_key().to_bytes());
        let sign = |tag, value: &u64| Signature::ed25519(signer.sign(&signing_bytes(tag, value)).to_bytes());
        let seal = sign("a/v1", &5);
        assert_eq!(check("a/v1", &5u64, &key, &seal), Ok(()));
        let other = PublicKey::ed25519(SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes());
        for refused in
            [check("b/v1", &5u64, &key, &seal), check("a/v1", &6u64, &key, &seal), check("a/v1", &5u64, &other, &seal)]
        {
            assert_eq!(refused.map_err(|refusal| refusal.rule), Err(Rule::Seal));
        }
    }

    #[test]
    fn a_small_order_key_seals_nothing() {
        // Under ZIP-215 the zero signature of the identity point is valid for every message; a seal is not that lax.
        let mut identity = [0u8; 32];
        identity[0] = 1;
        let mut bytes = [0u8; 64];
        bytes[0] = 1;
        let consensus = crate::ed25519::Key::new(identity).expect("a point");
        let message = signing_bytes("a/v1", &5u64);
        assert!(crate::ed25519::verify(&crate::ed25519::Item {
            key: &consensus,
            signature: &bytes,
            message: &message,
        }));
        let seal = check("a/v1", &5u64, &PublicKey::ed25519(identity), &Signature::ed25519(bytes));
        assert_eq!(seal.map_err(|refusal| refusal.rule), Err(Rule::Seal));
    }

    #[test]
    fn a_suite_that_is_not_accepted_is_refused_by_name() {
        let key = PublicKey::new(Suite::Sm2Sm3, alloc::vec![2; 33]).expect("a length");
        let signature = Signature { suite: Suite::Sm2Sm3, bytes: [0; 64] };
        let refusal = check("a/v1", &5u64, &key, &signature).expect_err("refused");
        assert_eq!(refusal.rule, Rule::Suite);
        assert!(refusal.found.contains("sm2-sm3"));
    }
}
