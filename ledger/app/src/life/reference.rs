//! The rules of orders and holds, written down a second time and differently: nothing is stored that can be computed, and
//! what a hold comes to is a formula over what arrived before it. It knows no chain, no packet and no notice.

use super::chains;
use comity_model::profile::{Effect, KindRule, ObjectionRule, Profile, Unanswered};

pub(super) const DAY_S: u64 = 86_400;
pub(super) const CONFIRM_S: u64 = 2 * DAY_S;
pub(super) const ANSWER_S: u64 = 15 * DAY_S;
pub(super) const HOLD_DAYS: u64 = 100;
pub(super) const RENEW_DAYS: u64 = 80;

/// What can be ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Freeze,
    Seal,
    List,
    Release,
    Renew,
    Deduct,
    Transfer,
    RollBack,
    Correct,
    HandOver,
    Confirm,
    Uphold,
    Reject,
}
use Kind::*;

impl Kind {
    pub(super) const ALL: [Self; 13] =
        [Freeze, Seal, List, Release, Renew, Deduct, Transfer, RollBack, Correct, HandOver, Confirm, Uphold, Reject];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Freeze => "freeze",
            Seal => "seal",
            List => "list",
            Release => "release",
            Renew => "renew",
            Deduct => "deduct",
            Transfer => "transfer",
            RollBack => "roll-back",
            Correct => "correct",
            HandOver => "hand-over",
            Confirm => "confirm",
            Uphold => "uphold",
            Reject => "reject",
        }
    }

    pub(super) const fn effect(self) -> Effect {
        match self {
            Freeze => Effect::HoldDivisible,
            Seal => Effect::HoldExclusive,
            List => Effect::HoldConcurrent,
            Release => Effect::Release,
            Renew => Effect::Renew,
            Deduct => Effect::Deduct,
            Transfer => Effect::Transfer,
            RollBack => Effect::Rollback,
            Correct => Effect::Amend,
            HandOver => Effect::HandOver,
            Confirm => Effect::Confirm,
            Uphold => Effect::UpholdObjection,
            Reject => Effect::RejectObjection,
        }
    }

    pub(super) const fn holds(self) -> bool {
        matches!(self, Freeze | Seal | List)
    }
}

/// The bank's profile.
pub(super) fn profile() -> Profile {
    let rule = |kind: Kind| KindRule {
        kind: kind.name().parse().expect("a kind"),
        effect: kind.effect(),
        period_days_max: match kind {
            Renew => RENEW_DAYS as u32,
            kind if kind.holds() => HOLD_DAYS as u32,
            _ => 0,
        },
        decide_within_s: 3_600,
        two_approvals_from: None,
        confirm_within_s: kind.holds().then_some(CONFIRM_S),
        objection: match kind {
            Freeze => Some(ObjectionRule { answer_within_s: ANSWER_S, unanswered: Unanswered::Stands }),
            Seal => Some(ObjectionRule { answer_within_s: ANSWER_S, unanswered: Unanswered::Released }),
            _ => None,
        },
    };
    chains::bank_profile(Kind::ALL.into_iter().map(rule).collect())
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    Sent,
    Pending,
    /// Carried out: a change, a hand-over, or a hold in force or waiting.
    CarriedOut,
    Refused,
    Failed,
    TimedOut,
}

/// Why a hold ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    Released,
    Lapsed,
    Deducted,
    Transferred,
}

/// An order.
#[derive(Clone, Debug)]
pub(super) struct Ordered {
    pub(super) chain: usize,
    pub(super) court: &'static str,
    pub(super) kind: Kind,
    pub(super) amount: Option<u64>,
    pub(super) account: Option<u8>,
    pub(super) original: Option<usize>,
    /// Which of its court's obligations it serves.
    pub(super) obligation: Option<u8>,
    pub(super) emergency: bool,
    pub(super) officers: Vec<&'static str>,
    pub(super) deliver_by: u64,
    pub(super) decide_by: u64,
    pub(super) hold_until: u64,
    pub(super) fate: Fate,
    /// The how-manieth order to arrive.
    pub(super) arrival: Option<u64>,
    pub(super) hold: Option<Held>,
}

