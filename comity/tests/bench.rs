//! A short bench against real processes: a sandbox that the program starts, the echo beside it, and the files that it
//! writes. Seconds each; what a machine can take is measured by hand (docs/performance.md).

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs `comity bench …` and returns its figures and what it printed.
fn bench(folder: &Path, arguments: &[&str]) -> (Value, String) {
    let (json, svg) = (folder.join("figures.json"), folder.join("picture.svg"));
    let output = Command::new(env!("CARGO_BIN_EXE_comity"))
        .arg("bench")
        .args(arguments)
        .arg("--json")
        .arg(&json)
        .arg("--svg")
        .arg(&svg)
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    let said = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    let figures = std::fs::read_to_string(json).expect("the figures were written");
    let picture = std::fs::read_to_string(svg).expect("the picture was drawn");
    assert!(picture.starts_with("<svg") && picture.contains("<polyline"), "{picture}");
    (serde_json::from_str(&figures).expect("JSON"), said)
}

fn number(figures: &Value, path: &str) -> f64 {
    figures.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} is missing in {figures:#}"))
}

#[test]
fn queries_are_measured_beside_an_echo_of_the_same_size() {
    let folder = tempfile::tempdir().expect("a folder");
    let (figures, said) = bench(folder.path(), &["queries", "--rate", "200", "--seconds", "2", "--rounds", "1"]);
    assert_eq!(number(&figures, "/rounds/0/due"), 400.0);
    assert_eq!(number(&figures, "/rounds/0/answered"), 400.0, "{said}");
    assert_eq!(number(&figures, "/echo_rounds/0/answered"), 400.0, "{said}");
    assert!(number(&figures, "/rounds/0/server_cpu_s") > 0.0 && number(&figures, "/rounds/0/p50_ms") > 0.0);
    assert!(number(&figures, "/rounds/0/p999_ms") >= number(&figures, "/rounds/0/p50_ms"));
    assert!(said.contains("CPU s per 10,000") && said.contains("echo"), "{said}");
}

#[test]
fn orders_are_measured_from_the_last_approval_to_the_proven_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["orders", "--rate", "10", "--seconds", "2", "--find-capacity", "--p99-max", "1"];
    let (figures, said) = bench(folder.path(), &arguments);
    // No order is proven on two chains within a millisecond: the search ends after two rounds that are not carried.
    assert_eq!(number(&figures, "/capacity/rate"), 0.0, "{said}");
    let tried = figures.pointer("/capacity/tried").and_then(Value::as_array).expect("rounds");
    assert_eq!(tried.len(), 2, "{said}");
    for round in tried {
        assert_eq!((number(round, "/due"), number(round, "/answered")), (20.0, 20.0), "{said}");
    }
}

#[test]
fn deposits_are_measured_by_the_batch_and_told_one_by_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["deposits", "--rate", "5", "--batch", "200", "--seconds", "2", "--rounds", "1"];
    let (figures, said) = bench(folder.path(), &arguments);
    assert_eq!((number(&figures, "/rounds/0/answered"), number(&figures, "/each")), (10.0, 200.0), "{said}");
    assert!(said.contains(" deposits/s, ") && said.contains("µs of server CPU each"), "{said}");
}
