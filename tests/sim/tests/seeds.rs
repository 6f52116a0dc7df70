//! Some hundred seeds keep every promise, and a seed replays exactly.

use comity_sim::campaign::{End, Runner, campaign};

fn runner() -> Runner {
    Runner { program: env!("CARGO_BIN_EXE_comity-sim").into(), planted: None }
}

fn jobs() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[test]
fn some_hundred_seeds_keep_every_promise() {
    let summary = campaign(&runner(), (0, 200), jobs(), 1, |_, _| ()).expect("runs");
    assert!(summary.broken.is_empty(), "again: comity-sim --seed <seed>: {:?}", summary.broken);
    let tally = &summary.tally;
    // The world is not idle: things happen, and things go wrong.
    assert!(tally.executed > 300 && tally.timed_out > 20 && tally.crashes > 300, "{tally:?}");
    assert!(tally.performed > 40 && tally.opened > 200, "{tally:?}");
}

#[test]
fn what_longer_campaigns_have_found_stays_mended() {
    let found: [(u64, &[usize]); 2] = [
        // A gateway that was away while its chain took a default, and opened what it opens, learns of it.
        (513, &[12, 20]),
        // So does one whose node kept that back after the instalment in default was paid.
        (8273, &[0, 3, 17, 24, 25]),
    ];
    for (seed, items) in found {
        let end = runner().run(seed, Some(items)).expect("a run");
        assert!(matches!(end, End::Kept { .. }), "seed {seed}: {end:?}");
    }
}

#[test]
fn a_seed_replays_exactly() {
    for seed in [3, 11, 12] {
        let first = runner().run(seed, None).expect("a run");
        assert!(matches!(first, End::Kept { .. }), "{first:?}");
        assert_eq!(first, runner().run(seed, None).expect("a run"), "seed {seed}");
    }
}
