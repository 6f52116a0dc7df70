//! A file is created whole, seen to be damaged, and of a known format.

use comity_store_file::{FileError, Format, Upgrade, open};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

const ROWS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("rows");
const FORMAT: Format = Format { holds: "rows for a test", version: 1, unnumbered: &[], upgrades: &[] };
const CACHE: usize = 1 << 20;
const PAGE: usize = 4096;

struct Place {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    Place { _folder: folder, path }
}

fn fill(database: &Database, rows: std::ops::Range<u64>) {
    let transaction = database.begin_write().expect("a transaction");
    for number in rows {
        transaction.open_table(ROWS).expect("the table").insert(number, [number as u8; 900].as_slice()).expect("a row");
    }
    transaction.commit().expect("a commit");
}

fn rows(database: &Database) -> Vec<(u64, Vec<u8>)> {
    let table = database.begin_read().expect("a view").open_table(ROWS).expect("the table");
    let row = |row: Result<(redb::AccessGuard<'_, u64>, redb::AccessGuard<'_, &[u8]>), redb::StorageError>| {
        let (key, value) = row.expect("a row");
        (key.value(), value.value().to_vec())
    };
    table.iter().expect("rows").map(row).collect()
}

fn refusal(path: &Path, format: &Format) -> FileError {
    match open(path, format, CACHE) {
        Ok(_) => panic!("the file was opened"),
        Err(error) => error,
    }
}

#[test]
fn what_was_written_is_there_again_and_only_its_owner_reads_the_file() {
    let place = place();
    let database = open(&place.path, &FORMAT, CACHE).expect("a new file");
    fill(&database, 0..100);
    let written = rows(&database);
    drop(database);
    assert_eq!(rows(&open(&place.path, &FORMAT, CACHE).expect("the file")), written);
    let mode = std::fs::metadata(&place.path).expect("the file").permissions().mode();
    assert_eq!(mode & 0o077, 0);
}

#[test]
fn a_page_that_was_flipped_is_seen_or_holds_nothing() {
    let place = place();
    let database = open(&place.path, &FORMAT, CACHE).expect("a new file");
    for batch in 0..20 {
        fill(&database, batch * 20..batch * 20 + 20);
    }
    let written = rows(&database);
    drop(database);
    let whole = std::fs::read(&place.path).expect("the file");
    let (mut seen, mut free) = (0, 0);
    for start in (0..whole.len()).step_by(PAGE) {
        let page = &whole[start..(start + PAGE).min(whole.len())];
        if page.iter().all(|byte| *byte == 0) {
            continue;
        }
        std::fs::write(&place.path, &whole).expect("as it was");
        let at = start + page.iter().rposition(|byte| *byte != 0).expect("something stands there");
        let file = std::fs::OpenOptions::new().write(true).open(&place.path).expect("the file");
        file.write_all_at(&[whole[at] ^ 0x10], at as u64).expect("flipped");
        drop(file);
        match open(&place.path, &FORMAT, CACHE) {
            Ok(database) => {
                assert_eq!(rows(&database), written, "page {}", start / PAGE);
                free += 1;
            }
            Err(FileError::Damaged { .. }) => seen += 1,
            Err(other) => panic!("page {}: {other}", start / PAGE),
        }
    }
    println!("{seen} flipped pages were seen, {free} held nothing");
    assert!(seen > 80, "400 rows of 900 bytes take a hundred pages: {seen}");
}

#[test]
fn a_file_that_was_cut_off_or_emptied_is_refused() {
    let place = place();
    let database = open(&place.path, &FORMAT, CACHE).expect("a new file");
    fill(&database, 0..400);
    drop(database);
    let whole = std::fs::read(&place.path).expect("the file");
    for keep in [0, 1, 100, PAGE, 5_000, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&place.path, &whole[..keep]).expect("a shorter file");
        let error = refusal(&place.path, &FORMAT);
        assert_eq!(error.code(), "FILE_DAMAGED", "{keep} bytes: {error}");
    }
}

