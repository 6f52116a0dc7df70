//! The embedded engine: blocks, durability and the CometBFT RPC of one ledger.
//!
//! One process, one operator: it holds the validators' keys itself, makes blocks that real CometBFT light clients
//! follow, and serves CometBFT's JSON-RPC. It is the default for development, sandboxes and institutions that run their
//! chain alone, and says so at start; many operators run the same application under CometBFT instead.

mod block;
mod chain;
mod clock;
mod config;
mod engine;
mod fault;
mod keys;
mod outcome;
mod pool;
mod rpc;
mod stepper;
mod store;
mod writer;

pub use clock::{Clock, ManualClock, SystemClock};
pub use config::{EngineConfig, Limits, Storage};
pub use engine::{Engine, EngineStatus, Entered, Handle};
pub use fault::{EngineError, SubmitError};
pub use keys::ValidatorKey;
pub use outcome::{CommittedBlock, TxOutcome};
pub use pool::PoolSize;
pub use stepper::Stepper;
