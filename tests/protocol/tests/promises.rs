//! The promises hold in every state that can be reached, and each rule is needed: without it one of them breaks.

use comity_protocol::{Broken, Protocol};
use stateright::{Checker, HasDiscoveries, Model};

/// Promises that are broken, or never seen where they should be.
fn broken(protocol: Protocol) -> (Vec<&'static str>, usize) {
    let checker = protocol.checker().threads(2).spawn_bfs().join();
    let mut wrong = Vec::new();
    for property in checker.model().properties() {
        let found = checker.discovery(property.name).is_some();
        let should = matches!(property.expectation, stateright::Expectation::Sometimes);
        if found != should {
            wrong.push(property.name);
        }
    }
    (wrong, checker.unique_state_count())
}

#[test]
fn one_order_in_any_interleaving_keeps_every_promise() {
    let mut protocol = Protocol::new(1, 2);
    protocol.crashes_max = 2;
    let (wrong, states) = broken(protocol);
    println!("one order, two honest relayers: {states} states");
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn one_order_and_a_relayer_that_hands_in_anything_keep_every_promise() {
    let mut protocol = Protocol::new(1, 2);
    protocol.hostile = true;
    let (wrong, states) = broken(protocol);
    println!("one order, a hostile relayer: {states} states");
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// The first promise that breaks when a rule is left out.
fn breaks(rule: Broken, expected: &'static str) {
    let mut protocol = Protocol::new(1, 2);
    protocol.hostile = rule != Broken::NoSweep;
    protocol.crashes_max = 2;
    protocol.broken = Some(rule);
    let checker =
        protocol.checker().threads(2).finish_when(HasDiscoveries::AllOf([expected].into())).spawn_bfs().join();
    let path = checker.discovery(expected);
    assert!(path.is_some(), "{rule:?} broke {:?}", checker.discoveries().keys().collect::<Vec<_>>());
}

#[test]
fn without_the_deadline_a_received_order_can_be_timed_out() {
    breaks(Broken::DeadlineIgnored, "no order that was received is timed out");
}

#[test]
fn with_a_deadline_that_both_sides_read_differently_a_received_order_can_be_timed_out() {
    breaks(Broken::DeadlineOffByOne, "no order that was received is timed out");
}

#[test]
fn without_receipts_that_stay_an_order_is_executed_twice() {
    breaks(Broken::ReceiptPruned, "no order is executed twice");
}

#[test]
fn by_the_courts_own_clock_a_received_order_can_be_timed_out() {
    breaks(Broken::ExpiryByOwnClock, "no order that was received is timed out");
}

#[test]
fn with_a_root_and_a_time_of_different_headers_a_received_order_can_be_timed_out() {
    breaks(Broken::RootOfTheHeaderBefore, "no order that was received is timed out");
}

#[test]
fn with_a_timeout_that_overwrites_an_order_ends_twice() {
    breaks(Broken::TimeoutOverwrites, "no order that ended ends again");
}

#[test]
fn without_a_look_through_the_outbox_an_order_is_lost() {
    breaks(Broken::NoSweep, "no order is lost");
}
