//! `comity witness …`. Parsing only.
//! Refuses to know how anything is done.

use super::ConfigArgs;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `comity witness …`
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Example:
  comity witness key --name witness.example/w1 --out witness.key
  comity witness serve --config witness.toml

witness.toml:
  name   = \"witness.example/w1\"
  key    = \"witness.key\"
  state  = \"witness.redb\"            # what it has seen; never copied to a second witness
  listen = \"127.0.0.1:7120\"          # loopback unless said otherwise
  logs   = [\"court-1/court+…+…\"]     # `comity deposit log` shows a log's key
  # metrics = \"127.0.0.1:7121\"

`witness key` prints the line by which a policy names the witness.")]
pub(crate) enum WitnessCommand {
    /// Serve: cosign checkpoints that have only grown, and refuse others.
    Serve(ConfigArgs),
    /// Make a witness's key.
    Key(WitnessKeyArgs),
}

/// `comity witness key`
#[derive(Debug, Args)]
pub(crate) struct WitnessKeyArgs {
    /// The witness's name: a URL without its scheme, as C2SP's tlog-cosignature recommends.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// Where the key goes. Readable by its owner only; never overwritten.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}
