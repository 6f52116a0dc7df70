//! The command line: what can be asked, with examples. Parsing only.
//! Refuses to know how anything is done.

pub(crate) mod agreement;
pub(crate) mod bench;
pub(crate) mod console;
pub(crate) mod demo;
pub(crate) mod deposit;
pub(crate) mod govern;
pub(crate) mod holding;
pub(crate) mod ledger;
pub(crate) mod order;
pub(crate) mod register;
pub(crate) mod relay;
pub(crate) mod store;
pub(crate) mod witness;

use crate::failure::EXIT_CODES;
use clap::{Args, Parser, Subcommand, ValueEnum};
use comity_model::member::MemberKind;
use comity_model::seal::Suite;
use comity_model::{ChainId, MemberId, Time};
use comity_verify::renewal::Retired;
use relay::RelayArgs;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Acts of one chain, recognised on another by proof.
///
/// A court's freeze order on a bank's chain, a lawyer's licence in a court, a judgment at an agency: each is believed
/// because validators' signatures and Merkle proofs were checked, never because a relay, a gateway or a network said so.
#[derive(Debug, Parser)]
#[command(
    name = "comity",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_long_help = concat!(
        "Where to begin:\n",
        "  comity demo                      six institutions, four stories, every step proven\n",
        "  comity demo --tamper proof       an attack, and the rule that refuses it\n",
        "  comity sandbox                   the same world left running, with commands to try\n",
        "  comity verify court.comity --anchor court.anchor\n",
        "                                   checks a bundle offline and says what it proves\n",
    ),
    after_help = EXIT_CODES,
)]
pub(crate) struct Cli {
    /// What to log to stderr, such as `info` or `comity=debug,warn`.
    #[arg(long, global = true, env = "COMITY_LOG", value_name = "FILTER", hide_env_values = true)]
    pub(crate) log: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the program can be asked to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the stories in a fresh world of six institutions and show each step as it is proven.
    Demo(demo::DemoArgs),
    /// Leave the demonstration's world running, with addresses, certificates and commands to try.
    Sandbox(SandboxArgs),
    /// Make an institution: keys, certificates, genesis, configuration, anchor file.
    Init(InitArgs),
    /// Run an institution: its chain (or an adapter to it) and its gateway.
    Serve(ConfigArgs),
    /// Run a relayer that carries proofs between pairs of chains.
    Relay(RelayArgs),
    /// Run an institution's signer: the only process that holds its seal key.
    Sign(ConfigArgs),
    /// Run a chain of several validators under CometBFT: the application of each, and the chain's anchor.
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// Put another chain under light-client watch on this one, and enter its institution as a peer.
    Link(LinkArgs),
    /// Govern a chain: propose, approve, submit, by k of n governors.
    #[command(subcommand)]
    Govern(govern::GovernCommand),
    /// Make keys for officers, governors, seals and operators.
    #[command(subcommand)]
    Key(govern::KeyCommand),
    /// Walk an institution's configuration, certificates, signer, chain, clients and peers, and say what is wrong.
    Check(CheckArgs),
    /// Check a bundle offline against an anchor, and say what it proves and what it does not.
    Verify(VerifyArgs),
    /// Ask for a record, or the proof that it does not exist.
    Query(QueryArgs),
    /// Ask every institution at once what it keeps of persons; each answer, and each absence, is proven.
    Investigate(InvestigateArgs),
    /// Sign a consent that somebody reads what is kept of oneself.
    #[command(subcommand)]
    Consent(ConsentCommand),
    /// What the own institution holds of others' records, and what was corrected of it.
    #[command(subcommand)]
    Holding(holding::HoldingCommand),
    /// Who holds the own institution's records, and whether corrections have reached them.
    #[command(subcommand)]
    Delivery(holding::DeliveryCommand),
    /// Put the own institution's records, as its registrar.
    #[command(subcommand)]
    Record(register::RecordCommand),
    /// Register the own institution's assets, as its registrar.
    #[command(subcommand)]
    Asset(register::AssetCommand),
    /// Deposit files by digest, find them, and have them proven.
    #[command(subcommand)]
    Deposit(deposit::DepositCommand),
    /// Be a witness of logs of deposits: cosign checkpoints that have only grown.
    #[command(subcommand)]
    Witness(witness::WitnessCommand),
    /// Draw up, approve, watch and release orders.
    #[command(subcommand)]
    Order(order::OrderCommand),
    /// Draw up, approve, confirm and stop agreements whose performance is proven.
    #[command(subcommand)]
    Agreement(agreement::AgreementCommand),
    /// The rules by which a proven fact proposes the next procedure, what fired and why.
    #[command(subcommand)]
    Trigger(agreement::TriggerCommand),
    /// What a gateway knows of chains.
    #[command(subcommand)]
    Chain(ChainCommand),
    /// Open a console in this machine's browser: chains, orders, deposits and accesses, as one's certificate may see them.
    Console(console::ConsoleArgs),
    /// Print the description of the REST API, OpenAPI 3.1: for client generators and documentation.
    #[command(after_help = "Example:\n  comity openapi > openapi.json\n\nA gateway serves the same at /openapi.json.")]
    Openapi,
    /// Drive a running gateway with a load and measure what it can take.
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Back up, restore and check what a gateway or relayer keeps.
    #[command(subcommand)]
    Store(store::StoreCommand),
}

