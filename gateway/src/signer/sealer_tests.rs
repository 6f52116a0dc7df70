#![allow(clippy::unwrap_used)]
use super::*;
use crate::orders::testing;
use comity_model::Hash;
use comity_model::asset::{Asset, Enforcement};
use comity_model::order::{ApprovalClass, DecisionVerdict, Objection};
use comity_model::{AssetHandle, OrderId};

const NOW: UnixSeconds = UnixSeconds(1_800_000_010);

fn identity() -> SignerIdentity {
    SignerIdentity {
        institution: "court".parse().unwrap(),
        chain: "court-1".parse().unwrap(),
        officers: vec![testing::officer(1), testing::officer(2)],
        rules: vec![SealRule {
            sector: "accounts".parse().unwrap(),
            kind: "freeze".parse().unwrap(),
            effect: Effect::HoldDivisible,
            two_approvals_from: Some(Amount::cny(10_000)),
            emergencies: false,
            amount_field: Some("amount".parse().unwrap()),
        }],
    }
}

fn signer(identity: SignerIdentity) -> SignerCore {
    SignerCore::new(identity, &SecretBox::new(Box::new([3; 32])))
}

fn approved(numbers: &[u8]) -> (Order, Vec<Approval>, PrivatePart) {
    let (order, part) = testing::order_and_part();
    let approvals = numbers.iter().map(|number| testing::approval(&order, *number)).collect();
    (order, approvals, part)
}

/// What the signer says of an order after `change`, with both officers' approvals made for it as changed.
fn refusal(change: impl FnOnce(&mut Order, &mut PrivatePart)) -> Option<SealRefusal> {
    let (mut order, mut part) = testing::order_and_part();
    change(&mut order, &mut part);
    let approvals = vec![testing::approval(&order, 1), testing::approval(&order, 2)];
    signer(identity()).seal_order(&order, &approvals, &part, NOW).err()
}

#[test]
fn an_order_with_two_officers_is_sealed_with_the_courts_key() {
    let (order, approvals, part) = approved(&[1, 2]);
    let signer = signer(identity());
    let signature = signer.seal_order(&order, &approvals, &part, NOW).unwrap();
    let value = (&order, &approvals);
    seal::check(verify::TAG_SEAL, &value, &signer.public_key(), &signature, comity_model::seal::Suites::NATIVE)
        .unwrap();
}

#[test]
fn one_officer_is_too_few_for_an_order_of_two() {
    let (order, approvals, part) = approved(&[1]);
    assert_eq!(
        signer(identity()).seal_order(&order, &approvals, &part, NOW).err(),
        Some(SealRefusal::TooFewApprovals { needed: 2, found: 1 })
    );
}

#[test]
fn the_same_officer_twice_or_in_the_wrong_order_is_refused() {
    for numbers in [[1, 1], [2, 1]] {
        let (order, approvals, part) = approved(&numbers);
        assert_eq!(signer(identity()).seal_order(&order, &approvals, &part, NOW).err(), Some(SealRefusal::Approval));
    }
}

#[test]
fn two_work_numbers_with_one_key_are_one_officer() {
    let mut identity = identity();
    let mut alias = testing::officer(1);
    alias.id = "J2".parse().unwrap();
    identity.officers[1] = alias;
    let (order, mut approvals, part) = approved(&[1, 1]);
    approvals[1].officer = "J2".parse().unwrap();
    assert_eq!(signer(identity).seal_order(&order, &approvals, &part, NOW).err(), Some(SealRefusal::Approval));
}

#[test]
fn an_unknown_a_foreign_and_an_expired_officer_are_refused() {
    let (order, approvals, part) = approved(&[1, 3]);
    assert_eq!(signer(identity()).seal_order(&order, &approvals, &part, NOW).err(), Some(SealRefusal::Approval));
    let changes: [fn(&mut Officer); 3] = [
        |officer| officer.member = "bank".parse().unwrap(),
        |officer| officer.validity.until = NOW,
        |officer| officer.validity.compromised_since = Some(UnixSeconds(1_800_000_000)),
    ];
    for change in changes {
        let mut identity = identity();
        change(&mut identity.officers[1]);
        let (order, approvals, part) = approved(&[1, 2]);
        assert_eq!(signer(identity).seal_order(&order, &approvals, &part, NOW).err(), Some(SealRefusal::Approval));
    }
}

#[test]
fn an_approval_of_another_order_is_refused() {
    let (order, mut approvals, part) = approved(&[1, 2]);
    let mut other = order.clone();
    other.recipient = "other-bank".parse().unwrap();
    approvals[1] = testing::approval(&other, 2);
    assert_eq!(signer(identity()).seal_order(&order, &approvals, &part, NOW).err(), Some(SealRefusal::Approval));
}

