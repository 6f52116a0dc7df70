#![allow(clippy::unwrap_used)]
use super::*;
use crate::orders::testing;
use comity_model::order::ApprovalClass;

fn rule(effect: Effect) -> KindRule {
    KindRule {
        kind: "freeze".parse().unwrap(),
        effect,
        period_days_max: 365,
        decide_within_s: 3_600,
        two_approvals_from: Some(Amount::cny(10_000)),
    }
}

fn account(value: Option<Amount>) -> Known {
    Known { asset: Some(KnownAsset { handle: AssetHandle([4; 32]), value }), original: None }
}

fn wants(amount: Option<Amount>) -> Wanted<'static> {
    Wanted { reference: Some("6222020001"), amount }
}

fn ruling(effect: Effect, wanted: &Wanted<'_>, known: &Known) -> Ruling {
    judge(&testing::order_and_part().0, &rule(effect), wanted, known)
}

#[test]
fn an_account_is_frozen_for_the_smaller_of_amount_and_balance() {
    let ask = |amount, balance| {
        ruling(Effect::HoldDivisible, &wants(Some(Amount::cny(amount))), &account(Some(Amount::cny(balance))))
    };
    assert_eq!(ask(50_000, 20_000), Ok((AssetHandle([4; 32]), Some(Amount::cny(20_000)))));
    assert_eq!(ask(20_000, 50_000), Ok((AssetHandle([4; 32]), Some(Amount::cny(20_000)))));
    assert_eq!(ask(20_000, 0), Err(code::NOTHING_TO_HOLD));
}

#[test]
fn an_unknown_asset_a_missing_amount_and_another_currency_are_refused() {
    let nothing = Known { asset: None, original: None };
    let some = Some(Amount::cny(1));
    assert_eq!(ruling(Effect::HoldDivisible, &wants(some), &nothing), Err(reason::UNKNOWN_ASSET));
    assert_eq!(ruling(Effect::HoldDivisible, &wants(None), &account(some)), Err(code::AMOUNT_MISSING));
    let dollars = Some(Amount { currency: "USD".parse().unwrap(), minor: 1 });
    assert_eq!(ruling(Effect::HoldDivisible, &wants(dollars), &account(some)), Err(code::CURRENCY_DIFFERS));
}

#[test]
fn a_parcel_is_held_whole() {
    let found = ruling(Effect::HoldExclusive, &wants(Some(Amount::cny(5))), &account(None));
    assert_eq!(found, Ok((AssetHandle([4; 32]), None)));
}

#[test]
fn an_order_of_one_officer_over_the_threshold_is_refused() {
    let (order, _) = testing::order_at(1, ApprovalClass::Single);
    let known = account(Some(Amount::cny(90_000)));
    let judged = |minor| judge(&order, &rule(Effect::HoldDivisible), &wants(Some(Amount::cny(minor))), &known);
    assert_eq!(judged(10_000), Err(code::CLASS_TOO_LOW));
    assert_eq!(judged(9_999), Ok((AssetHandle([4; 32]), Some(Amount::cny(9_999)))));
}

#[test]
fn a_release_acts_on_the_hold_of_its_original_and_on_nothing_else() {
    let hold = AssetHandle([4; 32]);
    let release = |asset, same_court, hold| {
        let known = Known { asset, original: Some(Original { same_court, hold, asked: Some(Amount::cny(700)) }) };
        ruling(Effect::Release, &wants(None), &known)
    };
    let named = |byte| Some(KnownAsset { handle: AssetHandle([byte; 32]), value: None });
    assert_eq!(release(None, true, Some(hold)), Ok((hold, None)));
    assert_eq!(release(named(4), true, Some(hold)), Ok((hold, None)));
    assert_eq!(release(named(5), true, Some(hold)), Err(code::ASSET_DIFFERS));
    assert_eq!(release(None, false, Some(hold)), Err(reason::UNKNOWN_ORIGINAL));
    assert_eq!(release(None, true, None), Err(reason::HOLD_ENDED));
    let nothing = Known { asset: named(4), original: None };
    assert_eq!(ruling(Effect::Release, &wants(None), &nothing), Err(reason::UNKNOWN_ORIGINAL));
}

#[test]
fn a_release_of_less_than_the_whole_hold_is_refused() {
    let hold = Some(AssetHandle([4; 32]));
    let release = |amount| {
        let original = Original { same_court: true, hold, asked: Some(Amount::cny(700)) };
        let known = Known { asset: None, original: Some(original) };
        ruling(Effect::Release, &wants(Some(Amount::cny(amount))), &known)
    };
    assert_eq!(release(699), Err(code::PARTIAL_RELEASE));
    assert_eq!(release(700), Ok((AssetHandle([4; 32]), None)));
}
