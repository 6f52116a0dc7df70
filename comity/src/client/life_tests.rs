#![allow(clippy::unwrap_used)]
use super::*;
use prost_types::Timestamp;

fn at(seconds: i64, nanos: i32) -> Option<Timestamp> {
    Some(Timestamp { seconds: 1_800_000_000 + seconds, nanos })
}

fn cny(minor: u64) -> Option<v1::Amount> {
    Some(v1::Amount { currency: "CNY".into(), minor })
}

fn proof(chain: &str, height: u64, seconds: i64) -> Option<v1::Proof> {
    Some(v1::Proof {
        chain_id: chain.into(),
        header_height: height,
        header_time: at(seconds, 0),
        rules: vec!["COMMIT_POWER".into(), "STATE_PROOF".into()],
        ..Default::default()
    })
}

fn step(state: OrderState, seconds: i64, nanos: i32, proof: Option<v1::Proof>) -> v1::OrderStep {
    v1::OrderStep { state: state.into(), time: at(seconds, nanos), proof }
}

fn now() -> Time {
    Time::new(1_800_000_030, 0).unwrap()
}

#[test]
fn the_life_of_an_order_is_drawn_once_each_change_with_times_heights_and_what_was_proven() {
    let mut life = Life::default();
    let mut order = v1::Order {
        name: "orders/00".into(),
        kind: "freeze".into(),
        sector: "accounts".into(),
        recipient: "members/finance".into(),
        approvals_needed: 2,
        state: OrderState::AwaitingApproval.into(),
        deliver_by: at(600, 0),
        decide_by: at(4_230, 0),
        steps: vec![step(OrderState::AwaitingApproval, 0, 0, None)],
        ..Default::default()
    };
    let drawn = life.draw(&order, now());
    assert_eq!(drawn[0], "orders/00  freeze in accounts, to members/finance");
    assert!(drawn[1].starts_with("├─ 2027-01-15T08:00:00") && drawn[1].ends_with("AWAITING_APPROVAL"), "{drawn:?}");
    let next =
        "│    next: 2 officers approve it, so that members/finance has it by 2027-01-15T08:10:00Z (in 9 min 30 s)";
    assert_eq!(drawn[2..], [next]);
    assert!(life.draw(&order, now()).is_empty(), "nothing is drawn twice");

    order.approvals = vec!["J1".into(), "J2".into()];
    order.steps.push(step(OrderState::AwaitingDelivery, 4, 250_000_000, None));
    order.steps.push(step(OrderState::Committed, 5, 0, proof("court-1", 12, 5)));
    order.state = OrderState::Committed.into();
    let drawn = life.draw(&order, now());
    assert!(drawn[0].ends_with("AWAITING_DELIVERY  (+4.250 s)"), "{drawn:?}");
    assert!(drawn[1].ends_with("COMMITTED  (+0.750 s)"), "{drawn:?}");
    assert!(drawn[2].starts_with("│    proven on court-1 under header 12 of 2027-01-15"), "{drawn:?}");
    assert!(drawn[2].ends_with(": COMMIT_POWER, STATE_PROOF"));
    assert_eq!(drawn[3], "│    approved by J1, J2");
    assert!(drawn[4].ends_with("or is TIMED_OUT"), "{drawn:?}");
    order.state = OrderState::Pending.into();
    let drawn = life.draw(&order, now());
    let next = "│    next: members/finance decides by 2027-01-15T09:10:30Z (in 1 h 10 min), or it is FAILED";
    assert_eq!(drawn, [next]);

    order.steps.push(step(OrderState::Executed, 7, 0, proof("court-1", 15, 7)));
    order.state = OrderState::Executed.into();
    order.result = Some(v1::OrderResult {
        state: OrderState::Executed.into(),
        held: cny(70_000),
        asked: cny(500_000),
        effective_time: at(6, 0),
        until: at(31_536_000, 0),
        height: 9,
        ..Default::default()
    });
    let drawn = life.draw(&order, now());
    assert!(drawn[2].contains("holds CNY 700.00 of CNY 5,000.00 asked") && drawn[2].contains("block 9"), "{drawn:?}");
    assert!(drawn[3].contains("next: its hold lapses at 2028-01-15T08:00:00Z (in 364 d 23 h), unless"), "{drawn:?}");

    order.notice = Some(v1::HoldNotice {
        event: "OBJECTED".into(),
        number: 1,
        held: cny(70_000),
        asked: cny(500_000),
        deducted: cny(0),
        time: at(9, 0),
        until: at(900, 0),
        objection: "PROTECTED_MONEY".into(),
        answer_by: at(800, 0),
        grounds_digest: Vec::new(),
    });
    let drawn = life.draw(&order, now());
    assert!(drawn[0].contains("hold OBJECTED, holds CNY 700.00 of CNY 5,000.00"), "{drawn:?}");
    assert!(drawn[1].starts_with("│    the institution objects: PROTECTED_MONEY; answer by 2027-01-15"), "{drawn:?}");
    assert!(drawn[2].contains("next: the court answers the objection by 2027-01-15T08:13:20Z (in 12 min 50 s)"));
    order.notice.as_mut().unwrap().number = 2;
    order.notice.as_mut().unwrap().event = "LAPSED".into();
    order.notice.as_mut().unwrap().objection = String::new();
    let drawn = life.draw(&order, now());
    assert!(drawn[0].contains("hold LAPSED") && !drawn.iter().any(|line| line.contains("next")), "{drawn:?}");
    assert_eq!(Life::end(&order), "└─ EXECUTED, hold LAPSED");
    assert!(answered(&order).is_ok());
    order.state = OrderState::TimedOut.into();
    assert_eq!(answered(&order).unwrap_err().code(), "TIMED_OUT");
}
