//! Follows the court's agreements: learns what its chain says of them, and looks for each payment when it is due, and now
//! and then before. Everything it does is idempotent at the other end; a restart or a lost event is made good by looking
//! at all that is open, in turn.
//! It refuses to keep anything of its own but the times of its last looks.

use super::desk::AgreementDesk;
use super::evidence::Brought;
use crate::error::ApiError;
use comity_adapters_ports::{BlockEvents, PortError};
use comity_model::agreement::{AgreementEntry, AgreementState};
use comity_model::event::Event;
use comity_model::{AgreementId, Height, UnixSeconds};
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often what is due is looked for.
const TICK: Duration = Duration::from_millis(1_000);
/// How many open agreements one tick reads from the store; the next goes on where it ended.
const PER_TICK_MAX: usize = 1_000;
/// How many are worked on at once.
const AT_ONCE_MAX: usize = 8;
/// How often a payment that is not due is looked for.
const EARLY_EVERY: Duration = Duration::from_secs(600);
/// The first wait before a look that failed or found nothing is repeated, and the longest.
const AGAIN_MIN: Duration = Duration::from_secs(1);
const AGAIN_MAX: Duration = Duration::from_secs(60);
/// Most agreements of which the last look is remembered; what is forgotten is looked at again.
const REMEMBERED_MAX: usize = 65_536;
/// How long to wait before a source that ended is followed again.
const FOLLOW_AGAIN: Duration = Duration::from_secs(1);

/// Follows until `stop`.
pub(crate) async fn run(desk: Arc<AgreementDesk>, stop: CancellationToken) {
    let mut watcher = Watcher { desk, after: None, looks: HashMap::new(), waiting: BTreeMap::new(), latest: Height(0) };
    tokio::select! {
        () = watcher.run() => {}
        () = stop.cancelled() => {}
    }
}

struct Watcher {
    desk: Arc<AgreementDesk>,
    /// Where the next tick goes on.
    after: Option<AgreementId>,
    looks: HashMap<AgreementId, Look>,
    /// Agreements that changed, and the header that proves it.
    waiting: BTreeMap<AgreementId, Height>,
    latest: Height,
}

/// When an agreement is next looked at, whatever its dates.
#[derive(Clone, Copy)]
struct Look {
    next: Instant,
    wait: Duration,
}

impl Watcher {
    async fn run(&mut self) {
        let mut blocks = self.follow().await;
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                block = blocks.next() => match block {
                    Some(Ok(block)) => self.block(&block),
                    Some(Err(error)) => tracing::debug!(%error, "the chain's events are interrupted"),
                    None => {
                        tokio::time::sleep(FOLLOW_AGAIN).await;
                        blocks = self.follow().await;
                    }
                },
                _ = tick.tick() => {
                    self.learn().await;
                    if let Err(error) = self.tick().await {
                        tracing::warn!(%error, "open agreements cannot be read");
                    }
                }
            }
        }
    }

    async fn follow(&mut self) -> BoxStream<'static, Result<BlockEvents, PortError>> {
        loop {
            match self.desk.0.chain.headers.latest().await {
                Ok(latest) => {
                    self.latest = self.latest.max(latest);
                    return self.desk.0.chain.events.follow(latest);
                }
                Err(error) => {
                    tracing::debug!(%error, "the chain does not answer");
                    tokio::time::sleep(FOLLOW_AGAIN).await;
                }
            }
        }
    }

    fn block(&mut self, block: &BlockEvents) {
        self.latest = self.latest.max(block.height);
        for event in &block.events {
            if let Event::AgreementChanged { court, agreement, .. } = event
                && *court == self.desk.0.court
                && self.waiting.len() < REMEMBERED_MAX
            {
                self.waiting.insert(*agreement, block.height.next());
            }
        }
    }

    /// Learns of those that changed and whose header exists.
    async fn learn(&mut self) {
        let latest = self.latest;
        let provable: Vec<_> =
            self.waiting.iter().filter(|(_, header)| **header <= latest).map(|(id, _)| *id).collect();
        let desk = &self.desk;
        let learnt = stream::iter(provable).map(|id| async move {
            let known = match desk.0.book.find(&id).await {
                // A court may have several gateways with stores of their own.
                Ok(None) => return Some(id),
                Ok(Some(_)) => desk.learn(&id, latest).await,
                Err(error) => Err(error),
            };
            match known {
                Ok(_) => Some(id),
                Err(error) => {
                    tracing::debug!(agreement = %id, %error, "an agreement could not be looked at");
                    None
                }
            }
        });
        let learnt: Vec<_> = learnt.buffer_unordered(AT_ONCE_MAX).collect().await;
        for id in learnt.into_iter().flatten() {
            self.waiting.remove(&id);
            self.looks.remove(&id);
        }
    }

    /// Looks at the next of the open agreements.
    async fn tick(&mut self) -> Result<(), ApiError> {
        let open = self.desk.0.book.open(self.after, PER_TICK_MAX).await?;
        self.after = open.last().copied().filter(|_| open.len() == PER_TICK_MAX);
        if self.looks.len() > REMEMBERED_MAX {
            self.looks.clear();
        }
        let now = Instant::now();
        let due = open.into_iter().filter(|id| self.looks.get(id).is_none_or(|look| look.next <= now));
        let due: Vec<_> = due.collect();
        let desk = &self.desk;
        let looked = stream::iter(due).map(|id| async move { (id, look(desk, &id).await) });
        let looked: Vec<_> = looked.buffer_unordered(AT_ONCE_MAX).collect().await;
        for (id, outcome) in looked {
            let before = self.looks.get(&id).copied();
            let look = match outcome {
                Ok(Some(wait)) => Look { next: Instant::now() + wait, wait: AGAIN_MIN },
                // Due, and nothing provable yet; or not now.
                Ok(None) => again(before),
                Err(error) => {
                    tracing::warn!(agreement = %id, %error, "an agreement waits");
                    again(before)
                }
            };
            self.looks.insert(id, look);
        }
        Ok(())
    }
}

