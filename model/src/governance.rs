//! What takes several governors: clients, members, officers, profiles, validators.

use crate::client::ClientState;
use crate::member::{Member, Officer};
use crate::profile::Profile;
use crate::seal::{PublicKey, Signature};
use crate::{ChainId, ClientId, Hash};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Who governs a chain.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Governors {
    /// Their keys; an approval names one by its index.
    pub keys: Vec<PublicKey>,
    /// How many different ones a proposal needs.
    pub threshold: u8,
    /// How long after its proposal a new or recovered client may first be used, in seconds.
    pub delay_s: u64,
    /// The number of the next proposal: each is carried out at most once, in order.
    pub next: u64,
}

/// A proposal: the bytes that governors sign (domain tag `comity/proposal/v1`).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Proposal {
    /// The chain that is governed.
    pub chain: ChainId,
    /// Its number, from 0.
    pub number: u64,
    /// What is to be done.
    pub action: Action,
    /// Digest of the evidence that the governors saw (an anchor file, a divergence), [`Hash::ZERO`] for none.
    pub evidence: Hash,
}

/// What governors can do.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Action {
    /// Creates a client from an anchor; `block` is the anchor's light block (`verify::comet::LightBlock`, canonical
    /// bytes). `latest`, `status` and `usable_from` of the state are set by the chain.
    CreateClient {
        /// The client.
        client: ClientState,
        /// The anchor's light block.
        block: Vec<u8>,
    } = 1,
    /// Puts a frozen or expired client onto a new anchor, after the delay.
    RecoverClient {
        /// The client.
        client: ClientId,
        /// The new anchor's light block.
        block: Vec<u8>,
        /// The new anchor's header hash.
        header_hash: Hash,
    } = 2,
    /// Adds or changes a member whose home is this chain.
    SetMember(Member) = 3,
    /// Adds or changes an officer of a member.
    SetOfficer(Officer) = 4,
    /// Adds or changes a sector's profile.
    SetProfile(Profile) = 5,
    /// Changes validators' powers; 0 removes. In force two blocks later.
    SetValidators(Vec<ValidatorUpdate>) = 6,
}

/// A validator's new power.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ValidatorUpdate {
    /// Ed25519 key.
    pub public_key: [u8; 32],
    /// Voting power; 0 removes it.
    pub power: u64,
}

/// A governor's signature over a [`Proposal`].
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct GovernorApproval {
    /// Index into [`Governors::keys`].
    pub governor: u8,
    /// The signature.
    pub signature: Signature,
}
