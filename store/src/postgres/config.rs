//! Where the database is and how to speak to it: checked before anything is opened. A database on another machine is
//! spoken to over TLS alone, and its certificate is checked against a named authority.
//! Refuses to show the password.

use crate::StoreError;
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// Schema unless one is named.
const SCHEMA: &str = "comity";
/// Connections unless a number is named.
const CONNECTIONS: u32 = 16;
/// How long one statement may take unless told otherwise.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the database is and how to speak to it.
#[derive(Clone)]
pub struct PostgresConfig {
    pub(super) options: PgConnectOptions,
    pub(super) schema: String,
    pub(super) connections: u32,
    pub(super) statement_timeout: Duration,
}

impl PostgresConfig {
    /// The database at `url`: `postgres://user@host:port/database`. A password in it is used and never shown.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] for a malformed URL; its text is not repeated.
    pub fn new(url: &str) -> Result<Self, StoreError> {
        let malformed =
            || StoreError::Unreadable("the URL is not of the form postgres://user@host:port/database".into());
        let known = ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
        let options: PgConnectOptions = url.parse().map_err(|_| malformed())?;
        if !known || options.get_database().is_none() {
            return Err(malformed());
        }
        Ok(Self {
            options: named(options).disable_statement_logging(),
            schema: SCHEMA.into(),
            connections: CONNECTIONS,
            statement_timeout: STATEMENT_TIMEOUT,
        })
    }

    /// Takes the password from elsewhere than the URL.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Self {
        self.options = self.options.password(password);
        self
    }

    /// Speaks over TLS alone, to a server whose certificate `ca_pem` vouches for and that names the URL's host.
    #[must_use]
    pub fn with_ca(mut self, ca_pem: &[u8]) -> Self {
        self.options = self.options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert_from_pem(ca_pem.to_vec());
        self
    }

    /// Keeps the store in another schema than `comity`: stores of several institutions can share one database.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] for a name that is not 1 to 63 of `a-z`, `0-9` and `_`, starting with a letter.
    pub fn with_schema(mut self, schema: &str) -> Result<Self, StoreError> {
        let plain = schema.starts_with(|first: char| first.is_ascii_lowercase())
            && schema.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            && schema.len() <= 63
            && !schema.starts_with("pg_");
        if !plain {
            return Err(StoreError::Unreadable(
                "a schema's name is 1 to 63 of a-z, 0-9 and _, starts with a letter, and not with pg_".into(),
            ));
        }
        self.schema = schema.into();
        Ok(self)
    }

    /// Opens at most this many connections, at least one.
    #[must_use]
    pub fn with_connections(mut self, connections: u32) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// Bounds each statement.
    #[must_use]
    pub const fn with_statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = timeout;
        self
    }

    /// A password that crosses a network in the clear, or to whoever answers, is none.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.is_local() || matches!(self.options.get_ssl_mode(), PgSslMode::VerifyFull) {
            return Ok(());
        }
        Err(StoreError::Unreadable(format!(
            "the database is on another machine, {}: its certificate must be checked; name its authority in store.ca",
            self.options.get_host()
        )))
    }

    fn is_local(&self) -> bool {
        let host = self.options.get_host().trim_matches(['[', ']']);
        self.options.get_socket().is_some()
            || host.starts_with('/')
            || host == "localhost"
            || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// As an administrator sees its connections, unless the URL says otherwise.
fn named(options: PgConnectOptions) -> PgConnectOptions {
    if options.get_application_name().is_none() { options.application_name("comity") } else { options }
}

impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConfig")
            .field("host", &self.options.get_host())
            .field("port", &self.options.get_port())
            .field("database", &self.options.get_database())
            .field("user", &self.options.get_username())
            .field("schema", &self.schema)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

/// Host, port, database and schema: what a message may say.
impl fmt::Display for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let database = self.options.get_database().unwrap_or_default();
        let (host, port, schema) = (self.options.get_host(), self.options.get_port(), &self.schema);
        write!(f, "postgres://{host}:{port}/{database} (schema {schema})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let config = PostgresConfig::new("postgres://court:s3cret@127.0.0.1/comity").expect("a URL");
        let other = config.clone().with_password("an0ther");
        for shown in [format!("{config:?} {config}"), format!("{other:?} {other}")] {
            assert!(!shown.contains("s3cret") && !shown.contains("an0ther"), "{shown}");
        }
        let malformed = PostgresConfig::new("postgres//court:s3cret@127.0.0.1/comity").expect_err("malformed");
        assert!(!malformed.to_string().contains("s3cret"), "{malformed}");
    }

    #[test]
    fn a_database_on_another_machine_needs_an_authority() {
        let check = |url: &str| PostgresConfig::new(url).expect("a URL").check();
        for local in ["localhost", "127.0.0.1", "[::1]", "%2Fvar%2Frun%2Fpostgresql"] {
            check(&format!("postgres://u@{local}/comity")).expect("a local database");
        }
        for mode in ["", "?sslmode=disable", "?sslmode=require", "?sslmode=verify-ca"] {
            let refused = check(&format!("postgres://u@db.court.example/comity{mode}")).expect_err("refused");
            assert!(refused.to_string().contains("store.ca"), "{refused}");
        }
        let named = PostgresConfig::new("postgres://u@db.court.example/comity").expect("a URL");
        named.with_ca(b"-----BEGIN CERTIFICATE-----").check().expect("an authority");
    }

    #[test]
    fn what_is_no_url_of_a_database_is_refused() {
        for url in ["", "mysql://u@h/d", "postgres://u@h", "host=h dbname=d"] {
            assert!(PostgresConfig::new(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_schema_is_a_plain_name() {
        let config = PostgresConfig::new("postgres://u@localhost/d").expect("a URL");
        for name in ["", "1st", "pg_catalog", "a b", "a\"; DROP SCHEMA x; --", "Court", &"x".repeat(64)] {
            assert!(config.clone().with_schema(name).is_err(), "{name}");
        }
        assert!(config.with_schema("court_2").is_ok());
    }
}