fn again(before: Option<Look>) -> Look {
    let wait = before.map_or(AGAIN_MIN, |look| look.wait);
    Look { next: Instant::now() + wait, wait: (wait * 2).min(AGAIN_MAX) }
}

/// Does what there is to do for one agreement; says when to look again, `None` for soon.
async fn look(desk: &AgreementDesk, id: &AgreementId) -> Result<Option<Duration>, ApiError> {
    let stored = desk.0.book.read(id).await?;
    let Some(known) = stored.entry.clone() else {
        // Sealed, and not seen on the chain.
        desk.conclude(id).await?;
        return Ok(Some(Duration::ZERO));
    };
    // The chain may have gone on while nobody looked: dates fall due by themselves.
    let stored = if waits_for_the_chain(desk, &known) || stored.told != Some(known.state) {
        desk.learn(id, Height(0)).await?
    } else {
        stored
    };
    let Some(entry) = stored.entry.clone() else { return Ok(None) };
    if !matches!(entry.state, AgreementState::InForce | AgreementState::Defaulted) {
        return Ok(Some(EARLY_EVERY));
    }
    let Some(number) = next_unpaid(&entry) else { return Ok(Some(until_opened(desk, &entry).unwrap_or(EARLY_EVERY))) };
    match desk.bring(&stored, &entry, number).await? {
        Brought::Taken(header) => {
            desk.learn(id, header).await?;
            Ok(Some(Duration::ZERO))
        }
        Brought::GoneOn => {
            desk.learn(id, Height(0)).await?;
            Ok(None)
        }
        Brought::Nothing | Brought::NoPayment => {
            let opened = until_opened(desk, &entry);
            Ok(opened.or_else(|| next_look(desk, &entry, number)))
        }
    }
}

/// Whether the hold period is over by our clock, and the chain is about to open what it opens.
fn waits_for_the_chain(desk: &AgreementDesk, entry: &AgreementEntry) -> bool {
    let opens_at = entry.default.as_ref().map(|default| default.opens_at);
    entry.state == AgreementState::Defaulted && opens_at.is_some_and(|at| at <= desk.now().unix_seconds())
}

/// The first instalment of which no payment is proven. After a default, only the one in default: its payment is evidence
/// for the judge.
fn next_unpaid(entry: &AgreementEntry) -> Option<u16> {
    if let (AgreementState::Defaulted, Some(default)) = (entry.state, &entry.default) {
        let paid = entry.instalment(default.instalment).is_some_and(|(_, standing)| standing.paid.is_some());
        return (!paid).then_some(default.instalment);
    }
    let place = entry.instalments.iter().position(|standing| standing.paid.is_none());
    place.and_then(|place| u16::try_from(place).ok())
}

/// After a default, paid or not: until the chain opens what it opens, whether or not its node says so then.
fn until_opened(desk: &AgreementDesk, entry: &AgreementEntry) -> Option<Duration> {
    let opens_at = entry.default.as_ref()?.opens_at;
    Some(until(desk, opens_at).clamp(AGAIN_MIN, EARLY_EVERY))
}

/// When to look for a payment again: soon when it is due, else at its date, and now and then before.
fn next_look(desk: &AgreementDesk, entry: &AgreementEntry, number: u16) -> Option<Duration> {
    let (instalment, _) = entry.instalment(number)?;
    let left = until(desk, instalment.due_at);
    (!left.is_zero()).then(|| left.min(EARLY_EVERY))
}

fn until(desk: &AgreementDesk, at: UnixSeconds) -> Duration {
    Duration::from_secs(at.0.saturating_sub(desk.now().unix_seconds().0))
}
