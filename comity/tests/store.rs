//! `comity store` against an institution that runs: a backup through the running process, a restore elsewhere, a check.

mod process;

use process::{Running, comity, comity_in, free_address, said};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

/// A court that serves, and the path of its configuration.
fn court(folder: &Path) -> (Running, PathBuf) {
    let dir = folder.join("court");
    let institution = ["init", "--institution", "court", "--kind", "court", "--dir"].map(String::from);
    let ports = ["--grpc", "--rpc", "--rest", "--signer", "--metrics"].map(|port| [port.to_owned(), free_address()]);
    let args: Vec<_> = institution.into_iter().chain([dir.display().to_string()]).chain(ports.concat()).collect();
    let made = comity(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(made.status.success(), "{}", said(&made));
    let config = dir.join("comity.toml");
    let (running, _) = Running::start(&["serve", "--config", &config.display().to_string()]);
    // Asked for its chain, the gateway verifies and notes it: then something stands in its store.
    let started = Instant::now();
    let client = dir.join("clients/reader.toml").display().to_string();
    while !comity(&["chain", "status", "--as", &client]).status.success() {
        assert!(started.elapsed() < Duration::from_secs(60), "the gateway does not answer");
        std::thread::sleep(Duration::from_millis(200));
    }
    (running, config)
}

/// The configuration with another store.
fn with_store(config: &Path, name: &str, store: &str) -> PathBuf {
    let text = std::fs::read_to_string(config).expect("the configuration");
    let changed = text.replace("file = \"data/gateway.redb\"", store);
    assert_ne!(changed, text);
    let path = config.with_file_name(name);
    std::fs::write(&path, changed).expect("another configuration");
    path
}

fn store(command: &str, config: &Path, more: &[&str]) -> Output {
    let config = config.display().to_string();
    comity(&[&["store", command, "--config", &config], more].concat())
}

#[test]
fn a_running_courts_store_is_backed_up_restored_elsewhere_and_checked_against_its_chain() {
    let folder = tempfile::tempdir().expect("a folder");
    let (running, config) = court(folder.path());
    let copy = folder.path().join("court.comity-store").display().to_string();
    let output = store("backup", &config, &["--to", &copy]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("views"), "{}", said(&output));
    let again = store("backup", &config, &["--to", &copy]);
    assert_eq!(again.status.code(), Some(2), "nothing is overwritten: {}", said(&again));

    let restored = with_store(&config, "restored.toml", "file = \"data/restored.redb\"");
    let output = store("restore", &restored, &["--from", &copy]);
    assert!(output.status.success(), "{}", said(&output));
    let again = store("restore", &restored, &["--from", &copy]);
    assert_eq!(again.status.code(), Some(2), "only into an empty one: {}", said(&again));
    let output = store("check", &restored, &[]);
    assert!(output.status.success() && said(&output).contains("agrees with the chain"), "{}", said(&output));

    // A copy that lost its end is refused, and leaves nothing behind.
    let bytes = std::fs::read(&copy).expect("the copy");
    let cut = folder.path().join("cut");
    std::fs::write(&cut, &bytes[..bytes.len() - 1]).expect("a shorter copy");
    let other = with_store(&config, "other.toml", "file = \"data/other.redb\"");
    let output = store("restore", &other, &["--from", &cut.display().to_string()]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(!config.with_file_name("data").join("other.redb").exists());

    // Where no process runs, the command opens the file itself.
    drop(running);
    let stopped = folder.path().join("stopped").display().to_string();
    let output = store("backup", &config, &["--to", &stopped]);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn a_store_moves_from_a_file_into_a_database_and_serves_there() {
    let Ok(url) = std::env::var("COMITY_POSTGRES") else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "COMITY_POSTGRES is not set, and CI runs every test");
        println!("skipped: COMITY_POSTGRES is not set; run it under scripts/with-postgres");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let (running, config) = court(folder.path());
    let copy = folder.path().join("copy").display().to_string();
    let output = store("backup", &config, &["--to", &copy]);
    assert!(output.status.success(), "{}", said(&output));

    let (before, after) = url.rsplit_once('@').expect("a user and a host");
    let (user, password) = before.rsplit_once(':').expect("a password");
    let schema = format!("moved_{}", std::process::id());
    let section = format!("url = \"{user}@{after}\"\nschema = \"{schema}\"");
    let moved = with_store(&config, "moved.toml", &section);
    let (moved, variables) = (moved.display().to_string(), [("COMITY_STORE__PASSWORD", password)]);
    let run = |command, more: &[&str]| comity_in(&[&["store", command, "--config", &moved], more].concat(), &variables);
    let output = run("restore", &["--from", &copy]);
    assert!(output.status.success(), "{}", said(&output));
    let output = run("check", &[]);
    assert!(output.status.success(), "{}", said(&output));
    // Without the password it is said what is missing, and the password is nowhere to be read.
    let refused = comity(&["store", "check", "--config", &moved]);
    assert!(!refused.status.success() && said(&refused).contains("COMITY_STORE__PASSWORD"), "{}", said(&refused));
    drop(running);

    // It serves over the database.
    let _serving = Running::start_in(&["serve", "--config", &moved], &variables);
}
