//! The engine's rules, one by one.

use comity_model::packet::{Packet, Payload};
use comity_model::{Height, UnixSeconds};
use comity_relayer_engine::{Action, Engine, Finish, Head, Limits, Moment, Observation, Task};

const TIMEOUT: u64 = 1_000;

fn packet(sequence: u64) -> Packet {
    Packet {
        sequence,
        source_client: "client-b".parse().expect("an id"),
        dest_client: "client-a".parse().expect("an id"),
        timeout: UnixSeconds(TIMEOUT),
        payloads: vec![Payload::canonical("orders", vec![7; 100])],
    }
}

fn head(height: u64, time: u64) -> Head {
    Head { height: Height(height), time: UnixSeconds(time) }
}

/// An engine whose first sweep is over.
fn engine() -> Engine {
    let mut engine = Engine::new(Limits::default());
    see(&mut engine, Observation::SourceHead(head(10, 500)));
    see(&mut engine, Observation::DestinationHead(head(20, 500)));
    let sweep = engine.poll(Moment(0));
    assert!(matches!(tasks(&sweep)[..], [Task::Sweep { from: 1, .. }]));
    see(&mut engine, outbox(vec![]));
    engine.finish(sweep[0].id, Finish::Answered, Moment(0));
    assert!(engine.poll(Moment(0)).is_empty());
    engine
}

fn outbox(packets: Vec<Packet>) -> Observation {
    Observation::Outbox { from: 1, packets, complete: true, as_of: Height(9) }
}

fn see(engine: &mut Engine, observation: Observation) {
    engine.observe(observation, Moment(0));
}

fn sent(sequence: u64, height: u64) -> Observation {
    Observation::Sent { packet: packet(sequence), height: Height(height) }
}

fn tasks(actions: &[Action]) -> Vec<Task> {
    actions.iter().map(|action| action.task.clone()).collect()
}

fn delivered(task: &Task) -> Vec<u64> {
    match task {
        Task::Deliver { packets, .. } => packets.iter().map(|packet| packet.sequence).collect(),
        other => panic!("not a delivery: {other:?}"),
    }
}

#[test]
fn a_packet_waits_for_the_header_that_proves_it() {
    let mut engine = engine();
    see(&mut engine, sent(1, 10));
    assert!(engine.poll(Moment(0)).is_empty());
    see(&mut engine, Observation::SourceHead(head(11, 501)));
    let actions = engine.poll(Moment(0));
    assert_eq!(tasks(&actions), [Task::Deliver { packets: vec![packet(1)], header: Height(11) }]);
    assert!(engine.poll(Moment(0)).is_empty(), "an action is handed out once");
}

#[test]
fn packets_that_come_while_a_delivery_is_under_way_share_the_next_one() {
    let mut engine = engine();
    see(&mut engine, sent(1, 9));
    let first = engine.poll(Moment(0));
    see(&mut engine, sent(2, 9));
    see(&mut engine, sent(3, 9));
    assert!(engine.poll(Moment(0)).is_empty());
    let committed = Finish::Committed { height: Height(21), carried: vec![1] };
    engine.finish(first[0].id, committed, Moment(0));
    let second = engine.poll(Moment(0));
    assert_eq!(delivered(&second[0].task), [2, 3]);
}

#[test]
fn an_answer_is_returned_under_the_header_after_its_block() {
    let mut engine = engine();
    see(&mut engine, sent(1, 9));
    let actions = engine.poll(Moment(0));
    let committed = Finish::Committed { height: Height(21), carried: vec![1] };
    engine.finish(actions[0].id, committed, Moment(0));
    see(&mut engine, Observation::Answered { sequence: 1, acknowledgement: b"yes".to_vec(), height: Height(21) });
    see(&mut engine, Observation::DestinationHead(head(21, 501)));
    assert!(engine.poll(Moment(0)).is_empty());
    see(&mut engine, Observation::DestinationHead(head(22, 501)));
    let actions = engine.poll(Moment(0));
    assert_eq!(
        tasks(&actions),
        [Task::Acknowledge { answers: vec![(packet(1), b"yes".to_vec())], header: Height(22) }]
    );
    let committed = Finish::Committed { height: Height(12), carried: vec![1] };
    engine.finish(actions[0].id, committed, Moment(0));
    assert_eq!(engine.counts(), Default::default());
}

#[test]
fn expiry_is_judged_by_the_destinations_header_and_by_no_other_clock() {
    let mut engine = engine();
    see(&mut engine, sent(1, 9));
    // Years pass here and on the source.
    see(&mut engine, Observation::SourceHead(head(11, TIMEOUT + 9_999)));
    let actions = engine.poll(Moment(u64::from(u32::MAX)));
    assert!(actions.iter().any(|action| matches!(action.task, Task::Deliver { .. })));

    let mut engine = self::engine();
    see(&mut engine, sent(1, 9));
    see(&mut engine, Observation::DestinationHead(head(21, TIMEOUT)));
    let actions = engine.poll(Moment(0));
    assert_eq!(tasks(&actions), [Task::TimeOut { packets: vec![packet(1)], header: Height(21) }]);
}

