//! The application's surface in the shape of ABCI 2.0: requests, answers and the faults that stop a chain.
//!
//! These types know no transport: the embedded engine calls them in process, and a server under CometBFT maps them to
//! its messages one to one.

use comity_model::event::Event;
use comity_model::governance::ValidatorUpdate;
use comity_model::{Hash, Height, Time, UnixSeconds};

/// The version of the application, as headers name it.
pub const APP_VERSION: u64 = 1;
/// Most transactions in one block.
pub const TXS_PER_BLOCK_MAX: usize = 2_000;
/// Most messages in one transaction.
pub const MESSAGES_PER_TX_MAX: usize = 256;

/// Where the application stands: the last block that it has durably committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Its height; 0 before the first block.
    pub height: Height,
    /// The hash of the state after it (it stands in the header of `height + 1`); [`Hash::ZERO`] before genesis.
    pub app_hash: Hash,
    /// The block's header time; the genesis time at height 0, `None` before genesis.
    pub time: Option<Time>,
    /// When the next due date falls, if one is set: the engine should make a block then.
    pub next_due: Option<UnixSeconds>,
}

/// The answer to a chain's first state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitResponse {
    /// The first validators, in the order of genesis.
    pub validators: Vec<ValidatorUpdate>,
    /// The hash of the first state: it stands in the header of height 1.
    pub app_hash: Hash,
}

/// What a proposer asks before it makes a block.
#[derive(Clone, Debug)]
pub struct Prepare {
    /// The block's height.
    pub height: Height,
    /// The block's header time.
    pub time: Time,
    /// The proposer's clock: only here, and only to leave things out.
    pub now: Time,
    /// The transactions that wait, oldest first.
    pub txs: Vec<Vec<u8>>,
    /// The most bytes that the block's transactions may have together.
    pub bytes_max: usize,
}

/// A proposed block to be judged.
#[derive(Clone, Debug)]
pub struct Process<'a> {
    /// The block's height.
    pub height: Height,
    /// The block's header time.
    pub time: Time,
    /// Its transactions.
    pub txs: &'a [Vec<u8>],
}

/// A decided block to be carried out.
#[derive(Clone, Debug)]
pub struct Block<'a> {
    /// Its height: one more than [`Info::height`].
    pub height: Height,
    /// Its header time: this is "now" for every rule of the chain.
    pub time: Time,
    /// The hash of its header.
    pub hash: Hash,
    /// Its transactions, in order.
    pub txs: &'a [Vec<u8>],
}

/// What a block came to. Nothing is durable before [`crate::App::commit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finalized {
    /// The hash of the state after the block: it stands in the next header.
    pub app_hash: Hash,
    /// One result a transaction, in order.
    pub tx_results: Vec<TxResult>,
    /// Events of due dates, which run before the transactions.
    pub events: Vec<Event>,
    /// Changed validators; in force two blocks later. Power 0 removes.
    pub validator_updates: Vec<ValidatorUpdate>,
    /// Whether the state is another one than before the block: then a block that proves it is wanted.
    pub work: bool,
    /// When the next due date falls. At or before the block's time: more fell due than one block may carry out, and
    /// the next block should come at once.
    pub next_due: Option<UnixSeconds>,
}

/// The result of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxResult {
    /// 0 carried out, 1 refused.
    pub code: u32,
    /// The reason code (`UPPER_SNAKE`) when refused, empty otherwise.
    pub codespace: String,
    /// A sentence for people when refused, empty otherwise. Never personal data.
    pub log: String,
    /// What happened, in order. A refused transaction reports at most evidence.
    pub events: Vec<Event>,
}

impl TxResult {
    /// Whether the transaction was (or may be) carried out.
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        self.code == 0
    }
}

/// A question to the committed state.
#[derive(Clone, Debug)]
pub struct Query<'a> {
    /// `/state`, `/outbox`, `/ack`, `/pending`, `/header-proof`, `/clients`.
    pub path: &'a str,
    /// The path's argument; see [`crate::App::query`].
    pub data: &'a [u8],
    /// The state after this block; `None` for the last one. Only `/state` knows earlier ones.
    pub height: Option<Height>,
    /// Whether `/state` shall be proven.
    pub prove: bool,
}

/// The answer to a [`Query`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryResponse {
    /// 0 answered, 1 refused.
    pub code: u32,
    /// The reason code when refused, empty otherwise.
    pub codespace: String,
    /// A sentence for people when refused, empty otherwise.
    pub log: String,
    /// The state key asked for (`/state`), empty otherwise.
    pub key: Vec<u8>,
    /// The value; empty when there is none (no value of the state is empty).
    pub value: Vec<u8>,
    /// An ICS-23 `CommitmentProof` (protobuf) of the value or of its absence, empty when not asked for.
    pub proof: Vec<u8>,
    /// The height after which the state was read: the proof is against the app hash in the header of `height + 1`.
    pub height: Height,
}

/// A fault on our side: the block cannot be carried out and the chain must stop. Input never causes one.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The state's file was not opened: damaged, newer than this program, in use.
    #[error("the state's file was not opened")]
    File(#[from] comity_store_file::FileError),
    /// The database failed.
    #[error("the state's database failed while {doing}")]
    Store {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: Box<redb::Error>,
    },
    /// The Merkle tree failed.
    #[error("the state tree failed while {doing}: {reason}")]
    Tree {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        reason: String,
    },
    /// Stored bytes are not what they must be.
    #[error("stored bytes are not {what}: the state is damaged")]
    Damaged {
        /// What they must be.
        what: &'static str,
    },
    /// Blocks must come in order and after genesis.
    #[error("expected block {expected}, got {found}")]
    WrongHeight {
        /// The height that follows.
        expected: Height,
        /// The height that came.
        found: Height,
    },
    /// Nothing works before genesis.
    #[error("the chain has no genesis yet")]
    NoGenesis,
    /// Another genesis than the one the chain began with, or a chain that already has blocks.
    #[error("the chain already began with another genesis, or already has blocks")]
    OtherGenesis,
    /// A genesis that breaks a rule.
    #[error("the genesis is not acceptable: {reason}")]
    BadGenesis {
        /// Which rule.
        reason: String,
    },
    /// `commit` without a finalized block.
    #[error("there is no finalized block to commit")]
    NothingToCommit,
}
