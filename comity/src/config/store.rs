//! `[store]`: where durable state is kept, a file or a database. The password is taken from the environment alone.
//! Refuses to show it, and to open anything.

use crate::failure::{Failure, OrFail};
use crate::files;
use comity_store::PostgresConfig;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Names of secrets in the environment, without the prefix.
pub(super) const SECRETS: [&str; 2] = ["STORE__URL", "STORE__PASSWORD"];

/// Where durable state is kept.
#[derive(Clone, Debug)]
pub(crate) enum StoreConfig {
    /// In a file, for one process.
    File(PathBuf),
    /// In a database, for as many as there are.
    Database(Box<PostgresConfig>),
}

/// What the environment says of the database.
#[derive(Default)]
pub(super) struct Secrets {
    pub(super) url: Option<SecretString>,
    pub(super) password: Option<SecretString>,
}

impl Secrets {
    pub(super) fn of_environment() -> Self {
        let [url, password] = SECRETS.map(|name| {
            let value = std::env::var(format!("{}{name}", super::ENV_PREFIX)).ok()?;
            Some(SecretString::from(value))
        });
        Self { url, password }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawStore {
    file: Option<PathBuf>,
    url: Option<String>,
    ca: Option<PathBuf>,
    schema: Option<String>,
    connections: Option<u32>,
}

impl RawStore {
    pub(super) fn check(self, folder: &Path, secrets: &Secrets) -> Result<StoreConfig, Failure> {
        if self.url.as_deref().is_some_and(holds_password) {
            return Err(Failure::usage("store.url holds a password")
                .help("take it out of the file, change it, and set COMITY_STORE__PASSWORD"));
        }
        let of_environment = secrets.url.as_ref().map(|url| url.expose_secret().to_owned());
        match (self.file, of_environment.or(self.url)) {
            (Some(file), None) => {
                if self.ca.is_some() || self.schema.is_some() || self.connections.is_some() {
                    return Err(Failure::usage("store.ca, store.schema and store.connections belong to store.url"));
                }
                Ok(StoreConfig::File(folder.join(file)))
            }
            (None, Some(url)) => {
                let mut config = PostgresConfig::new(&url).or_usage(|| "store.url cannot be used".into())?;
                if let Some(password) = &secrets.password {
                    config = config.with_password(password.expose_secret());
                }
                if let Some(ca) = self.ca {
                    let ca = files::read_text(&folder.join(ca))?;
                    config = config.with_ca(ca.as_bytes());
                }
                if let Some(schema) = self.schema {
                    config = config.with_schema(&schema).or_usage(|| "store.schema cannot be used".into())?;
                }
                if let Some(connections) = self.connections {
                    config = config.with_connections(connections);
                }
                Ok(StoreConfig::Database(Box::new(config)))
            }
            (None, None) => Err(Failure::usage("[store] names neither a file nor the url of a database")),
            (Some(_), Some(_)) => Err(Failure::usage("[store] names both a file and the url of a database")
                .help("one of them: `file` for a single process, `url` for several over one PostgreSQL")),
        }
    }
}

/// Whether there is something between the user's name and the `@`.
fn holds_password(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.is_some_and(|user| user.contains(':')) || rest.contains("password=")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, secrets: &Secrets) -> Result<StoreConfig, String> {
        let raw: RawStore = toml::from_str(text).map_err(|error| error.to_string())?;
        raw.check(Path::new("/court"), secrets).map_err(|failure| failure.to_string())
    }

    fn secrets(url: Option<&str>, password: Option<&str>) -> Secrets {
        Secrets { url: url.map(SecretString::from), password: password.map(SecretString::from) }
    }

    #[test]
    fn a_store_is_a_file_or_a_database_and_not_both() {
        let none = Secrets::default();
        let file = check("file = \"data/gateway.redb\"", &none);
        assert!(matches!(file, Ok(StoreConfig::File(path)) if path == Path::new("/court/data/gateway.redb")));
        let database = check("url = \"postgres://court@localhost/comity\"\nschema = \"court\"\nconnections = 4", &none);
        assert!(matches!(database, Ok(StoreConfig::Database(_))), "{database:?}");
        assert!(check("", &none).unwrap_err().contains("neither"));
        assert!(
            check("file = \"f\"\nurl = \"postgres://court@localhost/comity\"", &none).unwrap_err().contains("both")
        );
        assert!(check("file = \"f\"\nschema = \"court\"", &none).unwrap_err().contains("belong to store.url"));
        assert!(check("file = \"f\"\npassword = \"x\"", &none).unwrap_err().contains("password"));
    }

    #[test]
    fn the_password_comes_from_the_environment_and_is_shown_nowhere() {
        let told = secrets(None, Some("s3cret"));
        let config = check("url = \"postgres://court@localhost/comity\"", &told).unwrap();
        assert!(!format!("{config:?}").contains("s3cret"));
        let told = secrets(Some("postgres://court:s3cret@localhost/comity"), None);
        let config = check("url = \"postgres://other@localhost/other\"", &told).unwrap();
        let shown = format!("{config:?}");
        assert!(shown.contains("court") && !shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn a_password_in_the_file_is_refused_and_not_repeated() {
        for url in ["postgres://court:s3cret@localhost/comity", "postgres://court@localhost/comity?password=s3cret"] {
            let refused = check(&format!("url = \"{url}\""), &Secrets::default()).unwrap_err();
            assert!(refused.contains("holds a password") && !refused.contains("s3cret"), "{refused}");
        }
        let refused = check("url = \"postgres//court\"", &Secrets::default()).unwrap_err();
        assert!(refused.contains("store.url"), "{refused}");
    }
}
