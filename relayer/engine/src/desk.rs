//! Where each packet stands, and the desks that it waits at: sets ordered by when something is next due, so that
//! choosing a batch touches only what is due.

use crate::{ActionId, Counts, Moment};
use comity_model::Height;
use comity_model::packet::Packet;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Found in the outbox; the destination has not been asked.
    Unknown,
    /// No receipt stands, as far as is known.
    Undelivered,
    /// The receipt stands after this block of the destination.
    Arrived { height: Height, inspections: u32 },
    /// The acknowledgement stands after this block of the destination.
    Answered { acknowledgement: Vec<u8>, height: Height },
}

/// Packets seen as they happen do not queue behind a backlog; each lane has its own actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    Live,
    Backlog,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Desk {
    /// To be asked about.
    Inspect,
    /// To be delivered or timed out.
    Forward,
    /// To be acknowledged.
    Return,
}

#[derive(Clone, Debug)]
pub(crate) struct Tracked {
    pub(crate) packet: Packet,
    pub(crate) lane: Lane,
    pub(crate) stage: Stage,
    /// The commitment stands after this block of the source, as far as is known.
    pub(crate) sent: Height,
    /// Whether `sent` is the very block that committed it.
    pub(crate) sent_exactly: bool,
    /// The action that holds it.
    pub(crate) busy: Option<ActionId>,
    pub(crate) attempts: u32,
    pub(crate) due: Moment,
    /// It was in a batch that was refused, so it goes by itself.
    pub(crate) alone: bool,
}

impl Tracked {
    pub(crate) fn desk(&self) -> Desk {
        match self.stage {
            Stage::Unknown | Stage::Arrived { .. } => Desk::Inspect,
            Stage::Undelivered => Desk::Forward,
            Stage::Answered { .. } => Desk::Return,
        }
    }
}

/// All packets that are not settled, each filed at one desk unless an action holds it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Office {
    packets: BTreeMap<u64, Tracked>,
    desks: BTreeMap<(Desk, Lane), BTreeSet<(Moment, u64)>>,
}

impl Office {
    pub(crate) fn len(&self) -> usize {
        self.packets.len()
    }

    pub(crate) fn has(&self, sequence: u64) -> bool {
        self.packets.contains_key(&sequence)
    }

    pub(crate) fn at(&self, sequence: u64) -> Option<&Tracked> {
        self.packets.get(&sequence)
    }

    pub(crate) fn insert(&mut self, tracked: Tracked) {
        let sequence = tracked.packet.sequence;
        self.remove(sequence);
        self.file(&tracked);
        self.packets.insert(sequence, tracked);
    }

    pub(crate) fn remove(&mut self, sequence: u64) {
        if let Some(tracked) = self.packets.remove(&sequence) {
            self.unfile(&tracked);
        }
    }

    /// Changes a packet, if it is known, and files it anew.
    pub(crate) fn change(&mut self, sequence: u64, change: impl FnOnce(&mut Tracked)) {
        if let Some(mut tracked) = self.packets.remove(&sequence) {
            self.unfile(&tracked);
            change(&mut tracked);
            self.file(&tracked);
            self.packets.insert(sequence, tracked);
        }
    }

    /// Packets at a desk that are due, the longest due first.
    pub(crate) fn due(&self, desk: Desk, lane: Lane, now: Moment) -> impl Iterator<Item = &Tracked> {
        self.desks
            .get(&(desk, lane))
            .into_iter()
            .flatten()
            .take_while(move |(due, _)| *due <= now)
            .filter_map(|(_, sequence)| self.packets.get(sequence))
    }

    /// A packet to forget for the sake of another: one that has arrived and waits for its answer, the latest due of them;
    /// with `urgently` also one of the backlog that waits for anything. Each stands in the outbox, where a sweep finds it
    /// again.
    pub(crate) fn dispensable(&self, now: Moment, urgently: bool) -> Option<u64> {
        let latest = |desk, lane| self.desks.get(&(desk, lane)).and_then(BTreeSet::last);
        let waits = |(due, sequence): &&(Moment, u64)| {
            let arrived = |tracked: &Tracked| matches!(tracked.stage, Stage::Arrived { .. });
            *due > now && self.packets.get(sequence).is_some_and(arrived)
        };
        let waiting =
            [Lane::Backlog, Lane::Live].into_iter().find_map(|lane| latest(Desk::Inspect, lane).filter(waits));
        let backlog = || {
            let desks = [Desk::Inspect, Desk::Forward, Desk::Return];
            desks.into_iter().find_map(|desk| latest(desk, Lane::Backlog)).filter(|_| urgently)
        };
        waiting.or_else(backlog).map(|(_, sequence)| *sequence)
    }

    /// When something is next due at any desk, after `now`.
    pub(crate) fn next_due(&self, now: Moment) -> Option<Moment> {
        let after = (now.plus(1), 0);
        self.desks.values().filter_map(|desk| desk.range(after..).next()).map(|(due, _)| *due).min()
    }

    /// Known sequences from `from` to `to`, both included.
    pub(crate) fn between(&self, from: u64, to: u64) -> Vec<u64> {
        if from > to {
            return Vec::new();
        }
        self.packets.range(from..=to).map(|(sequence, _)| *sequence).collect()
    }

    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for tracked in self.packets.values() {
            match tracked.stage {
                Stage::Unknown => counts.unknown += 1,
                Stage::Undelivered => counts.undelivered += 1,
                Stage::Arrived { .. } => counts.arrived += 1,
                Stage::Answered { .. } => counts.answered += 1,
            }
        }
        counts
    }

    fn file(&mut self, tracked: &Tracked) {
        if tracked.busy.is_none() {
            let desk = self.desks.entry((tracked.desk(), tracked.lane)).or_default();
            desk.insert((tracked.due, tracked.packet.sequence));
        }
    }

    fn unfile(&mut self, tracked: &Tracked) {
        if let Some(desk) = self.desks.get_mut(&(tracked.desk(), tracked.lane)) {
            desk.remove(&(tracked.due, tracked.packet.sequence));
        }
    }
}
