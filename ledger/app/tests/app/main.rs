//! The application as its neighbours see it: whole chains with real keys, headers and proofs.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod agreements;
mod changes;
mod deposits;
mod holds;
mod orders;
mod packets;
mod random;
mod snapshots;
mod state;
mod support;
mod transactions;
