//! Holds of several courts' orders on one asset: queue, activation, release, lapse, notices.

use crate::support::world::{ACCOUNT, At, DAY_S, World};
use comity_model::asset::{Hold, HoldState, reason};
use comity_model::order::{ApprovalClass, DecisionVerdict, NoticeEvent, Order, OrderState, Outcome};
use comity_model::state::StatePath;
use comity_model::{Amount, AssetHandle, OrderId};

const SAFE: AssetHandle = AssetHandle([0x5A; 32]);

const fn id(number: u8) -> OrderId {
    OrderId([number; 16])
}

fn hold(world: &World, asset: AssetHandle, number: u32) -> Hold {
    world.bank.value(&StatePath::Hold(asset, number)).unwrap()
}

/// An order of the second court, whose one officer may approve alone.
fn of_court_2(world: &World, number: u8, kind: &str) -> Order {
    let mut order = world.order(number, kind);
    order.court = "court-2".parse().unwrap();
    order.approval = ApprovalClass::Single;
    order
}

fn release_of(world: &World, number: u8, original: u8) -> Order {
    let mut order = world.order(number, "release");
    order.original = Some(id(original));
    order.hold_until = order.decide_by;
    order
}

#[test]
fn a_second_courts_freeze_waits_and_takes_effect_with_notice_when_the_first_is_released() {
    let mut world = World::new();
    let first = world.freeze(world.order(1, "freeze"), ACCOUNT, Some(100_000));
    assert!(matches!(first.outcome, Outcome::Executed(_)));
    let second = world.freeze(of_court_2(&world, 2, "freeze"), ACCOUNT, Some(40_000));
    let Outcome::Waitlisted(summary) = second.outcome else {
        panic!("not waitlisted");
    };
    assert_eq!((summary.held, summary.ahead), (Some(Amount::cny(0)), 1));
    assert_eq!(world.states(id(2)), (OrderState::Waitlisted, OrderState::Waitlisted));

    let released = world.freeze(release_of(&world, 3, 1), ACCOUNT, None);
    assert!(matches!(released.outcome, Outcome::Executed(_)));
    assert_eq!(hold(&world, ACCOUNT, 0).state, HoldState::Released);
    assert_eq!(hold(&world, ACCOUNT, 1).held, Some(Amount::cny(40_000)));
    assert_eq!(world.entry(id(2)).state, OrderState::Waitlisted, "only a notice changes it");

    assert_eq!(world.notices(false), 2);
    let second = world.entry(id(2));
    assert_eq!(second.state, OrderState::Executed);
    let notice = second.notice.unwrap();
    assert_eq!((notice.number, notice.event), (1, NoticeEvent::Activated));
    assert_eq!(notice.hold.held, Some(Amount::cny(40_000)));
    assert_eq!(notice.cause, None, "another court's order is not named");
    let notice = world.entry(id(1)).notice.unwrap();
    assert_eq!((notice.event, notice.cause), (NoticeEvent::Released, Some(id(3))));
    assert!(world.outbox(At::Bank, 1).is_empty());
}

#[test]
fn a_freeze_takes_what_is_left_at_once_and_its_remainder_waits() {
    let mut world = World::new();
    world.freeze(world.order(1, "freeze"), ACCOUNT, Some(70_000));
    let second = world.freeze(world.order(2, "freeze"), ACCOUNT, Some(50_000));
    let Outcome::Executed(summary) = second.outcome else {
        panic!("part of it is in force");
    };
    assert_eq!(summary.held, Some(Amount::cny(30_000)));
    assert_eq!(summary.asked, Some(Amount::cny(50_000)));
    // More money arrives: the one that waits first gets it.
    assert!(world.register(ACCOUNT, Some(110_000)).is_ok());
    assert_eq!(hold(&world, ACCOUNT, 1).held, Some(Amount::cny(40_000)));
    world.notices(false);
    let notice = world.entry(id(2)).notice.unwrap();
    assert_eq!((notice.event, notice.hold.held), (NoticeEvent::Changed, Some(Amount::cny(40_000))));
    assert_eq!(world.register(ACCOUNT, Some(109_999)).codespace, "ASSET_HELD");
}

#[test]
fn a_sealed_safe_waits_in_order_of_arrival_not_of_decision() {
    let mut world = World::new();
    assert!(world.register(SAFE, None).is_ok());
    let execute = DecisionVerdict::Execute { asset: SAFE, amount: None };
    let early = world.send(world.order(1, "seal"));
    let late = world.send(world.order(2, "seal"));
    assert!(world.decide(id(2), execute.clone()).is_ok());
    assert!(world.acknowledge(At::Court, &late).is_ok());
    assert_eq!(world.entry(id(2)).state, OrderState::Executed);
    assert!(world.decide(id(1), execute).is_ok());
    assert!(world.acknowledge(At::Court, &early).is_ok());
    assert_eq!(world.entry(id(1)).state, OrderState::Executed);
    world.notices(false);
    assert_eq!(world.states(id(2)), (OrderState::Waitlisted, OrderState::Waitlisted));
    assert_eq!(world.entry(id(2)).notice.unwrap().hold.ahead, 1);
}

#[test]
fn listings_stand_beside_each_other() {
    let mut world = World::new();
    assert!(world.register(SAFE, None).is_ok());
    for number in 1..=2 {
        let result = world.freeze(world.order(number, "list"), SAFE, None);
        assert!(matches!(result.outcome, Outcome::Executed(_)));
    }
    assert!(world.outbox(At::Bank, 1).is_empty());
}

