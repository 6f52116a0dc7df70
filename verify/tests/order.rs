//! Orders: who must have approved, sealed and acknowledged what.
#![allow(clippy::unwrap_used)]

mod world;

use comity_model::member::{Member, MemberKind, Officer, Validity};
use comity_model::order::{Approval, ApprovalClass, Delivery, Order, SealedOrder};
use comity_model::profile::Effect;
use comity_model::seal::{PublicKey, Signature, Suite, Suites};
use comity_model::{Hash, OrderId, RequestId, UnixSeconds};
use comity_verify::order::{Party, TAG_DELIVERY, TAG_ORDER, approve, seal_bytes, suites};
use comity_verify::seal::signing_bytes;
use comity_verify::suite::SM2_ID;
use comity_verify::{Refusal, Rule};
use ed25519_dalek::Signer;
use sm2::elliptic_curve::sec1::ToSec1Point as _;
use world::{public, signer};

const NOW: UnixSeconds = UnixSeconds(1_000);

fn validity() -> Validity {
    Validity { from: UnixSeconds(0), until: UnixSeconds(2_000), compromised_since: None }
}

fn member(id: &str, seed: u8) -> Member {
    Member {
        id: id.parse().unwrap(),
        home: "court-1".parse().unwrap(),
        kind: MemberKind::Court,
        names: vec![id.into()],
        seal_key: PublicKey::ed25519(public(seed)),
        encryption_key: [0; 32],
        operators: Vec::new(),
        gateway: "127.0.0.1:1".into(),
        ca_fingerprint: Hash([0; 32]),
        validity: validity(),
    }
}

fn officer(id: &str, seed: u8) -> Officer {
    Officer {
        member: "court".parse().unwrap(),
        id: id.parse().unwrap(),
        key: PublicKey::ed25519(public(seed)),
        validity: validity(),
    }
}

struct Parties {
    court: Member,
    bank: Member,
    officers: Vec<Officer>,
}

fn parties() -> Parties {
    Parties {
        court: member("court", 1),
        bank: member("bank", 2),
        officers: vec![officer("101", 11), officer("102", 12), officer("103", 11)],
    }
}

fn order(class: ApprovalClass) -> Order {
    Order {
        id: OrderId([1; 16]),
        request: RequestId([2; 16]),
        source_chain: "court-1".parse().unwrap(),
        source_client: "bank-client".parse().unwrap(),
        dest_client: "court-client".parse().unwrap(),
        court: "court".parse().unwrap(),
        recipient: "bank".parse().unwrap(),
        sector: "finance".parse().unwrap(),
        kind: "freeze".parse().unwrap(),
        effect: Effect::HoldDivisible,
        original: None,
        amount: None,
        account: None,
        obligation: None,
        private_digest: Hash([3; 32]),
        approval: class,
        issued_at: UnixSeconds(900),
        deliver_by: UnixSeconds(5_000),
        decide_by: UnixSeconds(6_000),
        hold_until: UnixSeconds(9_000),
    }
}

/// The order approved by these officers and sealed by court and bank.
fn sealed(order: Order, approvers: &[(&str, u8)]) -> SealedOrder {
    let sign = |seed: u8, bytes: &[u8]| Signature::ed25519(signer(seed).sign(bytes).to_bytes());
    let approvals: Vec<Approval> = approvers
        .iter()
        .map(|(id, seed)| Approval {
            officer: id.parse().unwrap(),
            signature: sign(*seed, &signing_bytes(TAG_ORDER, &order)),
        })
        .collect();
    let delivery = Delivery {
        order: order.id,
        recipient: order.recipient.clone(),
        private_digest: order.private_digest,
        received_at: UnixSeconds(950),
    };
    SealedOrder {
        seal: sign(1, &seal_bytes(&order, &approvals)),
        delivery_seal: sign(2, &signing_bytes(TAG_DELIVERY, &delivery)),
        order,
        approvals,
        delivery,
    }
}

fn judged(sealed: &SealedOrder, parties: &Parties) -> Result<(), Rule> {
    judged_with(sealed, parties, Suites::NATIVE, Suites::NATIVE).map_err(|r| r.rule)
}

fn judged_with(sealed: &SealedOrder, parties: &Parties, home: Suites, abroad: Suites) -> Result<(), Refusal> {
    let court = Party { member: &parties.court, suites: home };
    let bank = Party { member: &parties.bank, suites: abroad };
    approve(sealed, &court, &parties.officers, &bank, NOW).map(|_| ())
}

