//! The same ledger without its thread and its socket: its owner says when a block is made. For simulation, where a thread
//! would be chance. Blocks, their durability and their recovery are those of the engine; only who waits is another.

use crate::config::EngineConfig;
use crate::engine::{Handle, open_over};
use crate::fault::EngineError;
use crate::store::BlockStore;
use crate::writer::Writer;
use comity_ledger_app::App;
use redb::StorageBackend;
use std::sync::Arc;
use std::time::Duration;

/// A ledger that makes a block when it is told to. Dropping it closes its files.
pub struct Stepper {
    handle: Handle,
    writer: Writer,
}

impl Stepper {
    /// Opens the ledger over its two files, carries out again what a crash left behind, and makes a first, empty block.
    /// `config.storage` and `config.rpc` are not used.
    pub fn open(
        config: EngineConfig,
        blocks: impl StorageBackend,
        state: impl StorageBackend,
    ) -> Result<Self, EngineError> {
        config.check()?;
        let (shared, writer) = open_over(config, BlockStore::over(blocks)?, App::with_backend(state)?)?;
        Ok(Self { handle: Handle { shared: Arc::new(shared) }, writer })
    }

    /// A handle for others. [`Handle::submit`] needs threads; [`Handle::hand_in`] does not.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// How long to wait for work before a block is made all the same; zero where one is to follow at once.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.writer.patience()
    }

    /// Makes the next block of what waits; durable, with its state, when it returns. After an error nothing more can be
    /// made: open it anew.
    pub fn step(&mut self) -> Result<(), EngineError> {
        // Takes note of what came since the last look; there is nothing to wait for.
        let _ = self.writer.pool.wait(Duration::ZERO);
        self.writer.make_block()
    }
}

impl Drop for Stepper {
    fn drop(&mut self) {
        self.writer.pool.stop(&crate::fault::SubmitError::Stopped);
        self.handle.shared.close();
    }
}
