#![allow(clippy::unwrap_used)]
use super::*;
use crate::orders::testing;
use comity_model::order::{Delivery, HoldSummary, NoticeEvent, SealedOrder};

const STATES: [OrderState; 11] = [
    OrderState::AwaitingApproval,
    OrderState::AwaitingDelivery,
    OrderState::Committed,
    OrderState::Relayed,
    OrderState::Pending,
    OrderState::Executed,
    OrderState::Waitlisted,
    OrderState::Refused,
    OrderState::Failed,
    OrderState::TimedOut,
    OrderState::Withdrawn,
];

fn now() -> Time {
    Time::new(1_800_000_100, 0).unwrap()
}

fn approved() -> StoredOrder {
    let mut order = testing::stored();
    for number in [1, 2] {
        let approval = testing::approval(&order.order, number);
        order.approve(approval, now()).unwrap();
    }
    order
}

fn delivered(order: &StoredOrder) -> Delivered {
    let delivery = Delivery {
        order: order.order.id,
        recipient: order.order.recipient.clone(),
        private_digest: order.order.private_digest,
        received_at: order.order.issued_at,
    };
    let seal = Signature::ed25519([0; 64]);
    Delivered { seal, delivery, delivery_seal: seal }
}

fn entry(order: &StoredOrder, state: OrderState, notice: Option<u32>) -> OrderEntry {
    let hold = HoldSummary {
        state: comity_model::asset::HoldState::Active,
        held: None,
        asked: None,
        deducted: None,
        ahead: 0,
        until: order.order.hold_until,
        objection: None,
    };
    OrderEntry {
        sealed: SealedOrder {
            order: order.order.clone(),
            approvals: order.approvals.clone(),
            seal: Signature::ed25519([0; 64]),
            delivery: delivered(order).delivery,
            delivery_seal: Signature::ed25519([0; 64]),
        },
        sequence: 1,
        state,
        result: Some(OrderResult {
            order: order.order.id,
            outcome: Outcome::Waitlisted(hold.clone()),
            effective_at: UnixSeconds(1),
            height: Height(5),
            answer_digest: None,
        }),
        notice: notice.map(|number| Notice {
            order: order.order.id,
            number,
            event: NoticeEvent::Activated,
            hold,
            at: UnixSeconds(2),
            cause: None,
        }),
        obligation: None,
        changed_at: UnixSeconds(1),
    }
}

fn under(height: u64) -> ProvenUnder {
    ProvenUnder {
        chain: "court-1".parse().unwrap(),
        height: Height(height),
        header_hash: Hash([height as u8; 32]),
        time: now(),
    }
}

#[test]
fn no_state_ever_leads_back() {
    for from in STATES {
        for to in STATES {
            if follows(from, to) {
                assert!(!follows(to, from), "{} and {}", from.name(), to.name());
            }
        }
        assert!(!follows(from, from), "{}", from.name());
    }
}

#[test]
fn nothing_follows_an_answer() {
    for from in STATES.into_iter().filter(|state| state.is_answered()) {
        for to in STATES {
            assert!(!follows(from, to), "{} to {}", from.name(), to.name());
        }
    }
}

#[test]
fn only_a_newer_notice_turns_a_hold() {
    let mut order = approved();
    assert!(order.learn(&entry(&order, OrderState::Waitlisted, None), under(9), now()));
    assert!(!order.learn(&entry(&order, OrderState::Executed, None), under(10), now()));
    assert!(order.learn(&entry(&order, OrderState::Executed, Some(1)), under(11), now()));
    assert!(!order.learn(&entry(&order, OrderState::Waitlisted, Some(1)), under(12), now()));
    assert!(order.learn(&entry(&order, OrderState::Waitlisted, Some(2)), under(13), now()));
    // A notice cannot make another answer of it; what it says of the hold is taken up.
    assert!(order.learn(&entry(&order, OrderState::Refused, Some(3)), under(14), now()));
    assert_eq!((order.state, order.notice.unwrap().number), (OrderState::Waitlisted, 3));
}

#[test]
fn two_different_officers_move_an_order_of_two_on_and_the_same_one_twice_does_not() {
    let mut order = testing::stored();
    let first = testing::approval(&order.order, 1);
    assert!(order.approve(first.clone(), now()).unwrap());
    assert!(!order.approve(first, now()).unwrap());
    assert_eq!(order.state, OrderState::AwaitingApproval);
    let second = testing::approval(&order.order, 2);
    assert!(order.approve(second, now()).unwrap());
    assert_eq!(order.state, OrderState::AwaitingDelivery);
    assert!(order.approvals.is_sorted_by(|a, b| a.officer < b.officer));
}

