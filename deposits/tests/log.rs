//! A log over its whole life: appended, read, stopped, cut off, damaged, erased.
#![allow(clippy::unwrap_used)]

#[path = "support/batches.rs"]
mod batches;
#[path = "support/samples.rs"]
mod samples;

use batches::{append, batch};
use comity_deposits::{Appended, Batch, Found, Log, LogFault, Options, Refused};
use comity_model::UnixSeconds;
use comity_model::deposit::{Circumstances, DepositBatch};
use comity_model::seal::Signature;
use comity_verify::merkle::{self, Frontier, TreeHead};
use proptest::prelude::*;
use samples::digest;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;

fn open(folder: &Path) -> Result<Log, LogFault> {
    Log::open(folder, Options { waiting_max: 1_000_000, mark_every: 1_000 })
}

fn places(found: Vec<Found>) -> Vec<u64> {
    found.into_iter().map(|found| found.index).collect()
}

fn head_of(count: u64) -> TreeHead {
    let mut frontier = Frontier::new();
    for number in 0..count {
        for leaf in batch(number, 1).leaves() {
            frontier.append(*leaf);
        }
    }
    frontier.head()
}

fn check(log: &Log, count: u64, picks: impl IntoIterator<Item = u64>) {
    assert_eq!(log.head().size, count);
    let head = log.head();
    for index in picks {
        let (entry, stored) = log.deposit(index).unwrap().unwrap();
        assert_eq!(stored.content.sha256, digest(2, index));
        assert_eq!(stored.statement.item.name, format!("exhibit-{index}.pdf"));
        assert_eq!(places(log.find(&digest(2, index), 5).unwrap()), [index]);
        assert_eq!(places(log.find(&digest(3, index), 5).unwrap()), [index]);
        let path = log.inclusion(index, count).unwrap();
        assert!(merkle::included(&comity_verify::deposit::leaf(&entry), index, &head, &path).is_ok());
    }
    assert!(log.find(&digest(2, count), 5).unwrap().is_empty());
}

fn journal(folder: &Path) -> PathBuf {
    folder.join("journal/00000000.journal")
}

/// As after a loss of power: nothing that a clean end would have written.
fn crashed(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_all(folder, copy.path());
    copy
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn what_was_appended_is_found_and_proven_before_and_after_a_restart_and_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).unwrap();
    let mut count = 0;
    for size in [1, 255, 3, 1_000, 700, 1] {
        assert_eq!(
            append(&log, batch(count, size)),
            Appended { first: count, count: u32::try_from(size).unwrap(), repeated: false }
        );
        count += size;
        check(&log, count, [0, count / 2, count - 1]);
    }
    assert_eq!(log.head(), head_of(count));
    let after_crash = crashed(folder.path());
    drop(log);
    for folder in [folder.path(), after_crash.path()] {
        let log = open(folder).unwrap();
        assert_eq!(log.head(), head_of(count));
        check(&log, count, (0..count).step_by(97));
        let old = head_of(300);
        let proof = log.consistency(300, count).unwrap();
        assert!(merkle::consistent(&old, &log.head(), &proof).is_ok());
        assert_eq!(log.head_at(300).unwrap(), old);
        assert_eq!(append(&log, batch(count, 5)).first, count);
        check(&log, count + 5, [count + 4]);
    }
}

#[test]
fn batches_from_many_hands_at_once_each_have_one_run_of_places() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).unwrap();
    let mut told: Vec<Appended> = std::thread::scope(|scope| {
        let hands: Vec<_> = (0..8u64)
            .map(|hand| {
                let log = &log;
                scope.spawn(move || {
                    let batches = (0..20).map(|number| append(log, batch((hand * 20 + number) * 100, 37)));
                    batches.collect::<Vec<_>>()
                })
            })
            .collect();
        hands.into_iter().flat_map(|hand| hand.join().unwrap()).collect()
    });
    told.sort_by_key(|appended| appended.first);
    let firsts: Vec<u64> = told.iter().map(|appended| appended.first).collect();
    assert_eq!(firsts, (0..160).map(|number| number * 37).collect::<Vec<u64>>());
    for number in (0..160u64).map(|number| number * 100) {
        let found = log.find(&digest(2, number), 5).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].stored.content.size, number);
    }
}

#[test]
fn a_log_has_one_sequencer_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let _log = open(folder.path()).unwrap();
    assert!(matches!(open(folder.path()), Err(LogFault::InUse(_))));
}

