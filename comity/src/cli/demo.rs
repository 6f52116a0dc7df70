//! `comity demo`: its arguments.
//! Refuses to know the stories.

use super::ledger::WorldEngineArgs;
use clap::{Args, ValueEnum};

/// `comity demo`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  comity demo
  comity demo --json > demo.json
  comity demo --tamper header
  comity demo --engine cometbft

Ends with 0 only if every step was verified; with --tamper, only if the attack was refused.")]
pub(crate) struct DemoArgs {
    /// Show one attack, and the rule that refuses it.
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) tamper: Option<Tamper>,
    /// Print for machines: one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    /// Seed of the invented people, accounts and judgments.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// What makes blocks.
    #[command(flatten)]
    pub(crate) engine: WorldEngineArgs,
}

/// What an attacker changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tamper {
    /// A header that validators did not sign.
    Header,
    /// Signatures of a commit.
    Commit,
    /// A state proof.
    Proof,
    /// A field of a record.
    Record,
    /// An order's packet.
    Packet,
    /// A result on its way back.
    Ack,
}
