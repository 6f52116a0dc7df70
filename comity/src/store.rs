//! Opens the store that the configuration names, and says what to do where that fails.
//! Refuses to know what is in it.

pub(crate) mod command;
mod door;

use crate::config::store::StoreConfig;
use crate::failure::{Failure, OrFail};
use crate::files;
use comity_store::backup;
use comity_store::{PostgresConfig, PostgresStore, RedbStore, Store, StoreError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A store that is open for work.
pub(crate) struct Opened {
    /// The store.
    pub(crate) store: Arc<dyn Store>,
    /// The same, where it is a file: its disk can fail.
    file: Option<(PathBuf, Arc<RedbStore>)>,
}

impl Opened {
    /// Waits until the disk under the store fails, for ever if it does not. A database that does not answer is waited for
    /// elsewhere; a file whose write failed takes nothing more until it is opened anew.
    pub(crate) fn failed(&self) -> impl Future<Output = Failure> + 'static {
        let file = self.file.clone();
        async move {
            let Some((path, store)) = file else { return std::future::pending().await };
            let why = store.failed().await;
            Failure::fault(format!("the store {} failed: {why}", path.display())).code_of("STORE_FAILED").help(
                "see that its disk has room and is whole, then start this again: what was acknowledged is there, what was \
                 not is asked for again",
            )
        }
    }
}

/// Opens the store for work. A file is made, with the folder for it, where there is none; a database's schema is made or
/// migrated.
pub(crate) async fn open(config: &StoreConfig) -> Result<Opened, Failure> {
    let opened = open_unchecked(config).await?;
    if backup::is_half_restored(&*opened.store).await.or_fault(|| "the store could not be read".into())? {
        return Err(half_restored());
    }
    Ok(opened)
}

fn half_restored() -> Failure {
    Failure::usage("a restore into this store was broken off, and it is not used")
        .help("empty it, restore again, and run `comity store check`")
}

async fn open_unchecked(config: &StoreConfig) -> Result<Opened, Failure> {
    Ok(match config {
        StoreConfig::File(path) => {
            let store = Arc::new(open_file(path)?);
            door::open(path, &store);
            Opened { store: store.clone(), file: Some((path.clone(), store)) }
        }
        StoreConfig::Database(config) => Opened { store: Arc::new(open_database(config).await?), file: None },
    })
}

fn open_file(path: &Path) -> Result<RedbStore, Failure> {
    if let Some(folder) = path.parent() {
        files::make_folder(folder)?;
    }
    RedbStore::open(path).map_err(|error| {
        let what = format!("the store {} could not be opened", path.display());
        match error {
            StoreError::Damaged(_) => Failure::fault(what)
                .code_of("STORE_DAMAGED")
                .help("move it aside, restore a backup in its place (`comity store restore`), and run `comity store check`")
                .because(error),
            StoreError::Unreadable(_) => Failure::fault(what)
                .code_of("STORE_UNREADABLE")
                .help("nothing was changed; start the program that wrote it, or end the one that has it open")
                .because(error),
            error => Failure::fault(what).because(error),
        }
    })
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