#[test]
fn a_packet_that_arrived_is_not_timed_out() {
    let mut engine = engine();
    see(&mut engine, sent(1, 9));
    let arrived = Observation::Arrived { sequence: 1, height: Height(20) };
    see(&mut engine, arrived);
    see(&mut engine, Observation::DestinationHead(head(21, TIMEOUT)));
    assert!(engine.poll(Moment(0)).is_empty());
    let later = engine.poll(Moment(10_000));
    assert!(tasks(&later).contains(&Task::Inspect { sequences: vec![1] }));
}

#[test]
fn a_packet_of_the_backlog_is_asked_about_before_it_is_delivered() {
    let mut engine = engine();
    see(&mut engine, outbox(vec![packet(1), packet(2)]));
    let actions = engine.poll(Moment(0));
    assert_eq!(tasks(&actions), [Task::Inspect { sequences: vec![1, 2] }]);
    see(&mut engine, Observation::NotArrived { sequence: 1, height: Height(20) });
    see(&mut engine, Observation::Arrived { sequence: 2, height: Height(20) });
    engine.finish(actions[0].id, Finish::Answered, Moment(0));
    let actions = engine.poll(Moment(0));
    assert_eq!(actions.len(), 1);
    assert_eq!(delivered(&actions[0].task), [1]);
}

#[test]
fn what_was_refused_together_is_tried_one_by_one() {
    let mut engine = engine();
    for sequence in 1..=3 {
        see(&mut engine, sent(sequence, 9));
    }
    let actions = engine.poll(Moment(0));
    let refused = Finish::Refused { carried: vec![1, 2, 3] };
    engine.finish(actions[0].id, refused, Moment(0));
    for sequence in 1..=3 {
        let actions = engine.poll(Moment(0));
        assert_eq!(delivered(&actions[0].task), [sequence]);
        let committed = Finish::Committed { height: Height(21), carried: vec![sequence] };
        engine.finish(actions[0].id, committed, Moment(0));
    }
}

#[test]
fn a_packet_that_is_refused_by_itself_is_asked_about_and_tried_ever_later() {
    let mut engine = engine();
    see(&mut engine, sent(1, 9));
    let mut now = Moment(0);
    let mut waits = Vec::new();
    for _ in 0..8 {
        let delivery = engine.poll(now);
        let delivery = delivery.iter().find(|a| matches!(a.task, Task::Deliver { .. }));
        let id = delivery.expect("a delivery").id;
        engine.finish(id, Finish::Refused { carried: vec![1] }, now);
        let refused_at = now;
        let inspection = loop {
            let actions = engine.poll(now);
            if let Some(action) = actions.iter().find(|a| matches!(a.task, Task::Inspect { .. })) {
                break action.id;
            }
            now = now.plus(1);
        };
        waits.push(now.0 - refused_at.0);
        let not_arrived = Observation::NotArrived { sequence: 1, height: Height(20) };
        engine.observe(not_arrived, now);
        engine.finish(inspection, Finish::Answered, now);
    }
    assert!(waits[0] <= 100 && waits[7] >= 100 << 6, "{waits:?}");
}

#[test]
fn a_failure_holds_back_its_lane_and_a_wake_is_planned() {
    let mut engine = engine();
    see(&mut engine, sent(1, 9));
    let actions = engine.poll(Moment(0));
    engine.finish(actions[0].id, Finish::Failed, Moment(0));
    assert!(engine.poll(Moment(0)).is_empty());
    let wake = engine.next_wake(Moment(0));
    assert!((50..=100).contains(&wake.0), "{wake:?}");
    assert_eq!(delivered(&engine.poll(wake)[0].task), [1]);
}

#[test]
fn an_action_without_an_answer_is_given_up_and_repeated() {
    let mut engine = engine();
    see(&mut engine, sent(1, 9));
    let lost = engine.poll(Moment(0))[0].id;
    let deadline = Moment(Limits::default().patience_ms);
    engine.poll(deadline);
    let wake = engine.next_wake(deadline);
    let again = engine.poll(wake);
    let again = again.iter().find(|a| matches!(a.task, Task::Deliver { .. }));
    assert_eq!(delivered(&again.expect("a delivery").task), [1]);
    // The late answer changes nothing.
    engine.finish(lost, Finish::Refused { carried: vec![1] }, wake);
    assert_eq!(engine.counts().undelivered, 1);
}

