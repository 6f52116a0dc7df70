//! Order profiles: what a sector's chain accepts as an order and how it takes effect. A profile is chain state, so that
//! validators agree on it; adding a sector adds a profile, never code.

use crate::{Amount, MemberId, OrderKind, Sector};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// What a sector accepts.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Profile {
    /// The sector.
    pub sector: Sector,
    /// The institution that answers orders in this sector on this chain.
    pub institution: MemberId,
    /// The kinds of order, by name.
    pub kinds: Vec<KindRule>,
}

impl Profile {
    /// The rule of a kind, if the sector knows it.
    #[must_use]
    pub fn kind(&self, kind: &OrderKind) -> Option<&KindRule> {
        self.kinds.iter().find(|rule| rule.kind == *kind)
    }
}

/// How one kind of order works.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct KindRule {
    /// Its name: `freeze`, `seal`, `list`, `release`, …
    pub kind: OrderKind,
    /// What it does to the asset.
    pub effect: Effect,
    /// The longest period a hold may last, in days; 0 where the kind makes no hold.
    pub period_days_max: u32,
    /// How long the institution has to decide after delivery, in seconds.
    pub decide_within_s: u64,
    /// From this amount on, two different officers must have approved. `None`: always two.
    pub two_approvals_from: Option<Amount>,
}

/// What an order does to its asset on the institution's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Effect {
    /// A hold on an amount; several stand together until the asset's value is used up, the rest waits.
    HoldDivisible = 1,
    /// A hold on the whole; later ones wait in order of arrival.
    HoldExclusive = 2,
    /// An entry that stands beside others, such as a credit listing.
    HoldConcurrent = 3,
    /// Ends the hold of the original order.
    Release = 4,
}
