//! One institution from its configuration: ledger, adapter, store, signer, gateway. `comity serve` and the sandbox share it.
//! Refuses to know more than one institution.

use crate::config::deposits::{BucketSection, DepositsConfig, TimestampsConfig};
use crate::config::public::PublicSection;
use crate::config::{Config, Peer};
use crate::failure::{Failure, OrFail};
use crate::keys::Seed;
use crate::{adapter, client, ledger, sectors, shutdown, signing, store, telemetry, tsa, witness};
use comity_adapters_ports::Chain;
use comity_deposits::{Log, LogFault};
use comity_gateway::rest::OPENAPI_PATH;
use comity_gateway::signer::SignerClient;
use comity_gateway::{Clock, DepositLog, Deps, GatewayConfig, OrderClients, PeerConfig, Running, Timestamps};
use comity_ledger_engine::{Engine, Handle};
use comity_store::Store;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long an institution whose disk failed may take to stop.
const STOP_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Runs the command until it is told to stop, or its store or ledger fails. SIGHUP: takes renewed certificates.
pub(crate) async fn serve(path: &Path) -> Result<(), Failure> {
    // First, so that no early signal ends it.
    let mut renewed = signal(SignalKind::hangup()).or_fault(|| "signals cannot be received".into())?;
    let config = Config::read(path)?;
    telemetry::metrics(config.metrics)?;
    let engine = match &config.engine {
        Some(engine) => Some(ledger::start(engine, engine.listen).await?),
        None => None,
    };
    if let Some(engine) = &engine {
        println!("{}: RPC at http://{}. {}.", config.chain.id, engine.rpc_addr(), ledger::ONE_OPERATOR);
    }
    let rpc = match &engine {
        Some(engine) => format!("http://{}", engine.rpc_addr()),
        None => config.rpc_url(),
    };
    let signer = signing::connect(&config)?;
    let ports = chain_beside(engine.as_ref().map(Engine::handle), &config, &rpc)?;
    let opened = store::open(&config.store).await?;
    let gateway = start(&config, ports, opened.store.clone(), signer).await?;
    println!("{}: gateway at {} (gRPC over mTLS).", config.institution, gateway.grpc_addr());
    if let Some(rest) = gateway.rest_addr() {
        println!("{}: REST at https://{rest}/v1 (mTLS), described at {OPENAPI_PATH}.", config.institution);
    }
    if let Some(url) = gateway.public_url() {
        println!("{}: public page at {url}/", config.institution);
    }
    println!("Stops at Ctrl-C; SIGHUP takes renewed certificates.");
    let halted = engine.as_ref().map(Engine::handle);
    let ended = async {
        tokio::select! {
            asked = shutdown::requested() => asked,
            failure = opened.failed() => Err(failure),
            failure = ledger::halted(halted) => Err(failure),
        }
    };
    tokio::pin!(ended);
    let end = loop {
        tokio::select! {
            end = &mut ended => break end,
            _ = renewed.recv() => match renew(&config, &gateway) {
                Ok(()) => println!("Certificates were taken anew: connections that come see them."),
                Err(failure) => {
                    let report = miette::Report::new(failure);
                    eprintln!("The new certificates were refused; the old ones stay in use.\n{report:?}");
                }
            },
        }
    };
    let stop = async {
        gateway.stop().await;
        match engine {
            Some(engine) => engine.stop().await.or_fault(|| "the ledger did not stop in good order".into()),
            None => Ok(()),
        }
    };
    match end {
        Ok(()) => stop.await,
        // Whoever watches over the process is told soon, whatever still waits for the disk.
        Err(failure) => {
            let _ = tokio::time::timeout(STOP_AFTER_FAILURE, stop).await;
            Err(failure)
        }
    }
}

/// Takes certificates and keys as they are in their files now: all of them or none.
fn renew(config: &Config, gateway: &Running) -> Result<(), Failure> {
    let members = client::tls_material(&config.tls.certificate, &config.tls.key, &config.tls.authority)?;
    let public = config.public.as_ref().map(PublicSection::material).transpose()?.flatten();
    gateway.reload_tls(&members, public.as_ref()).or_usage(|| "the certificates cannot be used".into())
}

