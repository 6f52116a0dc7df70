//! Relayers between two real ledgers.

mod support;

use comity_model::governance::Action;
use comity_model::order::OrderState;
use comity_relayer_worker::{BadConfig, ChainConfig, Change, Changed, Limits};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use support::ledger::power;
use support::{Counted, World, blocks, client_height, client_on_bank, client_on_court, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_travels_and_its_answer_returns() {
    let world = World::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let relayer = world.relayer(&directory.path().join("store"));
    let mut took = Vec::new();
    for number in 0..20 {
        let order = world.commit(number, 600).await;
        took.push(world.arrived(order).await);
        assert_eq!(world.entry(order).await.expect("the order").state, OrderState::Committed);
        world.decide(order).await;
        assert_eq!(world.ended(order).await, OrderState::Executed);
    }
    took.sort();
    println!("from committed to received: median {:?}, worst {:?}", took[10], took[19]);
    until("the outbox is empty", || async { outbox(&world).await == 0 }).await;
    relayer.stop().await;
}

async fn outbox(world: &World) -> usize {
    world.court.chain().events.outbox(&client_on_court(), 1, 1_000).await.expect("the outbox").len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_did_not_arrive_in_time_ends_as_timed_out_once_the_stopped_chain_returns() {
    let mut world = World::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    world.bank.stop().await;
    let relayer = world.relayer(&directory.path().join("store"));
    let order = world.commit(1, 2).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    // Here the deadline has passed by every clock, but nothing proves that the order did not arrive.
    assert_eq!(world.entry(order).await.expect("the order").state, OrderState::Committed);
    world.bank.resume().await;
    assert_eq!(world.ended(order).await, OrderState::TimedOut);
    assert_eq!(world.received(order).await, None);
    assert_eq!(outbox(&world).await, 0);
    relayer.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_relayer_left_unfinished_the_next_one_ends() {
    let world = World::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let relayer = world.relayer(&directory.path().join("first"));
    let mut orders = Vec::new();
    for number in 0..10 {
        orders.push(world.commit(number, 600).await);
    }
    world.arrived(orders[0]).await;
    relayer.stop().await;
    for number in 10..20 {
        orders.push(world.commit(number, 600).await);
    }
    // It finds nothing of the first one's: neither its store nor the events that it saw.
    let relayer = world.relayer(&directory.path().join("second"));
    for order in &orders {
        world.arrived(*order).await;
    }
    relayer.stop().await;
    for order in &orders {
        world.decide(*order).await;
    }
    let relayer = world.relayer(&directory.path().join("second"));
    for order in &orders {
        assert_eq!(world.ended(*order).await, OrderState::Executed);
    }
    until("the outbox is empty", || async { outbox(&world).await == 0 }).await;
    relayer.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relayers_that_race_deliver_each_order_once() {
    let world = World::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let relayers: Vec<_> = (0..3).map(|n| world.relayer(&directory.path().join(n.to_string()))).collect();
    let orders = futures::future::join_all((0..40).map(|number| world.commit(number, 600))).await;
    let mut arrivals = std::collections::BTreeSet::new();
    for order in &orders {
        world.arrived(*order).await;
        let received = world.received(*order).await.expect("the order");
        assert!(arrivals.insert(received.sequence), "each order has arrived once");
        world.decide(*order).await;
    }
    for order in &orders {
        assert_eq!(world.ended(*order).await, OrderState::Executed);
    }
    for relayer in relayers {
        relayer.stop().await;
    }
}

/// How many transactions were submitted, and how many of them were refused, by `relayers` that carry `orders` orders there
/// and their answers back.
async fn carried(relayers: usize, orders: u16) -> (usize, usize) {
    let world = World::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let (court, bank) = (Counted::new(world.court.chain()), Counted::new(world.bank.chain()));
    let start = |number: usize| {
        world.relayer_over(court.chain(), bank.chain(), vec![], &directory.path().join(number.to_string()))
    };
    let running: Vec<_> = (0..relayers).map(start).collect();
    for number in 0..orders {
        let order = world.commit(number, 600).await;
        world.arrived(order).await;
        world.decide(order).await;
        assert_eq!(world.ended(order).await, OrderState::Executed);
    }
    until("the outbox is empty", || async { outbox(&world).await == 0 }).await;
    for relayer in running {
        relayer.stop().await;
    }
    let sum = |count: fn(&Counted) -> &AtomicUsize| {
        [&court, &bank].map(|side| count(side).load(Ordering::Relaxed)).iter().sum()
    };
    (sum(|side| &side.submitted), sum(|side| &side.refused))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_relayers_on_the_same_packets_raise_no_storm_of_deliveries() {
    const ORDERS: u16 = 60;
    let (alone, _) = carried(1, ORDERS).await;
    let (submitted, refused) = carried(2, ORDERS).await;
    println!("{ORDERS} orders: one relayer submits {alone}, two submit {submitted}, of which {refused} are refused");
    // A lost race costs one transaction, and nothing is tried again that has been done.
    assert!(submitted <= 2 * alone + usize::from(ORDERS) / 2, "{submitted} transactions against {alone}");
    assert!(refused <= usize::from(ORDERS) / 2, "{refused} of {submitted} transactions were refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_validators_are_followed() {
    let world = World::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store");
    // Twice more than a third leaves while nobody relays: one step is not enough any more.
    for (leaves, joins) in [(0, 4), (1, 5), (2, 6), (3, 7)] {
        let updates = vec![power("court-1", leaves, 0), power("court-1", joins, 10)];
        let proposal = world.court.proposal(Action::SetValidators(updates));
        world.court.done(vec![proposal]).await;
        blocks(&world.court.chain(), 3).await;
    }
    let relayer = world.relayer(&path);
    let order = world.commit(1, 600).await;
    world.arrived(order).await;
    world.decide(order).await;
    assert_eq!(world.ended(order).await, OrderState::Executed);
    relayer.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_are_refreshed_long_before_they_expire() {
    let world = World::with_trusting_period(9).await;
    let directory = tempfile::tempdir().expect("a directory");
    let relayer = world.relayer(&directory.path().join("store"));
    let before = client_height(&world.bank.chain(), &client_on_bank()).await;
    // Nothing is sent for longer than the trusting period.
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert!(client_height(&world.bank.chain(), &client_on_bank()).await > before);
    let order = world.commit(1, 600).await;
    world.arrived(order).await;
    world.decide(order).await;
    assert_eq!(world.ended(order).await, OrderState::Executed);
    relayer.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relayers_paths_and_limits_change_while_it_carries() {
    let world = World::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let mut relayer = world.relayer(&directory.path().join("store"));
    let before = world.commit(1, 600).await;
    world.arrived(before).await;

    // Other limits: the path goes on.
    let slow = Limits { batch_packets_max: 1, ..world.limits.clone() };
    let changed = relayer.change(world.change(true, slow)).expect("a change");
    assert_eq!(changed, Changed { begun: 0, left: 0, went_on: 1 });
    let orders = futures::future::join_all((10..30).map(|number| world.commit(number, 600))).await;
    // In flight, the path is left.
    let changed = relayer.change(world.change(false, world.limits.clone())).expect("a change");
    assert_eq!(changed, Changed { begun: 0, left: 1, went_on: 0 });
    let waiting = world.commit(2, 600).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(world.received(waiting).await, None, "nobody serves the path");

    // What cannot be served changes nothing.
    let unknown =
        Change { kept: vec!["nowhere-1".parse().expect("an id")], ..world.change(true, world.limits.clone()) };
    assert!(matches!(relayer.change(unknown), Err(BadConfig::NotServed(_))));
    let mut twice = world.change(true, world.limits.clone());
    twice.paths.push(twice.paths[0].clone());
    assert!(matches!(relayer.change(twice), Err(BadConfig::PathTwice(..))));
    assert_eq!(world.received(waiting).await, None, "a refused change begins nothing");

    // The path is served again, one of its chains reached anew: everything arrives, each once.
    let mut again = world.change(true, world.limits.clone());
    again.kept.retain(|id| id != world.bank.id());
    again.chains =
        vec![ChainConfig { chain: world.bank.chain(), anchor: world.bank_anchor.clone(), witnesses: vec![] }];
    let changed = relayer.change(again).expect("a change");
    assert_eq!(changed, Changed { begun: 1, left: 0, went_on: 0 });
    let mut sequences = std::collections::BTreeSet::new();
    for order in orders.iter().chain([&waiting]) {
        world.arrived(*order).await;
        assert!(sequences.insert(world.received(*order).await.expect("the order").sequence));
        world.decide(*order).await;
        assert_eq!(world.ended(*order).await, OrderState::Executed);
    }
    relayer.stop().await;
}
