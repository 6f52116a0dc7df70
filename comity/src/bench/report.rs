//! What a bench found: a table for people, JSON for whoever compares, a picture.
//! Refuses to leave out what failed.

use super::capacity::{Capacity, Overload};
use super::memory::{FLAT_SHARE, Memory, median};
use super::picture;
use super::round::Round;
use crate::cli::bench::LoadArgs;
use crate::failure::Failure;
use crate::files;
use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use serde_json::{Value, json};
use std::fs;

/// Server CPU for a query against the echo's that is to be kept.
pub(super) const RATIO_MAX: f64 = 1.4;
/// Throughput that must stay under overload, against the peak.
pub(super) const STAYS_MIN: f64 = 0.8;

/// Everything that was found.
pub(super) struct Report {
    workload: &'static str,
    /// How many things one request asks for.
    each: u64,
    rate: u32,
    seconds: u32,
    /// Load averages of the machine before the first round.
    load_before: String,
    /// The share of one core that servers use while nobody asks.
    pub(super) idle: f64,
    /// Rounds of the workload.
    pub(super) rounds: Vec<Round>,
    /// Rounds of the echo, in turn with these.
    pub(super) echo: Vec<Round>,
    /// What is carried.
    pub(super) capacity: Option<Capacity>,
    /// What several times as much led to.
    pub(super) overload: Option<Overload>,
    /// Memory over time.
    pub(super) memory: Option<Memory>,
}

/// Medians over rounds.
struct Medians {
    throughput: f64,
    p50: f64,
    p99: f64,
    p999: f64,
    /// CPU seconds of the servers for 10,000 answers, all of it, and without what they use while nobody asks.
    cpu: Option<f64>,
    net: Option<f64>,
}

impl Medians {
    fn of(rounds: &[Round], idle: f64) -> Option<Self> {
        if rounds.is_empty() {
            return None;
        }
        let over = |value: &dyn Fn(&Round) -> Option<f64>| {
            let values: Vec<f64> = rounds.iter().filter_map(value).collect();
            (!values.is_empty()).then(|| median(values))
        };
        let at = |share: f64| over(&|round| Some(round.latencies.quantile(share) as f64 / 1_000.0)).unwrap_or(0.0);
        let net = |round: &Round| {
            let idle = idle * round.took.as_secs_f64() * 10_000.0 / (round.answered() as f64).max(1.0);
            Some((round.cpu_per_10_000()? - idle).max(0.0))
        };
        Some(Self {
            throughput: over(&|round| Some(round.throughput())).unwrap_or(0.0),
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            cpu: over(&Round::cpu_per_10_000),
            net: over(&net),
        })
    }

    fn json(&self) -> Value {
        json!({
            "answers_per_second": self.throughput,
            "p50_ms": self.p50, "p99_ms": self.p99, "p999_ms": self.p999,
            "server_cpu_s_per_10_000": self.cpu, "server_cpu_s_per_10_000_without_idle": self.net,
        })
    }
}

impl Report {
    pub(super) fn new(workload: &'static str, each: u64, args: &LoadArgs) -> Self {
        Self {
            workload,
            each,
            rate: args.rate,
            seconds: args.seconds,
            load_before: load_average(),
            idle: 0.0,
            rounds: Vec::new(),
            echo: Vec::new(),
            capacity: None,
            overload: None,
            memory: None,
        }
    }

    /// Tells how far it is, beside the results.
    pub(super) fn say(&self, line: &str) {
        eprintln!("{line}");
    }

    /// Server CPU of the workload against the echo's, both without idle work.
    fn ratio(&self) -> Option<f64> {
        let (own, echo) = (Medians::of(&self.rounds, self.idle)?, Medians::of(&self.echo, 0.0)?);
        Some(own.net? / echo.net.filter(|cpu| *cpu > 0.0)?)
    }

