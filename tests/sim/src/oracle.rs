//! The oracle: it sees everything at once, as nobody in the world does, and ends the run at the first step that breaks a
//! promise. It refuses to help: what it knows flows to nobody.

use crate::agreed::{Agreed, Broken, name};
use crate::machine;
use crate::parties;
use crate::plan::Party;
use comity_gateway::agreements::StoredAgreement;
use comity_gateway::orders::{StoredOrder, follows};
use comity_ledger_app::Query;
use comity_ledger_engine::Handle;
use comity_model::agreement::{AgreementEntry, AgreementState};
use comity_model::event::Event;
use comity_model::order::OrderState;
use comity_model::state::StatePath;
use comity_model::{AgreementId, ClientId, Hash, Height, OrderId, RecordId, Time, decode};
use comity_verify::state::key;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The exit code of a run in which a promise was broken.
pub const BROKEN: i32 = 3;

/// What is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// A process starts again after any crash.
    Restart,
    /// A chain has one block of each height, and what was told of it stays.
    OneHistory,
    /// Carrying all blocks out again gives the same app hashes.
    Replay,
    /// An order's state goes forward, on the chains and in the gateway, and so does an agreement's.
    Forward,
    /// An order is executed at most once, and never after it was proven not to have arrived.
    AtMostOnce,
    /// What a gateway says of an order or an agreement is what the chain has, and a payment that is proven was made.
    Truth,
    /// A request makes one order.
    OneOrder,
    /// What was acknowledged is not lost.
    Kept,
    /// An order that was acknowledged reaches a final state within a bound once nothing goes wrong.
    Final,
    /// An order that nothing hinders arrives.
    Arrives,
    /// Every order that arrived is answered once: executions are receipts.
    Receipts,
    /// The court's mirror of a hold is the hold.
    Mirror,
    /// An instalment is performed or in default, never both: in default only if it was not paid in time, and one of the two
    /// when its date has come.
    Settled,
    /// A default opens one step, the rule fires on it once, and what it fired is kept.
    FiredOnce,
    /// No client of an honest chain is frozen.
    NoFalseEvidence,
    /// The run itself: it replays.
    Exact,
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// The oracle. One per world.
pub struct Oracle(Mutex<Known>);

#[derive(Default)]
struct Known {
    trace: Vec<String>,
    digest: Sha256,
    /// Header hashes by chain and height.
    headers: BTreeMap<(u8, Height), Hash>,
    /// Their times.
    times: BTreeMap<(u8, Height), Time>,
    heights: BTreeMap<u8, Height>,
    /// What each chain says of an order.
    states: BTreeMap<(u8, OrderId), OrderState>,
    executed: BTreeSet<OrderId>,
    received: BTreeSet<(u8, ClientId, u64)>,
    /// What the court's gateway has of each order.
    book: BTreeMap<OrderId, StoredOrder>,
    requests: BTreeMap<[u8; 16], OrderId>,
    /// Revisions that the clerk was told.
    told: BTreeMap<OrderId, u64>,
    agreed: Agreed,
    /// Agreements that changed, and are to be looked at.
    touched: BTreeSet<AgreementId>,
    crashes: u64,
    txs: u64,
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Orders that the court's gateway has.
    pub orders: u64,
    /// Of them executed or on a waiting list.
    pub executed: u64,
    /// Of them timed out.
    pub timed_out: u64,
    /// Of them withdrawn, refused or failed.
    pub other: u64,
    /// Agreements that the court's chain has.
    pub agreements: u64,
    /// Of them performed.
    pub performed: u64,
    /// Of them in default, with the next step open.
    pub opened: u64,
    /// Blocks of all chains.
    pub blocks: u64,
    /// Transactions in them.
    pub txs: u64,
    /// Processes that died.
    pub crashes: u64,
}

impl Oracle {
    /// An oracle that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self(Mutex::default())
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down what happened.
    pub fn note(&self, what: impl fmt::Display) {
        self.lock().note(&what);
    }

    /// Ends the run: a promise is broken.
    pub fn broken(&self, promise: Promise, how: impl fmt::Display) -> ! {
        let mut known = self.lock();
        known.note(&format_args!("BROKEN {promise}: {how}"));
        known.end(promise, &how)
    }

