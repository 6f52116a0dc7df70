//! How a log behaves as it grows: appends synthetic deposits in batches and prints, at each power of ten, what a deposit costs
//! on disk, how long a proof is, and how long a proof and a lookup take.
//!
//! `cargo run --release -p comity-deposits --example scale -- [deposits] [folder]`: 10⁷ deposits in a temporary folder where
//! nothing else is said. A hundred million take about 35 GB.
#![allow(clippy::unwrap_used, clippy::cast_precision_loss, missing_docs)]

use comity_deposits::{Batch, Deposit, Log, Options};
use comity_model::deposit::{Circumstances, Content, DepositKind, Item};
use comity_model::{Hash, UnixSeconds};
use rand::rngs::SmallRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

const BATCH: u64 = 10_000;
const HANDS: u64 = 2;
/// Batches that one hand has under way.
const AHEAD: usize = 4;
const SAMPLES: u64 = 2_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let total: u64 = arguments.next().map_or(10_000_000, |text| text.parse().expect("a number of deposits"));
    let temporary = tempfile::tempdir().unwrap();
    let folder = arguments.next().map_or_else(|| temporary.path().to_path_buf(), PathBuf::from);
    let log = Log::open(&folder, Options::default()).expect("an empty folder");
    println!(
        "{:>12} {:>12} {:>10} {:>8} {:>8} {:>8} {:>11} {:>10} {:>10} {:>10}",
        "deposits",
        "durable/s",
        "CPU µs",
        "journal",
        "tiles",
        "index",
        "proof bytes",
        "proof µs",
        "found µs",
        "absent µs"
    );
    let mut from = 0;
    for to in [100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000].map(|step| total.min(step)) {
        if to <= from {
            continue;
        }
        let (began, cpu) = (Instant::now(), cpu());
        fill(&log, from, to);
        let (took, cpu) = (began.elapsed(), self::cpu() - cpu);
        let added = (to - from) as f64;
        let size = |name: &str| bytes_in(&folder.join(name)) as f64 / to as f64;
        let proof = log.inclusion(to / 3, to).unwrap().len() * 32;
        let mut chance = SmallRng::seed_from_u64(to);
        let mut picks: Vec<u64> = (0..SAMPLES).map(|_| chance.random_range(0..to)).collect();
        let proving = median(&picks, |index| drop(log.inclusion(*index, to).unwrap()));
        let finding = median(&picks, |index| assert_eq!(log.find(&digest(*index), 1).unwrap().len(), 1));
        picks.iter_mut().for_each(|index| *index += 1 << 40);
        let missing = median(&picks, |index| assert!(log.find(&digest(*index), 1).unwrap().is_empty()));
        println!(
            "{to:>12} {:>12.0} {:>10.2} {:>8.1} {:>8.1} {:>8.1} {proof:>11} {:>10.1} {:>10.1} {:>10.1}",
            added / took.as_secs_f64(),
            cpu.as_secs_f64() * 1e6 / added,
            size("journal"),
            size("tile"),
            size("index"),
            micros(proving),
            micros(finding),
            micros(missing),
        );
        from = to;
    }
}

/// Appends deposits from `from` on up to `to`, each hand waiting only for what it sent a few batches before.
fn fill(log: &Log, from: u64, to: u64) {
    let next = AtomicU64::new(from);
    std::thread::scope(|scope| {
        for _ in 0..HANDS {
            scope.spawn(|| {
                let (sent, told) = sync_channel(AHEAD);
                let mut under_way = 0;
                loop {
                    let first = next.fetch_add(BATCH, Ordering::Relaxed);
                    if first >= to {
                        break;
                    }
                    let batch = batch(first, BATCH.min(to - first));
                    let sent = sent.clone();
                    log.append(batch, move |outcome| sent.send(outcome.is_ok()).unwrap()).expect("room");
                    under_way += 1;
                    while under_way >= AHEAD {
                        assert!(told.recv().unwrap());
                        under_way -= 1;
                    }
                }
                for _ in 0..under_way {
                    assert!(told.recv().unwrap());
                }
            });
        }
    });
}

/// Batches are not appended in the order of their numbers: a deposit's own number is in its digests.
fn batch(first: u64, count: u64) -> Batch {
    let mut chance = SmallRng::seed_from_u64(first);
    let deposits = (first..first + count).map(|number| {
        let mut salts = [0; 32];
        chance.fill_bytes(&mut salts);
        let [content, statement] = [salts[..16].try_into().unwrap(), salts[16..].try_into().unwrap()];
        Deposit {
            content: Content { salt: content, sha256: digest(number), sm3: digest(!number), size: 1 << 20 },
            statement_salt: statement,
            item: Item { name: format!("exhibit-{number}.pdf"), ..Item::default() },
        }
    });
    let circumstances = Circumstances {
        kind: DepositKind::ElectronicEvidence,
        depositor: "notary".parse().unwrap(),
        identified_by: "certificate of the alliance".into(),
        source: "platform of the depositor".into(),
        method: "export".into(),
        custody: "the depositor".into(),
        environment: "the depositor's servers".into(),
        case: String::new(),
    };
    Batch::new(deposits.collect(), circumstances, UnixSeconds(1_800_000_000)).unwrap()
}

/// Made-up digests, as even as real ones.
fn digest(number: u64) -> Hash {
    let mut bytes = [0; 32];
    SmallRng::seed_from_u64(number).fill_bytes(&mut bytes);
    Hash(bytes)
}

fn median(picks: &[u64], mut work: impl FnMut(&u64)) -> Duration {
    let mut times: Vec<Duration> = picks
        .iter()
        .map(|pick| {
            let began = Instant::now();
            work(pick);
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// User and system time of this process: fields 14 and 15 of its `stat`, in hundredths of a second.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
    Duration::from_millis(10 * fields.map(|ticks| ticks.parse::<u64>().unwrap()).sum::<u64>())
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => bytes_in(&entry.path()),
            // Merged runs may leave while this looks.
            _ => entry.metadata().map_or(0, |metadata| metadata.len()),
        })
        .sum()
}
