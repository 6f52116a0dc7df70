//! An order from the court's chain to the bank's and back, and everything that makes it not an order.

use crate::support::keys::seal;
use crate::support::world::{ACCOUNT, At, World, seal_order};
use comity_model::asset::{Hold, HoldState, reason};
use comity_model::event::Event;
use comity_model::order::{
    ApprovalClass, DecisionVerdict, Order, OrderState, Outcome, ReceivedId, ReceivedOrder, SealedOrder,
};
use comity_model::packet::{PORT_ORDERS, Payload};
use comity_model::profile::Effect;
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{Amount, AssetHandle, OrderId, RequestId, UnixSeconds};

const fn id(number: u8) -> OrderId {
    OrderId([number; 16])
}

fn execute(asset: AssetHandle, amount: u64) -> DecisionVerdict {
    DecisionVerdict::Execute { asset, amount: Some(Amount::cny(amount)) }
}

fn commit(sealed: SealedOrder) -> Vec<Message> {
    vec![Message::CommitOrder { sealed, claim: None }]
}

/// A committed order with one thing changed before it was sealed must be refused.
fn refused(code: &str, change: impl FnOnce(&mut Order)) {
    let mut world = World::new();
    let mut order = world.order(1, "freeze");
    change(&mut order);
    let sealed = world.seal(order);
    world.refused(At::Court, commit(sealed), code);
    assert!(world.outbox(At::Court, 1).is_empty());
    assert_eq!(world.court.value::<u64>(&StatePath::Sequence(At::Court.client())), None);
}

#[test]
fn an_order_travels_is_executed_and_ends_on_the_courts_chain_by_proof() {
    let mut world = World::new();
    let packet = world.commit(world.order(1, "freeze"));
    assert_eq!(world.entry(id(1)).state, OrderState::Committed);
    assert_eq!(packet.payloads[0].dest_port, PORT_ORDERS);

    assert!(world.receive(At::Bank, &packet).is_ok());
    assert_eq!(world.received(id(1)).state, OrderState::Pending);
    assert_eq!(world.ack(At::Bank, &packet), None);

    let result = world.decide(id(1), execute(ACCOUNT, 60_000));
    assert!(result.is_ok(), "{}", result.log);
    let result = world.acknowledge(At::Court, &packet);
    assert!(result.is_ok(), "{} {}", result.codespace, result.log);
    assert!(result.events.contains(&Event::OrderChanged { order: id(1), state: OrderState::Executed }));
    assert_eq!(world.states(id(1)), (OrderState::Executed, OrderState::Executed));
    let Some(Outcome::Executed(hold)) = world.entry(id(1)).result.map(|result| result.outcome) else {
        panic!("not executed");
    };
    assert_eq!(hold.held, Some(Amount::cny(60_000)));
    assert_eq!(hold.ahead, 0);
    assert!(world.outbox(At::Court, 1).is_empty(), "the commitment is gone");
}

#[test]
fn the_same_request_is_the_same_order_and_with_another_body_a_conflict() {
    let mut world = World::new();
    let order = world.order(1, "freeze");
    world.commit(order.clone());
    let again = world.done(At::Court, commit(world.seal(order.clone())));
    assert!(again.events.is_empty());
    assert_eq!(world.outbox(At::Court, 1).len(), 1);

    let mut other = order.clone();
    other.id = id(2);
    world.refused(At::Court, commit(world.seal(other)), "REQUEST_CONFLICT");
    let mut reused = order;
    reused.request = RequestId([77; 16]);
    world.refused(At::Court, commit(world.seal(reused)), "ORDER_EXISTS");
    assert_eq!(world.outbox(At::Court, 1).len(), 1);
}

#[test]
fn dates_that_do_not_follow_each_other_are_refused() {
    refused("ORDER_DATES", |order| order.deliver_by = order.issued_at);
    refused("ORDER_DATES", |order| order.issued_at = order.issued_at.plus(3_000));
    refused("ORDER_DATES", |order| {
        order.deliver_by = order.issued_at.plus(24 * 3_600 + 1);
        order.decide_by = order.deliver_by;
    });
    refused("ORDER_DATES", |order| order.decide_by = UnixSeconds(order.deliver_by.0 - 1));
    refused("ORDER_DATES", |order| order.hold_until = UnixSeconds(order.decide_by.0 - 1));
}

