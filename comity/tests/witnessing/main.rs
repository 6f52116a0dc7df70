//! A court, its signer and a witness as processes: the witness cosigns what the court has deposited, an authority for time stamps
//! it, a reader with a policy is content, and one that wants more is refused.

#[path = "../process/mod.rs"]
mod process;
mod renewal;
#[path = "../../../verify/tests/tsa/mod.rs"]
mod tsa;

use process::{Running, comity, free_address, said};
use std::path::Path;
use std::time::{Duration, Instant};

/// Asks until it is done with what is wanted: the chain's next block, the witness's next answer.
fn until(args: &[&str], wanted: &str) -> String {
    let started = Instant::now();
    loop {
        let output = comity(args);
        let text = said(&output);
        if output.status.success() && text.contains(wanted) {
            return text;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{args:?} does not say {wanted:?}:\n{text}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

fn write(path: &Path, text: &str) -> String {
    std::fs::write(path, text).expect("a file");
    path.display().to_string()
}

#[test]
fn a_witness_cosigns_a_courts_deposits_and_a_reader_says_by_a_policy_whom_it_believes() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let path = |name: &str| at(name).display().to_string();
    let ports = ["--grpc", "--rpc", "--rest", "--signer", "--metrics"].map(|port| [port.to_owned(), free_address()]);
    let dir = path("court");
    let mut args = vec!["init", "--institution", "court", "--kind", "court", "--dir", &dir];
    args.extend(ports.iter().flatten().map(String::as_str));
    let made = comity(&args);
    assert!(made.status.success(), "{}", said(&made));
    let config = path("court/comity.toml");
    let (_signer, _) = Running::start(&["sign", "--config", &config]);
    let (serving, _) = Running::start(&["serve", "--config", &config]);
    let (clerk, reader) = (path("court/clients/clerk.toml"), path("court/clients/reader.toml"));
    let exhibit = write(&at("exhibit.txt"), "an exhibit");
    let put = ["deposit", "put", "--as", &clerk, "--kind", "electronic-evidence", &exhibit];
    until(&put, "durable");
    let again = comity(&put);
    assert!(again.status.success() && said(&again).contains("Nothing was deposited"), "{}", said(&again));
    assert!(said(&again).contains("was deposited before: members/court/deposits/0"), "{}", said(&again));

    // The witness is told the log's key, and the court the witness's.
    let log = until(&["deposit", "log", "--as", &reader], "court-1/court+");
    let log_key = log.lines().find_map(|line| line.strip_prefix("key:  ")).expect("the log's key");
    let key = comity(&["witness", "key", "--name", "witness.example/w1", "--out", &path("w1.key")]);
    assert!(key.status.success(), "{}", said(&key));
    assert!(!comity(&["witness", "key", "--name", "a name", "--out", &path("w2.key")]).status.success());
    assert!(!at("w2.key").exists());
    let line = String::from_utf8_lossy(&key.stdout).trim().to_owned();
    let listen = free_address();
    let text = format!(
        "name = \"witness.example/w1\"\nkey = \"w1.key\"\nstate = \"w1.redb\"\nlisten = \"{listen}\"\nlogs = [\"{log_key}\"]\n"
    );
    let witness = write(&at("w1.toml"), &text);
    let (_witness, told) = Running::start(&["witness", "serve", "--config", &witness]);
    assert!(told.contains(&listen), "{told}");
    let policy = format!("{line} http://{listen}\nquorum witness.example/w1\n");
    let policy = write(&at("court/witnesses.policy"), &policy);
    drop(serving);
    let text = std::fs::read_to_string(&config).expect("the configuration");
    let mut named = text.replace("# policy = \"witnesses.policy\"", "policy = \"witnesses.policy\"");
    assert_ne!(named, text);
    let authority = tsa::Tsa::p256(true).map(std::sync::Arc::new);
    let desk = authority.clone().map(|authority| {
        write(&at("court/tsa.pem"), &String::from_utf8(authority.root()).expect("PEM"));
        tsa::Desk::open("127.0.0.1:0", Box::new(move |request| (200, authority.reply(request))))
    });
    if let Some(desk) = &desk {
        let section = "# [deposits.timestamps]\n# url = \"http://tsa.example/tsr\"\n# authorities = \"tsa.pem\"\n";
        let asked = format!("[deposits.timestamps]\nurl = \"{}\"\nauthorities = \"tsa.pem\"\n", desk.url());
        assert!(named.contains(section), "{named}");
        named = named.replace(section, &asked);
    }
    write(Path::new(&config), &named);
    let (_serving, _) = Running::start(&["serve", "--config", &config]);

    let seen = until(&["deposit", "log", "--as", &reader, "--policy", &policy], "seen by");
    assert!(seen.contains("witness witness.example/w1 has cosigned 1 entries"), "{seen}");
    let bundle = path("exhibit.comity");
    let anchor = path("court/court.anchor");
    let prove = ["deposit", "prove", "--as", &reader, &exhibit, "--anchor", &anchor, "--policy"];
    until(&[&prove[..], &[&policy, "--out", &bundle]].concat(), "bytes in");
    let purpose = ["--case", "7", "--basis", "art. 1", "--purpose", "a test"];
    let read = until(&[&["deposit", "get", "--as", &clerk, "0"][..], &purpose].concat(), "taken up by transaction");
    let hash = read.lines().find_map(|line| line.trim().strip_prefix("taken up by transaction ")).expect("its hash");
    let taken = comity(&["deposit", "transaction", "--as", &reader, hash]);
    assert!(
        said(&taken).contains("entries 0 to 0") && said(&taken).contains("members/court/deposits/0"),
        "{}",
        said(&taken)
    );
    let find = ["deposit", "find", "--as", &reader, &exhibit, "--policy"];
    until(&[&find[..], &[&policy]].concat(), "unchanged since");
    let verify = ["verify", &bundle, "--anchor", &anchor, "--policy"];
    let judged = comity(&[&verify[..], &[&policy]].concat());
    assert!(judged.status.success(), "{}", said(&judged));
    assert!(said(&judged).contains("Witness witness.example/w1 saw the log with this entry"), "{}", said(&judged));

    if desk.is_some() {
        until(&["deposit", "log", "--as", &reader], "A clock has stamped 1 entries");
        until(&["deposit", "prove", "--as", &reader, &exhibit, "--out", &bundle], "bytes in");
        let roots = path("court/tsa.pem");
        let judged = comity(&[&verify[..], &[&policy, "--tsa", &roots]].concat());
        assert!(said(&judged).contains("by the time stamp of A clock"), "{}", said(&judged));
        let chinese = comity(&[&verify[..], &[&policy, "--tsa", &roots, "--lang", "zh"]].concat());
        assert!(said(&chinese).contains("依据 A clock 的时间戳"), "{}", said(&chinese));
        let alone = comity(&[&verify[..], &[&policy]].concat());
        assert!(said(&alone).contains("nothing follows from it unless"), "{}", said(&alone));
        let none = comity(&[&verify[..], &[&policy, "--tsa", &exhibit]].concat());
        assert_eq!(none.status.code(), Some(2), "{}", said(&none));
    }

    let other = comity(&["witness", "key", "--name", "witness.example/w2", "--out", &path("w2.key")]);
    let other = String::from_utf8_lossy(&other.stdout).trim().to_owned();
    let both = format!("{line}\n{other}\ngroup both all witness.example/w1 witness.example/w2\nquorum both\n");
    let both = write(&at("both.policy"), &both);
    let judged = comity(&[&verify[..], &[&both]].concat());
    assert_eq!(judged.status.code(), Some(1), "{}", said(&judged));
    assert!(said(&judged).contains("LOG_WITNESSES"), "{}", said(&judged));
    let unseen = path("unseen.comity");
    for asked in [[&prove[..], &[&both, "--wait", "0", "--out", &unseen]].concat(), [&find[..], &[&both]].concat()] {
        let refused = comity(&asked);
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
        assert!(said(&refused).contains("LOG_WITNESSES"), "{}", said(&refused));
    }
    assert!(!at("unseen.comity").exists(), "what the policy refuses is not kept");
    let none = comity(&[&verify[..], &[&exhibit]].concat());
    assert_eq!(none.status.code(), Some(2), "{}", said(&none));
}
