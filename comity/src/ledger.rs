//! The embedded ledger of an institution, from its files.
//! Refuses to know gateways and relayers, and any rule of the chain.

use crate::config::EngineConfig;
use crate::failure::{Failure, OrFail};
use crate::files;
use crate::keys::Seed;
use comity_ledger_app::AppError;
use comity_ledger_engine::{Engine, EngineConfig as Told, EngineError, Handle, Storage, SubmitError, ValidatorKey};
use comity_model::decode;
use comity_model::genesis::Genesis;
use comity_store_file::FileError;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// Largest genesis file.
const GENESIS_BYTES_MAX: u64 = 16 << 20;

/// What is said whenever an embedded engine starts.
pub(crate) const ONE_OPERATOR: &str =
    "embedded engine: one process, one operator, no replication; its chain's integrity rests on that operator";

/// Starts the ledger with its RPC on `listen`.
pub(crate) async fn start(config: &EngineConfig, listen: SocketAddr) -> Result<Engine, Failure> {
    let keys = config
        .validators
        .iter()
        .map(|path| Ok(ValidatorKey::from_seed(&Seed::read(path)?.bytes())))
        .collect::<Result<Vec<_>, Failure>>()?;
    let mut told = Told::new(genesis(&config.genesis)?, keys);
    told.storage = Storage::Directory(config.folder.clone());
    told.heartbeat = Duration::from_secs(config.heartbeat_s);
    told.rpc = listen;
    Engine::start(told).await.map_err(failed)
}

/// Waits until a fault ends the making of blocks; for ever, while there is none.
pub(crate) async fn halted(ledger: Option<Handle>) -> Failure {
    let Some(ledger) = ledger else { return std::future::pending().await };
    let why = ledger.halted().await;
    let code = match &why {
        SubmitError::Halted { code, .. } => code,
        other => other.code(),
    };
    Failure::fault(why.to_string()).code_of(code.to_owned()).help(
        "see that its disk has room and is whole, then start this again: the chain goes on from its last durable block, and \
         nothing that was told before is lost",
    )
}

fn failed(error: EngineError) -> Failure {
    let what = format!("the ledger did not start ({})", error.code());
    let failure = match &error {
        EngineError::Listen { addr, .. } => Failure::usage(format!("the ledger's RPC cannot listen on {addr}"))
            .help("another program uses the port; set engine.listen"),
        EngineError::OtherGenesis | EngineError::Keys { .. } | EngineError::Config { .. } => Failure::usage(what),
        EngineError::File(file) => on_file(Failure::fault(what), file, BLOCKS_HELP),
        EngineError::App { source: AppError::File(file) } => on_file(Failure::fault(what), file, STATE_HELP),
        EngineError::AppAhead { .. } | EngineError::Damaged { .. } => Failure::fault(what).help(BLOCKS_HELP),
        EngineError::App { source: AppError::Damaged { .. } } | EngineError::Diverged { .. } => {
            Failure::fault(what).help(STATE_HELP)
        }
        _ => Failure::fault(what),
    };
    failure.code_of(error.code()).because(error)
}

/// What to do where the blocks cannot be used: they are the only place of the chain's signatures.
const BLOCKS_HELP: &str = "put blocks.redb and state.redb of one backup in place; never start the chain without its blocks: it \
                           would sign heights a second time, which freezes it at everybody who follows it";
/// What to do where the state cannot be used: the blocks give it back.
const STATE_HELP: &str = "move state.redb aside and start again: the blocks are carried out anew and give the state back, checked \
                          hash by hash";

fn on_file(failure: Failure, file: &FileError, damaged: &str) -> Failure {
    failure.help(match file {
        FileError::Damaged { .. } => damaged,
        FileError::InUse { .. } => "end the process that has it open: a chain is written by one",
        FileError::Newer { .. } | FileError::Layout { .. } => "start the program that wrote it; nothing was changed",
        _ => "see what the file is, and that its disk has room; nothing was changed",
    })
}

/// Reads a genesis file.
pub(crate) fn genesis(path: &Path) -> Result<Genesis, Failure> {
    decode("genesis", &files::read_bytes(path, GENESIS_BYTES_MAX)?)
        .or_usage(|| format!("{} is not a genesis file of this program", path.display()))
}