#[test]
fn an_order_that_is_bound_to_other_chains_or_clients_is_refused() {
    refused("WRONG_CHAIN", |order| order.source_chain = "court-9".parse().unwrap());
    refused("UNKNOWN_CLIENT", |order| order.source_client = "nobody-0".parse().unwrap());
    refused("WRONG_COUNTERPARTY", |order| order.dest_client = "nobody-0".parse().unwrap());
    refused("UNKNOWN_MEMBER", |order| order.court = "bank".parse().unwrap());
    refused("RECIPIENT_UNKNOWN", |order| order.recipient = "court".parse().unwrap());
}

#[test]
fn an_order_without_its_approvals_seal_or_delivery_is_refused() {
    let mut world = World::new();
    let order = world.order(1, "freeze");
    for (officers, code) in [
        (&["J-1"][..], "APPROVAL"),
        (&["J-1", "J-1"], "APPROVAL"),
        (&["J-2", "J-1"], "APPROVAL"),
        (&["J-1", "J-3"], "APPROVAL"),
        (&["J-1", "J-9"], "APPROVAL"),
    ] {
        let sealed = seal_order(order.clone(), officers);
        world.refused(At::Court, commit(sealed), code);
    }
    let good = world.seal(order.clone());

    let mut forged = good.clone();
    forged.approvals[1].signature = forged.approvals[0].signature;
    forged.seal = seal("court seal", "comity/order-seal/v2", &(&forged.order, &forged.approvals));
    world.refused(At::Court, commit(forged), "SEAL");

    let mut unsealed = good.clone();
    unsealed.seal = seal("bank seal", "comity/order-seal/v2", &(&good.order, &good.approvals));
    world.refused(At::Court, commit(unsealed), "SEAL");

    let mut undelivered = good.clone();
    undelivered.delivery.private_digest = comity_model::Hash([0xEE; 32]);
    undelivered.delivery_seal = seal("bank seal", "comity/delivery/v1", &undelivered.delivery);
    world.refused(At::Court, commit(undelivered), "ORDER_MISMATCH");

    let mut self_delivered = good.clone();
    self_delivered.delivery_seal = seal("court seal", "comity/delivery/v1", &good.delivery);
    world.refused(At::Court, commit(self_delivered), "SEAL");
    assert!(world.outbox(At::Court, 1).is_empty());
    world.done(At::Court, commit(good));
}

#[test]
fn nobody_can_commit_an_order_before_the_recipient_is_imported() {
    let mut world = World::bare();
    world.connect();
    let sealed = world.seal(world.order(1, "freeze"));
    world.refused(At::Court, commit(sealed), "RECIPIENT_UNKNOWN");
}

#[test]
fn an_order_nobody_decides_fails_at_its_date_by_itself() {
    let mut world = World::new();
    let packet = world.send(world.order(1, "freeze"));
    let decide_by = world.received(id(1)).sealed.order.decide_by;
    world.pass(7_200);
    let finalized = world.block(At::Bank, &[]);
    assert!(finalized.events.contains(&Event::ReceivedOrderChanged {
        client: At::Bank.client(),
        order: id(1),
        state: OrderState::Failed
    }));
    assert!(finalized.work);
    assert_eq!(finalized.next_due, None);
    let late = world.decide(id(1), execute(ACCOUNT, 1));
    assert_eq!(late.codespace, "ALREADY_DECIDED");
    assert!(world.acknowledge(At::Court, &packet).is_ok());
    let result = world.entry(id(1)).result.unwrap();
    assert_eq!(result.outcome, Outcome::Failed(reason::NO_DECISION.parse().unwrap()));
    assert_eq!(result.effective_at, decide_by, "the legal effect is of the due date");
}

#[test]
fn an_order_that_does_not_arrive_in_time_ends_as_timed_out_and_can_never_arrive() {
    let mut world = World::new();
    let packet = world.commit(world.order(1, "freeze"));
    let early = world.time_out(At::Court, &packet);
    assert_eq!(early.code, 1, "the deadline has not passed");
    world.pass(3_600);
    world.block(At::Bank, &[]);
    let refused = world.receive(At::Bank, &packet);
    assert_eq!(refused.codespace, "PACKET_TIMED_OUT");
    let result = world.time_out(At::Court, &packet);
    assert!(result.is_ok(), "{} {}", result.codespace, result.log);
    assert_eq!(world.entry(id(1)).state, OrderState::TimedOut);
    assert!(world.outbox(At::Court, 1).is_empty());
}

