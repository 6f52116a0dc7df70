//! The example in Go, written from `adapter.proto` alone, passes the suite. It is built with `go build`; without Go the test says so and is
//! skipped, but not where `CI` is set.

#[path = "support/go.rs"]
mod go;
#[path = "support/mod.rs"]
mod support;

use comity_adapters_plugin::{Launch, open, probe};
use comity_model::Height;
use support::{court, fixture, host};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_adapter_in_go_keeps_every_promise_of_the_ports() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(program) = go::build(folder.path()) else { return };
    let ledger = court().await;
    let fixture = fixture(&ledger).await;
    let args = vec!["--rpc".into(), ledger.config().rpc_url];
    let config = host(&ledger, Launch::Command { program, args });
    let report = probe(config.clone()).await.expect("it is well");
    assert_eq!((report.name.as_str(), report.version), ("go-comet", 1));
    assert!(report.latest >= Height(5));
    let chain = open(config).expect("a program");
    comity_adapters_conformance::run(&chain, &fixture).await;
    // What the suite does not ask for: both adapters tell the same.
    let own = ledger.chain();
    let tree = Height(2);
    let (told, known) = (chain.prover.header_proof(tree, 4).await, own.prover.header_proof(tree, 4).await);
    assert_eq!(told, known);
    assert!(known.is_ok_and(|path| path.len() == 2));
    let (told, known) =
        (chain.events.contradiction(&fixture.client, 0).await, own.events.contradiction(&fixture.client, 0).await);
    assert_eq!((told, known), (Ok(None), Ok(None)));
    let (told, known) = (chain.headers.light_block(Height(1)).await, own.headers.light_block(Height(1)).await);
    assert_eq!(told, known);
}
