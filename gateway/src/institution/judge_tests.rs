#![allow(clippy::unwrap_used)]
use super::*;
use crate::orders::testing;
use comity_model::OrderId;
use comity_model::order::ApprovalClass;

const FRESH: AssetHandle = AssetHandle([0xF0; 32]);

fn rule(effect: Effect) -> KindRule {
    KindRule {
        kind: "freeze".parse().unwrap(),
        effect,
        period_days_max: 365,
        decide_within_s: 3_600,
        two_approvals_from: Some(Amount::cny(10_000)),
        confirm_within_s: Some(3_600).filter(|_| effect.holds()),
        objection: None,
    }
}

fn account_of(value: Option<Amount>) -> Known {
    Known { asset: Some(KnownAsset { handle: AssetHandle([4; 32]), value }), original: None }
}

/// The private part of some order; its salt is what accounts are committed under.
fn part(salt: u8) -> PrivatePart {
    PrivatePart { salt: [salt; 32], order: OrderId([salt; 16]), fields: Vec::new() }
}

fn order() -> Order {
    testing::order_and_part().0
}

fn wants(amount: Option<Amount>, part: &PrivatePart) -> Wanted<'_> {
    Wanted { reference: Some("6222020001"), amount, account: None, part }
}

fn ruling(effect: Effect, amount: Option<Amount>, known: &Known) -> Ruling {
    judge(&order(), &rule(effect), &wants(amount, &part(1)), known, FRESH)
}

fn executes(handle: u8, amount: Option<u64>) -> Ruling {
    Ok(DecisionVerdict::Execute { asset: AssetHandle([handle; 32]), amount: amount.map(Amount::cny) })
}

#[test]
fn an_account_is_frozen_for_the_smaller_of_amount_and_balance() {
    let ask = |amount, balance| {
        ruling(Effect::HoldDivisible, Some(Amount::cny(amount)), &account_of(Some(Amount::cny(balance))))
    };
    assert_eq!(ask(50_000, 20_000), executes(4, Some(20_000)));
    assert_eq!(ask(20_000, 50_000), executes(4, Some(20_000)));
    assert_eq!(ask(20_000, 0), Err(code::NOTHING_TO_HOLD));
}

#[test]
fn an_unknown_asset_a_missing_amount_and_another_currency_are_refused() {
    let nothing = Known { asset: None, original: None };
    let some = Some(Amount::cny(1));
    assert_eq!(ruling(Effect::HoldDivisible, some, &nothing), Err(reason::UNKNOWN_ASSET));
    assert_eq!(ruling(Effect::HoldDivisible, None, &account_of(some)), Err(code::AMOUNT_MISSING));
    let dollars = Some(Amount { currency: "USD".parse().unwrap(), minor: 1 });
    assert_eq!(ruling(Effect::HoldDivisible, dollars, &account_of(some)), Err(code::CURRENCY_DIFFERS));
}

#[test]
fn a_parcel_is_held_whole() {
    assert_eq!(ruling(Effect::HoldExclusive, Some(Amount::cny(5)), &account_of(None)), executes(4, None));
}

#[test]
fn an_order_of_one_officer_over_the_threshold_is_refused_unless_it_is_an_emergency() {
    let known = account_of(Some(Amount::cny(90_000)));
    let judged = |class, minor| {
        let (order, _) = testing::order_at(1, class);
        judge(&order, &rule(Effect::HoldDivisible), &wants(Some(Amount::cny(minor)), &part(1)), &known, FRESH)
    };
    assert_eq!(judged(ApprovalClass::Single, 10_000), Err(code::CLASS_TOO_LOW));
    assert_eq!(judged(ApprovalClass::Single, 9_999), executes(4, Some(9_999)));
    assert_eq!(judged(ApprovalClass::Emergency, 10_000), executes(4, Some(10_000)));
}

fn original(same_court: bool, hold: Option<AssetHandle>) -> Option<Original> {
    Some(Original { same_court, hold, part: Some(part(7)) })
}

