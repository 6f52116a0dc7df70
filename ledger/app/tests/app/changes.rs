//! What later orders do to a hold, from one chain to the other and back: renewal, release of part, deduction, transfer,
//! roll-back, correction, emergency, objection, hand-over.

use crate::support::keys::seal;
use crate::support::parties::CONFIRM_S;
use crate::support::world::{ACCOUNT, At, DAY_S, World, seal_order};
use comity_ledger_app::TxResult;
use comity_model::asset::{Asset, AssetStatus, Hold, HoldState, reason};
use comity_model::order::{
    ApprovalClass, DecisionVerdict, HoldSummary, Notice, NoticeEvent, Objection, Order, OrderState, Outcome,
};
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{Amount, AssetHandle, Hash, OrderId};

const SAFE: AssetHandle = AssetHandle([0x5A; 32]);
const FOR_THE_COURT: Option<Hash> = Some(Hash([0xC0; 32]));

const fn id(number: u8) -> OrderId {
    OrderId([number; 16])
}

fn hold(world: &World, asset: AssetHandle, number: u32) -> Hold {
    world.bank.value(&StatePath::Hold(asset, number)).unwrap()
}

fn asset(world: &World, handle: AssetHandle) -> Asset {
    world.bank.value(&StatePath::Asset(handle)).unwrap()
}

/// An order that changes the hold of another.
fn change(world: &World, number: u8, kind: &str, original: u8) -> Order {
    let mut order = world.order(number, kind);
    order.original = Some(id(original));
    order.hold_until = order.decide_by;
    order
}

fn freeze(world: &World, number: u8) -> Order {
    Order { account: FOR_THE_COURT, ..world.order(number, "freeze") }
}

fn deduction(world: &World, number: u8, original: u8, amount: u64) -> Order {
    let order = change(world, number, "deduct", original);
    Order { amount: Some(Amount::cny(amount)), account: FOR_THE_COURT, ..order }
}

/// Sends an order that is carried out on arrival, brings the answer back, and returns the outcome.
fn at_once(world: &mut World, order: Order) -> Outcome {
    let id = order.id;
    let packet = world.send(order);
    assert!(world.acknowledge(At::Court, &packet).is_ok());
    world.entry(id).result.expect("a result").outcome
}

fn failed(code: &str) -> Outcome {
    Outcome::Failed(code.parse().unwrap())
}

fn refused(code: &str) -> Outcome {
    Outcome::Refused(code.parse().unwrap())
}

fn summary(outcome: Outcome) -> HoldSummary {
    match outcome {
        Outcome::Executed(summary) | Outcome::Waitlisted(summary) => summary,
        other => panic!("{other:?}"),
    }
}

/// The newest notice of an order, once all are in.
fn told(world: &mut World, number: u8) -> Notice {
    world.notices(false);
    world.entry(id(number)).notice.expect("a notice")
}

#[test]
fn a_hold_is_renewed_before_it_lapses_from_the_day_of_the_renewal_and_never_after() {
    let mut world = World::new();
    let mut first = world.order(1, "freeze");
    first.hold_until = first.issued_at.plus(10 * DAY_S);
    world.freeze(first, ACCOUNT, Some(5_000));
    world.pass(9 * DAY_S);
    let mut renewal = change(&world, 2, "renew", 1);
    renewal.hold_until = renewal.issued_at.plus(364 * DAY_S);
    let until = renewal.hold_until;
    assert_eq!(summary(at_once(&mut world, renewal)).until, until);
    let notice = told(&mut world, 1);
    assert_eq!((notice.event, notice.hold.until, notice.cause), (NoticeEvent::Renewed, until, Some(id(2))));

    let mut shorter = change(&world, 3, "renew", 1);
    shorter.hold_until = shorter.issued_at.plus(20 * DAY_S);
    assert_eq!(at_once(&mut world, shorter), failed(reason::NOT_LONGER));
    let mut longer = change(&world, 4, "renew", 1);
    longer.hold_until = longer.issued_at.plus(366 * DAY_S);
    assert_eq!(at_once(&mut world, longer), failed("PERIOD_NOT_ALLOWED"));

    // The old date passes, and nothing lapses.
    world.pass(5 * DAY_S);
    world.block(At::Bank, &[]);
    assert_eq!(hold(&world, ACCOUNT, 0).state, HoldState::Active);
}