#[test]
fn more_than_may_wait_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(folder.path(), Options { waiting_max: 10, ..Options::default() }).unwrap();
    let (told, outcomes) = channel();
    let mut refused = 0;
    for number in 0..200 {
        let told = told.clone();
        if log.append(batch(number * 9, 9), move |outcome| told.send(outcome.unwrap()).unwrap()).is_err() {
            refused += 1;
        }
    }
    drop(told);
    assert!(refused > 0);
    assert_eq!(outcomes.iter().count(), 200 - refused);
}

#[test]
fn an_erased_deposit_is_gone_for_good_and_its_entry_still_proves_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).unwrap();
    append(&log, batch(0, 600));
    let head = log.head();
    log.erase(77).unwrap();
    log.erase(77).unwrap();
    let gone = |log: &Log| {
        assert!(log.deposit(77).unwrap().is_none());
        assert!(log.find(&digest(2, 77), 5).unwrap().is_empty());
        assert!(log.inclusion(77, 600).is_ok());
        check(log, 600, [76, 78, 599]);
        assert_eq!(log.head(), head);
    };
    gone(&log);
    let bytes = fs::read(journal(folder.path())).unwrap();
    for secret in [digest(1, 77).0[..16].to_vec(), digest(2, 77).0.to_vec(), digest(3, 77).0.to_vec()] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }
    let after_crash = crashed(folder.path());
    drop(log);
    gone(&open(folder.path()).unwrap());
    // Also where the index must be made anew.
    fs::remove_dir_all(after_crash.path().join("index")).unwrap();
    gone(&open(after_crash.path()).unwrap());
}

#[test]
fn a_seal_comes_back_with_every_deposit_of_its_batch_and_leads_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).unwrap();
    append(&log, batch(0, 10));
    let batch = batch(10, 30);
    let root = merkle::root_of_hashes(batch.leaves());
    let id = |text: &str| text.parse().unwrap();
    let sealed = DepositBatch {
        chain: "court-1".parse().unwrap(),
        keeper: id("court"),
        depositor: id("notary"),
        count: 30,
        root,
    };
    let signature = Signature::ed25519([9; 64]);
    append(&log, batch.under(sealed.clone(), signature));
    let (entry, stored) = log.deposit(25).unwrap().unwrap();
    assert_eq!((stored.seal, stored.batch_first, stored.batch_count), (Some((sealed, signature)), 10, 30));
    let path = log.batch_path(25, 10, 30).unwrap();
    let head = TreeHead { size: 30, root };
    assert!(merkle::included(&comity_verify::deposit::leaf(&entry), 15, &head, &path).is_ok());
    assert_eq!(log.deposit(5).unwrap().unwrap().1.seal, None);
}

#[test]
fn a_checkpoint_is_published_with_its_tiles_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).unwrap();
    append(&log, batch(0, 300));
    log.publish(290, b"note").unwrap();
    assert_eq!(fs::read(folder.path().join("checkpoint")).unwrap(), b"note");
    assert_eq!(fs::read(folder.path().join("tile/0/001.p/34")).unwrap().len(), 34 * 32);
    assert!(matches!(log.publish(301, b"other"), Err(LogFault::Outside { size: 300 })));
    assert!(matches!(log.inclusion(300, 300), Err(LogFault::Outside { size: 300 })));
    assert!(matches!(log.head_at(301), Err(LogFault::Outside { size: 300 })));
    assert_eq!(fs::read(folder.path().join("checkpoint")).unwrap(), b"note");
}

#[test]
fn a_request_is_answered_once_however_often_it_is_asked_and_across_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).unwrap();
    append(&log, batch(0, 3));
    let asked = || batch(3, 40).for_request(digest(9, 1));
    let first = append(&log, asked());
    assert_eq!((first.first, first.repeated), (3, false));
    let resalted = |number| {
        let again = asked();
        let mut deposits = again.deposits().to_vec();
        deposits[0].content.salt = [number; 16];
        Batch::new(deposits, again.circumstances().clone(), UnixSeconds(99)).unwrap().for_request(digest(9, 1))
    };
    assert_eq!(append(&log, resalted(1)), Appended { repeated: true, ..first });
    let after_crash = crashed(folder.path());
    drop(log);
    for folder in [folder.path(), after_crash.path()] {
        let log = open(folder).unwrap();
        assert_eq!(append(&log, resalted(2)), Appended { repeated: true, ..first });
        let (told, outcome) = channel();
        let other = batch(50, 40).for_request(digest(9, 1));
        log.append(other, move |outcome| told.send(outcome).unwrap()).unwrap();
        assert!(matches!(outcome.recv().unwrap(), Err(Refused::Conflict)));
        assert_eq!(log.head().size, 43);
    }
}

