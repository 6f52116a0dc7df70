//! Files are cut off, emptied, or a page of them is flipped, while their process is down: it is seen at the start, said
//! with what to do, and nothing is served.

use crate::alliance::load::Load;
use crate::alliance::{Alliance, Part};
use crate::{CLERKS, alone};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

/// How long a start on a damaged file may take.
const SEEN_WITHIN: Duration = Duration::from_secs(60);
/// Bytes of a page.
const PAGE: u64 = 4096;
/// How many pages are flipped, one after the other.
const FLIPPED: u64 = 6;

/// A file, its process, the code of its damage, and what is to be done about it.
const FILES: [(&str, Part, &str, &str); 4] = [
    ("bank/data/chain/blocks.redb", Part::BankGateway, "FILE_DAMAGED", "blocks.redb and state.redb of one backup"),
    ("bank/data/chain/state.redb", Part::BankGateway, "FILE_DAMAGED", "move state.redb aside and start again"),
    ("court/data/gateway.redb", Part::CourtGateway, "STORE_DAMAGED", "comity store restore"),
    ("relayer/relayer.redb", Part::Relayer, "STORE_DAMAGED", "it may be lost"),
];

#[test]
fn damaged_files_are_seen_at_the_start_and_nothing_is_served_from_them() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let alliance = Alliance::found(&folder.path().join("alliance"));
    let load = Load::begin(&alliance, 16);
    let mut orders = load.during(CLERKS, || std::thread::sleep(Duration::from_secs(4)));
    for (file, part, code, help) in FILES {
        alliance.stop(part);
        let path = alliance.path(file);
        let path = Path::new(&path);
        let mut whole = std::fs::read(path).expect("the file");
        let refused = |what: &str| {
            assert_eq!(tried(&alliance, part), Some(4), "{file}, {what}: {}", alliance.log_of(part));
            let said = alliance.words_of(part);
            assert!(said.contains(code) && said.contains(help), "{file}, {what}: {said}");
        };
        let half = std::fs::OpenOptions::new().write(true).open(path).expect("the file");
        half.set_len(whole.len() as u64 / 2).expect("cut off");
        refused("cut off");
        half.set_len(0).expect("emptied");
        refused("emptied");
        drop(half);
        let mut seen = 0;
        for number in 0..FLIPPED {
            let pages: Vec<u64> = (1..whole.len() as u64 / PAGE).filter(|page| used(&whole, *page)).collect();
            let page = pages[usize::try_from(number * pages.len() as u64 / FLIPPED).expect("64 bits")];
            std::fs::write(path, &whole).expect("as it was");
            let flipped = std::fs::OpenOptions::new().write(true).open(path).expect("the file");
            let at = page * PAGE + PAGE / 64;
            let byte = whole[usize::try_from(at).expect("64 bits")];
            flipped.write_all_at(&[byte ^ 0x10], at).expect("flipped");
            drop(flipped);
            // A page that is free holds nothing: then the start is as any other, and it is not taken back. A chain that goes
            // back signs its heights a second time.
            match tried(&alliance, part) {
                Some(4) => {
                    refused(&format!("page {page} flipped"));
                    seen += 1;
                }
                None => {
                    alliance.stop(part);
                    whole = std::fs::read(path).expect("the file");
                }
                Some(other) => panic!("{file}, page {page}: {other}: {}", alliance.log_of(part)),
            }
        }
        println!("{file}: cut off, emptied, and {seen} of {FLIPPED} flipped pages seen; the others were free");
        assert!(seen > 0, "{file}: no flipped page was seen");
        std::fs::write(path, &whole).expect("as it was");
        if file.ends_with("state.redb") || part == Part::Relayer {
            // What is to be done is done: it comes back from the blocks, or from the chains.
            std::fs::remove_file(path).expect("moved aside");
        }
        alliance.start(part);
        alliance.wait_until_up("court");
        alliance.wait_until_up("bank");
    }
    orders.extend(load.during(CLERKS, || std::thread::sleep(Duration::from_secs(2))));
    println!("damaged files: {}", load.count_executed(&orders));
}

/// Whether something was ever written there.
fn used(whole: &[u8], page: u64) -> bool {
    let start = usize::try_from(page * PAGE).expect("64 bits");
    whole.get(start..start + 4096).is_some_and(|bytes| bytes.iter().filter(|byte| **byte != 0).count() > 512)
}

/// Starts a part on such a file: the code with which it ends, or `None` once it answers.
fn tried(alliance: &Alliance, part: Part) -> Option<i32> {
    alliance.forget_log(part);
    alliance.start(part);
    let until = std::time::Instant::now() + SEEN_WITHIN;
    while std::time::Instant::now() < until {
        if let Some(code) = alliance.end_of(part, Duration::from_millis(50)) {
            return Some(code);
        }
        if alliance.output_of(part).contains("Stops at Ctrl-C") {
            return None;
        }
    }
    panic!("{part:?} neither runs nor ends: {}", alliance.log_of(part));
}