#[test]
fn a_hold_lapses_at_its_date_by_itself_and_the_next_takes_effect_at_that_date() {
    let mut world = World::new();
    let mut short = world.order(1, "freeze");
    short.hold_until = short.issued_at.plus(10 * DAY_S);
    let lapses_at = short.hold_until;
    world.freeze(short, ACCOUNT, Some(100_000));
    world.freeze(world.order(2, "freeze"), ACCOUNT, Some(100_000));
    world.pass(10 * DAY_S);
    let finalized = world.block(At::Bank, &[]);
    assert!(finalized.work && !finalized.events.is_empty());
    assert_eq!(hold(&world, ACCOUNT, 0).state, HoldState::Lapsed);
    assert_eq!(hold(&world, ACCOUNT, 1).state, HoldState::Active);
    world.notices(false);
    let lapsed = world.entry(id(1)).notice.unwrap();
    assert_eq!((lapsed.event, lapsed.at), (NoticeEvent::Lapsed, lapses_at));
    let activated = world.entry(id(2)).notice.unwrap();
    assert_eq!((activated.event, activated.at), (NoticeEvent::Activated, lapses_at));
    assert_eq!(world.entry(id(2)).state, OrderState::Executed);
    // What has lapsed cannot be released.
    let release = world.freeze(release_of(&world, 3, 1), ACCOUNT, None);
    assert!(matches!(release.outcome, Outcome::Refused(_) | Outcome::Failed(_)));
}

#[test]
fn only_the_court_that_ordered_a_hold_can_release_it_and_only_once() {
    let mut world = World::new();
    world.freeze(world.order(1, "freeze"), ACCOUNT, Some(5_000));
    let mut foreign = of_court_2(&world, 2, "release");
    foreign.original = Some(id(1));
    foreign.hold_until = foreign.decide_by;
    let packet = world.send(foreign);
    assert!(world.acknowledge(At::Court, &packet).is_ok());
    let outcome = world.entry(id(2)).result.unwrap().outcome;
    assert_eq!(outcome, Outcome::Refused(reason::UNKNOWN_ORIGINAL.parse().unwrap()));

    let first = world.freeze(release_of(&world, 3, 1), ACCOUNT, None);
    assert!(matches!(first.outcome, Outcome::Executed(_)));
    let second = world.freeze(release_of(&world, 4, 1), ACCOUNT, None);
    assert_eq!(second.outcome, Outcome::Failed(reason::HOLD_ENDED.parse().unwrap()));
}

#[test]
fn a_release_is_not_decided_before_its_original() {
    let mut world = World::new();
    world.send(world.order(1, "freeze"));
    world.send(release_of(&world, 2, 1));
    let release = DecisionVerdict::Execute { asset: ACCOUNT, amount: None };
    assert_eq!(world.decide(id(2), release).codespace, "ORIGINAL_PENDING");
}

#[test]
fn an_overtaken_notice_changes_nothing() {
    let mut world = World::new();
    world.freeze(world.order(1, "freeze"), ACCOUNT, Some(100_000));
    world.freeze(world.order(2, "freeze"), ACCOUNT, Some(100_000));
    world.freeze(release_of(&world, 3, 1), ACCOUNT, None);
    world.freeze(release_of(&world, 4, 2), ACCOUNT, None);
    // Order 2 was activated (1) and released (2); the second notice arrives first.
    assert_eq!(world.notices(true), 3);
    let notice = world.entry(id(2)).notice.unwrap();
    assert_eq!((notice.number, notice.event), (2, NoticeEvent::Released));
}

#[test]
fn a_notice_that_overtakes_the_acknowledgement_is_not_lost() {
    let mut world = World::new();
    world.freeze(world.order(1, "freeze"), ACCOUNT, Some(100_000));
    let packet = world.send(world.order(2, "freeze"));
    let execute = DecisionVerdict::Execute { asset: ACCOUNT, amount: Some(Amount::cny(7)) };
    assert!(world.decide(id(2), execute).is_ok());
    world.freeze(release_of(&world, 3, 1), ACCOUNT, None);
    world.notices(false);
    assert_eq!(world.entry(id(2)).state, OrderState::Committed);
    assert!(world.acknowledge(At::Court, &packet).is_ok());
    let entry = world.entry(id(2));
    assert!(matches!(entry.result.unwrap().outcome, Outcome::Waitlisted(_)));
    assert_eq!(entry.state, OrderState::Executed, "the notice came first");
}

#[test]
fn a_notice_that_was_late_is_sent_again() {
    let mut world = World::new();
    world.freeze(world.order(1, "freeze"), ACCOUNT, Some(100_000));
    world.freeze(release_of(&world, 2, 1), ACCOUNT, None);
    let notice = world.outbox(At::Bank, 1).remove(0);
    // Three steps, so that the clients never expire.
    for _ in 0..3 {
        world.pass(10 * DAY_S);
        for at in [At::Court, At::Bank] {
            let (_, update) = world.update(at);
            world.done(at, vec![update]);
        }
    }
    assert_eq!(world.receive(At::Court, &notice).codespace, "PACKET_TIMED_OUT");
    assert!(world.time_out(At::Bank, &notice).is_ok());
    let again = world.outbox(At::Bank, 1);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].payloads, notice.payloads);
    assert_eq!(world.notices(false), 1);
    assert_eq!(world.entry(id(1)).notice.unwrap().event, NoticeEvent::Released);
}
