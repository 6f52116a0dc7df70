//! The number of a file's format, in the file itself, with the program that wrote it last.

use crate::FileError;
use redb::{Database, ReadableDatabase, TableDefinition, TableError, TableHandle, WriteTransaction};
use std::path::Path;

const FORMAT: TableDefinition<'_, &str, u32> = TableDefinition::new("format");
const VERSION_KEY: &str = "version";
const PROGRAM: TableDefinition<'_, &str, &str> = TableDefinition::new("program");
const HOLDS_KEY: &str = "holds";
const WRITTEN_BY_KEY: &str = "written_by";

/// This program, as files name it.
const OWN: &str = env!("CARGO_PKG_VERSION");

/// What a file is to hold.
#[derive(Debug)]
pub struct Format {
    /// What it holds, in words: `a store`, `a ledger's blocks`.
    pub holds: &'static str,
    /// The format that this program writes, from 1.
    pub version: u32,
    /// Tables by one of which a file is known that was written before formats were numbered: it has format 1. Empty where
    /// there never was such a file.
    pub unnumbered: &'static [&'static str],
    /// Steps from older formats: the first leads from 1 to 2. One less than `version`.
    pub upgrades: &'static [Upgrade],
}

/// Carries a file from one format to the next, within the transaction that notes it.
pub type Upgrade = fn(&WriteTransaction) -> Result<(), redb::Error>;

/// Notes the format in a new database, takes over an older one, refuses a newer one. For databases over other backends than
/// a file; [`crate::open`] does it by itself.
///
/// # Errors
/// [`FileError`]; nothing was changed.
pub fn prepare(database: &Database, format: &Format) -> Result<(), FileError> {
    check(Path::new("the backend"), database, format)
}

pub(crate) fn check(path: &Path, database: &Database, format: &Format) -> Result<(), FileError> {
    let found = read(database).map_err(|error| damaged(path, &error))?;
    let name = || path.display().to_string();
    let other = || FileError::Other { path: name(), holds: format.holds };
    if found.holds.as_ref().is_some_and(|holds| holds != format.holds) {
        return Err(other());
    }
    let version = match found.version {
        Some(version) if version > format.version => {
            let by = found.by.unwrap_or_else(|| "of an unknown version".into());
            return Err(FileError::Newer { path: name(), found: version, by, own: OWN, reads: format.version });
        }
        Some(version) => version,
        None if found.tables.is_empty() => format.version,
        None if found.tables.iter().any(|table| format.unnumbered.contains(&table.as_str())) => 1,
        None => return Err(other()),
    };
    let noted = found.version == Some(format.version) && found.holds.is_some() && found.by.as_deref() == Some(OWN);
    if noted {
        return Ok(());
    }
    upgrade(database, format, version).map_err(|error| FileError::Upgrade {
        path: name(),
        from: version,
        reason: error.to_string(),
    })?;
    if version < format.version {
        tracing::info!(
            path = name(),
            from = version,
            to = format.version,
            "the file was taken over from an older format"
        );
    }
    Ok(())
}

struct Found {
    version: Option<u32>,
    holds: Option<String>,
    by: Option<String>,
    tables: Vec<String>,
}

fn read(database: &Database) -> Result<Found, redb::Error> {
    let snapshot = database.begin_read()?;
    let version = match snapshot.open_table(FORMAT) {
        Ok(table) => table.get(VERSION_KEY)?.map(|version| version.value()),
        Err(TableError::TableDoesNotExist(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let (holds, by) = match snapshot.open_table(PROGRAM) {
        Ok(table) => {
            let text = |key| Ok::<_, redb::Error>(table.get(key)?.map(|text| text.value().to_owned()));
            (text(HOLDS_KEY)?, text(WRITTEN_BY_KEY)?)
        }
        Err(TableError::TableDoesNotExist(_)) => (None, None),
        Err(error) => return Err(error.into()),
    };
    let tables = snapshot.list_tables()?.map(|table| table.name().to_owned()).collect();
    Ok(Found { version, holds, by, tables })
}

/// One transaction: the steps from `version` on, and the note that they were made.
fn upgrade(database: &Database, format: &Format, version: u32) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    let behind = usize::try_from(format.version.saturating_sub(version)).unwrap_or(usize::MAX);
    let steps = format.upgrades.len().saturating_sub(behind);
    for step in format.upgrades.iter().skip(steps) {
        step(&transaction)?;
    }
    transaction.open_table(FORMAT)?.insert(VERSION_KEY, format.version)?;
    {
        let mut program = transaction.open_table(PROGRAM)?;
        program.insert(HOLDS_KEY, format.holds)?;
        program.insert(WRITTEN_BY_KEY, OWN)?;
    }
    transaction.commit()?;
    Ok(())
}

fn damaged(path: &Path, error: &redb::Error) -> FileError {
    FileError::Damaged { path: path.display().to_string(), what: error.to_string() }
}
