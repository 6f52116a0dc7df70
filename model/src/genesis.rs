//! A chain's first state.

use crate::client::ClientKind;
use crate::governance::{Governors, ValidatorUpdate};
use crate::member::{Member, Officer};
use crate::profile::Profile;
use crate::seal::Suites;
use crate::{ChainId, Time};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// A chain's first state: `app_state` of its genesis file, as canonical bytes.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Genesis {
    /// The chain.
    pub chain: ChainId,
    /// The time of its first block.
    pub time: Time,
    /// Its first validators.
    pub validators: Vec<ValidatorUpdate>,
    /// Who governs it.
    pub governors: Governors,
    /// Which kinds of light client it accepts.
    pub client_kinds: Vec<ClientKind>,
    /// Which suites it accepts from its own members, officers and governors. Its headers and transactions are Ed25519
    /// whatever stands here.
    pub suites: Suites,
    /// Members whose home it is.
    pub members: Vec<Member>,
    /// Their officers.
    pub officers: Vec<Officer>,
    /// The sectors it knows.
    pub profiles: Vec<Profile>,
}
