//! The embedded ledger of an institution, from its files.
//! Refuses to know gateways and relayers, and any rule of the chain.

use crate::config::EngineConfig;
use crate::failure::{Failure, OrFail};
use crate::files;
use crate::keys::Seed;
use comity_ledger_engine::{Engine, EngineConfig as Told, EngineError, Storage, ValidatorKey};
use comity_model::decode;
use comity_model::genesis::Genesis;
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

fn failed(error: EngineError) -> Failure {
    let what = format!("the ledger did not start ({})", error.code());
    match &error {
        EngineError::Listen { addr, .. } => Failure::usage(format!("the ledger's RPC cannot listen on {addr}"))
            .help("another program uses the port; set engine.listen"),
        EngineError::OtherGenesis | EngineError::Keys { .. } | EngineError::Config { .. } => Failure::usage(what),
        _ => Failure::fault(what),
    }
    .because(error)
}

/// Reads a genesis file.
pub(crate) fn genesis(path: &Path) -> Result<Genesis, Failure> {
    decode("genesis", &files::read_bytes(path, GENESIS_BYTES_MAX)?)
        .or_usage(|| format!("{} is not a genesis file of this program", path.display()))
}
