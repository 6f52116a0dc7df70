//! Validators of one of the world's chains: homes as `comity init --engine cometbft` writes them, a CometBFT node each as a
//! process beside this one, its application within.
//! Refuses to know gateways; what these nodes say is verified like what any others say.

use super::ledger::HEARTBEAT_S;
use super::ports::Reserved;
use crate::cometbft::node::Node;
use crate::cometbft::{anchor, homes};
use crate::config::application;
use crate::failure::{Failure, OrFail};
use crate::files;
use crate::keys::Seed;
use comity_adapters_comet::{CometChain, CometConfig};
use comity_ledger_abci::{Address, Server, ServerConfig};
use comity_model::genesis::Genesis;
use comity_verify::light::Anchor;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How often nodes that should run are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Their independent operators: whoever runs this process.
const OPERATORS: u32 = 1;

/// Validators that are to be: their keys and places.
pub(super) struct Candidates {
    nodes: Vec<Node>,
    reserved: Vec<Reserved>,
}

/// Validators with their homes.
pub(super) struct Validators {
    cometbft: PathBuf,
    rpc: String,
    validators: Vec<Validator>,
}

struct Validator {
    home: PathBuf,
    told: ServerConfig,
    application: Option<Server>,
    node: Option<Child>,
}

impl Candidates {
    /// Makes keys for so many.
    pub(super) fn new(institution: &str, number: u16) -> Result<Self, Failure> {
        let mut reserved = Vec::new();
        let mut port = || {
            let port = Reserved::new()?;
            let address = port.address();
            reserved.push(port);
            Ok::<_, Failure>(address)
        };
        let node = |number| {
            Ok(Node {
                name: format!("{institution}-{number}"),
                validator: Seed::generate()?,
                key: Seed::generate()?,
                rpc: port()?,
                peers: port()?,
                application: Address::Tcp(port()?).to_string(),
            })
        };
        let nodes = (1..=number).map(node).collect::<Result<_, Failure>>()?;
        Ok(Self { nodes, reserved })
    }

    /// Their public keys.
    pub(super) fn keys(&self) -> Vec<[u8; 32]> {
        self.nodes.iter().map(|node| node.validator.ed25519()).collect()
    }

    /// Writes their homes into the institution's; nothing is started.
    pub(super) fn settle(self, home: &Path, genesis: &Genesis, cometbft: &Path) -> Result<Validators, Failure> {
        let folders = homes::write(home, &self.nodes, genesis, HEARTBEAT_S)?;
        let rpc = self.nodes.first().map(|node| format!("http://{}", node.rpc)).unwrap_or_default();
        let validator = |home: PathBuf| {
            let told = application::read(&home.join("ledger.toml"))?.server;
            files::make_folder(told.state.parent().unwrap_or(Path::new("")))?;
            Ok(Validator { home, told, application: None, node: None })
        };
        let validators = folders.into_iter().map(validator).collect::<Result<_, Failure>>()?;
        self.reserved.into_iter().for_each(Reserved::give_up);
        Ok(Validators { cometbft: cometbft.to_owned(), rpc, validators })
    }
}

impl Validators {
    /// The RPC of the first.
    pub(super) fn rpc(&self) -> String {
        self.rpc.clone()
    }

    /// Starts those that do not run.
    pub(super) async fn start(&mut self) -> Result<(), Failure> {
        for one in &mut self.validators {
            if one.application.is_none() {
                let started = Server::start(one.told.clone()).await;
                one.application = Some(started.or_fault(|| "a validator's application did not start".into())?);
            }
            if one.node.is_none() {
                one.node = Some(node(&self.cometbft, &one.home)?);
            }
        }
        Ok(())
    }

    /// The anchor of the chain, once it has begun.
    pub(super) async fn begun(&mut self, genesis: &Genesis) -> Result<Anchor, Failure> {
        let chain = CometChain::open(CometConfig::new(self.rpc.clone(), genesis.chain.clone()))
            .or_fault(|| "an address of ours is none".into())?;
        tokio::select! {
            anchor = anchor::begun(genesis, &chain, OPERATORS) => anchor,
            failure = self.ended() => Err(failure),
        }
    }

    /// Waits until a node ends by itself.
    async fn ended(&mut self) -> Failure {
        loop {
            for one in &mut self.validators {
                if one.node.as_mut().is_some_and(|node| !matches!(node.try_wait(), Ok(None))) {
                    return Failure::fault("a CometBFT node ended")
                        .help(format!("its log says why: {}", log(&one.home).display()));
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Ends the nodes, then their applications. All find their way back from any point.
    pub(super) async fn stop(&mut self) -> Result<(), Failure> {
        self.validators.iter_mut().for_each(Validator::end_node);
        for one in &mut self.validators {
            if let Some(application) = one.application.take() {
                application.stop().await.or_fault(|| "a validator's application did not stop".into())?;
            }
        }
        Ok(())
    }
}

impl Validator {
    fn end_node(&mut self) {
        if let Some(mut node) = self.node.take() {
            let _ = (node.kill(), node.wait());
        }
    }
}

impl Drop for Validator {
    fn drop(&mut self) {
        self.end_node();
    }
}

fn node(cometbft: &Path, home: &Path) -> Result<Child, Failure> {
    let failed = || format!("{} could not be started", cometbft.display());
    let log = File::options().create(true).append(true).open(log(home)).or_fault(failed)?;
    let errors = log.try_clone().or_fault(failed)?;
    let mut command = Command::new(cometbft);
    command.arg("start").arg("--home").arg(home).stdin(Stdio::null()).stdout(log).stderr(errors);
    command.spawn().or_usage(failed)
}

fn log(home: &Path) -> PathBuf {
    home.join("node.log")
}
