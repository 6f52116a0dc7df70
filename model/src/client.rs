//! Light clients as a chain keeps them in its state.

use crate::seal::Suites;
use crate::{ChainId, ClientId, Hash, Height, UnixSeconds};
use borsh::{BorshDeserialize, BorshSerialize};

/// A light client of another chain. Its id is never reused and binds everything but `latest` and `status`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ClientState {
    /// Its id on this chain.
    pub id: ClientId,
    /// How the other chain's headers are judged.
    pub kind: ClientKind,
    /// The other chain.
    pub chain: ChainId,
    /// The client of this chain, on the other chain.
    pub counterparty: ClientId,
    /// The header that was trusted out of band.
    pub anchor: AnchorPoint,
    /// How long a validator set may be trusted after its header's time, in seconds.
    pub trusting_period_s: u64,
    /// How far a header's time may lie ahead of ours, in seconds.
    pub clock_drift_s: u64,
    /// How many independent operators run the other chain's validators, as agreed when it was anchored.
    pub operators: u32,
    /// Suites that are accepted from the other chain: of its members' seals and of its records.
    pub suites: Suites,
    /// It may not be used before this time.
    pub usable_from: UnixSeconds,
    /// The highest height with a consensus state.
    pub latest: Height,
    /// Whether it may be used.
    pub status: ClientStatus,
}

/// A header trusted out of band.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AnchorPoint {
    /// Its height.
    pub height: Height,
    /// Its hash.
    pub header_hash: Hash,
    /// The hash of the validator set that signed it.
    pub validators_hash: Hash,
}

/// Kinds of light client. Genesis says which a chain accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum ClientKind {
    /// CometBFT headers, ICS-23 proofs over a Jellyfish Merkle tree: the native kind.
    Comet = 1,
}

/// Whether a client may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum ClientStatus {
    /// In use.
    Active = 1,
    /// Two headers of one height were proven: nothing of that chain is believed until governors recover the client.
    Frozen = 2,
}
