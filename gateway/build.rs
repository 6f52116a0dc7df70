//! Lists the sectors of the workspace's `sectors/` folder and the files of rules in `sectors/rules/`, so that adding one is
//! adding a folder or a file. Writes `sectors.rs` and `rules.rs` into the build's output: arrays of `SectorSource` and
//! `RuleSource`, sorted by name. Knows nothing of what is in them.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder =
        Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("../sectors").canonicalize()?;
    // Cargo watches the whole folder: a new sector, a changed schema.
    println!("cargo::rerun-if-changed={}", folder.display());

    let mut names = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let entry = entry?;
        if entry.path().join("schema.proto").is_file() {
            names.push(
                entry.file_name().into_string().map_err(|name| io::Error::other(format!("{name:?} is not UTF-8")))?,
            );
        }
    }
    names.sort();

    let mut list = String::from("&[\n");
    for name in &names {
        let schema = folder.join(name).join("schema.proto");
        let profile = folder.join(name).join("profile.toml");
        let profile = if profile.is_file() { format!("Some(include_str!({profile:?}))") } else { "None".to_owned() };
        writeln!(list, "    SectorSource {{ name: {name:?}, schema: include_str!({schema:?}), profile: {profile} }},")
            .map_err(io::Error::other)?;
    }
    list.push_str("]\n");
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("sectors.rs"), list)?;
    fs::write(Path::new(&out).join("rules.rs"), rules(&folder.join("rules"))?)
}

fn rules(folder: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    let mut list = String::from("&[\n");
    for file in &files {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        writeln!(list, "    RuleSource {{ name: {name:?}, text: include_str!({file:?}) }},")
            .map_err(io::Error::other)?;
    }
    list.push_str("]\n");
    Ok(list)
}
