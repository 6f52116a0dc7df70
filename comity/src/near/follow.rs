//! Following a chain whose engine runs in this process: its own blocks as they become durable, and the RPC's once it has
//! stopped. A stopped engine is silent, so it is asked from time to time whether it runs.

use comity_adapters_ports::{BlockEvents, Events, PortError};
use comity_ledger_engine::{CommittedBlock, Handle};
use comity_model::Height;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::time::Instant;

/// Without a block for so long, an engine that runs is reported as silent: several of a chain's heartbeats.
const SILENCE: Duration = Duration::from_secs(20);
/// How often an engine without blocks is asked whether it runs.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Every block from `from` on, in order and without gaps.
pub(super) fn blocks(
    engine: Handle,
    far: Arc<dyn Events>,
    from: Height,
) -> BoxStream<'static, Result<BlockEvents, PortError>> {
    let announced = engine.subscribe();
    let next = Height(from.0.max(1));
    let follower = Follower { engine, announced, far, next, stopped: None, last: Instant::now() };
    let advance = |mut follower: Follower| async move {
        let block = follower.advance().await?;
        Some((block, follower))
    };
    stream::unfold(follower, advance).boxed()
}

struct Follower {
    engine: Handle,
    announced: Receiver<Arc<CommittedBlock>>,
    far: Arc<dyn Events>,
    next: Height,
    /// What is followed once the engine has stopped.
    stopped: Option<BoxStream<'static, Result<BlockEvents, PortError>>>,
    /// When the last block or the last report of silence was.
    last: Instant,
}

impl Follower {
    /// `None` where the RPC's stream has ended.
    async fn advance(&mut self) -> Option<Result<BlockEvents, PortError>> {
        loop {
            if let Some(far) = &mut self.stopped {
                return far.next().await;
            }
            match self.engine.latest() {
                Some(newest) if newest.height() == self.next => return Some(Ok(self.progress(events_of(&newest)))),
                Some(newest) if newest.height() > self.next => {
                    match read(self.engine.clone(), self.next).await {
                        Some(block) => return Some(Ok(self.progress(block))),
                        None => self.leave(),
                    }
                    continue;
                }
                _ => {}
            }
            match tokio::time::timeout(LOOK_EVERY, self.announced.recv()).await {
                // A bell only: what was announced, and what was missed, is looked for above.
                Ok(_) => {}
                Err(_) if self.engine.events(Height(u64::MAX)).is_err() => self.leave(),
                Err(_) if self.last.elapsed() >= SILENCE => {
                    let silent = self.last.elapsed().as_secs();
                    self.last = Instant::now();
                    return Some(Err(PortError::Silent(silent)));
                }
                Err(_) => {}
            }
        }
    }

    fn progress(&mut self, block: BlockEvents) -> BlockEvents {
        self.next = block.height.next();
        self.last = Instant::now();
        block
    }

    fn leave(&mut self) {
        tracing::debug!(chain = %self.engine.status().chain, "the engine has stopped; following its RPC");
        self.stopped = Some(self.far.follow(self.next));
    }
}

/// The block of `height` from the engine's files; `None` where they are closed, or have it no longer.
async fn read(engine: Handle, height: Height) -> Option<BlockEvents> {
    let events = tokio::task::spawn_blocking(move || engine.events(height)).await;
    events.ok()?.ok()?.map(|events| BlockEvents { height, events })
}

/// What a block reported, in order: due dates run before transactions.
fn events_of(block: &CommittedBlock) -> BlockEvents {
    let in_transactions = block.results.iter().flat_map(|result| &result.events);
    BlockEvents { height: block.height(), events: block.events.iter().chain(in_transactions).cloned().collect() }
}
