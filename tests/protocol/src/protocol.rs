//! States, steps and rules.
//! It refuses to judge by anything but what the chain in question can see: its own state and time, and the header that a
//! transaction shows. `Ghost` is written by the steps and read by the promises alone.

use crate::chain::{Bank, Chain, Court, Outcome};
use crate::ending::Endings;
use stateright::{Model, Property};

/// The model: how many orders, how far, and which rule is broken on purpose.
pub struct Protocol {
    /// Orders that the court may send.
    pub orders: usize,
    /// How far the bank's clock goes. The last deadline of n orders is at n + 1.
    pub time_max: u8,
    /// Transactions under way at once.
    pub under_way_max: usize,
    /// How often relayers lose all that they know.
    pub crashes_max: u8,
    /// The second relayer shows any header for anything, not only what an honest one would.
    pub hostile: bool,
    /// A rule that is left out, to see that the promises notice.
    pub broken: Option<Broken>,
    pub(crate) endings: Endings,
}

/// Rules that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The bank's chain takes packets past their deadline.
    DeadlineIgnored,
    /// The bank's chain takes a packet in the very second of its deadline, in which it can be timed out.
    DeadlineOffByOne,
    /// The receipt goes when the order is answered.
    ReceiptPruned,
    /// The court's chain judges expiry by its own clock.
    ExpiryByOwnClock,
    /// The court's chain pairs a root with the time of the header after it.
    RootOfTheHeaderBefore,
    /// A timeout ends an order that was answered.
    TimeoutOverwrites,
    /// A relayer that has crashed does not look through the outbox again.
    NoSweep,
}

/// Everything that is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The court's chain.
    pub court: Chain<Court>,
    /// The bank's chain.
    pub bank: Chain<Bank>,
    /// What each relayer knows.
    pub relayers: [Relayer; 2],
    /// Transactions under way, in order, each once: another copy is the same.
    pub under_way: Vec<Tx>,
    /// Crashes so far.
    pub crashes: u8,
    /// What nobody in the model sees.
    pub ghost: Ghost,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ghost {
    /// How often each order was carried out.
    pub executions: Vec<u8>,
    /// Whether an order that had ended ended again, otherwise.
    pub ended_twice: bool,
}

/// What a relayer knows: the newest header that it has seen of each chain. The rest it looks up under these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Relayer {
    /// Of the court's chain.
    pub court: Option<usize>,
    /// Of the bank's chain.
    pub bank: Option<usize>,
    /// It has crashed, and has not looked through the outbox since.
    pub blind: bool,
}

/// A transaction with the header that it shows: a client's update and a packet's message in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tx {
    /// What it asks for.
    pub kind: Kind,
    /// Of which order.
    pub order: usize,
    /// Under which header of the other chain.
    pub header: usize,
}

/// What a transaction asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The bank's chain to receive it.
    Deliver,
    /// The court's chain to take its answer.
    Acknowledge,
    /// The court's chain to end it as never received.
    TimeOut,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// The court sends an order.
    Send(usize),
    /// The bank carries an order out.
    Decide(usize),
    /// A block of the court's chain with nothing in it; a second later, or not.
    CourtBlock(bool),
    /// The same of the bank's chain. What falls due is done.
    BankBlock(bool),
    /// A relayer sees the court's last header.
    SeeCourt(usize),
    /// A relayer sees the bank's last header.
    SeeBank(usize),
    /// A relayer hands in a transaction.
    Submit(usize, Tx),
    /// A transaction gets into a block. It may come again.
    Arrive(Tx),
    /// A transaction is lost.
    Lose(Tx),
    /// A relayer forgets everything.
    Crash(usize),
}

impl Protocol {
    /// A model of so many orders and so long a time, with two honest relayers of which one may crash, and nothing broken.
    #[must_use]
    pub fn new(orders: usize, time_max: u8) -> Self {
        let endings = Endings::default();
        Self { orders, time_max, under_way_max: 2, crashes_max: 1, hostile: false, broken: None, endings }
    }

    /// From this time on the bank's chain refuses an order: one second for the first, two for the second, …
    pub(crate) fn deliver_by(&self, order: usize) -> u8 {
        u8::try_from(order).map_or(u8::MAX, |order| order.saturating_add(1))
    }

    /// At this time the bank's chain ends an order that nobody decided.
    pub(crate) fn decide_by(&self, order: usize) -> u8 {
        self.deliver_by(order).saturating_add(1)
    }

    fn is(&self, broken: Broken) -> bool {
        self.broken == Some(broken)
    }

