//! A machine that begins in the middle: it takes the state of its peers by CometBFT's state sync, and then follows.

use crate::network::{Network, change, cometbft, three_ports};
use comity_adapters_ports::Chain;
use comity_model::Height;
use comity_model::governance::{Action, ValidatorUpdate};
use comity_model::state::StatePath;
use std::time::{Duration, Instant};
use tendermint_rpc::{Client as _, HttpClient};

const WITHIN: Duration = Duration::from_secs(120);

/// Has `chain` make blocks until one of its validators has made a snapshot.
async fn snapshot_of(network: &Network) -> u64 {
    let started = Instant::now();
    loop {
        assert!(started.elapsed() < WITHIN, "no snapshot was made");
        let kept = std::fs::read_dir(network.file(0, "ledger/snapshots")).expect("a folder");
        let heights = kept.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        if let Some(height) = heights.max() {
            return height;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn value(chain: &Chain, height: Height) -> Option<Vec<u8>> {
    chain.prover.prove(&StatePath::Governors, height).await.expect("a proof").value
}

#[allow(clippy::await_holding_lock)] // Held by the thread that waits for the test and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_machine_takes_the_state_of_its_peers_and_follows_them() {
    let Some(cometbft) = cometbft() else { return };
    let _alone = crate::pairs::alone();
    let folder = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let step = |what: &str| println!("{:>5.1} s  {what}", started.elapsed().as_secs_f32());
    let mut network = Network::start(&cometbft, folder.path(), "court", "court", three_ports());
    let snapshot = snapshot_of(&network).await;
    // Its header must be followed by two more.
    network.reach(0, Height(snapshot + 3)).await;
    step(&format!("validators have a snapshot of block {snapshot}"));

    let trusted = network.ports(0).headers.light_block(Height(2)).await.expect("a block").header;
    let index = network.add_node();
    let settings = format!(
        "\n[statesync]\nenable = true\nrpc_servers = \"{},{}\"\ntrust_height = 2\ntrust_hash = \"{}\"\n\
         trust_period = \"1h0m0s\"\ndiscovery_time = \"5s\"\n",
        network.rpc(0),
        network.rpc(1),
        trusted.hash()
    );
    change(&network.file(index, "config/config.toml"), "\n[tx_index]", &format!("{settings}\n[tx_index]"));
    network.start_application(index);
    network.start_node(index);
    let height = network.ports(0).headers.latest().await.expect("a height");
    network.reach(index, height.next()).await;
    step("a node without blocks has taken it and caught up");

    // It has no block from before, so it carried none out; and its state is proven by everybody's headers.
    let (new, old) = (network.ports(index), network.ports(0));
    let log = std::fs::read_to_string(network.file(index, "application.log")).expect("a log");
    assert!(log.contains("the snapshot is taken"), "{log}");
    let first = new.headers.light_block(Height(2)).await;
    assert!(first.is_err(), "it has the second block: it did not begin in the middle");
    let change = Action::SetValidators(vec![ValidatorUpdate { public_key: [9; 32], power: 1 }]);
    let work = vec![network.proposal(change).await];
    let (height, _) = network.done(index, work).await;
    network.reach(index, Height(height.0 + 2)).await;
    network.reach(0, Height(height.0 + 2)).await;
    let next = height.next();
    assert_eq!(value(&new, next).await, value(&old, next).await);
    let hash = |block: comity_verify::comet::LightBlock| block.header.hash();
    assert_eq!(
        new.headers.light_block(next).await.map(hash).expect("a block"),
        old.headers.light_block(next).await.map(hash).expect("a block"),
    );
    step("it submits, follows and proves as the others do");

    // A restart of both goes on from there.
    network.kill_node(index);
    network.kill_application(index);
    network.start_application(index);
    network.start_node(index);
    let latest = old.headers.latest().await.expect("a height");
    network.reach(index, latest.next()).await;
    let client = HttpClient::new(network.rpc(index).as_str()).expect("a client");
    assert!(client.abci_info().await.expect("it answers").last_block_height.value() >= latest.0);
    step("killed and started again it goes on");
}
