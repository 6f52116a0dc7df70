//! The file: creating it, and refusing what this program cannot read.

use crate::StoreError;
use redb::{Builder, Database, DatabaseError, ReadableDatabase, StorageBackend, TableDefinition, TableError};
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;

/// The format that this program writes. A newer one is refused; there is no older one.
const VERSION: u32 = 1;

const FORMAT: TableDefinition<&str, u32> = TableDefinition::new("format");
const VERSION_KEY: &str = "version";

/// redb's page cache. The store's working set is cursors, drafts and indices.
const CACHE_BYTES: usize = 64 << 20;

pub(super) fn open(path: &Path) -> Result<Database, StoreError> {
    let created = create_private(path)?;
    let database = Builder::new().set_cache_size(CACHE_BYTES).create(path).map_err(|error| refused(path, &error))?;
    if created {
        sync_directory(path)?;
    }
    check_version(path, &database)?;
    Ok(database)
}

/// The same over any backend.
pub(super) fn open_over(backend: impl StorageBackend) -> Result<Database, StoreError> {
    let path = Path::new("the store's backend");
    let created = Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(backend);
    let database = created.map_err(|error| refused(path, &error))?;
    check_version(path, &database)?;
    Ok(database)
}

/// Creates an empty file that only its owner may read; the store holds drafts of orders. Whether it was created.
fn create_private(path: &Path) -> Result<bool, StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    match options.open(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// A new file survives a crash of the machine only when its directory entry does.
fn sync_directory(path: &Path) -> Result<(), StoreError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(|error| unreadable(directory, &error))
}

fn check_version(path: &Path, database: &Database) -> Result<(), StoreError> {
    let failed = |error: redb::Error| unreadable(path, &error);
    let snapshot = database.begin_read().map_err(|error| failed(error.into()))?;
    let found = match snapshot.open_table(FORMAT) {
        Ok(format) => format.get(VERSION_KEY).map_err(|error| failed(error.into()))?.map(|version| version.value()),
        Err(TableError::TableDoesNotExist(_)) => None,
        Err(error) => return Err(failed(error.into())),
    };
    match found {
        Some(VERSION) => Ok(()),
        Some(version) => Err(StoreError::Unreadable(format!(
            "{} has format {version}; this program reads format {VERSION}",
            path.display()
        ))),
        None => {
            let tables = snapshot.list_tables().map_err(|error| failed(error.into()))?;
            if tables.count() > 0 {
                return Err(StoreError::Unreadable(format!("{} is a database of another program", path.display())));
            }
            write_version(database).map_err(failed)
        }
    }
}

fn write_version(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(FORMAT)?.insert(VERSION_KEY, VERSION)?;
    transaction.commit()?;
    Ok(())
}

fn refused(path: &Path, error: &DatabaseError) -> StoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            StoreError::Unreadable(format!("{} is in use by another process", path.display()))
        }
        DatabaseError::UpgradeRequired(version) => StoreError::Unreadable(format!(
            "{} is in version {version} of the database's file format, which this program does not read",
            path.display()
        )),
        error => unreadable(path, error),
    }
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unreadable(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(path: &Path) -> String {
        match open(path) {
            Ok(_) => panic!("the file was opened"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_file_of_a_newer_version_is_refused_with_words() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("store");
        let database = open(&path).expect("a new store");
        let transaction = database.begin_write().expect("a transaction");
        transaction.open_table(FORMAT).expect("the table").insert(VERSION_KEY, VERSION + 1).expect("a row");
        transaction.commit().expect("a commit");
        drop(database);
        assert!(refusal(&path).contains("has format 2; this program reads format 1"));
    }

    #[test]
    fn a_file_that_is_in_use_is_refused_with_words() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("store");
        let _first = open(&path).expect("a new store");
        assert!(refusal(&path).contains("in use by another process"));
    }

    #[test]
    fn a_file_that_is_not_a_store_is_refused_and_left_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("notes.txt");
        let text = b"these are notes, not a database".repeat(400);
        std::fs::write(&path, &text).expect("a file");
        refusal(&path);
        assert_eq!(std::fs::read(&path).expect("the file"), text);
    }

    #[test]
    fn a_database_of_another_program_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("other.redb");
        let database = Database::create(&path).expect("a database");
        let transaction = database.begin_write().expect("a transaction");
        let other: TableDefinition<u32, u32> = TableDefinition::new("theirs");
        transaction.open_table(other).expect("a table").insert(1, 2).expect("a row");
        transaction.commit().expect("a commit");
        drop(database);
        assert!(refusal(&path).contains("another program"));
    }

    #[test]
    fn a_missing_directory_is_an_error_with_the_path() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(refusal(&directory.path().join("none").join("store")).contains("none"));
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("store");
        let _store = open(&path).expect("a new store");
        let mode = std::fs::metadata(&path).expect("the file").permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
}