    /// Prints the table.
    pub(super) fn print(&self) {
        println!("{} on {}", self.workload, machine());
        println!("Load averages: {} before, {} after.", self.load_before, load_average());
        println!("While nobody asks, the servers use {:.1}% of a core.", self.idle * 100.0);
        let mut table = Table::new();
        table.load_preset(UTF8_BORDERS_ONLY).set_header([
            "",
            "answers/s",
            "p50 ms",
            "p99 ms",
            "p99.9 ms",
            "CPU s per 10,000",
            "without idle",
        ]);
        let shown = |value: Option<f64>| value.map(|value| format!("{value:.3}")).unwrap_or_default();
        for (what, rounds, idle) in [(self.workload, &self.rounds, self.idle), ("echo", &self.echo, 0.0)] {
            let Some(medians) = Medians::of(rounds, idle) else { continue };
            let [p50, p99, p999] = [medians.p50, medians.p99, medians.p999].map(|ms| format!("{ms:.2}"));
            let throughput = format!("{:.0}", medians.throughput);
            table.add_row([what.to_owned(), throughput, p50, p99, p999, shown(medians.cpu), shown(medians.net)]);
        }
        if !self.rounds.is_empty() {
            println!("{table}");
        }
        if let Some(medians) = Medians::of(&self.rounds, self.idle).filter(|_| self.each > 1) {
            let (each, what) = (self.each as f64, self.workload);
            let cpu = medians.net.map(|net| format!(", {:.2} µs of server CPU each", net * 100.0 / each));
            println!("{:.0} {what}/s{}.", medians.throughput * each, cpu.unwrap_or_default());
        }
        if let Some(ratio) = self.ratio() {
            println!("Server CPU of {} against the echo's: {ratio:.2} (bar for queries: {RATIO_MAX}).", self.workload);
        }
        if let Some(capacity) = &self.capacity {
            println!("Carried: {}/s; most answers: {:.0}/s.", capacity.rate, capacity.peak);
            if self.each > 1 {
                println!("That is {:.0} {}/s at most.", capacity.peak * self.each as f64, self.workload);
            }
            if let Some(best) = capacity.tried.iter().rfind(|round| round.rate == capacity.rate) {
                println!("At that rate: {}.", best.line());
            }
        }
        if let Some(overload) = &self.overload {
            let round = &overload.round;
            println!("At {} times as much: {}.", overload.times, round.line());
            println!(
                "Throughput stays at {:.0}% of the peak (bar: {:.0}%); {:.0}% were shed with RESOURCE_EXHAUSTED.",
                overload.stays * 100.0,
                STAYS_MIN * 100.0,
                round.shed as f64 * 100.0 / (round.due as f64).max(1.0)
            );
        }
        if let Some(memory) = &self.memory {
            println!("{}.", memory.round.line());
            println!(
                "Memory: {:.1} MB at the end, {:+.2} MB an hour ({}; flat is up to {:.0}%), {:+.1} bytes an answer.",
                memory.last() / 1e6,
                memory.slope / 1e6,
                if memory.is_flat() { "flat" } else { "not flat" },
                FLAT_SHARE * 100.0,
                memory.per_answer()
            );
        }
    }

    /// Writes the files that were asked for.
    pub(super) fn save(&self, args: &LoadArgs) -> Result<(), Failure> {
        if let Some(path) = &args.json {
            files::replace(path, format!("{:#}\n", self.json()))?;
        }
        if let Some(path) = &args.svg {
            files::replace(path, picture::draw(&self.charts()))?;
        }
        Ok(())
    }

