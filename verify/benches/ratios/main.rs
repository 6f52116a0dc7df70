//! Ours and the peers side by side: `cargo bench -p comity-verify` prints a table and writes `target/ratios.json`, flat:
//! how many times faster than the peer, and bundles per second.
//!
//! Rounds of the two alternate, and what counts is the median of each, in CPU time of the thread, so that a busy machine
//! disturbs both alike. Both judge the same bytes and stop at two thirds; votes' bytes and sets' hashes are computed inside
//! what is measured.
//!
//! Printed beside them and not kept: the other suites by their native back-ends against the portable crates, and one long
//! catch-up on two threads against one, in the time that passes.

#![allow(clippy::unwrap_used)]

mod clock;
mod headers;
mod peer;
mod proofs;
mod seals;
#[path = "../../tests/world/mod.rs"]
mod world;

use std::collections::BTreeMap;

fn main() {
    // `cargo test --benches` asks for one quick pass.
    let quick = std::env::args().any(|argument| argument == "--test");
    let rounds = if quick { 1 } else { 15 };
    let mut figures = BTreeMap::new();
    println!("{:<22} {:>12} {:>12} {:>8}", "", "ours", "peer", "times");
    headers::measure(rounds, &mut figures);
    proofs::measure(rounds, &mut figures);
    seals::measure(rounds, &mut figures);
    headers::threads(rounds);
    if quick || only().is_some() {
        return;
    }
    let body: Vec<_> = figures.iter().map(|(name, figure)| format!("  \"{name}\": {figure:.3}")).collect();
    let path = target().join("ratios.json");
    std::fs::write(&path, format!("{{\n{}\n}}\n", body.join(",\n"))).expect("the target folder can be written");
    println!("\nwritten to {}", path.display());
}

/// The folder that cargo builds into.
fn target() -> std::path::PathBuf {
    // …/target/release/deps/ratios-…
    let program = std::env::current_exe().expect("a path");
    program.ancestors().nth(3).expect("a target folder").to_path_buf()
}

/// Figures by name.
type Figures = BTreeMap<String, f64>;

/// The part of a name that figures must have to be measured: `cargo bench -p comity-verify -- header_150`. All without.
fn only() -> Option<String> {
    std::env::args().skip(1).find(|argument| !argument.starts_with('-'))
}

/// Measures both and prints a line; what is kept in the file are the bars alone.
fn show(name: &str, rounds: usize, mut ours: impl FnMut(), mut peer: impl FnMut()) {
    if only().is_some_and(|part| !name.contains(&part)) {
        return;
    }
    let (ours, peer) = clock::medians(rounds, &mut ours, &mut peer);
    println!("{name:<22} {:>10.2}µs {:>10.2}µs {:>7.2}×", ours * 1e6, peer * 1e6, peer / ours);
}

/// Measures both, prints a line, and keeps the ratio under `name`.
fn compare(name: &str, rounds: usize, figures: &mut Figures, mut ours: impl FnMut(), mut peer: impl FnMut()) {
    if only().is_some_and(|part| !name.contains(&part)) {
        return;
    }
    let (ours, peer) = clock::medians(rounds, &mut ours, &mut peer);
    let ratio = peer / ours;
    println!("{name:<22} {:>10.2}µs {:>10.2}µs {ratio:>7.2}×", ours * 1e6, peer * 1e6);
    figures.insert(name.to_owned(), ratio);
}
