//! Two model chains, a relayer that crashes, and a network that loses, repeats and reorders: every packet ends
//! acknowledged or timed out, never both, and none that arrived is timed out.

use comity_model::packet::{Packet, Payload};
use comity_model::{Height, UnixSeconds};
use comity_relayer_engine::{Action, Engine, Finish, Head, Limits, Moment, Observation, Task};
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Acknowledged,
    TimedOut,
}

/// The truth of both chains: state after each block, and block times by height.
struct World {
    source_height: u64,
    destination_times: Vec<u64>,
    commitments: BTreeMap<u64, (Packet, u64)>,
    ends: BTreeMap<u64, End>,
    receipts: BTreeMap<u64, u64>,
    acks: BTreeMap<u64, (Vec<u8>, u64)>,
    sent: u64,
}

impl World {
    fn new() -> Self {
        Self {
            source_height: 1,
            destination_times: vec![0, 100],
            commitments: BTreeMap::new(),
            ends: BTreeMap::new(),
            receipts: BTreeMap::new(),
            acks: BTreeMap::new(),
            sent: 0,
        }
    }

    fn destination_height(&self) -> u64 {
        self.destination_times.len() as u64 - 1
    }

    fn destination_time(&self) -> u64 {
        self.destination_times[self.destination_times.len() - 1]
    }

    fn destination_block(&mut self, seconds: u64) -> u64 {
        self.destination_times.push(self.destination_time() + seconds);
        self.destination_height()
    }

    fn send(&mut self, lifetime: u64) -> Observation {
        self.sent += 1;
        self.source_height += 1;
        let packet = Packet {
            sequence: self.sent,
            source_client: "client-b".parse().expect("an id"),
            dest_client: "client-a".parse().expect("an id"),
            timeout: UnixSeconds(self.destination_time() + lifetime),
            payloads: vec![Payload::canonical("orders", vec![0; 10])],
        };
        let height = self.source_height;
        self.commitments.insert(self.sent, (packet.clone(), height));
        Observation::Sent { packet, height: Height(height) }
    }

    /// A block of the destination with receives, all or none.
    fn receive(&mut self, packets: &[Packet]) -> Option<u64> {
        let height = self.destination_block(1);
        let time = self.destination_time();
        if packets.iter().any(|packet| time >= packet.timeout.0) {
            return None;
        }
        for packet in packets {
            assert!(!matches!(self.ends.get(&packet.sequence), Some(End::TimedOut)));
            self.receipts.entry(packet.sequence).or_insert(height);
        }
        Some(height)
    }

    fn acknowledge_at_destination(&mut self, sequence: u64) -> Option<Observation> {
        if !self.receipts.contains_key(&sequence) || self.acks.contains_key(&sequence) {
            return None;
        }
        let height = self.destination_block(1);
        let acknowledgement = format!("ack {sequence}").into_bytes();
        self.acks.insert(sequence, (acknowledgement.clone(), height));
        Some(Observation::Answered { sequence, acknowledgement, height: Height(height) })
    }

    fn settle(&mut self, sequence: u64, end: End) {
        if self.commitments.remove(&sequence).is_some() {
            let before = self.ends.insert(sequence, end);
            assert_eq!(before, None, "a packet ends once");
            assert_eq!(self.receipts.contains_key(&sequence), end == End::Acknowledged);
        } else {
            assert_eq!(self.ends.get(&sequence), Some(&end), "a repetition says the same");
        }
    }

    fn heads(&self) -> [Observation; 2] {
        [
            Observation::SourceHead(Head { height: Height(self.source_height), time: UnixSeconds(0) }),
            Observation::DestinationHead(Head {
                height: Height(self.destination_height()),
                time: UnixSeconds(self.destination_time()),
            }),
        ]
    }

