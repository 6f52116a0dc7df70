//! A log as other projects read it: with the crates that others have published, and with Go's packages. Each proves inclusion,
//! and growth between two checkpoints, from the files alone; and each refuses a log whose files were changed.
#![allow(clippy::unwrap_used)]

#[path = "support/batches.rs"]
mod batches;
#[path = "support/readers.rs"]
mod readers;
#[path = "support/samples.rs"]
mod samples;

use batches::{append, batch};
use comity_deposits::{Batch, Log, Options};
use comity_verify::tlog::{Checkpoint, NoteKey};
use ed25519_dalek::{Signer as _, SigningKey};
use readers::{Read, by_crates, by_go, go_program};
use std::fs;
use std::path::Path;

const ORIGIN: &str = "court-1/court";
/// Two full tiles of the second level's width would take 65,536 entries: one is made full, and begun is the next.
const SIZES: [(u64, u64); 4] = [(1, 2), (255, 300), (256, 512), (700, 70_000)];

fn publish(log: &Log, key: &SigningKey) {
    let head = log.head();
    let text = Checkpoint::text(ORIGIN, &head).unwrap();
    let line = note_key(key).line(&key.sign(text.as_bytes()).to_bytes());
    log.publish(head.size, format!("{text}\n{line}").as_bytes()).unwrap();
}

fn note_key(key: &SigningKey) -> NoteKey {
    NoteKey::log(ORIGIN, key.verifying_key().to_bytes()).unwrap()
}

fn fill(log: &Log, from: u64, to: u64) {
    let most = Batch::COUNT_MAX as u64;
    for first in (from..to).step_by(Batch::COUNT_MAX) {
        append(log, batch(first, most.min(to - first)));
    }
}

/// A log with a checkpoint of `new`, and beside it one of `old`.
fn grown(folder: &Path, key: &SigningKey, old: u64, new: u64) -> Log {
    let log = Log::open(folder, Options { waiting_max: 1_000_000, mark_every: 1_000_000 }).unwrap();
    fill(&log, 0, old);
    publish(&log, key);
    fs::copy(folder.join("checkpoint"), folder.join("older")).unwrap();
    fill(&log, old, new);
    publish(&log, key);
    log
}

fn picks(size: u64) -> Vec<u64> {
    [0, 1, 254, 255, 256, 511, 65_535, 65_536, size - 1].into_iter().filter(|index| *index < size).collect()
}

#[test]
fn other_projects_readers_prove_every_entry_and_that_the_log_has_only_grown() {
    let key = SigningKey::from_bytes(&[3; 32]);
    let text = note_key(&key).to_string();
    let built = tempfile::tempdir().unwrap();
    let go = go_program(built.path());
    for (old, new) in SIZES {
        let folder = tempfile::tempdir().unwrap();
        let log = grown(folder.path(), &key, old, new);
        let (picks, older) = (picks(new), folder.path().join("older"));
        let entries = picks.iter().map(|index| log.entry(*index).unwrap().bytes().to_vec()).collect();
        let expected = Ok(Read { size: new, entries });
        assert_eq!(by_crates(&text, folder.path(), &older, &picks), expected, "from {old} to {new}");
        if let Some(go) = &go {
            assert_eq!(by_go(go, &text, folder.path(), &older, &picks), expected, "from {old} to {new}");
        }
    }
}

#[test]
fn other_projects_readers_refuse_changed_tiles_entries_and_checkpoints_and_a_log_that_was_exchanged() {
    let key = SigningKey::from_bytes(&[3; 32]);
    let text = note_key(&key).to_string();
    let built = tempfile::tempdir().unwrap();
    let go = go_program(built.path());
    let change = |path: &Path, at: usize| {
        let mut bytes = fs::read(path).unwrap();
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    let changes: [(&str, usize); 5] = [
        ("tile/0/000", 40),
        ("tile/0/001.p/44", 40),
        ("tile/1/000.p/1", 0),
        ("tile/entries/000", 5),
        ("checkpoint", 16),
    ];
    for (file, at) in changes {
        let folder = tempfile::tempdir().unwrap();
        drop(grown(folder.path(), &key, 200, 300));
        change(&folder.path().join(file), at);
        let older = folder.path().join("older");
        assert!(by_crates(&text, folder.path(), &older, &[0, 299]).is_err(), "{file}");
        if let Some(go) = &go {
            assert!(by_go(go, &text, folder.path(), &older, &[0, 299]).is_err(), "{file}");
        }
    }
    // Its checkpoints are signed, and the newer one did not grow from the older.
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(grown(folder.path(), &key, 200, 300));
    let log = Log::open(other.path(), Options::default()).unwrap();
    append(&log, batch(9_000, 200));
    publish(&log, &key);
    let older = other.path().join("checkpoint");
    assert!(by_crates(&text, folder.path(), &older, &[]).is_err());
    if let Some(go) = &go {
        assert!(by_go(go, &text, folder.path(), &older, &[]).is_err());
    }
}
