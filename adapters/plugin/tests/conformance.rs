//! The suite that every adapter passes, over the protocol: a Rust adapter served to a host, and what `verify` says of one
//! that lies. The chain is a real embedded ledger.

#[path = "support/mod.rs"]
mod support;

use async_trait::async_trait;
use comity_adapters_comet::CometChain;
use comity_adapters_plugin::{Launch, PluginConfig, open};
use comity_adapters_ports::{Courier, Headers, Outcome, Outpost, PortError, StateProof};
use comity_model::state::StatePath;
use comity_model::{ChainId, Height};
use comity_verify::comet::LightBlock;
use comity_verify::light::{self, ClientParams, LightStep, TrustedHeader};
use comity_verify::state;
use std::sync::Arc;
use support::ledger::now;
use support::{Served, fixture, host};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adapter_served_out_of_process_keeps_every_promise_of_the_ports() {
    let ledger = support::court().await;
    let fixture = fixture(&ledger).await;
    let served = Served::of(CometChain::outpost(ledger.config()).expect("an address"));
    let chain = open(host(&ledger, served.launch())).expect("a program");
    comity_adapters_conformance::run(&chain, &fixture).await;
}

/// A program that tells of other state and another header than its chain has.
struct Liar(Outpost);

#[async_trait]
impl Courier for Liar {
    async fn prove_key(&self, key: [u8; 32], header: Height) -> Result<StateProof, PortError> {
        let mut told = self.0.courier.prove_key(key, header).await?;
        told.value = told.value.map(|value| value.iter().map(|byte| byte ^ 1).collect());
        Ok(told)
    }

    async fn deliver(&self, transaction: &[u8], again: bool) -> Result<Outcome, PortError> {
        self.0.courier.deliver(transaction, again).await
    }
}

#[async_trait]
impl Headers for Liar {
    fn chain(&self) -> &ChainId {
        self.0.ports.headers.chain()
    }

    async fn latest(&self) -> Result<Height, PortError> {
        self.0.ports.headers.latest().await
    }

    async fn light_block(&self, height: Height) -> Result<LightBlock, PortError> {
        let mut block = self.0.ports.headers.light_block(height).await?;
        block.header.app_hash = comity_model::Hash([7; 32]).into();
        block.commit.block_id.hash = block.header.hash();
        Ok(block)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_lies_is_refused_by_verification() {
    let ledger = support::court().await;
    let anchor = ledger.anchor(2).await;
    support::ledger::reach(&ledger.chain(), Height(4)).await;
    let honest = CometChain::outpost(ledger.config()).expect("an address");
    let liar = Arc::new(Liar(honest.clone()));
    let mut lying = Outpost { courier: liar.clone(), ..honest };
    lying.ports.headers = liar;
    let served = Served::of(lying);
    let chain = open(host(&ledger, served.launch())).expect("a program");

    // A header whose validators did not sign it.
    let pinned = ledger.chain().headers.light_block(Height(2)).await.expect("a block");
    let trusted = TrustedHeader::pin(&anchor, &pinned).expect("the anchor's block");
    let params = ClientParams {
        chain_id: anchor.chain_id.clone(),
        trusting_period_secs: anchor.trusting_period_secs,
        clock_drift_secs: anchor.clock_drift_secs,
    };
    let forged = chain.headers.light_block(Height(3)).await.expect("of the protocol's form");
    let step = |block| LightStep { trusted_next: None, block };
    assert!(light::verify(&params, &trusted, &step(forged), now()).is_err(), "a forged header is refused");

    // A value that does not stand there, under a header that does.
    let block = ledger.chain().headers.light_block(Height(3)).await.expect("a block");
    let header = light::verify(&params, &trusted, &step(block), now()).expect("the chain's own header");
    let told = chain.prover.prove(&StatePath::Governors, header.height()).await.expect("of the protocol's form");
    let value = told.value.expect("a value");
    assert!(
        state::membership(&header, &StatePath::Governors, &value, &told.proof).is_err(),
        "a false value is refused"
    );
    let honest = ledger.chain().prover.prove(&StatePath::Governors, header.height()).await.expect("a proof");
    let value = honest.value.expect("a value");
    assert!(
        state::membership(&header, &StatePath::Governors, &value, &told.proof).is_ok(),
        "its proof was of the true one"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_operator_key_nothing_is_submitted() {
    let ledger = support::court().await;
    let served = Served::of(CometChain::outpost(ledger.config()).expect("an address"));
    let config = PluginConfig { operator_seed: None, ..host(&ledger, served.launch()) };
    let outcome = open(config).expect("a program").submit.submit(vec![]).await.expect("an answer");
    assert!(format!("{outcome:?}").contains("NO_OPERATOR_KEY"), "{outcome:?}");
}

#[test]
fn a_program_on_another_machine_is_no_adapter() {
    for address in
        ["http://10.0.0.1:7000", "http://example.org:7000", "https://127.0.0.1:7000", "127.0.0.1:7000", "unix:"]
    {
        let refused = Launch::address(address).expect_err("not on this machine");
        assert_eq!(refused.code(), "PLUGIN_ADDRESS", "{address}");
    }
    assert_eq!(Launch::address("unix:/run/a").expect("a path"), Launch::Socket("/run/a".into()));
    assert!(matches!(Launch::address("http://[::1]:7"), Ok(Launch::Loopback(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adapter_of_another_chain_is_not_asked() {
    let ledger = support::court().await;
    let served = Served::of(CometChain::outpost(ledger.config()).expect("an address"));
    let config = PluginConfig { chain: "bank-1".parse().expect("an id"), ..host(&ledger, served.launch()) };
    match open(config).expect("a program").headers.latest().await {
        Err(PortError::Unavailable(text)) => assert!(text.starts_with("PLUGIN_OTHER_CHAIN"), "{text}"),
        other => panic!("{other:?}"),
    }
}
