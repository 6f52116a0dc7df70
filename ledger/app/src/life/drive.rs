//! Does to the chains and to the reference what a sequence says, and holds one against the other.

mod compare;

use super::chains::{Chains, over, seal, seal_order, to_bank};
use super::reference::{DAY_S, End, Fate, Held, Kind, Ordered, Reached, Reference, Thing, Verdict};
use crate::holds::objections;
use crate::{decisions, notices, orders, packets, records};
use comity_model::asset::{Asset, AssetStatus, Enforcement, Hold, HoldState};
use comity_model::obligation::{Claim, Obligation};
use comity_model::order::{
    ApprovalClass, Decision, DecisionVerdict, HoldSummary, Objection, Order, OrderEntry, OrderState, ReceivedOrder,
    SealedOrder,
};
use comity_model::packet::Packet;
use comity_model::state::StatePath;
use comity_model::tx::AssetBatch;
use comity_model::{Amount, AssetHandle, Hash, ObligationId, OrderId, RequestId, UnixSeconds};
use comity_verify::order as verify;
use std::collections::BTreeSet;

/// A step of a sequence: what is done, and to which of what is there.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A court draws up and commits an order; in haste, it arrives and is decided at once.
    Order { court: u8, kind: u8, on: u8, much: u8, form: u8, haste: u8 },
    /// A packet reaches the bank, or its time has passed.
    Deliver { which: u8, how: u8 },
    /// The bank decides.
    Decide { which: u8, how: u8, much: u8 },
    /// Something is done again, or in conflict with what was done.
    Again { which: u8, how: u8 },
    /// The bank objects.
    Object { which: u8, how: u8 },
    /// The bank registers an asset's value, or an old registration comes again.
    Register { which: u8, much: u8, stale: bool },
    /// Time goes by.
    Pass(u8),
    /// An acknowledgement or a notice reaches its court.
    Return { which: u8, how: u8 },
    /// All of them do.
    Drain,
}

/// What was committed of an order.
struct Committed {
    sealed: SealedOrder,
    packet: Packet,
    /// Whether the court has the acknowledgement.
    answered: bool,
    /// The acknowledgement, once it was seen: it never changes.
    ack: Option<Vec<u8>>,
}

pub(super) struct Run<'a> {
    chains: Chains<'a>,
    rules: Reference,
    committed: Vec<Committed>,
    handles: Vec<AssetHandle>,
    batches: Vec<AssetBatch>,
    reached: BTreeSet<Reached>,
    trace: Vec<String>,
}

impl<'a> Run<'a> {
    pub(super) fn new(chains: Chains<'a>) -> Self {
        let mut run = Self {
            chains,
            rules: Reference::default(),
            committed: Vec::new(),
            handles: Vec::new(),
            batches: Vec::new(),
            reached: BTreeSet::new(),
            trace: Vec::new(),
        };
        for (index, value) in [Some(100), Some(60), None, None].into_iter().enumerate() {
            run.rules.things.push(Thing { value, gone: false });
            run.handles.push(AssetHandle([index as u8 + 1; 32]));
            let batch = run.batch(index, value);
            assert_eq!(run.submit(&batch), Ok(()));
        }
        run
    }

