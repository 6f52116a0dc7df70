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
    /// The longest period a hold may last, in days: of a kind that holds, from its arrival; of a renewal, from the
    /// renewal. 0 where the kind does neither.
    pub period_days_max: u32,
    /// How long the institution has to decide after delivery, in seconds.
    pub decide_within_s: u64,
    /// From this amount on, two different officers must have approved. `None`: always two.
    pub two_approvals_from: Option<Amount>,
    /// For kinds that hold: one officer may order it alone in an emergency, and then a second one must confirm it within
    /// so many seconds of its taking effect, or it lapses. `None`: there is no such order.
    pub confirm_within_s: Option<u64>,
    /// For kinds that hold: whether and how the institution may object. `None`: it may not.
    pub objection: Option<ObjectionRule>,
}

impl KindRule {
    /// Whether what it says fits its effect: only kinds that hold know emergencies and objections, and only they and
    /// renewals a period.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        let holds = self.effect.holds();
        let has_period = holds || self.effect == Effect::Renew;
        has_period == (self.period_days_max > 0)
            && self.confirm_within_s.is_none_or(|within_s| holds && within_s > 0)
            && self.objection.is_none_or(|rule| holds && rule.answer_within_s > 0)
    }
}

/// How an objection of the institution is dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ObjectionRule {
    /// How long the court has to answer, in seconds.
    pub answer_within_s: u64,
    /// What becomes of the hold if it does not.
    pub unanswered: Unanswered,
}

/// What the law says of an objection that no court has answered in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Unanswered {
    /// The objection counts as rejected: the hold stands.
    Stands = 1,
    /// The objection counts as upheld: the hold is released.
    Released = 2,
}

/// What an order does on the institution's chain.
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
    /// Ends the original order's hold, or lessens it by the order's amount.
    Release = 4,
    /// Lets the original's hold last longer.
    Renew = 5,
    /// Takes the order's amount out of the original's hold, and out of the asset, to the account that the original named.
    Deduct = 6,
    /// Hands the asset of the original's exclusive hold over to another owner: it ends, or goes on under a new handle.
    Transfer = 7,
    /// Takes the original back as if it had never held: only while nothing was deducted under it.
    Rollback = 8,
    /// Corrects what the original's entry says; its place and period stay.
    Amend = 9,
    /// Hands something over that is no asset, such as a case file: carried out by a sealed receipt.
    HandOver = 10,
    /// A second officer's confirmation of an emergency order.
    Confirm = 11,
    /// The court's answer to an objection: it is right, and the hold is released.
    UpholdObjection = 12,
    /// The court's answer to an objection: it is wrong, and the hold stands.
    RejectObjection = 13,
}

impl Effect {
    /// Whether the order makes a hold of its own.
    #[must_use]
    pub const fn holds(self) -> bool {
        matches!(self, Self::HoldDivisible | Self::HoldExclusive | Self::HoldConcurrent)
    }

    /// Whether the order changes another one's hold.
    #[must_use]
    pub const fn changes_a_hold(self) -> bool {
        !self.holds() && !matches!(self, Self::HandOver)
    }

    /// Whether the chain carries the order out when it arrives: nothing of it depends on what only the institution
    /// knows, so the institution's slowness must not decide it.
    #[must_use]
    pub const fn on_arrival(self) -> bool {
        matches!(self, Self::Renew | Self::Confirm | Self::UpholdObjection | Self::RejectObjection)
    }

    /// Whether the order's public part names an amount: always, never, or as the court likes.
    #[must_use]
    pub const fn amount(self) -> Named {
        match self {
            Self::Deduct => Named::Always,
            Self::Release => Named::Perhaps,
            _ => Named::Never,
        }
    }

    /// Whether the order may serve an obligation.
    #[must_use]
    pub const fn obligation(self) -> Named {
        if self.holds() || matches!(self, Self::Deduct) { Named::Perhaps } else { Named::Never }
    }

    /// Whether the order's public part binds the account that deducted money goes to.
    #[must_use]
    pub const fn account(self) -> Named {
        match self {
            Self::Deduct => Named::Always,
            Self::HoldDivisible => Named::Perhaps,
            _ => Named::Never,
        }
    }
}

/// Whether a part of an order is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// It must be.
    Always,
    /// It may be.
    Perhaps,
    /// It must not be.
    Never,
}

impl Named {
    /// Whether it may be there, or not, as it is.
    #[must_use]
    pub const fn allows(self, is_there: bool) -> bool {
        match self {
            Self::Always => is_there,
            Self::Perhaps => true,
            Self::Never => !is_there,
        }
    }
}