#[test]
fn a_lapsed_hold_is_not_renewed() {
    let mut world = World::new();
    let mut first = world.order(1, "freeze");
    first.hold_until = first.issued_at.plus(DAY_S);
    world.freeze(first, ACCOUNT, Some(5_000));
    let mut renewal = change(&world, 2, "renew", 1);
    world.pass(DAY_S);
    let now = world.now_s();
    renewal.issued_at = now;
    renewal.deliver_by = now.plus(3_600);
    renewal.decide_by = now.plus(7_200);
    renewal.hold_until = now.plus(30 * DAY_S);
    assert_eq!(at_once(&mut world, renewal), failed(reason::HOLD_ENDED));
    assert_eq!(told(&mut world, 1).event, NoticeEvent::Lapsed);
}

#[test]
fn a_released_part_goes_to_whoever_waits() {
    let mut world = World::new();
    world.freeze(world.order(1, "freeze"), ACCOUNT, Some(90_000));
    world.freeze(world.order(2, "freeze"), ACCOUNT, Some(50_000));
    let release = |world: &World, number, amount| Order {
        amount: Some(Amount::cny(amount)),
        ..change(world, number, "release", 1)
    };
    let order = release(&world, 3, 30_000);
    let result = world.freeze(order, ACCOUNT, Some(30_000));
    let left = summary(result.outcome);
    assert_eq!(
        (left.state, left.held, left.asked),
        (HoldState::Active, Some(Amount::cny(60_000)), Some(Amount::cny(60_000)))
    );
    assert_eq!(told(&mut world, 2).hold.held, Some(Amount::cny(40_000)));
    assert_eq!(world.entry(id(1)).notice.unwrap().cause, Some(id(3)));

    // The decision must say what the order says.
    let order = release(&world, 4, 10_000);
    world.send(order);
    let other = DecisionVerdict::Execute { asset: ACCOUNT, amount: Some(Amount::cny(9_999)) };
    assert_eq!(world.decide(id(4), other).codespace, "DECISION_AMOUNT");
    // More than is asked for is all of it.
    let order = release(&world, 5, 70_000);
    let result = world.freeze(order, ACCOUNT, Some(70_000));
    assert_eq!(summary(result.outcome).state, HoldState::Released);
}

#[test]
fn money_is_deducted_once_an_order_out_of_what_is_held_and_is_gone_for_all() {
    let mut world = World::new();
    let order = freeze(&world, 1);
    world.freeze(order, ACCOUNT, Some(60_000));
    world.freeze(world.order(2, "freeze"), ACCOUNT, Some(70_000));
    let order = deduction(&world, 3, 1, 25_000);
    let result = world.freeze(order, ACCOUNT, Some(25_000));
    let left = summary(result.outcome);
    assert_eq!((left.held, left.deducted), (Some(Amount::cny(35_000)), Some(Amount::cny(25_000))));
    assert_eq!(asset(&world, ACCOUNT).value, Some(Amount::cny(75_000)));
    assert_eq!(hold(&world, ACCOUNT, 1).held, Some(Amount::cny(40_000)), "what it had it keeps");
    let again = DecisionVerdict::Execute { asset: ACCOUNT, amount: Some(Amount::cny(25_000)) };
    assert_eq!(world.decide(id(3), again).codespace, "ALREADY_DECIDED");

    let order = deduction(&world, 4, 1, 35_001);
    assert_eq!(world.freeze(order, ACCOUNT, Some(35_001)).outcome, failed(reason::MORE_THAN_HELD));
    let order = deduction(&world, 5, 1, 35_000);
    let last = summary(world.freeze(order, ACCOUNT, Some(35_000)).outcome);
    assert_eq!((last.state, last.held), (HoldState::Deducted, Some(Amount::cny(0))));
    assert_eq!(asset(&world, ACCOUNT).value, Some(Amount::cny(40_000)));
    let notice = told(&mut world, 1);
    assert_eq!((notice.event, notice.hold.deducted), (NoticeEvent::Deducted, Some(Amount::cny(60_000))));
    assert_eq!(hold(&world, ACCOUNT, 1).held, Some(Amount::cny(40_000)), "the deduction left it no more");
}

