//! The whole life of orders and holds, at random: several courts on two chains, a bank, shared assets, late decisions,
//! lapses, repeated and conflicting messages, packets out of order; after each step held against a reference that was
//! written down from the rules alone.
//!
//! `COMITY_SEQUENCES=100000 cargo test --release -p comity-ledger-app life::` runs as many as one likes.

mod chains;
mod drive;
mod reference;

use drive::{Run, Step};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use reference::Reached;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// How many sequences are tried unless the environment says otherwise.
const SEQUENCES: u32 = 2_000;

/// From so many on, every kind of order must have come to every fate.
const LONG: u32 = 20_000;

/// What is drawn follows from `COMITY_SEED` alone.
fn seed() -> [u8; 32] {
    let number: u64 = std::env::var("COMITY_SEED").ok().and_then(|number| number.parse().ok()).unwrap_or(1);
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    seed
}

fn sequences() -> u32 {
    std::env::var("COMITY_SEQUENCES").ok().and_then(|number| number.parse().ok()).unwrap_or(SEQUENCES)
}

fn step() -> impl Strategy<Value = Step> {
    let pick = || any::<u8>();
    prop_oneof![
        14 => (pick(), pick(), pick(), pick(), pick(), pick())
            .prop_map(|(court, kind, on, much, form, haste)| Step::Order { court, kind, on, much, form, haste }),
        4 => (pick(), pick()).prop_map(|(which, how)| Step::Deliver { which, how }),
        5 => (pick(), pick(), pick()).prop_map(|(which, how, much)| Step::Decide { which, how, much }),
        3 => (pick(), pick()).prop_map(|(which, how)| Step::Again { which, how }),
        3 => (pick(), pick()).prop_map(|(which, how)| Step::Object { which, how }),
        2 => (pick(), pick(), any::<bool>()).prop_map(|(which, much, stale)| Step::Register { which, much, stale }),
        3 => pick().prop_map(Step::Pass),
        6 => (pick(), pick()).prop_map(|(which, how)| Step::Return { which, how }),
        1 => Just(Step::Drain),
    ]
}

#[test]
fn every_interleaving_of_orders_comes_out_as_the_rules_say() {
    let reached: RefCell<BTreeMap<Reached, u64>> = RefCell::default();
    let config = ProptestConfig {
        cases: sequences(),
        max_shrink_iters: 20_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let sequence = prop::collection::vec((step(), prop::bool::weighted(0.15)), 1..60);
    let found =
        TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed())).run(&sequence, |steps| {
            chains::with(|chains| {
                let mut run = Run::new(chains);
                for (step, late) in steps {
                    run.step(&step, late);
                    run.check();
                }
                run.step(&Step::Drain, false);
                run.check();
                for what in run.reached() {
                    *reached.borrow_mut().entry(what).or_default() += 1;
                }
            });
            Ok(())
        });
    if let Err(error) = found {
        panic!("{error}");
    }
    let reached = reached.into_inner();
    println!("{reached:#?}");
    // A short run misses what is rare: the long one must come to everything.
    if sequences() >= LONG {
        let missing: Vec<_> = Reached::all().into_iter().filter(|what| !reached.contains_key(what)).collect();
        assert!(missing.is_empty(), "no sequence came to {missing:?}");
    }
}
