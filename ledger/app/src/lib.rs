//! The chain application: deterministic modules over a Merkle store.
//!
//! One [`App`] is the state machine of one institution's chain: members, governance, light clients, packets, records,
//! orders on the court's side, decisions and holds on the institution's side, due dates, and the tree over header
//! hashes. It runs in the embedded engine and, unchanged, under CometBFT.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::expect_used, clippy::panic, clippy::unwrap_used))]

pub mod abci;
mod agreements;
mod app;
mod clients;
mod decisions;
mod deposits;
mod due;
mod genesis;
mod governance;
mod headers;
mod holds;
mod indexes;
#[cfg(test)]
mod life;
mod members;
mod notices;
mod obligations;
mod orders;
mod packets;
mod proposal;
mod query;
mod records;
mod refusal;
mod side;
pub mod snapshots;
mod store;
mod transaction;
mod tree;
mod working;

pub use abci::{AppError, Block, Finalized, Info, InitResponse, Prepare, Process, Query, QueryResponse, TxResult};
pub use app::{App, Reader};
pub use decisions::outcome_code;
pub use refusal::Reason;
