//! The house rules of ARCHITECTURE.md, held against the workspace: who may import whom, what every crate is called,
//! what must stay pure.

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A crate and what it must never import, directly or through another crate: crates of this workspace by name (a
/// trailing `*` is a prefix), and crates from outside.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("comity-features", &["comity-*"]),
    ("comity-proto", &["comity-*"]),
    ("comity-model", &["comity-*", "tokio", "tonic", "serde", "sha2", "getrandom"]),
    (
        "comity-verify",
        &[
            "comity-proto",
            "comity-store",
            "comity-ledger*",
            "comity-adapters*",
            "comity-relayer*",
            "comity-gateway",
            "tokio",
            "tonic",
            "redb",
            "getrandom",
            "rand",
        ],
    ),
    ("comity-ledger-app", &["comity-gateway", "comity-relayer*", "comity-adapters*", "tokio", "getrandom", "rand"]),
    ("comity-ledger-rpc", &["comity-gateway", "comity-relayer*", "comity-adapters*"]),
    ("comity-ledger-abci", &["comity-gateway", "comity-relayer*", "comity-adapters*", "comity-ledger-engine"]),
    ("comity-ledger-engine", &["comity-gateway", "comity-relayer*", "comity-adapters*"]),
    (
        "comity-adapters-ports",
        &["comity-gateway", "comity-relayer*", "comity-adapters-comet", "comity-adapters-plugin"],
    ),
    (
        "comity-adapters-comet",
        &[
            "comity-gateway",
            "comity-relayer*",
            "comity-ledger-app",
            "comity-ledger-engine",
            "comity-ledger-abci",
            "comity-adapters-plugin",
        ],
    ),
    (
        "comity-adapters-plugin",
        &["comity-gateway", "comity-relayer*", "comity-ledger*", "comity-store", "comity-adapters-comet"],
    ),
    (
        "comity-adapters-conformance",
        &["comity-gateway", "comity-relayer*", "comity-adapters-comet", "comity-adapters-plugin"],
    ),
    ("comity-relayer-engine", &["comity-gateway", "comity-adapters*", "comity-store", "tokio", "getrandom", "rand"]),
    ("comity-relayer-worker", &["comity-gateway", "comity-adapters-comet", "comity-adapters-plugin", "comity-ledger*"]),
    ("comity-store", &["comity-*", "tonic", "prost"]),
    ("comity-store-file", &["comity-*", "tokio", "tonic", "prost"]),
    (
        "comity-deposits",
        &[
            "comity-proto",
            "comity-store",
            "comity-ledger*",
            "comity-adapters*",
            "comity-relayer*",
            "comity-gateway",
            "tokio",
            "tonic",
            "getrandom",
            "rand",
        ],
    ),
    (
        "comity-witness",
        &[
            "comity-proto",
            "comity-ledger*",
            "comity-adapters*",
            "comity-relayer*",
            "comity-gateway",
            "comity-deposits",
            "tonic",
        ],
    ),
    (
        "comity-web-verify",
        &[
            "comity-proto",
            "comity-store",
            "comity-ledger-app",
            "comity-ledger-engine",
            "comity-adapters*",
            "comity-relayer*",
            "comity-gateway",
            "tokio",
            "getrandom",
        ],
    ),
    ("comity-gateway", &["comity-adapters-comet", "comity-adapters-plugin", "comity-ledger*", "comity-relayer*"]),
];

fn metadata() -> Metadata {
    MetadataCommand::new().exec().expect("cargo metadata runs")
}

fn members(metadata: &Metadata) -> BTreeMap<&str, &Package> {
    metadata.workspace_packages().into_iter().map(|package| (package.name.as_str(), package)).collect()
}

/// Everything `root` is built from: normal dependencies, transitively, within the workspace; outside crates only where
/// a workspace crate names them (what a library of the outside needs is its own matter).
fn imports<'a>(members: &BTreeMap<&'a str, &'a Package>, root: &'a str) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut open = vec![root];
    while let Some(name) = open.pop() {
        let Some(package) = members.get(name) else { continue };
        for dependency in package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal) {
            if seen.insert(dependency.name.as_str()) {
                open.push(dependency.name.as_str());
            }
        }
    }
    seen
}

