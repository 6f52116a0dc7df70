//! `comity agreement …`: its arguments.
//! Refuses to know how an agreement comes onto a chain and is followed.

use super::{ClientArgs, PurposeArgs};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `comity agreement …`
#[derive(Debug, Subcommand)]
#[command(after_help = "\
An agreement's way:
  comity agreement create  --as court/clients/clerk.toml agreement.toml
  comity agreement approve --as court/clients/officer.toml agreements/<id> \\
                           --officer J-1001 --key court/keys/officer-J-1001.key
  comity agreement confirm --as court/clients/officer.toml agreements/<id> \\
                           --ruling <sha-256> --officer J-1001 --key <key file>
  comity agreement get     --as court/clients/clerk.toml agreements/<id>
  comity agreement stop    --as court/clients/officer.toml agreements/<id> \\
                           --reason PARTIES_SETTLED --ruling <sha-256> \\
                           --officer J-1001 --key <key file>
The file:
  rule = \"mediation-agreement\"
  payments_at = \"finance\"
  account = \"<handle of the designated account>\"
  text_digest = \"<sha-256 of the agreement's text>\"
  [[party]]
  role = \"debtor\"
  name = \"…\"
  id_type = \"RESIDENT_ID\"
  id_number = \"…\"
  [[instalment]]
  amount = \"5000.00\"
  due = \"2026-03-01T00:00:00Z\"
  [case]
  case_number = \"…\"
  ruling_digest = { digest = \"<sha-256>\" }")]
pub(crate) enum AgreementCommand {
    /// Draw up an agreement. Nothing is on the chain before an officer approves it.
    Create(CreateArgs),
    /// Approve it with an officer's key: it is sealed and put on the court's chain.
    Approve(ApproveArgs),
    /// Confirm it judicially: from then on its default opens enforcement, if its rule says so.
    Confirm(ConfirmArgs),
    /// Stop what a default would open, within the hold period.
    Stop(StopArgs),
    /// The agreement as it stands, and where that was proven.
    #[command(visible_alias = "show")]
    Get(GetArgs),
    /// All agreements, the newest first.
    List(ListArgs),
}

/// `comity agreement create`
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The agreement as a TOML file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// A UUID of your choice: the same request is the same agreement. A new one when left out.
    #[arg(long, value_name = "UUID")]
    pub(crate) request_id: Option<uuid::Uuid>,
    /// Check everything and store nothing.
    #[arg(long)]
    pub(crate) validate_only: bool,
    /// Print the agreement's name alone, for scripts.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// Who approves.
#[derive(Debug, Args)]
pub(crate) struct OfficerArgs {
    /// The officer's work number.
    #[arg(long, value_name = "ID")]
    pub(crate) officer: comity_model::OfficerId,
    /// The officer's key file. It stays here: only the signature is sent.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
}

/// `comity agreement approve`
#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// `agreements/<agreement>`
    #[arg(value_name = "AGREEMENT")]
    pub(crate) name: String,
    /// Who approves.
    #[command(flatten)]
    pub(crate) by: OfficerArgs,
}

/// `comity agreement confirm`
#[derive(Debug, Args)]
pub(crate) struct ConfirmArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// `agreements/<agreement>`
    #[arg(value_name = "AGREEMENT")]
    pub(crate) name: String,
    /// SHA-256 of the ruling, in hex.
    #[arg(long, value_name = "DIGEST")]
    pub(crate) ruling: String,
    /// Who approves.
    #[command(flatten)]
    pub(crate) by: OfficerArgs,
}

/// `comity agreement stop`
#[derive(Debug, Args)]
pub(crate) struct StopArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// `agreements/<agreement>`
    #[arg(value_name = "AGREEMENT")]
    pub(crate) name: String,
    /// Why, as a code, such as PARTIES_SETTLED.
    #[arg(long, value_name = "CODE")]
    pub(crate) reason: comity_model::ReasonCode,
    /// SHA-256 of the ruling, in hex.
    #[arg(long, value_name = "DIGEST")]
    pub(crate) ruling: String,
    /// Who approves.
    #[command(flatten)]
    pub(crate) by: OfficerArgs,
}

/// `comity agreement get`
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// `agreements/<agreement>`
    #[arg(value_name = "AGREEMENT")]
    pub(crate) name: String,
    /// Also the parties, for a purpose.
    #[command(flatten)]
    pub(crate) purpose: PurposeArgs,
}

/// `comity agreement list`
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// `comity trigger …`
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Example:
  comity trigger rules     --as court/clients/clerk.toml
  comity trigger firings   --as court/clients/clerk.toml
  comity trigger proposals --as court/clients/clerk.toml
  comity trigger stop      --as court/clients/officer.toml proposals/<id> \\
                           --reason PARTIES_SETTLED --officer J-1001 --key <key file>
A proposed order is a draft like any other: `comity order approve` sends it, nothing else does.")]
pub(crate) enum TriggerCommand {
    /// The rules by which a proven fact proposes the next procedure.
    Rules(ListArgs),
    /// What fired, on which facts, proven of which chain at which height.
    Firings(ListArgs),
    /// What the firings propose, and what became of it.
    Proposals(ListArgs),
    /// Stop a proposed investigation within its hold period, for good: a judge's act, which is signed and filed.
    Stop(StopProposalArgs),
}

/// `comity trigger stop`
#[derive(Debug, Args)]
pub(crate) struct StopProposalArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// `proposals/<proposal>`
    #[arg(value_name = "PROPOSAL")]
    pub(crate) name: String,
    /// Why, as a code, such as PARTIES_SETTLED.
    #[arg(long, value_name = "CODE")]
    pub(crate) reason: comity_model::ReasonCode,
    /// Who stops it.
    #[command(flatten)]
    pub(crate) by: OfficerArgs,
}
