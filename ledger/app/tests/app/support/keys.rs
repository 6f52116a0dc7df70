//! Keys by name, and seals made with them.

use borsh::BorshSerialize;
use comity_model::seal::{PublicKey, Signature};
use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};

/// The key that belongs to `name`.
pub fn key(name: &str) -> SigningKey {
    SigningKey::from_bytes(&Sha256::digest(name).into())
}

/// Its public half.
pub fn public(name: &str) -> [u8; 32] {
    key(name).verifying_key().to_bytes()
}

/// Its public half as a seal key.
pub fn public_key(name: &str) -> PublicKey {
    PublicKey::ed25519(public(name))
}

/// A signature by `name` under a domain tag.
pub fn seal<T: BorshSerialize>(name: &str, tag: &'static str, value: &T) -> Signature {
    let bytes = comity_verify::seal::signing_bytes(tag, value);
    Signature::ed25519(key(name).sign(&bytes).to_bytes())
}
