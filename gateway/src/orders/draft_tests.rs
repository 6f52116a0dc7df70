#![allow(clippy::unwrap_used)]
use super::*;
use crate::sectors::{SectorSource, Sectors};
use comity_model::order::ApprovalClass;

const SCHEMA: &str = r#"
    syntax = "proto3";
    package comity.sector.v1.boats;
    import "comity/sector/v1/options.proto";
    message Boat {
      option (message) = { sector: "boats" kind: RECORD };
      string hull = 1 [(rule) = { zh: "船号" en: "Hull" role: IDENTITY required: true readers: PUBLIC }];
    }
    message BoatOrder {
      option (message) = { sector: "boats" kind: ORDER_PRIVATE };
      string hull = 1 [(rule) = { zh: "船号" en: "Hull" role: REFERENCE required: true }];
      Amount amount = 2 [(rule) = { zh: "金额" en: "Amount" role: AMOUNT required_for: ["freeze", "deduct"] }];
      string account = 3 [(rule) = { zh: "账号" en: "Account" role: ACCOUNT required_for: "deduct" }];
    }
"#;

const PROFILE: &str = r#"
    [[kind]]
    name = "freeze"
    effect = "hold-divisible"
    period_days_max = 365
    decide_within_s = 3600
    two_approvals_from = { currency = "CNY", minor = 1000 }
    confirm_within_s = 3600
    [[kind]]
    name = "release"
    effect = "release"
    decide_within_s = 3600
    [[kind]]
    name = "renew"
    effect = "renew"
    period_days_max = 400
    decide_within_s = 3600
    [[kind]]
    name = "deduct"
    effect = "deduct"
    decide_within_s = 3600
    [[kind]]
    name = "confirm"
    effect = "confirm"
    decide_within_s = 3600
"#;

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

fn boats() -> SectorSchema {
    let source = SectorSource { name: "boats", schema: SCHEMA, profile: Some(PROFILE) };
    Sectors::load(&[source]).unwrap().sector(&"boats".parse().unwrap()).unwrap().clone()
}

fn side() -> CourtSide {
    CourtSide {
        court: "court".parse().unwrap(),
        chain: "court-1".parse().unwrap(),
        source_client: "comet-0".parse().unwrap(),
        dest_client: "comet-1".parse().unwrap(),
    }
}

fn hull() -> Field {
    Field { name: "hull".parse().unwrap(), value: FieldValue::Text("A-1".into()) }
}

fn amount(minor: u64) -> Field {
    Field { name: "amount".parse().unwrap(), value: FieldValue::Amount(Amount::cny(minor)) }
}

fn request() -> DraftRequest {
    DraftRequest {
        request: RequestId([1; 16]),
        recipient: "bank".parse().unwrap(),
        sector: "boats".parse().unwrap(),
        kind: "freeze".parse().unwrap(),
        original: None,
        fields: vec![hull()],
        obligation: Some(Amount::cny(999)),
        deliver_within_s: 0,
        hold_days: 0,
        emergency: false,
        claim: None,
    }
}

fn drawn(change: impl FnOnce(&mut DraftRequest)) -> Result<(Order, PrivatePart), DraftError> {
    let mut request = request();
    change(&mut request);
    let original = request.original.map(|_| freeze_for("3301"));
    draw_up(&request, &side(), &boats(), original.as_ref(), NOW).map(|drawn| (drawn.order, drawn.part))
}

/// A freeze for one account, as the court's gateway keeps it.
fn freeze_for(account: &str) -> StoredOrder {
    let request = DraftRequest { fields: vec![text("account", account), hull()], ..request() };
    let Drawn { order, part, .. } = draw_up(&request, &side(), &boats(), None, NOW).unwrap();
    StoredOrder::draft(order, part, Hash::ZERO, comity_model::Time::UNIX_EPOCH)
}

fn text(name: &str, text: &str) -> Field {
    Field { name: name.parse().unwrap(), value: FieldValue::Text(text.into()) }
}

#[test]
fn an_order_binds_its_private_part_and_two_drafts_share_no_digest() {
    let (order, part) = drawn(|_| {}).unwrap();
    assert_eq!(order.private_digest, private_digest(&part));
    assert_eq!(part.order, order.id);
    let (again, _) = drawn(|_| {}).unwrap();
    assert!(again.id != order.id && again.private_digest != order.private_digest);
}