    /// A process died.
    pub fn crashed(&self, who: Party) {
        let mut known = self.lock();
        known.crashes += 1;
        known.note(&format_args!("{who} is dead"));
    }

    /// A node has a new block, or is back: everything that it says is held against what was seen before.
    pub fn blocks(&self, chain: u8, handle: &Handle) {
        let Some(latest) = handle.latest() else { return };
        let mut known = self.lock();
        let seen = known.heights.get(&chain).copied().unwrap_or(Height(0));
        if latest.height() < seen {
            known.end(
                Promise::OneHistory,
                &format_args!("{} went back from {seen} to {}", name(chain), latest.height()),
            );
        }
        // After a restart the last block that was told must be the one that stands.
        for height in seen.0.max(1)..=latest.height().0 {
            // The disk may have died under it: then it is looked at after the restart.
            if !known.block(chain, Height(height), handle) {
                return;
            }
            known.heights.insert(chain, Height(height));
        }
        let touched = std::mem::take(&mut known.touched);
        for id in touched {
            let path = StatePath::Agreement(parties::member(0), id);
            let question = Query { path: "/state", data: &key(&path), height: None, prove: false };
            let entry = handle.query(&question).ok().filter(|answer| !answer.value.is_empty());
            let entry = entry.and_then(|answer| decode::<AgreementEntry>("an agreement", &answer.value).ok());
            if let Some(entry) = entry {
                known.holds(&entry);
            }
        }
    }

    /// The court's gateway has stored an order.
    pub fn stored(&self, order: &StoredOrder) {
        self.lock().stored(order);
    }

    /// The clerk was told of an order.
    pub fn told(&self, order: &StoredOrder) {
        let mut known = self.lock();
        known.note(&format_args!("the clerk is told that {} is {}", order.order.id, order.state.name()));
        let revision = known.told.entry(order.order.id).or_insert(0);
        *revision = (*revision).max(order.revision);
    }

    /// The court's gateway has stored an agreement.
    pub fn agreement_stored(&self, agreement: StoredAgreement) {
        let mut known = self.lock();
        let stored = known.agreed.stored(agreement);
        known.must(stored);
    }

    /// The court's gateway has stored what a rule fired; `None` for a row that it deleted.
    pub fn fired(&self, id: &[u8], row: Option<&[u8]>) {
        let mut known = self.lock();
        let fired = known.agreed.fired(id, row);
        if known.must(fired) {
            known.note(&"  gateway: a rule fired");
        }
    }

    /// Somebody was told of an agreement.
    pub fn agreement_told(&self, id: AgreementId, revision: u64) {
        let mut known = self.lock();
        known.note(&format_args!("somebody is told of agreement {id} at revision {revision}"));
        known.agreed.tell(id, revision);
    }

    /// Every agreement that somebody was told of, and the revision.
    pub fn all_agreements_told(&self) -> BTreeMap<AgreementId, u64> {
        self.lock().agreed.all_told()
    }

    /// Every agreement of the court's chain, and its state.
    pub fn agreements(&self) -> BTreeMap<AgreementId, AgreementState> {
        self.lock().agreed.states().clone()
    }

    /// A debtor begins to pay.
    pub fn pays(&self, reference: &RecordId, minor: u64) {
        self.lock().agreed.pays(reference.clone(), minor);
    }

    /// The gateway of an institution says that a payment stands under this header.
    pub fn recorded(&self, reference: &RecordId, chain: u8, header: Height) {
        let mut known = self.lock();
        known.note(&format_args!("the {} says that a payment is recorded", name(chain)));
        known.agreed.recorded(reference, chain, header);
    }

    /// Payments that were said to be recorded: the chain, and the record.
    pub fn all_recorded(&self) -> Vec<(u8, RecordId)> {
        self.lock().agreed.all_recorded()
    }

    /// Holds an agreement as the court's chain has it against what debtors paid.
    pub fn holds(&self, entry: &AgreementEntry) {
        self.lock().holds(entry);
    }

    /// Every order that the clerk was told of, and the revision.
    pub fn all_told(&self) -> BTreeMap<OrderId, u64> {
        self.lock().told.clone()
    }

    /// The trace so far, and its digest.
    pub fn trace(&self) -> (Vec<String>, String) {
        let known = self.lock();
        (known.trace.clone(), known.digest())
    }