#[test]
fn money_goes_only_to_the_account_that_the_freeze_was_ordered_for() {
    let mut world = World::new();
    let order = freeze(&world, 1);
    world.freeze(order, ACCOUNT, Some(60_000));
    let order = Order { account: Some(Hash([0xC1; 32])), ..deduction(&world, 2, 1, 10) };
    assert_eq!(at_once(&mut world, order), refused(reason::ACCOUNT_DIFFERS));
    world.freeze(world.order(3, "freeze"), ACCOUNT, Some(10_000));
    let order = deduction(&world, 4, 3, 10);
    assert_eq!(at_once(&mut world, order), refused(reason::ACCOUNT_DIFFERS), "it named none");
}

#[test]
fn nothing_is_deducted_out_of_a_hold_that_waits() {
    let mut world = World::new();
    world.freeze(world.order(1, "freeze"), ACCOUNT, Some(100_000));
    let order = freeze(&world, 2);
    world.freeze(order, ACCOUNT, Some(10));
    let order = deduction(&world, 3, 2, 10);
    assert_eq!(world.freeze(order, ACCOUNT, Some(10)).outcome, failed(reason::NOT_ACTIVE));
}

#[test]
fn a_registration_from_before_a_deduction_cannot_bring_the_money_back() {
    let mut world = World::new();
    let before = world.registration(ACCOUNT, Some(100_000));
    let order = freeze(&world, 1);
    world.freeze(order, ACCOUNT, Some(60_000));
    let order = deduction(&world, 2, 1, 60_000);
    world.freeze(order, ACCOUNT, Some(60_000));
    world.refused(At::Bank, vec![before], "ASSET_REVISION");
    assert_eq!(asset(&world, ACCOUNT).value, Some(Amount::cny(40_000)));
    assert!(world.register(ACCOUNT, Some(41_000)).is_ok());
}

#[test]
fn a_hold_is_taken_back_only_while_nothing_was_deducted() {
    let mut world = World::new();
    let order = freeze(&world, 1);
    world.freeze(order, ACCOUNT, Some(60_000));
    let order = deduction(&world, 2, 1, 1);
    world.freeze(order, ACCOUNT, Some(1));
    let order = change(&world, 3, "rollback", 1);
    assert_eq!(world.freeze(order, ACCOUNT, None).outcome, failed(reason::ALREADY_DEDUCTED));
    world.freeze(world.order(4, "freeze"), ACCOUNT, Some(5_000));
    let order = change(&world, 5, "rollback", 4);
    assert_eq!(summary(world.freeze(order, ACCOUNT, None).outcome).state, HoldState::Released);
}

fn transfer(world: &mut World, number: u8, original: u8, successor: Option<AssetHandle>) -> Outcome {
    let order = change(world, number, "transfer", original);
    let packet = world.send(order);
    let decided = world.decide(id(number), DecisionVerdict::Transfer { asset: SAFE, successor });
    assert!(decided.is_ok(), "{decided:?}");
    assert!(world.acknowledge(At::Court, &packet).is_ok());
    world.entry(id(number)).result.unwrap().outcome
}

#[test]
fn a_transferred_asset_goes_on_under_a_new_handle_free_of_holds() {
    let mut world = World::new();
    let next = AssetHandle([0x5B; 32]);
    assert!(world.register(SAFE, None).is_ok());
    world.freeze(world.order(1, "seal"), SAFE, None);
    world.freeze(world.order(2, "seal"), SAFE, None);
    assert_eq!(transfer(&mut world, 3, 2, Some(next)), failed(reason::NOT_ACTIVE), "it waits");
    assert_eq!(summary(transfer(&mut world, 4, 1, Some(next))).state, HoldState::Transferred);
    assert_eq!(told(&mut world, 2).event, NoticeEvent::Transferred);
    assert_eq!(world.entry(id(2)).hold().unwrap().state, HoldState::Transferred);
    assert_eq!(asset(&world, SAFE).status, AssetStatus::Transferred { successor: Some(next) });
    let fresh = asset(&world, next);
    assert_eq!((fresh.holds, fresh.status, fresh.value), (0, AssetStatus::Standing, None));

    world.send(world.order(5, "seal"));
    let execute = |asset| DecisionVerdict::Execute { asset, amount: None };
    assert_eq!(world.decide(id(5), execute(SAFE)).codespace, "ASSET_TRANSFERRED");
    assert_eq!(world.register(SAFE, None).codespace, "ASSET_TRANSFERRED");
    assert!(world.decide(id(5), execute(next)).is_ok());
}

