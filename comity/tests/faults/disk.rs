//! The disk is full: no file of a process may grow past a size that it has reached already.

use crate::alliance::load::Load;
use crate::alliance::{Alliance, Part};
use crate::{CLERKS, alone, rounds};
use std::time::Duration;

/// How long a part under load may go on before it meets the limit.
const MEETS_IT_WITHIN: Duration = Duration::from_secs(90);

/// A part, the files that it writes, and the codes with which it may end: the block or the state fails first.
const FULL: [(Part, &[&str], &[&str]); 3] = [
    (Part::BankLedger, &["bank/data/chain/blocks.redb", "bank/data/chain/state.redb"], &["BLOCK_STORE", "APPLICATION"]),
    (Part::CourtGateway, &["court/data/gateway.redb"], &["STORE_FAILED"]),
    (Part::Relayer, &["relayer/relayer.redb"], &["STORE_FAILED"]),
];

#[test]
fn a_full_disk_ends_a_process_with_a_code_and_nothing_acknowledged_is_lost() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let alliance = Alliance::found(&folder.path().join("alliance"));
    alliance.part_ledger_of("court");
    alliance.part_ledger_of("bank");
    let load = Load::begin(&alliance, 16);
    let orders = load.during(CLERKS, || {
        for _ in 0..rounds() {
            for (part, files, codes) in FULL {
                std::thread::sleep(Duration::from_secs(1));
                alliance.forget_log(part);
                alliance.limit_files(part, Some(reached(&alliance, files)));
                let code = alliance.end_of(part, MEETS_IT_WITHIN);
                let log = alliance.words_of(part);
                assert_eq!(code, Some(4), "{part:?} goes on without a disk: {log}");
                assert!(codes.iter().any(|code| log.contains(code)), "{part:?}: {log}");
                assert!(log.contains("disk has room"), "{part:?} does not say what to do: {log}");
                // The others do without it for a while.
                std::thread::sleep(Duration::from_secs(1));
                alliance.start(part);
            }
        }
        std::thread::sleep(Duration::from_secs(2));
    });
    println!("{} full disks: {}", 3 * rounds(), load.count_executed(&orders));
}

/// Half of the largest of these files: writes go past it all the time.
fn reached(alliance: &Alliance, files: &[&str]) -> u64 {
    let sizes = files.iter().map(|file| std::fs::metadata(alliance.path(file)).expect("a file").len());
    sizes.max().expect("a file") / 2
}