/// A hold, as the rules see it.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) thing: usize,
    pub(super) asked: Option<u64>,
    pub(super) deducted: u64,
    pub(super) until: u64,
    /// Until when an unconfirmed emergency order would last.
    pub(super) later: Option<u64>,
    pub(super) answer_by: Option<u64>,
    pub(super) objected: bool,
    pub(super) end: Option<End>,
    /// The order that it says what it says by.
    pub(super) words: usize,
}

/// An asset.
#[derive(Clone, Debug)]
pub(super) struct Thing {
    pub(super) value: Option<u64>,
    pub(super) gone: bool,
}

/// What the bank decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Refuse,
    Execute { thing: usize, amount: Option<u64> },
    Transfer { thing: usize, successor: bool },
    Acknowledge,
}

/// What a sequence came to: every rule must have been reached by some.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reached {
    /// An order of this kind met this fate.
    Fate(Kind, Fate),
    /// A hold of this kind ended so.
    End(Kind, End),
    /// A hold of this kind stands, in force or not.
    Stands(Kind, bool),
    /// An emergency order was confirmed.
    Confirmed,
    /// Something was deducted under a hold, and not all of it.
    DeductedInPart,
    /// The holds for an obligation exceeded it.
    OverControl,
    /// A freeze was refused because its obligation was covered.
    Covered,
    /// A deduction was refused because it would have taken more than the obligation.
    Exceeded,
}

impl Reached {
    /// All that there is to reach.
    pub(super) fn all() -> Vec<Self> {
        let mut all = vec![Self::Confirmed, Self::DeductedInPart, Self::OverControl, Self::Covered, Self::Exceeded];
        for kind in Kind::ALL {
            all.extend([Fate::CarriedOut, Fate::Failed, Fate::TimedOut].map(|fate| Self::Fate(kind, fate)));
            if !matches!(kind, HandOver | Confirm) {
                all.push(Self::Fate(kind, Fate::Refused));
            }
        }
        all.extend([Freeze, Seal, List].map(|kind| Self::End(kind, End::Released)));
        all.extend([Freeze, Seal, List].map(|kind| Self::End(kind, End::Lapsed)));
        all.extend([Self::End(Freeze, End::Deducted), Self::End(Seal, End::Transferred)]);
        all.extend([Self::Stands(Freeze, true), Self::Stands(Freeze, false)]);
        all.extend([Self::Stands(Seal, true), Self::Stands(Seal, false), Self::Stands(List, true)]);
        all
    }
}

/// Everything, as the rules see it.
#[derive(Default)]
pub(super) struct Reference {
    pub(super) orders: Vec<Ordered>,
    pub(super) things: Vec<Thing>,
    arrivals: u64,
}

impl Reference {
    /// Lets time come: whatever is due by then has happened, at its date.
    pub(super) fn at(&mut self, now: u64) {
        for order in &mut self.orders {
            if order.fate == Fate::Pending && order.decide_by <= now {
                order.fate = Fate::Failed;
            }
            let unanswered_ends = order.kind == Seal;
            let Some(hold) = order.hold.as_mut().filter(|hold| hold.end.is_none()) else { continue };
            if hold.answer_by.is_some_and(|by| by <= now && by < hold.until) {
                hold.answer_by = None;
                hold.end = unanswered_ends.then_some(End::Released);
            }
            if hold.end.is_none() && hold.until <= now {
                hold.answer_by = None;
                hold.end = Some(End::Lapsed);
            }
        }
    }

    /// Whether the hold of an order stands.
    pub(super) fn stands(&self, order: usize) -> bool {
        self.orders[order].hold.as_ref().is_some_and(|hold| hold.end.is_none())
    }

    /// Whether a standing hold is in force, and how much it holds: what of the value those before it have not asked for.
    pub(super) fn share(&self, order: usize) -> (bool, u64) {
        let of = &self.orders[order];
        let hold = of.hold.as_ref().expect("a hold");
        let before = || {
            self.orders.iter().filter(|other| {
                other.kind == of.kind
                    && other.arrival < of.arrival
                    && other.hold.as_ref().is_some_and(|other| other.end.is_none() && other.thing == hold.thing)
            })
        };
        match of.kind {
            List => (true, 0),
            Seal => (before().next().is_none(), 0),
            _ => {
                let asked: u64 = before().filter_map(|other| other.hold.as_ref()?.asked).sum();
                let value = self.things[hold.thing].value.unwrap_or(0);
                let held = value.saturating_sub(asked).min(hold.asked.unwrap_or(0));
                (held > 0, held)
            }
        }
    }

