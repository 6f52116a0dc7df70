//! What every kind of chain offers to the relayer and the gateway: headers, proofs, events, submission.
//!
//! The ports are small on purpose: whatever an adapter says is believed only after `verify` has judged it, so an adapter
//! can delay and hide, never forge. Nothing here knows a kind of chain, a transport or a store.

mod operator;
mod outpost;

pub use operator::{Operator, signed, transaction_hash};
pub use outpost::{Courier, Outpost};

use async_trait::async_trait;
use comity_model::event::Event;
use comity_model::order::{ReceivedId, ReceivedOrder};
use comity_model::packet::Packet;
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{ChainId, ClientId, Hash, Height, ReasonCode};
use comity_verify::comet::LightBlock;
use comity_verify::light::Contradiction;
use futures::stream::BoxStream;
use std::sync::Arc;

/// Headers of a chain, unverified.
#[async_trait]
pub trait Headers: Send + Sync {
    /// The chain it claims to be.
    fn chain(&self) -> &ChainId;

    /// The latest height with a commit.
    async fn latest(&self) -> Result<Height, PortError>;

    /// The header of `height` with its commit and its own validator set. [`PortError::NotYet`] for a height that does
    /// not exist yet, [`PortError::Gone`] for one that was pruned.
    async fn light_block(&self, height: Height) -> Result<LightBlock, PortError>;
}

/// State with proof.
#[async_trait]
pub trait Prover: Send + Sync {
    /// The value at `path`, or its absence, with an ICS-23 proof under the app hash of header `header`: that is the
    /// state after block `header − 1`. [`PortError::NotYet`] when that header does not exist yet.
    async fn prove(&self, path: &StatePath, header: Height) -> Result<StateProof, PortError>;

    /// Inclusion of the header hash of `height` in the tree over header hashes of `size` leaves (leaf 0 is height 1).
    async fn header_proof(&self, height: Height, size: u64) -> Result<Vec<Hash>, PortError>;
}

/// A value or its absence, and the proof: not believed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateProof {
    /// The value; `None` is a claim of absence.
    pub value: Option<Vec<u8>>,
    /// Encoded ICS-23 `CommitmentProof`.
    pub proof: Vec<u8>,
    /// The header whose app hash the proof is under.
    pub header: Height,
}

/// What happened on a chain: hints for those who then ask for proof.
#[async_trait]
pub trait Events: Send + Sync {
    /// Every block from `from` on, in order and without gaps, as it is committed; reconnects by itself. Yields an error
    /// when the source is silent for longer than the chain's heartbeat allows, and goes on afterwards.
    fn follow(&self, from: Height) -> BoxStream<'static, Result<BlockEvents, PortError>>;

    /// Packets sent over `client` whose commitments still stand, by sequence from `from` on, at most `limit`.
    async fn outbox(&self, client: &ClientId, from: u64, limit: u32) -> Result<Vec<Packet>, PortError>;

    /// The acknowledgement that this chain wrote for packet `sequence` received over `client`.
    async fn acknowledgement(&self, client: &ClientId, sequence: u64) -> Result<Option<Vec<u8>>, PortError>;

    /// Orders received and not decided, by client and id after `after`, at most `limit`.
    async fn pending(&self, after: Option<ReceivedId>, limit: u32) -> Result<Vec<ReceivedOrder>, PortError>;

    /// What this chain's light client `client` was frozen with: the last time, or so many times before; `None` where it was not.
    /// Whoever reads it checks it ([`Contradiction::check`]).
    async fn contradiction(&self, client: &ClientId, back: u32) -> Result<Option<Contradiction>, PortError>;
}

/// What a block reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockEvents {
    /// Its height.
    pub height: Height,
    /// Its events, in order.
    pub events: Vec<Event>,
}

/// Submission.
#[async_trait]
pub trait Submit: Send + Sync {
    /// Submits `messages` as one transaction and waits until it is in a committed block, at most the adapter's own
    /// limit. Repeating it is harmless: messages are idempotent.
    async fn submit(&self, messages: Vec<Message>) -> Result<Outcome, PortError>;
}

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was carried out.
    Committed {
        /// Its hash, by which the chain names it ([`transaction_hash`]). Not believed more than the rest: messages that
        /// stood already are carried out without a change.
        tx: Hash,
        /// The block it is in.
        height: Height,
        /// Its events.
        events: Vec<Event>,
    },
    /// The chain refused it; nothing changed.
    Refused {
        /// Why.
        code: ReasonCode,
        /// The chain's words, for operators.
        detail: String,
    },
}

impl Outcome {
    /// A refusal by `code`, or by `REFUSED_BY_CHAIN` where that is no reason code: not every application names one. Of the
    /// words so much is kept as belongs into a log.
    #[must_use]
    pub fn refused(code: &str, detail: &str) -> Self {
        Self::Refused { code: code.parse().unwrap_or_else(|_| unnamed()), detail: detail.chars().take(500).collect() }
    }
}

fn unnamed() -> ReasonCode {
    #[allow(clippy::expect_used)] // a constant of the right form
    "REFUSED_BY_CHAIN".parse().expect("a reason code")
}

/// A chain with all its ports.
#[derive(Clone)]
pub struct Chain {
    /// Its headers.
    pub headers: Arc<dyn Headers>,
    /// Its state.
    pub prover: Arc<dyn Prover>,
    /// Its events.
    pub events: Arc<dyn Events>,
    /// The way in.
    pub submit: Arc<dyn Submit>,
}

/// Why a port did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// The height does not exist yet; ask again after the next block.
    #[error("height {0} does not exist yet")]
    NotYet(Height),
    /// The height was pruned.
    #[error("height {0} is no longer kept by this node")]
    Gone(Height),
    /// No answer, or one that says "try later".
    #[error("the node does not answer: {0}")]
    Unavailable(String),
    /// An answer that is not of the protocol's form, or over its size limit.
    #[error("the node's answer is malformed: {0}")]
    Malformed(String),
    /// No block for longer than the heartbeat allows.
    #[error("no block for {0} seconds")]
    Silent(u64),
}

impl PortError {
    /// Whether asking again later can help.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::NotYet(_) | Self::Unavailable(_) | Self::Silent(_))
    }
}
