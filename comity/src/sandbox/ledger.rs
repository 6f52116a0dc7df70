//! The ledgers of a world's chains: an embedded engine, or validators under CometBFT. Each can be stopped, and started again
//! at the same address from its files.
//! Refuses to know what stands on a chain.

use super::validators::Validators;
use crate::config::EngineConfig;
use crate::failure::{Failure, OrFail};
use crate::home::Home;
use crate::{init, ledger};
use comity_ledger_engine::{Engine, Handle};
use comity_model::genesis::Genesis;
use comity_verify::light::Anchor;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::sync::Mutex;

/// How long an idle chain of the sandbox waits for its next block, in seconds. A payment's absence is proven by a header past
/// its date, and here dates are seconds apart.
pub(super) const HEARTBEAT_S: u64 = 1;

/// A chain's ledger.
pub(super) struct Ledger {
    /// Its first block, which others begin with.
    pub(super) anchor: Anchor,
    /// Its RPC: `http://host:port`.
    pub(super) rpc: String,
    runs: Runs,
}

enum Runs {
    /// In this process.
    Embedded {
        config: EngineConfig,
        /// `None` while it is stopped.
        engine: Mutex<Option<Engine>>,
        handle: Handle,
    },
    /// CometBFT nodes beside this process.
    Cometbft(Mutex<Validators>),
}

impl Ledger {
    /// Starts an embedded engine over the first state in `home`.
    pub(super) async fn embedded(home: &Home) -> Result<Self, Failure> {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut config = init::engine_config(home, anywhere);
        config.heartbeat_s = HEARTBEAT_S;
        let engine = ledger::start(&config, anywhere).await?;
        // From now on this is its address, also after it was stopped.
        config.listen = engine.rpc_addr();
        let handle = engine.handle();
        // State is proven under the header after it: what genesis says, under the second.
        handle.ask_for_block();
        let anchor = init::anchor(home, &engine).await?.anchor;
        let rpc = format!("http://{}", engine.rpc_addr());
        Ok(Self { anchor, rpc, runs: Runs::Embedded { config, engine: Mutex::new(Some(engine)), handle } })
    }

    /// Starts validators over the first state, which names them.
    pub(super) async fn under_cometbft(mut validators: Validators, genesis: &Genesis) -> Result<Self, Failure> {
        validators.start().await?;
        let anchor = validators.begun(genesis).await?;
        let rpc = validators.rpc();
        Ok(Self { anchor, rpc, runs: Runs::Cometbft(Mutex::new(validators)) })
    }

    /// The engine that began it, where it is in this process.
    pub(super) fn handle(&self) -> Option<Handle> {
        match &self.runs {
            Runs::Embedded { handle, .. } => Some(handle.clone()),
            Runs::Cometbft(_) => None,
        }
    }

    /// The configuration of an embedded engine.
    pub(super) fn engine(&self) -> Option<&EngineConfig> {
        match &self.runs {
            Runs::Embedded { config, .. } => Some(config),
            Runs::Cometbft(_) => None,
        }
    }

    /// Stops it; its RPC refuses connections from then on.
    pub(super) async fn stop(&self) -> Result<(), Failure> {
        match &self.runs {
            Runs::Embedded { engine, .. } => match engine.lock().await.take() {
                Some(engine) => {
                    engine.stop().await.or_fault(|| format!("the ledger of {} did not stop", self.anchor.chain_id))
                }
                None => Ok(()),
            },
            Runs::Cometbft(validators) => validators.lock().await.stop().await,
        }
    }

    /// Starts it again from its files, at the same address.
    pub(super) async fn start(&self) -> Result<(), Failure> {
        match &self.runs {
            Runs::Embedded { config, engine, .. } => {
                let mut engine = engine.lock().await;
                if engine.is_none() {
                    *engine = Some(ledger::start(config, config.listen).await?);
                }
                Ok(())
            }
            Runs::Cometbft(validators) => validators.lock().await.start().await,
        }
    }
}
