//! A chain of several validators under CometBFT: the homes of its nodes, the application beside each, and the anchor of
//! a chain that has begun.
//! Refuses to know the engine itself: CometBFT is a program of its own that is installed and started beside this one.

pub(crate) mod anchor;
pub(crate) mod homes;
pub(crate) mod node;
pub(crate) mod program;

use crate::cli::ledger::LedgerCommand;
use crate::config::application::{self, Application};
use crate::failure::{Failure, OrFail};
use crate::telemetry;
use crate::{files, shutdown};
use comity_ledger_abci::{AbciError, Server};
use comity_ledger_app::AppError;
use comity_store_file::FileError;
use std::path::Path;

/// Runs `comity ledger …`.
pub(crate) async fn run(command: LedgerCommand) -> Result<(), Failure> {
    match command {
        LedgerCommand::Abci(args) => serve(application::read(&args.config)?).await,
        LedgerCommand::Anchor(args) => anchor::run(&args).await,
    }
}

/// Serves the application until it is told to stop, or a fault ends it.
async fn serve(told: Application) -> Result<(), Failure> {
    telemetry::metrics(told.metrics)?;
    let config = told.server;
    files::make_folder(config.state.parent().unwrap_or(Path::new("")))?;
    let chain = config.chain.clone();
    let mut server = Server::start(config).await.map_err(failed)?;
    println!("{chain}: the application waits for its CometBFT node at {}. Stops at Ctrl-C.", server.address());
    tokio::select! {
        ended = server.ended() => ended.map_err(failed),
        asked = shutdown::requested() => {
            asked?;
            server.stop().await.or_fault(|| "the application did not stop in good order".into())
        }
    }
}

fn ended(error: &AbciError) -> String {
    format!("the application ended ({})", error.code())
}

fn failed(error: AbciError) -> Failure {
    match &error {
        AbciError::Listen { address, .. } => Failure::usage(format!("the application cannot listen on {address}"))
            .help("another program uses it; set application.listen here and proxy_app in the node's config.toml"),
        AbciError::App(AppError::File(FileError::Damaged { .. })) => Failure::fault(ended(&error))
            .help("move the state's file aside and start again: the node hands over all blocks anew"),
        _ => Failure::fault(ended(&error)),
    }
    .because(error)
}
