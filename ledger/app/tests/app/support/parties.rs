//! Who takes part: the two chains' first states, and an order with everything that makes it one.

use super::chain;
use super::keys::{public, public_key, seal};
use super::world::{At, BEGIN_S, DAY_S};
use At::{Bank, Court};
use comity_model::client::ClientKind;
use comity_model::genesis::Genesis;
use comity_model::governance::Governors;
use comity_model::member::{Member, MemberKind, Officer, Validity};
use comity_model::order::{Approval, Delivery, Order, SealedOrder};
use comity_model::profile::{Effect, KindRule, ObjectionRule, Profile, Unanswered};
use comity_model::seal::Suites;
use comity_model::{Amount, Hash, MemberId, Time, UnixSeconds};

/// How long an emergency order lasts without a confirmation.
pub const CONFIRM_S: u64 = 48 * 3_600;

pub fn member(id: &str, kind: MemberKind, home: &str) -> Member {
    Member {
        id: id.parse().unwrap(),
        home: home.parse().unwrap(),
        kind,
        names: vec![id.into()],
        seal_key: public_key(&format!("{id} seal")),
        encryption_key: [1; 32],
        operators: vec![public(&format!("{id} operator"))],
        gateway: "127.0.0.1:1".into(),
        ca_fingerprint: Hash([2; 32]),
        validity: always(),
    }
}

pub fn always() -> Validity {
    Validity { from: UnixSeconds(0), until: UnixSeconds(u64::MAX), compromised_since: None }
}

pub fn genesis(at: At) -> Genesis {
    let (id, members) = match at {
        Court => (
            "court-1",
            vec![member("court", MemberKind::Court, "court-1"), member("court-2", MemberKind::Court, "court-1")],
        ),
        Bank => ("bank-1", vec![member("bank", MemberKind::Finance, "bank-1")]),
    };
    let officer = |member: &str, id: &str| Officer {
        member: member.parse().unwrap(),
        id: id.parse().unwrap(),
        key: public_key(&format!("officer {id}")),
        validity: always(),
    };
    Genesis {
        chain: id.parse().unwrap(),
        time: Time::new(BEGIN_S as i64, 0).unwrap(),
        validators: chain::validators(id),
        governors: Governors {
            keys: (0..3).map(|n| public_key(&format!("{id} governor {n}"))).collect(),
            threshold: 2,
            delay_s: 0,
            next: 0,
        },
        client_kinds: vec![ClientKind::Comet],
        suites: Suites::NATIVE,
        officers: match at {
            Court => vec![officer("court", "J-1"), officer("court", "J-2"), officer("court-2", "J-3")],
            Bank => Vec::new(),
        },
        profiles: match at {
            Court => Vec::new(),
            Bank => vec![profile(), payments()],
        },
        members,
    }
}

/// The bank's sector: freezes of money, seals of safes, listings, and what can be done with them.
pub fn profile() -> Profile {
    let rule = |kind: &str, effect, two_approvals_from| KindRule {
        kind: kind.parse().unwrap(),
        effect,
        period_days_max: if effect.holds() || effect == Effect::Renew { 365 } else { 0 },
        decide_within_s: 3_600,
        two_approvals_from,
        confirm_within_s: Some(CONFIRM_S).filter(|_| effect.holds()),
        objection: Some(ObjectionRule {
            answer_within_s: 15 * DAY_S,
            unanswered: if kind == "seal" { Unanswered::Released } else { Unanswered::Stands },
        })
        .filter(|_| effect.holds()),
    };
    let threshold = Some(Amount::cny(10_000_000));
    Profile {
        sector: "deposits".parse().unwrap(),
        institution: "bank".parse().unwrap(),
        kinds: vec![
            rule("freeze", Effect::HoldDivisible, threshold),
            rule("seal", Effect::HoldExclusive, None),
            rule("list", Effect::HoldConcurrent, threshold),
            rule("release", Effect::Release, threshold),
            rule("renew", Effect::Renew, threshold),
            rule("deduct", Effect::Deduct, threshold),
            rule("transfer", Effect::Transfer, None),
            rule("rollback", Effect::Rollback, threshold),
            rule("correct", Effect::Amend, threshold),
            rule("hand-over", Effect::HandOver, None),
            rule("confirm", Effect::Confirm, threshold),
            rule("uphold", Effect::UpholdObjection, threshold),
            rule("reject", Effect::RejectObjection, threshold),
        ],
    }
}

/// The bank's records of payments: no orders are about them.
fn payments() -> Profile {
    Profile { sector: "payments".parse().unwrap(), institution: "bank".parse().unwrap(), kinds: Vec::new() }
}

/// An order with approvals, the court's seal and the bank's delivery receipt.
pub fn seal_order(order: Order, officers: &[&str]) -> SealedOrder {
    let approvals: Vec<Approval> = officers
        .iter()
        .map(|id| Approval {
            officer: id.parse().unwrap(),
            signature: seal(&format!("officer {id}"), "comity/order/v2", &order),
        })
        .collect();
    let court: MemberId = order.court.clone();
    let court_seal = seal(&format!("{court} seal"), "comity/order-seal/v2", &(order.clone(), approvals.clone()));
    let delivery = Delivery {
        order: order.id,
        recipient: order.recipient.clone(),
        private_digest: order.private_digest,
        received_at: order.issued_at,
    };
    SealedOrder {
        delivery_seal: seal("bank seal", "comity/delivery/v1", &delivery),
        delivery,
        seal: court_seal,
        approvals,
        order,
    }
}