/// `comity sandbox`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  comity sandbox --dir /tmp/comity
  comity sandbox --engine cometbft --validators 4

Stops at Ctrl-C.")]
pub(crate) struct SandboxArgs {
    /// Where its files go; made if missing, must be empty. A temporary folder when left out, removed at the end.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Seed of the invented people, accounts and judgments.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Requests per second of one institution that each gateway takes; as by default when left out.
    #[arg(long, value_name = "N")]
    pub(crate) rate_per_second: Option<std::num::NonZeroU32>,
    /// What makes blocks.
    #[command(flatten)]
    pub(crate) engine: ledger::WorldEngineArgs,
}

/// `comity init`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  comity init --institution court --kind court --dir ./court --name 某市中级人民法院 --name 'Intermediate Court'
  comity sign  --config ./court/comity.toml &
  comity serve --config ./court/comity.toml

Hand out court.anchor; never anything from keys/. A second run refuses to overwrite.")]
pub(crate) struct InitArgs {
    /// Its id across the alliance.
    #[arg(long, value_name = "ID")]
    pub(crate) institution: MemberId,
    /// What kind of institution it is.
    #[arg(long, value_enum)]
    pub(crate) kind: Kind,
    /// Where its files go; made if missing, must be empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// The id of its chain; `<institution>-1` when left out.
    #[arg(long, value_name = "ID")]
    pub(crate) chain: Option<ChainId>,
    /// Its names, in its own language first.
    #[arg(long = "name", value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Sectors that it answers for; those of its kind when left out.
    #[arg(long = "sector", value_name = "SECTOR")]
    pub(crate) sectors: Vec<comity_model::Sector>,
    /// Officers who may approve orders, by work number; three when left out, none where it is no court.
    #[arg(long = "officer", value_name = "ID")]
    pub(crate) officers: Vec<comity_model::OfficerId>,
    /// What its signer seals with. Its chain accepts this suite beside Ed25519, and its anchor file asks others to.
    #[arg(long, value_enum, default_value_t = SealSuite::Ed25519)]
    pub(crate) suite: SealSuite,
    /// Where its gateway will listen.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7101")]
    pub(crate) grpc: SocketAddr,
    /// Where its gateway will serve REST.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7105")]
    pub(crate) rest: SocketAddr,
    /// Where its embedded chain's RPC will listen. Loopback: it has no authentication of its own.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7102")]
    pub(crate) rpc: SocketAddr,
    /// What makes its chain's blocks.
    #[command(flatten)]
    pub(crate) engine: ledger::EngineArgs,
    /// Where its signer will listen.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7103")]
    pub(crate) signer: SocketAddr,
    /// Where its metrics will be served.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7104")]
    pub(crate) metrics: SocketAddr,
}

/// Kinds of institution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub(crate) enum Kind {
    Court,
    Justice,
    Property,
    Finance,
    IntellectualProperty,
    Credit,
    Market,
    Enforcement,
    Mediation,
    Platform,
}

