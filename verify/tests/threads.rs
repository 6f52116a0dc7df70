//! A long catch-up on several threads is judged as on one: what holds, and which vote is named where one does not.
#![allow(clippy::unwrap_used)]

mod world;

use comity_model::Hash;
use comity_verify::comet::CommitSig;
use comity_verify::light::{LightStep, trim, verify_all, verify_all_on, verify_each};
use proptest::prelude::*;
use std::num::NonZeroUsize;
use std::sync::LazyLock;
use world::{at, block, header, params, pin, set};

/// Three votes each: enough that the work is shared out.
const HEADERS: u64 = 300;

static STEPS: LazyLock<(comity_verify::light::TrustedHeader, Vec<LightStep>)> = LazyLock::new(|| {
    let four = set(&[(1, 10), (2, 10), (3, 10), (4, 10)]);
    let made = |height| block(header(height, &four, &four, Hash([9; 32])), &four, &[1, 2, 3, 4]);
    let trusted = pin(&made(1));
    let mut before = trusted.clone();
    let mut steps = Vec::new();
    for height in 2..2 + HEADERS {
        let step = trim(&before, &LightStep { trusted_next: None, block: made(height) });
        before = comity_verify::light::verify(&params(), &before, &step, at(400)).unwrap();
        steps.push(step);
    }
    (trusted, steps)
});

fn on(threads: usize) -> NonZeroUsize {
    NonZeroUsize::new(threads).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_number_of_threads_gives_the_same_judgment(
        threads in 1usize..6,
        wrong in prop::collection::vec((0..usize::try_from(HEADERS).unwrap(), 0usize..3, 0usize..64), 0..3),
    ) {
        let (trusted, steps) = &*STEPS;
        let mut steps = steps.clone();
        for (step, vote, byte) in &wrong {
            let voted = |entry: &&mut CommitSig| matches!(entry, CommitSig::Commit(_));
            let entry = steps[*step].block.commit.signatures.iter_mut().filter(voted).nth(*vote);
            if let Some(CommitSig::Commit(vote)) = entry {
                vote.signature[*byte] ^= 1;
            }
        }
        let one = verify_all(&params(), trusted, &steps, at(400));
        prop_assert_eq!(one.is_ok(), wrong.is_empty() || steps == STEPS.1);
        prop_assert_eq!(&verify_all_on(on(threads), &params(), trusted, &steps, at(400)), &one);
        let each = verify_each(&params(), trusted, &steps, at(400));
        prop_assert_eq!(each.map(|each| each.last().cloned().unwrap()), one);
    }
}

#[test]
fn no_step_at_all_leads_nowhere_on_any_number_of_threads() {
    let (trusted, _) = &*STEPS;
    assert_eq!(verify_all_on(on(4), &params(), trusted, &[], at(400)), Ok(trusted.clone()));
}
