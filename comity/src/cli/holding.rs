//! `comity holding …` and `comity delivery …`. Parsing only.
//! Refuses to know how anything is done.

use super::{ClientArgs, PurposeArgs};
use clap::{Args, Subcommand};

/// `comity holding …`
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Example:
  comity holding list  --as bank/clients/clerk.toml
  comity holding get   --as bank/clients/clerk.toml holdings/<id>
  comity holding watch --as bank/clients/clerk.toml

Whoever read a record of a followed sector holds it from then on, and gets each later version
with proof.")]
pub(crate) enum HoldingCommand {
    /// What is held, in which version, and whether that is the latest.
    List(HoldingListArgs),
    /// One of them, with the fields that the caller's role may see.
    Get(HoldingGetArgs),
    /// Print each change as it becomes known.
    Watch(HoldingWatchArgs),
    /// Check now, by proof on the keeper's chain, whether what is held is the latest.
    Check(HoldingNameArgs),
    /// Hold it no longer.
    End(HoldingNameArgs),
}

/// `comity delivery …`
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Example:
  comity delivery list    --as credit/clients/registrar.toml \\
                          members/credit/sectors/credit/records/SX-2026-0001
  comity delivery overdue --as credit/clients/operator.toml")]
pub(crate) enum DeliveryCommand {
    /// Who holds a record, or any, and what was delivered.
    List(DeliveryListArgs),
    /// One of them.
    Get(DeliveryGetArgs),
    /// Every deadline that passed without a receipt.
    Overdue(DeliveryOverdueArgs),
}

/// `comity holding list`
#[derive(Debug, Args)]
pub(crate) struct HoldingListArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Only those of which a later version is proven that was not handed over.
    #[arg(long)]
    pub(crate) outdated: bool,
}

/// `comity holding get`
#[derive(Debug, Args)]
pub(crate) struct HoldingGetArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// `holdings/<holding>`
    #[arg(value_name = "HOLDING")]
    pub(crate) name: String,
    /// The purpose, which personal data needs.
    #[command(flatten)]
    pub(crate) purpose: PurposeArgs,
}

/// `comity holding watch`
#[derive(Debug, Args)]
pub(crate) struct HoldingWatchArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Go on after the change that carried this token.
    #[arg(long, value_name = "TOKEN")]
    pub(crate) after: Option<String>,
}

/// `comity holding check`, `comity holding end`
#[derive(Debug, Args)]
pub(crate) struct HoldingNameArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// `holdings/<holding>`
    #[arg(value_name = "HOLDING")]
    pub(crate) name: String,
}

/// `comity delivery list`
#[derive(Debug, Args)]
pub(crate) struct DeliveryListArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// `members/<member>/sectors/<sector>/records/<record>`; of every record when left out.
    #[arg(value_name = "RECORD")]
    pub(crate) record: Option<String>,
}

/// `comity delivery get`
#[derive(Debug, Args)]
pub(crate) struct DeliveryGetArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// `deliveries/<delivery>`
    #[arg(value_name = "DELIVERY")]
    pub(crate) name: String,
}

/// `comity delivery overdue`
#[derive(Debug, Args)]
pub(crate) struct DeliveryOverdueArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}
