//! An outside light client, `tendermint-light-client`, follows the chain over its RPC: header by header and skipping,
//! through two changes of the validator set.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use comity_ledger_engine::{Engine, Storage};
use std::time::Duration;
use support::{World, key, power, reach};
use tendermint::block::Height;
use tendermint_light_client::builder::LightClientBuilder;
use tendermint_light_client::instance::Instance;
use tendermint_light_client::store::memory::MemoryStore;
use tendermint_light_client::types::TrustThreshold;
use tendermint_light_client::verifier::options::Options;
use tendermint_rpc::HttpClient;

const LAST: u64 = 210;

fn instance(url: &str, hash: comity_model::Hash) -> Instance {
    let client = HttpClient::new(url).expect("a client");
    let peer = "0000000000000000000000000000000000000000".parse().expect("an id");
    let options = Options {
        trust_threshold: TrustThreshold::ONE_THIRD,
        trusting_period: Duration::from_secs(3600),
        clock_drift: Duration::from_secs(5),
    };
    let hash = tendermint::Hash::from_bytes(tendermint::hash::Algorithm::Sha256, &hash.0);
    LightClientBuilder::prod(peer, client, Box::new(MemoryStore::new()), options, Some(Duration::from_secs(10)))
        .trust_primary_at(Height::from(1u32), hash.expect("a hash"))
        .expect("the first block is trusted")
        .build()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outside_light_client_follows_through_two_changes_of_validators() {
    let world = World::new(10);
    let config = world.config(8, Storage::Memory, 1_000);
    let engine = Engine::start(config).await.expect("starts");
    let mut blocks = engine.subscribe();
    assert_eq!(engine.status().height.0, 1);
    let first = engine.status().header_hash;
    let handle = engine.handle();
    reach(&handle, 60).await;
    let change = world.set_validators(0, vec![power(&key(1), 0), power(&key(5), 10), power(&key(6), 25)]);
    let outcome = engine.submit(change).await.expect("in a block");
    assert!(outcome.result.is_ok(), "{:?}", outcome.result);
    reach(&handle, 130).await;
    // None of the first validators stays: a client that skips must look between.
    let gone = (2..=4).map(|seed| power(&key(seed), 0));
    let come = (7..=8).map(|seed| power(&key(seed), 40));
    let change = world.set_validators(1, gone.chain(come).collect());
    let outcome = engine.submit(change).await.expect("in a block");
    assert!(outcome.result.is_ok(), "{:?}", outcome.result);
    reach(&handle, LAST).await;
    let changed = blocks.recv().await;
    assert!(changed.is_ok() || matches!(changed, Err(tokio::sync::broadcast::error::RecvError::Lagged(_))));

    let url = format!("http://{}", engine.rpc_addr());
    let followed = tokio::task::spawn_blocking(move || {
        let mut adjacent = instance(&url, first);
        for height in 2..=LAST {
            let height = Height::try_from(height).expect("a height");
            let block =
                adjacent.light_client.verify_to_target(height, &mut adjacent.state).expect("each header follows");
            assert_eq!(block.height(), height);
        }
        let mut skipping = instance(&url, first);
        let target = Height::try_from(LAST).expect("a height");
        let block = skipping.light_client.verify_to_target(target, &mut skipping.state).expect("skips to the last");
        assert_eq!(block.height(), target);
        let fetched = skipping.state.light_store.all(tendermint_light_client::types::Status::Verified).count();
        assert!((2..100).contains(&fetched), "verified {fetched} headers on the way");
        let highest = skipping.light_client.verify_to_highest(&mut skipping.state).expect("follows to the latest");
        assert!(highest.height() >= target);
    });
    followed.await.expect("the outside client follows");
    engine.stop().await.expect("stops");
}
