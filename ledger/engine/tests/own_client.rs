//! `verify` follows the chain, header by header and skipping, and proves its state: over the RPC alone.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use comity_ledger_engine::{Engine, Storage};
use comity_ledger_rpc::abci::AbciQueryResponse;
use comity_ledger_rpc::block::CommitResponse;
use comity_ledger_rpc::convert;
use comity_ledger_rpc::jsonrpc::Request;
use comity_ledger_rpc::validator::ValidatorsResponse;
use comity_model::seal::Suites;
use comity_model::state::StatePath;
use comity_model::{Hash, Height};
use comity_verify::comet::{LightBlock, SignedHeader, ValidatorSet};
use comity_verify::light::{Anchor, Bisection, LightStep, Progress, TrustedHeader, verify};
use comity_verify::state;
use support::{World, key, now, power, reach, record, record_id, rpc, sector};

async fn light_block(engine: &Engine, height: u64) -> LightBlock {
    let commit: CommitResponse = rpc(engine, &Request::commit(Some(height))).await.expect("a commit");
    let latest = engine.status().height.0;
    // The latest may have moved since; the flag is never true for it.
    assert!(commit.canonical || height <= latest);
    let signed = SignedHeader::try_from(&commit.signed_header).expect("a signed header");
    LightBlock { header: signed.header, commit: signed.commit, validators: validators(engine, height).await }
}

/// The set of a height, also of the one after the latest: it is decided already.
async fn validators(engine: &Engine, height: u64) -> ValidatorSet {
    let mut listed = Vec::new();
    loop {
        let page = u64::try_from(listed.len()).unwrap() / 3 + 1;
        let answer: ValidatorsResponse =
            rpc(engine, &Request::validators(Some(height), page, 3)).await.expect("validators");
        listed.extend(answer.validators);
        if u64::try_from(listed.len()).unwrap() >= answer.total {
            break;
        }
    }
    convert::validator_set(&listed).expect("a set")
}

fn anchor(block: &LightBlock) -> Anchor {
    Anchor {
        chain_id: block.header.chain_id.clone(),
        height: block.header.height,
        header_hash: block.header.hash(),
        validators_hash: block.validators.hash(),
        trusting_period_secs: 3600,
        clock_drift_secs: 5,
        operators: 1,
        suites: Suites::NATIVE,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_follows_adjacent_and_skipping_through_changes_of_validators() {
    let world = World::new(10);
    // Key 9 is never held: its validator stays absent from every commit.
    let engine = Engine::start(world.config(8, Storage::Memory, 1_000)).await.expect("starts");
    let handle = engine.handle();
    reach(&handle, 10).await;
    let change = world.set_validators(0, vec![power(&key(1), 0), power(&key(9), 12), power(&key(6), 30)]);
    assert!(engine.submit(change).await.expect("in a block").result.is_ok());
    reach(&handle, 30).await;
    let gone = (2..=4).map(|seed| power(&key(seed), 0));
    let change = world.set_validators(1, gone.chain([power(&key(7), 60)]).collect());
    assert!(engine.submit(change).await.expect("in a block").result.is_ok());
    reach(&handle, 50).await;

    let first = light_block(&engine, 1).await;
    let anchor = anchor(&first);
    let params = anchor.params();
    let root = TrustedHeader::pin(&anchor, &first).expect("pinned");
    let mut trusted = root.clone();
    let mut next = validators(&engine, 2).await;
    for height in 2..=50 {
        let block = light_block(&engine, height).await;
        let step = LightStep::new(&trusted, next, block);
        trusted = verify(&params, &trusted, &step, now()).expect("each header follows");
        next = validators(&engine, height + 1).await;
    }
    let mut walk = Bisection::new(params, root, Height(50)).expect("a walk");
    let mut wanted = Height(50);
    let reached = loop {
        match walk.feed(light_block(&engine, wanted.0).await, now()).expect("goes on") {
            Progress::Need(height) => wanted = height,
            Progress::Done { header, steps } => {
                assert!(steps.len() > 1, "the sets have nothing in common");
                break header;
            }
        }
    };
    assert_eq!(reached, trusted);
    engine.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_proven_under_the_next_header_and_another_is_proven_absent() {
    let world = World::new(10);
    let engine = Engine::start(world.config(4, Storage::Memory, 60_000)).await.expect("starts");
    let outcome = engine.submit(world.put_record("(2025) 1")).await.expect("in a block");
    assert!(outcome.result.is_ok(), "{:?}", outcome.result);
    // Work is followed by a block that proves it, without waiting for the heartbeat.
    let proving = outcome.height.0 + 1;
    let mut blocks = engine.subscribe();
    while engine.status().height.0 < proving {
        let _ = tokio::time::timeout(std::time::Duration::from_secs(5), blocks.recv())
            .await
            .expect("the proof block follows");
    }
    let block = light_block(&engine, proving).await;
    let header = TrustedHeader::pin(&anchor(&block), &block).expect("pinned");

    let path = StatePath::Record(sector(), record_id("(2025) 1"));
    let query = Request::abci_query("/state", &state::key(&path), Some(outcome.height.0), true);
    let answer: AbciQueryResponse = rpc(&engine, &query).await.expect("answered");
    let answer = answer.response;
    assert_eq!((answer.code, answer.height), (0, outcome.height.0));
    let proof = answer.proof_ops.expect("a proof").ops.remove(0);
    assert_eq!(proof.kind, "ics23:jmt");
    let proven = state::membership(&header, &path, &answer.value, &proof.data).expect("proven");
    let proven = proven.decode::<comity_model::record::RecordState>("record").expect("a record");
    assert_eq!(proven.value(), &record());

    let missing = StatePath::Record(sector(), record_id("(2025) 2"));
    let query = Request::abci_query("/state", &state::key(&missing), Some(outcome.height.0), true);
    let answer: AbciQueryResponse = rpc(&engine, &query).await.expect("answered");
    let proof = answer.response.proof_ops.expect("a proof").ops.remove(0);
    assert!(answer.response.value.is_empty());
    let absent = state::absence(&header, &missing, &proof.data).expect("proven absent");
    assert_eq!(absent.at().height.0, proving);
    assert!(state::absence(&header, &path, &proof.data).is_err());
    assert_ne!(header.app_hash(), Hash::ZERO);
    engine.stop().await.expect("stops");
}
