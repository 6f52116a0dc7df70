//! The seal key itself, of any suite: what it signs with and what others check by. The one place that a hardware module's
//! key would join. It refuses to know what is signed, and gives its secret to nobody.

use comity_model::seal::{PublicKey, Signature, Suite};
use comity_verify::suite::SM2_ID;
use ed25519_dalek::Signer as _;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use secrecy::{ExposeSecret, SecretBox};

/// What the seed of a log's key is hashed with; it is no tag of anything that is signed.
const TAG_LOG_KEY: &str = "comity/log-key/v1";

/// An institution's seal key. Every signature is deterministic, and in the one form that `verify` accepts.
pub struct SealKey {
    secret: Secret,
    public: PublicKey,
    log: ed25519_dalek::SigningKey,
}

enum Secret {
    Ed25519(ed25519_dalek::SigningKey),
    P256(p256::ecdsa::SigningKey),
    Secp256k1(k256::ecdsa::SigningKey),
    // Larger than the others together.
    Sm2(Box<sm2::dsa::SigningKey>),
}

/// 32 bytes that are no key of the suite: zero, or not below the group's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these 32 bytes are no {} key", .0.name())]
pub struct NoKey(pub Suite);

impl SealKey {
    /// The key of a suite from its 32 secret bytes: an Ed25519 seed, or a big-endian scalar of the other curves. The
    /// secret is wiped when the key is dropped.
    ///
    /// # Errors
    /// [`NoKey`]; one draw of random bytes in 2³² at the most.
    pub fn new(suite: Suite, secret: &SecretBox<[u8; 32]>) -> Result<Self, NoKey> {
        let (bytes, no_key) = (secret.expose_secret(), |_| NoKey(suite));
        let (secret, public) = match suite {
            Suite::Ed25519Sha256 => return Ok(Self::ed25519(secret)),
            Suite::P256Sha256 => {
                let key = p256::ecdsa::SigningKey::from_slice(bytes).map_err(no_key)?;
                let public = key.verifying_key().to_sec1_point(true).as_bytes().to_vec();
                (Secret::P256(key), public)
            }
            Suite::Secp256k1Sha256 => {
                let key = k256::ecdsa::SigningKey::from_slice(bytes).map_err(no_key)?;
                let public = key.verifying_key().to_sec1_point(true).as_bytes().to_vec();
                (Secret::Secp256k1(key), public)
            }
            Suite::Sm2Sm3 => {
                let key = sm2::dsa::SigningKey::from_slice(SM2_ID, bytes).map_err(|_| NoKey(suite))?;
                let public = key.verifying_key().as_affine().to_sec1_point(true).as_bytes().to_vec();
                (Secret::Sm2(Box::new(key)), public)
            }
        };
        let public = PublicKey::new(suite, public).map_err(|_| NoKey(suite))?;
        Ok(Self { secret, public, log: log_key(bytes) })
    }

    /// An Ed25519 key from its seed.
    #[must_use]
    pub fn ed25519(seed: &SecretBox<[u8; 32]>) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(seed.expose_secret());
        let public = PublicKey::ed25519(key.verifying_key().to_bytes());
        Self { secret: Secret::Ed25519(key), public, log: log_key(seed.expose_secret()) }
    }

    /// The public half: `Member.seal_key`.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Signs: RFC 8032; RFC 6979 with the lower `s`; GM/T 0003 with the standard's own id.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Signature {
        let bytes: [u8; 64] = match &self.secret {
            Secret::Ed25519(key) => key.sign(message).to_bytes(),
            Secret::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.normalize_s().to_bytes().into()
            }
            Secret::Secp256k1(key) => {
                let signature: k256::ecdsa::Signature = key.sign(message);
                signature.normalize_s().to_bytes().into()
            }
            Secret::Sm2(key) => key.sign(message).to_bytes().into(),
        };
        Signature { suite: self.public.suite(), bytes }
    }
}

impl SealKey {
    /// The key of the institution's log of deposits. Readers of such logs know Ed25519 alone, whatever the seal's suite.
    #[must_use]
    pub fn log_key(&self) -> [u8; 32] {
        self.log.verifying_key().to_bytes()
    }

    /// Signs a checkpoint's text.
    #[must_use]
    pub fn sign_checkpoint(&self, text: &str) -> [u8; 64] {
        self.log.sign(text.as_bytes()).to_bytes()
    }
}

/// The log's key follows from the seal key, so that an institution has one secret to keep: SHA-256 of a tag and it.
fn log_key(secret: &[u8; 32]) -> ed25519_dalek::SigningKey {
    let mut seed = [0; 32];
    let digest = comity_verify::seal::digest(TAG_LOG_KEY, secret);
    seed.copy_from_slice(digest.as_bytes());
    ed25519_dalek::SigningKey::from_bytes(&seed)
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealKey({}, …)", self.public.suite().name())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use comity_model::seal::Suites;
    use comity_verify::Rule;
    use comity_verify::seal::{check, signing_bytes};

    fn key(suite: Suite, byte: u8) -> SealKey {
        SealKey::new(suite, &SecretBox::new(Box::new([byte; 32]))).unwrap()
    }

    #[test]
    fn a_seal_of_every_suite_is_accepted_where_it_is_listed_and_refused_by_name_where_not() {
        for suite in Suite::ALL {
            let key = key(suite, 7);
            let seal = key.sign(&signing_bytes("comity/decision/v2", &5u64));
            assert_eq!(check("comity/decision/v2", &5u64, key.public_key(), &seal, Suites::ALL), Ok(()), "{suite:?}");
            let others = Suites::new(Suite::ALL.into_iter().filter(|other| *other != suite)).unwrap();
            let refusal = check("comity/decision/v2", &5u64, key.public_key(), &seal, others).unwrap_err();
            assert_eq!((refusal.rule, refusal.found.as_str()), (Rule::Suite, suite.name()));
        }
    }

    #[test]
    fn many_messages_are_all_signed_in_the_form_that_is_accepted() {
        // A signature with the higher s comes up half of the time.
        for suite in Suite::ALL {
            let key = key(suite, 9);
            for message in 0u64..64 {
                let seal = key.sign(&signing_bytes("a/v1", &message));
                assert_eq!(
                    check("a/v1", &message, key.public_key(), &seal, Suites::ALL),
                    Ok(()),
                    "{suite:?} {message}"
                );
            }
        }
    }

    #[test]
    fn bytes_that_are_no_scalar_are_no_key_and_a_key_shows_nothing_of_itself() {
        for suite in [Suite::P256Sha256, Suite::Secp256k1Sha256, Suite::Sm2Sm3] {
            for bytes in [[0; 32], [0xff; 32]] {
                assert_eq!(SealKey::new(suite, &SecretBox::new(Box::new(bytes))).unwrap_err(), NoKey(suite));
            }
        }
        assert_eq!(format!("{:?}", key(Suite::Sm2Sm3, 7)), "SealKey(sm2-sm3, …)");
    }
}
