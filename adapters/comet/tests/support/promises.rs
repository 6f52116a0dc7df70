//! What the conformance suite is told of a ledger. Beside `ledger.rs`, for crates that run the suite.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use super::ledger::{HEARTBEAT, Ledger, create_client, genesis, now, reach, sign};
use comity_adapters_conformance::Fixture;
use comity_model::member::MemberKind;
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{Height, encode};
use comity_verify::light::LightStep;

/// A court's chain with its first blocks.
pub async fn court() -> Ledger {
    let ledger = Ledger::start(genesis("court-1", "court", MemberKind::Court)).await;
    reach(&ledger.chain(), Height(2)).await;
    ledger
}

/// What the suite is told of a ledger, which then has a client of a chain that exists on paper only: that one's headers are work.
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
