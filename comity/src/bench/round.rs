//! One round: requests leave when they are due, and everything that becomes of them is counted.
//! Refuses to wait for an answer before it sends the next request.

use super::latency::Latencies;
use super::process::{Servers, Used};
use super::schedule::Schedule;
use super::workload::{Outcome, Workload};
use crate::failure::{Failure, OrFail};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How long the last requests of a round may take after it.
const PATIENCE: Duration = Duration::from_secs(40);
/// How long the dispatcher sleeps between two looks at the clock.
const NAP: Duration = Duration::from_micros(200);

/// What became of a round.
#[derive(Clone)]
pub(super) struct Round {
    /// Requests due per second.
    pub(super) rate: u32,
    /// Requests that were due.
    pub(super) due: u64,
    /// From when a request was due to its answer, of those that were answered.
    pub(super) latencies: Latencies,
    /// Requests refused with `RESOURCE_EXHAUSTED`.
    pub(super) shed: u64,
    /// Everything else that was no answer, by reason; `UNSENT` is what this side could not send.
    pub(super) failed: BTreeMap<String, u64>,
    /// From the first request's due time to the last answer.
    pub(super) took: Duration,
    /// What the servers used meanwhile; `None` where nobody asked.
    pub(super) cpu: Option<Duration>,
    /// What of it CometBFT nodes used.
    pub(super) cpu_of_nodes: Duration,
    /// Answers in each second.
    pub(super) per_second: Vec<u64>,
}

impl Round {
    /// Requests that were answered.
    pub(super) fn answered(&self) -> u64 {
        self.latencies.count()
    }

    /// Answers per second, over the whole round.
    pub(super) fn throughput(&self) -> f64 {
        self.answered() as f64 / self.took.as_secs_f64().max(f64::EPSILON)
    }

    /// CPU seconds of the servers for 10,000 answers.
    pub(super) fn cpu_per_10_000(&self) -> Option<f64> {
        let cpu = self.cpu?.as_secs_f64();
        (self.answered() > 0).then(|| cpu * 10_000.0 / self.answered() as f64)
    }

    /// One line about it.
    pub(super) fn line(&self) -> String {
        let ms = |share| self.latencies.quantile(share) as f64 / 1_000.0;
        let cpu = self.cpu_per_10_000().map(|cpu| format!(", {cpu:.3} CPU s per 10,000")).unwrap_or_default();
        let nodes = match self.cpu.map(|cpu| self.cpu_of_nodes.as_secs_f64() * 100.0 / cpu.as_secs_f64().max(0.001)) {
            Some(share) if !self.cpu_of_nodes.is_zero() => format!(" ({share:.0}% of it in CometBFT)"),
            _ => String::new(),
        };
        let shed = if self.shed > 0 { format!(", {} shed", self.shed) } else { String::new() };
        let failed: u64 = self.failed.values().sum();
        let failed = if failed > 0 { format!(", {failed} failed: {:?}", self.failed) } else { String::new() };
        format!(
            "{}/s due, {:.0}/s answered, p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms{cpu}{nodes}{shed}{failed}",
            self.rate,
            self.throughput(),
            ms(0.5),
            ms(0.99),
            ms(0.999)
        )
    }

    /// Refuses a round in which hardly anything was answered: whatever it would measure is not the work.
    pub(super) fn must_be_answered(&self, what: &str) -> Result<(), Failure> {
        if self.answered() * 10 >= self.due * 9 {
            return Ok(());
        }
        Err(Failure::refused("NOT_ANSWERED", format!("{what} are not answered: {}", self.line())))
    }
}

/// What is counted while a round runs.
struct Tally {
    latencies: Latencies,
    shed: u64,
    failed: BTreeMap<String, u64>,
    last: Duration,
    per_second: Vec<u64>,
}

impl Tally {
    fn count(&mut self, outcome: Outcome, latency: Duration, at: Duration) {
        self.last = self.last.max(at);
        match outcome {
            Outcome::Answered => {
                self.latencies.record(latency);
                let second = usize::try_from(at.as_secs()).unwrap_or(usize::MAX);
                if second < 86_400 {
                    if self.per_second.len() <= second {
                        self.per_second.resize(second + 1, 0);
                    }
                    self.per_second[second] += 1;
                }
            }
            Outcome::Shed => self.shed += 1,
            Outcome::Failed(reason) => *self.failed.entry(reason).or_default() += 1,
        }
    }
}

