//! A chain's ports through whatever adapter its configuration names: the one within for CometBFT's RPC, or a program of its
//! own. Refuses to know who uses them.

use crate::failure::{Failure, OrFail};
use crate::keys::Seed;
use crate::near;
use comity_adapters_comet::{CometChain, CometConfig};
use comity_adapters_plugin::{Launch, PluginConfig, PluginError};
use comity_adapters_ports::Chain;
use comity_ledger_engine::Handle;
use comity_model::ChainId;

/// How a chain is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// By its RPC, through the adapter within.
    Rpc(String),
    /// Through a program.
    Program(Launch),
}

impl Reach {
    /// What it is called in a message.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Rpc(url) => url.clone(),
            Self::Program(launch) => format!("the adapter {}", launch.name()),
        }
    }
}

/// Opens the ports of a chain whose `engine` may run in this process: past the network then.
pub(crate) fn open_beside(
    engine: Option<Handle>,
    chain: &ChainId,
    reach: &Reach,
    operator: &Seed,
) -> Result<Chain, Failure> {
    let far = open(chain, reach, operator)?;
    Ok(match engine {
        Some(engine) => near::chain(engine, far, operator),
        None => far,
    })
}

/// Opens the ports. A node or a program that does not answer now is waited for.
pub(crate) fn open(chain: &ChainId, reach: &Reach, operator: &Seed) -> Result<Chain, Failure> {
    match reach {
        Reach::Rpc(url) => {
            let told = CometConfig::new(url, chain.clone()).with_operator(*operator.bytes());
            CometChain::open(told).or_usage(|| format!("{url} is not the address of a chain's RPC"))
        }
        Reach::Program(launch) => {
            let told = PluginConfig::new(chain.clone(), launch.clone()).with_operator(*operator.bytes());
            comity_adapters_plugin::open(told).map_err(|error| failed(&launch.name(), error))
        }
    }
}

/// Why a program is of no use, and what to do.
fn failed(name: &str, error: PluginError) -> Failure {
    let help = error.help();
    Failure::refused(error.code(), format!("the adapter {name} cannot be used: {error}")).help(help)
}
