//! How many officers an order needs. Asked by the gateway that draws it up, by the court's signer before it seals, and by
//! the institution before it acts.
//! It refuses to know sectors and orders.

use comity_model::Amount;
use comity_model::order::{ApprovalClass, Order};
use comity_model::profile::Effect;

/// The class of an order over `amount` where two officers are needed from `two_from` on (`None`: always). One officer is
/// enough only where the amount is shown to lie below: a missing amount or one of another currency takes two.
#[must_use]
pub(crate) fn needed(two_from: Option<Amount>, amount: Option<Amount>) -> ApprovalClass {
    match (two_from, amount) {
        (Some(from), Some(amount)) if amount.currency == from.currency && amount.minor < from.minor => {
            ApprovalClass::Single
        }
        _ => ApprovalClass::Double,
    }
}

/// Whether the order's class is enough by the rule of its kind: two officers where they are needed; one, where a second
/// one must confirm it afterwards, or is the one who confirms.
#[must_use]
pub(crate) fn is_enough(order: &Order, two_from: Option<Amount>, emergencies: bool, amount: Option<Amount>) -> bool {
    match order.approval {
        ApprovalClass::Double => true,
        ApprovalClass::Emergency => emergencies,
        ApprovalClass::Single if order.effect == Effect::Confirm => true,
        ApprovalClass::Single => needed(two_from, amount) == ApprovalClass::Single,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_officer_is_enough_only_for_an_amount_shown_to_be_below_the_threshold() {
        let from = Some(Amount::cny(100));
        assert_eq!(needed(from, Some(Amount::cny(99))), ApprovalClass::Single);
        assert_eq!(needed(from, Some(Amount::cny(100))), ApprovalClass::Double);
        assert_eq!(needed(from, None), ApprovalClass::Double);
        assert_eq!(needed(None, Some(Amount::cny(1))), ApprovalClass::Double);
        let dollars = Amount { currency: "USD".parse().expect("a currency"), minor: 1 };
        assert_eq!(needed(from, Some(dollars)), ApprovalClass::Double);
    }
}
