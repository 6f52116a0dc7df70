//! `comity relay`, and the relayer inside the sandbox: chains and pairs, wired.
//! Refuses to know how packets travel.

use crate::adapter::{self, Reach};
use crate::cli::relay::{RelayArgs, RelayCommand, RelayInitArgs};
use crate::config::peers::Entered;
use crate::config::relay::{self as config, NewChain, RelayChain, RelayConfig, RelayPair};
use crate::config::store::StoreConfig;
use crate::failure::{Failure, OrFail};
use crate::keys::Seed;
use crate::{shutdown, store, telemetry};
use comity_adapters_comet::{CometChain, CometConfig};
use comity_ledger_engine::Handle;
use comity_relayer_worker::{ChainConfig, Change, Changed, Limits, PathConfig, Relayer, RelayerConfig};
use comity_store::Store;
use comity_verify::light::Anchor;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long relayers over one database leave a direction to one of them that has gone silent.
const LEASE_TERM: Duration = Duration::from_secs(10);

/// A chain as the relayer is to reach it.
pub(crate) struct End {
    /// Where its headers are trusted from.
    pub(crate) anchor: Anchor,
    /// How it is reached.
    pub(crate) reach: Reach,
    /// Its embedded engine, where that runs in this process.
    pub(crate) engine: Option<Handle>,
    /// The operator key that it submits with.
    pub(crate) operator: Seed,
    /// RPCs of other nodes of the chain, whose headers are compared with its own.
    pub(crate) witnesses: Vec<String>,
}

impl End {
    /// Whether nothing is to be done for it.
    fn is(&self, other: &Self) -> bool {
        self.anchor == other.anchor
            && self.reach == other.reach
            && self.witnesses == other.witnesses
            && self.operator.ed25519() == other.operator.ed25519()
    }
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
    let (entered, by_adapter) = config::enter(&args.config, &chains, args.metrics)?;
    for chain in by_adapter {
        println!("{chain} stays reached through the adapter that {file} names: its --rpc was not entered.");
    }
    match entered {
        Entered::Changed => println!("{file} is written."),
        Entered::Unchanged => println!("{file} says so already."),
    }
    println!("Next:\n  comity relay --config {file}");
    Ok(())
}

/// Carries until it is told to stop, or its store fails. SIGHUP: reads its configuration anew.
async fn carry(path: &Path) -> Result<(), Failure> {
    // First, so that no early signal ends it.
    let mut reload = signal(SignalKind::hangup()).or_fault(|| "signals cannot be received".into())?;
    let mut config = RelayConfig::read(path)?;
    let mut ends = ends(&config)?;
    let opened = store::open(&config.store).await.map_err(|failure| match failure.code() {
        "STORE_DAMAGED" => {
            failure.help("move it aside and start again: it may be lost, the chains' state is the truth")
        }
        _ => failure,
    })?;
    telemetry::metrics(config.metrics)?;
    let told = config_of(&ends, &config, Arc::clone(&opened.store))?;
    let mut relayer = match &config.store {
        StoreConfig::File(_) => Relayer::start(told),
        StoreConfig::Database(_) => Relayer::start_among(told, LEASE_TERM),
    }
    .or_usage(unserved)?;
    println!(
        "Relaying between {} pairs of chains. Stops at Ctrl-C; SIGHUP reads the configuration anew.",
        config.pairs.len()
    );
    let failed = opened.failed();
    tokio::pin!(failed);
    let end = loop {
        tokio::select! {
            asked = shutdown::requested() => break asked,
            failure = &mut failed => break Err(failure),
            _ = reload.recv() => match changed(path, &config, &ends, &mut relayer) {
                Ok((new, new_ends, changed)) => {
                    println!(
                        "Relaying between {} pairs of chains by the new configuration: {} begun, {} left, {} went on.",
                        new.pairs.len(), changed.begun, changed.left, changed.went_on
                    );
                    (config, ends) = (new, new_ends);
                }
                Err(failure) => {
                    let report = miette::Report::new(failure);
                    eprintln!("The new configuration was refused; everything goes on by the old one.\n{report:?}");
                }
            },
        }
    };
    relayer.stop().await;
    end
}

/// The configuration as it is now, checked whole and then put in force whole.
fn changed(
    path: &Path,
    before: &RelayConfig,
    ends_before: &[End],
    relayer: &mut Relayer,
) -> Result<(RelayConfig, Vec<End>, Changed), Failure> {
    let config = RelayConfig::read(path)?;
    if config.at_start != before.at_start {
        return Err(Failure::usage("[store] and listen.metrics are read at the start only")
            .help("put them back, or start the relayer anew"));
    }
    let ends = ends(&config)?;
    let (kept, new): (Vec<&End>, Vec<&End>) =
        ends.iter().partition(|end| ends_before.iter().any(|before| before.is(end)));
    let change = Change {
        kept: kept.into_iter().map(|end| end.anchor.chain_id.clone()).collect(),
        chains: new.into_iter().map(chain).collect::<Result<_, _>>()?,
        paths: config.pairs.iter().map(path_of).collect(),
        limits: config.limits.clone(),
    };
    let changed = relayer.change(change).or_usage(unserved)?;
    Ok((config, ends, changed))
}

fn ends(config: &RelayConfig) -> Result<Vec<End>, Failure> {
    let end = |chain: &RelayChain| {
        Ok(End {
            anchor: chain.anchor.anchor.clone(),
            reach: chain.reach.clone(),
            engine: None,
            operator: Seed::read(&chain.operator)?,
            witnesses: chain.witnesses.clone(),
        })
    };
    config.chains.iter().map(end).collect()
}

/// Starts a relayer. A chain that does not answer now is waited for.
pub(crate) fn start(ends: Vec<End>, pairs: &[RelayPair], store: Arc<dyn Store>) -> Result<Relayer, Failure> {
    Relayer::start(told(&ends, pairs, Limits::default(), store)?).or_usage(unserved)
}

fn unserved() -> String {
    "the relayer cannot serve these pairs".into()
}

fn config_of(ends: &[End], config: &RelayConfig, store: Arc<dyn Store>) -> Result<RelayerConfig, Failure> {
    told(ends, &config.pairs, config.limits.clone(), store)
}

fn told(ends: &[End], pairs: &[RelayPair], limits: Limits, store: Arc<dyn Store>) -> Result<RelayerConfig, Failure> {
    let chains = ends.iter().map(chain).collect::<Result<Vec<_>, Failure>>()?;
    Ok(RelayerConfig { chains, paths: pairs.iter().map(path_of).collect(), store, limits })
}

fn chain(end: &End) -> Result<ChainConfig, Failure> {
    let witnesses = end.witnesses.iter().map(|rpc| {
        let unusable = || format!("the witness {rpc} of {} is unusable", end.anchor.chain_id);
        let told = CometConfig::new(rpc.clone(), end.anchor.chain_id.clone());
        Ok(CometChain::open(told).or_usage(unusable)?.headers)
    });
    let witnesses = witnesses.collect::<Result<Vec<_>, Failure>>()?;
    let chain = adapter::open_beside(end.engine.clone(), &end.anchor.chain_id, &end.reach, &end.operator)?;
    Ok(ChainConfig { chain, anchor: end.anchor.clone(), witnesses })
}

fn path_of(pair: &RelayPair) -> PathConfig {
    PathConfig { a: pair.a.0.clone(), a_client: pair.a.1.clone(), b: pair.b.0.clone(), b_client: pair.b.1.clone() }
}
