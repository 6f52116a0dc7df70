//! Links between relayer and ledgers, between gateways, and between a gateway and its ledger are cut, go silent and slow
//! down: orders wait, and end.

use crate::alliance::config::set;
use crate::alliance::load::Load;
use crate::alliance::{Alliance, Part, free_ports};
use crate::link::{Link, Mode};
use crate::{CLERKS, alone, rounds};
use std::sync::Arc;
use std::time::Duration;

/// How long each fault lasts, and how long it is well in between.
const FAULT: Duration = Duration::from_secs(2);
const WELL: Duration = Duration::from_millis(500);

#[test]
fn cut_silent_and_slow_links_delay_orders_and_lose_none() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let alliance = Alliance::found(&folder.path().join("alliance"));
    alliance.part_ledger_of("bank");
    let links = links(&alliance);
    let load = Load::begin(&alliance, 16);
    let orders = load.during(CLERKS, || {
        for _ in 0..rounds() {
            for (name, link) in &links {
                for mode in [Mode::Cut, Mode::Silent, Mode::Slow] {
                    println!("{name}: {mode:?}");
                    link.set(mode);
                    std::thread::sleep(FAULT);
                    link.set(Mode::Whole);
                    std::thread::sleep(WELL);
                }
            }
            println!("everything at once");
            for (_, link) in &links {
                link.set(Mode::Silent);
            }
            std::thread::sleep(FAULT);
            for (_, link) in &links {
                link.set(Mode::Whole);
            }
        }
    });
    println!("{} faults of links: {}", links.len() as u64 * 3 * rounds() + rounds(), load.count_executed(&orders));
}

/// Puts a link into each way between parts.
fn links(alliance: &Alliance) -> Vec<(&'static str, Link)> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = Arc::new(runtime.expect("threads"));
    let (court_rpc, bank_rpc, bank_grpc) = (alliance.ports[1], alliance.ports[5], alliance.ports[4]);
    let to_court = Link::open(&runtime, 0, court_rpc);
    let to_bank = Link::open(&runtime, 0, bank_rpc);
    let to_ledger = Link::open(&runtime, 0, bank_rpc);

    alliance.stop(Part::Relayer);
    let mut relay = alliance.read("relayer/relay.toml");
    for chain in relay.get_mut("chains").and_then(toml::Value::as_array_mut).expect("chains") {
        let chain = chain.as_table_mut().expect("a chain");
        let rpc = chain["rpc"].as_str().expect("a URL");
        let link = if rpc.ends_with(&format!(":{court_rpc}")) { &to_court } else { &to_bank };
        chain.insert("rpc".into(), format!("http://127.0.0.1:{}", link.port).into());
    }
    alliance.write("relayer/relay.toml", &relay);
    alliance.start(Part::Relayer);

    // The address that everybody knows becomes the link; the bank's gateway listens behind it.
    alliance.stop(Part::BankGateway);
    let behind = free_ports()[0];
    let mut bank = alliance.read("bank/comity.toml");
    set(&mut bank, "listen", "grpc", &format!("127.0.0.1:{behind}"));
    set(&mut bank, "chain", "rpc", &format!("http://127.0.0.1:{}", to_ledger.port));
    alliance.write("bank/comity.toml", &bank);
    let to_gateway = Link::open(&runtime, bank_grpc, behind);
    alliance.start(Part::BankGateway);
    alliance.wait_until_up("bank");
    vec![
        ("relayer and the court's ledger", to_court),
        ("relayer and the bank's ledger", to_bank),
        ("the bank's gateway and its ledger", to_ledger),
        ("the court's gateway and the bank's", to_gateway),
    ]
}