#[test]
fn nobody_imports_what_the_house_forbids() {
    let metadata = metadata();
    let members = members(&metadata);
    let mut broken = Vec::new();
    for (name, forbidden) in FORBIDDEN {
        assert!(members.contains_key(name), "{name} is in the rules but not in the workspace");
        for import in imports(&members, name) {
            let hit = forbidden.iter().any(|rule| match rule.strip_suffix('*') {
                Some(prefix) => import.starts_with(prefix),
                None => import == *rule,
            });
            // `proto` may not import any workspace crate, and `model` neither; a crate is no import of itself.
            let allowed = *name == "comity-store" && import == "comity-store-file";
            if hit && !allowed {
                broken.push(format!("{name} must not import {import}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_crate_with_a_rule_is_listed_and_every_crate_has_a_rule() {
    let metadata = metadata();
    let ruled: BTreeSet<_> = FORBIDDEN.iter().map(|(name, _)| *name).collect();
    let free = BTreeSet::from(["comity", "comity-vectors", "comity-structure", "comity-sim", "comity-protocol"]);
    for name in members(&metadata).keys() {
        assert!(ruled.contains(name) || free.contains(name), "{name} has no rule in the house: add one");
    }
}

#[test]
fn a_crate_is_named_after_its_folder() {
    let metadata = metadata();
    let root = metadata.workspace_root.as_std_path();
    for (name, package) in members(&metadata) {
        let folder =
            package.manifest_path.as_std_path().parent().expect("a folder").strip_prefix(root).expect("inside");
        let parts: Vec<_> = folder.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let parts = match parts.first().map(String::as_str) {
            Some("tests") => &parts[1..],
            _ => &parts[..],
        };
        let expected = if parts == ["comity"] { "comity".into() } else { format!("comity-{}", parts.join("-")) };
        assert_eq!(name, expected, "{}", folder.display());
    }
}

#[test]
fn no_folder_or_module_is_a_junk_drawer() {
    let metadata = metadata();
    let mut found = Vec::new();
    walk(metadata.workspace_root.as_std_path(), &mut |path| {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        if ["common", "core", "util", "utils", "helper", "helpers", "manager", "misc"].contains(&stem.as_str()) {
            found.push(path.display().to_string());
        }
    });
    assert!(found.is_empty(), "say what it is for instead: {}", found.join(", "));
}

#[test]
fn no_source_file_grows_past_eight_hundred_lines() {
    let metadata = metadata();
    let mut long = Vec::new();
    walk(metadata.workspace_root.as_std_path(), &mut |path| {
        if path.extension().is_some_and(|extension| extension == "rs") {
            let lines = std::fs::read_to_string(path).map(|text| text.lines().count()).unwrap_or(0);
            if lines > 800 {
                long.push(format!("{} ({lines})", path.display()));
            }
        }
    });
    assert!(long.is_empty(), "a file has one subject: {}", long.join(", "));
}

#[test]
fn verify_and_model_are_no_std_and_free_of_unsafe_code() {
    let metadata = metadata();
    let root = metadata.workspace_root.as_std_path();
    for folder in ["model", "verify"] {
        let source = std::fs::read_to_string(root.join(folder).join("src/lib.rs")).expect("lib.rs is there");
        assert!(source.contains("#![no_std]"), "{folder} must build without std");
        let manifest = std::fs::read_to_string(root.join(folder).join("Cargo.toml")).expect("Cargo.toml is there");
        assert!(manifest.contains("workspace = true"), "{folder} must take the workspace's lints, which forbid unsafe");
    }
}

#[test]
fn pure_crates_read_no_clock_and_no_randomness_and_use_no_hash_maps() {
    let metadata = metadata();
    let root = metadata.workspace_root.as_std_path();
    let mut found = Vec::new();
    for folder in ["model/src", "verify/src", "ledger/app/src", "relayer/engine/src"] {
        walk(&root.join(folder), &mut |path| {
            let source = std::fs::read_to_string(path).unwrap_or_default();
            let code = source.split("#[cfg(test)]").next().unwrap_or_default();
            for word in ["SystemTime::now", "Instant::now", "thread_rng", "getrandom", "HashMap", "HashSet"] {
                if code.contains(word) {
                    found.push(format!("{} uses {word}", path.display()));
                }
            }
        });
    }
    assert!(found.is_empty(), "time and randomness are arguments, order is a property: {}", found.join(", "));
}

fn walk(folder: &Path, visit: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).expect("a readable folder").flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') || name == "target" || name == "node_modules" {
            continue;
        }
        visit(&path);
        if path.is_dir() {
            walk(&path, visit);
        }
    }
}
