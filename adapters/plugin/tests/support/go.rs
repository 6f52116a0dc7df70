//! Builds the adapter in Go.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The built program in `folder`; `None`, said plainly, where there is no Go and `CI` is not set.
pub fn build(folder: &Path) -> Option<PathBuf> {
    let go = ["go", "/usr/local/go/bin/go"]
        .into_iter()
        .find(|go| Command::new(go).arg("version").output().is_ok_and(|output| output.status.success()));
    let Some(go) = go else {
        assert!(std::env::var_os("CI").is_none(), "there is no Go here, and CI must build the adapter in Go");
        eprintln!("SKIPPED: there is no Go here to build the adapter with");
        return None;
    };
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find_map(|root| {
        let source = root.join("adapters/plugin/examples/go-comet");
        source.join("go.mod").is_file().then_some(source)
    });
    let program = folder.join("go-comet");
    let built = Command::new(go)
        .args(["build", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(source.expect("the example"))
        .output()
        .expect("go runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Some(program)
}
