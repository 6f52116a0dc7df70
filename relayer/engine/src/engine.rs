//! Actions: handing them out, one at a time for each kind and lane, and taking their results.

use crate::desk::{Desk, Lane, Office, Stage, Tracked};
use crate::pace::Pace;
use crate::{Action, ActionId, Counts, Finish, Head, Height, Limits, Moment, Task};
use std::collections::BTreeMap;

/// The state machine of one direction.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) limits: Limits,
    pub(crate) pace: Pace,
    pub(crate) source: Option<Head>,
    pub(crate) destination: Option<Head>,
    pub(crate) office: Office,
    pub(crate) sweep: Sweep,
    flights: BTreeMap<ActionId, Flight>,
    slots: BTreeMap<Slot, SlotState>,
    next_id: u64,
}

/// Where the sweep of the outbox stands.
#[derive(Clone, Debug)]
pub(crate) struct Sweep {
    pub(crate) from: u64,
    pub(crate) due: Moment,
}

/// What may be under way once. While an action is under way, what comes in gathers for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Slot {
    Acknowledge(Lane),
    Deliver(Lane),
    TimeOut(Lane),
    Inspect(Lane),
    Sweep,
}

impl Slot {
    fn desk(self) -> Option<Desk> {
        match self {
            Self::Acknowledge(_) => Some(Desk::Return),
            Self::Deliver(_) | Self::TimeOut(_) => Some(Desk::Forward),
            Self::Inspect(_) => Some(Desk::Inspect),
            Self::Sweep => None,
        }
    }
}

const SLOTS: [Slot; 9] = [
    Slot::Acknowledge(Lane::Live),
    Slot::Deliver(Lane::Live),
    Slot::TimeOut(Lane::Live),
    Slot::Inspect(Lane::Live),
    Slot::Acknowledge(Lane::Backlog),
    Slot::Deliver(Lane::Backlog),
    Slot::TimeOut(Lane::Backlog),
    Slot::Inspect(Lane::Backlog),
    Slot::Sweep,
];

#[derive(Clone, Debug, Default)]
struct SlotState {
    busy: bool,
    failures: u32,
    due: Moment,
}

#[derive(Clone, Debug)]
struct Flight {
    slot: Slot,
    sequences: Vec<u64>,
    deadline: Moment,
}

