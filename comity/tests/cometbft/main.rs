//! A chain of four validators under CometBFT, as real processes: what an adapter is promised, what an outside light client
//! believes, and what survives when a process is killed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../alliance/mod.rs"]
mod alliance;
mod copies;
mod demo;
mod links;
mod load;
mod network;
mod pairs;
mod state_sync;

use comity_adapters_conformance::Fixture;
use comity_ledger_rpc::encoding::base64_text;
use comity_model::client::{AnchorPoint, ClientKind, ClientState, ClientStatus};
use comity_model::governance::{Action, ValidatorUpdate};
use comity_model::seal::Suites;
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{ChainId, ClientId, Height, Time, UnixSeconds, encode};
use comity_verify::comet::{BlockId, Commit, CommitSig, Header, LightBlock, Validator, ValidatorSet, Vote, vote_bytes};
use comity_verify::light::{Anchor, LightStep};
use ed25519_dalek::{Signer as _, SigningKey};
use network::{HEARTBEAT, Network, VALIDATORS};
use std::time::{Duration, SystemTime};
use tendermint_light_client::builder::LightClientBuilder;
use tendermint_light_client::store::memory::MemoryStore;
use tendermint_light_client::types::TrustThreshold;
use tendermint_light_client::verifier::options::Options;
use tendermint_rpc::{Client as _, HttpClient};

const TRUSTING_S: u64 = 3_600;

fn now() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Time::new(i64::try_from(since.as_secs()).unwrap(), since.subsec_nanos()).unwrap()
}

fn anchor(block: &LightBlock) -> Anchor {
    Anchor {
        chain_id: block.header.chain_id.clone(),
        height: block.header.height,
        header_hash: block.header.hash(),
        validators_hash: block.header.validators_hash,
        trusting_period_secs: TRUSTING_S,
        clock_drift_secs: 30,
        operators: 1,
        suites: Suites::NATIVE,
    }
}

/// A chain that exists on paper only, of one validator: its headers are work for a client on the real one.
struct Paper {
    chain: ChainId,
    key: SigningKey,
    like: Header,
}

impl Paper {
    fn block(&self, height: u64, time: Time) -> LightBlock {
        let power = Validator { public_key: self.key.verifying_key().to_bytes(), power: 1 };
        let validators = ValidatorSet::new(vec![power]).unwrap();
        let mut header = self.like.clone();
        header.chain_id = self.chain.clone();
        (header.height, header.time) = (Height(height), time);
        (header.validators_hash, header.next_validators_hash) = (validators.hash(), validators.hash());
        let parts = comity_verify::comet::PartSetHeader { total: 1, hash: comity_model::Hash([1; 32]) };
        let block_id = BlockId { hash: header.hash(), parts };
        let bytes = vote_bytes(&self.chain, header.height, 0, Some(&block_id), time);
        let vote = Vote { address: validators.addresses()[0], time, signature: self.key.sign(&bytes).to_bytes() };
        let commit = Commit { height: header.height, round: 0, block_id, signatures: vec![CommitSig::Commit(vote)] };
        LightBlock { header, commit, validators }
    }

    fn client(&self, id: &ClientId, block: &LightBlock) -> Action {
        let anchor = anchor(block);
        Action::CreateClient {
            client: ClientState {
                id: id.clone(),
                kind: ClientKind::Comet,
                chain: self.chain.clone(),
                counterparty: "court-client-0".parse().unwrap(),
                anchor: AnchorPoint {
                    height: anchor.height,
                    header_hash: anchor.header_hash,
                    validators_hash: anchor.validators_hash,
                },
                trusting_period_s: TRUSTING_S,
                clock_drift_s: 30,
                operators: 1,
                suites: anchor.suites,
                usable_from: UnixSeconds(0),
                latest: Height(0),
                status: ClientStatus::Active,
            },
            block: encode(block),
        }
    }
}

