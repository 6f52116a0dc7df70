//! Opens the store that the configuration names, and says what to do where that fails.
//! Refuses to know what is in it.

pub(crate) mod command;
mod door;

use crate::config::store::StoreConfig;
use crate::failure::{Failure, OrFail};
use crate::files;
use comity_store::backup;
use comity_store::{PostgresConfig, PostgresStore, RedbStore, Store, StoreError};
use std::path::Path;
use std::sync::Arc;

/// Opens the store for work. A file is made, with the folder for it, where there is none; a database's schema is made or
/// migrated.
pub(crate) async fn open(config: &StoreConfig) -> Result<Arc<dyn Store>, Failure> {
    let store = open_unchecked(config).await?;
    if backup::is_half_restored(&*store).await.or_fault(|| "the store could not be read".into())? {
        return Err(half_restored());
    }
    Ok(store)
}

fn half_restored() -> Failure {
    Failure::usage("a restore into this store was broken off, and it is not used")
        .help("empty it, restore again, and run `comity store check`")
}

async fn open_unchecked(config: &StoreConfig) -> Result<Arc<dyn Store>, Failure> {
    Ok(match config {
        StoreConfig::File(path) => {
            let store = Arc::new(open_file(path)?);
            door::open(path, &store);
            store
        }
        StoreConfig::Database(config) => Arc::new(open_database(config).await?),
    })
}

fn open_file(path: &Path) -> Result<RedbStore, Failure> {
    if let Some(folder) = path.parent() {
        files::make_folder(folder)?;
    }
    RedbStore::open(path).or_fault(|| format!("the store {} could not be opened", path.display()))
}

async fn open_database(config: &PostgresConfig) -> Result<PostgresStore, Failure> {
    PostgresStore::open(config).await.map_err(|error| match error {
        StoreError::Unavailable(_) => Failure::unavailable(format!("the database {config} does not answer"))
            .help("start it, or correct store.url; nothing was changed")
            .because(error),
        StoreError::Unreadable(_) => Failure::usage(format!("the store {config} cannot be opened"))
            .help("see [store] in the configuration, and COMITY_STORE__PASSWORD in the environment")
            .because(error),
        error => Failure::fault(format!("the store {config} could not be opened")).because(error),
    })
}
