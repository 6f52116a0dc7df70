//! Two chains in memory with real keys, headers, commits and proofs: what the embedded engine does, as little of it as
//! the tests need.

pub mod chain;
pub mod keys;
pub mod parties;
pub mod world;