    /// Carries out an action; what is observed on the way, and the result.
    fn carry_out(&mut self, task: Task) -> (Vec<Observation>, Finish) {
        match task {
            Task::Deliver { packets, header } => self.deliver(packets, header),
            Task::Acknowledge { answers, header } => {
                assert!(header.0 <= self.destination_height(), "the header exists");
                for (packet, acknowledgement) in &answers {
                    let (truth, height) = &self.acks[&packet.sequence];
                    assert!(acknowledgement == truth && *height < header.0, "it is provable");
                }
                self.source_height += 1;
                let carried: Vec<_> = answers.iter().map(|(p, _)| p.sequence).collect();
                carried.iter().for_each(|sequence| self.settle(*sequence, End::Acknowledged));
                (vec![], self.committed(self.source_height, carried))
            }
            Task::TimeOut { packets, header } => self.time_out(packets, header),
            Task::Inspect { sequences } => {
                let height = Height(self.destination_height());
                let seen = sequences.into_iter().flat_map(|sequence| {
                    let receipt = if self.receipts.contains_key(&sequence) {
                        Observation::Arrived { sequence, height }
                    } else {
                        Observation::NotArrived { sequence, height }
                    };
                    let answer = self.acks.get(&sequence).map(|(bytes, _)| Observation::Answered {
                        sequence,
                        acknowledgement: bytes.clone(),
                        height,
                    });
                    [Some(receipt), answer].into_iter().flatten()
                });
                (seen.collect(), Finish::Answered)
            }
            Task::Sweep { from, limit } => {
                let all = self.commitments.range(from..).map(|(_, (packet, _))| packet.clone());
                let packets: Vec<_> = all.take(limit as usize).collect();
                let page = Observation::Outbox {
                    from,
                    complete: packets.len() < limit as usize,
                    packets,
                    as_of: Height(self.source_height),
                };
                (vec![page], Finish::Answered)
            }
        }
    }

    fn deliver(&mut self, packets: Vec<Packet>, header: Height) -> (Vec<Observation>, Finish) {
        assert!(header.0 <= self.source_height, "the header exists");
        let head = self.source_height;
        let (provable, missing): (Vec<_>, Vec<_>) = packets
            .into_iter()
            .partition(|packet| self.commitments.get(&packet.sequence).is_some_and(|(_, height)| *height < head));
        let missing =
            missing.into_iter().map(|packet| Observation::Missing { sequence: packet.sequence, header: Height(head) });
        let missing = missing.collect();
        if provable.is_empty() {
            return (missing, Finish::Answered);
        }
        let carried = provable.iter().map(|packet| packet.sequence).collect();
        match self.receive(&provable) {
            Some(height) => (missing, self.committed(height, carried)),
            None => (missing, Finish::Refused { carried }),
        }
    }

    fn time_out(&mut self, packets: Vec<Packet>, header: Height) -> (Vec<Observation>, Finish) {
        assert!(header.0 <= self.destination_height(), "the header exists");
        let time = self.destination_times[header.0 as usize];
        assert!(packets.iter().all(|packet| time >= packet.timeout.0), "all have expired");
        let height = Height(self.destination_height());
        let (arrived, absent): (Vec<_>, Vec<_>) =
            packets.iter().map(|p| p.sequence).partition(|s| self.receipts.contains_key(s));
        let seen = arrived.into_iter().map(|sequence| Observation::Arrived { sequence, height });
        let seen = seen.collect();
        if absent.is_empty() {
            return (seen, Finish::Answered);
        }
        self.source_height += 1;
        absent.iter().for_each(|sequence| self.settle(*sequence, End::TimedOut));
        (seen, self.committed(self.source_height, absent))
    }

