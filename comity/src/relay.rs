//! `comity relay`, and the relayer inside the sandbox: chains and pairs, wired.
//! Refuses to know how packets travel.

use crate::cli::relay::{RelayArgs, RelayCommand, RelayInitArgs};
use crate::config::peers::Entered;
use crate::config::relay::{self as config, NewChain, RelayConfig, RelayPair};
use crate::config::store::StoreConfig;
use crate::failure::{Failure, OrFail};
use crate::keys::Seed;
use crate::{shutdown, store, telemetry};
use comity_adapters_comet::{CometChain, CometConfig};
use comity_relayer_worker::{ChainConfig, Limits, PathConfig, Relayer, RelayerConfig};
use comity_store::Store;
use comity_verify::light::Anchor;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long relayers over one database leave a direction to one of them that has gone silent.
const LEASE_TERM: Duration = Duration::from_secs(10);

/// A chain as the relayer is to reach it.
pub(crate) struct End {
    /// Where its headers are trusted from.
    pub(crate) anchor: Anchor,
    /// Its RPC.
    pub(crate) rpc: String,
    /// The operator key that it submits with.
    pub(crate) operator: Seed,
    /// RPCs of other nodes of the chain, whose headers are compared with its own.
    pub(crate) witnesses: Vec<String>,
}

/// Runs the command.
pub(crate) async fn run(args: RelayArgs) -> Result<(), Failure> {
    match (args.command, args.config) {
        (Some(RelayCommand::Init(args)), _) => init(args),
        (None, Some(path)) => carry(&path).await,
        (None, None) => {
            let what = "a relayer runs by its configuration: `comity relay --config FILE`";
            Err(Failure::usage(what).help("`comity relay init` makes one"))
        }
    }
}

/// Makes a configuration, or enters chains into it.
fn init(args: RelayInitArgs) -> Result<(), Failure> {
    let number = args.anchors.len();
    if number < 2 || args.rpcs.len() != number || args.operators.len() != number {
        return Err(Failure::usage(
            "a relayer carries between two chains at least, each with its anchor, RPC and operator key",
        )
        .help("give --anchor, --rpc and --operator once for each chain, in the same order"));
    }
    let chains: Vec<NewChain> = args
        .anchors
        .into_iter()
        .zip(args.rpcs)
        .zip(args.operators)
        .map(|((anchor, rpc), operator)| NewChain { anchor, rpc, operator })
        .collect();
    let file = args.config.display();
    match config::enter(&args.config, &chains, args.metrics)? {
        Entered::Changed => println!("{file} is written."),
        Entered::Unchanged => println!("{file} says so already."),
    }
    println!("Next:\n  comity relay --config {file}");
    Ok(())
}

/// Carries until it is told to stop.
async fn carry(path: &Path) -> Result<(), Failure> {
    let config = RelayConfig::read(path)?;
    let ends = config
        .chains
        .iter()
        .map(|chain| {
            Ok(End {
                anchor: chain.anchor.anchor.clone(),
                rpc: chain.rpc.clone(),
                operator: Seed::read(&chain.operator)?,
                witnesses: chain.witnesses.clone(),
            })
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let store = store::open(&config.store).await?;
    telemetry::metrics(config.metrics)?;
    let relayer = match &config.store {
        StoreConfig::File(_) => start(ends, &config.pairs, store)?,
        StoreConfig::Database(_) => start_among(ends, &config.pairs, store)?,
    };
    println!("Relaying between {} pairs of chains. Stops at Ctrl-C.", config.pairs.len());
    shutdown::requested().await?;
    relayer.stop().await;
    Ok(())
}

/// Starts a relayer. A chain that does not answer now is waited for.
pub(crate) fn start(ends: Vec<End>, pairs: &[RelayPair], store: Arc<dyn Store>) -> Result<Relayer, Failure> {
    Relayer::start(config(ends, pairs, store)?).or_usage(unserved)
}

/// The same beside other relayers over one database.
fn start_among(ends: Vec<End>, pairs: &[RelayPair], store: Arc<dyn Store>) -> Result<Relayer, Failure> {
    Relayer::start_among(config(ends, pairs, store)?, LEASE_TERM).or_usage(unserved)
}

fn unserved() -> String {
    "the relayer cannot serve these pairs".into()
}

fn config(ends: Vec<End>, pairs: &[RelayPair], store: Arc<dyn Store>) -> Result<RelayerConfig, Failure> {
    let chains = ends
        .into_iter()
        .map(|end| {
            let witnesses = end.witnesses.into_iter().map(|rpc| {
                let unusable = || format!("the witness {rpc} of {} is unusable", end.anchor.chain_id);
                let told = CometConfig::new(rpc.clone(), end.anchor.chain_id.clone());
                Ok(CometChain::open(told).or_usage(unusable)?.headers)
            });
            let witnesses = witnesses.collect::<Result<Vec<_>, Failure>>()?;
            let told = CometConfig::new(end.rpc, end.anchor.chain_id.clone()).with_operator(*end.operator.bytes());
            let chain =
                CometChain::open(told).or_usage(|| format!("the RPC of {} is unusable", end.anchor.chain_id))?;
            Ok(ChainConfig { chain, anchor: end.anchor, witnesses })
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let paths = pairs
        .iter()
        .map(|pair| PathConfig {
            a: pair.a.0.clone(),
            a_client: pair.a.1.clone(),
            b: pair.b.0.clone(),
            b_client: pair.b.1.clone(),
        })
        .collect();
    Ok(RelayerConfig { chains, paths, store, limits: Limits::default() })
}
