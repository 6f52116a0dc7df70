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
    /// Processes that these started: the CometBFT nodes of a sandbox.
    nodes: Vec<u32>,
}

/// What they used until now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    /// CPU time in user and system mode, of all threads, ended ones included.
    pub(super) cpu: Duration,
    /// What of it CometBFT nodes used.
    pub(super) cpu_of_nodes: Duration,
    /// Resident memory now, in bytes.
    pub(super) resident: u64,
}

impl Servers {
    pub(super) const fn of(pids: Vec<u32>) -> Self {
        Self { pids, nodes: Vec::new() }
    }

    /// These, with the processes that they have started.
    pub(super) fn with_children(mut self) -> Self {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let of_ours = |id: &u32| {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            parent_of(&stat).is_some_and(|parent| self.pids.contains(&parent))
        };
        self.nodes = ids.filter(of_ours).collect();
        self
    }

    /// What all of them used until now.
    pub(super) fn used(&self) -> Result<Used, Failure> {
        let (own, nodes) = (sum(&self.pids)?, sum(&self.nodes)?);
        Ok(Used { cpu: own.cpu + nodes.cpu, cpu_of_nodes: nodes.cpu, resident: own.resident + nodes.resident })
    }
}

fn sum(pids: &[u32]) -> Result<Used, Failure> {
    pids.iter().try_fold(Used::default(), |sum, pid| {
        let gone = || format!("process {pid} does not run any more");
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).or_unavailable(gone)?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).or_unavailable(gone)?;
        let malformed = || Failure::fault(format!("the system's account of process {pid} cannot be read"));
        let cpu = cpu_of(&stat).ok_or_else(malformed)?;
        let resident = resident_of(&status).ok_or_else(malformed)?;
        Ok(Used { cpu: sum.cpu + cpu, resident: sum.resident + resident, ..sum })
    })
}

/// The parent in a line of `/proc/PID/stat`: field 4.
fn parent_of(stat: &str) -> Option<u32> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(1)?.parse().ok()
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
        assert_eq!(parent_of(stat), Some(1));
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
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let family = own.clone().with_children();
        assert!(family.nodes.contains(&child.id()) && own.nodes.is_empty(), "{family:?}");
        child.kill().and_then(|()| child.wait()).unwrap();
        assert_eq!(Servers::of(vec![u32::MAX]).used().unwrap_err().exit(), crate::failure::Exit::Unavailable);
    }
}
