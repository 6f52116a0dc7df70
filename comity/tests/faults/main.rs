//! What machines and networks do to processes, under load: full disks, stepped clocks, links that are cut, go silent or
//! slow, files that were changed. Whatever a gateway acknowledged becomes final and is executed once; what cannot go on ends
//! with a code and says what to do. `COMITY_ROUNDS` says how often each test goes through its faults (default 1).

#[path = "../alliance/mod.rs"]
mod alliance;
mod clock;
mod damage;
mod disk;
mod faketime;
mod link;
mod links;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many clerks draw up and approve orders at once.
const CLERKS: usize = 2;

/// One alliance at a time: the tests measure out waits, and a machine has few cores.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often a test goes through its faults.
fn rounds() -> u64 {
    alliance::load::number("COMITY_ROUNDS", 1)
}
