//! `comity order …`: its arguments.
//! Refuses to know how an order is sealed or proven.

use super::ClientArgs;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `comity order …`
#[derive(Debug, Subcommand)]
#[command(after_help = "\
An order's way:
  comity order create  --as court/clients/clerk.toml --recipient finance --sector accounts \\
                       --kind freeze --fields freeze.toml --field amount=50000.00 \\
                       --obligation 50000.00
  comity order approve --as court/clients/officer.toml orders/<id> --wait \\
                       --officer J-1001 --key court/keys/officer-J-1001.key
  comity order watch   --as court/clients/clerk.toml orders/<id> --follow-hold
What becomes of its hold is ordered in the same way, each by an order of its own:
  comity order release --as court/clients/clerk.toml orders/<id> --fields release.toml
  comity order deduct  --as court/clients/clerk.toml orders/<id> --fields deduct.toml \\
                       --field amount=20000.00
What is claimed of a debtor in all, and what is held for it over all orders:
  comity order create     … --serves obligations/<id> --claimed 80000.00
  comity order obligation --as court/clients/clerk.toml obligations/<id>
At the institution:
  comity order pending --as finance/clients/clerk.toml --private
  comity order object  --as finance/clients/officer.toml clients/<client>/orders/<id> \\
                       --reason PROTECTED_MONEY
  comity order decide  --as finance/clients/officer.toml clients/<client>/orders/<id> --accept
  comity order decide  --as finance/clients/officer.toml clients/<client>/orders/<id> \\
                       --refuse ACCOUNT_CLOSED")]
pub(crate) enum OrderCommand {
    /// Draw up an order. Nothing leaves the court before officers approve it.
    Create(CreateArgs),
    /// Approve an order with an officer's key; the last approval needed sends it on its way.
    Approve(ApproveArgs),
    /// Follow an order, each change as it is proven.
    Watch(WatchArgs),
    /// The order as it stands.
    #[command(visible_alias = "show")]
    Get(GetArgs),
    /// Draw up the order that ends the hold of another one, or lessens it by the amount among its fields.
    Release(ChangeArgs),
    /// Draw up the order that lets a hold last longer, before it lapses.
    Renew(ChangeArgs),
    /// Draw up the order that takes an amount out of a hold, to the account that it was ordered for.
    Deduct(ChangeArgs),
    /// Draw up the order that hands a held asset over to a new owner.
    Transfer(ChangeArgs),
    /// Draw up the order that takes another one back, while nothing was deducted.
    Rollback(ChangeArgs),
    /// Draw up the order that corrects what another one says.
    Amend(ChangeArgs),
    /// Draw up a second officer's confirmation of an emergency order.
    Confirm(ChangeArgs),
    /// Draw up the answer to an institution's objection: it is right, and the hold is released.
    UpholdObjection(ChangeArgs),
    /// Draw up the answer to an institution's objection: it is wrong, and the hold stands.
    RejectObjection(ChangeArgs),
    /// What is claimed, held and deducted under an obligation, and what is over; all of them without a name.
    Obligation(ObligationArgs),
    /// At an institution: the orders that wait to be decided.
    Pending(PendingArgs),
    /// At an institution: an order that arrived, as it stands, with its hold.
    Received(ReceivedArgs),
    /// At an institution: decide one of them by hand.
    Decide(DecideArgs),
    /// At an institution: object to an order that was carried out.
    Object(ObjectArgs),
}

/// `comity order create`
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The institution that is to act.
    #[arg(long, value_name = "MEMBER")]
    pub(crate) recipient: comity_model::MemberId,
    /// The sector.
    #[arg(long)]
    pub(crate) sector: comity_model::Sector,
    /// A kind of the sector's profile: freeze, seal, list, …
    #[arg(long)]
    pub(crate) kind: comity_model::OrderKind,
    /// A field of the private part, read by the sector's schema; money as 1234.56 (CNY) or as USD:1234.56.
    #[arg(long = "field", value_name = "NAME=VALUE")]
    pub(crate) fields: Vec<String>,
    /// A TOML file of such fields: `name = "value"`, one a line.
    #[arg(long = "fields", value_name = "FILE")]
    pub(crate) fields_file: Option<PathBuf>,
    /// The order to change, for kinds that change another one's hold: `orders/<order>`
    #[arg(long, value_name = "ORDER")]
    pub(crate) original: Option<String>,
    /// The amount of this order; decides how many officers must approve.
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) obligation: Option<String>,
    /// The obligation that the order serves: `obligations/<obligation>`, or `new` for a fresh one.
    #[arg(long, value_name = "OBLIGATION", requires = "claimed")]
    pub(crate) serves: Option<String>,
    /// What is claimed under that obligation in all; the same in every order that serves it.
    #[arg(long, value_name = "AMOUNT", requires = "serves")]
    pub(crate) claimed: Option<String>,
    /// The order's terms.
    #[command(flatten)]
    pub(crate) terms: TermsArgs,
}

