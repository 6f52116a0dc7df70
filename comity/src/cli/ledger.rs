//! `comity ledger …` and what `comity init` is told of the engine: parsing only.
//! Refuses to know how anything is done.

use super::ConfigArgs;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// `comity ledger …`
#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Run the application of one validator; its CometBFT node connects to it.
    #[command(after_help = "\
Example, in two terminals (`comity init --engine cometbft` has written both files):
  comity ledger abci --config court/nodes/1/ledger.toml
  cometbft start --home court/nodes/1

Ends with an error when its state fails; the node then stops too. Start both again: they find together where they were.")]
    Abci(ConfigArgs),
    /// Write the anchor file of an institution whose chain has begun under CometBFT.
    #[command(after_help = "\
Example:
  comity ledger anchor --config court/comity.toml

Reads the chain's first block and believes it only if it follows from court/genesis.bin: its validators, its time, its
state, and the signatures of more than two thirds of those validators.")]
    Anchor(AnchorArgs),
}

/// `comity ledger anchor`
#[derive(Debug, Args)]
pub(crate) struct AnchorArgs {
    /// The institution's configuration.
    #[arg(long, value_name = "FILE", env = "COMITY_CONFIG")]
    pub(crate) config: PathBuf,
    /// How many independent operators run the validators. One, if one of them made all the keys.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(crate) operators: u32,
}

/// What makes a chain's blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineKind {
    /// This program, in one process of one operator.
    Embedded,
    /// CometBFT v0.38 nodes, each with the application beside it.
    Cometbft,
}

/// The engine of a new chain.
#[derive(Debug, Args)]
pub(crate) struct EngineArgs {
    /// What makes its chain's blocks.
    #[arg(long, value_enum, default_value = "embedded")]
    pub(crate) engine: EngineKind,
    /// Validators of a chain under CometBFT. Below four the loss of one stops the chain.
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) validators: u16,
    /// First of three ports on loopback for each CometBFT node: its RPC, its peers, its application.
    #[arg(long, value_name = "PORT", default_value_t = 7110)]
    pub(crate) node_port: u16,
}

/// What makes the blocks of a sandbox's chains.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct WorldEngineArgs {
    /// What makes the blocks of the court's and the bank's chain: this program, or CometBFT nodes, for which the program
    /// `cometbft` is needed (COMITY_COMETBFT, or the PATH). The other chains are embedded.
    #[arg(long, value_enum, default_value = "embedded")]
    pub(crate) engine: EngineKind,
    /// Validators of each of these two chains under CometBFT; four go on when one fails.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub(crate) validators: u16,
}
