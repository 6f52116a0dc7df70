//! The tasks that drive the relayer: one view of each chain, one task for each direction of each path.
//!
//! The relayer believes nobody. It verifies the headers of every chain with light clients of its own, and each proof
//! before it submits it. What it carries is verified again by the chain that receives it: a relayer can delay, never
//! forge. Chain state is the truth; the store keeps how far headers were verified, and could be lost.
//!
//! It refuses to know kinds of chains (it drives ports) and payloads (it carries bytes).

mod action;
mod client;
mod clock;
mod direction;
mod events;
mod fault;
mod keeper;
mod light;
mod measure;
mod relayer;
mod share;
mod view;

pub use comity_relayer_engine::Limits;
pub use relayer::{BadConfig, Change, Changed, Relayer};

use comity_adapters_ports::{Chain, Headers};
use comity_model::{ChainId, ClientId};
use comity_store::Store;
use comity_verify::light::Anchor;
use std::sync::Arc;

/// What a relayer serves.
pub struct RelayerConfig {
    /// The chains, each once.
    pub chains: Vec<ChainConfig>,
    /// The paths between them.
    pub paths: Vec<PathConfig>,
    /// Where it keeps how far it verified each chain.
    pub store: Arc<dyn Store>,
    /// Bounds and paces of each direction.
    pub limits: Limits,
}

/// A chain and the root of the relayer's own trust in it.
pub struct ChainConfig {
    /// Its ports; the operator key behind `submit` must be known to the chain.
    pub chain: Chain,
    /// Where its headers are trusted from.
    pub anchor: Anchor,
    /// Other nodes of the same chain, by other operators where possible: a header that one of them contradicts with
    /// valid signatures is evidence of misbehaviour, and is submitted as such.
    pub witnesses: Vec<Arc<dyn Headers>>,
}

/// Two chains that hold a client of each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathConfig {
    /// One chain.
    pub a: ChainId,
    /// The client of `b`, on `a`.
    pub a_client: ClientId,
    /// The other chain.
    pub b: ChainId,
    /// The client of `a`, on `b`.
    pub b_client: ClientId,
}
