//! The whole demonstration, told over chains under CometBFT: every story of the embedded world, every step verified.

use crate::network::cometbft;
use crate::pairs::alone;
use serde_json::Value;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Fewest steps of the stories.
const STEPS: usize = 52;

fn demo(cometbft: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comity"));
    command.args(["demo", "--engine", "cometbft"]).args(arguments).env("COMITY_COMETBFT", cometbft);
    command.stdin(Stdio::null()).output().expect("it runs")
}

/// A program that writes down how it was called, and then is CometBFT.
fn noting(cometbft: &Path, folder: &Path) -> (PathBuf, PathBuf) {
    let (program, notes) = (folder.join("cometbft"), folder.join("notes"));
    let script = format!("#!/bin/sh\necho \"$*\" >>{}\nexec {} \"$@\"\n", notes.display(), cometbft.display());
    std::fs::write(&program, script).expect("a script");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("it can be run");
    (program, notes)
}

#[test]
fn the_demonstration_is_told_to_its_end_over_cometbft_and_every_step_is_proven() {
    let Some(cometbft) = cometbft() else { return };
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let (program, notes) = noting(&cometbft, folder.path());
    let output = demo(&program, &["--json"]);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{complained}", String::from_utf8_lossy(&output.stdout));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let steps = told["steps"].as_array().expect("steps");
    println!("{} steps in {:.1} s", steps.len(), told["seconds"].as_f64().expect("a time"));
    assert_eq!(told["verified"], true);
    assert!(steps.len() >= STEPS, "{} steps", steps.len());

    let stories: BTreeSet<_> = steps.iter().filter_map(|step| step["story"].as_str()?.get(..1)).collect();
    assert_eq!(stories, BTreeSet::from(["1", "2", "3", "4"]));
    for chain in ["court-1", "finance-1"] {
        assert!(steps.iter().any(|step| step["chain"] == chain), "nothing was proven on {chain}");
    }
    // A node of the court's, one of the bank's, and the bank's again after its chain had been stopped in the third story.
    let notes = std::fs::read_to_string(notes).expect("it was called");
    let started = |chain: &str| notes.lines().filter(|line| line.starts_with("start ") && line.contains(chain)).count();
    assert_eq!((started("/court/nodes/1"), started("/finance/nodes/1"), notes.lines().count()), (1, 2, 3), "{notes}");
}

#[test]
fn without_the_program_the_demonstration_says_what_is_missing() {
    let output = demo(Path::new("/nowhere/cometbft"), &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    let words = said.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(2), "{said}");
    for wanted in ["COMETBFT_MISSING", "COMITY_COMETBFT names /nowhere/cometbft", "scripts/install-cometbft"] {
        assert!(words.contains(wanted), "{wanted} is missing in: {words}");
    }
}
