//! The packet state machine of the relayer, for one direction: packets from a source chain to a destination chain.
//!
//! Sans-I/O: [`Engine::observe`] takes what was seen, [`Engine::poll`] says what to do, [`Engine::finish`] takes what
//! came of it. Chain state is the truth: an engine that starts with nothing finds every packet that is not settled
//! by sweeping the source's outbox, so nothing here needs to be stored. Every action is idempotent at the other end; a
//! lost, late or repeated answer costs a repetition.
//!
//! It refuses to know proofs, transports and the local calendar: whether a packet has expired is judged by the
//! destination's header time alone. [`Moment`] paces retries and nothing else.

mod desk;
mod engine;
mod observe;
mod pace;
mod select;

pub use engine::Engine;

use comity_model::packet::Packet;
use comity_model::{Height, UnixSeconds};

/// The driver's monotonic clock in milliseconds, from an origin of its choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub u64);

impl Moment {
    /// `ms` later.
    #[must_use]
    pub const fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

/// A verified header, as far as the engine needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its height.
    pub height: Height,
    /// Its time in whole seconds.
    pub time: UnixSeconds,
}

/// Bounds and paces.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most packets in one action.
    pub batch_packets_max: usize,
    /// A batch takes no further packet once its estimated size would pass this.
    pub batch_bytes_max: usize,
    /// Most packets known at once; further ones wait in the source's outbox.
    pub tracked_packets_max: usize,
    /// Most packets asked for in one sweep.
    pub sweep_packets_max: u32,
    /// Time between two sweeps of the outbox.
    pub sweep_every_ms: u64,
    /// First and longest time before a packet that arrived without an answer is asked about again.
    pub inspect_every_ms: (u64, u64),
    /// First and longest time before something that failed is tried again.
    pub retry_ms: (u64, u64),
    /// After this an action without an answer counts as failed.
    pub patience_ms: u64,
    /// Seed of the jitter; any number, different for each relayer.
    pub seed: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_packets_max: 64,
            batch_bytes_max: 512 << 10,
            tracked_packets_max: 10_000,
            sweep_packets_max: 256,
            sweep_every_ms: 30_000,
            inspect_every_ms: (10_000, 300_000),
            retry_ms: (100, 30_000),
            patience_ms: 120_000,
            seed: 0,
        }
    }
}

/// Something that was seen. Observations may come late, twice and in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// A newer verified header of the source.
    SourceHead(Head),
    /// A newer verified header of the destination.
    DestinationHead(Head),
    /// Block `height` of the source committed the packet.
    Sent {
        /// The packet.
        packet: Packet,
        /// The block.
        height: Height,
    },
    /// The packet's receipt stands on the destination after block `height`.
    Arrived {
        /// The packet's sequence.
        sequence: u64,
        /// The block.
        height: Height,
    },
    /// No receipt stands on the destination after block `height`.
    NotArrived {
        /// The packet's sequence.
        sequence: u64,
        /// The block.
        height: Height,
    },
    /// The packet's acknowledgement stands on the destination after block `height`.
    Answered {
        /// The packet's sequence.
        sequence: u64,
        /// The acknowledgement's bytes.
        acknowledgement: Vec<u8>,
        /// The block.
        height: Height,
    },
    /// The packet's commitment was proven absent under the source's header `header`.
    Missing {
        /// The packet's sequence.
        sequence: u64,
        /// The header.
        header: Height,
    },
    /// The source deleted the packet's commitment: it was acknowledged or timed out.
    Settled {
        /// The packet's sequence.
        sequence: u64,
    },
    /// A page of the source's outbox: the answer to [`Task::Sweep`].
    Outbox {
        /// The first sequence that was asked for.
        from: u64,
        /// What stands, by sequence.
        packets: Vec<Packet>,
        /// Whether nothing stands after the last of them.
        complete: bool,
        /// A height that the source had reached before it was asked.
        as_of: Height,
    },
}

/// Names an action until it is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionId(u64);

/// Something to do. Actions are independent: the driver may carry them out at the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Its name.
    pub id: ActionId,
    /// What is to be done.
    pub task: Task,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Prove the packets' commitments under a source header at or above `header`, and deliver them in one transaction
    /// with the client's update. A commitment that is absent is observed as [`Observation::Missing`] and left out.
    Deliver {
        /// The packets.
        packets: Vec<Packet>,
        /// The lowest header that they are provable under.
        header: Height,
    },
    /// Prove the acknowledgements under a destination header at or above `header`, and return them to the source.
    Acknowledge {
        /// Packets and their acknowledgements.
        answers: Vec<(Packet, Vec<u8>)>,
        /// The lowest header that they are provable under.
        header: Height,
    },
    /// Prove absence of the receipts under a destination header at or above `header`, whose time is at or past all the
    /// packets' timeouts, and time them out on the source. A receipt that stands is observed as
    /// [`Observation::Arrived`] and left out.
    TimeOut {
        /// The packets.
        packets: Vec<Packet>,
        /// The lowest header that will do.
        header: Height,
    },
    /// Ask the destination about each packet: observe [`Observation::Arrived`] (and [`Observation::Answered`]) or
    /// [`Observation::NotArrived`].
    Inspect {
        /// Their sequences.
        sequences: Vec<u64>,
    },
    /// Ask the source for its outbox and observe [`Observation::Outbox`].
    Sweep {
        /// From this sequence on.
        from: u64,
        /// At most so many.
        limit: u32,
    },
}

/// What came of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The transaction is in block `height` and was carried out.
    Committed {
        /// The block.
        height: Height,
        /// Sequences of the packets that it held.
        carried: Vec<u64>,
    },
    /// The chain, or the driver's own verification, refused the transaction.
    Refused {
        /// Sequences of the packets that it held.
        carried: Vec<u64>,
    },
    /// The question was answered, or nothing was left to submit; what was learnt was observed.
    Answered,
    /// Nothing is known to have happened; it is worth trying again.
    Failed,
}

/// How many packets stand where: what an operator asks first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Found in the outbox, not asked about yet.
    pub unknown: usize,
    /// Not arrived at the destination.
    pub undelivered: usize,
    /// Arrived, not answered.
    pub arrived: usize,
    /// Answered, the answer not returned yet.
    pub answered: usize,
    /// Actions under way.
    pub actions: usize,
}
