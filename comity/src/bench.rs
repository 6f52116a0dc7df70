//! `comity bench`: a load on a running sandbox or deployment over its API, what it takes of the servers, and beside it the
//! same load on a bare echo server.
//! Refuses to measure by what it is driving: servers are other processes, and what they used is read from the system.

mod capacity;
mod echo;
mod latency;
mod memory;
mod picture;
mod process;
mod report;
mod round;
mod schedule;
mod target;
mod workload;

use crate::cli::bench::{BenchCommand, LoadArgs};
use crate::failure::Failure;
use report::Report;
use round::drive;
use schedule::Schedule;
use std::sync::Arc;
use std::time::Duration;
use target::Target;
use workload::{Credentials, Deposits, Orders, Queries, Workload};

/// How long servers may rest before a measurement, and how long what they do on their own is watched.
const REST: Duration = Duration::from_secs(1);
const IDLE: Duration = Duration::from_secs(4);
/// How fast requests come before the first round, at least and at most.
const WARM_UP_RATE: (u32, u32) = (100, 1_000);

/// Runs the command.
pub(crate) async fn run(command: BenchCommand) -> Result<(), Failure> {
    match command {
        BenchCommand::Echo(args) => echo::serve(args).await,
        BenchCommand::Queries(args) => on(&args.load, |target| Queries::open(target, &args)).await,
        BenchCommand::Credentials(args) => on(&args.load, |target| Credentials::open(target, &args)).await,
        BenchCommand::Orders(args) => on(&args.load, |target| Orders::open(target, &args)).await,
        BenchCommand::Deposits(args) => on(&args.load, |target| Deposits::open(target, &args)).await,
    }
}

/// Measures a workload on the target that it opens on.
async fn on<W: Workload>(args: &LoadArgs, open: impl FnOnce(&Target) -> Result<W, Failure>) -> Result<(), Failure> {
    let target = Target::open(args).await?;
    let workload = open(&target)?;
    finish(measure(args, &target, Arc::new(workload)).await, target, args)
}

/// Whatever was measured is shown; the sandbox ends either way.
fn finish(measured: Result<Report, Failure>, target: Target, args: &LoadArgs) -> Result<(), Failure> {
    drop(target);
    let report = measured?;
    report.print();
    report.save(args)?;
    report.verdict()
}

async fn measure<W: Workload>(args: &LoadArgs, target: &Target, workload: Arc<W>) -> Result<Report, Failure> {
    let mut report = Report::new(W::NAME, workload.each(), args);
    let count = workload.warm_up();
    if count > 0 {
        report.say(&format!("warming up with {count} requests"));
        let warm = drive(&workload, &Schedule::new(warm_up_rate(args.rate, workload.each()), count), None).await?;
        warm.must_be_answered(W::NAME)?;
    }
    tokio::time::sleep(REST).await;
    report.idle = target.idle(IDLE).await?;
    if let Some(minutes) = args.memory {
        report.memory = Some(memory::watch(args, target, &workload, minutes).await?);
        return Ok(report);
    }
    if args.find_capacity || args.overload.is_some() {
        let found = capacity::find(args, target, &workload, &mut report).await?;
        if let Some(times) = args.overload {
            report.overload = Some(capacity::overload(args, target, &workload, &found, times).await?);
        }
        report.capacity = Some(found);
        return Ok(report);
    }
    rounds(args, target, &workload, &mut report).await?;
    Ok(report)
}

/// How fast the first requests come. Those that carry thousands of things come no faster than the others will.
fn warm_up_rate(rate: u32, each: u64) -> u32 {
    if each > 1 { rate } else { rate.clamp(WARM_UP_RATE.0, WARM_UP_RATE.1) }
}

/// Rounds of the workload and of the echo, in turn.
async fn rounds<W: Workload>(
    args: &LoadArgs,
    target: &Target,
    workload: &Arc<W>,
    report: &mut Report,
) -> Result<(), Failure> {
    let schedule = Schedule::of(args.rate, args.seconds);
    let echo = match workload.sizes().await? {
        Some(sizes) => Some(echo::Echo::start(sizes, args.connections).await?),
        None => None,
    };
    for number in 1..=args.rounds {
        let round = drive(workload, &schedule, Some(target.servers())).await?;
        report.say(&format!("round {number} of {}: {}", args.rounds, round.line()));
        report.rounds.push(round);
        if let Some(echo) = &echo {
            let round = drive(&echo.workload(), &schedule, Some(echo.servers())).await?;
            report.say(&format!("  echo: {}", round.line()));
            report.echo.push(round);
        }
    }
    Ok(())
}
