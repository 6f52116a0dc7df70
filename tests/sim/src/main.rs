//! Runs worlds by seed: many, one again, or one made short. See `--help`.

use clap::Parser;
use comity_sim::campaign::{End, Runner, campaign, written};
use comity_sim::plan::Plan;
use comity_sim::planted::Planted;
use comity_sim::run::run;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

/// Seeded simulation of gateways, relayers and chains.
#[derive(Parser)]
#[command(name = "comity-sim", version)]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Run this seed alone, print its plan and what happened, and make it short if it breaks a promise.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// How many worlds at once; default: as many as there are cores.
    #[arg(long)]
    jobs: Option<usize>,
    /// Plant a fault, to see that it is found.
    #[arg(long = "plant", value_enum)]
    planted: Option<Planted>,
    /// Run one world in this process and say what it came to; what the program calls itself with.
    #[arg(long, hide = true, conflicts_with = "seed")]
    world: Option<u64>,
    /// Only these items of the plan.
    #[arg(long, value_delimiter = ',', num_args = 0..)]
    only: Option<Vec<usize>>,
    /// With `--seed`: print everything that happened.
    #[arg(long)]
    trace: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(seed) = arguments.world {
        return world(seed, &arguments);
    }
    let done = std::env::current_exe().and_then(|program| {
        let runner = Runner { program, planted: arguments.planted };
        match arguments.seed {
            Some(seed) => one(&runner, seed, &arguments),
            None => many(&runner, &arguments),
        }
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn plan(seed: u64, only: Option<&[usize]>) -> Plan {
    let plan = Plan::of(seed);
    only.map_or_else(|| plan.clone(), |only| plan.only(only))
}

fn world(seed: u64, arguments: &Arguments) -> ExitCode {
    let report = run(plan(seed, arguments.only.as_deref()), arguments.planted);
    // Printing must not fail the run when nobody listens.
    let mut out = io::stdout().lock();
    if arguments.trace {
        for line in &report.trace {
            let _ = writeln!(out, "{line}");
        }
    }
    let _ = writeln!(out, "kept\t{}\t{}\t{}", report.settled_ms, report.digest, written(&report.tally));
    ExitCode::SUCCESS
}

fn show(plan: &Plan) {
    println!(
        "seed {}: {} institutions, clients trust a header for {} s",
        plan.seed, plan.institutions, plan.trusting_s
    );
    for number in plan.numbers() {
        if let Some(Some(item)) = plan.items.get(number) {
            println!("{number:>4} {item}");
        }
    }
}

fn one(runner: &Runner, seed: u64, arguments: &Arguments) -> io::Result<bool> {
    let only = arguments.only.as_deref();
    let whole = plan(seed, only);
    show(&whole);
    match runner.run(seed, only)? {
        End::Kept { tally, settled_ms, digest } => {
            println!("kept: {tally:?}, all final after {:.1} s, digest {digest}", settled_ms as f64 / 1_000.0);
            Ok(true)
        }
        End::Broken { promise, how, trace } => {
            println!("broken: {promise}: {how}");
            if arguments.trace {
                println!("{trace}");
            }
            shorten(runner, seed, whole.numbers(), &promise)?;
            Ok(false)
        }
    }
}

fn shorten(runner: &Runner, seed: u64, numbers: Vec<usize>, promise: &str) -> io::Result<()> {
    let (kept, end) = runner.shrink(seed, numbers, promise)?;
    println!("\nthe shortest plan that breaks it:");
    show(&Plan::of(seed).only(&kept));
    if let End::Broken { promise, how, trace } = end {
        println!("\nwhat happens then:\n{trace}\nbroken: {promise}: {how}");
    }
    let numbers: Vec<_> = kept.iter().map(ToString::to_string).collect();
    println!("\nagain: comity-sim --seed {seed} --only={}", numbers.join(","));
    Ok(())
}

fn many(runner: &Runner, arguments: &Arguments) -> io::Result<bool> {
    let began = Instant::now();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let jobs = arguments.jobs.unwrap_or(cores);
    let summary = campaign(runner, (arguments.from, arguments.seeds), jobs, 3, |summary, broke| {
        if let Some((seed, promise, how)) = summary.broken.last().filter(|_| broke) {
            println!("seed {seed} broke {promise}: {how}");
        }
        let done = summary.kept + summary.broken.len() as u64;
        if done.is_multiple_of(500) {
            eprintln!("{done} seeds in {} s", began.elapsed().as_secs());
        }
    })?;
    let tally = &summary.tally;
    println!(
        "{} seeds kept every promise, {} did not, in {:.0} s on {jobs} cores",
        summary.kept,
        summary.broken.len(),
        began.elapsed().as_secs_f64()
    );
    println!(
        "{} orders: {} executed or waitlisted, {} timed out, {} withdrawn, refused or failed",
        tally.orders, tally.executed, tally.timed_out, tally.other
    );
    println!(
        "{} agreements: {} performed, {} in default and open, the others stopped",
        tally.agreements, tally.performed, tally.opened
    );
    println!("{} crashes, {} blocks, {} transactions", tally.crashes, tally.blocks, tally.txs);
    println!(
        "all final {:.1} s after the last fault on average, {:.1} s at most (simulated)",
        summary.settled_ms.1 as f64 / 1_000.0 / summary.kept.max(1) as f64,
        summary.settled_ms.0 as f64 / 1_000.0
    );
    if let Some((seed, promise, _)) = summary.broken.first() {
        shorten(runner, *seed, Plan::of(*seed).numbers(), promise)?;
    }
    Ok(summary.broken.is_empty())
}
