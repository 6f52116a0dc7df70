//! `comity relay`: its arguments.
//! Refuses to know how packets travel.

use clap::{Args, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// `comity relay`
#[derive(Debug, Args)]
#[command(after_help = "\
A relayer can delay, never forge: it needs an operator key for entry to each chain, and no authority.
  comity relay init --config relayer/relay.toml …     makes its configuration: see `comity relay init --help`
  comity relay --config relayer/relay.toml            runs it")]
pub(crate) struct RelayArgs {
    /// What else to do than run.
    #[command(subcommand)]
    pub(crate) command: Option<RelayCommand>,
    /// The configuration file, to run a relayer.
    #[arg(long, value_name = "FILE", env = "COMITY_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

/// `comity relay …`
#[derive(Debug, Subcommand)]
pub(crate) enum RelayCommand {
    /// Make a relayer's configuration, or enter more pairs of chains into it.
    Init(RelayInitArgs),
}

/// `comity relay init`
#[derive(Debug, Args)]
#[command(after_help = "\
Example: between a court and a bank, each chain by its anchor, RPC and operator key, in that order:
  comity relay init --config relayer/relay.toml \\
    --anchor court/court.anchor     --rpc http://127.0.0.1:7102 --operator court/keys/relayer.key \\
    --anchor finance/finance.anchor --rpc http://127.0.0.1:7202 --operator finance/keys/relayer.key

The first chain is paired with each of the others, over the clients that `comity link` makes. Given again, it changes
nothing; given with other chains, it enters them as well.")]
pub(crate) struct RelayInitArgs {
    /// The relayer's configuration file; made if missing.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// The anchor file of a chain; once for each chain, two at least.
    #[arg(long = "anchor", value_name = "FILE", required = true)]
    pub(crate) anchors: Vec<PathBuf>,
    /// Its RPC.
    #[arg(long = "rpc", value_name = "URL", required = true)]
    pub(crate) rpcs: Vec<String>,
    /// The key with which to submit there: `keys/relayer.key` of an institution of that chain.
    #[arg(long = "operator", value_name = "FILE", required = true)]
    pub(crate) operators: Vec<PathBuf>,
    /// Where a new configuration serves metrics.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7904")]
    pub(crate) metrics: SocketAddr,
}
