//! A relayer takes a new configuration while it carries: a bad one changes nothing and says why, a good one is in force
//! whole, and no order is lost or executed twice on the way.

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

/// Writes a configuration, says so to the relayer, and waits until it answers with these words.
fn told(alliance: &Alliance, file: &str, text: &str, answer: impl Fn() -> String, words: &str) {
    std::fs::write(file, text).expect("a configuration");
    alliance.signal(Part::Relayer, "-HUP");
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
