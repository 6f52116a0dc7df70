//! What processes used: CPU time and memory, as the system counted it (`proc(5)`).
//! Refuses to ask the processes themselves.

use crate::failure::{Failure, OrFail};
use std::fs;
use std::time::Duration;

/// `USER_HZ`: the kernel's promise to programs, the same on every architecture that this program runs on.
const TICKS_PER_SECOND: u64 = 100;

/// Processes that serve.
#[derive(Clone, Debug)]
pub(super) struct Servers {
    pids: Vec<u32>,
}

/// What they used until now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    /// CPU time in user and system mode, of all threads, ended ones included.
    pub(super) cpu: Duration,
    /// Resident memory now, in bytes.
    pub(super) resident: u64,
}

impl Servers {
    pub(super) const fn of(pids: Vec<u32>) -> Self {
        Self { pids }
    }

    /// What all of them used until now.
    pub(super) fn used(&self) -> Result<Used, Failure> {
        self.pids.iter().try_fold(Used::default(), |sum, pid| {
            let gone = || format!("process {pid} does not run any more");
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).or_unavailable(gone)?;
            let status = fs::read_to_string(format!("/proc/{pid}/status")).or_unavailable(gone)?;
            let malformed = || Failure::fault(format!("the system's account of process {pid} cannot be read"));
            let cpu = cpu_of(&stat).ok_or_else(malformed)?;
            let resident = resident_of(&status).ok_or_else(malformed)?;
            Ok(Used { cpu: sum.cpu + cpu, resident: sum.resident + resident })
        })
    }
}

/// CPU time in a line of `/proc/PID/stat`: fields 14 and 15. The name in parentheses may have spaces and parentheses.
fn cpu_of(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 1_000 / TICKS_PER_SECOND))
}

/// `VmRSS` of `/proc/PID/status`, in bytes.
fn resident_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1_024)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Instant;

    #[test]
    fn cpu_time_is_found_behind_a_name_with_spaces_and_parentheses() {
        let stat = "71 (a (b) c) S 1 71 71 0 -1 4194560 100 0 0 0 250 50 7 7 20 0 9 0 100 200 300";
        assert_eq!(cpu_of(stat), Some(Duration::from_secs(3)));
        assert_eq!(cpu_of("71 (a) S"), None);
        assert_eq!(resident_of("Name:\ta\nVmRSS:\t    2048 kB\nThreads: 3\n"), Some(2 << 20));
    }

    #[test]
    fn this_process_s_own_work_is_counted_and_one_that_ended_is_missed() {
        let own = Servers::of(vec![std::process::id()]);
        let before = own.used().unwrap();
        let began = Instant::now();
        let mut sum = 0u64;
        while began.elapsed() < Duration::from_millis(300) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let after = own.used().unwrap();
        assert!(after.cpu > before.cpu && after.resident > 1 << 20, "{before:?} {after:?}");
        assert_eq!(Servers::of(vec![u32::MAX]).used().unwrap_err().exit(), crate::failure::Exit::Unavailable);
    }
}
