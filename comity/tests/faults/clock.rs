//! Clocks are stepped under running processes, by libfaketime: expiry is judged by block time, so no order times out, and
//! nothing ends.

use crate::alliance::load::Load;
use crate::alliance::{Alliance, Part};
use crate::{CLERKS, alone, faketime, rounds};
use std::time::Duration;

const STEPPED: [Part; 3] = [Part::CourtGateway, Part::Relayer, Part::BankLedger];

/// Parts and steps in seconds, forward and back. Within what docs/reliability.md assumes of clocks, everything goes on.
const SMALL: [(Part, i64); 6] = [
    (Part::CourtGateway, 4),
    (Part::CourtGateway, -4),
    (Part::Relayer, 4),
    (Part::Relayer, -4),
    (Part::BankLedger, 4),
    (Part::BankLedger, -4),
];
/// Beyond it things wait, or are refused in words, until the clock is set right. Not the ledgers: block time never goes back.
const LARGE: [(Part, i64); 4] =
    [(Part::Relayer, 3_600), (Part::Relayer, -3_600), (Part::CourtGateway, 3_600), (Part::CourtGateway, -30)];

#[test]
fn stepped_clocks_time_no_order_out_and_end_no_process() {
    let Some(library) = faketime::library() else { return };
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let alliance = Alliance::found(&folder.path().join("alliance"));
    alliance.part_ledger_of("court");
    alliance.part_ledger_of("bank");
    for part in STEPPED {
        set(&alliance, part, 0);
        alliance.stop(part);
        let file = alliance.path(&format!("{part:?}.clock"));
        let library = library.display().to_string();
        let environment = [
            ("LD_PRELOAD", library.as_str()),
            ("FAKETIME_TIMESTAMP_FILE", file.as_str()),
            ("FAKETIME_NO_CACHE", "1"),
            // A stepped clock is the one on the wall: timers go on.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        alliance.start_in(part, &environment);
    }
    alliance.wait_until_up("court");
    alliance.wait_until_up("bank");
    let load = Load::begin(&alliance, 16);
    let mut orders = load.during(CLERKS, || step(&alliance, &SMALL));
    load.executed(&orders);
    println!(
        "clocks stepped by up to 4 s, {} times: {} orders, all executed",
        SMALL.len() as u64 * rounds(),
        orders.len()
    );
    // What is drawn up while a clock is an hour off may be refused in words; it is final all the same.
    let few: Vec<_> = load.during(1, || step(&alliance, &LARGE));
    orders.extend(few);
    let all = load.count(&orders);
    println!("and by up to an hour, {} times: {all}", LARGE.len() as u64 * rounds());
}

fn step(alliance: &Alliance, steps: &[(Part, i64)]) {
    for _ in 0..rounds() {
        for (part, seconds) in steps {
            std::thread::sleep(Duration::from_secs(1));
            set(alliance, *part, *seconds);
            std::thread::sleep(Duration::from_secs(2));
            set(alliance, *part, 0);
        }
    }
    std::thread::sleep(Duration::from_secs(1));
}

fn set(alliance: &Alliance, part: Part, seconds: i64) {
    // In one step: a half-written file would be another time.
    let (file, aside) = (alliance.path(&format!("{part:?}.clock")), alliance.path("clock.new"));
    std::fs::write(&aside, format!("{seconds:+}")).expect("written");
    std::fs::rename(aside, file).expect("put in place");
}
