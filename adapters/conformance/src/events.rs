//! Following, and the lists behind it.

use crate::submission::carried_out;
use crate::{Fixture, patience};
use comity_adapters_ports::{BlockEvents, Chain, PortError};
use comity_model::Height;
use futures::StreamExt;
use futures::stream::BoxStream;

type Blocks = BoxStream<'static, Result<BlockEvents, PortError>>;

/// The next block; errors that pass are skipped, as every user of the port does.
async fn next(blocks: &mut Blocks, fixture: &Fixture) -> BlockEvents {
    let found = tokio::time::timeout(patience(fixture), async {
        loop {
            match blocks.next().await {
                Some(Ok(block)) => return block,
                Some(Err(error)) => assert!(error.is_transient(), "following broke: {error}"),
                None => panic!("following ended"),
            }
        }
    });
    found.await.expect("a block within the heartbeat")
}

pub(crate) async fn blocks_come_in_order_with_their_events(chain: &Chain, fixture: &Fixture) {
    let from = chain.headers.latest().await.expect("the latest height").next();
    let mut blocks = chain.events.follow(from);
    let (height, events) = carried_out(chain, fixture.work.clone()).await;
    assert!(!events.is_empty(), "the fixture's work has events");
    for expected in from.0..=height.0 {
        let block = next(&mut blocks, fixture).await;
        assert_eq!(block.height, Height(expected), "blocks come in order and without gaps");
        if block.height == height {
            assert!(events.iter().all(|event| block.events.contains(event)), "a block tells its events");
        }
    }
}

pub(crate) async fn the_past_is_told_again_without_gaps(chain: &Chain, fixture: &Fixture) {
    let latest = chain.headers.latest().await.expect("the latest height");
    let (mut first, mut second) =
        (chain.events.follow(fixture.anchor.height), chain.events.follow(fixture.anchor.height));
    for expected in fixture.anchor.height.0..=latest.0.min(fixture.anchor.height.0 + 50) {
        let block = next(&mut first, fixture).await;
        assert_eq!(block.height, Height(expected));
        assert_eq!(block, next(&mut second, fixture).await, "the past does not change");
    }
}

pub(crate) async fn following_waits_for_the_next_block(chain: &Chain, fixture: &Fixture) {
    let from = chain.headers.latest().await.expect("the latest height").next();
    let mut blocks = chain.events.follow(from);
    assert_eq!(next(&mut blocks, fixture).await.height, from);
    assert_eq!(next(&mut blocks, fixture).await.height, from.next());
}

pub(crate) async fn lists_are_bounded(chain: &Chain, fixture: &Fixture) {
    let outbox = chain.events.outbox(&fixture.client, 1, 1).await.expect("the outbox");
    assert!(outbox.len() <= 1);
    let pending = chain.events.pending(None, 1).await.expect("pending orders");
    assert!(pending.len() <= 1);
    let none = chain.events.acknowledgement(&fixture.client, u64::MAX).await;
    assert_eq!(none.expect("an answer"), None);
}