#[test]
fn the_deposits_of_a_case_are_found_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).unwrap();
    let in_case = |from, case: &str| {
        let batch = batch(from, 2);
        let circumstances = Circumstances { case: case.into(), ..batch.circumstances().clone() };
        Batch::new(batch.deposits().to_vec(), circumstances, UnixSeconds(7)).unwrap()
    };
    for (from, case) in [(0, "a"), (2, ""), (4, "b"), (6, "a")] {
        append(&log, in_case(from, case));
    }
    let of = |log: &Log, case| places(log.of_case(case, 10).unwrap());
    assert_eq!(of(&log, "a"), [7, 6, 1, 0]);
    drop(log);
    fs::remove_dir_all(folder.path().join("index")).unwrap();
    let log = open(folder.path()).unwrap();
    assert_eq!((of(&log, "a"), of(&log, "b"), of(&log, "")), (vec![7, 6, 1, 0], vec![5, 4], vec![]));
}

/// Three batches, one sync each, without a mark.
fn three() -> (tempfile::TempDir, Vec<u64>) {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(folder.path(), Options::default()).unwrap();
    let mut ends = Vec::new();
    for from in [0, 40, 80] {
        append(&log, batch(from, 40));
        ends.push(fs::metadata(journal(folder.path())).unwrap().len());
    }
    (crashed(folder.path()), ends)
}

#[test]
fn what_was_being_written_when_the_power_went_is_cut_off_and_what_was_told_stays() {
    let (folder, ends) = three();
    let whole = fs::read(journal(folder.path())).unwrap();
    let from = usize::try_from(ends[1]).unwrap();
    for cut in (from..whole.len()).step_by(331) {
        fs::write(journal(folder.path()), &whole[..cut]).unwrap();
        let log = open(folder.path()).unwrap();
        check(&log, 80, [0, 79]);
        drop(log);
        fs::remove_file(folder.path().join("mark")).unwrap();
        // Sectors of it may be there while others are not.
        let mut torn = whole.clone();
        torn[from + 128..from + 640].fill(0);
        fs::write(journal(folder.path()), &torn).unwrap();
        let log = open(folder.path()).unwrap();
        check(&log, 80, [0, 79]);
        append(&log, batch(80, 3));
        check(&log, 83, [82]);
        drop(log);
        fs::remove_file(folder.path().join("mark")).unwrap();
        fs::remove_dir_all(folder.path().join("index")).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_flipped_bit_of_what_was_synced_is_said_and_never_served(position: prop::sample::Index, bit in 0u8..8) {
        let (folder, ends) = three();
        let path = journal(folder.path());
        // The last batch has nothing after it by which to tell damage from what was being written.
        let at = position.index(usize::try_from(ends[1]).unwrap()) as u64;
        let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ (1 << bit)], at).unwrap();
        let damaged = matches!(open(folder.path()), Err(LogFault::Damaged { .. }));
        prop_assert!(damaged, "byte {}", at);
    }

    #[test]
    fn a_flipped_bit_behind_the_mark_is_said_when_it_is_read(position: prop::sample::Index, bit in 0u8..8) {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path()).unwrap();
        append(&log, batch(0, 40));
        drop(log);
        let path = journal(folder.path());
        let length = fs::metadata(&path).unwrap().len();
        let at = position.index(usize::try_from(length).unwrap()) as u64;
        let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ (1 << bit)], at).unwrap();
        let log = open(folder.path()).unwrap();
        for index in 0..40 {
            if let Ok(found) = log.find(&digest(2, index), 5) {
                prop_assert_eq!(places(found), [index], "byte {}", at);
            }
            match log.deposit(index) {
                Ok(Some((_, stored))) => prop_assert_eq!(stored.content.sha256, digest(2, index)),
                Ok(None) => prop_assert!(false, "byte {} made deposit {} an erased one", at, index),
                Err(fault) => {
                    let told = matches!(fault, LogFault::Damaged { .. } | LogFault::Disk { .. });
                    prop_assert!(told);
                }
            }
        }
    }
}
