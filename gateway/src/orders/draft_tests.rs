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
      Amount amount = 2 [(rule) = { zh: "金额" en: "Amount" role: AMOUNT required_for: "freeze" }];
    }
"#;

const PROFILE: &str = r#"
    [[kind]]
    name = "freeze"
    effect = "hold-divisible"
    period_days_max = 365
    decide_within_s = 3600
    two_approvals_from = { currency = "CNY", minor = 1000 }
    [[kind]]
    name = "release"
    effect = "release"
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
    }
}

fn drawn(change: impl FnOnce(&mut DraftRequest)) -> Result<(Order, PrivatePart), DraftError> {
    let mut request = request();
    change(&mut request);
    draw_up(&request, &side(), &boats(), NOW)
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