    /// What an honest relayer would hand in, by the headers that it knows.
    pub(crate) fn honest(&self, state: &State, relayer: &Relayer, order: usize) -> Option<Tx> {
        let court = state.court.headers.get(relayer.court?)?;
        let bank = state.bank.headers.get(relayer.bank?)?;
        if court.root.get(order) != Some(&Court::Committed) || (relayer.blind && self.is(Broken::NoSweep)) {
            return None;
        }
        let (kind, header) = match bank.root.get(order)? {
            Bank::Answered(_) => (Kind::Acknowledge, relayer.bank?),
            Bank::Received => return None,
            Bank::Absent if bank.time >= self.deliver_by(order) => (Kind::TimeOut, relayer.bank?),
            Bank::Absent => (Kind::Deliver, relayer.court?),
        };
        Some(Tx { kind, order, header })
    }

    /// Everything that can be handed in at all.
    fn anything(&self, state: &State) -> Vec<Tx> {
        let mut all = Vec::new();
        for order in 0..self.orders {
            all.extend((0..state.court.headers.len()).map(|header| Tx { kind: Kind::Deliver, order, header }));
            for kind in [Kind::Acknowledge, Kind::TimeOut] {
                all.extend((0..state.bank.headers.len()).map(|header| Tx { kind, order, header }));
            }
        }
        all
    }

    /// Carries a transaction out, if the chain that it is for accepts it.
    pub(crate) fn execute(&self, state: &mut State, tx: Tx) {
        let order = tx.order;
        match tx.kind {
            Kind::Deliver => {
                let shown = state.court.headers.get(tx.header).and_then(|header| header.root.get(order));
                let deadline = self.deliver_by(order);
                let late = match self.broken {
                    Some(Broken::DeadlineIgnored) => false,
                    Some(Broken::DeadlineOffByOne) => state.bank.time > deadline,
                    _ => state.bank.time >= deadline,
                };
                let received = state.bank.state.get(order).is_some_and(|bank| match bank {
                    Bank::Absent => false,
                    Bank::Received => true,
                    Bank::Answered(_) => !self.is(Broken::ReceiptPruned),
                });
                if shown == Some(&Court::Committed) && !late && !received {
                    let time = state.bank.time;
                    state.bank.block(time, |orders| set(orders, order, Bank::Received));
                }
            }
            Kind::Acknowledge => {
                let shown = state.bank.headers.get(tx.header).and_then(|header| header.root.get(order));
                if let Some(Bank::Answered(outcome)) = shown {
                    self.end(state, order, Court::Answered(*outcome));
                }
            }
            Kind::TimeOut => {
                let Some(header) = state.bank.headers.get(tx.header) else { return };
                let absent = header.root.get(order) == Some(&Bank::Absent);
                let time = match self.broken {
                    Some(Broken::ExpiryByOwnClock) => state.court.time,
                    Some(Broken::RootOfTheHeaderBefore) => {
                        state.bank.headers.get(tx.header + 1).map_or(header.time, |next| next.time)
                    }
                    _ => header.time,
                };
                if absent && time >= self.deliver_by(order) {
                    self.end(state, order, Court::TimedOut);
                }
            }
        }
    }

    fn end(&self, state: &mut State, order: usize, end: Court) {
        let standing = state.court.state.get(order).copied();
        let open = standing == Some(Court::Committed);
        let over = self.is(Broken::TimeoutOverwrites) && end == Court::TimedOut && standing != Some(Court::TimedOut);
        if !open && !over {
            return;
        }
        state.ghost.ended_twice |= !open;
        let time = state.court.time;
        state.court.block(time, |orders| set(orders, order, end));
    }

    /// A block of the bank's chain: what falls due is done before anything else.
    pub(crate) fn bank_block(&self, state: &mut State, later: bool) {
        let time = state.bank.time.saturating_add(u8::from(later));
        state.bank.block(time, |orders| {
            for (order, bank) in orders.iter_mut().enumerate() {
                if *bank == Bank::Received && time >= self.decide_by(order) {
                    *bank = Bank::Answered(Outcome::Failed);
                }
            }
        });
    }
}

