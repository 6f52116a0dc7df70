//! `comity store backup|restore|check`: copies of a store, and whether what stands in one agrees with the chain.
//! Refuses to know how a backup is laid out, and what a gateway keeps.

use super::{door, open_database, open_file, open_unchecked};
use crate::cli::store::{StoreArgs, StoreCommand};
use crate::config::store::StoreConfig;
use crate::config::{self, Config};
use crate::failure::{Failure, OrFail};
use crate::institution;
use crate::keys::Seed;
use crate::sectors;
use comity_gateway::check::{self, Finding};
use comity_store::backup::{self, BackupError, Contents};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufReader, BufWriter};

/// Runs the command.
pub(crate) async fn run(command: StoreCommand) -> Result<(), Failure> {
    match command {
        StoreCommand::Backup { store, to } => back_up(&store, &to).await,
        StoreCommand::Restore { store, from } => restore(&store, &from).await,
        StoreCommand::Check { store } => compare(&store.config).await,
    }
}

async fn back_up(store: &StoreArgs, to: &Path) -> Result<(), Failure> {
    let config = config::store_of(&store.config)?;
    // The copy bears its name only once it is whole.
    let mut unfinished = to.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = Path::new(&unfinished);
    if to.exists() {
        return Err(Failure::usage(format!("{} exists already and is not overwritten", to.display())));
    }
    let written = write(&config, unfinished).await;
    if written.is_err() {
        let _ = std::fs::remove_file(unfinished);
    }
    let contents = written?;
    std::fs::rename(unfinished, to).or_fault(|| format!("{} could not be named", to.display()))?;
    println!("{}: {} rows.", to.display(), contents.rows());
    show(&contents);
    println!("It holds private parts of orders: keep it as you keep the store itself.");
    Ok(())
}

async fn write(config: &StoreConfig, to: &Path) -> Result<Contents, Failure> {
    let failed = || format!("{} could not be written", to.display());
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(to);
    let mut file = BufWriter::new(File::from_std(file.or_fault(failed)?));
    match config {
        StoreConfig::Database(config) => {
            let store = open_database(config).await?;
            backup::write(&store, &mut file).await.map_err(taken)?;
        }
        StoreConfig::File(path) => match door::ask(path).await? {
            Some(mut running) => {
                tokio::io::copy(&mut running, &mut file).await.or_unavailable(|| "the running process ended".into())?;
            }
            None if !path.is_file() => {
                return Err(Failure::usage(format!("there is no store at {}", path.display())));
            }
            None => drop(backup::write(&open_file(path)?, &mut file).await.map_err(taken)?),
        },
    }
    file.flush().await.or_fault(failed)?;
    let file = file.into_inner();
    file.sync_all().await.or_fault(failed)?;
    drop(file);
    // What stands on the disk, read again: a copy through a running process may have been cut off.
    inspect(to).await
}

async fn inspect(from: &Path) -> Result<Contents, Failure> {
    let file = File::open(from).await.or_usage(|| format!("{} could not be opened", from.display()))?;
    backup::inspect(BufReader::new(file)).await.map_err(|error| unusable(from, error))
}

async fn restore(store: &StoreArgs, from: &Path) -> Result<(), Failure> {
    let config = config::store_of(&store.config)?;
    // Whole and sound before the first row is written.
    inspect(from).await?;
    let file = File::open(from).await.or_usage(|| format!("{} could not be opened", from.display()))?;
    let input = BufReader::new(file);
    let restored = match &config {
        StoreConfig::File(path) => backup::restore(&open_file(path)?, input).await,
        StoreConfig::Database(config) => backup::restore(&open_database(config).await?, input).await,
    };
    let contents = restored.map_err(|error| unusable(from, error))?;
    println!("Restored {} rows.", contents.rows());
    show(&contents);
    println!("Before it serves: comity store check --config {}", store.config.display());
    Ok(())
}

fn show(contents: &Contents) {
    for (table, rows) in &contents.tables {
        println!("  {table:<20} {rows:>10}");
    }
}

fn taken(error: BackupError) -> Failure {
    Failure::fault("the backup was not taken").because(error)
}

fn unusable(from: &Path, error: BackupError) -> Failure {
    let failure = match &error {
        BackupError::NotEmpty => Failure::usage("the store is not empty; nothing was written")
            .help("restore into a new file, or name a new schema in store.schema"),
        BackupError::Newer(_) | BackupError::NotABackup => Failure::usage(format!("{} is not used", from.display())),
        BackupError::Damaged(_) => Failure::refused("BACKUP_DAMAGED", format!("{} is not used", from.display())),
        BackupError::Io(_) | BackupError::Store(_) => {
            Failure::fault("the restore was broken off").help("empty the store before it is tried again")
        }
    };
    failure.because(error)
}

async fn compare(path: &Path) -> Result<(), Failure> {
    let config = Config::read(path)?;
    let store = open_unchecked(&config.store).await?.store;
    if backup::is_half_restored(&*store).await.or_fault(|| "the store could not be read".into())? {
        return Err(super::half_restored());
    }
    let chain = institution::chain(&config, &config.rpc_url())?;
    let subject = check::Subject {
        institution: config.institution.clone(),
        anchor: config.chain.anchor.anchor.clone(),
        clients: config.peers.iter().filter_map(|peer| peer.clients.clone()).map(|(here, _)| here).collect(),
        sectors: sectors::embedded()?,
        lookup_key: config.keys.lookup.as_deref().map(Seed::read).transpose()?.map(Seed::into_secret),
    };
    let report = check::compare(&subject, &chain, store)
        .await
        .map_err(|error| Failure::unavailable(format!("the store was not compared: {error}")).because(error))?;
    println!("Compared with {} at height {}, by proof:", config.chain.id, report.height);
    for (what, number) in &report.compared {
        println!("  {number:>10} {what}");
    }
    if report.behind > 0 {
        println!("  {:>10} of them have gone further on the chain; the gateway takes that up by itself", report.behind);
    }
    if report.findings.is_empty() {
        println!("The store agrees with the chain.");
        return Ok(());
    }
    for Finding { code, what } in &report.findings {
        println!("{code}: {what}");
    }
    Err(Failure::refused("STORE_DISAGREES", "the store does not agree with the chain")
        .help("each line above says what is missing and who has it"))
}
