//! Signing transactions with the operator key: entry to a chain, no authority. Knows no way to send them.

use crate::{Outcome, PortError};
use comity_model::tx::{Message, TX_BYTES_MAX, Transaction, TxBody};
use comity_model::{ChainId, Hash, encode};
use comity_verify::seal::{TAG_TX, signing_bytes};
use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest as _, Sha256};

/// The key that transactions are signed with.
pub struct Operator(SigningKey);

impl Operator {
    /// From the seed of an Ed25519 key.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }
}

/// The hash by which a chain names a transaction: SHA-256 of its bytes, as CometBFT has it.
#[must_use]
pub fn transaction_hash(transaction: &[u8]) -> Hash {
    Hash(Sha256::digest(transaction).into())
}

/// The bytes of a transaction of `messages`, another one at each call; or, without a key or when it is too large, the
/// refusal that the caller gets instead. [`PortError::Unavailable`] without a source of randomness.
pub fn signed(
    operator: Option<&Operator>,
    chain: &ChainId,
    messages: Vec<Message>,
) -> Result<Result<Vec<u8>, Outcome>, PortError> {
    let Some(Operator(key)) = operator else {
        return Ok(Err(Outcome::refused("NO_OPERATOR_KEY", "no operator key is configured")));
    };
    let mut salt = [0; 8];
    getrandom::fill(&mut salt).map_err(|error| PortError::Unavailable(error.to_string()))?;
    let body = TxBody { chain: chain.clone(), sender: key.verifying_key().to_bytes(), salt, messages };
    let signature = key.sign(&signing_bytes(TAG_TX, &body)).to_bytes();
    let tx = encode(&Transaction { body, signature });
    if tx.len() > TX_BYTES_MAX {
        let detail = format!("the transaction has {} bytes, at most {TX_BYTES_MAX} are allowed", tx.len());
        return Ok(Err(Outcome::refused("TX_TOO_LARGE", &detail)));
    }
    Ok(Ok(tx))
}