    /// What the run came to.
    pub fn tally(&self) -> Tally {
        let known = self.lock();
        let mut tally = Tally {
            orders: known.book.len() as u64,
            blocks: known.heights.values().map(|height| height.0).sum(),
            txs: known.txs,
            crashes: known.crashes,
            ..Tally::default()
        };
        for order in known.book.values() {
            match order.state {
                OrderState::Executed | OrderState::Waitlisted => tally.executed += 1,
                OrderState::TimedOut => tally.timed_out += 1,
                _ => tally.other += 1,
            }
        }
        for state in known.agreed.states().values() {
            tally.agreements += 1;
            tally.performed += u64::from(*state == AgreementState::Performed);
            tally.opened += u64::from(*state == AgreementState::Opened);
        }
        tally
    }
}

impl Default for Oracle {
    fn default() -> Self {
        Self::new()
    }
}

impl Known {
    fn note(&mut self, what: &dyn fmt::Display) {
        let line = format!("{:>8.3}  {what}", machine::now_ms() as f64 / 1_000.0);
        self.digest.update(line.as_bytes());
        self.digest.update([0]);
        self.trace.push(line);
    }

    fn digest(&self) -> String {
        let digest: [u8; 32] = self.digest.clone().finalize().into();
        Hash(digest).to_string().chars().take(16).collect()
    }

    fn end(&mut self, promise: Promise, how: &dyn fmt::Display) -> ! {
        for line in &self.trace {
            println!("{line}");
        }
        println!("broken\t{promise}\t{how}\t{}", self.digest());
        std::process::exit(BROKEN)
    }

    fn must<T>(&mut self, kept: Result<T, Broken>) -> T {
        match kept {
            Ok(kept) => kept,
            Err((promise, how)) => {
                self.note(&format_args!("BROKEN {promise}: {how}"));
                self.end(promise, &how)
            }
        }
    }

    fn holds(&mut self, entry: &AgreementEntry) {
        let holds = self.agreed.holds(entry, |chain, height| self.times.get(&(chain, height)).copied());
        self.must(holds);
    }

    fn block(&mut self, chain: u8, height: Height, handle: &Handle) -> bool {
        let (Ok(Some(block)), Ok(Some(events))) = (handle.light_block(height), handle.events(height)) else {
            return false;
        };
        let hash = block.header.hash();
        if let Some(known) = self.headers.get(&(chain, height)) {
            if *known != hash {
                self.end(Promise::OneHistory, &format_args!("{} has another block {height} than it told", name(chain)));
            }
            return true;
        }
        self.headers.insert((chain, height), hash);
        self.times.insert((chain, height), block.header.time);
        let txs = handle.txs(height).map_or(0, |txs| txs.len());
        self.txs += txs as u64;
        let short: String = hash.to_string().chars().take(8).collect();
        self.note(&format_args!("{} block {height} {short} with {txs} transactions", name(chain)));
        for event in &events {
            self.event(chain, event);
        }
        true
    }

    fn event(&mut self, chain: u8, event: &Event) {
        match event {
            Event::OrderChanged { order, state } | Event::ReceivedOrderChanged { order, state, .. } => {
                self.changed(chain, *order, *state);
            }
            Event::AgreementChanged { agreement, state, .. } => {
                self.note(&format_args!("  {}: agreement {agreement} is {state:?}", name(chain)));
                let changed = self.agreed.changed(*agreement, *state);
                self.must(changed);
                self.touched.insert(*agreement);
            }
            Event::PacketReceived(packet) => {
                self.note(&format_args!("  packet {} of {} arrives", packet.sequence, packet.source_client));
                if !self.received.insert((chain, packet.dest_client.clone(), packet.sequence)) {
                    let how = format!("{} received packet {} twice", name(chain), packet.sequence);
                    self.end(Promise::AtMostOnce, &how);
                }
            }
            Event::PacketConflict(packet) => {
                let how = format!("{} was shown two packets of sequence {}", name(chain), packet.sequence);
                self.end(Promise::NoFalseEvidence, &how);
            }
            _ => {}
        }
    }

