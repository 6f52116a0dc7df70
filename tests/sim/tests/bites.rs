//! Each planted fault is found, and the failing plan is made short.

use comity_sim::campaign::{Runner, campaign};
use comity_sim::plan::Plan;
use comity_sim::planted::Planted;

/// Seeds within which a planted fault must be found.
const SEEDS: u64 = 150;

fn is_found(planted: Planted, promises: &[&str]) {
    let runner = Runner { program: env!("CARGO_BIN_EXE_comity-sim").into(), planted: Some(planted) };
    let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let summary = campaign(&runner, (0, SEEDS), jobs, 1, |_, _| ()).expect("runs");
    let (seed, promise, how) = summary.broken.first().expect("the fault is found");
    assert!(promises.contains(&promise.as_str()), "seed {seed} broke {promise}: {how}");
    let whole = Plan::of(*seed).numbers();
    let (short, _) = runner.shrink(*seed, whole.clone(), promise).expect("runs");
    assert!(short.len() <= whole.len() && short.len() <= 4, "{short:?} of {whole:?}");
    // The same plan keeps every promise without the fault.
    let sound = Runner { planted: None, ..runner };
    let end = sound.run(*seed, Some(&short)).expect("a run");
    assert!(matches!(end, comity_sim::campaign::End::Kept { .. }), "{end:?}");
}

#[test]
fn a_status_written_over_a_fast_answer_is_found() {
    is_found(Planted::StatusOverwritten, &["Forward", "Truth"]);
}

#[test]
fn a_receipt_written_after_its_effect_is_found() {
    is_found(Planted::ReceiptAfterEffect, &["OneOrder"]);
}

#[test]
fn a_missing_sync_is_found() {
    is_found(Planted::MissingFsync, &["OneHistory", "Restart"]);
}

#[test]
fn expiry_by_a_local_clock_is_found() {
    is_found(Planted::ExpiryByLocalClock, &["Arrives"]);
}

#[test]
fn a_dropped_notice_is_found() {
    is_found(Planted::NoticeDropped, &["Final", "Mirror"]);
}

#[test]
fn rules_that_are_told_before_they_fire_are_found() {
    is_found(Planted::ToldBeforeFired, &["FiredOnce"]);
}
