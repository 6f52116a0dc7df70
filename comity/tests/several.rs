//! Three gateways of a court and two relayers as separate processes over one PostgreSQL, under load: gateways and the relayer
//! that holds the leases are killed, and the database is restarted. Whatever any gateway acknowledged becomes final, and is
//! executed once.

mod alliance;
#[path = "../../store/tests/database/mod.rs"]
mod database;

use alliance::{Alliance, Part, free_ports, said};
use database::Database;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What each account holds, in yuan.
const BALANCE: u64 = 400_000;
const ACCOUNTS: usize = 8;
/// The gateways' clients, by what their files end in.
const GATEWAYS: [&str; 3] = ["", "-second", "-third"];
/// How long one order may take to be acknowledged, or to become final, while parts are killed.
const PATIENCE: Duration = Duration::from_secs(120);

/// The private part that every order of this test has; each adds its account and amount.
const DRAFT: &str = r#"request_number = "R-1"
court = "Intermediate Court"
court_code = "9906"
case_number = "(2025)浙9906执2048号"
judge = "Judge"
work_number = "W-1"
official_number = "O-1"
legal_basis = "民事诉讼法第二百五十三条"
ruling_number = "(2025)浙9906执2048号之一"
ruling_digest = "0101010101010101010101010101010101010101010101010101010101010101"
notice_name = "协助冻结存款通知书"
notice_number = "(2025)浙9906执2048号"
person_name = "Debtor"
person_id_type = "PASSPORT"
person_id_number = "E99000001"
control_kind = "FUNDS"
"#;

#[test]
fn three_gateways_and_two_relayers_lose_no_order_when_the_leader_and_the_database_are_killed() {
    let Some(database) = Database::find() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut alliance = Alliance::found(&folder.path().join("alliance"));
    std::fs::write(alliance.path("draft.toml"), DRAFT).expect("a draft");
    let accounts: Vec<_> = (0..ACCOUNTS).map(|index| format!("62229900{index:011}")).collect();
    register(&alliance, &accounts);
    share(&mut alliance, &database);

    let over = AtomicBool::new(false);
    let started = Instant::now();
    let orders: Vec<(String, usize, u64)> = std::thread::scope(|scope| {
        let clerks: Vec<_> = (0..GATEWAYS.len())
            .map(|clerk| {
                let (alliance, accounts, over) = (&alliance, &accounts, &over);
                scope.spawn(move || work(alliance, accounts, clerk, over))
            })
            .collect();
        let pause = || std::thread::sleep(Duration::from_secs(2));
        pause();
        alliance.kill(Part::SecondGateway);
        pause();
        // The first relayer to start holds the leases.
        alliance.kill(Part::Relayer);
        pause();
        restart_database();
        pause();
        alliance.start(Part::SecondGateway);
        alliance.kill(Part::ThirdGateway);
        pause();
        restart_database();
        alliance.start(Part::ThirdGateway);
        pause();
        over.store(true, Ordering::Relaxed);
        clerks.into_iter().flat_map(|clerk| clerk.join().expect("a clerk")).collect()
    });
    assert_eq!(alliance.ended(), [], "parts that ended by themselves");

    let mut held: BTreeMap<usize, u64> = (0..ACCOUNTS).map(|account| (account, 0)).collect();
    for (number, (name, account, yuan)) in orders.iter().enumerate() {
        let order = watch(&alliance, name, number);
        assert_eq!(order["state"], "EXECUTED", "{name}: {order}");
        *held.entry(*account).or_default() += yuan;
    }
    let finals = started.elapsed();
    // What is left for one more freeze says how much all before it took: nothing was executed twice.
    for (account, held) in held {
        let name = order(&alliance, &accounts[account], BALANCE, account, Instant::now() + PATIENCE).expect("an order");
        let last = watch(&alliance, &name, account);
        let left = last["result"]["held"]["minor"].as_u64();
        assert_eq!(left, Some((BALANCE - held) * 100), "{last}");
    }
    println!(
        "{} orders acknowledged by three gateways in {:.0} s, {0} final, {0} executed once; two gateways, the leading relayer and \
         the database (twice) were killed",
        orders.len(),
        finals.as_secs_f64()
    );
}