#[allow(clippy::await_holding_lock)] // Held by the thread that waits for the test and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_validators_make_a_chain_that_keeps_every_promise_and_survives_kills() {
    let Some(cometbft) = network::cometbft() else { return };
    let _alone = pairs::alone();
    let folder = tempfile::tempdir().unwrap();
    let started = std::time::Instant::now();
    let step = |what: &str| println!("{:>5.1} s  {what}", started.elapsed().as_secs_f32());
    let mut network = Network::start(&cometbft, folder.path(), "court", "court", network::three_ports());
    step("the chain has begun");

    // An adapter's promises.
    let chain = network.ports(0);
    network.reach(0, Height(3)).await;
    let first = chain.headers.light_block(Height(2)).await.expect("a block");
    let paper =
        Paper { chain: "peer-1".parse().unwrap(), key: SigningKey::from_bytes(&[7; 32]), like: first.header.clone() };
    let client: ClientId = "peer-client-0".parse().unwrap();
    let (begin, later) = (paper.block(2, first.header.time), paper.block(9, now()));
    network.done(0, vec![network.proposal(paper.client(&client, &begin)).await]).await;
    let update = |client: ClientId, block: &LightBlock| Message::UpdateClient {
        client,
        steps: vec![encode(&LightStep { trusted_next: None, block: block.clone() })],
    };
    network.reach(0, Height(5)).await;
    let fixture = Fixture {
        anchor: anchor(&first),
        present: StatePath::Governors,
        absent: StatePath::Record("judgments".parse().unwrap(), "none".parse().unwrap()),
        work: vec![update(client.clone(), &later)],
        refused: (vec![update("nobody-0".parse().unwrap(), &later)], "UNKNOWN_CLIENT".parse().unwrap()),
        client: client.clone(),
        heartbeat: HEARTBEAT,
    };
    comity_adapters_conformance::run(&chain, &fixture).await;
    step("the adapter kept every promise");
    a_quiet_chain_makes_a_block_a_heartbeat(&network).await;
    step("a quiet chain makes a block a heartbeat");

    // A change of validators, seen by a client that is not ours. Nobody may get a third: each is killed below.
    let before = chain.headers.light_block(chain.headers.latest().await.unwrap()).await.expect("a block").validators;
    let [heavy, light, ..] = before.validators() else { panic!("four validators") };
    let change = vec![
        ValidatorUpdate { public_key: heavy.public_key, power: 11 },
        ValidatorUpdate { public_key: light.public_key, power: 9 },
        // Its node does not exist: the others carry more than two thirds without it.
        ValidatorUpdate { public_key: [9; 32], power: 1 },
    ];
    let proposal = network.proposal(Action::SetValidators(change)).await;
    let (height, _) = network.done(1, vec![proposal]).await;
    network.reach(0, Height(height.0 + 4)).await;
    let after = chain.headers.light_block(Height(height.0 + 2)).await.expect("a block").validators;
    assert_eq!((before.total_power(), after.total_power(), after.validators().len()), (40, 41, VALIDATORS + 1));
    outside_client_follows(network.rpc(2), first.header.hash(), Height(height.0 + 4)).await;
    step("an outside light client followed across a change of validators");

    // One application is killed; its node stops with it, and both come back. Then one node.
    let mut number = 10;
    let mut work = |network: &Network, index: usize| {
        number += 1;
        let message = update(client.clone(), &paper.block(number, now()));
        let chain = network.ports(index);
        async move { chain.submit.submit(vec![message]).await.expect("an answer") }
    };
    network.kill_application(1);
    network.node_ends(1);
    for _ in 0..3 {
        work(&network, 0).await;
    }
    network.start_application(1);
    network.start_node(1);
    network.kill_node(2);
    for _ in 0..3 {
        work(&network, 0).await;
    }
    network.start_node(2);
    same_state_everywhere(&network).await;
    step("an application and a node were killed, and stand where the others stand");

    // Both at once, while blocks are being made, a few times at different points.
    for round in 0..3u64 {
        let (a, b) = (work(&network, 0), work(&network, 0));
        tokio::time::sleep(Duration::from_millis(7 * round)).await;
        network.kill_application(3);
        network.kill_node(3);
        tokio::join!(a, b);
        network.start_application(3);
        network.start_node(3);
        same_state_everywhere(&network).await;
    }
    step("a validator was killed three times in the midst of work");

    // A third and more: the chain stops; nothing is lost, and it goes on by itself.
    network.kill_node(2);
    network.kill_node(3);
    let stands = async {
        let mut last = Height(0);
        loop {
            let now = network.ports(0).headers.latest().await.expect("a height");
            if now == last {
                return now;
            }
            last = now;
            tokio::time::sleep(HEARTBEAT * 2).await;
        }
    };
    let stopped = tokio::time::timeout(Duration::from_secs(20), stands).await.expect("without two of four it stops");
    let waiting = tokio::spawn(work(&network, 0));
    tokio::time::sleep(HEARTBEAT * 2).await;
    assert!(!waiting.is_finished(), "no block, no answer");
    network.start_node(2);
    network.start_node(3);
    let outcome = waiting.await.expect("runs");
    assert!(format!("{outcome:?}").starts_with("Committed"), "{outcome:?}");
    network.reach(0, Height(stopped.0 + 2)).await;
    same_state_everywhere(&network).await;
    step("two of four gone: the chain stopped, and went on when they came back");
}

