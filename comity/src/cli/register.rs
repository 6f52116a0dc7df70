//! `comity record …` and `comity asset …`: the arguments with which a registrar keeps the institution's own register.
//! Refuses to know how rows are read and sent.

use super::ClientArgs;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// A file of records that works as it stands.
pub(crate) const RECORD_EXAMPLE: &str = "\
Example: a file of JSON Lines, one record a line, by the field names of the sector's schema:

  {\"licence_number\":\"19901202310000016\",\"name\":\"陈思远\",\"name_latin\":\"Chen Siyuan\",\"sex\":\"FEMALE\",\
\"id_type\":\"PASSPORT\",\"id_number\":\"E99000001\",\"firm\":\"安澜律师事务所\",\"firm_en\":\"Anlan Law Firm\",\
\"firm_code\":\"99990000MA00000019\",\"category\":\"FULL_TIME\",\"issuing_authority\":\"安澜市司法局\",\
\"issue_date\":\"2023-05-01\",\"first_licensed\":\"2023-05-01\",\"assessment\":\"COMPETENT\",\"assessment_year\":2025,\
\"status\":\"ACTIVE\",\"status_since\":\"2023-05-01\",\"sanctions\":[],\"practice_areas\":[\"知识产权\"],\"credit_grade\":\"A\"}

  comity record put --as justice/clients/registrar.toml --sector lawyers --validate-only lawyers.jsonl
  comity record put --as justice/clients/registrar.toml --sector lawyers lawyers.jsonl

Values: text and dates (2026-03-01) and times (2026-03-01T08:00:00Z) as text, numbers and true/false as such, money as
\"1234.56\" (CNY), \"USD:1234.56\" or {\"currency\":\"CNY\",\"minor\":123456}, digests as hex, lists as [\"…\"].
`comity record fields --sector lawyers` lists a sector's fields.

Lines are independent: those in order are put, the others are named with their reason, and the exit code is 1. Put the
whole file again once they are corrected: what stands so already is left as it is.";

/// A file of assets that works as it stands.
pub(crate) const ASSET_EXAMPLE: &str = "\
Example: a file of JSON Lines, one asset a line:

  {\"reference\":\"6222990012345678908\",\"value\":\"52000.00\"}
  {\"reference\":\"6222990012345678916\",\"value\":{\"currency\":\"USD\",\"minor\":150000},\"enforcement\":\"attested\"}

  comity asset register --as finance/clients/registrar.toml --sector accounts accounts.jsonl

`reference` is what orders call the asset; it stays with the institution, its chain knows a random handle. `value` is what
can be held of it; leave it out where a hold takes the whole, as of a parcel. `enforcement` is `attested` (the institution
enforces holds and says so under its seal; the default) or `native` (the chain itself does).

A known reference gets the new value, unless orders hold more. `etag`, as `comity asset show` prints it, says which state of
the asset the value follows: if an order took something out of it meanwhile, the line is refused. Lines are independent, as with `comity record put`.";

/// `comity record …`
#[derive(Debug, Subcommand)]
pub(crate) enum RecordCommand {
    /// Put records of the own institution from a file of JSON Lines: new ones, or the next version of known ones.
    #[command(after_help = RECORD_EXAMPLE)]
    Put(PutArgs),
    /// List the fields of a sector's records: names, types, what is required.
    Fields(FieldsArgs),
}

/// `comity asset …`
#[derive(Debug, Subcommand)]
pub(crate) enum AssetCommand {
    /// Register assets that orders can be about, from a file of JSON Lines, or change the value of known ones.
    #[command(after_help = ASSET_EXAMPLE)]
    Register(PutArgs),
    /// An asset as the institution's chain has it: what it is worth now, who enforces holds on it. The access is filed.
    Show(ShowAssetArgs),
}

/// `comity asset show`
#[derive(Debug, Args)]
pub(crate) struct ShowAssetArgs {
    /// The gateway to ask and the certificate to show: `clients/registrar.toml`.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The sector; the institution must answer for it.
    #[arg(long)]
    pub(crate) sector: comity_model::Sector,
    /// What orders call it.
    #[arg(value_name = "REFERENCE")]
    pub(crate) reference: String,
    /// Print it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `comity record put`, `comity asset register`
#[derive(Debug, Args)]
pub(crate) struct PutArgs {
    /// The gateway to ask and the certificate to show: `clients/registrar.toml`.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The sector; the institution must answer for it.
    #[arg(long)]
    pub(crate) sector: comity_model::Sector,
    /// The file; `-` reads standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Check every line and change nothing.
    #[arg(long)]
    pub(crate) validate_only: bool,
    /// Print what became of it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `comity record fields`
#[derive(Debug, Args)]
pub(crate) struct FieldsArgs {
    /// The sector.
    #[arg(long)]
    pub(crate) sector: comity_model::Sector,
    /// Print them as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
