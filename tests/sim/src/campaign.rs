//! Many runs: one process each, as many at once as there are cores, and what they came to. It refuses to know worlds.

use crate::oracle::{BROKEN, Tally};
use crate::planted::Planted;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How one process is asked to run one world.
#[derive(Clone, Debug)]
pub struct Runner {
    /// The program: this one.
    pub program: PathBuf,
    /// What is planted.
    pub planted: Option<Planted>,
}

/// What became of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Every promise was kept.
    Kept {
        /// In numbers.
        tally: Tally,
        /// When everything was final, in milliseconds after the last fault.
        settled_ms: u64,
        /// Of everything that happened.
        digest: String,
    },
    /// A promise was broken, or the program was.
    Broken {
        /// Which one.
        promise: String,
        /// How.
        how: String,
        /// What happened before.
        trace: String,
    },
}

impl Runner {
    /// Runs one seed, with only these items of its plan, or all.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub fn run(&self, seed: u64, only: Option<&[usize]>) -> io::Result<End> {
        let mut command = Command::new(&self.program);
        command.arg("--world").arg(seed.to_string()).stdin(Stdio::null());
        if let Some(only) = only {
            // An empty list would read as no list: no plan has an item of this number.
            let none = [usize::MAX];
            let numbers: Vec<_> = if only.is_empty() { &none } else { only }.iter().map(ToString::to_string).collect();
            command.arg(format!("--only={}", numbers.join(",")));
        }
        if let Some(planted) = self.planted {
            use clap::ValueEnum;
            let name = planted.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
            command.arg("--plant").arg(name);
        }
        let output = command.output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (trace, last) = text.trim_end().rsplit_once('\n').unwrap_or(("", text.trim_end()));
        let fields: Vec<_> = last.split('\t').collect();
        Ok(match (output.status.code(), fields.as_slice()) {
            (Some(0), ["kept", settled_ms, digest, numbers]) => End::Kept {
                tally: read(numbers),
                settled_ms: settled_ms.parse().unwrap_or(0),
                digest: (*digest).to_owned(),
            },
            (Some(BROKEN), ["broken", promise, how, _digest]) => {
                End::Broken { promise: (*promise).to_owned(), how: (*how).to_owned(), trace: trace.to_owned() }
            }
            (code, _) => End::Broken {
                promise: "NoPanic".to_owned(),
                how: format!("the program ended with {code:?}: {}", String::from_utf8_lossy(&output.stderr).trim()),
                trace: text,
            },
        })
    }

    /// A smaller plan that breaks the same promise: items are left out as long as it does.
    ///
    /// # Errors
    /// When a process cannot be started.
    pub fn shrink(&self, seed: u64, numbers: Vec<usize>, promise: &str) -> io::Result<(Vec<usize>, End)> {
        let breaks = |only: &[usize]| -> io::Result<Option<End>> {
            let end = self.run(seed, Some(only))?;
            Ok(matches!(&end, End::Broken { promise: found, .. } if found == promise).then_some(end))
        };
        let mut kept = numbers;
        let mut end = self.run(seed, Some(&kept))?;
        // First halves, then quarters, down to single items (delta debugging).
        let mut part = kept.len().div_ceil(2).max(1);
        loop {
            let mut at = 0;
            let mut smaller = false;
            while at < kept.len() {
                let without: Vec<_> =
                    kept.iter().enumerate().filter(|(i, _)| *i < at || *i >= at + part).map(|(_, n)| *n).collect();
                match breaks(&without)? {
                    Some(broken) => (kept, end, smaller) = (without, broken, true),
                    None => at += part,
                }
            }
            if part == 1 && !smaller {
                return Ok((kept, end));
            }
            part = part.div_ceil(2).max(1);
        }
    }
}

/// What many runs came to.
#[derive(Debug, Default)]
pub struct Summary {
    /// Runs in which every promise was kept.
    pub kept: u64,
    /// Their numbers together.
    pub tally: Tally,
    /// The longest time from the last fault until everything was final, and the sum of all.
    pub settled_ms: (u64, u64),
    /// Seeds that broke a promise: the seed, the promise and how.
    pub broken: Vec<(u64, String, String)>,
}

/// Runs `count` seeds from `first` on, `jobs` at once; `told` is called after each, with what all came to so far and whether
/// this one broke a promise. Stops after `broken_max` seeds that did.
///
/// # Errors
/// When a process cannot be started.
pub fn campaign(
    runner: &Runner,
    (first, count): (u64, u64),
    jobs: usize,
    broken_max: usize,
    told: impl Fn(&Summary, bool) + Sync,
) -> io::Result<Summary> {
    let next = AtomicU64::new(first);
    let summary = Mutex::new((Summary::default(), None));
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first.saturating_add(count) {
                        return;
                    }
                    let end = runner.run(seed, None);
                    let mut summary = summary.lock().unwrap_or_else(PoisonError::into_inner);
                    let broke = matches!(end, Ok(End::Broken { .. }));
                    match end {
                        Ok(end) => summary.0.take(seed, end),
                        Err(error) => summary.1 = Some(error),
                    }
                    told(&summary.0, broke);
                    if summary.1.is_some() || summary.0.broken.len() >= broken_max {
                        return;
                    }
                }
            });
        }
    });
    match summary.into_inner().unwrap_or_else(PoisonError::into_inner) {
        (summary, None) => Ok(summary),
        (_, Some(error)) => Err(error),
    }
}

impl Summary {
    fn take(&mut self, seed: u64, end: End) {
        match end {
            End::Kept { tally, settled_ms, .. } => {
                self.kept += 1;
                self.settled_ms = (self.settled_ms.0.max(settled_ms), self.settled_ms.1 + settled_ms);
                let sum = &mut self.tally;
                sum.orders += tally.orders;
                sum.executed += tally.executed;
                sum.timed_out += tally.timed_out;
                sum.other += tally.other;
                sum.agreements += tally.agreements;
                sum.performed += tally.performed;
                sum.opened += tally.opened;
                sum.blocks += tally.blocks;
                sum.txs += tally.txs;
                sum.crashes += tally.crashes;
            }
            End::Broken { promise, how, .. } => self.broken.push((seed, promise, how)),
        }
    }
}

/// A tally as one field.
#[must_use]
pub fn written(tally: &Tally) -> String {
    let Tally { orders, executed, timed_out, other, agreements, performed, opened, blocks, txs, crashes } = tally;
    format!("{orders},{executed},{timed_out},{other},{agreements},{performed},{opened},{blocks},{txs},{crashes}")
}

fn read(numbers: &str) -> Tally {
    let mut numbers = numbers.split(',').map(|number| number.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    Tally {
        orders: next(),
        executed: next(),
        timed_out: next(),
        other: next(),
        agreements: next(),
        performed: next(),
        opened: next(),
        blocks: next(),
        txs: next(),
        crashes: next(),
    }
}
