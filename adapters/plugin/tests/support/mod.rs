//! A ledger, what the conformance suite is told of it, and hosts and programs for it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../comet/tests/support/ledger.rs"]
pub mod ledger;

use comity_adapters_conformance::Fixture;
use comity_adapters_plugin::serve::{Named, serve};
use comity_adapters_plugin::{Launch, PluginConfig};
use comity_adapters_ports::Outpost;
use comity_model::member::MemberKind;
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{Height, encode};
use comity_verify::light::LightStep;
use ledger::{HEARTBEAT, Ledger, create_client, genesis, key, now, reach, sign};
use std::path::PathBuf;
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

/// A court's chain with its first blocks.
pub async fn court() -> Ledger {
    let ledger = Ledger::start(genesis("court-1", "court", MemberKind::Court)).await;
    reach(&ledger.chain(), Height(2)).await;
    ledger
}

/// A host's configuration for a ledger, with its operator's key.
pub fn host(ledger: &Ledger, launch: Launch) -> PluginConfig {
    let operator = key(&format!("{} operator", ledger.id()));
    PluginConfig::new(ledger.id().clone(), launch).with_operator(operator.to_bytes())
}

/// What the suite is told of a ledger, which then has a client of a chain that exists on paper only.
pub async fn fixture(ledger: &Ledger) -> Fixture {
    let anchor = ledger.anchor(2).await;
    let block = ledger.chain().headers.light_block(Height(2)).await.expect("a block");
    let mut header = block.header.clone();
    header.chain_id = "peer-1".parse().expect("an id");
    let first = sign(ledger.id(), header.clone(), &block);
    header.height = Height(9);
    header.time = now();
    let second = sign(ledger.id(), header, &block);
    let mut peer = anchor.clone();
    peer.chain_id = "peer-1".parse().expect("an id");
    peer.header_hash = first.header.hash();
    let client = "peer-client-0".parse().expect("an id");
    let counterparty = "court-client-0".parse().expect("an id");
    ledger.done(vec![ledger.proposal(create_client(&client, &counterparty, &peer, &first))]).await;
    let step = LightStep { trusted_next: None, block: second };
    let update = |client| Message::UpdateClient { client, steps: vec![encode(&step)] };
    reach(&ledger.chain(), Height(5)).await;
    Fixture {
        anchor,
        present: StatePath::Governors,
        absent: StatePath::Record("judgment".parse().expect("a sector"), "none".parse().expect("an id")),
        work: vec![update(client.clone())],
        refused: (vec![update("nobody-0".parse().expect("an id"))], "UNKNOWN_CLIENT".parse().expect("a code")),
        client,
        heartbeat: HEARTBEAT,
    }
}

/// An adapter served on a Unix socket until it is dropped.
pub struct Served {
    socket: PathBuf,
    task: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Served {
    pub fn of(outpost: Outpost) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("socket");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let named = Named { name: "comet".into(), release: "1".into() };
        let serving = serve(outpost, named, listener, std::future::pending());
        Self { socket, task: tokio::spawn(async move { serving.await.expect("it serves") }), _folder: folder }
    }

    pub fn launch(&self) -> Launch {
        Launch::Socket(self.socket.clone())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}