    /// One step. A late one comes after some time has passed, and is carried out before what has fallen due meanwhile: as
    /// behind a backlog of due dates.
    pub(super) fn step(&mut self, step: &Step, late: bool) {
        let passes = [600, 2_500, 90_000, 200_000, 1_400_000];
        self.chains.pass(if late { passes[self.trace.len() % passes.len()] } else { 1 });
        let now = self.chains.now;
        self.rules.at(now);
        self.trace.push(format!("{now}: {step:?} late={late}"));
        // What is repeated is told apart by what became of it.
        if !late || matches!(step, Step::Again { .. }) {
            self.chains.due();
        }
        match *step {
            Step::Order { court, kind, on, much, form, haste } => {
                let before = self.committed.len();
                self.order(court, kind, on, much, form);
                if self.committed.len() > before {
                    self.hasten(haste, much);
                }
            }
            Step::Deliver { which, how } => self.deliver(which, how),
            Step::Decide { which, how, much } => self.decide(which, how, much),
            Step::Again { which, how } => self.again(which, how),
            Step::Object { which, how } => self.object(which, how),
            Step::Register { which, much, stale } => self.register(which, much, stale),
            Step::Pass(index) => {
                let seconds = [
                    1,
                    60,
                    600,
                    1_800,
                    1_800,
                    7_300,
                    DAY_S,
                    DAY_S,
                    2 * DAY_S,
                    3 * DAY_S,
                    9 * DAY_S,
                    16 * DAY_S,
                    40 * DAY_S,
                ];
                self.chains.pass(seconds[usize::from(index) % seconds.len()]);
            }
            Step::Return { which, how } => self.give_back(which, how),
            Step::Drain => self.drain(),
        }
        self.rules.at(self.chains.now);
        self.chains.due();
    }

    fn order(&mut self, court: u8, kind: u8, on: u8, much: u8, form: u8) {
        use Kind::*;
        const KINDS: [Kind; 24] = [
            Freeze, Freeze, Freeze, Freeze, Freeze, Freeze, Seal, Seal, Seal, List, List, Release, Release, Renew,
            Renew, Deduct, Deduct, Deduct, Transfer, RollBack, Correct, Confirm, Uphold, Reject,
        ];
        let now = self.chains.now;
        let (chain, name) = (usize::from(court) % 2, ["court-a", "court-b"][usize::from(court) / 2 % 2]);
        let kind = if kind > 247 { HandOver } else { KINDS[usize::from(kind) % KINDS.len()] };
        let original = if kind.holds() || kind == HandOver {
            None
        } else {
            let fits = |index: &usize| {
                let other = &self.rules.orders[*index];
                let likely = match kind {
                    Deduct => other.kind == Freeze,
                    Transfer => other.kind == Seal,
                    Confirm => other.emergency,
                    Uphold | Reject => other.hold.as_ref().is_some_and(|hold| hold.answer_by.is_some()),
                    _ => other.kind.holds(),
                };
                other.chain == chain && (likely && other.court == name || form & 0xE0 == 0)
            };
            let all: Vec<usize> = (0..self.rules.orders.len()).filter(fits).collect();
            let standing: Vec<usize> = all.iter().copied().filter(|index| self.rules.stands(*index)).collect();
            let all = if standing.is_empty() || form & 0xC0 == 0 { all } else { standing };
            if all.is_empty() {
                return;
            }
            Some(all[usize::from(on) % all.len()])
        };
        let account = match (kind, original) {
            (Freeze, _) if form & 6 != 0 => Some(much % 2),
            (Deduct, Some(original)) => {
                Some(self.rules.orders[original].account.filter(|_| form & 12 != 0).unwrap_or(1))
            }
            _ => None,
        };
        let amount = match kind {
            Deduct => {
                let held = original.filter(|original| self.rules.stands(*original));
                let held = held.map_or(0, |original| self.rules.share(original).1);
                Some(if much.is_multiple_of(3) && held > 0 { held } else { u64::from(much) % 30 + 1 })
            }
            Release if form & 1 == 0 => Some(u64::from(much) % 60 + 1),
            _ => None,
        };
        let obligation = match (kind, original) {
            (Freeze, _) => Some(much % 3).filter(|which| *which > 0),
            (Deduct, Some(original)) if form % 32 != 7 => self.rules.orders[original].obligation,
            _ => None,
        };
        let emergency = kind.holds() && form & 48 == 48;
        let decide_by = now + 7_200;
        let order = Ordered {
            chain,
            court: name,
            kind,
            amount,
            account,
            original,
            obligation,
            emergency,
            officers: match (emergency, kind) {
                (true, _) => vec!["1"],
                (_, Confirm) => vec![["1", "2", "3"][usize::from(form) % 3]],
                _ => vec!["1", "2"],
            },
            deliver_by: now + 3_600,
            decide_by,
            hold_until: match kind {
                kind if kind.holds() => decide_by + u64::from(on) % 106 * DAY_S,
                Renew => decide_by + u64::from(much) % 90 * DAY_S,
                _ => decide_by,
            },
            fate: Fate::Sent,
            arrival: None,
            hold: None,
        };
        let (sealed, claim) = self.seal(&order);
        let committed = self.chains.at_court(chain, |ex| orders::commit(ex, &sealed, claim.as_ref()));
        if self.rules.committable(&order) {
            assert_eq!(committed, self.expected_commit(&order), "{order:?}");
        } else {
            assert!(committed.is_err(), "{order:?}");
        }
        if committed.is_ok() {
            let sequence = self.entry(chain, sealed.order.id).sequence;
            let packet = self.chains.sent(chain, sequence).expect("the packet");
            self.rules.orders.push(order);
            self.committed.push(Committed { sealed, packet, answered: false, ack: None });
        }
    }