    /// All that is held of a thing.
    pub(super) fn held(&self, thing: usize) -> u64 {
        let on = |order: &usize| self.orders[*order].hold.as_ref().is_some_and(|hold| hold.thing == thing);
        (0..self.orders.len()).filter(|order| self.stands(*order)).filter(on).map(|order| self.share(order).1).sum()
    }

    /// What was reached.
    pub(super) fn reached(&self) -> Vec<Reached> {
        let mut reached = Vec::new();
        for (index, order) in self.orders.iter().enumerate() {
            reached.push(Reached::Fate(order.kind, order.fate));
            let Some(hold) = &order.hold else { continue };
            reached.push(match hold.end {
                Some(end) => Reached::End(order.kind, end),
                None => Reached::Stands(order.kind, self.share(index).0),
            });
            if order.emergency && hold.later.is_none() {
                reached.push(Reached::Confirmed);
            }
            if hold.deducted > 0 && hold.end != Some(End::Deducted) {
                reached.push(Reached::DeductedInPart);
            }
        }
        reached
    }

    /// Whether a court's chain takes the order.
    pub(super) fn committable(&self, order: &Ordered) -> bool {
        order.kind != Confirm
            || order.original.is_some_and(|original| {
                let original = &self.orders[original];
                original.emergency
                    && original.court == order.court
                    && original.chain == order.chain
                    && order.officers.iter().any(|officer| !original.officers.contains(officer))
            })
    }

    /// An order arrives.
    pub(super) fn arrive(&mut self, index: usize, now: u64) {
        self.arrivals += 1;
        self.orders[index].arrival = Some(self.arrivals);
        let order = self.orders[index].clone();
        let original = order.original.map(|original| &self.orders[original]);
        let known = original.is_none_or(|original| {
            original.arrival.is_some() && original.court == order.court && original.kind.holds()
        });
        let too_long = order.kind.holds() && order.hold_until > now + HOLD_DAYS * DAY_S;
        let elsewhere = order.kind == Deduct && original.is_some_and(|original| original.account != order.account);
        self.orders[index].fate = if !known || too_long || elsewhere {
            Fate::Refused
        } else if matches!(order.kind, Renew | Confirm | Uphold | Reject) {
            let done = self.change(index, now, None);
            if done { Fate::CarriedOut } else { Fate::Failed }
        } else {
            Fate::Pending
        };
    }

    /// The bank decides; `false` if its chain refuses the decision.
    pub(super) fn decide(&mut self, index: usize, verdict: Verdict, now: u64) -> bool {
        let order = self.orders[index].clone();
        if order.fate != Fate::Pending {
            return false;
        }
        let fate = match (order.kind, verdict) {
            (_, Verdict::Refuse) => Fate::Refused,
            (HandOver, Verdict::Acknowledge) => Fate::CarriedOut,
            (kind, Verdict::Execute { thing, amount }) if kind.holds() => {
                let known = self.things.get(thing).filter(|thing| !thing.gone);
                let divisible = kind == Freeze;
                let fits = known.is_some_and(|thing| thing.value.is_some() == divisible)
                    && amount.is_some() == divisible
                    && amount != Some(0);
                if !fits {
                    return false;
                }
                let lasts = if order.emergency { order.hold_until.min(now + CONFIRM_S) } else { order.hold_until };
                self.orders[index].hold = Some(Held {
                    thing,
                    asked: amount,
                    deducted: 0,
                    until: lasts,
                    later: order.emergency.then_some(order.hold_until),
                    answer_by: None,
                    objected: false,
                    end: None,
                    words: index,
                });
                Fate::CarriedOut
            }
            (Transfer, Verdict::Transfer { thing, successor }) => {
                match self.changed_as_decided(index, thing, None, Some(successor), now) {
                    Some(fate) => fate,
                    None => return false,
                }
            }
            (Release | Deduct | RollBack | Correct, Verdict::Execute { thing, amount }) => {
                match self.changed_as_decided(index, thing, amount, None, now) {
                    Some(fate) => fate,
                    None => return false,
                }
            }
            _ => return false,
        };
        self.orders[index].fate = fate;
        true
    }

