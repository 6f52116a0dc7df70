//! The adapter passes the suite, against an embedded ledger.

#[path = "support/ledger.rs"]
mod ledger;
#[path = "support/promises.rs"]
mod promises;

use comity_adapters_comet::{CometChain, CometConfig};
use comity_adapters_ports::PortError;
use comity_model::Height;
use promises::{court, fixture};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_adapter_keeps_every_promise_of_the_ports() {
    let ledger = court().await;
    let fixture = fixture(&ledger).await;
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