/// What an order may say of its terms.
#[derive(Debug, Args)]
pub(crate) struct TermsArgs {
    /// A UUID of your choice: the same request is the same order. A new one when left out.
    #[arg(long, value_name = "UUID")]
    pub(crate) request_id: Option<uuid::Uuid>,
    /// How long delivery may take, in seconds; at most and by default 24 hours.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) deliver_within: Option<u32>,
    /// How long a hold is to last, in days; the profile's maximum when left out.
    #[arg(long, value_name = "DAYS")]
    pub(crate) hold_days: Option<u32>,
    /// Order it with one officer; a second one must confirm it in time, or it lapses.
    #[arg(long)]
    pub(crate) emergency: bool,
    /// Make every check, show what will have to be proven, and store nothing.
    #[arg(long)]
    pub(crate) validate_only: bool,
    /// Print the order's name alone, for scripts.
    #[arg(long, short, conflicts_with = "json")]
    pub(crate) quiet: bool,
    /// Print the order as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `comity order approve`
#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// `orders/<order>`
    #[arg(value_name = "ORDER")]
    pub(crate) name: String,
    /// The officer's work number.
    #[arg(long, value_name = "ID")]
    pub(crate) officer: comity_model::OfficerId,
    /// The officer's key file. It stays here: only the signature is sent.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// Wait until the order is answered.
    #[arg(long)]
    pub(crate) wait: bool,
    /// Print the order as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `comity order watch`
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// `orders/<order>`
    #[arg(value_name = "ORDER")]
    pub(crate) name: String,
    /// Go on as long as the hold lives.
    #[arg(long)]
    pub(crate) follow_hold: bool,
    /// Go on after the change that carried this token, as a watch that was cut off has said.
    #[arg(long, value_name = "TOKEN", default_value = "")]
    pub(crate) resume: String,
    /// Print one JSON object a change.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `comity order get`
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// `orders/<order>`
    #[arg(value_name = "ORDER")]
    pub(crate) name: String,
    /// Print the order as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `comity order release`, `renew`, `deduct`, …: one order that changes another's hold.
#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The order whose hold is to change: `orders/<order>`
    #[arg(value_name = "ORDER")]
    pub(crate) original: String,
    /// A field of the private part, read by the sector's schema.
    #[arg(long = "field", value_name = "NAME=VALUE")]
    pub(crate) fields: Vec<String>,
    /// A TOML file of such fields: `name = "value"`, one a line.
    #[arg(long = "fields", value_name = "FILE")]
    pub(crate) fields_file: Option<PathBuf>,
    /// The order's terms.
    #[command(flatten)]
    pub(crate) terms: TermsArgs,
}

/// `comity order obligation`
#[derive(Debug, Args)]
pub(crate) struct ObligationArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// `obligations/<obligation>`; all of them when left out.
    #[arg(value_name = "OBLIGATION")]
    pub(crate) name: Option<String>,
    /// Those alone whose holds come to more than is claimed.
    #[arg(long, conflicts_with = "name")]
    pub(crate) over_control: bool,
    /// Print one JSON object an obligation.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `comity order received`
#[derive(Debug, Args)]
pub(crate) struct ReceivedArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// `clients/<client>/orders/<order>`
    #[arg(value_name = "ORDER")]
    pub(crate) name: String,
    /// With the private part; filed as an access to personal data, under the order's own case.
    #[arg(long)]
    pub(crate) private: bool,
    /// Print the order as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `comity order object`
#[derive(Debug, Args)]
pub(crate) struct ObjectArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// `clients/<client>/orders/<order>`, as `comity order pending --decided` shows it.
    #[arg(value_name = "ORDER")]
    pub(crate) name: String,
    /// Why, as a reason code such as PROTECTED_MONEY. It stands on both chains: it says nothing of a person.
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: comity_model::ReasonCode,
    /// Why, in words, for the court's officers alone: sealed to the court; the chains have a digest.
    #[arg(long, value_name = "TEXT")]
    pub(crate) grounds: Option<String>,
}

/// `comity order pending`
#[derive(Debug, Args)]
pub(crate) struct PendingArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// With the private parts; each is filed as an access to personal data, under the order's own case.
    #[arg(long)]
    pub(crate) private: bool,
    /// With those that were decided.
    #[arg(long)]
    pub(crate) decided: bool,
    /// Print one JSON object an order.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `comity order decide`
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("decision").required(true).args(["accept", "refuse"])))]
pub(crate) struct DecideArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// `clients/<client>/orders/<order>`, as `comity order pending` shows it.
    #[arg(value_name = "ORDER")]
    pub(crate) name: String,
    /// Carry it out.
    #[arg(long)]
    pub(crate) accept: bool,
    /// Refuse it with this reason code, such as ACCOUNT_CLOSED. It stands on both chains: it says nothing of a person.
    #[arg(long, value_name = "REASON")]
    pub(crate) refuse: Option<comity_model::ReasonCode>,
    /// The asset as the institution's register names it; the one that the private part names when left out.
    #[arg(long, value_name = "REFERENCE", requires = "accept")]
    pub(crate) asset: Option<String>,
    /// How much to hold; as much as order and asset allow when left out.
    #[arg(long, value_name = "AMOUNT", requires = "accept")]
    pub(crate) amount: Option<String>,
}
