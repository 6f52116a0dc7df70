//! Traps that other relayers fell into, each as a rule of this one.

use comity_model::packet::{Packet, Payload};
use comity_model::{Height, UnixSeconds};
use comity_relayer_engine::{Action, ActionId, Engine, Finish, Head, Limits, Moment, Observation, Task};

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

/// An engine under a driver whose clock shows `clock` when it begins.
struct Driven {
    engine: Engine,
    clock: Moment,
}

impl Driven {
    fn begun_at(clock: u64) -> Self {
        let mut driven = Self { engine: Engine::new(Limits::default()), clock: Moment(clock) };
        driven.source(10, 500);
        driven.destination(20, 500);
        let sweep = driven.poll().remove(0);
        driven.see(Observation::Outbox { from: 1, packets: vec![], complete: true, as_of: Height(9) });
        driven.finish(sweep.id, Finish::Answered);
        driven
    }

    fn see(&mut self, observation: Observation) {
        self.engine.observe(observation, self.clock);
    }

    fn source(&mut self, height: u64, time: u64) {
        self.see(Observation::SourceHead(Head { height: Height(height), time: UnixSeconds(time) }));
    }

    fn destination(&mut self, height: u64, time: u64) {
        self.see(Observation::DestinationHead(Head { height: Height(height), time: UnixSeconds(time) }));
    }

    fn sent(&mut self, sequence: u64) {
        self.see(Observation::Sent { packet: packet(sequence), height: Height(9) });
    }

    fn answered(&mut self, sequence: u64, height: u64) {
        let acknowledgement = b"yes".to_vec();
        self.see(Observation::Answered { sequence, acknowledgement, height: Height(height) });
    }

    fn poll(&mut self) -> Vec<Action> {
        self.engine.poll(self.clock)
    }

    fn finish(&mut self, id: ActionId, finish: Finish) {
        self.engine.finish(id, finish, self.clock);
    }
}

fn acknowledgements(actions: &[Action]) -> Vec<ActionId> {
    actions.iter().filter(|action| matches!(action.task, Task::Acknowledge { .. })).map(|action| action.id).collect()
}

#[test]
fn a_late_end_of_the_delivery_does_not_overwrite_an_answer_that_was_faster() {
    let ends = [
        Finish::Committed { height: Height(21), carried: vec![1] },
        Finish::Refused { carried: vec![1] },
        Finish::Failed,
        Finish::Answered,
    ];
    for end in ends {
        let mut relayer = Driven::begun_at(0);
        relayer.sent(1);
        let delivery = relayer.poll().remove(0);
        // The answer stands on the destination before the driver hears of its own transaction.
        relayer.answered(1, 21);
        relayer.see(Observation::Arrived { sequence: 1, height: Height(21) });
        relayer.see(Observation::NotArrived { sequence: 1, height: Height(20) });
        relayer.destination(22, 501);
        relayer.finish(delivery.id, end.clone());
        assert_eq!(relayer.engine.counts().answered, 1, "{end:?}");
        let wake = relayer.engine.next_wake(relayer.clock);
        let mut actions = relayer.poll();
        if acknowledgements(&actions).is_empty() {
            relayer.clock = wake;
            actions = relayer.poll();
        }
        assert_eq!(acknowledgements(&actions).len(), 1, "{end:?}");
        assert!(!actions.iter().any(|action| matches!(action.task, Task::Deliver { .. })), "{end:?}");
    }
}

#[test]
fn an_answer_that_comes_before_its_packet_is_known_is_not_lost() {
    let mut relayer = Driven::begun_at(0);
    // Events of the two chains come in any order: here the destination's are first.
    relayer.answered(1, 21);
    relayer.sent(1);
    relayer.destination(22, 501);
    let delivery = relayer.poll().remove(0);
    // Delivering it again changes nothing there; asking about it brings the answer.
    relayer.finish(delivery.id, Finish::Committed { height: Height(22), carried: vec![1] });
    relayer.clock = relayer.clock.plus(Limits::default().inspect_every_ms.1);
    let asked = relayer.poll();
    assert!(asked.iter().any(|action| action.task == Task::Inspect { sequences: vec![1] }), "{asked:?}");
    relayer.answered(1, 21);
    for action in asked {
        relayer.finish(action.id, Finish::Answered);
    }
    assert_eq!(acknowledgements(&relayer.poll()).len(), 1);
}

