//! Validators' keys in two hands. One copied key, below a third: the engine's evidence names it, the operator is told, and the
//! client of the chain stays active. Two copied keys and a network that parts: two commits for one height, and the client
//! freezes with both headers kept.

use crate::alliance::load::Load;
use crate::alliance::{Alliance, Part, metrics};
use crate::network::{VALIDATORS, change, cometbft, comity};
use crate::pairs::{alone, found};
use comity_model::Height;
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

const WITHIN: Duration = Duration::from_secs(120);
/// The bank's client of the court's chain.
const CLIENT: &str = "client-court-1";

fn until(what: &str, mut check: impl FnMut() -> bool) {
    let started = Instant::now();
    while !check() {
        assert!(started.elapsed() < WITHIN, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// The bank's client, as `comity chain status` shows it.
fn client(alliance: &Alliance) -> Value {
    let operator = alliance.path("bank/clients/operator.toml");
    let asked = ["chain", "status", "--json", "--as", &operator];
    let said = alliance.insist(&asked, Instant::now() + WITHIN).expect("an answer");
    let chains: Vec<Value> = serde_json::from_str(&said).expect("JSON");
    let clients = chains.iter().filter_map(|chain| chain["clients"].as_array()).flatten();
    clients.into_iter().find(|client| client["id"] == CLIENT).expect("the client").clone()
}

#[test]
fn one_copied_key_is_named_by_evidence_and_the_client_stays_active() {
    let Some(cometbft) = cometbft() else { return };
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let (alliance, mut networks) = found(&cometbft, folder.path(), &["court"]);
    let mut network = networks.remove(0);
    let copy = network.add_node();
    let port = crate::network::ports(1);
    network.kill_both(0);
    let ledger = network.file(0, "ledger.toml");
    change(&ledger, "# metrics = \"127.0.0.1:9464\"", &format!("metrics = \"127.0.0.1:{port}\""));
    network.start_both(0);

    // The key of the last validator, on a machine of its own with a memory of its own: when it is this validator's turn, two
    // blocks are proposed.
    let key = "config/priv_validator_key.json";
    std::fs::copy(network.file(VALIDATORS - 1, key), network.file(copy, key)).expect("a key");
    network.start_both(copy);
    runtime.block_on(async {
        network.reach(0, Height(1)).await;
        let latest = network.ports(0).headers.latest().await.expect("a height");
        network.reach(copy, latest).await;
    });

    let load = Load::begin(&alliance, 8);
    let log = || std::fs::read_to_string(network.file(0, "application.log")).expect("a log");
    let orders = load.during(2, || {
        until("the evidence is in a block", || log().contains("a block carries evidence against a validator"));
    });
    let text = std::fs::read_to_string(network.file(copy, key)).expect("a key");
    let key: Value = serde_json::from_str(&text).expect("JSON");
    let named = key["address"].as_str().expect("an address");
    let line = log().lines().find(|line| line.contains("evidence against")).expect("a line").to_owned();
    assert!(line.contains(named) && line.contains("duplicate_vote"), "{line}");
    let counted = metrics::value(port, "comity_chain_misbehavior_total");
    assert!(counted.is_some_and(|counted| counted > 0.0), "{counted:?}");
    println!("{}", load.count_executed(&orders));
    assert_eq!(client(&alliance)["status"], "ACTIVE");
}

#[test]
fn two_copied_keys_and_a_cut_network_make_two_commits_and_the_client_freezes_with_both() {
    let Some(cometbft) = cometbft() else { return };
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let (alliance, mut networks) = found(&cometbft, folder.path(), &["court"]);
    let mut network = networks.remove(0);
    let load = Load::begin(&alliance, 4);
    load.fixed(1);
    assert_eq!(client(&alliance)["status"], "ACTIVE");

    // Two machines with keys and memories of the third and fourth validator, on the other side of the cut, with the second.
    alliance.kill(Part::Relayer);
    (0..VALIDATORS).for_each(|index| network.kill_both(index));
    let copies = [(2, network.add_node()), (3, network.add_node())];
    for (original, copy) in copies {
        for name in ["config/priv_validator_key.json", "config/node_key.json"] {
            std::fs::copy(network.file(original, name), network.file(copy, name)).expect("a key");
        }
        for name in ["data", "ledger"] {
            copy_folder(&network.file(original, name), &network.file(copy, name));
        }
    }
    // One side: 0, 2, 3. The other: 1 and the copies.
    let other_side = [1, copies[0].1, copies[1].1];
    for index in [0, 2, 3] {
        network.peers_of(index, &[0, 2, 3]);
        network.start_both(index);
    }
    for index in other_side {
        network.peers_of(index, &other_side);
        network.start_both(index);
    }
    let from = runtime.block_on(async {
        let from = network.ports(0).headers.latest().await.expect("a height");
        for index in [0, 1] {
            network.reach(index, Height(from.0 + 3)).await;
        }
        from
    });
    let block = |index: usize| {
        let headers = network.ports(index).headers;
        runtime.block_on(headers.light_block(Height(from.0 + 3))).expect("a block")
    };
    let (one, other) = (block(0), block(1));
    assert_eq!(one.header.height, other.header.height);
    assert_ne!(one.header.hash(), other.header.hash(), "two commits for one height");

    // The relayer of the one side has a witness on the other.
    let line = format!("rpc = \"{}\"", network.rpc(0));
    let relay = alliance.path("relayer/relay.toml");
    change(Path::new(&relay), &line, &format!("{line}\nwitnesses = [\"{}\"]", network.rpc(1)));
    alliance.start(Part::Relayer);
    until("the client is frozen", || client(&alliance)["status"] == "FROZEN");
    let shown = client(&alliance)["contradiction"].clone();
    assert_eq!(shown["first"]["height"], shown["second"]["height"]);
    assert_ne!(shown["first"]["hash"], shown["second"]["hash"]);
    assert_eq!((&shown["first"]["signed"], &shown["second"]["signed"]), (&Value::Bool(true), &Value::Bool(true)));
    let file = alliance.path("court.evidence");
    let operator = alliance.path("bank/clients/operator.toml");
    comity(&["chain", "evidence", CLIENT, "--as", &operator, "--out", &file]);
    let read = comity(&["chain", "evidence", "--file", &file, "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&read).expect("JSON"), shown, "both headers, in a file by itself");
    println!("frozen at height {}: {}", shown["first"]["height"], shown["kind"]);
}

fn copy_folder(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("a kind").is_dir() {
            true => copy_folder(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).expect("a copy")),
        }
    }
}
