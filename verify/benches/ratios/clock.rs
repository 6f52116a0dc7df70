//! CPU time of the running thread, and medians of interleaved rounds.

use rustix::time::{ClockId, clock_gettime};

/// A round lasts at least this long, in seconds.
const ROUND_S: f64 = 0.02;

fn now_s() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

fn timed(repeats: u32, work: &mut dyn FnMut()) -> f64 {
    let start = now_s();
    for _ in 0..repeats {
        work();
    }
    (now_s() - start) / f64::from(repeats)
}

/// How often a round repeats the work.
fn repeats(work: &mut dyn FnMut()) -> u32 {
    let once = timed(1, work).max(1e-8);
    let first = timed((ROUND_S / 10.0 / once).ceil().min(1e6) as u32, work);
    (ROUND_S / first).ceil().clamp(1.0, 1e7) as u32
}

/// The median time of each, in seconds, over rounds that alternate.
pub(crate) fn medians(rounds: usize, a: &mut dyn FnMut(), b: &mut dyn FnMut()) -> (f64, f64) {
    let (repeats_a, repeats_b) = (repeats(a), repeats(b));
    let (mut times_a, mut times_b) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        times_a.push(timed(repeats_a, a));
        times_b.push(timed(repeats_b, b));
    }
    (median(times_a), median(times_b))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
