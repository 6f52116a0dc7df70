//! The program: reads the command line, builds, runs, and ends with an exit code.
//! Refuses to know how anything is done.

mod adapter;
mod anchor;
mod bench;
mod check;
mod cli;
mod client;
mod clock;
mod cometbft;
mod config;
mod console;
mod demo;
mod failure;
mod files;
mod govern;
mod governance;
mod home;
mod init;
mod institution;
mod keys;
mod ledger;
mod link;
mod near;
mod pki;
mod relay;
mod sandbox;
mod sectors;
mod shutdown;
mod signing;
mod store;
mod telemetry;
mod tsa;
mod verify;
mod witness;

use clap::Parser as _;
use cli::ledger::LedgerCommand;
use cli::{Cli, Command};
use failure::{Exit, Failure, OrFail as _};
use std::process::ExitCode;

/// Requests are decoded on one thread and answered on another; the C library's allocator spends a fifth of a query's time
/// on that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a shell says of a program whose reader has gone: 128 and SIGPIPE.
const READER_GONE: i32 = 141;

fn main() -> ExitCode {
    end_quietly_without_a_reader();
    let cli = Cli::parse();
    let exit = match run(cli) {
        Ok(()) => Exit::Done,
        Err(failure) => {
            let exit = failure.exit();
            eprintln!("{:?}", miette::Report::new(failure));
            exit
        }
    };
    ExitCode::from(exit as u8)
}

/// `comity … | head` ends when `head` has seen enough. The standard library's `println!` panics then, and says so in its
/// message alone.
fn end_quietly_without_a_reader() {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let message = panic.payload().downcast_ref::<String>();
        if message.is_some_and(|message| message.starts_with("failed printing to stdout")) {
            std::process::exit(READER_GONE);
        }
        told(panic);
    }));
}

fn run(cli: Cli) -> Result<(), Failure> {
    telemetry::logs(cli.log.as_deref(), quietness(&cli.command))?;
    if let Command::Verify(args) = &cli.command {
        return verify::run(args);
    }
    let runtime = tokio::runtime::Runtime::new().map_err(|error| Failure::fault("no threads").because(error))?;
    runtime.block_on(async {
        match cli.command {
            Command::Demo(args) => demo::run(args).await,
            Command::Sandbox(args) => sandbox::run(args).await,
            Command::Init(args) => init::run(args).await,
            Command::Serve(args) => institution::serve(&args.config).await,
            Command::Relay(args) => relay::run(args).await,
            Command::Sign(args) => signing::run(&args.config).await,
            Command::Ledger(command) => cometbft::run(command).await,
            Command::Link(args) => link::run(args).await,
            Command::Check(args) => check::run(args).await,
            Command::Govern(command) => govern::run(command).await,
            Command::Key(command) => govern::key(&command),
            Command::Verify(args) => verify::run(&args),
            Command::Query(args) => client::query::run(args).await,
            Command::Consent(command) => client::consent::run(&command),
            Command::Investigate(args) => client::investigate::run(args).await,
            Command::Record(command) => client::register::record(command).await,
            Command::Asset(command) => client::register::asset(command).await,
            Command::Order(command) => client::order::run(command).await,
            Command::Agreement(command) => client::agreement::run(command).await,
            Command::Trigger(command) => client::trigger::run(command).await,
            Command::Holding(command) => client::holding::run(command).await,
            Command::Deposit(command) => client::deposit::run(command).await,
            Command::Delivery(command) => client::delivery::run(command).await,
            Command::Chain(command) => client::chain::run(command).await,
            Command::Console(args) => console::run(args).await,
            Command::Witness(command) => witness::run(command).await,
            Command::Openapi => openapi(),
            Command::Bench(command) => bench::run(command).await,
            Command::Store(command) => store::command::run(command).await,
        }
    })
}

fn openapi() -> Result<(), Failure> {
    let document = comity_gateway::rest::openapi().or_fault(|| "the API cannot be described".into())?;
    println!("{document:#}");
    Ok(())
}

/// What is logged unless the user says otherwise: long-running services say what they do, everything else is quiet.
const fn quietness(command: &Command) -> &'static str {
    match command {
        Command::Serve(_)
        | Command::Relay(_)
        | Command::Sign(_)
        | Command::Witness(_)
        | Command::Ledger(LedgerCommand::Abci(_)) => "info",
        _ => "error",
    }
}