#[test]
fn the_public_part_holds_nothing_of_the_private_fields() {
    let (order, part) = drawn(|request| {
        request.fields = vec![Field { name: "hull".parse().unwrap(), value: FieldValue::Text("6222020001".into()) }];
    })
    .unwrap();
    let holds = |bytes: &[u8]| bytes.windows(10).any(|window| window == b"6222020001");
    assert!(holds(&comity_model::encode(&part)));
    assert!(!holds(&comity_model::encode(&order)));
}

#[test]
fn the_obligation_goes_into_the_amount_field_and_must_agree_with_it() {
    let (_, part) = drawn(|_| {}).unwrap();
    assert_eq!(part.fields, [amount(999), hull()]);
    assert!(drawn(|request| request.fields = vec![amount(999), hull()]).is_ok());
    let differs = drawn(|request| request.fields = vec![amount(1), hull()]);
    assert_eq!(differs.err(), Some(DraftError::ObligationDiffers));
}

#[test]
fn two_officers_are_needed_from_the_threshold_on() {
    let class = |obligation| drawn(|request| request.obligation = obligation).unwrap().0.approval;
    assert_eq!(class(Some(Amount::cny(999))), ApprovalClass::Single);
    assert_eq!(class(Some(Amount::cny(1_000))), ApprovalClass::Double);
}

#[test]
fn deadlines_stand_in_order_and_within_the_day() {
    let (order, _) = drawn(|_| {}).unwrap();
    assert_eq!(order.deliver_by, NOW.plus(DELIVERY_MAX_S));
    assert_eq!(order.decide_by, order.deliver_by.plus(3_600));
    assert_eq!(order.hold_until, NOW.plus(365 * DAY_S - CLOCK_LAG_S));
    let (order, _) = drawn(|request| request.deliver_within_s = 2).unwrap();
    assert_eq!(order.deliver_by, NOW.plus(2));
    let late = drawn(|request| request.deliver_within_s = DELIVERY_MAX_S + 1);
    assert_eq!(late.err(), Some(DraftError::DeliverWithin));
}

#[test]
fn a_hold_over_the_maximum_or_over_before_the_decision_is_refused() {
    let days = |days| drawn(|request| request.hold_days = days).err();
    assert_eq!(days(365), None);
    assert_eq!(days(366), Some(DraftError::HoldDays { days_max: 365 }));
    assert_eq!(days(1), Some(DraftError::HoldDays { days_max: 365 }));
}

#[test]
fn a_release_names_its_original_makes_no_hold_and_nothing_else_names_one() {
    let release = |original| {
        drawn(|request| {
            request.kind = "release".parse().unwrap();
            request.original = original;
            request.obligation = None;
        })
    };
    assert_eq!(release(None).err(), Some(DraftError::Original));
    let (order, _) = release(Some(OrderId([2; 16]))).unwrap();
    assert_eq!((order.original, order.hold_until), (Some(OrderId([2; 16])), order.decide_by));
    assert_eq!(order.approval, ApprovalClass::Double);
    let freeze = drawn(|request| request.original = Some(OrderId([2; 16])));
    assert_eq!(freeze.err(), Some(DraftError::Original));
}

#[test]
fn an_unknown_kind_and_fields_off_the_schema_are_refused() {
    let kind = drawn(|request| request.kind = "burn".parse().unwrap());
    assert!(matches!(kind, Err(DraftError::UnknownKind(..))));
    let fields = drawn(|request| request.fields.clear());
    assert!(matches!(fields, Err(DraftError::Field(_))));
}

#[test]
fn an_order_says_what_its_kind_does_and_its_amount_only_where_the_chain_keeps_to_it() {
    let (freeze, _) = drawn(|_| {}).unwrap();
    assert_eq!((freeze.effect, freeze.amount, freeze.account), (Effect::HoldDivisible, None, None));
    let release = drawn(|request| {
        request.kind = "release".parse().unwrap();
        request.original = Some(OrderId([2; 16]));
    });
    let (release, _) = release.unwrap();
    assert_eq!((release.effect, release.amount), (Effect::Release, Some(Amount::cny(999))));
    assert!(freeze.is_well_formed() && release.is_well_formed());
}