    /// A load that was not answered is a refusal, whatever else was measured.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        self.rounds.iter().chain(&self.echo).try_for_each(|round| round.must_be_answered(self.workload))
    }

    fn json(&self) -> Value {
        json!({
            "workload": self.workload,
            "machine": machine(),
            "load_before": self.load_before,
            "load_after": load_average(),
            "rate": self.rate,
            "seconds": self.seconds,
            "each": self.each,
            "idle_cores": self.idle,
            "medians": Medians::of(&self.rounds, self.idle).map(|medians| medians.json()),
            "echo": Medians::of(&self.echo, 0.0).map(|medians| medians.json()),
            "ratio": self.ratio(),
            "rounds": self.rounds.iter().map(round_json).collect::<Vec<_>>(),
            "echo_rounds": self.echo.iter().map(round_json).collect::<Vec<_>>(),
            "capacity": self.capacity.as_ref().map(|capacity| json!({
                "rate": capacity.rate, "peak": capacity.peak,
                "tried": capacity.tried.iter().map(round_json).collect::<Vec<_>>(),
            })),
            "overload": self.overload.as_ref().map(|overload| json!({
                "times": overload.times, "stays": overload.stays, "round": round_json(&overload.round),
            })),
            "memory": self.memory.as_ref().map(|memory| json!({
                "samples": memory.samples, "bytes_per_hour": memory.slope,
                "bytes_per_answer": memory.per_answer(), "flat": memory.is_flat(),
                "round": round_json(&memory.round),
            })),
        })
    }

    fn charts(&self) -> Vec<picture::Chart> {
        let mut charts = Vec::new();
        let curve = |name: &str, rounds: &[Round]| {
            let middle = rounds.get(rounds.len() / 2)?;
            let points = middle.latencies.curve().into_iter().map(|(nines, us)| (nines, us as f64 / 1_000.0));
            Some(picture::Line { name: name.to_owned(), points: points.collect() })
        };
        let lines: Vec<_> =
            [curve(self.workload, &self.rounds), curve("echo", &self.echo)].into_iter().flatten().collect();
        if !lines.is_empty() {
            charts.push(picture::Chart {
                title: format!("{}: latency by percentile at {}/s", self.workload, self.rate),
                x: "nines (1 is p90, 2 is p99, 3 is p99.9)",
                y: "ms",
                logarithmic: true,
                lines,
            });
        }
        if let Some(capacity) = &self.capacity {
            let mut tried: Vec<&Round> =
                capacity.tried.iter().chain(self.overload.iter().map(|over| &over.round)).collect();
            tried.sort_by_key(|round| round.rate);
            let line = |name: &str, value: &dyn Fn(&Round) -> f64| picture::Line {
                name: name.to_owned(),
                points: tried.iter().map(|round| (f64::from(round.rate), value(round))).collect(),
            };
            let shed = |round: &Round| round.shed as f64 / round.took.as_secs_f64().max(f64::EPSILON);
            charts.push(picture::Chart {
                title: format!("{}: answers per second over what was due", self.workload),
                x: "due per second",
                y: "per second",
                logarithmic: false,
                lines: vec![line("answered", &Round::throughput), line("shed", &shed)],
            });
            charts.push(picture::Chart {
                title: format!("{}: p99 over what was due", self.workload),
                x: "due per second",
                y: "ms",
                logarithmic: true,
                lines: vec![line("p99", &|round| round.latencies.quantile(0.99) as f64 / 1_000.0)],
            });
        }
        if let Some(memory) = &self.memory {
            let points = memory.samples.iter().map(|(at, bytes)| (at / 60.0, bytes / 1e6)).collect();
            charts.push(picture::Chart {
                title: format!("{}: resident memory at {}/s", self.workload, self.rate),
                x: "minutes",
                y: "MB",
                logarithmic: false,
                lines: vec![picture::Line { name: "servers".into(), points }],
            });
        }
        charts
    }
}

fn round_json(round: &Round) -> Value {
    let ms = |share| round.latencies.quantile(share) as f64 / 1_000.0;
    json!({
        "rate": round.rate, "due": round.due, "answered": round.answered(), "shed": round.shed,
        "failed": round.failed, "seconds": round.took.as_secs_f64(),
        "answers_per_second": round.throughput(),
        "p50_ms": ms(0.5), "p99_ms": ms(0.99), "p999_ms": ms(0.999), "max_ms": ms(1.0),
        "server_cpu_s": round.cpu.map(|cpu| cpu.as_secs_f64()),
        "server_cpu_s_of_cometbft": round.cpu_of_nodes.as_secs_f64(),
        "server_cpu_s_per_10_000": round.cpu_per_10_000(),
    })
}

/// Cores and processor.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    format!("{cores} cores of {}", model.map_or("an unknown processor", |(_, model)| model))
}

/// Load averages of 1, 5 and 15 minutes.
fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_ascii_whitespace().take(3).collect::<Vec<_>>().join(" ")
}
