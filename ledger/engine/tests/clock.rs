//! Block time: it rises whatever the clock does, and catches up after a halt before anything is judged by it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use comity_ledger_engine::{CommittedBlock, Engine, EngineConfig, ManualClock};
use comity_model::Time;
use std::sync::Arc;
use support::{World, directory, now};

/// The next block, asked for now.
async fn next(engine: &Engine) -> Arc<CommittedBlock> {
    let mut blocks = engine.subscribe();
    engine.handle().ask_for_block();
    blocks.recv().await.expect("a block")
}

fn with_clock(config: EngineConfig, clock: &Arc<ManualClock>) -> EngineConfig {
    EngineConfig { clock: Arc::<ManualClock>::clone(clock), ..config }
}

#[tokio::test(flavor = "multi_thread")]
async fn block_time_rises_although_the_clock_goes_back() {
    let world = World::new(10);
    let clock = Arc::new(ManualClock::new(now()));
    let config = world.config(4, comity_ledger_engine::Storage::Memory, 60_000);
    let engine = Engine::start(with_clock(config, &clock)).await.expect("starts");
    let mut last: Time = next(&engine).await.header.time;
    assert_eq!(last, engine.status().time);
    clock.set(Time::UNIX_EPOCH);
    for _ in 0..5 {
        let block = next(&engine).await;
        // BFT time: the header carries the time of the votes for the block before.
        let votes = block.last_commit.as_ref().expect("signatures").signatures.iter();
        assert!(votes.filter_map(|entry| entry.for_block()).all(|vote| vote.time == block.header.time));
        assert!(block.header.time > last);
        last = block.header.time;
    }
    engine.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_halt_block_time_catches_up_with_an_empty_block() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::new(10);
    let clock = Arc::new(ManualClock::new(now()));
    let config = || with_clock(world.config(4, directory(folder.path()), 60_000), &clock);
    let engine = Engine::start(config()).await.expect("starts");
    let before = next(&engine).await.header.time;
    engine.stop().await.expect("stops");
    clock.advance_seconds(86_400);
    let engine = Engine::start(config()).await.expect("starts");
    let first = engine.handle().latest().expect("a block");
    assert!(first.txs.is_empty());
    assert!(first.header.time < before.plus_seconds(3_600), "it carries the time of the votes before the halt");
    let outcome = engine.submit(world.put_record("1")).await.expect("in a block");
    assert_eq!(outcome.height, first.height().next());
    assert!(engine.status().time >= before.plus_seconds(86_400), "{}", engine.status().time);
    engine.stop().await.expect("stops");
}
