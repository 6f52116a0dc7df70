//! What the institution's policy of automatic deciding says of an order whose seals were verified. Pure.
//! It refuses to know stores, chains and how the private part came here.

use super::assets::KnownAsset;
use crate::orders::class;
use crate::sectors::{FieldSet, Role};
use comity_model::asset::reason;
use comity_model::order::{Order, PrivatePart};
use comity_model::profile::{Effect, KindRule};
use comity_model::record::FieldValue;
use comity_model::{Amount, AssetHandle};

/// Reason codes of this policy, beside those of `model::asset::reason`.
pub mod code {
    /// The private part is not here.
    pub const PRIVATE_PART_MISSING: &str = "PRIVATE_PART_MISSING";
    /// The private part is not the one that the order binds.
    pub const PRIVATE_PART_MISMATCH: &str = "PRIVATE_PART_MISMATCH";
    /// The private part does not fit the sector's schema.
    pub const PRIVATE_PART_INVALID: &str = "PRIVATE_PART_INVALID";
    /// The court is none that this institution knows.
    pub const UNKNOWN_COURT: &str = "UNKNOWN_COURT";
    /// The seal or an approval does not hold by the court's own chain.
    pub const NOT_AUTHENTIC: &str = "NOT_AUTHENTIC";
    /// The amount asks for two officers, and one approved.
    pub const CLASS_TOO_LOW: &str = "CLASS_TOO_LOW";
    /// The asset is divisible and no amount is named.
    pub const AMOUNT_MISSING: &str = "AMOUNT_MISSING";
    /// The amount is in another currency than the asset.
    pub const CURRENCY_DIFFERS: &str = "CURRENCY_DIFFERS";
    /// The asset is worth nothing, or nothing was asked for.
    pub const NOTHING_TO_HOLD: &str = "NOTHING_TO_HOLD";
    /// A release names another asset than the one that the original order holds.
    pub const ASSET_DIFFERS: &str = "ASSET_DIFFERS";
    /// A release of less than the whole hold, which the chain does not know.
    pub const PARTIAL_RELEASE: &str = "PARTIAL_RELEASE";
}

/// What the order asks for, read from its private part by the roles of the sector's fields.
pub(super) struct Wanted<'a> {
    /// The asset's reference, where it names one.
    pub(super) reference: Option<&'a str>,
    /// The amount, where it names one.
    pub(super) amount: Option<Amount>,
}

/// Reads a private part by its schema's roles.
pub(super) fn wanted<'a>(schema: &FieldSet, part: &'a PrivatePart) -> Wanted<'a> {
    let reference = match schema.value(Role::Reference, &part.fields) {
        Some(FieldValue::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    let amount = match schema.value(Role::Amount, &part.fields) {
        Some(FieldValue::Amount(amount)) => Some(*amount),
        _ => None,
    };
    Wanted { reference, amount }
}

/// What the institution knows of the asset in question.
pub(super) struct Known {
    /// The asset under the order's reference, if it is registered.
    pub(super) asset: Option<KnownAsset>,
    /// For an order that changes another: whose hold that one made, if it made one.
    pub(super) original: Option<Original>,
}

/// The order that a release changes, as it stands on the institution's chain.
pub(super) struct Original {
    /// Whether it came from the same court, in the same sector.
    pub(super) same_court: bool,
    /// The asset that it holds.
    pub(super) hold: Option<AssetHandle>,
    /// What it asked for, where that is an amount.
    pub(super) asked: Option<Amount>,
}

/// The asset to act on and the smaller of amount and value, or the code of a refusal.
pub(super) type Ruling = Result<(AssetHandle, Option<Amount>), &'static str>;

/// Carries the order out or refuses it.
pub(super) fn judge(order: &Order, rule: &KindRule, wanted: &Wanted<'_>, known: &Known) -> Ruling {
    if order.approval.approvals() < class::needed(rule.two_approvals_from, wanted.amount).approvals() {
        return Err(code::CLASS_TOO_LOW);
    }
    if rule.effect == Effect::Release {
        let original = known.original.as_ref().filter(|original| original.same_court);
        let original = original.ok_or(reason::UNKNOWN_ORIGINAL)?;
        let held = original.hold.ok_or(reason::HOLD_ENDED)?;
        if known.asset.is_some_and(|asset| asset.handle != held) {
            return Err(code::ASSET_DIFFERS);
        }
        // Without an amount, or with all that was asked for, it ends the whole hold.
        let whole = wanted
            .amount
            .is_none_or(|amount| original.asked.is_some_and(|asked| amount.checked_min(asked) == Some(asked)));
        return if whole { Ok((held, None)) } else { Err(code::PARTIAL_RELEASE) };
    }
    let asset = known.asset.ok_or(reason::UNKNOWN_ASSET)?;
    let amount = match (rule.effect, asset.value) {
        (Effect::HoldDivisible, Some(value)) => {
            let asked = wanted.amount.ok_or(code::AMOUNT_MISSING)?;
            let smaller = asked.checked_min(value).ok_or(code::CURRENCY_DIFFERS)?;
            if smaller.minor == 0 {
                return Err(code::NOTHING_TO_HOLD);
            }
            Some(smaller)
        }
        _ => None,
    };
    Ok((asset.handle, amount))
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