#[test]
fn pending_after_executed_changes_nothing() {
    let mut order = approved();
    order.deliver(delivered(&order)).unwrap();
    assert!(order.learn(&entry(&order, OrderState::Executed, None), under(9), now()));
    let answered = order.clone();
    assert!(!order.arrived(true, &under(9), now()));
    assert!(!order.learn(&entry(&answered, OrderState::Committed, None), under(10), now()));
    assert!(order == answered);
}

#[test]
fn news_under_an_older_header_change_nothing() {
    let mut order = approved();
    assert!(order.learn(&entry(&order, OrderState::Committed, None), under(9), now()));
    assert!(!order.learn(&entry(&order, OrderState::Executed, None), under(8), now()));
    assert_eq!(order.state, OrderState::Committed);
}

#[test]
fn a_notice_counts_once_and_never_backwards() {
    let mut order = approved();
    assert!(order.learn(&entry(&order, OrderState::Waitlisted, None), under(9), now()));
    assert!(order.learn(&entry(&order, OrderState::Waitlisted, Some(2)), under(10), now()));
    let revision = order.revision;
    assert!(!order.learn(&entry(&order, OrderState::Waitlisted, Some(2)), under(11), now()));
    assert!(!order.learn(&entry(&order, OrderState::Waitlisted, Some(1)), under(12), now()));
    assert_eq!((order.revision, order.notice.unwrap().number), (revision, 2));
}

#[test]
fn an_entry_of_another_order_is_not_learnt() {
    let mut order = approved();
    let mut other = entry(&order, OrderState::Executed, None);
    other.sealed.order.private_digest = Hash([7; 32]);
    assert!(!order.learn(&other, under(9), now()));
}

#[test]
fn an_order_is_taken_back_only_before_its_receipt_is_there() {
    let mut order = approved();
    assert!(order.clone().withdraw(now()).unwrap());
    order.deliver(delivered(&order)).unwrap();
    assert!(order.withdraw(now()).is_err());
    assert!(order.learn(&entry(&order, OrderState::Committed, None), under(9), now()));
    assert!(order.withdraw(now()).is_err());
}

#[test]
fn a_withdrawn_order_takes_no_approval_no_receipt_and_no_failure() {
    let mut order = testing::stored();
    order.withdraw(now()).unwrap();
    assert!(!order.withdraw(now()).unwrap());
    let approval = testing::approval(&order.order, 1);
    assert!(order.approve(approval, now()).is_err());
    assert!(order.deliver(delivered(&order)).is_err());
    assert!(order.fail("DELIVERY_EXPIRED".parse().unwrap(), now()).is_err());
}

#[test]
fn every_change_counts_one_revision() {
    let mut order = testing::stored();
    let mut seen = vec![order.revision];
    for number in [1, 2] {
        let approval = testing::approval(&order.order, number);
        order.approve(approval, now()).unwrap();
        seen.push(order.revision);
    }
    order.deliver(delivered(&order)).unwrap();
    seen.push(order.revision);
    order.learn(&entry(&order, OrderState::Committed, None), under(3), now());
    seen.push(order.revision);
    order.arrived(true, &under(4), now());
    seen.push(order.revision);
    order.learn(&entry(&order, OrderState::Waitlisted, Some(1)), under(9), now());
    seen.push(order.revision);
    assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn an_arrival_is_noted_with_its_proof_and_a_late_one_overwrites_nothing() {
    let mut order = approved();
    order.deliver(delivered(&order)).unwrap();
    assert!(!order.arrived(true, &under(3), now()), "the court's chain comes first");
    assert!(order.learn(&entry(&order, OrderState::Committed, None), under(9), now()));
    assert!(order.packet().is_some_and(|packet| Some(packet.sequence) == order.sequence));
    let bank = ProvenUnder { chain: "bank-1".parse().unwrap(), ..under(4) };
    assert!(order.arrived(false, &bank, now()));
    assert_eq!((order.state, order.shown_under()), (OrderState::Relayed, Some(&bank)));
    assert!(!order.arrived(false, &bank, now()));
    assert!(order.arrived(true, &bank, now()));
    assert_eq!(order.state, OrderState::Pending);
    // The bank's chain is higher than the court's: heights of two chains are not compared.
    let high = ProvenUnder { chain: "bank-1".parse().unwrap(), ..under(900) };
    assert!(!order.arrived(true, &high, now()));
    assert!(order.learn(&entry(&order, OrderState::Executed, None), under(10), now()));
    assert_eq!(order.shown_under(), Some(&under(10)));
    let answered = order.clone();
    assert!(!order.arrived(true, &high, now()) && !order.arrived(false, &high, now()));
    assert!(order == answered);
}
