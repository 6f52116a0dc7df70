//! Three gateways of a court and two relayers as separate processes over one PostgreSQL, under load: gateways and the relayer
//! that holds the leases are killed, and the database is restarted. Whatever any gateway acknowledged becomes final, and is
//! executed once.

mod alliance;
#[path = "../../store/tests/database/mod.rs"]
mod database;

use alliance::config::set;
use alliance::load::{Load, PATIENCE};
use alliance::{Alliance, Part, free_ports};
use database::Database;
use std::process::Command;
use std::time::{Duration, Instant};

const ACCOUNTS: usize = 8;
/// The gateways' clients, by what their files end in.
const GATEWAYS: [&str; 3] = ["", "-second", "-third"];

#[test]
fn three_gateways_and_two_relayers_lose_no_order_when_the_leader_and_the_database_are_killed() {
    let Some(database) = Database::find() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut alliance = Alliance::found(&folder.path().join("alliance"));
    share(&mut alliance, &database);
    let load = Load::begin(&alliance, ACCOUNTS).at(&GATEWAYS);

    let started = Instant::now();
    let orders = load.during(GATEWAYS.len(), || {
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
    });
    let killed = started.elapsed();
    let count = load.count_executed(&orders);
    println!(
        "two gateways, the leading relayer and the database (twice) killed in {:.0} s; three gateways: {count}",
        killed.as_secs_f64()
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
    let mut court = alliance.read("court/comity.toml");
    in_database(&mut court, "court");
    alliance.write("court/comity.toml", &court);
    let mut relay = alliance.read("relayer/relay.toml");
    in_database(&mut relay, "relay");
    alliance.write("relayer/relay.toml", &relay);

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
        alliance.write(&format!("court/{name}.toml"), &another);
        for client in ["clerk", "officer", "operator"] {
            let text =
                std::fs::read_to_string(alliance.path(&format!("court/clients/{client}.toml"))).expect("a client");
            let changed = text.replace(&grpc, &format!("127.0.0.1:{}", ports[0]));
            assert_ne!(changed, text);
            std::fs::write(alliance.path(&format!("court/clients/{client}-{name}.toml")), changed).expect("a client");
        }
    }
    set(&mut relay, "listen", "metrics", &format!("127.0.0.1:{}", ports[4]));
    alliance.write("relayer/second.toml", &relay);

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

fn restart_database() {
    let restart = std::env::var("COMITY_POSTGRES_RESTART").expect("scripts/with-postgres says how to restart it");
    assert!(Command::new(restart).status().expect("it runs").success());
}