#[test]
fn a_creation_that_was_broken_off_is_begun_anew() {
    let place = place();
    let mut aside = place.path.clone().into_os_string();
    aside.push(".new");
    std::fs::write(&aside, b"half a header").expect("what a crash left");
    drop(open(&place.path, &FORMAT, CACHE).expect("a new file"));
    assert!(!Path::new(&aside).exists());
}

#[test]
fn a_file_of_a_newer_program_is_refused_with_its_name_and_left_alone() {
    let place = place();
    let newer = Format { version: 3, ..FORMAT };
    drop(open(&place.path, &newer, CACHE).expect("a new file"));
    let before = std::fs::read(&place.path).expect("the file");
    let text = refusal(&place.path, &FORMAT).to_string();
    let own = env!("CARGO_PKG_VERSION");
    assert!(text.contains(&format!("has format 3 and was written by comity {own}; this is comity {own}")), "{text}");
    assert!(text.contains("reads formats up to 1"), "{text}");
    drop(open(&place.path, &newer, CACHE).expect("still whole"));
    assert_eq!(before.len(), std::fs::metadata(&place.path).expect("the file").len() as usize);
}

#[test]
fn an_older_file_is_taken_over_step_by_step() {
    fn twice(transaction: &redb::WriteTransaction) -> Result<(), redb::Error> {
        transaction.open_table(ROWS)?.insert(1_000, b"by the first step".as_slice())?;
        Ok(())
    }
    fn thrice(transaction: &redb::WriteTransaction) -> Result<(), redb::Error> {
        let mut rows = transaction.open_table(ROWS)?;
        let first = rows.get(1_000)?.is_some();
        rows.insert(1_001, if first { b"after the first".as_slice() } else { b"alone" })?;
        Ok(())
    }
    const STEPS: &[Upgrade] = &[twice, thrice];
    let place = place();
    let database = open(&place.path, &FORMAT, CACHE).expect("a file of format 1");
    fill(&database, 0..3);
    drop(database);
    let third = Format { version: 3, upgrades: STEPS, ..FORMAT };
    let database = open(&place.path, &third, CACHE).expect("the file, taken over");
    assert_eq!(rows(&database).last(), Some(&(1_001, b"after the first".to_vec())));
    drop(database);
    assert_eq!(refusal(&place.path, &FORMAT).code(), "FILE_TOO_NEW");
}

#[test]
fn a_file_from_before_formats_were_numbered_is_known_by_its_tables() {
    let place = place();
    let database = Database::create(&place.path).expect("a database");
    fill(&database, 0..3);
    drop(database);
    assert_eq!(refusal(&place.path, &FORMAT).code(), "FILE_OF_ANOTHER_KIND");
    let known = Format { unnumbered: &["rows"], ..FORMAT };
    assert_eq!(rows(&open(&place.path, &known, CACHE).expect("an old file")).len(), 3);
    // From then on it is numbered.
    drop(open(&place.path, &FORMAT, CACHE).expect("the file"));
}

#[test]
fn a_file_of_another_kind_is_refused() {
    let place = place();
    drop(open(&place.path, &FORMAT, CACHE).expect("a new file"));
    let other = Format { holds: "something else", ..FORMAT };
    assert_eq!(refusal(&place.path, &other).code(), "FILE_OF_ANOTHER_KIND");
    let text = b"these are notes, not a database".repeat(400);
    std::fs::write(&place.path, &text).expect("a file");
    refusal(&place.path, &FORMAT);
    assert_eq!(std::fs::read(&place.path).expect("the file"), text, "it is left alone");
}

#[test]
fn a_file_in_use_and_a_folder_that_is_not_there_are_refused_with_words() {
    let place = place();
    let _first = open(&place.path, &FORMAT, CACHE).expect("a new file");
    assert_eq!(refusal(&place.path, &FORMAT).code(), "FILE_IN_USE");
    let nowhere = place.path.with_file_name("none").join("file");
    assert!(refusal(&nowhere, &FORMAT).to_string().contains("none"));
}
