//! A light client that goes from an anchor to height 100 over two changes of the validator set: it asks for the blocks that it
//! needs, and skips the others.
#![allow(clippy::unwrap_used)]

#[path = "../tests/world/mod.rs"]
mod world;

use comity_model::{Hash, Height};
use comity_verify::Refusal;
use comity_verify::comet::{LightBlock, ValidatorSet};
use comity_verify::light::{Bisection, Progress};

/// Who signs at a height: two of three validators change at 40, the third at 80.
fn validators(height: u64) -> ValidatorSet {
    match height {
        ..40 => world::set(&[(1, 10), (2, 10), (3, 10)]),
        40..80 => world::set(&[(1, 10), (4, 10), (5, 10)]),
        _ => world::set(&[(6, 10), (4, 10), (5, 10)]),
    }
}

/// What a node of the chain would answer.
fn fetch(height: Height) -> LightBlock {
    let (own, next) = (validators(height.0), validators(height.0 + 1));
    world::block(world::header(height.0, &own, &next, Hash([7; 32])), &own, &[1, 2, 3, 4, 5, 6])
}

fn main() -> Result<(), Refusal> {
    let trusted = world::pin(&fetch(Height(1)));
    let now = world::at(120);
    let mut walk = Bisection::new(world::params(), trusted, Height(100))?;
    let mut fetched = vec![walk.wanted()];
    let (steps, header) = loop {
        match walk.feed(fetch(walk.wanted()), now)? {
            Progress::Need(height) => fetched.push(height),
            Progress::Done { steps, header } => break (steps, header),
        }
    };
    let list = |heights: &[Height]| heights.iter().map(Height::to_string).collect::<Vec<_>>().join(", ");
    println!("fetched  {}", list(&fetched));
    println!("verified {}", list(&steps.iter().map(|step| step.height()).collect::<Vec<_>>()));
    println!("trusts header {} ({}) of {}", header.height(), header.header_hash(), header.chain_id());
    Ok(())
}
