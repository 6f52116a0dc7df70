//! `comity deposit …`. Parsing only.
//! Refuses to know how anything is done.

use super::{ClientArgs, PurposeArgs};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// `comity deposit …`
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Example:
  comity deposit put   --as court/clients/clerk.toml --kind electronic-evidence --source 'https://…' contract.pdf
  comity deposit find  --as court/clients/reader.toml contract.pdf
  comity deposit prove --as court/clients/reader.toml contract.pdf --out contract.comity
  comity verify contract.comity --anchor court/court.anchor
  comity deposit renew --as court/clients/clerk.toml old.comity --out renewed.comity

Files stay where they are: their SHA-256 and SM3 are computed here, and only these are sent.")]
pub(crate) enum DepositCommand {
    /// Deposit files.
    Put(DepositPutArgs),
    /// Whether files were deposited, and since when.
    Find(DepositFindArgs),
    /// What a transaction of the chain took up: its checkpoint, its entries, one's own deposits among them.
    Transaction(DepositTransactionArgs),
    /// The proof of a deposited file, as a bundle that anyone checks offline.
    Prove(DepositProveArgs),
    /// A deposit with what its depositor states.
    Get(DepositGetArgs),
    /// The deposits of a case, each behind the one that it follows, with gaps shown.
    Case(DepositCaseArgs),
    /// Erase what a deposit commits to; its entry stays in the log and says nothing.
    Erase(DepositGetArgs),
    /// Deposit a bundle anew, whole: proven by a newer chain, it outlives the chain, the keys and the suite that it rests on.
    Renew(DepositRenewArgs),
    /// The log: its size, its head on the chain, its checkpoint and key for other readers.
    Log(DepositLogArgs),
}

/// Kinds of deposit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub(crate) enum DepositKindArg {
    ElectronicEvidence,
    CaseFile,
    Archive,
    StatisticalReport,
    EnforcementOperation,
    ServedDocument,
    ReceiptOfService,
    MediationData,
    TradingRecord,
}

/// `comity deposit put`
#[derive(Debug, Args)]
pub(crate) struct DepositPutArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The files, 10,000 at the most.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// What the files are.
    #[arg(long, value_enum)]
    pub(crate) kind: DepositKindArg,
    /// How the depositor's identity was verified.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) identified_by: String,
    /// Where the files come from.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) source: String,
    /// How they were collected.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) method: String,
    /// Who has had them since.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) custody: String,
    /// On what machine and system they were collected.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) environment: String,
    /// The case that they belong to.
    #[arg(long, value_name = "NUMBER", default_value = "")]
    pub(crate) case: String,
    /// The deposit that the file follows in its case: its entry, 64 hex digits. With one file only.
    #[arg(long, value_name = "ENTRY")]
    pub(crate) follows: Option<String>,
    /// Deposit files once more that were deposited before; otherwise they are left out, and it is said where they are.
    #[arg(long)]
    pub(crate) again: bool,
    /// The request's id, 32 hex digits: asked again with it, nothing is deposited twice. Random when left out.
    #[arg(long, value_name = "HEX")]
    pub(crate) request_id: Option<String>,
}

/// `comity deposit find`
#[derive(Debug, Args)]
pub(crate) struct DepositFindArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Files, or digests of files: SHA-256 or SM3, 64 hex digits.
    #[arg(value_name = "FILE|DIGEST", required = true)]
    pub(crate) what: Vec<String>,
    /// Judge the log's checkpoint by this policy, in C2SP's tlog-policy format, and end with 1 where too few witnesses have seen
    /// what was found.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}

/// `comity deposit transaction`
#[derive(Debug, Args)]
pub(crate) struct DepositTransactionArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The transaction's hash, 64 hex digits.
    #[arg(value_name = "HASH")]
    pub(crate) transaction: String,
}

/// `comity deposit prove`
#[derive(Debug, Args)]
pub(crate) struct DepositProveArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The file, or a digest of it.
    #[arg(value_name = "FILE|DIGEST")]
    pub(crate) what: String,
    /// Where the bundle goes.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The deposit's index; the earliest that is shown when left out.
    #[arg(long, value_name = "INDEX")]
    pub(crate) index: Option<u64>,
    /// How long to wait for the block that takes the deposit up, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u16).range(0..=3_600))]
    pub(crate) wait: u16,
    /// Refuse the bundle unless the witnesses of this policy have seen its log: a file in C2SP's tlog-policy format.
    #[arg(long, value_name = "FILE", requires = "anchor")]
    pub(crate) policy: Option<PathBuf>,
    /// Judge the bundle by this anchor file before it is kept, as `comity verify` does.
    #[arg(long, value_name = "FILE")]
    pub(crate) anchor: Option<PathBuf>,
    /// Also what the depositor states; needs a purpose.
    #[arg(long)]
    pub(crate) with_statement: bool,
    /// Why personal data is asked for.
    #[command(flatten)]
    pub(crate) purpose: PurposeArgs,
}

/// `comity deposit get`, `comity deposit erase`
#[derive(Debug, Args)]
pub(crate) struct DepositGetArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The deposit's index.
    #[arg(value_name = "INDEX")]
    pub(crate) index: u64,
    /// Why personal data is asked for.
    #[command(flatten)]
    pub(crate) purpose: PurposeArgs,
}

/// `comity deposit case`
#[derive(Debug, Args)]
pub(crate) struct DepositCaseArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The case, as it was stated.
    #[arg(value_name = "NUMBER")]
    pub(crate) number: String,
    /// Why personal data is asked for.
    #[command(flatten)]
    pub(crate) purpose: PurposeArgs,
}

/// `comity deposit renew`
#[derive(Debug, Args)]
pub(crate) struct DepositRenewArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The bundle to renew, of whatever chain.
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: PathBuf,
    /// Where the renewed bundle goes.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// How long to wait for the block that takes the deposit up, and for a time stamp, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u16).range(0..=3_600))]
    pub(crate) wait: u16,
    /// Not without a time stamp over the log (`[deposits.timestamps]` of the gateway).
    #[arg(long)]
    pub(crate) stamped: bool,
}

/// `comity deposit log`
#[derive(Debug, Args)]
pub(crate) struct DepositLogArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Judge the checkpoint by this policy, in C2SP's tlog-policy format, and end with 1 where too few witnesses have seen it.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}