#[test]
fn a_missing_commitment_ends_a_packet_only_above_its_own_block() {
    let mut engine = engine();
    see(&mut engine, outbox(vec![packet(1)]));
    let missing = |header| Observation::Missing { sequence: 1, header: Height(header) };
    // The sweep does not know in which block it was committed: perhaps after this header.
    see(&mut engine, missing(12));
    assert_eq!(engine.counts().unknown, 1);
    see(&mut engine, sent(1, 13));
    see(&mut engine, missing(13));
    assert_eq!(engine.counts().unknown, 1);
    see(&mut engine, missing(14));
    assert_eq!(engine.counts(), Default::default());
}

#[test]
fn a_sweep_forgets_what_was_settled_and_keeps_what_is_newer_than_its_answer() {
    let mut engine = engine();
    see(&mut engine, sent(1, 8));
    see(&mut engine, sent(2, 10));
    see(&mut engine, outbox(vec![]));
    assert_eq!(engine.counts().undelivered, 1);
    assert_eq!(delivered(&poll_at_height(&mut engine, 11).task), [2]);
}

fn poll_at_height(engine: &mut Engine, height: u64) -> Action {
    see(engine, Observation::SourceHead(head(height, 501)));
    engine.poll(Moment(0)).remove(0)
}

#[test]
fn a_backlog_does_not_hold_up_what_happens_now() {
    let mut engine = engine();
    see(&mut engine, outbox((1..=200).map(packet).collect()));
    for sequence in 1..=200 {
        let not_arrived = Observation::NotArrived { sequence, height: Height(20) };
        see(&mut engine, not_arrived);
    }
    let backlog = engine.poll(Moment(0));
    assert_eq!(delivered(&backlog[0].task).len(), Limits::default().batch_packets_max);
    see(&mut engine, sent(201, 9));
    let live = engine.poll(Moment(0));
    assert_eq!(delivered(&live[0].task), [201]);
}

#[test]
fn no_more_packets_are_known_than_the_limit_and_the_rest_is_found_later() {
    let limits = Limits { tracked_packets_max: 3, sweep_packets_max: 2, ..Limits::default() };
    let mut engine = Engine::new(limits);
    let page = |from, to: u64| Observation::Outbox {
        from,
        packets: (from..=to).map(packet).collect(),
        complete: false,
        as_of: Height(9),
    };
    for (from, to) in [(1, 2), (3, 4)] {
        let sweep = engine.poll(Moment(0));
        assert_eq!(tasks(&sweep), [Task::Sweep { from, limit: 2 }]);
        see(&mut engine, page(from, to));
        engine.finish(sweep[0].id, Finish::Answered, Moment(0));
    }
    assert_eq!(engine.counts().unknown, 3);
    see(&mut engine, Observation::Settled { sequence: 1 });
    let later = engine.poll(engine.next_wake(Moment(0)));
    assert_eq!(tasks(&later), [Task::Sweep { from: 4, limit: 2 }]);
}

#[test]
fn a_large_packet_travels_in_a_batch_of_its_own() {
    let mut engine = engine();
    for sequence in 1..=3 {
        let mut packet = packet(sequence);
        packet.payloads[0].value = vec![0; 300 << 10];
        see(&mut engine, Observation::Sent { packet, height: Height(9) });
    }
    assert_eq!(delivered(&engine.poll(Moment(0))[0].task), [1]);
}

/// An engine that may know three packets.
fn small() -> Engine {
    let mut engine = Engine::new(Limits { tracked_packets_max: 3, ..Limits::default() });
    see(&mut engine, Observation::SourceHead(head(10, 500)));
    see(&mut engine, Observation::DestinationHead(head(20, 500)));
    engine
}

#[test]
fn a_live_packet_finds_room_where_a_backlog_fills_everything() {
    let mut engine = small();
    let sweep = engine.poll(Moment(0));
    see(&mut engine, outbox(vec![packet(1), packet(2), packet(3)]));
    engine.finish(sweep[0].id, Finish::Answered, Moment(0));
    see(&mut engine, sent(4, 9));
    let actions = engine.poll(Moment(0));
    let live = actions.iter().map(|action| &action.task).find(|task| matches!(task, Task::Deliver { .. }));
    assert_eq!(delivered(live.expect("the live one is carried")), [4]);
    let counts = engine.counts();
    assert_eq!((counts.unknown, counts.undelivered), (2, 1), "the last of the backlog waits in the outbox");
}

#[test]
fn packets_that_wait_for_their_answers_keep_no_other_out() {
    let mut engine = small();
    let sweep = engine.poll(Moment(0));
    see(&mut engine, outbox(vec![packet(1), packet(2), packet(3)]));
    engine.finish(sweep[0].id, Finish::Answered, Moment(0));
    for sequence in 1..=3 {
        see(&mut engine, Observation::Arrived { sequence, height: Height(19) });
    }
    // All three may wait for days. One that a sweep finds, and one that is sent now, take their places.
    see(&mut engine, outbox(vec![packet(1), packet(2), packet(3), packet(4)]));
    see(&mut engine, sent(5, 9));
    let counts = engine.counts();
    assert_eq!((counts.unknown, counts.undelivered, counts.arrived), (1, 1, 1));
}