/// A suite to seal with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub(crate) enum SealSuite {
    Ed25519,
    P256,
    Secp256k1,
    Sm2,
}

impl From<SealSuite> for Suite {
    fn from(suite: SealSuite) -> Self {
        match suite {
            SealSuite::Ed25519 => Self::Ed25519Sha256,
            SealSuite::P256 => Self::P256Sha256,
            SealSuite::Secp256k1 => Self::Secp256k1Sha256,
            SealSuite::Sm2 => Self::Sm2Sm3,
        }
    }
}

impl From<Kind> for MemberKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Court => Self::Court,
            Kind::Justice => Self::Justice,
            Kind::Property => Self::Property,
            Kind::Finance => Self::Finance,
            Kind::IntellectualProperty => Self::IntellectualProperty,
            Kind::Credit => Self::Credit,
            Kind::Market => Self::Market,
            Kind::Enforcement => Self::Enforcement,
            Kind::Mediation => Self::Mediation,
            Kind::Platform => Self::Platform,
        }
    }
}

/// Commands that only need a configuration.
#[derive(Debug, Args)]
#[command(after_help = "\
Any value can be set from the environment: COMITY_LISTEN__GRPC=127.0.0.1:0 sets `grpc` under `[listen]`.
The file is checked whole before a port is opened.")]
pub(crate) struct ConfigArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE", env = "COMITY_CONFIG")]
    pub(crate) config: PathBuf,
}

/// `comity link`
#[derive(Debug, Args)]
#[command(after_help = "\
Example (both ways, then the relayer):
  comity link --config court/comity.toml   --anchor finance/finance.anchor --rpc http://127.0.0.1:7202
  comity link --config finance/comity.toml --anchor court/court.anchor     --rpc http://127.0.0.1:7102
  comity relay init --config relayer/relay.toml …

Creates the light client, signed with the governor keys that lie in the institution's keys/ folder (where they lie with
different people: `comity govern propose create-client` first), copies the other institution to this chain by proof, and
enters it as a peer into comity.toml: comments stay, the file is checked whole before it is replaced. What stands already
is left as it is, so it can be given again. `comity serve` reads the file when it starts.")]
pub(crate) struct LinkArgs {
    /// The configuration of the institution whose chain is to watch.
    #[arg(long, value_name = "FILE", env = "COMITY_CONFIG")]
    pub(crate) config: PathBuf,
    /// The anchor file of the chain to be watched, got from its institution.
    #[arg(long, value_name = "FILE")]
    pub(crate) anchor: PathBuf,
    /// An RPC of that chain; what it says is checked against the anchor.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc: String,
}

/// `comity check`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  comity check --config court/comity.toml

Changes nothing. Exit code 1 if something is wrong; each finding says what to do. `soon` works now, and not for ever.")]
pub(crate) struct CheckArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE", env = "COMITY_CONFIG")]
    pub(crate) config: PathBuf,
    /// Print the findings as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `comity verify`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  comity verify judgment.comity --anchor court.anchor
  comity verify contract.comity --anchor court.anchor --file contract.pdf
  comity verify renewed.comity --anchor new.anchor --anchor old.anchor --retired p256-sha256=2040-01-01T00:00:00Z

Needs no network and no gateway. Exit code 1 names the rule that was broken.")]
pub(crate) struct VerifyArgs {
    /// The bundle.
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: PathBuf,
    /// The anchor file of the chain that it speaks of, got from its institution; of a renewed bundle, those of all its chains.
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) anchor: Vec<PathBuf>,
    /// Refuse a deposit unless the witnesses of this policy have seen its log: a file in C2SP's tlog-policy format.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Believe time stamps of these authorities: their certificates, or those of CAs over them, in PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) tsa: Option<PathBuf>,
    /// A suite that you no longer believe, and since when: a proof that rests on it is refused unless it was renewed before.
    #[arg(long, value_name = "SUITE=TIME", value_parser = retired)]
    pub(crate) retired: Vec<Retired>,
    /// The file that the bundle is said to be of: whether it is the deposited one is part of the verdict.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The language of a deposit's verdict.
    #[arg(long, value_enum, default_value_t = LanguageArg::En)]
    pub(crate) lang: LanguageArg,
    /// Print the verdict as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A suite and the time from which it is not believed.