#[test]
fn an_answer_that_is_told_many_times_is_returned_once() {
    let mut relayer = Driven::begun_at(0);
    relayer.sent(1);
    let delivery = relayer.poll().remove(0);
    relayer.finish(delivery.id, Finish::Committed { height: Height(21), carried: vec![1] });
    relayer.destination(22, 501);
    let mut returned = Vec::new();
    for _ in 0..5 {
        relayer.answered(1, 21);
        returned.extend(acknowledgements(&relayer.poll()));
    }
    assert_eq!(returned.len(), 1);
    relayer.finish(returned[0], Finish::Committed { height: Height(12), carried: vec![1] });
    relayer.answered(1, 21);
    assert!(acknowledgements(&relayer.poll()).is_empty());
    assert_eq!(relayer.engine.counts(), Default::default());
}

/// What a relayer does with three packets, one of which is late by the destination's clock, while its own clock passes
/// `pause_ms` between two looks.
fn story(clock: u64, pause_ms: u64) -> Vec<Task> {
    let mut relayer = Driven::begun_at(clock);
    let mut done = Vec::new();
    let mut look = |relayer: &mut Driven, finish: &dyn Fn(&Task) -> Finish| {
        relayer.clock = relayer.clock.plus(pause_ms);
        for action in relayer.poll() {
            // Sweeps and questions are paced by the driver's clock; what becomes of a packet is not.
            if matches!(action.task, Task::Deliver { .. } | Task::TimeOut { .. } | Task::Acknowledge { .. }) {
                done.push(action.task.clone());
            }
            relayer.finish(action.id, finish(&action.task));
        }
    };
    let committed = |height: u64| {
        move |task: &Task| match task {
            Task::Deliver { packets, .. } | Task::TimeOut { packets, .. } => {
                let carried = packets.iter().map(|packet| packet.sequence).collect();
                Finish::Committed { height: Height(height), carried }
            }
            Task::Acknowledge { answers, .. } => {
                let carried = answers.iter().map(|(packet, _)| packet.sequence).collect();
                Finish::Committed { height: Height(height), carried }
            }
            _ => Finish::Answered,
        }
    };
    relayer.sent(1);
    relayer.source(11, 501);
    look(&mut relayer, &committed(21));
    relayer.answered(1, 21);
    // The source's clock, too, is nothing to go by.
    relayer.source(12, TIMEOUT + 5_000);
    relayer.destination(22, TIMEOUT - 1);
    relayer.sent(2);
    look(&mut relayer, &committed(23));
    relayer.sent(3);
    relayer.destination(24, TIMEOUT);
    look(&mut relayer, &committed(25));
    done
}

#[test]
fn a_drivers_clock_far_ahead_or_behind_changes_nothing() {
    let expected = story(0, 0);
    let kinds: Vec<_> = expected
        .iter()
        .map(|task| match task {
            Task::Deliver { packets, .. } => ("deliver", packets[0].sequence),
            Task::Acknowledge { answers, .. } => ("acknowledge", answers[0].0.sequence),
            Task::TimeOut { packets, .. } => ("time out", packets[0].sequence),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds.iter().filter(|(kind, _)| *kind == "deliver").map(|(_, s)| *s).collect::<Vec<_>>(), [1, 2]);
    assert!(kinds.contains(&("acknowledge", 1)) && kinds.contains(&("time out", 3)), "{kinds:?}");
    let year_ms = 365 * 86_400_000;
    for clock in [1, TIMEOUT * 1_000, 50 * year_ms, u64::MAX / 2] {
        assert_eq!(story(clock, 0), expected, "the clock shows {clock}");
    }
}
