//! Memory of the servers over a long, even load: samples, and the slope that they have.
//! Refuses to call growth a leak: a ledger keeps its receipts, so growth is told per answer as well.

use super::round::{Round, drive};
use super::schedule::Schedule;
use super::target::Target;
use super::workload::Workload;
use crate::cli::bench::LoadArgs;
use crate::failure::{Failure, OrFail};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often memory is looked at.
const EVERY: Duration = Duration::from_secs(5);
/// Most samples whose pairs are compared: the slope is the median of all pairs.
const SAMPLES_MAX: usize = 1_000;
/// The share of the time, at the beginning, in which caches fill: it is shown and does not count.
const FILLING: f64 = 0.25;
/// Growth in an hour, against what is used, that still counts as flat.
pub(super) const FLAT_SHARE: f64 = 0.02;

/// Resident memory over time.
pub(super) struct Memory {
    /// Seconds since the start, and bytes.
    pub(super) samples: Vec<(f64, f64)>,
    /// Bytes per hour, once caches are full.
    pub(super) slope: f64,
    /// The load meanwhile.
    pub(super) round: Round,
}

impl Memory {
    /// Memory at the end, in bytes.
    pub(super) fn last(&self) -> f64 {
        self.samples.last().map_or(0.0, |(_, bytes)| *bytes)
    }

    /// Whether an hour adds less than a fiftieth.
    pub(super) fn is_flat(&self) -> bool {
        self.slope <= self.last() * FLAT_SHARE
    }

    /// Bytes of growth for each answer.
    pub(super) fn per_answer(&self) -> f64 {
        self.slope / (self.round.throughput() * 3_600.0).max(1.0)
    }
}

/// Drives the load for so many minutes.
pub(super) async fn watch<W: Workload>(
    args: &LoadArgs,
    target: &Target,
    workload: &Arc<W>,
    minutes: u32,
) -> Result<Memory, Failure> {
    let started = Instant::now();
    let (servers, ended) = (target.servers().clone(), Duration::from_secs(60 * u64::from(minutes)));
    let sampling = tokio::spawn(async move {
        let mut samples = Vec::new();
        while started.elapsed() < ended {
            let at = started.elapsed().as_secs_f64();
            samples.push((at, servers.used()?.resident as f64));
            if samples.len() % 60 == 0 {
                eprintln!("{:.0} min: {:.1} MB", at / 60.0, samples.last().map_or(0.0, |(_, bytes)| bytes / 1e6));
            }
            tokio::time::sleep(EVERY).await;
        }
        Ok::<_, Failure>(samples)
    });
    let round = drive(workload, &Schedule::of(args.rate, minutes.saturating_mul(60)), Some(target.servers())).await?;
    let samples = sampling.await.or_fault(|| "memory was not watched".into())??;
    let slope = slope(&settled(&samples)) * 3_600.0;
    Ok(Memory { samples, slope, round })
}

/// The samples after the time in which caches fill.
fn settled(samples: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let end = samples.last().map_or(0.0, |(at, _)| *at);
    samples.iter().copied().filter(|(at, _)| *at >= end * FILLING).collect()
}

/// The median slope of all pairs (Theil and Sen): one jump, or a few outliers, do not turn it.
fn slope(samples: &[(f64, f64)]) -> f64 {
    let thin: Vec<_> = samples.iter().step_by(samples.len().div_ceil(SAMPLES_MAX).max(1)).collect();
    let mut slopes = Vec::new();
    for (index, (at, bytes)) in thin.iter().enumerate() {
        let later = thin.iter().skip(index + 1).filter(|(later, _)| later > at);
        slopes.extend(later.map(|(later, more)| (more - bytes) / (later - at)));
    }
    median(slopes)
}

/// The median; 0 of nothing.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(per_second: f64) -> Vec<(f64, f64)> {
        // Noise that is as large as a minute's growth and has no trend.
        (0..700).map(|step| (f64::from(step) * 5.0, 1e8 + f64::from(step) * 5.0 * per_second)).collect()
    }

    fn noisy(per_second: f64) -> Vec<(f64, f64)> {
        let noise = |index: usize| ((index * 7_919) % 101) as f64 * 2_000.0;
        line(per_second).into_iter().enumerate().map(|(index, (at, bytes))| (at, bytes + noise(index))).collect()
    }

    #[test]
    fn a_leak_of_a_kilobyte_a_second_is_found_beneath_noise_and_flat_is_flat() {
        let leak = slope(&noisy(1_000.0));
        assert!((leak - 1_000.0).abs() < 20.0, "{leak}");
        let flat = slope(&noisy(0.0));
        assert!(flat.abs() < 20.0, "{flat}");
    }

    #[test]
    fn caches_that_fill_at_the_beginning_and_one_jump_do_not_count_as_a_slope() {
        let mut samples = noisy(0.0);
        for (at, bytes) in samples.iter_mut().filter(|(at, _)| *at < 800.0) {
            *bytes -= (800.0 - *at) * 50_000.0;
        }
        assert!(slope(&samples).abs() > 100.0, "with the beginning, it climbs");
        assert!(slope(&settled(&samples)).abs() < 20.0);
        samples[400].1 += 5e8;
        assert!(slope(&settled(&samples)).abs() < 20.0);
    }

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(Vec::new()), 0.0);
    }
}