    /// The newest order arrives at once, and is decided as it should be.
    fn hasten(&mut self, haste: u8, much: u8) {
        let index = self.committed.len() - 1;
        if haste.is_multiple_of(5) {
            return;
        }
        self.deliver_one(index);
        if haste % 5 != 1 && self.rules.orders[index].fate == Fate::Pending {
            self.chains.pass(1);
            self.rules.at(self.chains.now);
            self.decide_one(index, 15, much);
        }
    }

    fn seal(&self, order: &Ordered) -> (SealedOrder, Option<Claim>) {
        // Ids count up on each chain: two chains use the same ones.
        let number = self.rules.orders.iter().filter(|other| other.chain == order.chain).count() as u8;
        let original = order.original.map(|original| self.committed[original].sealed.order.id);
        let claim = order.obligation.map(|obligation| Claim {
            obligation: ObligationId([obligation; 16]),
            claimed: Amount::cny(claimed(obligation)),
            salt: [number; 32],
        });
        let claim = claim.as_ref();
        let public = Order {
            id: OrderId([number; 16]),
            request: RequestId([number; 16]),
            source_chain: self.chains.courts[order.chain].config.chain.clone(),
            source_client: to_bank(),
            dest_client: over(order.chain),
            court: order.court.parse().expect("an id"),
            recipient: "bank".parse().expect("an id"),
            sector: "deposits".parse().expect("a sector"),
            kind: order.kind.name().parse().expect("a kind"),
            effect: order.kind.effect(),
            original,
            amount: order.amount.map(Amount::cny),
            account: order.account.map(|account| Hash([account; 32])),
            obligation: claim.map(verify::claim),
            private_digest: Hash([number; 32]),
            approval: match order.officers.len() {
                _ if order.emergency => ApprovalClass::Emergency,
                1 => ApprovalClass::Single,
                _ => ApprovalClass::Double,
            },
            issued_at: UnixSeconds(self.chains.now),
            deliver_by: UnixSeconds(order.deliver_by),
            decide_by: UnixSeconds(order.decide_by),
            hold_until: UnixSeconds(order.hold_until),
        };
        (seal_order(public, &order.officers), claim.cloned())
    }