/// Drives `workload` on `schedule`, and reads what `servers` used from the first request to the last answer.
pub(super) async fn drive<W: Workload>(
    workload: &Arc<W>,
    schedule: &Schedule,
    servers: Option<&Servers>,
) -> Result<Round, Failure> {
    workload.prepare(schedule.count()).await?;
    let before = used(servers)?;
    let tally = Tally {
        latencies: Latencies::new()?,
        shed: 0,
        failed: BTreeMap::new(),
        last: Duration::ZERO,
        per_second: Vec::new(),
    };
    let tally = Arc::new(Mutex::new(tally));
    let under_way = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let dispatcher = {
        let (schedule, workload, tally, under_way) = (*schedule, workload.clone(), tally.clone(), under_way.clone());
        let runtime = Handle::current();
        // A thread of its own: timers of the runtime are too coarse, and busy when it is.
        std::thread::Builder::new()
            .name("bench-dispatch".into())
            .spawn(move || dispatch(&schedule, &runtime, &workload, &tally, &under_way, started))
            .or_fault(|| "no thread for the schedule".into())?
    };
    tokio::time::sleep(schedule.length()).await;
    while !dispatcher.is_finished() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    dispatcher.join().map_err(|_| Failure::fault("the schedule broke off"))?;
    let patience = Instant::now() + PATIENCE;
    while under_way.load(Ordering::Acquire) > 0 && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let after = used(servers)?;
    let unanswered = under_way.load(Ordering::Acquire);
    let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    let mut failed = tally.failed.clone();
    if unanswered > 0 {
        failed.insert("UNANSWERED".into(), unanswered);
    }
    Ok(Round {
        rate: schedule.rate(),
        due: schedule.count(),
        latencies: tally.latencies.clone(),
        shed: tally.shed,
        failed,
        took: tally.last.max(schedule.length()),
        cpu: before.zip(after).map(|(before, after)| after.cpu.saturating_sub(before.cpu)),
        cpu_of_nodes: before
            .zip(after)
            .map_or(Duration::ZERO, |(before, after)| after.cpu_of_nodes.saturating_sub(before.cpu_of_nodes)),
        per_second: tally.per_second.clone(),
    })
}

fn used(servers: Option<&Servers>) -> Result<Option<Used>, Failure> {
    servers.map(Servers::used).transpose()
}

fn dispatch<W: Workload>(
    schedule: &Schedule,
    runtime: &Handle,
    workload: &Arc<W>,
    tally: &Arc<Mutex<Tally>>,
    under_way: &Arc<AtomicU64>,
    started: Instant,
) {
    let mut next = 0;
    while next < schedule.count() {
        let due = schedule.due_by(started.elapsed());
        for index in next..due {
            let was_due = schedule.due(index);
            if under_way.load(Ordering::Acquire) >= workload.under_way_max() {
                let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                tally.count(Outcome::Failed("UNSENT".into()), Duration::ZERO, was_due);
                continue;
            }
            under_way.fetch_add(1, Ordering::AcqRel);
            let (workload, tally, under_way) = (workload.clone(), tally.clone(), under_way.clone());
            runtime.spawn(async move {
                let outcome = workload.once().await;
                let at = started.elapsed();
                let latency = at.saturating_sub(was_due);
                tally.lock().unwrap_or_else(PoisonError::into_inner).count(outcome, latency, at);
                under_way.fetch_sub(1, Ordering::AcqRel);
            });
        }
        next = next.max(due);
        std::thread::sleep(NAP);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::sync::Mutex as AsyncMutex;

    /// A server that does one request at a time, each within `usual`, and stalls at the first.
    struct Stalling {
        turn: AsyncMutex<bool>,
        stall: Duration,
    }

    #[tonic::async_trait]
    impl Workload for Stalling {
        const NAME: &'static str = "stalling";
        async fn once(&self) -> Outcome {
            let mut stalled = self.turn.lock().await;
            if !*stalled {
                *stalled = true;
                tokio::time::sleep(self.stall).await;
            }
            Outcome::Answered
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_stall_is_felt_by_every_request_that_was_due_meanwhile() {
        let stall = Duration::from_millis(500);
        let server = Arc::new(Stalling { turn: AsyncMutex::new(false), stall });
        let round = drive(&server, &Schedule::of(1_000, 1), None).await.unwrap();
        assert_eq!((round.due, round.answered()), (1_000, 1_000));
        // Those due within the stall waited 500 ms down to 0: a quarter of all waited at least 250 ms. A client that
        // waits for each answer before it sends the next request would have seen one slow request.
        assert!(round.latencies.quantile(0.76) >= 240_000, "{}", round.line());
        assert!(round.latencies.quantile(0.40) < 240_000, "{}", round.line());
    }

    struct Refusing(AtomicU64);

    #[tonic::async_trait]
    impl Workload for Refusing {
        const NAME: &'static str = "refusing";
        async fn once(&self) -> Outcome {
            match self.0.fetch_add(1, Ordering::Relaxed) % 4 {
                0 => Outcome::Shed,
                1 => Outcome::Failed("INTERNAL".into()),
                _ => Outcome::Answered,
            }
        }
    }

    #[tokio::test]
    async fn what_is_shed_and_what_fails_is_counted_and_is_no_answer() {
        let round = drive(&Arc::new(Refusing(AtomicU64::new(0))), &Schedule::new(2_000, 400), None).await.unwrap();
        assert_eq!((round.answered(), round.shed, round.failed.get("INTERNAL")), (200, 100, Some(&100)));
        assert_eq!(round.per_second.iter().sum::<u64>(), 200);
        assert!(round.must_be_answered("requests").is_err());
        assert!(round.line().contains("100 shed"));
    }
}
