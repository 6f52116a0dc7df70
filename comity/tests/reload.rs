//! A relayer takes a new configuration while it carries: a bad one changes nothing and says why, a good one is in force
//! whole, and no order is lost or executed twice on the way. A gateway takes renewed certificates in the same way.

mod alliance;

use alliance::load::Load;
use alliance::{Alliance, Part};
use std::time::{Duration, Instant};

#[test]
fn a_relayer_takes_a_good_configuration_whole_and_a_bad_one_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let alliance = Alliance::found(&folder.path().join("alliance"));
    let load = Load::begin(&alliance, 8);
    let file = alliance.path("relayer/relay.toml");
    let first = std::fs::read_to_string(&file).expect("the configuration");
    let bank = format!("http://127.0.0.1:{}", alliance.ports[5]);
    let by_name = first.replace(&bank, &format!("http://localhost:{}", alliance.ports[5]));
    assert_ne!(by_name, first);
    let limits = |text: &str| format!("{text}\n[limits]\nbatch_packets = 8\nsweep_every_s = 2\n");
    let bad = [
        (first.replace("[[pairs]]", "[[pears]]"), "pears"),
        (first.replacen("rpc = \"http", "rpc = \"ftp", 1), "RPC"),
        (format!("{first}\n[limits]\nbatch_packets = 1000\n"), "batch_packets is 1000"),
        (first.replace("relayer.redb", "other.redb"), "at the start only"),
    ];
    let good = [
        (limits(&first), "0 begun, 0 left, 1 went on"),
        (limits(&by_name), "1 begun, 0 left, 0 went on"),
        (first.clone(), "1 begun, 0 left, 0 went on"),
    ];
    let orders = load.during(2, || {
        for (text, why) in bad {
            alliance.forget_log(Part::Relayer);
            told(&alliance, &file, &text, || alliance.words_of(Part::Relayer), why);
            assert!(alliance.words_of(Part::Relayer).contains("everything goes on by the old one"));
        }
        for (text, what) in good {
            alliance.forget_output(Part::Relayer);
            told(&alliance, &file, &text, || alliance.output_of(Part::Relayer), what);
            std::thread::sleep(Duration::from_millis(500));
        }
    });
    println!("7 new configurations, 4 of them bad: {}", load.count_executed(&orders));
}

#[test]
fn a_gateway_takes_renewed_certificates_and_goes_on_by_the_old_ones_where_they_cannot_be_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let alliance = Alliance::found(&folder.path().join("alliance"));
    let certificate = alliance.path("bank/tls/gateway.crt");
    let renewed = std::fs::read_to_string(&certificate).expect("the certificate");
    let part = Part::BankGateway;
    for unusable in ["no certificate", &std::fs::read_to_string(alliance.path("bank/clients/clerk.crt")).expect("one")]
    {
        std::fs::write(&certificate, unusable).expect("a file");
        alliance.forget_log(part);
        alliance.signal(part, "-HUP");
        heard(|| alliance.words_of(part), "the old ones stay in use");
        alliance.wait_until_up("bank");
    }
    std::fs::write(&certificate, renewed).expect("a file");
    alliance.forget_output(part);
    alliance.signal(part, "-HUP");
    heard(|| alliance.output_of(part), "Certificates were taken anew");
    alliance.wait_until_up("bank");
}

/// Writes a configuration, says so to the relayer, and waits until it answers with these words.
fn told(alliance: &Alliance, file: &str, text: &str, answer: impl Fn() -> String, words: &str) {
    std::fs::write(file, text).expect("a configuration");
    alliance.signal(Part::Relayer, "-HUP");
    heard(answer, words);
}

/// Waits until it is said.
fn heard(answer: impl Fn() -> String, words: &str) {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let said = answer();
        if said.contains(words) {
            return;
        }
        assert!(Instant::now() < until, "{words} is not said: {said}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