/// Moves the court and the relayer into the database, and adds two gateways and a relayer.
fn share(alliance: &mut Alliance, database: &Database) {
    let (before, host) = database.url.rsplit_once('@').expect("a user and a host");
    let (user, password) = before.rsplit_once(':').expect("a password");
    alliance.environment.push(("COMITY_STORE__PASSWORD".into(), password.into()));
    let url = format!("{user}@{host}");
    let in_database = |config: &mut toml::Table, name: &str| {
        let mut store = toml::Table::new();
        store.insert("url".into(), url.clone().into());
        store.insert("schema".into(), database.schema(name).into());
        config.insert("store".into(), store.into());
    };
    for part in [Part::CourtGateway, Part::Relayer] {
        alliance.kill(part);
    }
    let mut court = read(alliance, "court/comity.toml");
    in_database(&mut court, "court");
    write(alliance, "court/comity.toml", &court);
    let mut relay = read(alliance, "relayer/relay.toml");
    in_database(&mut relay, "relay");
    write(alliance, "relayer/relay.toml", &relay);

    // The first gateway runs the court's ledger; the others reach it over its RPC.
    let (grpc, rpc) = (format!("127.0.0.1:{}", alliance.ports[0]), format!("http://127.0.0.1:{}", alliance.ports[1]));
    let ports = free_ports();
    for (name, ports) in ["second", "third"].iter().zip(ports.chunks(2)) {
        let mut another = court.clone();
        another.remove("engine");
        set(&mut another, "chain", "rpc", &rpc);
        set(&mut another, "listen", "grpc", &format!("127.0.0.1:{}", ports[0]));
        set(&mut another, "listen", "rest", "127.0.0.1:0");
        set(&mut another, "listen", "metrics", &format!("127.0.0.1:{}", ports[1]));
        write(alliance, &format!("court/{name}.toml"), &another);
        for client in ["clerk", "officer", "operator"] {
            let text =
                std::fs::read_to_string(alliance.path(&format!("court/clients/{client}.toml"))).expect("a client");
            let changed = text.replace(&grpc, &format!("127.0.0.1:{}", ports[0]));
            assert_ne!(changed, text);
            std::fs::write(alliance.path(&format!("court/clients/{client}-{name}.toml")), changed).expect("a client");
        }
    }
    set(&mut relay, "listen", "metrics", &format!("127.0.0.1:{}", ports[4]));
    write(alliance, "relayer/second.toml", &relay);

    alliance.start(Part::CourtGateway);
    up(alliance, "");
    alliance.start(Part::Relayer);
    alliance.start(Part::SecondGateway);
    alliance.start(Part::ThirdGateway);
    up(alliance, "-second");
    up(alliance, "-third");
    alliance.start(Part::SecondRelayer);
}

fn up(alliance: &Alliance, gateway: &str) {
    let client = alliance.path(&format!("court/clients/operator{gateway}.toml"));
    let up = alliance.insist(&["chain", "status", "--as", &client], Instant::now() + PATIENCE);
    assert!(up.is_some(), "the gateway{gateway} does not answer");
}

fn read(alliance: &Alliance, name: &str) -> toml::Table {
    std::fs::read_to_string(alliance.path(name)).expect("a configuration").parse().expect("TOML")
}

fn write(alliance: &Alliance, name: &str, config: &toml::Table) {
    std::fs::write(alliance.path(name), config.to_string()).expect("a configuration");
}

fn set(config: &mut toml::Table, section: &str, key: &str, value: &str) {
    let section = config.get_mut(section).and_then(toml::Value::as_table_mut).expect("a section");
    section.insert(key.into(), value.into());
}

