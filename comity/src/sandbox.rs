//! The sandbox: six institutions and a second court in one process, each with its own chain or a place on one, its own
//! gateway, store and signer, and a relayer between them.
//! Refuses to know stories: `comity sandbox` leaves it running, `comity demo` tells stories on top.

pub(crate) mod data;
mod found;
mod guide;
mod ledger;
mod load;
mod plan;
mod ports;
mod progress;
mod validators;

use crate::adapter::Reach;
use crate::anchor::AnchorFile;
use crate::cli::SandboxArgs;
use crate::cli::ledger::{EngineKind, WorldEngineArgs};
use crate::client::ClientFile;
use crate::config::Config;
use crate::config::relay::RelayPair;
use crate::failure::{Failure, OrFail};
use crate::keys::Seed;
use crate::{governance, relay, shutdown};
use comity_adapters_ports::Chain;
use comity_gateway::Running;
use comity_model::member::MemberKind;
use comity_model::{ChainId, ClientId, MemberId, OfficerId, Sector};
use comity_relayer_worker::Relayer;
use comity_store::Store;
use data::SandboxData;
use ledger::Ledger;
use plan::UNDER_COMETBFT;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Mutex;
use tonic::transport::Channel;

/// Runs `comity sandbox` until it is told to stop.
pub(crate) async fn run(args: SandboxArgs) -> Result<(), Failure> {
    let world = World::start(WorldOptions {
        dir: args.dir,
        seed: args.seed,
        quiet: false,
        rate_per_second: args.rate_per_second,
        engine: WorldEngine::of(args.engine)?,
    })
    .await?;
    guide::print(&world)?;
    shutdown::requested().await?;
    println!("Stopping.");
    world.stop().await
}

/// How a world is made.
#[derive(Clone, Debug)]
pub(crate) struct WorldOptions {
    /// Where its files go: an empty folder. `None`: a temporary one, removed when the world stops.
    pub(crate) dir: Option<PathBuf>,
    /// Seed of the invented data.
    pub(crate) seed: u64,
    /// Shows no progress.
    pub(crate) quiet: bool,
    /// Requests per second of one institution that each gateway takes; `None` as by default.
    pub(crate) rate_per_second: Option<NonZeroU32>,
    /// What makes blocks.
    pub(crate) engine: WorldEngine,
}

/// What makes the blocks of a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WorldEngine {
    /// Embedded engines.
    Embedded,
    /// CometBFT for the court's and the bank's chain, embedded engines for the others.
    Cometbft {
        /// The CometBFT program.
        program: PathBuf,
        /// Validators of each chain.
        validators: u16,
    },
}

impl WorldEngine {
    /// As the command line says; CometBFT must be there.
    pub(crate) fn of(args: WorldEngineArgs) -> Result<Self, Failure> {
        Ok(match args.engine {
            EngineKind::Embedded => Self::Embedded,
            EngineKind::Cometbft => {
                Self::Cometbft { program: crate::cometbft::program::find()?, validators: args.validators }
            }
        })
    }

    /// In words, where it is not the usual one.
    pub(crate) fn told(&self) -> Option<String> {
        match self {
            Self::Embedded => None,
            Self::Cometbft { validators, .. } => {
                let chains = UNDER_COMETBFT.map(|institution| format!("{institution}-1")).join(" and ");
                Some(format!("The blocks of {chains} are made by CometBFT, with {validators} validator(s) each."))
            }
        }
    }
}

/// A running world.
pub(crate) struct World {
    institutions: Vec<Institution>,
    data: SandboxData,
    relayer: Mutex<Option<Relayer>>,
    relayer_store: Arc<dyn Store>,
    dir: PathBuf,
    engine: WorldEngine,
    /// Removed when it is dropped, after everything else has stopped.
    temporary: Option<tempfile::TempDir>,
}

/// An institution of the world.
pub(crate) struct Institution {
    /// Its id.
    pub(crate) id: MemberId,
    /// Its kind.
    pub(crate) kind: MemberKind,
    /// The chain it lives on.
    pub(crate) chain: ChainId,
    /// Its names, in its own language first.
    pub(crate) names: Vec<String>,
    /// The sectors that it answers for.
    pub(crate) sectors: Vec<Sector>,
    /// Where its gateway listens.
    pub(crate) grpc: SocketAddr,
    /// The RPC of its chain: `http://host:port`.
    pub(crate) rpc: String,
    /// Its folder.
    pub(crate) dir: PathBuf,
    /// Its officers.
    pub(crate) officers: Vec<OfficerKey>,
    config: Config,
    ports: Chain,
    gateway: Running,
    /// Its ledger; `None` for a guest on another one's chain.
    ledger: Option<Ledger>,
}

/// An officer with the key to approve orders.
pub(crate) struct OfficerKey {
    /// Work number.
    pub(crate) id: OfficerId,
    seed: Seed,
}

impl World {
    /// Makes a world and waits until it is ready: clients both ways, data on the chains, the relayer at work.
    pub(crate) async fn start(options: WorldOptions) -> Result<Self, Failure> {
        found::found(options).await
    }

    /// What the institutions keep.
    pub(crate) const fn data(&self) -> &SandboxData {
        &self.data
    }