#[test]
fn a_decision_needs_the_banks_seal_and_a_fitting_asset_and_amount() {
    let mut world = World::new();
    world.register(AssetHandle([3; 32]), None);
    world.send(world.order(1, "freeze"));
    let Message::Decide { decision, .. } = world.decision(id(1), execute(ACCOUNT, 5)) else { unreachable!() };
    let seal = seal("court seal", "comity/decision/v2", &decision);
    world.refused(At::Bank, vec![Message::Decide { decision, seal }], "WRONG_SEAL");
    for (verdict, code) in [
        (execute(AssetHandle([9; 32]), 5), "UNKNOWN_ASSET"),
        (execute(AssetHandle([3; 32]), 5), "DECISION_ASSET"),
        (execute(ACCOUNT, 0), "DECISION_AMOUNT"),
        (DecisionVerdict::Execute { asset: ACCOUNT, amount: None }, "DECISION_AMOUNT"),
    ] {
        assert_eq!(world.decide(id(1), verdict).codespace, code);
    }
    assert_eq!(world.decide(id(7), execute(ACCOUNT, 5)).codespace, "UNKNOWN_ORDER");
    assert_eq!(world.received(id(1)).state, OrderState::Pending);
}

#[test]
fn the_bank_refuses_with_a_code_and_the_court_has_the_proof() {
    let mut world = World::new();
    let packet = world.send(world.order(1, "freeze"));
    let code: comity_model::ReasonCode = reason::UNKNOWN_ASSET.parse().unwrap();
    assert!(world.decide(id(1), DecisionVerdict::Refuse(code.clone())).is_ok());
    assert!(world.acknowledge(At::Court, &packet).is_ok());
    assert_eq!(world.states(id(1)), (OrderState::Refused, OrderState::Refused));
    assert_eq!(world.entry(id(1)).result.unwrap().outcome, Outcome::Refused(code));
}

#[test]
fn what_the_sector_does_not_know_is_refused_at_once_with_a_code() {
    for (change, code) in [
        ((|order| order.kind = "confiscate".parse().unwrap()) as fn(&mut Order), "NO_SUCH_KIND"),
        (|order| order.effect = Effect::HoldConcurrent, "NO_SUCH_KIND"),
        (|order| order.sector = "ships".parse().unwrap(), "NO_SUCH_KIND"),
        (|order| order.hold_until = order.issued_at.plus(400 * 86_400), "PERIOD_NOT_ALLOWED"),
        (
            |order| {
                order.kind = "seal".parse().unwrap();
                order.effect = Effect::HoldExclusive;
                order.approval = ApprovalClass::Single;
            },
            "TWO_APPROVALS_NEEDED",
        ),
        (
            |order| {
                order.kind = "release".parse().unwrap();
                order.effect = Effect::Release;
                order.original = Some(OrderId([99; 16]));
            },
            "UNKNOWN_ORIGINAL",
        ),
    ] {
        let mut world = World::new();
        let mut order = world.order(1, "freeze");
        change(&mut order);
        let packet = world.send(order);
        assert!(world.ack(At::Bank, &packet).is_some());
        assert!(world.acknowledge(At::Court, &packet).is_ok());
        let outcome = world.entry(id(1)).result.unwrap().outcome;
        assert_eq!(outcome, Outcome::Refused(code.parse().unwrap()));
        assert_eq!(world.states(id(1)), (OrderState::Refused, OrderState::Refused));
    }
}

#[test]
fn undecided_orders_are_listed_page_by_page() {
    let mut world = World::new();
    for number in 1..=3 {
        world.send(world.order(number, "freeze"));
    }
    let page = |world: &World, after: Option<OrderId>, limit: u32| -> Vec<OrderId> {
        let after = after.map(|order| ReceivedId { client: At::Bank.client(), order });
        let data = comity_model::encode(&(after, limit));
        let answer = world.bank.query("/pending", &data, None, false);
        let orders: Vec<comity_model::order::ReceivedOrder> = comity_model::decode("orders", &answer.value).unwrap();
        orders.iter().map(|order| order.sealed.order.id).collect()
    };
    assert_eq!(page(&world, None, 2), [id(1), id(2)]);
    assert_eq!(page(&world, Some(id(2)), 2), [id(3)]);
    assert!(world.decide(id(1), execute(ACCOUNT, 5)).is_ok());
    assert_eq!(page(&world, None, 9), [id(2), id(3)]);
    assert!(page(&world, Some(OrderId([0xFF; 16])), 9).is_empty());
}