    /// What the court's chain must say to an order that is otherwise in order.
    fn expected_commit(&mut self, order: &Ordered) -> Result<(), &'static str> {
        let original = order.original.and_then(|original| self.rules.orders[original].obligation);
        if order.kind == Kind::Deduct && original != order.obligation {
            return Err("OTHER_OBLIGATION");
        }
        let Some(obligation) = order.obligation else { return Ok(()) };
        let sums = self.sums(order.chain, order.court, obligation);
        let claimed = claimed(obligation);
        if order.kind == Kind::Freeze && sums.controlled >= claimed {
            self.reached.insert(Reached::Covered);
            return Err("OBLIGATION_COVERED");
        }
        if sums.reserved + sums.obtained + order.amount.unwrap_or(0) > claimed {
            self.reached.insert(Reached::Exceeded);
            return Err("OBLIGATION_EXCEEDED");
        }
        Ok(())
    }

    /// What an obligation comes to by what its court knows.
    fn sums(&self, chain: usize, court: &str, obligation: u8) -> Sums {
        let mut sums = Sums::default();
        for (index, order) in self.rules.orders.iter().enumerate() {
            if (order.chain, order.court, order.obligation) != (chain, court, Some(obligation)) {
                continue;
            }
            sums.orders += 1;
            let amount = order.amount.unwrap_or(0);
            match (self.committed[index].answered, order.fate) {
                (true, Fate::CarriedOut) => sums.obtained += amount,
                (true, _) | (_, Fate::TimedOut) => {}
                (false, _) => sums.reserved += amount,
            }
            let entry = self.entry(chain, self.committed[index].sealed.order.id);
            let mirror = entry.hold().map(|hold| (hold.held, hold.deducted));
            let minor = |amount: Option<Amount>| amount.map_or(0, |amount| amount.minor);
            sums.controlled += mirror.map_or(0, |(held, deducted)| minor(held) + minor(deducted));
            sums.truly_deducted += order.hold.as_ref().map_or(0, |hold| hold.deducted);
        }
        sums
    }

    fn compare_obligations(&mut self) {
        for (chain, court, obligation) in [0, 1]
            .into_iter()
            .flat_map(|chain| ["court-a", "court-b"].map(|court| [1, 2].map(|which| (chain, court, which))))
            .flatten()
        {
            let path = StatePath::Obligation(court.parse().expect("an id"), ObligationId([obligation; 16]));
            let standing: Option<Obligation> =
                self.chains.courts[chain].state.read(&path, "an obligation").expect("no fault");
            let sums = self.sums(chain, court, obligation);
            let Some(standing) = standing else {
                assert_eq!(sums.orders, 0);
                continue;
            };
            assert_eq!(standing.orders.len(), sums.orders);
            assert_eq!(
                (standing.controlled, standing.reserved, standing.obtained),
                (sums.controlled, sums.reserved, sums.obtained)
            );
            assert!(sums.truly_deducted <= claimed(obligation), "more was taken than is claimed");
            // What is proposed ends the excess as far as anything is held, and no more.
            let excess = standing.over_control().minor;
            let (mut held, mut freed) = (0, 0);
            for order in &standing.orders {
                let entry = self.entry(chain, *order);
                let hold = entry.hold();
                let (asked, holds) =
                    hold.and_then(|hold| Some((hold.asked?.minor, hold.held?.minor))).unwrap_or_default();
                held += holds;
                let proposed = standing.proposed.iter().find(|proposed| proposed.order == *order);
                freed += proposed.map_or(0, |proposed| holds - holds.min(asked - proposed.amount.minor));
            }
            assert_eq!(freed, excess.min(held));
            if excess > 0 {
                self.reached.insert(Reached::OverControl);
            }
        }
    }

    fn deliver(&mut self, which: u8, how: u8) {
        let sent: Vec<usize> =
            (0..self.committed.len()).filter(|index| self.rules.orders[*index].fate == Fate::Sent).collect();
        if sent.is_empty() {
            return;
        }
        let index = sent[usize::from(which) % sent.len()];
        let (chain, late) = (self.rules.orders[index].chain, self.chains.now >= self.rules.orders[index].deliver_by);
        let packet = self.committed[index].packet.clone();
        if how.is_multiple_of(4) {
            let timed_out = self.chains.time_out(chain, &packet);
            assert_eq!(timed_out.is_ok(), late, "{timed_out:?}");
            if late {
                self.rules.orders[index].fate = Fate::TimedOut;
            }
            return;
        }
        self.deliver_one(index);
    }

    fn deliver_one(&mut self, index: usize) {
        let (chain, late) = (self.rules.orders[index].chain, self.chains.now >= self.rules.orders[index].deliver_by);
        let packet = self.committed[index].packet.clone();
        let delivered = self.chains.deliver(chain, &packet);
        assert_eq!(delivered, if late { Err("PACKET_TIMED_OUT") } else { Ok(()) });
        if !late {
            self.rules.arrive(index, self.chains.now);
        }
    }

    fn decide(&mut self, which: u8, how: u8, much: u8) {
        let wanted = |index: &usize| match how % 8 {
            7 => self.rules.orders[*index].arrival.is_some(),
            _ => self.rules.orders[*index].fate == Fate::Pending,
        };
        let all: Vec<usize> = (0..self.committed.len()).filter(wanted).collect();
        if all.is_empty() {
            return;
        }
        let index = all[usize::from(which) % all.len()];
        self.decide_one(index, how, much);
    }

    fn decide_one(&mut self, index: usize, how: u8, much: u8) {
        let order = &self.rules.orders[index];
        let of_original = order.original.and_then(|original| self.rules.orders[original].hold.as_ref());
        let thing = match (how % 16, of_original) {
            (1, _) => usize::from(much) % (self.handles.len() + 1),
            (_, Some(hold)) => hold.thing,
            _ => {
                let fits = |thing: &usize| self.rules.things[*thing].value.is_some() == (order.kind == Kind::Freeze);
                let all: Vec<usize> = (0..self.handles.len()).filter(fits).collect();
                all[usize::from(much) % all.len()]
            }
        };
        let asked = match (order.kind, how % 16) {
            (Kind::Freeze, 2) => None,
            (Kind::Freeze, _) => Some(u64::from(much) % 90),
            (_, 3) => Some(1),
            _ => order.amount,
        };
        let verdict = match (how % 16, order.kind) {
            (0, _) => Verdict::Refuse,
            (4, _) => Verdict::Acknowledge,
            (6, Kind::HandOver) => Verdict::Execute { thing, amount: None },
            (_, Kind::HandOver) => Verdict::Acknowledge,
            (5, _) | (_, Kind::Transfer) => Verdict::Transfer { thing, successor: much.is_multiple_of(2) },
            _ => Verdict::Execute { thing, amount: asked },
        };
        let original = order.original.and_then(|original| self.received(original));
        if original.is_some_and(|original| original.state == OrderState::Pending) {
            // The chain refuses a decision that waits for an order which it has yet to find undecided in time.
            self.chains.due();
        }
        let (decision, seal) = self.decision(index, verdict);
        let decided = self.chains.at_bank(|ex| decisions::decide(ex, &decision, &seal));
        let things = self.rules.things.len();
        let expected = self.rules.decide(index, verdict, self.chains.now);
        assert_eq!(decided.is_ok(), expected, "{decided:?} {verdict:?} of {:?}", self.rules.orders[index]);
        if self.rules.things.len() > things {
            self.handles.push(successor_of(things));
        }
    }

    fn decision(&self, index: usize, verdict: Verdict) -> (Decision, comity_model::seal::Signature) {
        let handle = |thing: usize| self.handles.get(thing).copied().unwrap_or(AssetHandle([0xEE; 32]));
        let decision = Decision {
            chain: "bank-1".parse().expect("a chain id"),
            client: over(self.rules.orders[index].chain),
            order: self.committed[index].sealed.order.id,
            verdict: match verdict {
                Verdict::Refuse => DecisionVerdict::Refuse("NO".parse().expect("a code")),
                Verdict::Acknowledge => DecisionVerdict::Acknowledge,
                Verdict::Execute { thing, amount } => {
                    DecisionVerdict::Execute { asset: handle(thing), amount: amount.map(Amount::cny) }
                }
                Verdict::Transfer { thing, successor } => DecisionVerdict::Transfer {
                    asset: handle(thing),
                    successor: successor.then(|| successor_of(self.rules.things.len())),
                },
            },
            answer_digest: Some(Hash([9; 32])),
        };
        let seal = seal("bank", "comity/decision/v2", &decision);
        (decision, seal)
    }

    fn again(&mut self, which: u8, how: u8) {
        if self.committed.is_empty() {
            return;
        }
        let index = usize::from(which) % self.committed.len();
        let (sealed, packet) = (self.committed[index].sealed.clone(), self.committed[index].packet.clone());
        let chain = self.rules.orders[index].chain;
        match how % 5 {
            0 => {
                let again = self.chains.at_court(chain, |ex| orders::commit(ex, &sealed, None));
                assert_eq!(again, Ok(()), "the same order again");
            }
            1 => {
                let mut other = sealed.order;
                other.private_digest = Hash([0xDD; 32]);
                let other = seal_order(other, &self.rules.orders[index].officers);
                assert_eq!(self.chains.at_court(chain, |ex| orders::commit(ex, &other, None)), Err("REQUEST_CONFLICT"));
            }
            2 if self.rules.orders[index].arrival.is_some() => {
                assert_eq!(
                    self.chains.at_bank(|ex| packets::receive(ex, &packet, &[], comity_model::Height(1))),
                    Ok(()),
                    "the same packet again"
                );
            }
            3 if self.rules.orders[index].arrival.is_some() && self.rules.orders[index].fate != Fate::Pending => {
                let (decision, seal) = self.decision(index, Verdict::Refuse);
                assert_eq!(self.chains.at_bank(|ex| decisions::decide(ex, &decision, &seal)), Err("ALREADY_DECIDED"));
            }
            // Another packet with the same order in it is answered, and changes nothing.
            4 if self.rules.orders[index].arrival.is_some() => {
                let ack = self.committed[index].ack.clone();
                if let Some(ack) = ack {
                    assert_eq!(self.chains.ack(chain, &packet), Some(ack));
                }
            }
            _ => {}
        }
    }

    fn object(&mut self, which: u8, how: u8) {
        let wanted = |index: &usize| match how % 4 {
            0 => self.rules.orders[*index].arrival.is_some(),
            _ => self.rules.stands(*index),
        };
        let all: Vec<usize> = (0..self.committed.len()).filter(wanted).collect();
        if all.is_empty() {
            return;
        }
        let index = all[usize::from(which) % all.len()];
        let objection = Objection {
            chain: "bank-1".parse().expect("a chain id"),
            client: over(self.rules.orders[index].chain),
            order: self.committed[index].sealed.order.id,
            reason: ["WAGES", "PENSION"][usize::from(how) / 4 % 2].parse().expect("a code"),
            grounds: None,
        };
        let signature = seal("bank", comity_verify::seal::TAG_OBJECTION, &objection);
        let hold = self.hold(index);
        let open = hold.and_then(|hold| hold.objection).filter(|_| self.rules.stands(index));
        let same = open.is_some_and(|open| open.reason == objection.reason)
            && self.rules.orders[index].hold.as_ref().is_some_and(|hold| hold.answer_by.is_some());
        let taken = self.chains.at_bank(|ex| objections::object(ex, &objection, &signature));
        let expected = same || self.rules.object(index, self.chains.now);
        assert_eq!(taken.is_ok(), expected, "{taken:?} {:?}", self.rules.orders[index]);
    }

    fn register(&mut self, which: u8, much: u8, stale: bool) {
        if stale {
            // Repeated or overtaken: either it says what stands, or it is refused.
            let batch = self.batches[usize::from(which) % self.batches.len()].clone();
            let standing = self.asset(batch.assets[0].handle);
            let same = Asset { holds: 0, ..standing.clone() } == batch.assets[0];
            assert_eq!(self.submit(&batch).is_ok(), same);
            assert_eq!(self.asset(batch.assets[0].handle), standing);
            return;
        }
        let thing = usize::from(which) % self.handles.len();
        let value = self.rules.things[thing].value.map(|_| u64::from(much) % 140);
        let batch = self.batch(thing, value);
        let registered = self.submit(&batch);
        assert_eq!(registered.is_ok(), self.rules.register(thing, value), "{registered:?}");
    }

    fn batch(&self, thing: usize, value: Option<u64>) -> AssetBatch {
        let path = StatePath::Asset(self.handles[thing]);
        let standing: Option<Asset> = self.chains.bank.state.read(&path, "an asset").expect("no fault");
        AssetBatch {
            chain: "bank-1".parse().expect("a chain id"),
            member: "bank".parse().expect("an id"),
            assets: vec![Asset {
                handle: self.handles[thing],
                sector: "deposits".parse().expect("a sector"),
                institution: "bank".parse().expect("an id"),
                enforcement: Enforcement::Native,
                value: value.map(Amount::cny),
                holds: 0,
                revision: standing.map_or(1, |asset| asset.revision + 1),
                status: AssetStatus::Standing,
            }],
        }
    }

    fn submit(&mut self, batch: &AssetBatch) -> Result<(), &'static str> {
        let seal = seal("bank", "comity/assets/v2", batch);
        let registered = self.chains.at_bank(|ex| records::register(ex, batch, &seal));
        if registered.is_ok() {
            self.batches.push(batch.clone());
        }
        registered
    }

    /// What is under way to courts: acknowledgements by order, notices by chain and packet.
    fn under_way(&self) -> (Vec<usize>, Vec<(usize, Packet)>) {
        let unanswered = |index: &usize| {
            let committed = &self.committed[*index];
            !committed.answered && self.chains.ack(self.rules.orders[*index].chain, &committed.packet).is_some()
        };
        let acks = (0..self.committed.len()).filter(unanswered).collect();
        let notices = (0..self.chains.courts.len())
            .flat_map(|chain| self.chains.notices(chain).into_iter().map(move |packet| (chain, packet)))
            .collect();
        (acks, notices)
    }

    fn give_back(&mut self, which: u8, how: u8) {
        let (acks, notices) = self.under_way();
        let (ack_first, all) = (how.is_multiple_of(2), acks.len() + notices.len());
        if all == 0 {
            return;
        }
        let at = usize::from(which) % all;
        match (ack_first, at) {
            (true, at) if at < acks.len() => self.give_ack(acks[at]),
            (true, at) => self.give_notice(&notices[at - acks.len()]),
            (false, at) if at < notices.len() => self.give_notice(&notices[notices.len() - 1 - at]),
            (false, at) => self.give_ack(acks[at - notices.len()]),
        }
    }

    fn give_ack(&mut self, index: usize) {
        let chain = self.rules.orders[index].chain;
        let packet = self.committed[index].packet.clone();
        let ack = self.chains.ack(chain, &packet).expect("an acknowledgement");
        assert_eq!(self.chains.acknowledge(chain, &packet, &ack), Ok(()));
        self.committed[index].answered = true;
    }

    fn give_notice(&mut self, (chain, packet): &(usize, Packet)) {
        let late = packet.timeout.0 <= self.chains.now;
        if late {
            assert_eq!(self.chains.notice_late(*chain, packet), Ok(()));
        } else {
            assert_eq!(self.chains.notify(*chain, packet), Ok(()));
        }
    }

    fn drain(&mut self) {
        loop {
            let (acks, notices) = self.under_way();
            if acks.is_empty() && notices.is_empty() {
                return;
            }
            for notice in notices.iter().rev() {
                self.give_notice(notice);
            }
            for index in acks {
                self.give_ack(index);
            }
        }
    }

    /// What the sequence came to.
    pub(super) fn reached(&self) -> Vec<Reached> {
        self.rules.reached().into_iter().chain(self.reached.iter().copied()).collect()
    }

    /// Holds everything that the chains say against the reference.
    pub(super) fn check(&mut self) {
        let trace = std::mem::take(&mut self.trace);
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.compare()));
        self.trace = trace;
        if let Err(panic) = found {
            eprintln!("{}", self.trace.join("\n"));
            std::panic::resume_unwind(panic);
        }
    }
}

/// What an obligation comes to.
#[derive(Default)]
struct Sums {
    orders: usize,
    controlled: u64,
    reserved: u64,
    obtained: u64,
    truly_deducted: u64,
}

/// How much an obligation is.
const fn claimed(obligation: u8) -> u64 {
    if obligation == 1 { 45 } else { 110 }
}

/// The handle under which an asset goes on.
const fn successor_of(thing: usize) -> AssetHandle {
    AssetHandle([thing as u8 + 1; 32])
}