/// What changed is proven by one more block; then nothing comes before the heartbeat.
async fn a_quiet_chain_makes_a_block_a_heartbeat(network: &Network) {
    let headers = network.ports(0).headers;
    tokio::time::sleep(HEARTBEAT).await;
    let from = headers.latest().await.expect("a height");
    tokio::time::sleep(HEARTBEAT * 4).await;
    let made = headers.latest().await.expect("a height").0 - from.0;
    // One more may be owed to headers that waited for the tree, and to the proof of that.
    assert!((2..=6).contains(&made), "{made} blocks in four heartbeats");
}

async fn outside_client_follows(url: String, first: comity_model::Hash, target: Height) {
    let followed = tokio::task::spawn_blocking(move || {
        let client = HttpClient::new(url.as_str()).expect("a client");
        let options = Options {
            trust_threshold: TrustThreshold::ONE_THIRD,
            trusting_period: Duration::from_secs(TRUSTING_S),
            clock_drift: Duration::from_secs(5),
        };
        let peer = "0000000000000000000000000000000000000000".parse().expect("an id");
        let hash = tendermint::Hash::from_bytes(tendermint::hash::Algorithm::Sha256, &first.0).expect("a hash");
        let mut outside = LightClientBuilder::prod(
            peer,
            client,
            Box::new(MemoryStore::new()),
            options,
            Some(Duration::from_secs(10)),
        )
        .trust_primary_at(tendermint::block::Height::from(2u32), hash)
        .expect("the second block is trusted")
        .build();
        for height in 3..=target.0 {
            let height = tendermint::block::Height::try_from(height).expect("a height");
            let block = outside.light_client.verify_to_target(height, &mut outside.state).expect("each header follows");
            assert_eq!(block.height(), height);
        }
    });
    followed.await.expect("the outside client follows");
}

/// All applications stand at one height with the state that the next header names.
async fn same_state_everywhere(network: &Network) {
    let latest = network.ports(0).headers.latest().await.expect("a height");
    for index in 0..VALIDATORS {
        network.reach(index, latest.next()).await;
        let client = HttpClient::new(network.rpc(index).as_str()).expect("a client");
        let info = client.abci_info().await.expect("the application answers");
        let next = Height(info.last_block_height.value() + 1);
        // Another node's header says what the state after that block is.
        let other = (index + 1) % VALIDATORS;
        network.reach(other, next).await;
        let header = network.ports(other).headers.light_block(next).await.expect("a block").header;
        // That client keeps the answer's base64 as it stands.
        let expected = base64_text(header.app_hash.bytes());
        assert_eq!(info.last_block_app_hash.as_bytes(), expected.as_bytes(), "validator {index} at {next}");
    }
}