impl Engine {
    /// An engine that knows nothing; its first action is to sweep the outbox.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            pace: Pace::new(limits.seed),
            limits,
            source: None,
            destination: None,
            office: Office::default(),
            sweep: Sweep { from: 1, due: Moment(0) },
            flights: BTreeMap::new(),
            slots: BTreeMap::new(),
            next_id: 0,
        }
    }

    /// Takes other bounds and paces from now on. What is under way stays so; the jitter goes on as it was.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// What to do now.
    pub fn poll(&mut self, now: Moment) -> Vec<Action> {
        self.expire(now);
        let mut actions = Vec::new();
        for slot in SLOTS {
            let state = self.slots.entry(slot).or_default();
            if state.busy || state.due > now {
                continue;
            }
            if let Some((task, sequences)) = self.select(slot, now) {
                actions.push(self.start(slot, task, sequences, now));
            }
        }
        actions
    }

    /// When to poll again if nothing is observed and nothing finishes before.
    #[must_use]
    pub fn next_wake(&self, now: Moment) -> Moment {
        let deadlines = self.flights.values().map(|flight| flight.deadline);
        let slots = self.slots.values().map(|slot| slot.due);
        deadlines
            .chain(slots)
            .chain([self.sweep.due])
            .chain(self.office.next_due(now))
            .filter(|moment| *moment > now)
            .min()
            .unwrap_or(now.plus(self.limits.sweep_every_ms))
    }

    /// Takes what came of an action. An action that is not known (it was given up, or finished before) is ignored.
    pub fn finish(&mut self, id: ActionId, finish: Finish, now: Moment) {
        let Some(flight) = self.flights.remove(&id) else {
            return;
        };
        let slot = self.slots.entry(flight.slot).or_default();
        slot.busy = false;
        if finish == Finish::Failed {
            slot.due = self.pace.after(now, slot.failures, self.limits.retry_ms);
            slot.failures = slot.failures.saturating_add(1);
        } else {
            slot.due = now;
            slot.failures = 0;
        }
        for sequence in &flight.sequences {
            self.office.change(*sequence, |tracked| {
                if tracked.busy == Some(id) {
                    tracked.busy = None;
                }
            });
        }
        match finish {
            Finish::Committed { height, carried } => self.committed(&flight, height, &carried, now),
            Finish::Refused { carried } => self.refused(&flight, &carried, now),
            Finish::Answered => self.answered(&flight, now),
            Finish::Failed => {}
        }
    }

    /// Sweeps the outbox as soon as possible: events were lost.
    pub fn sweep_now(&mut self, now: Moment) {
        self.sweep = Sweep { from: 1, due: now };
    }

    /// How many packets stand where.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts { actions: self.flights.len(), ..self.office.counts() }
    }

    fn start(&mut self, slot: Slot, task: Task, sequences: Vec<u64>, now: Moment) -> Action {
        let id = ActionId(self.next_id);
        self.next_id += 1;
        for sequence in &sequences {
            self.office.change(*sequence, |tracked| tracked.busy = Some(id));
        }
        self.slots.entry(slot).or_default().busy = true;
        let deadline = now.plus(self.limits.patience_ms);
        self.flights.insert(id, Flight { slot, sequences, deadline });
        Action { id, task }
    }

    /// An answer that is lost for good must not hold its packets for ever.
    fn expire(&mut self, now: Moment) {
        let expired: Vec<_> =
            self.flights.iter().filter(|(_, flight)| flight.deadline <= now).map(|(id, _)| *id).collect();
        for id in expired {
            self.finish(id, Finish::Failed, now);
        }
    }

    fn committed(&mut self, flight: &Flight, height: Height, carried: &[u64], now: Moment) {
        for sequence in &flight.sequences {
            if !carried.contains(sequence) {
                self.again(*sequence, now);
            } else if matches!(flight.slot, Slot::Deliver(_)) {
                self.arrived(*sequence, height, now);
            } else {
                self.office.remove(*sequence);
            }
        }
    }

    /// All or none: what was refused together is tried one by one, and what was refused by itself is looked at anew.
    fn refused(&mut self, flight: &Flight, carried: &[u64], now: Moment) {
        for sequence in &flight.sequences {
            // What has moved on meanwhile, by an answer that was faster, is not what was refused.
            let moved_on = |tracked: &Tracked| flight.slot.desk() != Some(tracked.desk());
            if self.office.at(*sequence).is_some_and(moved_on) {
                continue;
            }
            if carried.len() > 1 && carried.contains(sequence) {
                self.office.change(*sequence, |tracked| {
                    tracked.alone = true;
                    tracked.lane = Lane::Backlog;
                    tracked.due = now;
                });
            } else {
                self.again(*sequence, now);
                self.office.change(*sequence, |tracked| {
                    tracked.stage = Stage::Unknown;
                    tracked.lane = Lane::Backlog;
                    tracked.alone = true;
                });
            }
        }
    }

    /// What the answer left where it was is tried again later: a question may be answered for some only, and nothing may
    /// have been left to submit.
    fn answered(&mut self, flight: &Flight, now: Moment) {
        for sequence in &flight.sequences {
            let tracked = self.office.at(*sequence);
            if tracked.is_some_and(|t| t.due <= now && Some(t.desk()) == flight.slot.desk()) {
                self.again(*sequence, now);
            }
        }
    }

    /// Tries a packet again later, and later each time.
    fn again(&mut self, sequence: u64, now: Moment) {
        let (pace, range) = (&mut self.pace, self.limits.retry_ms);
        self.office.change(sequence, |tracked| {
            tracked.due = pace.after(now, tracked.attempts, range);
            tracked.attempts = tracked.attempts.saturating_add(1);
        });
    }
}
