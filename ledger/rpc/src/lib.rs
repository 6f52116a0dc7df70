//! CometBFT's JSON-RPC (v0.38) as types: what the embedded engine serves, what the adapter reads from an embedded
//! ledger and from a CometBFT node alike.
//!
//! Wire types and domain types differ; [`convert`] is the one place where one becomes the other. Reading bounds nothing
//! by itself: who reads from a socket bounds the bytes first. This crate knows no transport and judges no proof.

pub mod abci;
pub mod block;
pub mod convert;
pub mod encoding;
pub mod event;
pub mod jsonrpc;
pub mod node;
pub mod tx;
pub mod validator;