    fn changed(&mut self, chain: u8, order: OrderId, state: OrderState) {
        let before = self.states.insert((chain, order), state);
        self.note(&format_args!("  {}: {order} is {}", name(chain), state.name()));
        let held = |state| matches!(state, OrderState::Executed | OrderState::Waitlisted);
        let turns = before.is_some_and(held) && held(state);
        if before.is_some_and(|before| !follows(before, state) && !turns) {
            let how = format!("{}: {order} went from {} to {}", name(chain), shown(before), state.name());
            self.end(Promise::Forward, &how);
        }
        if chain == 0 {
            self.at_court(order, state);
        } else {
            self.at_institution(chain, order, before, state);
        }
    }

    fn at_court(&mut self, order: OrderId, state: OrderState) {
        if state == OrderState::TimedOut
            && let Some((chain, _)) = self.states.keys().find(|(chain, id)| *chain != 0 && *id == order).copied()
        {
            let how = format!("{order} timed out though it had arrived at {}", name(chain));
            self.end(Promise::AtMostOnce, &how);
        }
        let ended = self.book.get(&order).filter(|stored| ended_before_commit(stored));
        if let Some(stored) = ended {
            let how = format!("{order} is {} on the chain, {} at the gateway", state.name(), stored.state.name());
            self.end(Promise::Truth, &how);
        }
    }

    fn at_institution(&mut self, chain: u8, order: OrderId, before: Option<OrderState>, state: OrderState) {
        if self.states.get(&(0, order)) == Some(&OrderState::TimedOut) {
            self.end(Promise::AtMostOnce, &format_args!("{order} arrived at {} after it timed out", name(chain)));
        }
        let executes = matches!(state, OrderState::Executed | OrderState::Waitlisted)
            && !matches!(before, Some(OrderState::Executed | OrderState::Waitlisted));
        if executes && !self.executed.insert(order) {
            self.end(Promise::AtMostOnce, &format_args!("{order} was executed twice"));
        }
    }

    fn stored(&mut self, order: &StoredOrder) {
        let id = order.order.id;
        let before = self.book.get(&id);
        if let Some(before) = before {
            if order.revision <= before.revision && order != before {
                let how = format!("{id} was written over at revision {}", before.revision);
                self.end(Promise::Forward, &how);
            }
            let held = |state| matches!(state, OrderState::Executed | OrderState::Waitlisted);
            let same = before.state == order.state;
            let turns = held(before.state) && held(order.state);
            if !same && !turns && !follows(before.state, order.state) {
                let (from, to) = (before.state.name(), order.state.name());
                self.end(Promise::Forward, &format_args!("the gateway took {id} from {from} back to {to}"));
            }
        }
        if before.is_none_or(|before| before.state != order.state) {
            self.note(&format_args!("  gateway: {id} is {}", order.state.name()));
        }
        let known = *self.requests.entry(order.order.request.0).or_insert(id);
        if known != id {
            self.end(Promise::OneOrder, &format_args!("one request made {known} and {id}"));
        }
        self.book.insert(id, order.clone());
        self.hold_against_chain(order);
    }

    /// What the gateway says of an order is on the chain, or nothing of it is.
    fn hold_against_chain(&mut self, order: &StoredOrder) {
        let on_chain = self.states.get(&(0, order.order.id)).copied();
        let held = |state| matches!(state, OrderState::Executed | OrderState::Waitlisted);
        let agrees = match (order.state, on_chain) {
            _ if ended_before_commit(order) => on_chain.is_none(),
            (state, Some(chain)) if state.is_answered() => state == chain || held(state) && held(chain),
            (OrderState::Committed | OrderState::Relayed | OrderState::Pending, Some(_)) => true,
            (OrderState::AwaitingApproval | OrderState::AwaitingDelivery, _) => true,
            (_, None) | (_, Some(_)) => false,
        };
        if !agrees {
            let how = format!(
                "{} is {} at the gateway, {} on the chain",
                order.order.id,
                order.state.name(),
                shown(on_chain)
            );
            self.end(Promise::Truth, &how);
        }
    }
}

/// Whether the gateway gave the order up before it stood on the chain.
fn ended_before_commit(order: &StoredOrder) -> bool {
    order.state == OrderState::Withdrawn || order.failure.is_some()
}

fn shown(state: Option<OrderState>) -> &'static str {
    state.map_or("unknown", OrderState::name)
}