#[test]
fn money_is_deducted_only_to_the_account_of_the_freeze() {
    let original = freeze_for("3301");
    assert!(original.order.account.is_some());
    let deduct = |account: &str, original: &StoredOrder| {
        let request = DraftRequest {
            kind: "deduct".parse().unwrap(),
            original: Some(original.order.id),
            fields: vec![text("account", account), hull()],
            ..request()
        };
        draw_up(&request, &side(), &boats(), Some(original), NOW)
    };
    let Drawn { order, part, .. } = deduct("3301", &original).unwrap();
    assert_eq!((order.account, order.amount), (original.order.account, Some(Amount::cny(999))));
    assert_ne!(order.account, Some(verify::account(&part, "3301")), "the salt is the freeze's");
    assert!(order.is_well_formed());
    assert_eq!(deduct("3302", &original).err(), Some(DraftError::Account));
    let mut unbound = original;
    unbound.order.account = None;
    assert_eq!(deduct("3301", &unbound).err(), Some(DraftError::Account));
}

#[test]
fn a_deduction_serves_what_its_freeze_serves_and_two_orders_for_one_obligation_show_two_commitments() {
    let serves = (ObligationId([7; 16]), Amount::cny(100_000));
    let freeze = DraftRequest { fields: vec![text("account", "3301"), hull()], claim: Some(serves), ..request() };
    let freeze = || {
        let Drawn { order, part, claim } = draw_up(&freeze, &side(), &boats(), None, NOW).unwrap();
        assert!(order.is_well_formed() && order.obligation == claim.as_ref().map(verify::claim));
        StoredOrder { claim, ..StoredOrder::draft(order, part, Hash::ZERO, comity_model::Time::UNIX_EPOCH) }
    };
    let (original, another) = (freeze(), freeze());
    assert!(original.order.obligation.is_some() && original.order.obligation != another.order.obligation);
    let change = |kind: &str, claim| {
        let request = DraftRequest {
            kind: kind.parse().unwrap(),
            original: Some(original.order.id),
            fields: vec![text("account", "3301"), hull()],
            claim,
            ..request()
        };
        draw_up(&request, &side(), &boats(), Some(&original), NOW)
    };
    for claim in [None, Some(serves)] {
        let drawn = change("deduct", claim).unwrap();
        let claim = drawn.claim.unwrap();
        assert_eq!((claim.obligation, claim.claimed), serves);
        assert!(drawn.order.obligation == Some(verify::claim(&claim)) && drawn.order.is_well_formed());
    }
    let other = Some((ObligationId([8; 16]), Amount::cny(100_000)));
    assert_eq!(change("deduct", other).err(), Some(DraftError::OtherObligation));
    assert_eq!(change("release", Some(serves)).err(), Some(DraftError::NoObligation));
    assert_eq!(change("release", None).unwrap().claim, None);
}

#[test]
fn one_officer_orders_in_an_emergency_and_one_confirms() {
    let (order, _) = drawn(|request| {
        request.emergency = true;
        request.obligation = Some(Amount::cny(5_000));
    })
    .unwrap();
    assert_eq!(order.approval, ApprovalClass::Emergency);
    let change = |kind: &str, emergency| {
        drawn(|request| {
            request.kind = kind.parse().unwrap();
            request.original = Some(OrderId([2; 16]));
            request.emergency = emergency;
        })
    };
    assert_eq!(change("confirm", false).unwrap().0.approval, ApprovalClass::Single);
    assert_eq!(change("release", true).err(), Some(DraftError::Emergency));
}

#[test]
fn a_renewal_lasts_as_long_as_both_kinds_allow() {
    let renew = |days| {
        drawn(|request| {
            request.kind = "renew".parse().unwrap();
            request.original = Some(OrderId([2; 16]));
            request.hold_days = days;
        })
    };
    assert_eq!(renew(0).unwrap().0.hold_until, NOW.plus(365 * DAY_S - CLOCK_LAG_S));
    assert_eq!(renew(366).err(), Some(DraftError::HoldDays { days_max: 365 }));
    assert_eq!(renew(30).unwrap().0.approval, ApprovalClass::Double);
}