/// The institution's chain through its adapter, with the operator key that grants entry.
pub(crate) fn chain(config: &Config, rpc: &str) -> Result<Chain, Failure> {
    chain_beside(None, config, rpc)
}

/// The same, whose `engine` may run in this process.
pub(crate) fn chain_beside(engine: Option<Handle>, config: &Config, rpc: &str) -> Result<Chain, Failure> {
    let operator = Seed::read(&config.keys.operator)?;
    adapter::open_beside(engine, &config.chain.id, &config.reach(rpc), &operator)
}

/// Starts the gateway over a chain that runs and a signer that can be asked.
pub(crate) async fn start(
    config: &Config,
    chain: Chain,
    store: Arc<dyn Store>,
    signer: SignerClient,
) -> Result<Running, Failure> {
    let deps = Deps {
        chain,
        store,
        signer,
        sectors: sectors::embedded()?,
        rules: sectors::rules(&config.rules)?,
        deposits: config.deposits.as_ref().map(open_log).transpose()?.flatten(),
        policies: None,
    };
    // Read before anything is opened.
    let public = config.public.as_ref().map(|public| public.told(config.chain.anchor.text())).transpose()?;
    let mut gateway = comity_gateway::start(gateway_config(config)?, deps)
        .await
        .or_fault(|| format!("the gateway of {} did not start", config.institution))?;
    if let Some(public) = public
        && let Err(error) = gateway.open_public(public)
    {
        gateway.stop().await;
        return Err(Failure::fault(format!("the public port of {} was not opened", config.institution)).because(error));
    }
    Ok(gateway)
}

/// The log of deposits; nothing where another gateway of this institution has it open.
fn open_log(config: &DepositsConfig) -> Result<Option<DepositLog>, Failure> {
    let policy = config.policy.as_deref().map(witness::policy).transpose()?;
    if let (Some(policy), Some(path)) = (&policy, &config.policy) {
        witness::can_be_asked(policy, path)?;
    }
    let bucket = config.bucket.as_ref().map(BucketSection::open).transpose()?;
    let timestamps = config.timestamps.as_ref().map(timestamps).transpose()?;
    match Log::open(&config.folder, comity_deposits::Options::default()) {
        Ok(log) => Ok(Some(DepositLog { log: Arc::new(log), policy, bucket, timestamps })),
        Err(LogFault::InUse(folder)) => {
            tracing::warn!(folder = %folder.display(), "another process keeps the log of deposits; this one keeps none");
            Ok(None)
        }
        Err(fault) => {
            let what = format!("the log of deposits in {} did not open", config.folder.display());
            Err(Failure::fault(what).because(fault))
        }
    }
}

fn timestamps(config: &TimestampsConfig) -> Result<Timestamps, Failure> {
    let authorities = tsa::authorities(&config.authorities)?;
    Ok(Timestamps { url: config.url.clone(), authorities, every: config.every })
}

fn gateway_config(config: &Config) -> Result<GatewayConfig, Failure> {
    let anchor = &config.chain.anchor;
    Ok(GatewayConfig {
        institution: config.institution.clone(),
        kind: config.kind,
        listen: config.grpc,
        rest: config.rest,
        tls: client::tls_material(&config.tls.certificate, &config.tls.key, &config.tls.authority)?,
        peers: config.peers.iter().map(peer).collect(),
        anchor: anchor.anchor.clone(),
        encryption_key: Seed::read(&config.keys.encryption)?.into_secret(),
        lookup_key: config.keys.lookup.as_deref().map(Seed::read).transpose()?.map(Seed::into_secret),
        limits: config.limits,
        decide: config.decide,
        following: config.following.clone(),
        clock: Clock::system(),
    })
}

fn peer(peer: &Peer) -> PeerConfig {
    PeerConfig {
        member: peer.anchor.member.clone(),
        kind: peer.anchor.kind,
        address: peer.anchor.gateway.clone(),
        ca_pem: peer.anchor.authority_pem.clone(),
        anchor: peer.anchor.anchor.clone(),
        clients: peer.clients.clone().map(|(here, there)| OrderClients { source_client: here, dest_client: there }),
    }
}
