//! Logs of deposits: what an institution has taken into its keeping by digest, in an order that never changes.
//!
//! A log is a journal on disk (the truth), its Merkle tree as tiles that anyone can fetch, and an index by digest. It answers
//! with places and proofs; what they prove is decided by `comity-verify`, and that a chain took the log's head up is the
//! business of the gateway.

mod batch;
mod fault;
mod frame;
mod index;
mod journal;
mod log;
mod mark;
mod sequencer;
mod tree;

pub use batch::{Batch, Deposit};
pub use fault::LogFault;
pub use journal::Stored;
pub use log::{Found, Log, Options};
pub use sequencer::{Appended, Busy, Refused};