#[test]
fn a_change_acts_on_the_hold_of_its_original_and_on_nothing_else() {
    let hold = AssetHandle([4; 32]);
    let named = |byte| Some(KnownAsset { handle: AssetHandle([byte; 32]), value: None });
    for effect in [Effect::Release, Effect::Rollback, Effect::Amend] {
        let change =
            |asset, same_court, hold| ruling(effect, None, &Known { asset, original: original(same_court, hold) });
        assert_eq!(change(None, true, Some(hold)), executes(4, None));
        assert_eq!(change(named(4), true, Some(hold)), executes(4, None));
        assert_eq!(change(named(5), true, Some(hold)), Err(code::ASSET_DIFFERS));
        assert_eq!(change(None, false, Some(hold)), Err(reason::UNKNOWN_ORIGINAL));
        assert_eq!(change(None, true, None), Err(reason::HOLD_ENDED));
        let nothing = Known { asset: named(4), original: None };
        assert_eq!(ruling(effect, None, &nothing), Err(reason::UNKNOWN_ORIGINAL));
    }
}

#[test]
fn a_part_is_released_as_the_public_part_says_and_the_private_one_agrees() {
    let known = Known { asset: None, original: original(true, Some(AssetHandle([4; 32]))) };
    let release = |public, private| {
        let order = Order { amount: Some(Amount::cny(public)), ..order() };
        judge(&order, &rule(Effect::Release), &wants(Some(Amount::cny(private)), &part(1)), &known, FRESH)
    };
    assert_eq!(release(300, 300), executes(4, Some(300)));
    assert_eq!(release(300, 301), Err(code::AMOUNT_DIFFERS));
}

#[test]
fn money_is_deducted_only_to_the_account_that_the_freeze_was_ordered_for() {
    let known = Known { asset: None, original: original(true, Some(AssetHandle([4; 32]))) };
    let bound = account(&part(7), "3301 0001");
    let deduct = |number, account| {
        let order = Order { amount: Some(Amount::cny(300)), account, ..order() };
        let part = part(1);
        let wanted = Wanted { account: number, ..wants(Some(Amount::cny(300)), &part) };
        judge(&order, &rule(Effect::Deduct), &wanted, &known, FRESH)
    };
    assert_eq!(deduct(Some("3301 0001"), Some(bound)), executes(4, Some(300)));
    assert_eq!(deduct(Some("3301 0002"), Some(bound)), Err(code::ACCOUNT_NOT_BOUND));
    assert_eq!(deduct(None, Some(bound)), Err(code::ACCOUNT_NOT_BOUND));
    assert_eq!(deduct(Some("3301 0001"), None), Err(code::ACCOUNT_NOT_BOUND));
    // Under another salt the same account is another commitment.
    let other = account(&part(1), "3301 0001");
    assert_eq!(deduct(Some("3301 0001"), Some(other)), Err(code::ACCOUNT_NOT_BOUND));
}

#[test]
fn a_freeze_binds_the_account_that_its_private_part_names() {
    let known = account_of(Some(Amount::cny(90_000)));
    let part = part(1);
    let freeze = |bound| {
        let order = Order { account: bound, ..order() };
        let wanted = Wanted { account: Some("3301 0001"), ..wants(Some(Amount::cny(1)), &part) };
        judge(&order, &rule(Effect::HoldDivisible), &wanted, &known, FRESH)
    };
    assert_eq!(freeze(Some(account(&part, "3301 0001"))), executes(4, Some(1)));
    assert_eq!(freeze(Some(account(&part, "3301 0002"))), Err(code::ACCOUNT_NOT_BOUND));
}

#[test]
fn a_transferred_asset_goes_on_under_a_fresh_handle() {
    let known = Known { asset: None, original: original(true, Some(AssetHandle([4; 32]))) };
    let to = DecisionVerdict::Transfer { asset: AssetHandle([4; 32]), successor: Some(FRESH) };
    assert_eq!(ruling(Effect::Transfer, None, &known), Ok(to));
}

#[test]
fn what_is_handed_over_is_receipted() {
    let nothing = Known { asset: None, original: None };
    assert_eq!(ruling(Effect::HandOver, None, &nothing), Ok(DecisionVerdict::Acknowledge));
}
