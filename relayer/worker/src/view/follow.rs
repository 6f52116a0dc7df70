//! Following the node: events to whoever listens, heights to the light client.

use super::{Hint, Reached, View};
use crate::clock::Backoff;
use crate::measure;
use comity_adapters_ports::{BlockEvents, PortError};
use comity_model::Height;
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;

impl View {
    /// Runs until it is cancelled. It begins at the newest block: what happened before is found in the outboxes.
    pub(super) async fn follow(&self) {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
        loop {
            match self.chain.headers.latest().await {
                Ok(latest) => {
                    backoff.reset();
                    self.reach(latest, false);
                    // Listeners may have been there before a restart of the stream.
                    let _ = self.events.send(Hint::Lost);
                    self.follow_from(latest.next()).await;
                }
                Err(error) => {
                    tracing::debug!(chain = %self.id, %error, "the node does not answer");
                    measure::fault(self.id.as_str(), &error.into());
                }
            }
            tokio::time::sleep(backoff.pause()).await;
        }
    }

    /// Ends when blocks are gone that were not seen.
    async fn follow_from(&self, from: Height) {
        let mut blocks = self.chain.events.follow(from);
        while let Some(item) = blocks.next().await {
            match item {
                Ok(block) => self.announce(block),
                Err(PortError::Silent(seconds)) => {
                    tracing::warn!(chain = %self.id, seconds, "no block for longer than the heartbeat allows");
                    measure::silence(&self.id);
                }
                Err(PortError::Gone(height)) => {
                    tracing::warn!(chain = %self.id, %height, "the node no longer has a block that was not seen");
                    return;
                }
                Err(error) => {
                    tracing::debug!(chain = %self.id, %error, "following was interrupted");
                    measure::fault(self.id.as_str(), &error.into());
                }
            }
        }
    }

    fn announce(&self, block: BlockEvents) {
        self.reach(block.height, !block.events.is_empty());
        // Nobody may be listening.
        let _ = self.events.send(Hint::Block(Arc::new(block)));
    }

    fn reach(&self, height: Height, more_follows: bool) {
        self.reached.send_if_modified(|reached| {
            let newer = height > reached.height;
            if newer {
                *reached = Reached { height, more_follows };
            }
            newer
        });
    }
}
