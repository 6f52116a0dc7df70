//! Lists the sectors of the workspace's `sectors/` folder, so that adding one is adding a folder. Writes
//! `sectors.rs` into the build's output: an array of `SectorSource`, sorted by name. Knows nothing of what is in them.

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
    fs::write(Path::new(&env::var("OUT_DIR").map_err(io::Error::other)?).join("sectors.rs"), list)
}
