//! The demonstration: a fresh world of six institutions, four stories told through the public API, or one attack.
//! It ends well only if every step was verified, or if the attack was refused.

mod agreement;
mod attack;
#[cfg(test)]
mod bars;
mod carrier;
mod freeze;
mod listing;
mod order;
mod query;
mod recovery;
mod report;

use crate::cli::demo::DemoArgs;
use crate::failure::Failure;
use crate::sandbox::{World, WorldEngine, WorldOptions};
use report::Report;

/// Runs `comity demo`.
pub(crate) async fn run(args: DemoArgs) -> Result<(), Failure> {
    let mut report = Report::new(args.json);
    report.say("Comity: six institutions in one process, each with a ledger, a gateway and a store of its own.");
    report.say("Each embedded ledger is run by a single operator; a real chain has several.");
    let engine = WorldEngine::of(args.engine)?;
    if let Some(told) = engine.told() {
        report.say(&told);
    }
    let options = WorldOptions { dir: None, seed: args.seed, quiet: args.json, rate_per_second: None, engine };
    let world = World::start(options).await?;
    let told = match args.tamper {
        None => stories(&world, &mut report).await,
        Some(what) => attack::run(&world, what, &mut report).await,
    };
    let stopped = world.stop().await;
    report.finish(told.is_ok());
    told.and(stopped)
}

async fn stories(world: &World, report: &mut Report) -> Result<(), Failure> {
    query::record(world, report).await?;
    query::credential(world, report).await?;
    freeze::tell(world, report).await?;
    agreement::tell(world, report).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    /// From the first key to the last proof, on a machine that does nothing else.
    const WHOLE_MAX: Duration = Duration::from_secs(60);

    #[tokio::test(flavor = "multi_thread")]
    async fn the_stories_are_told_to_their_end_and_every_step_is_proven() {
        let started = Instant::now();
        let engine = WorldEngine::Embedded;
        let options = WorldOptions { dir: None, seed: 1, quiet: true, rate_per_second: None, engine };
        let world = World::start(options).await.expect("a world");
        let mut report = Report::new(false);
        stories(&world, &mut report).await.expect("every step is verified");
        world.stop().await.expect("the world stops");
        let steps = report.steps();
        report.finish(true);
        println!("{steps} steps in {:?}", started.elapsed());
        assert!(steps >= 52, "{steps} steps");
        if std::env::var_os("CI").is_some() {
            assert!(started.elapsed() < WHOLE_MAX, "{:?}", started.elapsed());
        }
    }
}