#[test]
fn an_order_packet_is_the_sealed_order_and_nothing_else() {
    let mut world = World::new();
    let order = world.order(1, "freeze");
    let packet = world.commit(order.clone());
    let sealed = world.seal(order);
    let expected = Payload::canonical(PORT_ORDERS, comity_model::encode(&sealed));
    assert_eq!(packet.payloads, [expected]);
    assert_eq!(packet.timeout, sealed.order.deliver_by);
}

#[test]
fn two_courts_use_one_order_id_and_both_orders_are_carried_out() {
    let mut world = World::new();
    let mut other = world.second_court();
    // The same id, court name, request and officers: everything that another chain can copy.
    let packet = world.send(world.order(1, "freeze"));
    world.exchange(&mut other);
    let same = world.send(world.order(1, "freeze"));
    assert_eq!(world.received(id(1)).state, OrderState::Pending);
    let listed = comity_model::encode(&(None::<ReceivedId>, 9u32));
    let listed = world.bank.query("/pending", &listed, None, false).value;
    assert_eq!(comity_model::decode::<Vec<ReceivedOrder>>("orders", &listed).unwrap().len(), 2);
    assert!(world.decide(id(1), execute(ACCOUNT, 30_000)).is_ok());
    assert!(world.acknowledge(At::Court, &same).is_ok());
    assert_eq!(world.states(id(1)), (OrderState::Executed, OrderState::Executed));
    world.exchange(&mut other);
    assert_eq!(world.received(id(1)).state, OrderState::Pending, "the decision was about the other court's order");
    assert!(world.decide(id(1), execute(ACCOUNT, 90_000)).is_ok());
    assert!(world.acknowledge(At::Court, &packet).is_ok());
    assert_eq!(world.states(id(1)), (OrderState::Executed, OrderState::Executed));

    // The first to arrive holds first, though it was decided last, and the other court is told.
    let held = |world: &World| match world.entry(id(1)).result.unwrap().outcome {
        Outcome::Executed(hold) => hold.held,
        outcome => panic!("{outcome:?}"),
    };
    assert_eq!(held(&world), Some(Amount::cny(90_000)));
    world.exchange(&mut other);
    assert_eq!(held(&world), Some(Amount::cny(30_000)));
    let notices = world.outbox(At::Bank, 1);
    assert!(world.receive(At::Court, &notices[0]).is_ok());
    assert_eq!(world.entry(id(1)).notice.unwrap().hold.held, Some(Amount::cny(10_000)));
}

#[test]
fn a_release_ends_the_order_of_its_own_court_and_no_other_of_that_id() {
    let mut world = World::new();
    let mut other = world.second_court();
    world.freeze(world.order(1, "freeze"), ACCOUNT, Some(20_000));
    world.exchange(&mut other);
    // This court ordered nothing yet: the id is another court's.
    let release = |world: &World, number| {
        let mut release = world.order(number, "release");
        release.original = Some(id(1));
        release
    };
    let packet = world.send(release(&world, 2));
    assert!(world.acknowledge(At::Court, &packet).is_ok());
    let outcome = world.entry(id(2)).result.unwrap().outcome;
    assert_eq!(outcome, Outcome::Refused(reason::UNKNOWN_ORIGINAL.parse().unwrap()));

    // With an order of that id, the release ends its hold and leaves the other court's alone.
    world.freeze(world.order(1, "freeze"), ACCOUNT, Some(20_000));
    world.send(release(&world, 3));
    assert!(world.decide(id(3), DecisionVerdict::Execute { asset: ACCOUNT, amount: None }).is_ok());
    let number = |world: &World| world.received(id(1)).hold.unwrap().1;
    let hold = |world: &World| -> Hold { world.bank.value(&StatePath::Hold(ACCOUNT, number(world))).unwrap() };
    assert_eq!(hold(&world).state, HoldState::Released);
    world.exchange(&mut other);
    assert_eq!(hold(&world).state, HoldState::Active);
}

#[test]
fn an_order_of_each_court_falls_due_though_both_have_one_id() {
    let mut world = World::new();
    let mut other = world.second_court();
    let order = world.order(1, "freeze");
    world.send(order.clone());
    world.exchange(&mut other);
    let mut same = world.order(1, "freeze");
    same.decide_by = order.decide_by;
    world.send(same);
    world.pass(7_200);
    world.block(At::Bank, &[]);
    assert_eq!(world.received(id(1)).state, OrderState::Failed);
    world.exchange(&mut other);
    assert_eq!(world.received(id(1)).state, OrderState::Failed);
}