pub(crate) fn set<S>(orders: &mut [S], order: usize, value: S) {
    if let Some(slot) = orders.get_mut(order) {
        *slot = value;
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Act;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            court: Chain::new(self.orders, Court::Unsent),
            bank: Chain::new(self.orders, Bank::Absent),
            relayers: [Relayer::default(); 2],
            under_way: Vec::new(),
            crashes: 0,
            ghost: Ghost { executions: vec![0; self.orders], ended_twice: false },
        }]
    }

    fn actions(&self, state: &State, acts: &mut Vec<Act>) {
        for order in 0..self.orders {
            if state.court.state.get(order) == Some(&Court::Unsent) {
                acts.push(Act::Send(order));
            }
            let in_time = state.bank.time < self.decide_by(order);
            if state.bank.state.get(order) == Some(&Bank::Received) && in_time {
                acts.push(Act::Decide(order));
            }
        }
        if state.court.unproven() {
            acts.push(Act::CourtBlock(false));
        }
        if state.bank.unproven() {
            acts.push(Act::BankBlock(false));
        }
        // No rule reads the court's clock, so it stands still: one look at every speed of it.
        if self.is(Broken::ExpiryByOwnClock) && state.court.time < self.time_max {
            acts.push(Act::CourtBlock(true));
        }
        if state.bank.time < self.time_max {
            acts.push(Act::BankBlock(true));
        }
        for (number, relayer) in state.relayers.iter().enumerate() {
            let hostile = self.hostile && number == 1;
            let hand_in = if hostile {
                self.anything(state)
            } else {
                (0..self.orders).filter_map(|order| self.honest(state, relayer, order)).collect()
            };
            if state.under_way.len() < self.under_way_max {
                let new = hand_in.into_iter().filter(|tx| !state.under_way.contains(tx));
                acts.extend(new.map(|tx| Act::Submit(number, tx)));
            }
            if hostile {
                continue;
            }
            if relayer.court != Some(state.court.head()) {
                acts.push(Act::SeeCourt(number));
            }
            if relayer.bank != Some(state.bank.head()) {
                acts.push(Act::SeeBank(number));
            }
            if state.crashes < self.crashes_max && *relayer != Relayer::default() {
                acts.push(Act::Crash(number));
            }
        }
        for tx in &state.under_way {
            acts.extend([Act::Arrive(*tx), Act::Lose(*tx)]);
        }
    }

    fn next_state(&self, before: &State, act: Act) -> Option<State> {
        let mut state = before.clone();
        match act {
            Act::Send(order) => {
                let time = state.court.time;
                state.court.block(time, |orders| set(orders, order, Court::Committed));
            }
            Act::Decide(order) => {
                let time = state.bank.time;
                state.bank.block(time, |orders| set(orders, order, Bank::Answered(Outcome::Executed)));
                if let Some(count) = state.ghost.executions.get_mut(order) {
                    *count = count.saturating_add(1);
                }
            }
            Act::CourtBlock(later) => {
                let time = state.court.time.saturating_add(u8::from(later));
                state.court.block(time, |_| {});
            }
            Act::BankBlock(later) => self.bank_block(&mut state, later),
            Act::SeeCourt(number) => {
                let head = state.court.head();
                if let Some(relayer) = state.relayers.get_mut(number) {
                    relayer.court = Some(head);
                }
            }
            Act::SeeBank(number) => {
                let head = state.bank.head();
                if let Some(relayer) = state.relayers.get_mut(number) {
                    relayer.bank = Some(head);
                }
            }
            Act::Submit(_, tx) => {
                let place = state.under_way.binary_search(&tx).err()?;
                state.under_way.insert(place, tx);
            }
            // It stays under way: the same transaction may come again, from the other relayer or out of a queue.
            Act::Arrive(tx) => self.execute(&mut state, tx),
            Act::Lose(tx) => state.under_way.retain(|other| *other != tx),
            Act::Crash(number) => {
                state.crashes = state.crashes.saturating_add(1);
                if let Some(relayer) = state.relayers.get_mut(number) {
                    *relayer = Relayer { blind: self.is(Broken::NoSweep), ..Relayer::default() };
                }
            }
        }
        // Two honest relayers are alike: which is which makes no other state.
        if !self.hostile {
            state.relayers.sort_unstable();
        }
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no order is executed twice", |_, state: &State| {
                state.ghost.executions.iter().all(|count| *count <= 1)
            }),
            Property::always("no order that ended ends again", |_, state: &State| !state.ghost.ended_twice),
            Property::always("no order that was received is timed out", |_, state: &State| {
                let pairs = state.court.state.iter().zip(&state.bank.state);
                pairs.into_iter().all(|pair| !matches!(pair, (Court::TimedOut, Bank::Received | Bank::Answered(_))))
            }),
            Property::always("the court believes nothing that is not so", |_, state: &State| {
                let pairs = state.court.state.iter().zip(&state.bank.state);
                pairs.into_iter().all(|pair| match pair {
                    (Court::Answered(told), Bank::Answered(true_one)) => told == true_one,
                    (Court::Answered(_), _) => false,
                    _ => true,
                })
            }),
            Property::always("no order is lost", |protocol: &Self, state: &State| protocol.ends(state)),
            Property::sometimes("an order is executed and the court knows", |_, state: &State| {
                state.court.state.contains(&Court::Answered(Outcome::Executed))
            }),
            Property::sometimes("an order times out", |_, state: &State| state.court.state.contains(&Court::TimedOut)),
            Property::sometimes("nobody decides in time", |_, state: &State| {
                state.court.state.contains(&Court::Answered(Outcome::Failed))
            }),
        ]
    }
}
