//! What the institution's policy of automatic deciding says of an order whose seals were verified. Pure.
//! It refuses to know stores, chains and how the private part came here.

use super::assets::KnownAsset;
use crate::orders::class;
use crate::sectors::{FieldSet, Role};
use comity_model::asset::reason;
use comity_model::order::{DecisionVerdict, Order, PrivatePart};
use comity_model::profile::{Effect, KindRule};
use comity_model::record::FieldValue;
use comity_model::{Amount, AssetHandle};
use comity_verify::order::account;

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
    /// The amount in public is not the one in private.
    pub const AMOUNT_DIFFERS: &str = "AMOUNT_DIFFERS";
    /// The account in private is not the one that the order binds.
    pub const ACCOUNT_NOT_BOUND: &str = "ACCOUNT_NOT_BOUND";
}

/// What the order asks for, read from its private part by the roles of the sector's fields.
pub(super) struct Wanted<'a> {
    /// The asset's reference, where it names one.
    pub(super) reference: Option<&'a str>,
    /// The amount, where it names one.
    pub(super) amount: Option<Amount>,
    /// The account that deducted money goes to, where it names one.
    pub(super) account: Option<&'a str>,
    /// The private part itself.
    pub(super) part: &'a PrivatePart,
}

/// Reads a private part by its schema's roles.
pub(super) fn wanted<'a>(schema: &FieldSet, part: &'a PrivatePart) -> Wanted<'a> {
    let text = |role| match schema.value(role, &part.fields) {
        Some(FieldValue::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    let amount = match schema.value(Role::Amount, &part.fields) {
        Some(FieldValue::Amount(amount)) => Some(*amount),
        _ => None,
    };
    Wanted { reference: text(Role::Reference), amount, account: text(Role::Account), part }
}

/// What the institution knows of the asset in question.
pub(super) struct Known {
    /// The asset under the order's reference, if it is registered.
    pub(super) asset: Option<KnownAsset>,
    /// For an order that changes another: whose hold that one made, if it made one.
    pub(super) original: Option<Original>,
}

/// The order that another one changes, as it stands on the institution's chain.
pub(super) struct Original {
    /// Whether it came from the same court, in the same sector.
    pub(super) same_court: bool,
    /// The asset that it holds.
    pub(super) hold: Option<AssetHandle>,
    /// Its private part, if it is still here.
    pub(super) part: Option<PrivatePart>,
}

/// The verdict, or the code of a refusal.
pub(super) type Ruling = Result<DecisionVerdict, &'static str>;

/// Carries the order out or refuses it. An asset that is handed over goes on under the handle `fresh`.
pub(super) fn judge(order: &Order, rule: &KindRule, wanted: &Wanted<'_>, known: &Known, fresh: AssetHandle) -> Ruling {
    let emergencies = rule.confirm_within_s.is_some();
    if !class::is_enough(order, rule.two_approvals_from, emergencies, wanted.amount) {
        return Err(code::CLASS_TOO_LOW);
    }
    if order.amount.is_some() && order.amount != wanted.amount {
        return Err(code::AMOUNT_DIFFERS);
    }
    match rule.effect {
        Effect::HandOver => Ok(DecisionVerdict::Acknowledge),
        effect if effect.holds() => hold(order, effect, wanted, known),
        effect => change(order, effect, wanted, known, fresh),
    }
}

/// A hold on the asset that the order names, of an amount where it is divisible.
fn hold(order: &Order, effect: Effect, wanted: &Wanted<'_>, known: &Known) -> Ruling {
    let asset = known.asset.ok_or(reason::UNKNOWN_ASSET)?;
    if order.account != wanted.account.filter(|_| order.account.is_some()).map(|number| account(wanted.part, number)) {
        return Err(code::ACCOUNT_NOT_BOUND);
    }
    let amount = match (effect, asset.value) {
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
    Ok(DecisionVerdict::Execute { asset: asset.handle, amount })
}

/// A change of the hold that the original made: on the asset that it holds, and on no other.
fn change(order: &Order, effect: Effect, wanted: &Wanted<'_>, known: &Known, fresh: AssetHandle) -> Ruling {
    let original = known.original.as_ref().filter(|original| original.same_court);
    let original = original.ok_or(reason::UNKNOWN_ORIGINAL)?;
    let asset = original.hold.ok_or(reason::HOLD_ENDED)?;
    if known.asset.is_some_and(|known| known.handle != asset) {
        return Err(code::ASSET_DIFFERS);
    }
    match effect {
        Effect::Deduct => {
            let freeze = original.part.as_ref().ok_or(code::PRIVATE_PART_MISSING)?;
            let bound = wanted.account.map(|number| account(freeze, number));
            if bound.is_none() || order.account != bound {
                return Err(code::ACCOUNT_NOT_BOUND);
            }
            Ok(DecisionVerdict::Execute { asset, amount: order.amount })
        }
        Effect::Transfer => Ok(DecisionVerdict::Transfer { asset, successor: Some(fresh) }),
        _ => Ok(DecisionVerdict::Execute { asset, amount: order.amount }),
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
