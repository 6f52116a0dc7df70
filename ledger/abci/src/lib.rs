//! The chain application under CometBFT v0.38: ABCI 2.0 over a local socket.
//!
//! One CometBFT node and this server are one validator. The node orders transactions and keeps the blocks; everything
//! that they mean is [`comity_ledger_app::App`]'s, which does not learn who calls it. Refuses to know the network, keys
//! of validators, and any address that another machine could reach.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::expect_used, clippy::panic, clippy::unwrap_used))]

mod address;
mod application;
mod connection;
mod convert;
mod fault;
mod frame;
mod genesis;
mod restore;
mod server;
mod snapshots;

pub use address::{Address, BadAddress};
pub use fault::AbciError;
pub use frame::{FRAME_BYTES_MAX, FrameError, read_frame, write_frame};
pub use server::{Server, ServerConfig};
pub use snapshots::SnapshotConfig;
