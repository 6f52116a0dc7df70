//! Outside suites, run against verify: where they are, and what is said when they are not there.
//!
//! The suites are data of other projects and are not kept in this one. Knows no suite: each test reads its own.

use serde_json::Value;
use std::path::{Path, PathBuf};

/// The folder of outside suites: `COMITY_VECTORS`, or `shared/vectors` beside the workspace. `None` with a plain
/// message where there is none; in CI (`CI=true`) that is a failure.
///
/// # Panics
/// In CI, where the folder is missing.
#[must_use]
pub fn folder(suite: &str) -> Option<PathBuf> {
    let root = std::env::var_os("COMITY_VECTORS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"), PathBuf::from);
    let path = root.join(suite);
    if path.exists() {
        return Some(path);
    }
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!ci, "CI needs the outside suite {}", path.display());
    println!("SKIPPED: no outside suite at {} (set COMITY_VECTORS)", path.display());
    None
}

/// A JSON file.
///
/// # Panics
/// Where it cannot be read: a damaged suite must not pass for an empty one.
#[must_use]
pub fn json(path: &Path) -> Value {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{} is no JSON: {error}", path.display()))
}

/// The JSON files of a folder, sorted by name.
///
/// # Panics
/// Where the folder cannot be read.
#[must_use]
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{} cannot be read: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    files
}
