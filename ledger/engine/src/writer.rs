//! The one thread that makes blocks, and when it makes them: on work, to prove a changed state, at a due date, at a
//! heartbeat. Knows no block's content.

use crate::chain::{Chain, Made};
use crate::clock::Clock;
use crate::fault::{EngineError, SubmitError};
use crate::outcome::{CommittedBlock, TxOutcome};
use crate::pool::{Pool, Woken};
use comity_ledger_app::abci::TXS_PER_BLOCK_MAX;
use comity_model::{Hash, Time, UnixSeconds};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{broadcast, watch};

/// How many blocks in a row may be made only because something was left out.
const CATCH_UP_MAX: u32 = 3;

/// What the writer shows to everybody else.
pub(crate) struct Window {
    latest: RwLock<Option<Arc<CommittedBlock>>>,
    halted: watch::Sender<Option<SubmitError>>,
    blocks: broadcast::Sender<Arc<CommittedBlock>>,
}

impl Window {
    pub(crate) fn new(lag_max: usize) -> Self {
        Self { latest: RwLock::default(), halted: watch::Sender::new(None), blocks: broadcast::Sender::new(lag_max) }
    }

    /// The last durable block.
    pub(crate) fn latest(&self) -> Option<Arc<CommittedBlock>> {
        self.latest.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why no more blocks are made, if a fault is the reason.
    pub(crate) fn halted(&self) -> Option<SubmitError> {
        self.halted.borrow().clone()
    }

    /// Waits for a fault that ends the making of blocks.
    pub(crate) async fn until_halted(&self) -> SubmitError {
        let mut halted = self.halted.subscribe();
        loop {
            if let Some(why) = halted.borrow_and_update().clone() {
                return why;
            }
            // The sender is `self`: it is not dropped while this waits.
            let _ = halted.changed().await;
        }
    }

    /// Durable blocks from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<CommittedBlock>> {
        self.blocks.subscribe()
    }

    pub(crate) fn show(&self, block: Arc<CommittedBlock>) {
        *self.latest.write().unwrap_or_else(PoisonError::into_inner) = Some(block);
    }

    fn halt(&self, why: SubmitError) {
        self.halted.send_replace(Some(why));
    }
}

/// The writer.
pub(crate) struct Writer {
    pub(crate) chain: Chain,
    pub(crate) pool: Arc<Pool>,
    pub(crate) window: Arc<Window>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) heartbeat: Duration,
    pub(crate) block_bytes_max: usize,
    pub(crate) pace: Pace,
}

/// Whether the next block is to follow at once.
#[derive(Default)]
pub(crate) struct Pace {
    at_once: bool,
    /// How many blocks in a row were made only because something was left out.
    catch_up: u32,
}

impl Writer {
    /// Makes the first block after a start. It is empty, so that block time catches up before anything is judged by it.
    pub(crate) fn begin(&mut self) -> Result<(), EngineError> {
        let made = self.chain.make(Vec::new(), self.clock.now())?;
        self.publish(&[], made);
        // It may have left the chain's time at or past a due date.
        self.pace.at_once = self.fell_due().is_some();
        Ok(())
    }

    /// Makes blocks until the pool stops or a fault ends it.
    pub(crate) fn run(mut self) {
        let pool = Arc::clone(&self.pool);
        let window = Arc::clone(&self.window);
        // Whatever this thread held is dropped with it; the pool and the window are whole after each of their calls.
        let end = catch_unwind(AssertUnwindSafe(move || self.make_blocks()));
        let error = match end {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(_) => EngineError::Thread { reason: "the writer panicked".into() },
        };
        tracing::error!(code = error.code(), error = &error as &dyn std::error::Error, "the chain has halted");
        let why = SubmitError::Halted { code: error.code(), reason: error.to_string() };
        window.halt(why.clone());
        pool.stop(&why);
    }

    fn make_blocks(&mut self) -> Result<(), EngineError> {
        while self.pool.wait(self.patience()) != Woken::Stop {
            self.make_block()?;
        }
        Ok(())
    }

    /// Makes the next block of what waits.
    pub(crate) fn make_block(&mut self) -> Result<(), EngineError> {
        let now = self.clock.now();
        let offered = self.pool.oldest_with_hash(TXS_PER_BLOCK_MAX, self.block_bytes_max);
        let (hashes, txs): (Vec<Hash>, Vec<Vec<u8>>) = offered.into_iter().unzip();
        let chosen = self.chain.choose(txs, now, self.block_bytes_max);
        let made = self.chain.make(chosen, now)?;
        let (work, time) = (made.work, made.block.header.time);
        let left_out = self.publish(&hashes, made);
        let catch_up = if left_out { self.pace.catch_up.saturating_add(1) } else { 0 };
        // What fell due and changed nothing would fall due for ever.
        let due = self.fell_due().is_some_and(|due| work || time.unix_seconds() < due);
        self.pace = Pace { at_once: work || due || (left_out && catch_up <= CATCH_UP_MAX), catch_up };
        Ok(())
    }

    /// Shows a durable block and answers those who wait for its transactions. Returns whether something was left out.
    fn publish(&self, offered: &[Hash], made: Made) -> bool {
        let Made { block, tx_hashes, .. } = made;
        let height = block.height();
        let outcomes: HashMap<Hash, TxOutcome> = (0u32..)
            .zip(tx_hashes)
            .zip(&block.results)
            .map(|((index, hash), result)| {
                let outcome = TxOutcome { hash, height, index, result: result.clone() };
                (hash, outcome)
            })
            .collect();
        let block = Arc::new(block);
        self.window.show(Arc::clone(&block));
        let left_out = self.pool.settle(offered, &outcomes);
        // Nobody may be listening.
        let _ = self.window.blocks.send(block);
        left_out
    }

    /// The due date that the next block's time has reached.
    fn fell_due(&self) -> Option<UnixSeconds> {
        let reached = self.chain.time().unix_seconds();
        self.chain.next_due().filter(|due| *due <= reached)
    }

    /// How long to wait for work: until the next due date, at most a heartbeat; not at all where a block is to follow.
    pub(crate) fn patience(&self) -> Duration {
        if self.pace.at_once {
            return Duration::ZERO;
        }
        let ahead = self
            .chain
            .next_due()
            .filter(|due| *due > self.chain.time().unix_seconds())
            .and_then(|due| Time::new(i64::try_from(due.0).ok()?, 0))
            .map(|due| due.nanos_since(self.clock.now()));
        let Some(nanos) = ahead else {
            return self.heartbeat;
        };
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).min(self.heartbeat)
    }
}