#[test]
fn a_successor_must_be_a_fresh_handle_and_money_is_not_transferred() {
    let mut world = World::new();
    assert!(world.register(SAFE, None).is_ok());
    world.freeze(world.order(1, "seal"), SAFE, None);
    let order = change(&world, 2, "transfer", 1);
    world.send(order);
    let to = |successor| DecisionVerdict::Transfer { asset: SAFE, successor: Some(successor) };
    assert_eq!(world.decide(id(2), to(ACCOUNT)).codespace, "ASSET_TAKEN");
    assert_eq!(world.decide(id(2), to(SAFE)).codespace, "ASSET_TAKEN");
    let execute = DecisionVerdict::Execute { asset: SAFE, amount: None };
    assert_eq!(world.decide(id(2), execute).codespace, "DECISION_FORM");
    world.freeze(world.order(3, "freeze"), ACCOUNT, Some(10));
    let order = change(&world, 4, "transfer", 3);
    world.send(order);
    let verdict = DecisionVerdict::Transfer { asset: ACCOUNT, successor: None };
    assert!(world.decide(id(4), verdict).is_ok());
    assert_eq!(world.received(id(4)).result.unwrap().outcome, failed(reason::WRONG_FORM_OF_HOLD));
}

#[test]
fn a_listing_is_corrected_in_place_and_removed() {
    let mut world = World::new();
    assert!(world.register(SAFE, None).is_ok());
    world.freeze(world.order(1, "list"), SAFE, None);
    let order = change(&world, 2, "correct", 1);
    let content = order.private_digest;
    world.freeze(order, SAFE, None);
    assert_eq!(hold(&world, SAFE, 0).content, content);
    assert_eq!(told(&mut world, 1).event, NoticeEvent::Amended);
    let order = change(&world, 3, "release", 1);
    assert_eq!(summary(world.freeze(order, SAFE, None).outcome).state, HoldState::Released);
}

#[test]
fn what_is_handed_over_is_done_with_a_receipt() {
    let mut world = World::new();
    let mut order = world.order(1, "hand-over");
    order.hold_until = order.decide_by;
    let packet = world.send(order);
    let execute = DecisionVerdict::Execute { asset: ACCOUNT, amount: None };
    assert_eq!(world.decide(id(1), execute).codespace, "DECISION_FORM");
    assert!(world.decide(id(1), DecisionVerdict::Acknowledge).is_ok());
    assert!(world.acknowledge(At::Court, &packet).is_ok());
    let entry = world.entry(id(1));
    assert_eq!((entry.state, entry.result.unwrap().outcome), (OrderState::Executed, Outcome::Done));
}

/// An emergency order of one officer.
fn emergency(world: &World, number: u8, officer: &str) -> comity_model::order::SealedOrder {
    let order = Order { approval: ApprovalClass::Emergency, ..world.order(number, "freeze") };
    seal_order(order, &[officer])
}

fn commit_sealed(world: &mut World, sealed: comity_model::order::SealedOrder) -> comity_model::packet::Packet {
    let id = sealed.order.id;
    world.done(At::Court, vec![Message::CommitOrder { sealed, claim: None }]);
    let sequence = world.entry(id).sequence;
    let packet = world.outbox(At::Court, sequence).remove(0);
    assert!(world.receive(At::Bank, &packet).is_ok());
    packet
}

fn confirmation(world: &World, number: u8, original: u8, officer: &str) -> comity_model::order::SealedOrder {
    let order = Order { approval: ApprovalClass::Single, ..change(world, number, "confirm", original) };
    seal_order(order, &[officer])
}

