//! Choosing what an action carries: what is due and possible, up to the bounds.

use crate::desk::{Desk, Lane, Stage, Tracked};
use crate::engine::Slot;
use crate::{Engine, Height, Moment, Task};
use comity_model::packet::Packet;

/// What a packet's proof and framing add to its payload, generously.
const PROOF_BYTES: usize = 6 << 10;

impl Engine {
    /// The task of `slot`, if there is one, and the packets that it holds.
    pub(crate) fn select(&self, slot: Slot, now: Moment) -> Option<(Task, Vec<u64>)> {
        match slot {
            Slot::Deliver(lane) => self.deliver(lane, now),
            Slot::TimeOut(lane) => self.time_out(lane, now),
            Slot::Acknowledge(lane) => self.acknowledge(lane, now),
            Slot::Inspect(lane) => self.inspect(lane, now),
            Slot::Sweep => (self.sweep.due <= now).then(|| {
                let (from, limit) = (self.sweep.from, self.limits.sweep_packets_max);
                (Task::Sweep { from, limit }, Vec::new())
            }),
        }
    }

    /// A packet of block h is provable under header h + 1.
    fn deliver(&self, lane: Lane, now: Moment) -> Option<(Task, Vec<u64>)> {
        let source = self.source?;
        let batch = self
            .batch(Desk::Forward, lane, now, |tracked| tracked.sent < source.height && !self.expired(&tracked.packet));
        let header = batch.iter().map(|tracked| tracked.sent.next()).max()?;
        let (packets, sequences) = packets(&batch);
        Some((Task::Deliver { packets, header }, sequences))
    }

    fn time_out(&self, lane: Lane, now: Moment) -> Option<(Task, Vec<u64>)> {
        let header = self.destination?.height;
        let batch = self.batch(Desk::Forward, lane, now, |tracked| self.expired(&tracked.packet));
        if batch.is_empty() {
            return None;
        }
        let (packets, sequences) = packets(&batch);
        Some((Task::TimeOut { packets, header }, sequences))
    }

    fn acknowledge(&self, lane: Lane, now: Moment) -> Option<(Task, Vec<u64>)> {
        let head = self.destination?.height;
        let batch =
            self.batch(Desk::Return, lane, now, |tracked| answer(tracked).is_some_and(|(_, height)| height < head));
        let header = batch.iter().filter_map(|tracked| answer(tracked)).map(|(_, height)| height.next()).max()?;
        let sequences = batch.iter().map(|tracked| tracked.packet.sequence).collect();
        let answers = batch
            .into_iter()
            .filter_map(|tracked| answer(tracked).map(|(bytes, _)| (tracked.packet.clone(), bytes.to_vec())))
            .collect();
        Some((Task::Acknowledge { answers, header }, sequences))
    }

    fn inspect(&self, lane: Lane, now: Moment) -> Option<(Task, Vec<u64>)> {
        self.destination?;
        let sequences: Vec<_> = self
            .office
            .due(Desk::Inspect, lane, now)
            .take(self.limits.batch_packets_max)
            .map(|tracked| tracked.packet.sequence)
            .collect();
        (!sequences.is_empty()).then(|| {
            let task = Task::Inspect { sequences: sequences.clone() };
            (task, sequences)
        })
    }

    /// The destination refuses a packet from this time on, for ever: block times do not go back.
    fn expired(&self, packet: &Packet) -> bool {
        self.destination.is_some_and(|head| head.time >= packet.timeout)
    }

    fn batch(&self, desk: Desk, lane: Lane, now: Moment, possible: impl Fn(&Tracked) -> bool) -> Vec<&Tracked> {
        let mut batch: Vec<&Tracked> = Vec::new();
        let mut bytes = 0usize;
        for tracked in self.office.due(desk, lane, now).filter(|tracked| possible(tracked)) {
            if batch.is_empty() && tracked.alone {
                return vec![tracked];
            }
            bytes = bytes.saturating_add(size(tracked));
            let full = batch.len() >= self.limits.batch_packets_max
                || (!batch.is_empty() && bytes > self.limits.batch_bytes_max);
            if full {
                break;
            }
            if !tracked.alone {
                batch.push(tracked);
            }
        }
        batch
    }
}

fn packets(batch: &[&Tracked]) -> (Vec<Packet>, Vec<u64>) {
    let packets = batch.iter().map(|tracked| tracked.packet.clone());
    let sequences = batch.iter().map(|tracked| tracked.packet.sequence);
    (packets.collect(), sequences.collect())
}

fn answer(tracked: &Tracked) -> Option<(&[u8], Height)> {
    match &tracked.stage {
        Stage::Answered { acknowledgement, height } => Some((acknowledgement, *height)),
        _ => None,
    }
}

fn size(tracked: &Tracked) -> usize {
    let payloads: usize = tracked.packet.payloads.iter().map(|p| p.value.len()).sum();
    let answer = answer(tracked).map_or(0, |(bytes, _)| bytes.len());
    payloads + answer + PROOF_BYTES
}