    fn committed(&self, height: u64, carried: Vec<u64>) -> Finish {
        Finish::Committed { height: Height(height), carried }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Send { lifetime: u64 },
    SourceBlock,
    DestinationBlock { seconds: u64 },
    Heads,
    WriteAck { pick: usize },
    OtherRelayer { pick: usize },
    Poll { ms: u64 },
    CarryOut { pick: usize, lost: bool },
    Drop { pick: usize },
    Fail { pick: usize },
    Observe { pick: usize, again: bool },
    Lose { pick: usize },
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let pick = 0usize..64;
    prop_oneof![
        3 => (1u64..30).prop_map(|lifetime| Step::Send { lifetime }),
        1 => Just(Step::SourceBlock),
        2 => (0u64..10).prop_map(|seconds| Step::DestinationBlock { seconds }),
        3 => Just(Step::Heads),
        2 => pick.clone().prop_map(|pick| Step::WriteAck { pick }),
        1 => pick.clone().prop_map(|pick| Step::OtherRelayer { pick }),
        5 => (0u64..500).prop_map(|ms| Step::Poll { ms }),
        5 => (pick.clone(), prop::bool::weighted(0.2)).prop_map(|(pick, lost)| Step::CarryOut { pick, lost }),
        1 => pick.clone().prop_map(|pick| Step::Drop { pick }),
        1 => pick.clone().prop_map(|pick| Step::Fail { pick }),
        4 => (pick.clone(), prop::bool::weighted(0.2)).prop_map(|(pick, again)| Step::Observe { pick, again }),
        1 => pick.prop_map(|pick| Step::Lose { pick }),
        1 => Just(Step::Crash),
    ]
}

struct Run {
    world: World,
    engine: Engine,
    now: Moment,
    /// Observations and results on their way; they overtake one another.
    seen: Vec<Observation>,
    actions: Vec<Action>,
    results: Vec<(comity_relayer_engine::ActionId, Finish)>,
}

fn limits() -> Limits {
    Limits {
        batch_packets_max: 4,
        tracked_packets_max: 6,
        sweep_packets_max: 3,
        patience_ms: 5_000,
        ..Limits::default()
    }
}

fn take<T>(queue: &mut Vec<T>, pick: usize) -> Option<T> {
    (!queue.is_empty()).then(|| queue.swap_remove(pick % queue.len()))
}

impl Run {
    fn new() -> Self {
        Self {
            world: World::new(),
            engine: Engine::new(limits()),
            now: Moment(0),
            seen: vec![],
            actions: vec![],
            results: vec![],
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Send { lifetime } => self.seen.push(self.world.send(lifetime)),
            Step::SourceBlock => self.world.source_height += 1,
            Step::DestinationBlock { seconds } => drop(self.world.destination_block(seconds)),
            Step::Heads => self.seen.extend(self.world.heads()),
            Step::WriteAck { pick } => {
                let received: Vec<_> = self.world.receipts.keys().copied().collect();
                if !received.is_empty() {
                    let sequence = received[pick % received.len()];
                    self.seen.extend(self.world.acknowledge_at_destination(sequence));
                }
            }
            Step::OtherRelayer { pick } => self.other_relayer(pick),
            Step::Poll { ms } => {
                self.now = self.now.plus(ms);
                self.actions.extend(self.engine.poll(self.now));
            }
            Step::CarryOut { pick, lost } => {
                if let Some(action) = take(&mut self.actions, pick) {
                    let (seen, finish) = self.world.carry_out(action.task);
                    self.seen.extend(seen);
                    if !lost {
                        self.results.push((action.id, finish));
                    }
                }
            }
            Step::Drop { pick } => drop(take(&mut self.actions, pick)),
            Step::Fail { pick } => {
                if let Some(action) = take(&mut self.actions, pick) {
                    self.results.push((action.id, Finish::Failed));
                }
            }
            Step::Observe { pick, again } => {
                if let Some(observation) = take(&mut self.seen, pick) {
                    if again {
                        self.seen.push(observation.clone());
                    }
                    self.engine.observe(observation, self.now);
                }
                if let Some((id, finish)) = take(&mut self.results, pick) {
                    self.engine.finish(id, finish, self.now);
                }
            }
            Step::Lose { pick } => drop(take(&mut self.seen, pick)),
            Step::Crash => {
                self.engine = Engine::new(limits());
                self.actions.clear();
                self.results.clear();
            }
        }
    }

    fn other_relayer(&mut self, pick: usize) {
        let standing: Vec<_> = self.world.commitments.values().map(|(p, _)| p.clone()).collect();
        let Some(packet) = standing.get(pick % standing.len().max(1)) else {
            return;
        };
        if self.world.acks.contains_key(&packet.sequence) {
            self.world.source_height += 1;
            self.world.settle(packet.sequence, End::Acknowledged);
            let sequence = packet.sequence;
            self.seen.push(Observation::Settled { sequence });
        } else {
            self.world.receive(std::slice::from_ref(packet));
        }
    }

    /// From here on everything works, but no event is seen any more: sweeps and inspections must do.
    fn settle_everything(&mut self) {
        self.seen.retain(|seen| matches!(seen, Observation::Outbox { .. }));
        for _ in 0..2_000 {
            if self.world.commitments.is_empty() && self.engine.counts() == Default::default() {
                return;
            }
            self.world.source_height += 1;
            self.world.destination_block(1);
            let received: Vec<_> = self.world.receipts.keys().copied().collect();
            for sequence in received {
                self.world.acknowledge_at_destination(sequence);
            }
            self.seen.extend(self.world.heads());
            self.now = self.now.plus(500);
            self.actions.extend(self.engine.poll(self.now));
            for action in std::mem::take(&mut self.actions) {
                let (seen, finish) = self.world.carry_out(action.task);
                self.seen.extend(seen);
                for observation in std::mem::take(&mut self.seen) {
                    self.engine.observe(observation, self.now);
                }
                self.engine.finish(action.id, finish, self.now);
            }
            for observation in std::mem::take(&mut self.seen) {
                self.engine.observe(observation, self.now);
            }
        }
        panic!("not settled: {:?}, {:?}", self.world.commitments, self.engine.counts());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn every_packet_ends_acknowledged_or_timed_out_and_never_both(steps in prop::collection::vec(step(), 1..250)) {
        let mut run = Run::new();
        for step in steps {
            run.step(step);
        }
        run.settle_everything();
        prop_assert_eq!(run.world.ends.len() as u64, run.world.sent);
    }
}
