//! `comity store …` on the command line. Parsing only.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `comity store …`
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Copy the store into one file, as of one moment, while it is in use.
    #[command(after_help = "\
Example:
  comity store backup --config court/comity.toml --to /backup/court-2026-11-24.comity-store

A PostgreSQL database is read directly; a file through the process that has it open, or directly where none has. The
copy holds private parts of orders.")]
    Backup {
        /// Whose store.
        #[command(flatten)]
        store: StoreArgs,
        /// The file to write. It must not exist.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Put a copy into an empty store: of either kind, whichever kind it was taken from.
    Restore {
        /// Whose store.
        #[command(flatten)]
        store: StoreArgs,
        /// The copy.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
    },
    /// Compare a gateway's store with its chain, by proof: orders, records, assets, private parts.
    #[command(after_help = "\
Run it after a restore and before `comity serve`; the chain must be reachable, the gateway need not run. What the chain
has and the store has not is named, with who has it. Exit code 1: they do not agree.")]
    Check {
        /// Whose store.
        #[command(flatten)]
        store: StoreArgs,
    },
}

/// Whose store.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    /// The configuration of the institution, or of a relayer.
    #[arg(long, value_name = "FILE", env = "COMITY_CONFIG")]
    pub(crate) config: PathBuf,
}
