//! Other projects' readers of a log's folder: the published crates for C2SP's logs, and Go's packages for its checksum
//! database. Each takes two checkpoints, tiles and entries, and proves growth and inclusion with its own code alone.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use signed_note::{Note, StandardVerifier, VerifierList};
use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tlog_tiles::{
    Checkpoint, Error, Tile, TileHashReader, TileReader, check_record, check_tree, prove_record, prove_tree,
    record_hash, tree_hash,
};

const HEIGHT: u8 = 8;
const WIDTH: u64 = 256;

/// What a reader has proven of a log: entries of the tree of `size`, which grew from the older checkpoint's.
#[derive(Debug, PartialEq, Eq)]
pub struct Read {
    pub size: u64,
    pub entries: Vec<Vec<u8>>,
}

/// A folder of tiles; C2SP tlog-tiles leaves the height out of the paths that the crate writes.
struct Folder<'a> {
    path: &'a Path,
    missing: RefCell<Option<PathBuf>>,
}

impl TileReader for Folder<'_> {
    fn height(&self) -> u8 {
        HEIGHT
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |tile: &Tile| {
            let path = self.path.join(tile.path().replacen("tile/8/", "tile/", 1));
            fs::read(&path).map_err(|_| {
                self.missing.replace(Some(path));
                Error::InvalidTile
            })
        };
        tiles.iter().map(read).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// With the crates `tlog_tiles` and `signed_note`.
pub fn by_crates(key: &str, folder: &Path, older: &Path, indexes: &[u64]) -> Result<Read, String> {
    let tiles = Folder { path: folder, missing: RefCell::new(None) };
    let failed = |what: &str, error: &dyn std::fmt::Display| format!("{what}: {error} {:?}", tiles.missing.borrow());
    let new = opened(key, &folder.join("checkpoint"))?;
    let old = opened(key, older)?;
    let hashes = TileHashReader::new(new.size(), *new.hash(), &tiles);
    let root = tree_hash(new.size(), &hashes).map_err(|error| failed("root", &error))?;
    if root != *new.hash() {
        return Err("the tiles are not those of the checkpoint".into());
    }
    let grown = prove_tree(new.size(), old.size(), &hashes).map_err(|error| failed("growth", &error))?;
    check_tree(&grown, new.size(), *new.hash(), old.size(), *old.hash()).map_err(|error| failed("growth", &error))?;
    let mut entries = Vec::new();
    for index in indexes {
        let entry = entry(folder, new.size(), *index)?;
        let proof = prove_record(new.size(), *index, &hashes).map_err(|error| failed("inclusion", &error))?;
        check_record(&proof, new.size(), *new.hash(), *index, record_hash(&entry))
            .map_err(|error| failed("inclusion", &error))?;
        entries.push(entry);
    }
    Ok(Read { size: new.size(), entries })
}

/// A checkpoint whose key's signature the crates have checked.
fn opened(key: &str, path: &Path) -> Result<Checkpoint, String> {
    let note = Note::from_bytes(&fs::read(path).unwrap()).map_err(|error| error.to_string())?;
    let verifier = StandardVerifier::new(key).map_err(|error| format!("{error:?}"))?;
    let known = VerifierList::new(vec![Box::new(verifier)]);
    note.verify(&known).map_err(|error| error.to_string())?;
    let checkpoint = Checkpoint::from_bytes(note.text()).map_err(|error| error.to_string())?;
    let named = key.split('+').next() == Some(checkpoint.origin());
    if named { Ok(checkpoint) } else { Err("this is no checkpoint of the log".into()) }
}

/// The crate's tiles of data are not C2SP's: there is one way to read those, behind a length each.
fn entry(folder: &Path, size: u64, index: u64) -> Result<Vec<u8>, String> {
    let first = index / WIDTH * WIDTH;
    let width = u32::try_from((size - first).min(WIDTH)).unwrap();
    let mut tile = Tile::new(HEIGHT, 0, index / WIDTH, width, false);
    tile.set_is_data();
    let path = folder.join(tile.path().replacen("tile/8/data/", "tile/entries/", 1));
    let bytes = fs::read(&path).map_err(|error| format!("{path:?}: {error}"))?;
    let mut rest = bytes.as_slice();
    let mut place = index - first;
    loop {
        let (length, after) = rest.split_first_chunk::<2>().ok_or("a tile of entries is too short")?;
        let (entry, after) =
            after.split_at_checked(u16::from_be_bytes(*length).into()).ok_or("a tile of entries is too short")?;
        if place == 0 {
            return Ok(entry.to_vec());
        }
        (rest, place) = (after, place - 1);
    }
}

/// The program in Go that reads logs, built; `None`, said plainly, where there is no Go and `CI` is not set.
pub fn go_program(into: &Path) -> Option<PathBuf> {
    let go = ["go", "/usr/local/go/bin/go"]
        .into_iter()
        .find(|go| Command::new(go).arg("version").output().is_ok_and(|output| output.status.success()));
    let Some(go) = go else {
        assert!(std::env::var_os("CI").is_none(), "there is no Go here, and CI must read the log with its packages");
        eprintln!("SKIPPED: there is no Go here to read the log with");
        return None;
    };
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deposits/tests/go");
    let program = into.join("read-log");
    let built = Command::new(go)
        .args(["build", "-trimpath", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(source)
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Some(program)
}

/// With Go's `sumdb/tlog` and `sumdb/note`.
pub fn by_go(program: &Path, key: &str, folder: &Path, older: &Path, indexes: &[u64]) -> Result<Read, String> {
    let output =
        Command::new(program).arg(key).args([folder, older]).args(indexes.iter().map(u64::to_string)).output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines();
    let size = lines.next().unwrap().split(' ').next().unwrap().parse().unwrap();
    let entries = lines.map(|line| unhex(line.split(' ').nth(1).unwrap())).collect();
    Ok(Read { size, entries })
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