fn restart_database() {
    let restart = std::env::var("COMITY_POSTGRES_RESTART").expect("scripts/with-postgres says how to restart it");
    assert!(Command::new(restart).status().expect("it runs").success());
}

/// One clerk with an officer beside: draws up and approves small orders until it is over; returns those acknowledged.
fn work(alliance: &Alliance, accounts: &[String], clerk: usize, over: &AtomicBool) -> Vec<(String, usize, u64)> {
    let mut acknowledged = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let turn = acknowledged.len() * GATEWAYS.len() + clerk;
        let (account, yuan) = (turn % accounts.len(), 1 + turn as u64 % 7);
        if let Some(name) = order(alliance, &accounts[account], yuan, turn, Instant::now() + PATIENCE) {
            acknowledged.push((name, account, yuan));
        }
    }
    acknowledged
}

/// Draws up an order and has an officer approve it, each at the next gateway and, as long as none answers, at the one after:
/// the same request all the time.
fn order(alliance: &Alliance, account: &str, yuan: u64, turn: usize, until: Instant) -> Option<String> {
    let (request, amount) = (uuid::Uuid::new_v4().to_string(), format!("{yuan}.00"));
    let draft = alliance.path("draft.toml");
    let (account, field) = (format!("account_number={account}"), format!("amount={amount}"));
    let create = [
        ["--recipient", "bank"],
        ["--sector", "accounts"],
        ["--kind", "freeze"],
        ["--fields", &draft],
        ["--field", &account],
        ["--field", &field],
        ["--obligation", &amount],
        ["--request-id", &request],
    ];
    let name = anywhere(alliance, "create", "clerk", &[create.as_flattened(), &["--quiet"]].concat(), turn, until)?;
    let (name, key) = (name.trim().to_owned(), alliance.path("court/keys/officer-J-1001.key"));
    let approve = [name.as_str(), "--officer", "J-1001", "--key", &key, "--json"];
    anywhere(alliance, "approve", "officer", &approve, turn + 1, until)?;
    Some(name)
}

/// Runs a command about orders at one gateway after the other until one answers; `None` when `until` is past.
fn anywhere(
    alliance: &Alliance,
    command: &str,
    role: &str,
    more: &[&str],
    turn: usize,
    until: Instant,
) -> Option<String> {
    for gateway in GATEWAYS.iter().cycle().skip(turn % GATEWAYS.len()) {
        let client = alliance.path(&format!("court/clients/{role}{gateway}.toml"));
        let arguments = [&["order", command, "--as", &client], more].concat();
        let output = alliance.run(&arguments);
        match output.status.code() {
            Some(0) => return Some(String::from_utf8(output.stdout).expect("text")),
            Some(3) if Instant::now() < until => std::thread::sleep(Duration::from_millis(100)),
            Some(3) => return None,
            _ => panic!("comity {}\n{}", arguments.join(" "), said(&output)),
        }
    }
    None
}

/// Follows an order until it is answered, at any gateway.
fn watch(alliance: &Alliance, name: &str, turn: usize) -> serde_json::Value {
    let lines = anywhere(alliance, "watch", "clerk", &[name, "--json"], turn, Instant::now() + PATIENCE);
    let lines = lines.unwrap_or_else(|| panic!("{name} is not answered"));
    serde_json::from_str(lines.lines().last().expect("a change")).expect("JSON")
}

fn register(alliance: &Alliance, accounts: &[String]) {
    let path = alliance.path("accounts.jsonl");
    let mut file = std::fs::File::create(&path).expect("a file");
    for account in accounts {
        writeln!(file, "{{\"reference\":\"{account}\",\"value\":\"{BALANCE}.00\"}}").expect("written");
    }
    let registrar = alliance.path("bank/clients/registrar.toml");
    alliance.done(&["asset", "register", "--as", &registrar, "--sector", "accounts", &path]);
}
