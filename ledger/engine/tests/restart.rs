//! Blocks and state survive: an ordinary restart, a crash between the block and the application's commit, files that
//! do not belong together.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use comity_ledger_engine::{Engine, EngineError, EngineStatus, Storage, SubmitError};
use comity_ledger_rpc::block::{BlockResponse, CommitResponse};
use comity_ledger_rpc::jsonrpc::Request;
use comity_model::Height;
use comity_store_file::FileError;
use std::time::{Duration, Instant};
use support::{World, directory, key, keys, power, reach, rpc};

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_continues_the_chain() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::new(10);
    let config = || world.config(4, directory(folder.path()), 60_000);
    let engine = Engine::start(config()).await.expect("starts");
    let outcome = engine.submit(world.put_record("1")).await.expect("in a block");
    let forgotten = engine.handle();
    reach(&forgotten, outcome.height.0 + 1).await;
    let before = settled(&engine).await;
    let addr = engine.rpc_addr();
    engine.stop().await.expect("stops");
    assert!(matches!(forgotten.outcome_of(&outcome.hash), Err(EngineError::Stopped)));
    assert_eq!(forgotten.submit(vec![1]).await, Err(SubmitError::Stopped));

    let mut again = config();
    again.rpc = addr;
    let engine = Engine::start(again).await.expect("starts again at the same address");
    let status = engine.status();
    assert!(status.height > before.height);
    assert!(status.time > before.time);
    // More blocks may follow it at once; the first one is looked at.
    let first = Request::block(Some(before.height.next().0));
    let block: BlockResponse = rpc(&engine, &first).await.expect("a block");
    let block = block.block.expect("a block");
    assert!(block.data.txs.is_empty(), "the first block after a start is empty");
    assert_eq!(block.header.last_block_id.hash, before.header_hash.0.to_vec());
    assert_eq!(block.header.app_hash, before.app_hash.0.to_vec());
    // The same transaction again answers with its one outcome.
    let found = engine.handle().outcome_of(&outcome.hash).expect("read");
    assert_eq!(found, Some(outcome));
    engine.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_that_the_application_lost_in_a_crash_are_carried_out_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::new(10);
    let config = || world.config(4, directory(folder.path()), 60_000);
    let state = folder.path().join("state.redb");
    let kept = folder.path().join("kept");
    let engine = Engine::start(config()).await.expect("starts");
    engine.submit(world.put_record("1")).await.expect("in a block");
    engine.stop().await.expect("stops");
    // The application's file as it was before the blocks below were committed to it.
    std::fs::copy(&state, &kept).expect("copied");
    let engine = Engine::start(config()).await.expect("starts");
    let tx = world.put_record("2");
    let outcome = engine.submit(tx.clone()).await.expect("in a block");
    assert!(outcome.result.is_ok());
    let handle = engine.handle();
    reach(&handle, outcome.height.0 + 1).await;
    let before = settled(&engine).await;
    engine.stop().await.expect("stops");
    drop(handle);
    std::fs::copy(&kept, &state).expect("put back");

    let engine = Engine::start(config()).await.expect("recovers");
    let commit: CommitResponse = rpc(&engine, &Request::commit(Some(before.height.next().0))).await.expect("a commit");
    let header = commit.signed_header.header;
    assert_eq!(header.last_block_id.hash, before.header_hash.0.to_vec());
    assert_eq!(header.app_hash, before.app_hash.0.to_vec());
    assert_eq!(engine.submit(tx).await, Ok(outcome));
    engine.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_state_is_given_back_by_the_blocks() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::new(10);
    let config = || world.config(4, directory(folder.path()), 60_000);
    let engine = Engine::start(config()).await.expect("starts");
    engine.submit(world.put_record("1")).await.expect("in a block");
    engine.stop().await.expect("stops");
    std::fs::remove_file(folder.path().join("state.redb")).expect("removed");
    let engine = Engine::start(config()).await.expect("starts");
    let outcome = engine.submit(world.put_record("2")).await.expect("in a block");
    assert!(outcome.result.is_ok());
    engine.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_do_not_belong_together_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::new(10);
    let config = || world.config(4, directory(folder.path()), 60_000);
    let engine = Engine::start(config()).await.expect("starts");
    assert!(matches!(Engine::start(config()).await.err(), Some(EngineError::File(FileError::InUse { .. }))));
    engine.stop().await.expect("stops");
    let other = World::new(999).config(4, directory(folder.path()), 60_000);
    assert!(matches!(Engine::start(other).await.err(), Some(EngineError::OtherGenesis)));
    // Without the blocks, their signatures would be made a second time.
    std::fs::remove_file(folder.path().join("blocks.redb")).expect("removed");
    let error = Engine::start(config()).await.err().expect("refused");
    assert!(matches!(error, EngineError::AppAhead { .. } | EngineError::App { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_validator_keys_are_refused_at_the_start() {
    let world = World::new(10);
    let error = Engine::start(world.config(2, Storage::Memory, 1_000)).await.err();
    assert!(matches!(error, Some(EngineError::Keys { height: Height(1), held: 20, total: 40 })));
    // Three of four carry more than two thirds.
    let engine = Engine::start(world.config(3, Storage::Memory, 1_000)).await.expect("starts");
    engine.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_whose_new_validators_keys_are_not_held_halts_and_says_so() {
    let world = World::new(10);
    let folder = tempfile::tempdir().expect("a folder");
    let config = world.config(4, directory(folder.path()), 60_000);
    let engine = Engine::start(config.clone()).await.expect("starts");
    let change = world.set_validators(0, vec![power(&key(50), 1_000)]);
    let outcome = engine.submit(change).await.expect("in a block");
    assert!(outcome.result.is_ok());
    let halted = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            engine.handle().ask_for_block();
            if let Some(reason) = engine.status().halted {
                return reason;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let reason = halted.await.expect("halts");
    assert!(reason.contains("voting power"), "{reason}");
    assert_eq!(engine.status().height, Height(outcome.height.0 + 1));
    let refused = engine.submit(world.put_record("1")).await.expect_err("no block");
    assert_eq!(refused.code(), "LEDGER_HALTED");
    engine.stop().await.expect("stops");
    // Bringing the key heals it.
    let mut healed = config;
    healed.keys = keys(4).into_iter().chain([key(50)]).collect();
    let engine = Engine::start(healed).await.expect("starts");
    assert!(engine.submit(world.put_record("2")).await.expect("in a block").result.is_ok());
    engine.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_is_durable_within_milliseconds_and_nothing_is_lost_in_a_crowd() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::new(10);
    let config = world.config(4, directory(folder.path()), 60_000);
    let engine = Engine::start(config).await.expect("starts");
    let mut times = Vec::new();
    for number in 0..50 {
        let tx = world.put_record(&format!("one {number}"));
        let begun = Instant::now();
        let outcome = engine.submit(tx).await.expect("in a block");
        times.push(begun.elapsed());
        assert!(outcome.result.is_ok());
    }
    times.sort();
    println!("submit to durable: median {:?}, worst {:?}", times[25], times[49]);
    let begun = Instant::now();
    let crowd = (0..300).map(|number| {
        let (handle, tx) = (engine.handle(), world.put_record(&format!("many {number}")));
        tokio::spawn(async move { handle.submit(tx).await })
    });
    for one in crowd.collect::<Vec<_>>() {
        let outcome = one.await.expect("runs").expect("in a block");
        assert!(outcome.result.is_ok());
    }
    println!("300 at once: {:?}, height {}", begun.elapsed(), engine.status().height);
    engine.stop().await.expect("stops");
}

/// How the engine stands once it makes no more blocks: a block that was asked for may follow the one waited for.
async fn settled(engine: &Engine) -> EngineStatus {
    loop {
        let before = engine.status();
        tokio::time::sleep(Duration::from_millis(200)).await;
        let after = engine.status();
        if after.height == before.height {
            return after;
        }
    }
}