#[test]
fn an_emergency_order_lapses_unless_another_officer_confirms_it() {
    let mut world = World::new();
    let sealed = emergency(&world, 1, "J-1");
    let last = sealed.order.hold_until;
    commit_sealed(&mut world, sealed);
    let execute = DecisionVerdict::Execute { asset: ACCOUNT, amount: Some(Amount::cny(7)) };
    assert!(world.decide(id(1), execute.clone()).is_ok());
    assert!(hold(&world, ACCOUNT, 0).until <= world.now_s().plus(CONFIRM_S));

    let own = confirmation(&world, 2, 1, "J-1");
    world.refused(At::Court, vec![Message::CommitOrder { sealed: own, claim: None }], "SAME_OFFICER");
    let mut renewal = change(&world, 3, "renew", 1);
    renewal.hold_until = last;
    assert_eq!(at_once(&mut world, renewal), failed(reason::NOT_CONFIRMED));
    let sealed = confirmation(&world, 4, 1, "J-2");
    commit_sealed(&mut world, sealed);
    assert_eq!(world.received(id(4)).state, OrderState::Executed);
    let confirmed = hold(&world, ACCOUNT, 0);
    assert_eq!((confirmed.until, confirmed.unconfirmed), (last, None));

    let sealed = emergency(&world, 5, "J-2");
    commit_sealed(&mut world, sealed);
    assert!(world.decide(id(5), execute).is_ok());
    world.pass(CONFIRM_S);
    world.block(At::Bank, &[]);
    assert_eq!(hold(&world, ACCOUNT, 0).state, HoldState::Active);
    assert_eq!(hold(&world, ACCOUNT, 1).state, HoldState::Lapsed);
    let late = confirmation(&world, 6, 5, "J-1");
    commit_sealed(&mut world, late);
    assert_eq!(world.received(id(6)).result.unwrap().outcome, failed(reason::HOLD_ENDED));
}

#[test]
fn only_an_emergency_is_confirmed_and_only_a_hold_is_one() {
    let mut world = World::new();
    world.freeze(world.order(1, "freeze"), ACCOUNT, Some(7));
    let sealed = confirmation(&world, 2, 1, "J-2");
    world.refused(At::Court, vec![Message::CommitOrder { sealed, claim: None }], "NOTHING_TO_CONFIRM");
    let order = Order { approval: ApprovalClass::Emergency, ..change(&world, 3, "release", 1) };
    world.refused(
        At::Court,
        vec![Message::CommitOrder { sealed: seal_order(order, &["J-1"]), claim: None }],
        "ORDER_FORM",
    );
}

fn object(world: &mut World, number: u8, code: &str) -> TxResult {
    let objection = Objection {
        chain: world.bank.id.clone(),
        client: world.over.clone(),
        order: id(number),
        reason: code.parse().unwrap(),
        grounds: Some(Hash([8; 32])),
    };
    let seal = seal("bank seal", comity_verify::seal::TAG_OBJECTION, &objection);
    world.run(At::Bank, vec![Message::Object { objection, seal }])
}

#[test]
fn an_objection_stops_what_is_irrevocable_until_the_court_answers() {
    let mut world = World::new();
    let order = freeze(&world, 1);
    world.freeze(order, ACCOUNT, Some(60_000));
    assert!(object(&mut world, 1, "WAGES").is_ok());
    assert!(object(&mut world, 1, "WAGES").is_ok(), "the same again");
    assert_eq!(object(&mut world, 1, "PENSION").codespace, "ALREADY_OBJECTED");
    assert_eq!(told(&mut world, 1).event, NoticeEvent::Objected);
    assert_eq!(world.states(id(1)), (OrderState::Objected, OrderState::Objected));
    let order = deduction(&world, 2, 1, 10);
    assert_eq!(world.freeze(order, ACCOUNT, Some(10)).outcome, failed(reason::OBJECTION_OPEN));

    let order = change(&world, 3, "reject", 1);
    assert_eq!(summary(at_once(&mut world, order)).objection, None);
    assert_eq!(told(&mut world, 1).event, NoticeEvent::ObjectionEnded);
    assert_eq!(world.states(id(1)), (OrderState::Executed, OrderState::Executed));
    assert_eq!(object(&mut world, 1, "WAGES").codespace, "ALREADY_OBJECTED", "once");
    let order = deduction(&world, 4, 1, 10);
    assert!(matches!(world.freeze(order, ACCOUNT, Some(10)).outcome, Outcome::Executed(_)));
}

#[test]
fn an_objection_that_is_upheld_releases_the_hold() {
    let mut world = World::new();
    world.freeze(world.order(1, "freeze"), ACCOUNT, Some(60_000));
    let order = change(&world, 2, "uphold", 1);
    assert_eq!(at_once(&mut world, order), failed(reason::NO_OBJECTION));
    assert!(object(&mut world, 1, "WAGES").is_ok());
    let order = change(&world, 3, "uphold", 1);
    assert_eq!(summary(at_once(&mut world, order)).state, HoldState::Released);
    let notice = told(&mut world, 1);
    assert_eq!((notice.event, notice.cause), (NoticeEvent::Released, Some(id(3))));
    assert_eq!(world.states(id(1)), (OrderState::Executed, OrderState::Executed), "the mirror tells the end");
}

