//! The adapter passes the suite, against an embedded ledger.

#[path = "support/ledger.rs"]
mod ledger;

use comity_adapters_comet::{CometChain, CometConfig};
use comity_adapters_conformance::Fixture;
use comity_adapters_ports::PortError;
use comity_model::member::MemberKind;
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{Height, encode};
use comity_verify::light::LightStep;
use ledger::{HEARTBEAT, Ledger, create_client, genesis, now, reach, sign};

async fn court() -> Ledger {
    let ledger = Ledger::start(genesis("court-1", "court", MemberKind::Court)).await;
    reach(&ledger.chain(), Height(2)).await;
    ledger
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_adapter_keeps_every_promise_of_the_ports() {
    let ledger = court().await;
    let anchor = ledger.anchor(2).await;
    let block = ledger.chain().headers.light_block(Height(2)).await.expect("a block");

    // A chain that exists on paper only: its headers are work for a client here.
    let peer = "peer-1".parse().expect("an id");
    let mut header = block.header.clone();
    header.chain_id = "peer-1".parse().expect("an id");
    let first = sign(ledger.id(), header.clone(), &block);
    header.height = Height(9);
    header.time = now();
    let second = sign(ledger.id(), header, &block);
    let mut peer_anchor = anchor.clone();
    peer_anchor.chain_id = peer;
    peer_anchor.header_hash = first.header.hash();
    let client = "peer-client-0".parse().expect("an id");
    let counterparty = "court-client-0".parse().expect("an id");
    let action = create_client(&client, &counterparty, &peer_anchor, &first);
    ledger.done(vec![ledger.proposal(action)]).await;

    let step = LightStep { trusted_next: None, block: second };
    let update = |client| Message::UpdateClient { client, steps: vec![encode(&step)] };
    let fixture = Fixture {
        anchor,
        present: StatePath::Governors,
        absent: StatePath::Record("judgment".parse().expect("a sector"), "none".parse().expect("an id")),
        work: vec![update(client.clone())],
        refused: (vec![update("nobody-0".parse().expect("an id"))], "UNKNOWN_CLIENT".parse().expect("a code")),
        client,
        heartbeat: HEARTBEAT,
    };
    reach(&ledger.chain(), Height(5)).await;
    comity_adapters_conformance::run(&ledger.chain(), &fixture).await;
}

#[tokio::test]
async fn a_node_of_another_chain_is_refused() {
    let ledger = court().await;
    let mut config = ledger.config();
    config.chain = "bank-1".parse().expect("an id");
    let refused = |error: PortError| matches!(error, PortError::Malformed(_));
    assert!(CometChain::connect(config.clone()).await.is_err_and(refused));
    let chain = CometChain::open(config).expect("an address");
    assert!(chain.headers.light_block(Height(2)).await.is_err_and(refused));
}

#[tokio::test]
async fn a_node_that_is_down_is_unavailable_and_an_address_that_is_none_is_malformed() {
    let chain: comity_model::ChainId = "court-1".parse().expect("an id");
    let down = CometChain::connect(CometConfig::new("http://127.0.0.1:9", chain.clone())).await;
    assert!(matches!(down.map(|_| ()), Err(PortError::Unavailable(_))));
    let other = CometChain::open(CometConfig::new("ftp://127.0.0.1", chain)).map(|_| ());
    assert!(matches!(other, Err(PortError::Malformed(_))));
}

#[tokio::test]
async fn without_an_operator_key_nothing_is_submitted() {
    let ledger = court().await;
    let mut config = ledger.config();
    config.operator_seed = None;
    let chain = CometChain::open(config).expect("an address");
    let outcome = chain.submit.submit(vec![]).await.expect("an answer");
    assert!(format!("{outcome:?}").contains("NO_OPERATOR_KEY"), "{outcome:?}");
}
