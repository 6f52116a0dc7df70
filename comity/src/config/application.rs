//! `ledger.toml`: the application of one validator, beside its CometBFT node.
//! Refuses to know the node's own files.

use super::{extract, folder_of};
use crate::failure::{Failure, OrFail};
use comity_ledger_abci::{Address, ServerConfig, SnapshotConfig};
use comity_model::ChainId;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    application: RawApplication,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawApplication {
    chain: String,
    listen: String,
    state: PathBuf,
    snapshots: PathBuf,
    snapshot_every: u64,
    snapshots_kept: usize,
    metrics: Option<SocketAddr>,
}

/// What the file says.
#[derive(Debug)]
pub(crate) struct Application {
    /// The server.
    pub(crate) server: ServerConfig,
    /// Where metrics are served, if they are.
    pub(crate) metrics: Option<SocketAddr>,
}

/// Below this, machines would do little but make snapshots.
const SNAPSHOT_EVERY_MIN: u64 = 10;
/// Most snapshots that CometBFT asks a peer about.
const SNAPSHOTS_KEPT_MAX: usize = 10;

/// Reads the file at `path` and checks all of it.
pub(crate) fn read(path: &Path) -> Result<Application, Failure> {
    let raw = extract::<Raw>(path)?.application;
    let said = |what: &str| format!("{}: application.{what} is malformed", path.display());
    if (1..SNAPSHOT_EVERY_MIN).contains(&raw.snapshot_every) {
        return Err(Failure::usage(said("snapshot_every")).help("0 makes no snapshots; otherwise at least 10 blocks"));
    }
    if !(1..=SNAPSHOTS_KEPT_MAX).contains(&raw.snapshots_kept) {
        return Err(Failure::usage(said("snapshots_kept")).help("keep 1 to 10"));
    }
    let server = ServerConfig {
        chain: raw.chain.parse().or_usage(|| said("chain"))?,
        listen: raw.listen.parse().or_usage(|| said("listen"))?,
        state: folder_of(path).join(raw.state),
        snapshots: SnapshotConfig {
            folder: folder_of(path).join(raw.snapshots),
            every: raw.snapshot_every,
            keep: raw.snapshots_kept,
        },
    };
    Ok(Application { server, metrics: raw.metrics })
}

/// The text of a fresh file.
pub(crate) fn text(chain: &ChainId, listen: &Address, state: &str, snapshots: &str) -> String {
    format!(
        "# The application of one validator of {chain}: `comity ledger abci --config` this file, then its CometBFT node.\n\
         # Paths are relative to this file. COMITY_APPLICATION__<KEY> in the environment overrides a value.\n\
         [application]\n\
         chain = \"{chain}\"\n\
         # Where the node finds it: `proxy_app` in config/config.toml. Loopback or a Unix socket, for nobody is asked who\n\
         # they are.\n\
         listen = \"{listen}\"\n\
         # Whoever loses this file loses nothing: the node's blocks give it back.\n\
         state = \"{state}\"\n\
         # What new machines begin with: about every so many blocks (0: never), so many kept. The same on all validators, so\n\
         # that one snapshot comes from many.\n\
         snapshots = \"{snapshots}\"\n\
         snapshot_every = 1000\n\
         snapshots_kept = 3\n\
         # Where metrics are served: `comity_chain_misbehavior_total` counts evidence against validators.\n\
         # metrics = \"127.0.0.1:9464\"\n"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_open_addresses_and_unknown_keys_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.toml");
        let listen = "tcp://127.0.0.1:7112".parse().unwrap();
        let text = text(&"court-1".parse().unwrap(), &listen, "ledger/state.redb", "ledger/snapshots");
        std::fs::write(&path, &text).unwrap();
        let Application { server: config, metrics } = read(&path).unwrap();
        assert_eq!((config.snapshots.every, config.snapshots.keep, metrics), (1_000, 3, None));
        assert_eq!(config.snapshots.folder, folder.path().join("ledger/snapshots"));
        assert_eq!((config.chain.as_str(), config.listen), ("court-1", listen));
        assert_eq!(config.state, folder.path().join("ledger/state.redb"));
        for (from, to, says) in [
            ("127.0.0.1", "0.0.0.0", "application.listen"),
            ("chain = \"court-1\"", "chain = \"a chain\"", "application.chain"),
            ("[application]", "[application]\ntrust = true", "trust"),
            ("snapshot_every = 1000", "snapshot_every = 9", "application.snapshot_every"),
            ("snapshots_kept = 3", "snapshots_kept = 11", "application.snapshots_kept"),
        ] {
            std::fs::write(&path, text.replace(from, to)).unwrap();
            assert!(read(&path).unwrap_err().to_string().contains(says), "{to}");
        }
    }
}
