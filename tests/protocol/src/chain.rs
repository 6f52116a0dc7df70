//! The two chains: what their state says of each order, and the headers that show it.
//! It refuses to know who relays.

/// An order on the court's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Court {
    /// Not sent.
    Unsent,
    /// Its packet's commitment stands.
    Committed,
    /// Ended by the bank's acknowledgement.
    Answered(Outcome),
    /// Ended by the proven absence of its receipt.
    TimedOut,
}

/// An order on the bank's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bank {
    /// No receipt stands.
    Absent,
    /// Its receipt stands; nobody has decided.
    Received,
    /// Its acknowledgement stands as well.
    Answered(Outcome),
}

/// What an acknowledgement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Carried out.
    Executed,
    /// Nobody decided in time: written by the chain itself.
    Failed,
}

/// A header: its time, and the state after the block before it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Header<S> {
    /// Its block's time.
    pub time: u8,
    /// What can be proven under it.
    pub root: Vec<S>,
}

/// A chain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Chain<S> {
    /// The time of its last block.
    pub time: u8,
    /// The state after its last block: of each order.
    pub state: Vec<S>,
    /// Headers that differ, oldest first. Heights between equal ones tell a client nothing and are left out.
    pub headers: Vec<Header<S>>,
}

impl<S: Clone + PartialEq> Chain<S> {
    pub(crate) fn new(orders: usize, empty: S) -> Self {
        let state = vec![empty; orders];
        Self { time: 0, headers: vec![Header { time: 0, root: state.clone() }], state }
    }

    /// Makes a block at `time` that does `work`.
    pub(crate) fn block(&mut self, time: u8, work: impl FnOnce(&mut Vec<S>)) {
        self.time = time;
        let header = Header { time, root: self.state.clone() };
        if self.headers.last() != Some(&header) {
            self.headers.push(header);
        }
        work(&mut self.state);
    }

    /// The last header's place.
    pub(crate) fn head(&self) -> usize {
        self.headers.len() - 1
    }

    /// Whether an empty block would tell anyone something new.
    pub(crate) fn unproven(&self) -> bool {
        self.headers.last().is_none_or(|header| header.root != self.state || header.time != self.time)
    }
}
