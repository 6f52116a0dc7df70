//! The validator keys that the engine holds, and signing a block with them. Knows no block rule: what the bytes to be
//! signed are is `verify`'s.

use comity_model::{ChainId, Height, Time};
use comity_verify::comet::{self, Address, BlockId, Commit, CommitSig, Validator, ValidatorSet, Vote};
use ed25519_dalek::{Signer as _, SigningKey};
use std::collections::BTreeMap;
use std::fmt;

use crate::fault::EngineError;

/// A validator's Ed25519 key. Its secret half is wiped when dropped and never printed.
#[derive(Clone)]
pub struct ValidatorKey(SigningKey);

impl ValidatorKey {
    /// The key of a 32-byte seed (RFC 8032 §5.1.5).
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// A fresh key from the system's randomness.
    pub fn generate() -> Result<Self, EngineError> {
        let mut seed = [0u8; 32];
        getrandom::fill(&mut seed)
            .map_err(|error| EngineError::Config { reason: format!("the system gives no randomness: {error}") })?;
        Ok(Self::from_seed(&seed))
    }

    /// The seed, to be kept where secrets are kept.
    #[must_use]
    pub fn expose_seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }
}

impl fmt::Debug for ValidatorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ValidatorKey(")?;
        self.public_key().iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…)")
    }
}

/// The held keys by public key.
pub(crate) struct Keys(BTreeMap<[u8; 32], ValidatorKey>);

impl Keys {
    pub(crate) fn new(keys: Vec<ValidatorKey>) -> Self {
        Self(keys.into_iter().map(|key| (key.public_key(), key)).collect())
    }

    fn of(&self, validator: &Validator) -> Option<&ValidatorKey> {
        self.0.get(&validator.public_key)
    }

    /// Refuses a set that the held keys cannot sign for: more than two thirds of the power are needed.
    pub(crate) fn suffice(&self, height: Height, set: &ValidatorSet) -> Result<(), EngineError> {
        let held: u64 = set
            .validators()
            .iter()
            .filter(|validator| self.of(validator).is_some())
            .fold(0, |sum, validator| sum.saturating_add(validator.power));
        let total = set.total_power();
        if u128::from(held) * 3 > u128::from(total) * 2 {
            Ok(())
        } else {
            Err(EngineError::Keys { height, held, total })
        }
    }

    /// Whose turn it is to propose: the held validators in turn, since only they make blocks here.
    pub(crate) fn proposer(&self, height: Height, set: &ValidatorSet) -> Option<Address> {
        let held: Vec<&Validator> = set.validators().iter().filter(|validator| self.of(validator).is_some()).collect();
        let turn = height.0.checked_rem(u64::try_from(held.len()).ok()?)?;
        held.get(usize::try_from(turn).ok()?).map(|validator| validator.address())
    }

    /// Signs a block: one vote of `time` by each held validator of the set, in its order; the others are absent.
    pub(crate) fn sign(
        &self,
        chain: &ChainId,
        height: Height,
        block_id: BlockId,
        time: Time,
        set: &ValidatorSet,
    ) -> Commit {
        const ROUND: u32 = 0;
        let bytes = comet::vote_bytes(chain, height, ROUND, Some(&block_id), time);
        let entries = set.validators().iter().zip(set.addresses());
        let signatures = entries.map(|(validator, address)| match self.of(validator) {
            None => CommitSig::Absent,
            Some(key) => CommitSig::Commit(Vote { address: *address, time, signature: key.0.sign(&bytes).to_bytes() }),
        });
        Commit { height, round: ROUND, block_id, signatures: signatures.collect() }
    }
}
