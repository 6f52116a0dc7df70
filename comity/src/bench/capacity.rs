//! How much is carried: the rate goes up until p99 breaks or answers fall behind; and what becomes of several times as much.
//! Refuses to call carried what was answered late.

use super::report::Report;
use super::round::{Round, drive};
use super::schedule::Schedule;
use super::target::Target;
use super::workload::Workload;
use crate::cli::bench::LoadArgs;
use crate::failure::Failure;
use std::sync::Arc;
use std::time::Duration;

/// A rate that is carried goes up by a quarter.
const STEP_PERCENT: u32 = 125;
/// What must be answered of what was due, in per cent.
const ANSWERED_PERCENT: u64 = 97;
/// Highest rate that is tried.
const RATE_MAX: u32 = 200_000;
/// How long servers rest after a rate that was too high.
const REST: Duration = Duration::from_secs(2);

/// What was found.
pub(super) struct Capacity {
    /// The highest rate that was carried; 0 where the first was not.
    pub(super) rate: u32,
    /// The most answers per second in any round.
    pub(super) peak: f64,
    /// Every rate that was tried.
    pub(super) tried: Vec<Round>,
}

/// What became of an overload.
pub(super) struct Overload {
    /// How many times the capacity was due.
    pub(super) times: u32,
    /// The round.
    pub(super) round: Round,
    /// Answers per second against the peak.
    pub(super) stays: f64,
}

/// Whether a round's load was carried.
pub(super) fn is_carried(round: &Round, p99_max: Duration) -> bool {
    u128::from(round.latencies.quantile(0.99)) <= p99_max.as_micros()
        && round.answered() * 100 >= round.due * ANSWERED_PERCENT
}

/// Raises the rate until it is not carried twice in turn.
pub(super) async fn find<W: Workload>(
    args: &LoadArgs,
    target: &Target,
    workload: &Arc<W>,
    report: &mut Report,
) -> Result<Capacity, Failure> {
    let p99_max = Duration::from_millis(args.p99_max);
    let mut found = Capacity { rate: 0, peak: 0.0, tried: Vec::new() };
    let (mut rate, mut misses) = (args.rate, 0);
    while misses < 2 && rate <= RATE_MAX {
        let round = drive(workload, &Schedule::of(rate, args.seconds), Some(target.servers())).await?;
        let carried = is_carried(&round, p99_max);
        report.say(&format!("{}: {}", if carried { "carried" } else { "too much" }, round.line()));
        found.peak = found.peak.max(round.throughput());
        if carried {
            (found.rate, misses) = (rate, 0);
            rate = rate.saturating_mul(STEP_PERCENT) / 100 + 1;
        } else {
            // Once more: a busy machine spoils a round.
            misses += 1;
            tokio::time::sleep(REST).await;
        }
        found.tried.push(round);
    }
    Ok(found)
}

/// Drives `times` the capacity.
pub(super) async fn overload<W: Workload>(
    args: &LoadArgs,
    target: &Target,
    workload: &Arc<W>,
    capacity: &Capacity,
    times: u32,
) -> Result<Overload, Failure> {
    tokio::time::sleep(REST).await;
    let rate = capacity.rate.max(1).saturating_mul(times).min(RATE_MAX);
    let round = drive(workload, &Schedule::of(rate, args.seconds), Some(target.servers())).await?;
    // What comes after the last arrival is the queue's rest: throughput is told of the time under load.
    let answered: u64 = round.per_second.iter().take(args.seconds as usize).sum();
    let stays = answered as f64 / f64::from(args.seconds) / capacity.peak.max(f64::EPSILON);
    Ok(Overload { times, round, stays })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::latency::Latencies;
    use super::*;
    use std::collections::BTreeMap;

    fn round(answered: u64, slow: u64) -> Round {
        let mut latencies = Latencies::new().unwrap();
        for index in 0..answered {
            latencies.record(Duration::from_millis(if index < slow { 500 } else { 2 }));
        }
        Round {
            rate: 1_000,
            due: 1_000,
            latencies,
            shed: 1_000 - answered,
            failed: BTreeMap::new(),
            took: Duration::from_secs(1),
            cpu: None,
            cpu_of_nodes: Duration::ZERO,
            per_second: Vec::new(),
        }
    }

    #[test]
    fn a_load_is_carried_when_hardly_anything_is_late_and_hardly_anything_refused() {
        let p99_max = Duration::from_millis(100);
        assert!(is_carried(&round(1_000, 9), p99_max));
        assert!(!is_carried(&round(1_000, 11), p99_max), "p99 is past the bound");
        assert!(is_carried(&round(970, 0), p99_max));
        assert!(!is_carried(&round(969, 0), p99_max), "too much was refused, though all answers were fast");
    }
}
