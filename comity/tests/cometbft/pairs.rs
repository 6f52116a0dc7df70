//! A court and a bank over each pair of engines: orders from a clerk's desk to the proven answer while parts are killed;
//! whatever was acknowledged is final and was executed once. (`processes.rs` tells the same of two embedded ledgers.)

use crate::alliance::load::{Load, next, number};
use crate::alliance::{Alliance, PARTS};
use crate::network::{Network, cometbft};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Only one such world at a time: its processes want the machine.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An alliance in which these institutions' chains run under CometBFT; their networks.
pub(crate) fn found(cometbft: &Path, folder: &Path, under: &[&str]) -> (Alliance, Vec<Network>) {
    let mut networks = Vec::new();
    let program = Path::new(env!("CARGO_BIN_EXE_comity"));
    let alliance = Alliance::found_over(program, folder, |institution, kind, ports| {
        under.contains(&institution).then(|| {
            let network = Network::start(cometbft, folder, institution, kind, ports);
            let rpc = network.rpc(0);
            networks.push(network);
            rpc
        })
    });
    (alliance, networks)
}

/// `COMITY_KILLS` says how many parts are killed (default 2), `COMITY_SEED` which and when.
fn tell(under: &[&str]) {
    let Some(cometbft) = cometbft() else { return };
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let (alliance, mut networks) = found(&cometbft, folder.path(), under);
    println!("{:>5.1} s  founded; under CometBFT: {under:?}", started.elapsed().as_secs_f32());
    let load = Load::begin(&alliance, 8);
    let (kills, mut state) = (number("COMITY_KILLS", 2), number("COMITY_SEED", 1));
    let orders = load.during(2, || {
        for _ in 0..kills {
            let draw = next(&mut state);
            let place = usize::try_from(draw >> 32).unwrap();
            std::thread::sleep(Duration::from_millis(1_000 + draw % 500));
            let part = PARTS[place % PARTS.len()];
            alliance.kill(part);
            let chains = networks.len();
            if let Some(network) = networks.get_mut(place % chains.max(1)) {
                // Not the one whose RPC the gateway asks.
                network.kill_both(1 + place % 3);
                std::thread::sleep(Duration::from_millis(500));
                network.start_both(1 + place % 3);
            }
            alliance.start(part);
        }
    });
    println!("{:>5.1} s  {kills} kills: {}", started.elapsed().as_secs_f32(), load.count_executed(&orders));
}

#[test]
fn orders_from_a_chain_under_cometbft_to_an_embedded_one() {
    tell(&["court"]);
}

#[test]
fn orders_from_an_embedded_chain_to_one_under_cometbft() {
    tell(&["bank"]);
}

#[test]
fn orders_between_two_chains_under_cometbft() {
    tell(&["court", "bank"]);
}