fn retired(text: &str) -> Result<Retired, String> {
    let parsed = text.split_once('=').and_then(|(suite, since)| {
        let since: Time = since.parse().ok()?;
        Some(Retired { suite: Suite::from_name(suite)?, since: since.unix_seconds() })
    });
    let names = || Suite::ALL.map(Suite::name).join(", ");
    parsed.ok_or_else(|| format!("SUITE=TIME, as p256-sha256=2040-01-01T00:00:00Z; suites are {}", names()))
}

/// A language of verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LanguageArg {
    /// English.
    #[default]
    En,
    /// Chinese.
    Zh,
}

/// Whom to speak as, and to which gateway.
#[derive(Debug, Args)]
pub(crate) struct ClientArgs {
    /// The client file: gateway, certificate, key. `comity init` and `comity sandbox` write one for each role.
    #[arg(long = "as", value_name = "FILE", env = "COMITY_CLIENT")]
    pub(crate) client: PathBuf,
}

/// `comity query`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  comity query --as property/clients/clerk.toml \\
      'members/court/sectors/judgments/records/(2025)浙01民终1234号' \\
      --case '(2026)浙0106执1024号' --basis '民事诉讼法第二百四十九条' --purpose 'Check of a title' \\
      --bundle judgment.comity")]
pub(crate) struct QueryArgs {
    /// The gateway to ask and the certificate to show.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// `members/<member>/sectors/<sector>/records/<record>`
    #[arg(value_name = "RECORD")]
    pub(crate) name: String,
    /// A field that is wanted; all that the role may see when left out.
    #[arg(long = "field", value_name = "NAME")]
    pub(crate) fields: Vec<String>,
    /// The purpose, which personal data needs.
    #[command(flatten)]
    pub(crate) purpose: PurposeArgs,
    /// The oldest proof that will do, in seconds.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) max_age: Option<u32>,
    /// Save a bundle for `comity verify`.
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// The signed consent of the record's subject, which some fields need: a file of `comity consent sign`.
    #[arg(long, value_name = "FILE", conflicts_with = "credential")]
    pub(crate) consent: Option<PathBuf>,
    /// Ask whether the holder is entitled to act: for credentials such as a lawyer's licence.
    #[arg(long)]
    pub(crate) credential: bool,
    /// Print the answer as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `comity consent …`
#[derive(Debug, Subcommand)]
pub(crate) enum ConsentCommand {
    /// Sign a consent with the key that one's record names, for one reader, one purpose and a time.
    Sign(ConsentArgs),
}

/// `comity consent sign`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  comity consent sign --key lawyer.key --record members/justice/sectors/lawyers/records/19901201411001024 \\
      --reader court --purpose 'Appointment as administrator' --days 30 --out lawyer.consent

Holds from now on, at most for a year. Whoever reads with it must state the same purpose, word for word.")]
pub(crate) struct ConsentArgs {
    /// The subject's key file: 64 hex digits.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// `members/<member>/sectors/<sector>/records/<record>`
    #[arg(long, value_name = "RECORD")]
    pub(crate) record: String,
    /// The institution that may read it.
    #[arg(long, value_name = "ID")]
    pub(crate) reader: MemberId,
    /// What for.
    #[arg(long, value_name = "TEXT")]
    pub(crate) purpose: String,
    /// For how many days.
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub(crate) days: u32,
    /// Where the consent goes.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// `comity investigate`
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  comity investigate --as court/clients/officer.toml 990106198704120377 \\
      --case '(2025)浙9906执2048号' --basis '民事诉讼法第二百五十三条' --purpose 'Asset investigation' \\
      --bundles ./found

The number travels sealed to each institution, which answers by its own private index. `nothing` means: not in this index at
this height. What was not answered by the deadline is told as such.")]
pub(crate) struct InvestigateArgs {
    /// The gateway to ask and the certificate to show: a court's clerk or officer.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Numbers of identity cards or passports, or unified credit codes.
    #[arg(value_name = "NUMBER")]
    pub(crate) numbers: Vec<String>,
    /// A file with one number a line, at most 1,000.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// A sector to search; all that are searchable when left out.
    #[arg(long = "sector", value_name = "SECTOR")]
    pub(crate) sectors: Vec<String>,
    /// Why.
    #[command(flatten)]
    pub(crate) purpose: PurposeArgs,
    /// How long to wait for answers, in seconds: 30 when left out, at most 600.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) deadline: Option<u32>,
    /// Save a bundle of each record and each absence in this folder, for `comity verify`.
    #[arg(long, value_name = "DIR")]
    pub(crate) bundles: Option<PathBuf>,
    /// Print each event as a line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Why personal data is asked for.
#[derive(Debug, Args)]
pub(crate) struct PurposeArgs {
    /// The case number.
    #[arg(long, value_name = "NUMBER", requires = "basis", requires = "purpose")]
    pub(crate) case: Option<String>,
    /// The provision that permits it.
    #[arg(long, value_name = "PROVISION", requires = "case")]
    pub(crate) basis: Option<String>,
    /// In a few words, why.
    #[arg(long, value_name = "TEXT", requires = "case")]
    pub(crate) purpose: Option<String>,
}

/// `comity chain …`
#[derive(Debug, Subcommand)]
pub(crate) enum ChainCommand {
    /// The chains that a gateway follows, the heights it verified, and the light clients on its own chain.
    Status {
        /// The gateway to ask and the certificate to show.
        #[command(flatten)]
        client: ClientArgs,
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
    },
    /// What a light client was frozen with: both headers, in which way they contradict each other, who signed both.
    #[command(after_help = EVIDENCE_HELP)]
    Evidence(EvidenceArgs),
    /// Propose to the governors that a frozen client is put onto a new anchor.
    #[command(after_help = UNFREEZE_HELP)]
    Unfreeze(UnfreezeArgs),
}

const EVIDENCE_HELP: &str = "\
Examples:
  comity chain evidence client-finance-1 --as court/clients/operator.toml --out finance.evidence
  comity chain evidence --file finance.evidence

The file holds both headers with their votes and is checked when it is read, offline. It stays to be had after the client
was recovered, with the governors' decision.";

const UNFREEZE_HELP: &str = "\
Example, once it is known what happened and the institution has given a new anchor file:
  comity chain unfreeze client-finance-1 --config court/comity.toml --anchor new/finance.anchor \\
      --rpc http://127.0.0.1:7202 --reason 'The operator ran two signers; report 2026-17' --out recover.proposal
  comity govern approve recover.proposal --key governor-1.key …

It writes the proposal, and beside it a report with the reason and both headers, whose SHA-256 the governors sign and the
chain keeps. Nothing is believed again before they have approved and their delay has passed.";

/// `comity chain evidence`
#[derive(Debug, Args)]
pub(crate) struct EvidenceArgs {
    /// The light client.
    #[arg(value_name = "CLIENT", required_unless_present = "file")]
    pub(crate) id: Option<comity_model::ClientId>,
    /// The client file of the gateway to ask.
    #[arg(long = "as", value_name = "FILE", env = "COMITY_CLIENT", required_unless_present = "file")]
    pub(crate) client: Option<PathBuf>,
    /// Read a saved file instead of asking a gateway.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["id", "out"])]
    pub(crate) file: Option<PathBuf>,
    /// Save both headers, with their votes.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Print it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `comity chain unfreeze`
#[derive(Debug, Args)]
pub(crate) struct UnfreezeArgs {
    /// The frozen client.
    #[arg(value_name = "CLIENT")]
    pub(crate) id: comity_model::ClientId,
    /// The configuration of an institution of the chain that keeps the client.
    #[arg(long, value_name = "FILE", env = "COMITY_CONFIG")]
    pub(crate) config: PathBuf,
    /// The new anchor.
    #[command(flatten)]
    pub(crate) anchor: govern::AnchorArgs,
    /// What happened, and why the chain may be believed again: for the governors, and for whoever asks later.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// The proposal's file; the report is written beside it. Neither is overwritten.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[cfg(test)]
mod tests;
