//! What an older program wrote opens in this one: a court and a bank with their ledgers' blocks and states, their gateways'
//! stores and a relayer's, kept as they were when the program of `format-1.tar.gz` stopped. Orders of then are there, new
//! ones are executed, and both stores agree with their chains.
//!
//! The fixture was written by a program of before its ledger files named a format, with
//! `COMITY_PROGRAM=/path/to/that/comity cargo test -p comity --test upgrade -- --ignored`. It is written once for each
//! format, never anew: what was released is kept. Its keys are of no use elsewhere.

#[path = "../alliance/mod.rs"]
mod alliance;
#[path = "../faults/faketime.rs"]
mod faketime;

use alliance::load::Load;
use alliance::{Alliance, PARTS, Part, free_ports};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

/// Orders in the fixture.
const ORDERS: &str = "orders.txt";
const PORTS: &str = "ports.txt";
/// When it was written, in seconds since 1970.
const WRITTEN: &str = "written.txt";

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upgrade/format-1.tar.gz")
}

#[test]
fn what_an_older_program_wrote_opens_in_this_one_and_goes_on() {
    let Some(library) = faketime::library() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let unpacked = Command::new("tar").arg("-xzf").arg(fixture()).arg("-C").arg(folder.path()).status();
    assert!(unpacked.expect("tar runs").success());
    let dir = folder.path().join("alliance");
    let text = |name: &str| std::fs::read_to_string(dir.join(name)).expect("a file of the fixture");

    // Its certificates and clients live by its own time: a minute after it was written.
    let written: i64 = text(WRITTEN).trim().parse().expect("a time");
    let now = i64::try_from(SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs()).expect("this century");
    let back = format!("{:+}", written + 60 - now);
    let environment = [
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME", back),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
    ];
    let ports = free_ports();
    let before: Vec<u16> = text(PORTS).lines().map(|port| port.parse().expect("a port")).collect();
    move_ports(&dir, &before, &ports);
    let alliance = Alliance::reopen(&dir, ports, environment.map(|(name, value)| (name.to_owned(), value)).to_vec());
    for part in PARTS {
        alliance.start(part);
    }
    alliance.wait_until_up("court");
    alliance.wait_until_up("bank");

    let load = Load::known(&alliance, 4);
    let orders: Vec<String> = text(ORDERS).lines().map(str::to_owned).collect();
    assert_eq!(orders.len(), 4);
    for name in &orders {
        assert_eq!(load.watch(name, 0)["state"], "EXECUTED", "{name}");
    }
    let new = load.during(1, || std::thread::sleep(Duration::from_secs(2)));
    assert!(!new.is_empty());
    for order in &new {
        assert_eq!(load.watch(&order.name, 0)["state"], "EXECUTED", "{}", order.name);
    }
    for (institution, part) in [("court", Part::CourtGateway), ("bank", Part::BankGateway)] {
        // The store is compared while its ledger runs, by a gateway of its own kind: with the file free.
        alliance.part_ledger_of(institution);
        alliance.stop(part);
        let config = alliance.path(&format!("{institution}/comity.toml"));
        let said = alliance.done(&["store", "check", "--config", &config]);
        assert!(said.contains("The store agrees with the chain."), "{said}");
    }
}

/// Puts other ports into everything that names one.
fn move_ports(dir: &Path, before: &[u16], after: &[u16]) {
    for entry in walk(dir) {
        let named = entry.extension().is_some_and(|extension| extension == "toml" || extension == "anchor");
        if !named {
            continue;
        }
        let mut text = std::fs::read_to_string(&entry).expect("text");
        // By way of names that no port has, so that none is moved twice.
        for (index, port) in before.iter().enumerate() {
            text = text.replace(&format!(":{port}"), &format!(":<{index}>"));
        }
        for (index, port) in after.iter().enumerate() {
            text = text.replace(&format!(":<{index}>"), &format!(":{port}"));
        }
        std::fs::write(&entry, text).expect("written");
    }
}

fn walk(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a folder").flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
#[ignore = "writes the fixture; see the top of this file"]
fn write_the_fixture() {
    let program = std::env::var_os("COMITY_PROGRAM").expect("COMITY_PROGRAM names the program that writes it");
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("alliance");
    let alliance = Alliance::found_by(Path::new(&program), &dir);
    let load = Load::begin(&alliance, 4);
    let orders = load.fixed(4);
    let write = |name: &str, lines: Vec<String>| std::fs::write(dir.join(name), lines.join("\n")).expect("written");
    write(ORDERS, orders);
    write(PORTS, alliance.ports.iter().map(u16::to_string).collect());
    let now = SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
    write(WRITTEN, vec![now.to_string()]);
    for part in PARTS.iter().rev() {
        alliance.stop(*part);
    }
    // The relayer names the others' files by where they were.
    let relay = dir.join("relayer/relay.toml");
    let text = std::fs::read_to_string(&relay).expect("the relayer's configuration");
    std::fs::write(&relay, text.replace(&format!("{}/", dir.display()), "../")).expect("written");
    let packed = Command::new("tar")
        .args(["--exclude=*.out", "--exclude=*.err", "--exclude=*.sock", "-czf"])
        .arg(fixture())
        .arg("-C")
        .arg(folder.path())
        .arg("alliance")
        .status();
    assert!(packed.expect("tar runs").success());
}
