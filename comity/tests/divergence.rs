//! A bank's validators sign a second chain, and a relayer with a witness there finds it: the court's client freezes, both
//! headers are kept and shown, and the governors put the client onto a new anchor. Separate processes, commands alone.

mod alliance;

use alliance::{Alliance, Part, free_ports, said};
use serde_json::Value;
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take to come true.
const WITHIN: Duration = Duration::from_secs(120);
/// The court's client of the bank's chain.
const CLIENT: &str = "client-bank-1";

/// The bank's chain, run a second time from a copy of its files.
struct Twin(Child);

impl Twin {
    fn start(alliance: &Alliance) -> (Self, String) {
        let folder = alliance.path("twin");
        copy(Path::new(&alliance.path("bank")), Path::new(&folder));
        let config = format!("{folder}/comity.toml");
        let mut text = fs::read_to_string(&config).expect("a configuration");
        let ports = free_ports();
        for (index, port) in [(4, ports[0]), (5, ports[1]), (7, ports[2])] {
            text = text.replace(&format!("127.0.0.1:{}", alliance.ports[index]), &format!("127.0.0.1:{port}"));
        }
        fs::write(&config, text.replace(&alliance.path("bank"), &folder)).expect("a configuration");
        let child = Command::new(env!("CARGO_BIN_EXE_comity"))
            .args(["serve", "--config", &config])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts");
        let twin = Self(child);
        until("the second chain answers", || TcpStream::connect(("127.0.0.1", ports[1])).is_ok());
        (twin, format!("http://127.0.0.1:{}", ports[1]))
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            copy(&entry.path(), &target)
        } else if kind.is_file() {
            // Sockets of the running program are not the chain's.
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

fn until(what: &str, mut check: impl FnMut() -> bool) {
    let started = Instant::now();
    while !check() {
        assert!(started.elapsed() < WITHIN, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// An institution's own chain, as `comity chain status` shows it.
fn own_chain(alliance: &Alliance, institution: &str) -> Value {
    let client = alliance.path(&format!("{institution}/clients/operator.toml"));
    let said =
        alliance.insist(&["chain", "status", "--json", "--as", &client], Instant::now() + WITHIN).expect("an answer");
    let chains: Vec<Value> = serde_json::from_str(&said).expect("JSON");
    chains.into_iter().find(|chain| chain["home"] == true).expect("an own chain")
}

fn client(alliance: &Alliance) -> Value {
    let chain = own_chain(alliance, "court");
    let clients = chain["clients"].as_array().expect("clients");
    clients.iter().find(|client| client["id"] == CLIENT).expect("the client").clone()
}

#[test]
fn a_forked_chain_is_frozen_its_headers_are_kept_and_the_governors_find_the_way_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let alliance = Alliance::found(folder.path());
    let operator = alliance.path("court/clients/operator.toml");
    let bank_rpc = format!("http://127.0.0.1:{}", alliance.ports[5]);
    assert_eq!(client(&alliance)["status"], "ACTIVE");
    let none = alliance.run(&["chain", "evidence", CLIENT, "--as", &operator]);
    assert!(said(&none).contains("NO_CONTRADICTION"), "{}", said(&none));

    // The same validators go on twice from one block, and the relayer has a witness on the other side.
    alliance.kill(Part::Relayer);
    alliance.kill(Part::BankGateway);
    let (twin, witness) = Twin::start(&alliance);
    std::thread::sleep(Duration::from_secs(1));
    alliance.start(Part::BankGateway);
    let relay = alliance.path("relayer/relay.toml");
    let text = fs::read_to_string(&relay).expect("a configuration");
    let line = format!("rpc = \"{bank_rpc}\"");
    assert!(text.contains(&line), "{text}");
    fs::write(&relay, text.replace(&line, &format!("{line}\nwitnesses = [\"{witness}\"]"))).expect("a configuration");
    alliance.start(Part::Relayer);
    until("the client is frozen", || client(&alliance)["status"] == "FROZEN");

    // Status and evidence show both headers, and a file of them stands by itself.
    let shown = client(&alliance)["contradiction"].clone();
    assert!(["EQUIVOCATION", "LUNATIC", "AMNESIA"].contains(&shown["kind"].as_str().expect("a kind")), "{shown}");
    assert_eq!(shown["first"]["height"], shown["second"]["height"]);
    assert_ne!(shown["first"]["hash"], shown["second"]["hash"]);
    assert_eq!((&shown["first"]["signed"], &shown["second"]["signed"]), (&Value::Bool(true), &Value::Bool(true)));
    let status = alliance.done(&["chain", "status", "--as", &operator]);
    assert!(status.contains("FROZEN") && status.contains(&format!("comity chain evidence {CLIENT}")), "{status}");
    let file = alliance.path("bank.evidence");
    let evidence = alliance.done(&["chain", "evidence", CLIENT, "--as", &operator, "--out", &file]);
    for hash in [&shown["first"]["hash"], &shown["second"]["hash"]] {
        assert!(evidence.replace(['\n', ' ', '│'], "").contains(&hash.as_str().expect("a hash")[..8]), "{evidence}");
    }
    let read = alliance.done(&["chain", "evidence", "--file", &file, "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&read).expect("JSON"), shown);
    let mut bytes = fs::read(&file).expect("the file");
    let place = bytes.len() / 2;
    bytes[place] ^= 1;
    let changed = alliance.path("changed.evidence");
    fs::write(&changed, bytes).expect("a file");
    assert_eq!(alliance.run(&["chain", "evidence", "--file", &changed]).status.code(), Some(1));

    // The way back: a new anchor from the bank, a reason, and k of n governors.
    alliance.kill(Part::Relayer);
    drop(twin);
    let bank = own_chain(&alliance, "bank");
    let (height, hash) =
        (bank["verified_height"].as_u64().expect("a height"), bank["verified_hash"].as_str().expect("a hash"));
    let anchor = alliance.path("bank/bank.anchor");
    let old = fs::read_to_string(&anchor).expect("an anchor");
    let lines = old.lines().map(|line| match line.split_once(" = ") {
        Some(("height", _)) => format!("height = {height}\n"),
        Some(("header_hash", _)) => format!("header_hash = \"{hash}\"\n"),
        _ => format!("{line}\n"),
    });
    let new_anchor = alliance.path("new.anchor");
    fs::write(&new_anchor, lines.collect::<String>()).expect("an anchor");
    let config = alliance.path("court/comity.toml");
    let proposal = alliance.path("recover.proposal");
    let unfreeze = |out: &str| {
        let reason = "The bank ran its signer twice; report 2026-17";
        let told = ["--anchor", &new_anchor, "--rpc", &bank_rpc, "--reason", reason, "--out", out];
        alliance.run(&[&["chain", "unfreeze", CLIENT, "--config", &config][..], &told].concat())
    };
    let proposed = unfreeze(&proposal);
    assert!(proposed.status.success(), "{}", said(&proposed));
    let report_path = format!("{proposal}.report.txt");
    let report = fs::read_to_string(&report_path).expect("a report");
    for part in [
        "report 2026-17",
        hash,
        shown["first"]["hash"].as_str().expect("a hash"),
        shown["second"]["hash"].as_str().expect("a hash"),
    ] {
        assert!(report.contains(part), "{report}");
    }
    assert_eq!(client(&alliance)["status"], "FROZEN", "a proposal unfreezes nothing");
    for number in 1..=2 {
        let key = alliance.path(&format!("court/keys/governor-{number}.key"));
        alliance.done(&["govern", "approve", &proposal, "--key", &key, "--evidence", &report_path]);
    }
    alliance.done(&["govern", "submit", "--config", &config, &proposal]);
    let recovered = client(&alliance);
    assert_eq!((&recovered["status"], recovered["latest_height"].as_u64()), (&Value::from("ACTIVE"), Some(height)));
    let kept = &recovered["contradiction"];
    assert_eq!((&kept["first"], &kept["recovered"]["proposal"].is_u64()), (&shown["first"], &true), "{kept}");
    assert!(alliance.done(&["chain", "evidence", CLIENT, "--as", &operator]).contains("Recovered by proposal"));
    let again = unfreeze(&alliance.path("again.proposal"));
    assert!(said(&again).contains("CLIENT_ACTIVE"), "{}", said(&again));

    // The relayer starts from the new anchor too, and carries on.
    fs::copy(&new_anchor, &anchor).expect("the new anchor");
    fs::write(&relay, text).expect("the configuration without the witness");
    alliance.start(Part::Relayer);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(alliance.ended(), []);
    assert_eq!(client(&alliance)["status"], "ACTIVE");
}
