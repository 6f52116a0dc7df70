//! A bank's gateway and the relayer reach the bank's chain through a program in Go, as separate processes: an order goes from
//! the court's seal to the proven receipt, also when the program is killed.

mod alliance;
#[path = "../../adapters/plugin/tests/support/go.rs"]
mod go;

use alliance::load::Load;
use alliance::{Alliance, Part, metrics, said};
use std::path::Path;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(90);
const UP: &str = "comity_adapter_up{chain=\"bank-1\"}";
const RESTARTS: &str = "comity_adapter_restarts_total{chain=\"bank-1\"}";

#[test]
fn an_order_goes_from_seal_to_proven_receipt_through_an_adapter_in_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(program) = go::build(folder.path()) else { return };
    let alliance = Alliance::found(&folder.path().join("alliance"));
    let rpc = format!("http://127.0.0.1:{}", alliance.ports[5]);
    let bank_metrics = alliance.ports[7];
    for part in [Part::BankGateway, Part::Relayer] {
        alliance.kill(part);
    }
    configure(&alliance, &program, &rpc);
    alliance.start(Part::BankGateway);
    alliance.wait_until_up("bank");
    until("the adapter is up", || metrics::value(bank_metrics, UP) == Some(1.0));
    assert_eq!(metrics::value(bank_metrics, RESTARTS), Some(0.0));

    let check = alliance.run(&["check", "--config", &alliance.path("bank/comity.toml")]);
    let told = said(&check);
    assert!(told.contains("is well: go-comet 1.0.0, version 1 of the protocol"), "{told}");
    assert!(!told.contains("WRONG"), "{told}");

    let load = Load::begin(&alliance, 1);
    let order = load.order(0, 1_200, 0).expect("the approval is answered");
    // The relayer was not there yet: the order is committed on the court's chain and waits.
    alliance.start(Part::Relayer);
    let answered = load.watch(&order, 0);
    assert_eq!(answered["state"], "EXECUTED", "{answered}");
    assert_eq!(answered["result"]["held"]["minor"], 120_000, "{answered}");

    kill_child_of(alliance.id(Part::BankGateway));
    until("the adapter was started again", || {
        metrics::value(bank_metrics, UP) == Some(1.0) && metrics::value(bank_metrics, RESTARTS) == Some(1.0)
    });
    let answered = load.watch(&load.order(0, 1, 1).expect("the approval is answered"), 1);
    assert_eq!(answered["state"], "EXECUTED", "{answered}");
    assert_eq!(metrics::value(alliance.ports[8], UP), Some(1.0), "the relayer's own");
    assert_eq!(alliance.ended(), [], "parts that ended by themselves");
}

/// Gateway and relayer reach the bank's chain through `program`.
fn configure(alliance: &Alliance, program: &Path, rpc: &str) {
    let mut adapter = toml::Table::new();
    let command = [program.display().to_string(), "--rpc".into(), rpc.into()];
    adapter.insert("command".into(), command.map(toml::Value::from).to_vec().into());
    let adapter = toml::Value::Table(adapter);

    let mut gateway = alliance.read("bank/comity.toml");
    gateway["chain"].as_table_mut().expect("a section").insert("adapter".into(), adapter.clone());
    alliance.write("bank/comity.toml", &gateway);

    let mut relayer = alliance.read("relayer/relay.toml");
    let chains = relayer["chains"].as_array_mut().expect("chains");
    let bank = chains.iter_mut().find(|chain| chain["rpc"].as_str() == Some(rpc)).expect("the bank's chain");
    let bank = bank.as_table_mut().expect("a section");
    bank.remove("rpc");
    bank.insert("adapter".into(), adapter);
    alliance.write("relayer/relay.toml", &relayer);
}

fn until(what: &str, check: impl Fn() -> bool) {
    let started = Instant::now();
    while !check() {
        assert!(started.elapsed() < PATIENCE, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Kills the only child of a process, as a crash of it would.
fn kill_child_of(parent: u32) {
    let is_child = |id: &u32| {
        // The fourth field, behind a name in parentheses: `proc(5)`.
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let fields =
            stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace().nth(1) == Some(&parent.to_string()));
        fields == Some(true)
    };
    let processes = std::fs::read_dir("/proc").expect("processes").flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let children: Vec<u32> = ids.filter(is_child).collect();
    let [child] = children[..] else { panic!("{children:?} are children of {parent}") };
    let killed = std::process::Command::new("kill").args(["-KILL", &child.to_string()]).status().expect("kill runs");
    assert!(killed.success());
}
