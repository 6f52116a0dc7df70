//! What an engine is told before it starts. Read whole before anything is opened; knows no file format.

use crate::clock::{Clock, SystemClock};
use crate::fault::EngineError;
use crate::keys::ValidatorKey;
use comity_model::genesis::Genesis;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Where a ledger keeps its blocks and its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Nowhere: gone with the process. For tests and simulation.
    Memory,
    /// In `blocks.redb` and `state.redb` of this directory, which one process uses at a time.
    Directory(PathBuf),
}

/// What an engine is told.
#[derive(Clone)]
pub struct EngineConfig {
    /// The chain's first state; must be the same at each start.
    pub genesis: Genesis,
    /// Keys of validators, also of some that join later. Those of more than two thirds of the power are needed.
    pub keys: Vec<ValidatorKey>,
    /// Where it is kept.
    pub storage: Storage,
    /// How long the chain may be silent before an empty block shows that it lives. Default 5 s.
    pub heartbeat: Duration,
    /// Where the RPC listens; port 0 takes a free one. Default: loopback, a free port.
    pub rpc: SocketAddr,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Bounds.
    pub limits: Limits,
}

/// Bounds of what the engine takes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most waiting transactions.
    pub pool_count_max: usize,
    /// Most bytes of waiting transactions.
    pub pool_bytes_max: usize,
    /// Most bytes of one transaction.
    pub tx_bytes_max: usize,
    /// Most bytes of the transactions of one block.
    pub block_bytes_max: usize,
    /// Most bytes of an RPC request's body, or of a websocket message.
    pub rpc_body_bytes_max: usize,
    /// Most RPC requests at work at once.
    pub rpc_requests_max: usize,
    /// Most websocket connections.
    pub rpc_websockets_max: usize,
    /// How long `broadcast_tx_commit` waits for the block.
    pub rpc_commit_timeout: Duration,
    /// How many blocks a subscriber may fall behind before it is cut off.
    pub subscriber_lag_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pool_count_max: 10_000,
            pool_bytes_max: 64 << 20,
            tx_bytes_max: comity_model::tx::TX_BYTES_MAX,
            block_bytes_max: 8 << 20,
            rpc_body_bytes_max: 2 << 20,
            rpc_requests_max: 256,
            rpc_websockets_max: 64,
            rpc_commit_timeout: Duration::from_secs(10),
            subscriber_lag_max: 256,
        }
    }
}

impl EngineConfig {
    /// The defaults for a chain in memory.
    #[must_use]
    pub fn new(genesis: Genesis, keys: Vec<ValidatorKey>) -> Self {
        Self {
            genesis,
            keys,
            storage: Storage::Memory,
            heartbeat: Duration::from_secs(5),
            rpc: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            clock: Arc::new(SystemClock),
            limits: Limits::default(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), EngineError> {
        let refuse = |reason: &str| Err(EngineError::Config { reason: reason.into() });
        let limits = &self.limits;
        if self.heartbeat < Duration::from_millis(10) {
            return refuse("the heartbeat must be at least 10 ms");
        }
        if limits.tx_bytes_max > limits.block_bytes_max {
            return refuse("a block must have room for the largest transaction");
        }
        // CometBFT's bound of a whole block, header and commit included.
        if limits.block_bytes_max > 20 << 20 {
            return refuse("the transactions of a block must be at most 20 MiB");
        }
        if limits.pool_count_max == 0 || limits.pool_bytes_max < limits.tx_bytes_max {
            return refuse("the pool must have room for the largest transaction");
        }
        if limits.subscriber_lag_max == 0 || limits.rpc_requests_max == 0 {
            return refuse("a bound is zero");
        }
        Ok(())
    }
}