    /// Its folder: one folder an institution, by id.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What makes its blocks.
    pub(crate) const fn engine(&self) -> &WorldEngine {
        &self.engine
    }

    /// The institutions.
    pub(crate) fn institutions(&self) -> &[Institution] {
        &self.institutions
    }

    /// An institution by id.
    pub(crate) fn institution(&self, id: &str) -> Result<&Institution, Failure> {
        self.institutions
            .iter()
            .find(|institution| institution.id.as_str() == id)
            .ok_or_else(|| Failure::usage(format!("the sandbox has no institution {id}")))
    }

    /// A channel to an institution's own gateway as one of its people: `reader`, `clerk`, `officer`, `operator`.
    pub(crate) async fn channel(&self, institution: &str, role: &str) -> Result<Channel, Failure> {
        let dir = &self.institution(institution)?.dir;
        ClientFile::read(&dir.join("clients").join(format!("{role}.toml")))?.connect()
    }

    /// An officer of a court, from 0.
    pub(crate) fn officer(&self, institution: &str, index: usize) -> Result<&OfficerKey, Failure> {
        let officers = &self.institution(institution)?.officers;
        officers.get(index).ok_or_else(|| Failure::usage(format!("{institution} has {} officers", officers.len())))
    }

    /// The anchor of an institution's chain.
    pub(crate) fn anchor(&self, institution: &str) -> Result<&AnchorFile, Failure> {
        Ok(&self.institution(institution)?.config.chain.anchor)
    }

    /// The ports of an institution's chain, over its RPC: nothing that they say is verified.
    pub(crate) fn chain(&self, institution: &str) -> Result<&Chain, Failure> {
        Ok(&self.institution(institution)?.ports)
    }

    /// The clients over which a court's orders reach a recipient: on the court's chain, and on the recipient's.
    pub(crate) fn client_ids(&self, court: &str, recipient: &str) -> Result<(ClientId, ClientId), Failure> {
        let (here, there) = (&self.institution(court)?.chain, &self.institution(recipient)?.chain);
        Ok((governance::client_id(there)?, governance::client_id(here)?))
    }

    /// Stops an institution's ledger; its RPC refuses connections from then on, its gateway goes on without it.
    pub(crate) async fn stop_chain(&self, institution: &str) -> Result<(), Failure> {
        self.ledger(institution)?.stop().await
    }

    /// Starts it again from its files, at the same address.
    pub(crate) async fn start_chain(&self, institution: &str) -> Result<(), Failure> {
        self.ledger(institution)?.start().await
    }

    fn ledger(&self, institution: &str) -> Result<&Ledger, Failure> {
        let chain = &self.institution(institution)?.chain;
        self.institutions
            .iter()
            .filter(|host| host.chain == *chain)
            .find_map(|host| host.ledger.as_ref())
            .ok_or_else(|| Failure::fault(format!("{chain} has no ledger in this process")))
    }

    /// Stops the relayer: nothing travels between chains.
    pub(crate) async fn stop_relayer(&self) -> Result<(), Failure> {
        if let Some(relayer) = self.relayer.lock().await.take() {
            relayer.stop().await;
        }
        Ok(())
    }

    /// Starts it again; it finds what waits.
    pub(crate) async fn start_relayer(&self) -> Result<(), Failure> {
        let mut relayer = self.relayer.lock().await;
        if relayer.is_none() {
            *relayer = Some(self.relay()?);
        }
        Ok(())
    }

    fn relay(&self) -> Result<Relayer, Failure> {
        let hosts: Vec<_> = self.institutions.iter().filter(|institution| institution.ledger.is_some()).collect();
        let ends = hosts
            .iter()
            .map(|host| {
                Ok(relay::End {
                    anchor: host.config.chain.anchor.anchor.clone(),
                    reach: Reach::Rpc(host.rpc.clone()),
                    engine: host.ledger.as_ref().and_then(Ledger::handle),
                    operator: Seed::read(&host.dir.join("keys/relayer.key"))?,
                    witnesses: Vec::new(),
                })
            })
            .collect::<Result<Vec<_>, Failure>>()?;
        let (courts, others): (Vec<&Institution>, Vec<&Institution>) =
            hosts.iter().copied().partition(|host| host.kind == MemberKind::Court);
        let mut pairs = Vec::new();
        for court in &courts {
            for other in &others {
                pairs.push(RelayPair {
                    a: (court.chain.clone(), governance::client_id(&other.chain)?),
                    b: (other.chain.clone(), governance::client_id(&court.chain)?),
                });
            }
        }
        relay::start(ends, &pairs, Arc::clone(&self.relayer_store))
    }

    /// Stops everything, in order, and removes a temporary folder.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        self.stop_relayer().await?;
        for institution in self.institutions {
            institution.gateway.stop().await;
            if let Some(ledger) = institution.ledger {
                ledger.stop().await?;
            }
        }
        match self.temporary {
            Some(folder) => folder.close().or_fault(|| "the temporary folder could not be removed".into()),
            None => Ok(()),
        }
    }
}

impl OfficerKey {
    /// Signs an order's signing bytes.
    pub(crate) fn sign(&self, signing_bytes: &[u8]) -> [u8; 64] {
        self.seed.sign(signing_bytes).bytes
    }
}