    fn changed_as_decided(
        &mut self,
        index: usize,
        thing: usize,
        amount: Option<u64>,
        successor: Option<bool>,
        now: u64,
    ) -> Option<Fate> {
        let order = &self.orders[index];
        let original = &self.orders[order.original.expect("a change has an original")];
        if amount != order.amount || original.fate == Fate::Pending {
            return None;
        }
        match &original.hold {
            None => return Some(Fate::Failed),
            Some(hold) if hold.thing != thing => return None,
            Some(_) => {}
        }
        let done = self.change(index, now, successor);
        Some(if done { Fate::CarriedOut } else { Fate::Failed })
    }

    /// Does to the original's hold what the order says; `false` if that cannot be done.
    fn change(&mut self, index: usize, now: u64, successor: Option<bool>) -> bool {
        let order = self.orders[index].clone();
        let original = order.original.expect("a change has an original");
        if !self.stands(original) {
            return false;
        }
        let (active, held) = self.share(original);
        let kind = self.orders[original].kind;
        let mut hold = self.orders[original].hold.clone().expect("a hold");
        let firm = hold.later.is_none() && hold.answer_by.is_none() && active;
        match order.kind {
            Release => match (order.amount, hold.asked) {
                (None, _) => hold.end = Some(End::Released),
                (Some(amount), Some(asked)) if amount < asked => hold.asked = Some(asked - amount),
                (Some(_), Some(_)) => hold.end = Some(End::Released),
                _ => return false,
            },
            RollBack if hold.deducted == 0 => hold.end = Some(End::Released),
            Renew => {
                let latest = now + RENEW_DAYS.min(HOLD_DAYS) * DAY_S;
                if hold.later.is_some() || order.hold_until <= hold.until || order.hold_until > latest {
                    return false;
                }
                hold.until = order.hold_until;
            }
            Confirm => match hold.later.take() {
                Some(later) => hold.until = later,
                None => return false,
            },
            Correct => hold.words = index,
            Deduct => {
                let amount = order.amount.expect("a deduction has an amount");
                if !firm || kind != Freeze || amount > held {
                    return false;
                }
                let thing = &mut self.things[hold.thing];
                thing.value = thing.value.map(|value| value - amount);
                hold.deducted += amount;
                hold.asked = hold.asked.map(|asked| asked - amount);
                if hold.asked == Some(0) {
                    hold.end = Some(End::Deducted);
                }
            }
            Transfer => {
                if !firm || kind != Seal {
                    return false;
                }
                for other in &mut self.orders {
                    let on = other.hold.as_mut().filter(|other| other.end.is_none() && other.thing == hold.thing);
                    if let Some(other) = on {
                        other.end = Some(End::Transferred);
                        other.answer_by = None;
                    }
                }
                self.things[hold.thing].gone = true;
                if successor == Some(true) {
                    self.things.push(Thing { value: None, gone: false });
                }
                return true;
            }
            Uphold if hold.answer_by.is_some() => hold.end = Some(End::Released),
            Reject if hold.answer_by.is_some() => hold.answer_by = None,
            _ => return false,
        }
        if hold.end.is_some() {
            hold.answer_by = None;
        }
        self.orders[original].hold = Some(hold);
        true
    }

    /// The bank objects; `false` if its chain refuses that.
    pub(super) fn object(&mut self, index: usize, now: u64) -> bool {
        let may = matches!(self.orders[index].kind, Freeze | Seal) && self.stands(index);
        let Some(hold) = self.orders[index].hold.as_mut().filter(|hold| may && !hold.objected) else {
            return false;
        };
        hold.objected = true;
        hold.answer_by = Some(now + ANSWER_S);
        true
    }

    /// The bank registers a new value; `false` if its chain refuses that.
    pub(super) fn register(&mut self, thing: usize, value: Option<u64>) -> bool {
        let known = &self.things[thing];
        if known.gone || known.value.is_some() != value.is_some() || value.unwrap_or(0) < self.held(thing) {
            return false;
        }
        self.things[thing].value = value;
        true
    }
}