#[test]
fn an_order_of_another_court_or_another_chain_is_refused() {
    let ours = Some(SealRefusal::NotOurs("court".parse().unwrap()));
    assert_eq!(refusal(|order, _| order.court = "court-2".parse().unwrap()), ours);
    assert_eq!(refusal(|order, _| order.source_chain = "bank-1".parse().unwrap()), ours);
}

#[test]
fn a_private_part_that_the_order_does_not_bind_is_refused() {
    assert_eq!(refusal(|_, part| part.salt[0] ^= 1), Some(SealRefusal::PrivatePart));
    assert_eq!(refusal(|_, part| part.order = OrderId([1; 16])), Some(SealRefusal::PrivatePart));
}

#[test]
fn a_gateway_cannot_lower_the_class_of_an_order_over_the_threshold() {
    let seal_single = |minor: u64, currency: &str| {
        let (mut order, mut part) = testing::order_at(1_800_000_000, ApprovalClass::Single);
        part.fields[1].value = FieldValue::Amount(Amount { currency: currency.parse().unwrap(), minor });
        order.private_digest = verify::private_digest(&part);
        let approvals = vec![testing::approval(&order, 1)];
        signer(identity()).seal_order(&order, &approvals, &part, NOW).err()
    };
    assert_eq!(seal_single(9_999, "CNY"), None);
    assert_eq!(seal_single(10_000, "CNY"), Some(SealRefusal::ClassTooLow));
    assert_eq!(seal_single(1, "USD"), Some(SealRefusal::ClassTooLow));
}

#[test]
fn deadlines_that_are_past_or_too_far_or_out_of_order_are_refused() {
    let late = Some(SealRefusal::Deadlines);
    assert_eq!(refusal(|order, _| order.deliver_by = NOW), late);
    assert_eq!(refusal(|order, _| order.deliver_by = order.issued_at.plus(DELIVERY_MAX_S + 1)), late);
    assert_eq!(refusal(|order, _| order.decide_by = order.deliver_by), late);
    assert_eq!(refusal(|order, _| order.hold_until = order.issued_at), late);
    assert_eq!(refusal(|order, _| order.issued_at = NOW.plus(3_600)), late);
}

#[test]
fn a_kind_without_a_rule_is_refused() {
    let found = refusal(|order, _| order.kind = "deduct".parse().unwrap());
    assert!(matches!(found, Some(SealRefusal::UnknownKind(..))));
}

#[test]
fn receipts_decisions_and_batches_of_others_are_refused() {
    let signer = signer(identity());
    let delivery = Delivery {
        order: OrderId([1; 16]),
        recipient: "bank".parse().unwrap(),
        private_digest: Hash([1; 32]),
        received_at: NOW,
    };
    let ours = Some(SealRefusal::NotOurs("court".parse().unwrap()));
    assert_eq!(signer.seal_delivery(&delivery, NOW).err(), ours);
    let mut own = Delivery { recipient: "court".parse().unwrap(), ..delivery };
    assert!(signer.seal_delivery(&own, NOW).is_ok());
    own.received_at = UnixSeconds(1_700_000_000);
    assert_eq!(signer.seal_delivery(&own, NOW).err(), Some(SealRefusal::ReceiptTime));

    let decision = Decision {
        chain: "bank-1".parse().unwrap(),
        client: "court-0".parse().unwrap(),
        order: OrderId([1; 16]),
        verdict: DecisionVerdict::Refuse("UNKNOWN_ASSET".parse().unwrap()),
        answer_digest: None,
    };
    assert_eq!(signer.seal_decision(&decision).err(), ours);

    let objection = Objection {
        chain: "bank-1".parse().unwrap(),
        client: "court-0".parse().unwrap(),
        order: OrderId([1; 16]),
        reason: "PROTECTED_MONEY".parse().unwrap(),
        grounds: None,
    };
    assert_eq!(signer.seal_objection(&objection).err(), ours);
    assert!(signer.seal_objection(&Objection { chain: "court-1".parse().unwrap(), ..objection }).is_ok());

    let records = RecordBatch {
        chain: "court-1".parse().unwrap(),
        member: "bank".parse().unwrap(),
        sector: "accounts".parse().unwrap(),
        records: Vec::new(),
    };
    assert_eq!(signer.seal_records(&records).err(), ours);

    let assets = AssetBatch {
        chain: "court-1".parse().unwrap(),
        member: "court".parse().unwrap(),
        assets: vec![Asset {
            handle: AssetHandle([1; 32]),
            sector: "accounts".parse().unwrap(),
            institution: "bank".parse().unwrap(),
            enforcement: Enforcement::Attested,
            value: None,
            holds: 0,
            revision: 1,
            status: comity_model::asset::AssetStatus::Standing,
        }],
    };
    assert_eq!(signer.seal_assets(&assets).err(), ours);
}
