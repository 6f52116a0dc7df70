//! Obligations: what a court claims of a debtor, summed over all orders that serve it. Nothing here says whose it is.

use crate::{Amount, MemberId, ObligationId, OrderId};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// What opens an order's commitment to its obligation (domain tag `comity/claim/v1`). It goes to the court's own chain and
/// nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Claim {
    /// The obligation.
    pub obligation: ObligationId,
    /// What is claimed in all; the same in every order that serves it.
    pub claimed: Amount,
    /// 256 random bits, fresh for each order: two orders for one obligation show two commitments.
    pub salt: [u8; 32],
}

/// An obligation on the court's chain. Its sums follow from what was proven of its orders.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Obligation {
    /// The court.
    pub court: MemberId,
    /// What is claimed in all.
    pub claimed: Amount,
    /// The holds and deductions that serve it, in the order of their commitment.
    pub orders: Vec<OrderId>,
    /// Held now or deducted already, by the court's mirrors, in minor units of the claim's currency.
    pub controlled: u64,
    /// To be deducted by orders that are not answered yet.
    pub reserved: u64,
    /// Deducted, by proven results.
    pub obtained: u64,
    /// What would end the excess of parallel holds, the newest first: empty while there is none.
    pub proposed: Vec<ProposedRelease>,
}

/// A release that the chain proposes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ProposedRelease {
    /// The order whose hold is over.
    pub order: OrderId,
    /// How much to release of what it asks for.
    pub amount: Amount,
}

impl Obligation {
    /// By how much the holds exceed the claim.
    #[must_use]
    pub const fn over_control(&self) -> Amount {
        Amount { minor: self.controlled.saturating_sub(self.claimed.minor), ..self.claimed }
    }

    /// What may still be deducted.
    #[must_use]
    pub const fn outstanding(&self) -> Amount {
        let taken = self.obtained.saturating_add(self.reserved);
        Amount { minor: self.claimed.minor.saturating_sub(taken), ..self.claimed }
    }
}
