//! A proof is renewed and outlives its court: a court deposits and proves, then it is gone, keys and chain; another takes the proof
//! into its own log, an authority stamps it, and a reader who no longer believes the first court's suite is content. As processes.

use crate::process::{Running, comity, free_address, said};
use crate::tsa::{Desk, Tsa};
use crate::{until, write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A court that serves, with its signer: the configuration's folder and the processes.
fn court(folder: &Path, name: &str, timestamps: Option<(&Desk, &Tsa)>) -> (String, [Running; 2]) {
    let dir = folder.join(name).display().to_string();
    let ports = ["--grpc", "--rpc", "--rest", "--signer", "--metrics"].map(|port| [port.to_owned(), free_address()]);
    let mut args = vec!["init", "--institution", name, "--kind", "court", "--dir", &dir];
    args.extend(ports.iter().flatten().map(String::as_str));
    let made = comity(&args);
    assert!(made.status.success(), "{}", said(&made));
    let config = format!("{dir}/comity.toml");
    if let Some((desk, tsa)) = timestamps {
        write(&folder.join(name).join("tsa.pem"), &String::from_utf8(tsa.root()).expect("PEM"));
        let text = std::fs::read_to_string(&config).expect("the configuration");
        let section = "# [deposits.timestamps]\n# url = \"http://tsa.example/tsr\"\n# authorities = \"tsa.pem\"\n";
        assert!(text.contains(section), "{text}");
        let asked = format!("[deposits.timestamps]\nurl = \"{}\"\nauthorities = \"tsa.pem\"\n", desk.url());
        write(Path::new(&config), &text.replace(section, &asked));
    }
    let (signer, _) = Running::start(&["sign", "--config", &config]);
    let (serving, _) = Running::start(&["serve", "--config", &config]);
    (dir, [serving, signer])
}

/// `stood at <time> at the latest` of a verdict.
fn stood(text: &str) -> String {
    let (_, rest) = text.split_once("stood at ").expect("the time of the renewal");
    rest.split_once(' ').expect("a time").0.to_owned()
}

fn seconds(time: &str, more: i64) -> String {
    let time: jiff::Timestamp = time.parse().expect("a time");
    (time + jiff::SignedDuration::from_secs(more)).to_string()
}

#[test]
fn a_proof_outlives_its_court_and_its_suite_by_a_renewal_that_was_made_in_time() {
    let Some(authority) = Tsa::p256(true).map(Arc::new) else { return };
    let answering = authority.clone();
    let desk = Desk::open("127.0.0.1:0", Box::new(move |request| (200, answering.reply(request))));
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();

    let (first, processes) = court(folder.path(), "oldcourt", None);
    let exhibit = write(&folder.path().join("exhibit.txt"), "an exhibit");
    let (clerk, reader) = (format!("{first}/clients/clerk.toml"), format!("{first}/clients/reader.toml"));
    until(&["deposit", "put", "--as", &clerk, "--kind", "electronic-evidence", &exhibit], "durable");
    let old = path("old.comity");
    until(&["deposit", "prove", "--as", &reader, &exhibit, "--out", &old], "bytes in");
    let old_anchor = path("old.anchor");
    std::fs::copy(format!("{first}/oldcourt.anchor"), &old_anchor).expect("the anchor");
    // The court is gone, and its keys with it.
    drop(processes);
    std::fs::remove_dir_all(&first).expect("the court's folder");

    let (second, _processes) = court(folder.path(), "newcourt", Some((&desk, &authority)));
    let (clerk, renewed) = (format!("{second}/clients/clerk.toml"), path("renewed.comity"));
    until(&["deposit", "renew", "--as", &clerk, &old, "--out", &renewed, "--stamped", "--wait", "30"], "bytes in");
    // Again, it deposits nothing more.
    let again = path("again.comity");
    let text = until(&["deposit", "renew", "--as", &clerk, &old, "--out", &again, "--stamped"], "bytes in");
    assert!(text.contains("members/newcourt/deposits/0:"), "{text}");
    let other = comity(&["deposit", "renew", "--as", &clerk, &exhibit, "--out", &path("x.comity")]);
    assert!(!other.status.success() && said(&other).contains("BUNDLE_ENCODING"), "{}", said(&other));

    let (new_anchor, roots) = (format!("{second}/newcourt.anchor"), format!("{second}/tsa.pem"));
    let judged = |bundle: &str, further: &[&str]| {
        comity(
            &[&["verify", bundle, "--anchor", &new_anchor, "--anchor", &old_anchor, "--tsa", &roots], further].concat(),
        )
    };
    let holds = judged(&renewed, &["--file", &exhibit]);
    let text = said(&holds);
    assert!(holds.status.success(), "{text}");
    assert!(text.contains("This file is unchanged since") && text.contains("by the time stamp of A clock"), "{text}");
    let chinese = said(&judged(&renewed, &["--lang", "zh"]));
    assert!(chinese.contains("重新存入") && chinese.contains("依据 A clock 的时间戳"), "{chinese}");
    let json = said(&judged(&renewed, &["--json"]));
    assert!(json.contains("\"by\":\"AUTHORITY\""), "{json}");
    // Each chain's anchor is needed.
    let alone = comity(&["verify", &renewed, "--anchor", &new_anchor]);
    assert!(!alone.status.success() && said(&alone).contains("ANCHOR"), "{}", said(&alone));

    // From a moment after the renewal on, the suite is no longer believed.
    let stood = stood(&text);
    let (after, before) = (seconds(&stood, 1), seconds(&stood, -1));
    std::thread::sleep(Duration::from_secs(4));
    let retired = format!("ed25519-sha256={after}");
    let refused = judged(&old, &["--retired", &retired]);
    assert!(!refused.status.success() && said(&refused).contains("SUITE_RETIRED"), "{}", said(&refused));
    let holds = judged(&renewed, &["--retired", &retired]);
    assert!(holds.status.success() && said(&holds).contains("the time stamp alone says"), "{}", said(&holds));
    let late = judged(&renewed, &["--retired", &format!("ed25519-sha256={before}")]);
    assert!(!late.status.success() && said(&late).contains("SUITE_RETIRED"), "{}", said(&late));
    let typo = judged(&renewed, &["--retired", "rot13=2030-01-01T00:00:00Z"]);
    assert_eq!(typo.status.code(), Some(2), "{}", said(&typo));
}