#[test]
fn an_order_with_all_its_parts_is_approved() {
    assert_eq!(judged(&sealed(order(ApprovalClass::Single), &[("101", 11)]), &parties()), Ok(()));
    assert_eq!(judged(&sealed(order(ApprovalClass::Double), &[("101", 11), ("102", 12)]), &parties()), Ok(()));
}

#[test]
fn a_double_class_needs_two_different_officers_with_two_keys() {
    let double = || order(ApprovalClass::Double);
    for approvers in [
        &[("101", 11)][..],
        &[("101", 11), ("101", 11)],
        &[("102", 12), ("101", 11)],
        &[("101", 11), ("103", 11)],
        &[("101", 11), ("999", 12)],
    ] {
        assert_eq!(judged(&sealed(double(), approvers), &parties()), Err(Rule::Approval), "{approvers:?}");
    }
    assert_eq!(judged(&sealed(double(), &[("101", 11), ("102", 13)]), &parties()), Err(Rule::Seal));
}

#[test]
fn a_change_after_approval_or_seal_is_refused() {
    let good = sealed(order(ApprovalClass::Single), &[("101", 11)]);
    let changed = |change: &dyn Fn(&mut SealedOrder)| {
        let mut order = good.clone();
        change(&mut order);
        judged(&order, &parties())
    };
    assert_eq!(changed(&|s| s.order.hold_until = UnixSeconds(9_001)), Err(Rule::Seal));
    assert_eq!(changed(&|s| s.seal.bytes[3] ^= 1), Err(Rule::Seal));
    assert_eq!(changed(&|s| s.delivery.received_at = UnixSeconds(1)), Err(Rule::Seal));
    assert_eq!(changed(&|s| s.delivery.private_digest = Hash([4; 32])), Err(Rule::OrderMismatch));
    assert_eq!(changed(&|s| s.delivery.order = OrderId([9; 16])), Err(Rule::OrderMismatch));
    assert_eq!(changed(&|s| s.approvals.clear()), Err(Rule::Approval));
}

#[test]
fn a_key_out_of_its_validity_or_compromised_approves_and_seals_nothing() {
    let good = sealed(order(ApprovalClass::Single), &[("101", 11)]);
    let with = |change: &dyn Fn(&mut Parties)| {
        let mut parties = parties();
        change(&mut parties);
        judged(&good, &parties)
    };
    assert_eq!(with(&|p| p.officers[0].validity.until = NOW), Err(Rule::Validity));
    assert_eq!(with(&|p| p.court.validity.compromised_since = Some(NOW)), Err(Rule::Validity));
    assert_eq!(with(&|p| p.bank.validity.from = UnixSeconds(1_001)), Err(Rule::Validity));
    assert_eq!(with(&|p| p.court.id = "other".parse().unwrap()), Err(Rule::OrderMismatch));
    assert_eq!(with(&|p| p.officers[0].member = "bank".parse().unwrap()), Err(Rule::Approval));
}

#[test]
fn each_side_seals_under_the_suites_that_are_accepted_from_its_chain() {
    let key = sm2::dsa::SigningKey::from_slice(SM2_ID, &[5; 32]).unwrap();
    let mut parties = parties();
    let point = key.verifying_key().as_affine().to_sec1_point(true);
    parties.bank.seal_key = PublicKey::new(Suite::Sm2Sm3, point.as_bytes().to_vec()).unwrap();
    let mut order = sealed(order(ApprovalClass::Single), &[("101", 11)]);
    let receipt = key.sign(&signing_bytes(TAG_DELIVERY, &order.delivery)).to_bytes().into();
    order.delivery_seal = Signature { suite: Suite::Sm2Sm3, bytes: receipt };
    assert_eq!(suites(&order).collect::<Vec<_>>(), [Suite::Ed25519Sha256, Suite::Ed25519Sha256, Suite::Sm2Sm3]);

    let both = Suites::NATIVE.with(Suite::Sm2Sm3);
    assert_eq!(judged_with(&order, &parties, Suites::NATIVE, both), Ok(()));
    let refusal = judged_with(&order, &parties, both, Suites::NATIVE).unwrap_err();
    assert_eq!((refusal.rule, refusal.found.as_str()), (Rule::Suite, "sm2-sm3"));
    let only_sm2 = Suites::new([Suite::Sm2Sm3]).unwrap();
    let refusal = judged_with(&order, &parties, only_sm2, both).unwrap_err();
    assert_eq!((refusal.rule, refusal.found.as_str()), (Rule::Suite, "ed25519-sha256"));
}
