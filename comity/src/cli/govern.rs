//! `comity govern …` and `comity key …`: the arguments with which a chain is governed.
//! Refuses to know how a proposal is made and judged.

use clap::{Args, Subcommand};
use comity_model::{ClientId, MemberId, OfficerId, Sector, Time};
use std::path::PathBuf;

/// How a proposal goes its way.
const GOVERN_HELP: &str = "\
A proposal is a file. Whoever prepares it needs no key; each governor reads it and approves on a machine of their own;
anyone with an operator key submits it once enough have approved:
  comity govern propose --config court/comity.toml --out recover.proposal \\
         recover-client --client client-finance-1 --anchor new/finance.anchor --rpc http://127.0.0.1:7202 --evidence report.pdf
  comity govern show    recover.proposal
  comity govern approve recover.proposal --key governor-1.key --out approved-1.proposal
  comity govern submit  --config court/comity.toml approved-1.proposal approved-2.proposal

Proposals are numbered and carried out in order, each once: one that another has overtaken is proposed anew.";

/// `comity govern …`
#[derive(Debug, Subcommand)]
#[command(after_help = GOVERN_HELP)]
pub(crate) enum GovernCommand {
    /// Write a proposal for the chain's governors to a file.
    Propose(ProposeArgs),
    /// Approve a proposal with a governor's key; only the signature goes into the file.
    Approve(ApproveArgs),
    /// Submit a proposal that enough governors have approved.
    Submit(SubmitArgs),
    /// Say in words what a proposal is, and who has approved it.
    Show(ShowArgs),
}

/// `comity govern propose`
#[derive(Debug, Args)]
pub(crate) struct ProposeArgs {
    /// The configuration of an institution of the chain that is governed.
    #[arg(long, value_name = "FILE", env = "COMITY_CONFIG")]
    pub(crate) config: PathBuf,
    /// The proposal's file; never overwritten.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// What is proposed.
    #[command(subcommand)]
    pub(crate) what: What,
}

/// What can be proposed.
#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Put another chain under light-client watch; then `comity link` enters its institution.
    CreateClient(AnchorArgs),
    /// Put a frozen or expired client onto a new anchor; it may be used after the governors' delay.
    RecoverClient {
        /// The client.
        #[arg(long, value_name = "ID")]
        client: ClientId,
        /// The new anchor.
        #[command(flatten)]
        anchor: AnchorArgs,
        /// What the governors are to have seen, such as a report of the divergence: its SHA-256 goes into the proposal.
        #[arg(long, value_name = "FILE")]
        evidence: PathBuf,
    },
    /// Give a member another seal key: what the old one seals is refused from then on.
    RotateSealKey {
        /// The member; the configuration's own when left out.
        #[arg(long, value_name = "ID")]
        member: Option<MemberId>,
        /// The new key's public half, 64 hex digits: `comity key create` prints it.
        #[arg(long, value_name = "HEX")]
        public_key: String,
        /// Since when the old key must be doubted; recorded on the chain before the new key.
        #[arg(long, value_name = "TIME")]
        compromised_since: Option<Time>,
        /// Until when the new key is valid; two years when left out.
        #[arg(long, value_name = "TIME")]
        until: Option<Time>,
    },
    /// Add an officer, or give one another key: what the old one approves is refused from then on.
    SetOfficer {
        /// The member; the configuration's own when left out.
        #[arg(long, value_name = "ID")]
        member: Option<MemberId>,
        /// The officer's work number.
        #[arg(long, value_name = "ID")]
        officer: OfficerId,
        /// The key's public half, 64 hex digits: `comity key create` prints it.
        #[arg(long, value_name = "HEX")]
        public_key: String,
        /// Until when the key is valid; two years when left out.
        #[arg(long, value_name = "TIME")]
        until: Option<Time>,
    },
    /// End an officer's authority.
    EndOfficer {
        /// The member; the configuration's own when left out.
        #[arg(long, value_name = "ID")]
        member: Option<MemberId>,
        /// The officer's work number.
        #[arg(long, value_name = "ID")]
        officer: OfficerId,
        /// From when on; now when left out.
        #[arg(long, value_name = "TIME")]
        at: Option<Time>,
        /// Since when the officer's key must be doubted: evidence from then on is flagged.
        #[arg(long, value_name = "TIME")]
        compromised_since: Option<Time>,
    },
    /// Change a sector's kinds of order and their rules.
    SetProfile {
        /// The sector.
        #[arg(long)]
        sector: Sector,
        /// Who answers for it on this chain; the configuration's own institution when left out.
        #[arg(long, value_name = "ID")]
        institution: Option<MemberId>,
        /// A profile as in sectors/<sector>/profile.toml; the one that came with the program when left out.
        #[arg(long, value_name = "FILE")]
        profile: Option<PathBuf>,
    },
    /// Change the voting power of validators, in force two blocks later.
    SetValidators {
        /// A validator's public key and its new power; 0 removes it.
        #[arg(long = "validator", value_name = "HEX=POWER", required = true)]
        validators: Vec<String>,
    },
}

/// A header to be trusted.
#[derive(Debug, Args)]
pub(crate) struct AnchorArgs {
    /// The anchor file, got from the institution itself.
    #[arg(long, value_name = "FILE")]
    pub(crate) anchor: PathBuf,
    /// An RPC of that chain; what it says is checked against the anchor.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc: String,
}

/// `comity govern approve`
#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// The proposal.
    #[arg(value_name = "PROPOSAL")]
    pub(crate) proposal: PathBuf,
    /// The governor's key file. It stays here: only the signature goes into the file.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// The evidence as the governor has it: refused if it is not what the proposal names.
    #[arg(long, value_name = "FILE")]
    pub(crate) evidence: Option<PathBuf>,
    /// Where the approved proposal goes; into the same file when left out.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// `comity govern submit`
#[derive(Debug, Args)]
pub(crate) struct SubmitArgs {
    /// The configuration of an institution of the chain: its operator key grants entry, its RPC is asked.
    #[arg(long, value_name = "FILE", env = "COMITY_CONFIG")]
    pub(crate) config: PathBuf,
    /// The proposal, or its copies as different governors approved them.
    #[arg(value_name = "PROPOSAL", required = true)]
    pub(crate) proposals: Vec<PathBuf>,
}

/// `comity govern show`
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The proposal.
    #[arg(value_name = "PROPOSAL")]
    pub(crate) proposal: PathBuf,
    /// Print it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `comity key …`
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key for an officer, a governor, a seal or an operator, and print its public half.
    Create {
        /// Its file; never overwritten.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the public half of a key file.
    Show {
        /// The key file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}
