//! Headers: what an adapter reads must be what a light client accepts.

use crate::{Fixture, now, params};
use comity_adapters_ports::{Chain, PortError};
use comity_model::Height;
use comity_verify::light::{self, LightStep, TrustedHeader};

pub(crate) fn it_names_the_chain(chain: &Chain, fixture: &Fixture) {
    assert_eq!(*chain.headers.chain(), fixture.anchor.chain_id);
}

pub(crate) async fn trusted(chain: &Chain, fixture: &Fixture) -> TrustedHeader {
    let block = chain.headers.light_block(fixture.anchor.height).await.expect("the anchor's block");
    TrustedHeader::pin(&fixture.anchor, &block).expect("the anchor's block is the anchor's")
}

/// The newest header, verified from the anchor.
pub(crate) async fn newest(chain: &Chain, fixture: &Fixture) -> TrustedHeader {
    let from = trusted(chain, fixture).await;
    let latest = chain.headers.latest().await.expect("the latest height");
    over_a_gap(chain, fixture, &from, latest).await
}

async fn over_a_gap(chain: &Chain, fixture: &Fixture, from: &TrustedHeader, to: Height) -> TrustedHeader {
    let block = chain.headers.light_block(to).await.expect("a block that exists");
    let next = chain.headers.light_block(from.height().next()).await.expect("a block that exists");
    let differs = next.validators.hash() != block.validators.hash();
    let adjacent = to == from.height().next();
    let step = LightStep { trusted_next: (differs && !adjacent).then(|| next.validators.clone()), block };
    light::verify(&params(fixture), from, &step, now()).expect("a light client accepts the block")
}

pub(crate) async fn light_blocks_verify_one_by_one(chain: &Chain, fixture: &Fixture) {
    let mut header = trusted(chain, fixture).await;
    let latest = chain.headers.latest().await.expect("the latest height");
    assert!(latest.0 >= fixture.anchor.height.0 + 2, "two blocks follow the anchor");
    for height in fixture.anchor.height.0 + 1..=latest.0.min(fixture.anchor.height.0 + 20) {
        let block = chain.headers.light_block(Height(height)).await.expect("a block that exists");
        let step = LightStep { trusted_next: None, block };
        header = light::verify(&params(fixture), &header, &step, now()).expect("an adjacent block verifies");
    }
}

pub(crate) async fn light_blocks_verify_over_a_gap(chain: &Chain, fixture: &Fixture) {
    let newest = newest(chain, fixture).await;
    assert!(newest.height() > fixture.anchor.height.next());
}

pub(crate) async fn a_height_that_does_not_exist_yet_is_not_yet(chain: &Chain) {
    let latest = chain.headers.latest().await.expect("the latest height");
    let height = Height(latest.0 + 1_000);
    assert_eq!(chain.headers.light_block(height).await, Err(PortError::NotYet(height)));
}

pub(crate) async fn heights_are_those_that_were_asked_for(chain: &Chain, fixture: &Fixture) {
    let height = fixture.anchor.height.next();
    let block = chain.headers.light_block(height).await.expect("a block that exists");
    assert_eq!(block.header.height, height);
    assert_eq!(block.header.chain_id, fixture.anchor.chain_id);
}
