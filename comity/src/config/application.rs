//! `ledger.toml`: the application of one validator, beside its CometBFT node.
//! Refuses to know the node's own files.

use super::{extract, folder_of};
use crate::failure::{Failure, OrFail};
use comity_ledger_abci::{Address, ServerConfig};
use comity_model::ChainId;
use serde::Deserialize;
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
}

/// Reads the file at `path` and checks all of it.
pub(crate) fn read(path: &Path) -> Result<ServerConfig, Failure> {
    let raw = extract::<Raw>(path)?.application;
    let said = |what: &str| format!("{}: application.{what} is malformed", path.display());
    Ok(ServerConfig {
        chain: raw.chain.parse().or_usage(|| said("chain"))?,
        listen: raw.listen.parse().or_usage(|| said("listen"))?,
        state: folder_of(path).join(raw.state),
    })
}

/// The text of a fresh file.
pub(crate) fn text(chain: &ChainId, listen: &Address, state: &str) -> String {
    format!(
        "# The application of one validator of {chain}: `comity ledger abci --config` this file, then its CometBFT node.\n\
         # Paths are relative to this file. COMITY_APPLICATION__<KEY> in the environment overrides a value.\n\
         [application]\n\
         chain = \"{chain}\"\n\
         # Where the node finds it: `proxy_app` in config/config.toml. Loopback or a Unix socket, for nobody is asked who\n\
         # they are.\n\
         listen = \"{listen}\"\n\
         # Whoever loses this file loses nothing: the node's blocks give it back.\n\
         state = \"{state}\"\n"
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
        let text = text(&"court-1".parse().unwrap(), &listen, "ledger/state.redb");
        std::fs::write(&path, &text).unwrap();
        let config = read(&path).unwrap();
        assert_eq!((config.chain.as_str(), config.listen), ("court-1", listen));
        assert_eq!(config.state, folder.path().join("ledger/state.redb"));
        for (from, to, says) in [
            ("127.0.0.1", "0.0.0.0", "application.listen"),
            ("chain = \"court-1\"", "chain = \"a chain\"", "application.chain"),
            ("[application]", "[application]\ntrust = true", "trust"),
        ] {
            std::fs::write(&path, text.replace(from, to)).unwrap();
            assert!(read(&path).unwrap_err().to_string().contains(says), "{to}");
        }
    }
}
