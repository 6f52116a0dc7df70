//! What a database's error means for a caller: try at once, try later, look, or call the operator.
//! Refuses to know statements.

use crate::StoreError;
use std::borrow::Cow;

/// Why a statement did not succeed; nothing of it stands.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The answer to the caller, whatever is tried.
    Answer(StoreError),
    /// Another transaction was in the way: the same again may do.
    InTheWay(String),
    /// The connection broke before anything could be written: another one may do.
    Broken(String),
    /// The database does not answer, or not in time.
    Unavailable(String),
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        let words = words(&error);
        match code(&error).as_deref() {
            // Serialization failure, deadlock.
            Some("40001" | "40P01") => Self::InTheWay(words),
            // The server ends the connection, or is read-only now: a standby that the address led to before or after
            // a change of roles.
            Some("57P01" | "57P02" | "57P04" | "57P05" | "25P03" | "25006") => Self::Broken(words),
            Some(code) if code.starts_with("08") => Self::Broken(words),
            // Out of time, out of locks, starting up, out of connections or memory.
            Some("57014" | "55P03" | "57P03") => Self::Unavailable(words),
            Some(code) if code.starts_with("53") => Self::Unavailable(words),
            Some(_) => Self::Answer(StoreError::Failed(words)),
            None => match error {
                sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => Self::Broken(words),
                sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                    Self::Unavailable(words)
                }
                _ => Self::Answer(StoreError::Failed(words)),
            },
        }
    }
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Answer(error) => error,
            Trouble::InTheWay(words) | Trouble::Broken(words) | Trouble::Unavailable(words) => Self::Unavailable(words),
        }
    }
}

impl Trouble {
    /// What an error of the commit itself means: nothing stands only where the server, still in its senses, says so.
    pub(super) fn of_commit(error: sqlx::Error) -> Self {
        match Self::from(error) {
            Self::Broken(words) | Self::Unavailable(words) => Self::Answer(StoreError::Unknown(words)),
            trouble => trouble,
        }
    }

    /// Whether the connection is of no more use.
    pub(super) const fn spoils_connection(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::Unavailable(_) | Self::Answer(StoreError::Unknown(_)))
    }
}

const CERTIFICATE: &str = "the database's certificate is not of the authority in store.ca, or not of its name";

/// What an operator has to change before this database can be opened at all; `None` for what may pass by itself.
pub(super) fn refusal(error: &sqlx::Error) -> Option<String> {
    let advice = match code(error).as_deref() {
        Some("28000" | "28P01") => "the database refuses the user or password; see store.url and store.password",
        Some("3D000") => "there is no such database; create it, or correct store.url",
        Some("42501") => "the user may not create or use the schema; grant it, or create the schema for it",
        Some("25006") => "the database is read-only, such as a standby; name the primary in store.url",
        Some(_) => return None,
        None => match error {
            sqlx::Error::Tls(_) => CERTIFICATE,
            sqlx::Error::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => CERTIFICATE,
            sqlx::Error::Configuration(_) => "the address or certificates cannot be used",
            _ => return None,
        },
    };
    Some(format!("{advice} ({})", words(error)))
}

fn code(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code)
}

/// The error in words, without details: the server quotes keys there.
fn words(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(database) => match database.code() {
            Some(code) => format!("{} ({code})", database.message()),
            None => database.message().to_owned(),
        },
        None => error.to_string(),
    }
}
