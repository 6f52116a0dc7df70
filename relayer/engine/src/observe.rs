//! Observations: what each tells of a packet, whatever the order they come in.

use crate::desk::{Lane, Stage, Tracked};
use crate::{Engine, Head, Height, Moment, Observation};
use comity_model::packet::Packet;

/// How long a sweep waits for room when as many packets are known as may be.
const FULL_PAUSE_MS: u64 = 1_000;

impl Engine {
    /// Takes something that was seen.
    pub fn observe(&mut self, observation: Observation, now: Moment) {
        match observation {
            Observation::SourceHead(head) => newer(&mut self.source, head),
            Observation::DestinationHead(head) => newer(&mut self.destination, head),
            Observation::Sent { packet, height } => self.sent(packet, height, now),
            Observation::Arrived { sequence, height } => self.arrived(sequence, height, now),
            Observation::NotArrived { sequence, height } => self.not_arrived(sequence, height, now),
            Observation::Answered { sequence, acknowledgement, height } => {
                self.answer(sequence, acknowledgement, height, now)
            }
            Observation::Missing { sequence, header } => self.missing(sequence, header, now),
            Observation::Settled { sequence } => self.office.remove(sequence),
            Observation::Outbox { from, packets, complete, as_of } => self.outbox(from, packets, complete, as_of, now),
        }
    }

    fn sent(&mut self, packet: Packet, height: Height, now: Moment) {
        let sequence = packet.sequence;
        if self.office.has(sequence) {
            self.office.change(sequence, |tracked| {
                tracked.sent = height;
                tracked.sent_exactly = true;
            });
        } else if self.has_room(now, true) {
            self.office.insert(Tracked {
                packet,
                lane: Lane::Live,
                stage: Stage::Undelivered,
                sent: height,
                sent_exactly: true,
                busy: None,
                attempts: 0,
                due: now,
                alone: false,
            });
        }
        // Without room it waits in the outbox, where a sweep finds it.
    }

    pub(crate) fn arrived(&mut self, sequence: u64, height: Height, now: Moment) {
        let (pace, range) = (&mut self.pace, self.limits.inspect_every_ms);
        self.office.change(sequence, |tracked| {
            let inspections = match tracked.stage {
                Stage::Answered { .. } => return,
                // Only being asked about brings a packet that had arrived here again.
                Stage::Arrived { inspections, .. } => inspections.saturating_add(1),
                Stage::Unknown | Stage::Undelivered => 0,
            };
            tracked.stage = Stage::Arrived { height, inspections };
            tracked.attempts = 0;
            tracked.alone = false;
            tracked.due = pace.after(now, inspections, range);
        });
    }

    fn not_arrived(&mut self, sequence: u64, seen: Height, now: Moment) {
        self.office.change(sequence, |tracked| {
            let outdated = match tracked.stage {
                Stage::Unknown => false,
                Stage::Arrived { height, .. } => seen < height,
                Stage::Undelivered | Stage::Answered { .. } => true,
            };
            if !outdated {
                tracked.stage = Stage::Undelivered;
                tracked.due = now;
            }
        });
    }

    fn answer(&mut self, sequence: u64, acknowledgement: Vec<u8>, seen: Height, now: Moment) {
        self.office.change(sequence, |tracked| {
            if let Stage::Answered { .. } = tracked.stage {
                return;
            }
            // A refused packet keeps its delay: it may be this very answer that was refused.
            if tracked.attempts == 0 {
                tracked.due = now;
            }
            tracked.stage = Stage::Answered { acknowledgement, height: seen };
        });
    }

    fn missing(&mut self, sequence: u64, header: Height, now: Moment) {
        let Some(tracked) = self.office.at(sequence) else {
            return;
        };
        // The header is above the very block that committed it: the commitment was there, and is deleted.
        if tracked.sent_exactly && tracked.sent < header {
            self.office.remove(sequence);
            return;
        }
        self.office.change(sequence, |tracked| {
            tracked.sent = tracked.sent.max(header);
            tracked.due = now;
        });
    }

    fn outbox(&mut self, from: u64, page: Vec<Packet>, complete: bool, as_of: Height, now: Moment) {
        let packets = ascending(from, page);
        let last = packets.last().map(|packet| packet.sequence);
        let complete = complete || last.is_none();
        let covered_to = if complete { u64::MAX } else { last.unwrap_or(from) };
        self.forget_settled(from, covered_to, &packets, as_of);
        let mut next = if complete { 1 } else { covered_to.saturating_add(1) };
        let mut full = false;
        for packet in packets {
            if self.office.has(packet.sequence) {
                continue;
            }
            if !self.has_room(now, false) {
                (next, full) = (packet.sequence, true);
                break;
            }
            self.office.insert(Tracked {
                packet,
                lane: Lane::Backlog,
                stage: Stage::Unknown,
                // A guess that lets an idle source's latest header prove it; if it is newer, that header says so.
                sent: Height(as_of.0.saturating_sub(1)),
                sent_exactly: false,
                busy: None,
                attempts: 0,
                due: now,
                alone: false,
            });
        }
        // An answer to an older question than the one that stands moves nothing.
        if from == self.sweep.from {
            self.sweep.from = next;
            self.sweep.due = if full {
                now.plus(FULL_PAUSE_MS)
            } else if complete {
                let every = self.limits.sweep_every_ms;
                self.pace.after(now, 0, (every, every))
            } else {
                now
            };
        }
    }

    /// Whether one more packet may be known; another is forgotten for it where that is no loss. A live packet does not wait
    /// behind a backlog that fills everything, nor any behind those that wait for days to be decided.
    fn has_room(&mut self, now: Moment, urgently: bool) -> bool {
        if self.office.len() < self.limits.tracked_packets_max {
            return true;
        }
        let forgotten = self.office.dispensable(now, urgently);
        forgotten.inspect(|sequence| self.office.remove(*sequence)).is_some()
    }

    /// What stood before the source was asked, and is not in its answer, is settled.
    fn forget_settled(&mut self, from: u64, to: u64, standing: &[Packet], as_of: Height) {
        for sequence in self.office.between(from, to) {
            let stands = standing.binary_search_by_key(&sequence, |packet| packet.sequence).is_ok();
            let asked_after = self.office.at(sequence).is_some_and(|t| t.sent <= as_of);
            if !stands && asked_after {
                self.office.remove(sequence);
            }
        }
    }
}

fn newer(known: &mut Option<Head>, head: Head) {
    if known.is_none_or(|known| known.height < head.height) {
        *known = Some(head);
    }
}

/// The part of a page that is in order and was asked for; a source that answers otherwise is not followed further.
fn ascending(from: u64, page: Vec<Packet>) -> Vec<Packet> {
    let mut least = from;
    page.into_iter()
        .map_while(|packet| {
            let fits = packet.sequence >= least && packet.sequence < u64::MAX;
            least = packet.sequence.saturating_add(1);
            fits.then_some(packet)
        })
        .collect()
}