#[test]
fn of_an_unanswered_objection_the_law_of_the_profile_decides_at_its_date() {
    let mut world = World::new();
    assert!(world.register(SAFE, None).is_ok());
    world.freeze(world.order(1, "freeze"), ACCOUNT, Some(60_000));
    world.freeze(world.order(2, "seal"), SAFE, None);
    world.freeze(world.order(3, "seal"), SAFE, None);
    for number in [1, 2] {
        assert!(object(&mut world, number, "WAGES").is_ok());
    }
    let answer_by = hold(&world, SAFE, 0).objection.unwrap().answer_by;
    // In two steps, so that no client expires.
    for days in [8, 7] {
        world.pass(days * DAY_S);
        for at in [At::Court, At::Bank] {
            let (_, update) = world.update(at);
            world.done(at, vec![update]);
        }
    }
    assert_eq!(hold(&world, ACCOUNT, 0).objection, None);
    assert_eq!(hold(&world, ACCOUNT, 0).state, HoldState::Active);
    assert_eq!(hold(&world, SAFE, 0).state, HoldState::Released);
    assert_eq!(hold(&world, SAFE, 1).state, HoldState::Active);
    let released = told(&mut world, 2);
    assert_eq!((released.event, released.at, released.cause), (NoticeEvent::Released, answer_by, None));
    assert_eq!(world.entry(id(1)).notice.unwrap().event, NoticeEvent::ObjectionEnded);
}

#[test]
fn an_objection_needs_the_banks_seal_a_standing_hold_and_a_profile_that_allows_it() {
    let mut world = World::new();
    assert!(world.register(SAFE, None).is_ok());
    assert_eq!(object(&mut world, 1, "WAGES").codespace, "UNKNOWN_ORDER");
    world.send(world.order(1, "freeze"));
    assert_eq!(object(&mut world, 1, "WAGES").codespace, "NO_STANDING_HOLD");
    let objection = Objection {
        chain: world.bank.id.clone(),
        client: world.over.clone(),
        order: id(1),
        reason: "WAGES".parse().unwrap(),
        grounds: None,
    };
    let forged = seal("court seal", comity_verify::seal::TAG_OBJECTION, &objection);
    world.refused(At::Bank, vec![Message::Object { objection, seal: forged }], "WRONG_SEAL");
    let mut order = world.order(2, "hand-over");
    order.hold_until = order.decide_by;
    world.send(order);
    assert_eq!(object(&mut world, 2, "WAGES").codespace, "OBJECTION_NOT_ALLOWED");
}

#[test]
fn a_change_that_needs_no_decision_is_never_held_up_by_the_institution() {
    let mut world = World::new();
    world.freeze(world.order(1, "freeze"), ACCOUNT, Some(7));
    let mut renewal = change(&world, 2, "renew", 1);
    renewal.hold_until = renewal.issued_at.plus(360 * DAY_S);
    let packet = world.send(renewal);
    assert!(world.ack(At::Bank, &packet).is_some());
    assert_eq!(world.decide(id(2), DecisionVerdict::Refuse("NO".parse().unwrap())).codespace, "ALREADY_DECIDED");
}

#[test]
fn one_officer_may_not_order_alone_what_needs_two() {
    let mut world = World::new();
    world.freeze(world.order(1, "freeze"), ACCOUNT, Some(7));
    let mut single = Order { approval: ApprovalClass::Single, ..deduction(&world, 2, 1, 10_000_000) };
    single.account = None;
    let sealed = seal_order(single, &["J-1"]);
    world.refused(At::Court, vec![Message::CommitOrder { sealed, claim: None }], "ORDER_FORM");
    let order = freeze(&world, 3);
    world.freeze(order, ACCOUNT, Some(7));
    for (number, amount, waits) in [(4, 10_000_000, false), (5, 9_999_999, true)] {
        let single = Order { approval: ApprovalClass::Single, ..deduction(&world, number, 3, amount) };
        commit_sealed(&mut world, seal_order(single, &["J-1"]));
        assert_eq!(world.received(id(number)).state == OrderState::Pending, waits);
    }
}
