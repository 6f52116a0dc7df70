//! Following a chain: every block in order and without gaps. Announcements make it fast; asking makes it complete.

use crate::CometChain;
use crate::websocket::Subscription;
use async_trait::async_trait;
use comity_adapters_ports::{BlockEvents, Events, PortError};
use comity_ledger_rpc::abci::{BlockResults, Event, ExecTxResult};
use comity_ledger_rpc::jsonrpc::Request;
use comity_model::event::Event as Hint;
use comity_model::order::{ReceivedId, ReceivedOrder};
use comity_model::packet::Packet;
use comity_model::{ClientId, Height, encode};
use comity_verify::light::Contradiction;
use futures::stream::{self, BoxStream, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Longest wait for a websocket to open, and between two attempts to open one.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(3);
/// First and longest pause after an error.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

pub(crate) struct Source(pub(crate) Arc<CometChain>);

#[async_trait]
impl Events for Source {
    fn follow(&self, from: Height) -> BoxStream<'static, Result<BlockEvents, PortError>> {
        let follower = Follower {
            chain: Arc::clone(&self.0),
            next: from.0.max(1),
            subscription: None,
            subscribe_at: Instant::now(),
            announced: None,
            caught_up: false,
            last_progress: Instant::now(),
            pause: PAUSE.0,
        };
        stream::unfold(follower, |mut follower| async move {
            let item = follower.advance().await;
            Some((item, follower))
        })
        .boxed()
    }

    async fn outbox(&self, client: &ClientId, from: u64, limit: u32) -> Result<Vec<Packet>, PortError> {
        let question = encode(&(client.clone(), from, limit));
        let packets: Vec<Packet> = self.0.ask("the outbox", "/outbox", &question).await?;
        if packets.len() > limit as usize {
            return Err(PortError::Malformed("the outbox holds more than was asked for".into()));
        }
        Ok(packets)
    }

    async fn acknowledgement(&self, client: &ClientId, sequence: u64) -> Result<Option<Vec<u8>>, PortError> {
        self.0.ask("an acknowledgement", "/ack", &encode(&(client.clone(), sequence))).await
    }

    async fn pending(&self, after: Option<ReceivedId>, limit: u32) -> Result<Vec<ReceivedOrder>, PortError> {
        let pending: Vec<ReceivedOrder> = self.0.ask("pending orders", "/pending", &encode(&(after, limit))).await?;
        if pending.len() > limit as usize {
            return Err(PortError::Malformed("more pending orders than were asked for".into()));
        }
        Ok(pending)
    }

    async fn contradiction(&self, client: &ClientId, back: u32) -> Result<Option<Contradiction>, PortError> {
        self.0.ask("a contradiction", "/contradiction", &encode(&(client.clone(), back))).await
    }
}

struct Follower {
    chain: Arc<CometChain>,
    next: u64,
    subscription: Option<Subscription>,
    subscribe_at: Instant,
    /// The latest announcement: the next block whole, or a sign that there are more to ask for.
    announced: Option<BlockEvents>,
    caught_up: bool,
    last_progress: Instant,
    pause: Duration,
}

impl Follower {
    async fn advance(&mut self) -> Result<BlockEvents, PortError> {
        loop {
            if let Some(block) = self.announced.take_if(|block| block.height.0 == self.next) {
                return Ok(self.progress(block));
            }
            self.subscribe().await;
            if !self.caught_up {
                match self.read().await {
                    Ok(Some(block)) => return Ok(self.progress(block)),
                    Ok(None) => self.caught_up = true,
                    Err(error) => {
                        tokio::time::sleep(self.pause).await;
                        self.pause = (self.pause * 2).min(PAUSE.1);
                        return Err(self.silence().unwrap_or(error));
                    }
                }
            }
            if let Some(silence) = self.silence() {
                return Err(silence);
            }
            self.wait().await;
        }
    }

    fn progress(&mut self, block: BlockEvents) -> BlockEvents {
        self.chain.saw(block.height.0);
        self.next = self.next.saturating_add(1);
        self.last_progress = Instant::now();
        self.pause = PAUSE.0;
        block
    }

    /// Without a subscription the chain is polled; another one is tried from time to time.
    async fn subscribe(&mut self) {
        if self.subscription.is_none() && self.subscribe_at <= Instant::now() {
            self.subscription = Subscription::open(&self.chain.websocket_url, SUBSCRIBE_TIMEOUT).await;
            self.subscribe_at = Instant::now() + SUBSCRIBE_TIMEOUT;
            // Blocks may have passed before it was open.
            self.caught_up = false;
        }
    }

    /// The next block, `None` when there is none yet.
    async fn read(&self) -> Result<Option<BlockEvents>, PortError> {
        let request = Request::block_results(Some(self.next));
        let results: BlockResults = match self.chain.rpc.call(&request).await {
            Ok(results) => results,
            Err(error) => {
                return match self.chain.explain(error, Height(self.next)).await {
                    PortError::NotYet(_) => Ok(None),
                    error => Err(error),
                };
            }
        };
        if results.height != self.next {
            let text = format!("asked for the results of block {}, got {}", self.next, results.height);
            return Err(PortError::Malformed(text));
        }
        let transactions = results.txs_results.iter().flatten();
        Ok(Some(BlockEvents {
            height: Height(results.height),
            events: block_events(&results.finalize_block_events, transactions),
        }))
    }

    fn silence(&mut self) -> Option<PortError> {
        let silent = self.last_progress.elapsed();
        if silent < self.chain.silence_limit {
            return None;
        }
        self.last_progress = Instant::now();
        // It may be the subscription that is silent.
        self.subscription = None;
        self.caught_up = false;
        Some(PortError::Silent(silent.as_secs()))
    }

    /// Waits for an announcement, or until it is time to ask.
    async fn wait(&mut self) {
        let wait = self.chain.poll_interval;
        let Some(subscription) = &mut self.subscription else {
            tokio::time::sleep(wait).await;
            self.caught_up = false;
            return;
        };
        match tokio::time::timeout(wait, subscription.next()).await {
            Ok(Some(block)) => {
                // An old one says nothing; one further ahead says that blocks were missed.
                self.caught_up = block.height.0 <= self.next;
                self.announced = Some(block);
            }
            Ok(None) => {
                self.subscription = None;
                self.caught_up = false;
            }
            Err(_) => self.caught_up = false,
        }
    }
}

/// A block's events in the order they happened: due dates run before transactions.
pub(crate) fn block_events<'a>(due: &'a [Event], transactions: impl Iterator<Item = &'a ExecTxResult>) -> Vec<Hint> {
    let in_transactions = transactions.flat_map(|result| hints(&result.events));
    hints(due).chain(in_transactions).collect()
}

/// Comity's events among those of a block or a transaction.
pub(crate) fn hints(events: &[Event]) -> impl Iterator<Item = Hint> + '_ {
    events.iter().filter_map(Event::hint)
}
