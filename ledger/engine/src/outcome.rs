//! What the engine tells of transactions and blocks once they are durable. Knows no wire format.

use comity_ledger_app::TxResult;
use comity_model::event::Event;
use comity_model::governance::ValidatorUpdate;
use comity_model::{Hash, Height};
use comity_verify::comet::{BlockId, Commit, Header};

/// What became of a transaction: it stands in a durable block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxOutcome {
    /// SHA-256 of the transaction.
    pub hash: Hash,
    /// Its block.
    pub height: Height,
    /// Its place in the block.
    pub index: u32,
    /// Carried out or refused.
    pub result: TxResult,
}

/// A durable block and what it came to.
#[derive(Clone, Debug)]
pub struct CommittedBlock {
    /// Its id: the header's hash and the block's parts.
    pub id: BlockId,
    /// Its header.
    pub header: Header,
    /// The signatures for it.
    pub commit: Commit,
    /// The signatures for the block before, which it carries; `None` at height 1.
    pub last_commit: Option<Commit>,
    /// Its transactions.
    pub txs: Vec<Vec<u8>>,
    /// One result a transaction.
    pub results: Vec<TxResult>,
    /// Events outside transactions.
    pub events: Vec<Event>,
    /// Changed validators, in force two blocks later.
    pub validator_updates: Vec<ValidatorUpdate>,
    /// Hash of the state after it: it stands in the next header.
    pub app_hash: Hash,
}

impl CommittedBlock {
    /// Its height.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.header.height
    }
}
