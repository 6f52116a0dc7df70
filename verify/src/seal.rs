//! Seals of institutions and officers: what exactly is signed, and whether an accepted suite's signature over it is
//! genuine ([`crate::suite`]). Chain votes are another rule and other types ([`crate::ed25519`]). Knows no institutions.

use crate::refusal::{Refusal, Rule};
use crate::sha::sha256;
use crate::suite;
use alloc::vec::Vec;
use borsh::BorshSerialize;
use comity_model::Hash;
use comity_model::seal::{PublicKey, Signature, Suites};

/// Domain tag of a transaction: what its sender, an operator, signs (`TxBody`).
pub const TAG_TX: &str = "comity/tx/v1";
/// Domain tag of a proposal: what governors sign (`Proposal`).
pub const TAG_PROPOSAL: &str = "comity/proposal/v1";
/// Domain tag of a batch of records under an institution's seal (`RecordBatch`).
pub const TAG_RECORDS: &str = "comity/records/v1";
/// Domain tag of a batch of assets under an institution's seal (`AssetBatch`).
pub const TAG_ASSETS: &str = "comity/assets/v2";
/// Domain tag of an institution's decision under its seal (`Decision`).
pub const TAG_DECISION: &str = "comity/decision/v2";
/// Domain tag of an institution's objection.
pub const TAG_OBJECTION: &str = "comity/objection/v1";

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

/// Checks a seal or approval. A suite that is not among the `accepted` ones is refused by name before anything is
/// computed, and so is a signature of another suite than its key's.
pub fn check<T: BorshSerialize>(
    tag: &'static str,
    value: &T,
    key: &PublicKey,
    signature: &Signature,
    accepted: Suites,
) -> Result<(), Refusal> {
    if !accepted.contains(key.suite()) {
        return Err(Refusal::new(Rule::Suite, accepted, key.suite().name()));
    }
    suite::verify(key, &signing_bytes(tag, value), signature)
        .map_err(|refusal| Refusal { expected: alloc::format!("{} over {tag}", refusal.expected), ..refusal })
}

#[cfg(test)]
mod tests {
    use super::*;
    use comity_model::seal::Suite;
    use ed25519_dalek::{Signer, SigningKey};

    const ALL: Suites = Suites::ALL;

    #[test]
    fn the_tags_are_those_that_docs_formats_lists() {
        let tags = [TAG_TX, TAG_PROPOSAL, TAG_RECORDS, TAG_ASSETS, TAG_DECISION, TAG_OBJECTION];
        let listed = [
            "comity/tx/v1",
            "comity/proposal/v1",
            "comity/records/v1",
            "comity/assets/v2",
            "comity/decision/v2",
            "comity/objection/v1",
        ];
        assert_eq!(tags, listed);
        let formats = include_str!("../../docs/formats.md");
        for tag in tags {
            assert!(formats.contains(&std::format!("| `{tag}` |")), "{tag}");
            assert!(!tag.as_bytes().contains(&0));
        }
    }

    #[test]
    fn a_seal_holds_for_its_tag_value_and_key_only() {
        let signer = SigningKey::from_bytes(&[7; 32]);
        let key = PublicKey::ed25519(signer.verifying_key().to_bytes());
        let sign = |tag, value: &u64| Signature::ed25519(signer.sign(&signing_bytes(tag, value)).to_bytes());
        let seal = sign("a/v1", &5);
        assert_eq!(check("a/v1", &5u64, &key, &seal, ALL), Ok(()));
        let other = PublicKey::ed25519(SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes());
        for refused in [
            check("b/v1", &5u64, &key, &seal, ALL),
            check("a/v1", &6u64, &key, &seal, ALL),
            check("a/v1", &5u64, &other, &seal, ALL),
        ] {
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
        let seal = check("a/v1", &5u64, &PublicKey::ed25519(identity), &Signature::ed25519(bytes), ALL);
        assert_eq!(seal.map_err(|refusal| refusal.rule), Err(Rule::Seal));
    }

    #[test]
    fn a_suite_that_is_not_accepted_is_refused_by_name_though_its_signature_may_hold() {
        let signer = SigningKey::from_bytes(&[7; 32]);
        let key = PublicKey::ed25519(signer.verifying_key().to_bytes());
        let seal = Signature::ed25519(signer.sign(&signing_bytes("a/v1", &5u64)).to_bytes());
        let accepted = Suites::new([Suite::P256Sha256, Suite::Sm2Sm3]).expect("a set");
        let refusal = check("a/v1", &5u64, &key, &seal, accepted).expect_err("refused");
        assert_eq!(refusal.rule, Rule::Suite);
        assert_eq!((refusal.expected.as_str(), refusal.found.as_str()), ("p256-sha256, sm2-sm3", "ed25519-sha256"));
        let refusal =
            check("a/v1", &5u64, &key, &Signature { suite: Suite::Sm2Sm3, ..seal }, ALL).expect_err("refused");
        assert_eq!(refusal.rule, Rule::Suite);
        assert!(refusal.found.contains("sm2-sm3"));
    }
}
