//! `comity bench`: its arguments.
//! Refuses to know how a load is made.

use super::ledger::WorldEngineArgs;
use clap::{Args, Subcommand};
use comity_model::MemberId;
use std::net::SocketAddr;
use std::path::PathBuf;

/// `comity bench …`
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// A proven record query: judgments, one after the other, as the court's own clerk or another institution's reads them.
    #[command(after_help = LOAD_HELP)]
    Queries(QueriesArgs),
    /// A lawyer's credential, proven to a court.
    #[command(after_help = LOAD_HELP)]
    Credentials(QueriesArgs),
    /// Orders from the last approval to the proven answer: seal, delivery, commitment, relay, decision, acknowledgement.
    #[command(after_help = LOAD_HELP)]
    Orders(OrdersArgs),
    /// Deposits in batches, each answered when it is durable in the court's log.
    #[command(after_help = LOAD_HELP)]
    Deposits(DepositsArgs),
    /// The limit beside which queries are measured: a bare server that answers with as many bytes. Started by the others.
    #[command(hide = true)]
    Echo(EchoArgs),
}

const LOAD_HELP: &str = "\
Examples:
  comity bench queries --rate 2000 --seconds 10
  comity bench queries --find-capacity --svg queries.svg --json queries.json
  comity bench queries --overload 3
  comity bench orders  --rate 200 --memory 60
  comity bench deposits --rate 10 --batch 10000
  comity bench orders  --rate 20 --engine cometbft --validators 4

Starts a sandbox of its own, or drives the one in --dir. Requests are due at fixed times, whatever became of those before
them, and a request's time counts from when it was due. Beside each round of queries a bare echo server gets the same load:
CPU time is compared, which stands up to a busy machine. docs/performance.md says how to read the figures.";

/// How much, for how long, against what.
#[derive(Clone, Debug, Args)]
pub(crate) struct LoadArgs {
    /// Requests per second; with --find-capacity, where the search begins.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub(crate) rate: u32,
    /// How long a round is.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub(crate) seconds: u32,
    /// How many rounds; the table shows their medians.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// Connections to each gateway.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) connections: u16,
    /// Raise the rate until the load is no longer carried: p99 past --p99-max, or answers fall behind.
    #[arg(long)]
    pub(crate) find_capacity: bool,
    /// What p99 may be, in milliseconds, for a rate to count as carried.
    #[arg(long, value_name = "MS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub(crate) p99_max: u64,
    /// Find the capacity, then drive so many times as much.
    #[arg(long, value_name = "TIMES", value_parser = clap::value_parser!(u32).range(2..=10))]
    pub(crate) overload: Option<u32>,
    /// Drive --rate for so many minutes and watch the servers' memory; nothing else is measured.
    #[arg(long, value_name = "MINUTES", conflicts_with_all = ["find_capacity", "overload"],
          value_parser = clap::value_parser!(u32).range(1..=1_440))]
    pub(crate) memory: Option<u32>,
    /// The folder of a sandbox that runs, one folder an institution; a sandbox is started when left out.
    #[arg(long, value_name = "DIR", requires = "server_pid")]
    pub(crate) dir: Option<PathBuf>,
    /// A process that serves, for its CPU time and memory; each one of a deployment that runs.
    #[arg(long = "server-pid", value_name = "PID", requires = "dir")]
    pub(crate) server_pid: Vec<u32>,
    /// Seed of the sandbox's invented data.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// What makes the blocks of the sandbox that is started.
    #[command(flatten)]
    pub(crate) engine: WorldEngineArgs,
    /// Draw the rounds as a picture.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Write every figure.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// `comity bench queries`, `comity bench credentials`
#[derive(Debug, Args)]
pub(crate) struct QueriesArgs {
    /// The load.
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    /// Whose clerk asks, at its own institution's gateway. Where that does not keep the record, two gateways work.
    #[arg(long, value_name = "ID", default_value = "court")]
    pub(crate) reader: MemberId,
    /// The oldest proof that will do, in seconds; 0 asks for one under the chain's latest header.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) max_age: u32,
}

/// `comity bench orders`
#[derive(Debug, Args)]
pub(crate) struct OrdersArgs {
    /// The load.
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    /// Draw up each order within its round, and count from then; otherwise all are drawn up before it.
    #[arg(long)]
    pub(crate) whole: bool,
}

/// `comity bench deposits`
#[derive(Debug, Args)]
pub(crate) struct DepositsArgs {
    /// The load; a request is a batch.
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    /// Deposits in a batch.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) batch: u16,
}

/// `comity bench echo`
#[derive(Debug, Args)]
pub(crate) struct EchoArgs {
    /// Where it listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Its certificates: `gateway.crt`, `gateway.key`, `authority.crt`.
    #[arg(long, value_name = "DIR")]
    pub(crate) tls: PathBuf,
    /// How many bytes an answer has.
    #[arg(long, value_name = "BYTES")]
    pub(crate) answer_bytes: usize,
}
