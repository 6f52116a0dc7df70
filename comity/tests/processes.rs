//! Separate processes under load, killed at random with SIGKILL and started again: whatever a gateway acknowledged becomes
//! final, and is executed once. `COMITY_KILLS` says how often (default 12; the long run takes 1,000), `COMITY_SEED` which
//! parts and when.

mod alliance;

use alliance::load::{Load, next, number};
use alliance::{Alliance, PARTS};
use std::time::{Duration, Instant};

/// How many clerks draw up and approve orders at once.
const CLERKS: usize = 3;

#[test]
fn killed_at_random_the_processes_lose_no_order_and_execute_none_twice() {
    let kills = number("COMITY_KILLS", 12);
    let seed = number("COMITY_SEED", 1);
    let folder = tempfile::tempdir().expect("a folder");
    let alliance = Alliance::found(&folder.path().join("alliance"));
    let load = Load::begin(&alliance, 8 + usize::try_from(kills / 8).expect("64 bits"));
    let started = Instant::now();
    let orders = load.during(CLERKS, || kill_at_random(&alliance, kills, seed));
    let killed = started.elapsed();
    let count = load.count_executed(&orders);
    println!("{kills} kills in {:.0} s (seed {seed}): {count}", killed.as_secs_f64());
}

/// Kills a part at a time and starts it again, until `kills` are done.
fn kill_at_random(alliance: &Alliance, kills: u64, seed: u64) {
    let mut state = seed;
    for _ in 0..kills {
        let draw = next(&mut state);
        std::thread::sleep(Duration::from_millis(200 + draw % 800));
        let part = PARTS[usize::try_from(draw >> 32).expect("64 bits") % PARTS.len()];
        alliance.kill(part);
        // Sometimes it is back at once, sometimes the others have to do without it for a while.
        std::thread::sleep(Duration::from_millis((draw >> 16) % 600));
        alliance.start(part);
    }
}
