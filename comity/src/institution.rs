//! One institution from its configuration: ledger, adapter, store, signer, gateway. `comity serve` and the sandbox share it.
//! Refuses to know more than one institution.

use crate::config::{Config, Peer};
use crate::failure::{Failure, OrFail};
use crate::keys::Seed;
use crate::{client, ledger, sectors, shutdown, signing, store, telemetry};
use comity_adapters_comet::{CometChain, CometConfig};
use comity_adapters_ports::Chain;
use comity_gateway::rest::OPENAPI_PATH;
use comity_gateway::signer::SignerClient;
use comity_gateway::{Clock, Deps, GatewayConfig, Limits, OrderClients, PeerConfig, Running};
use std::path::Path;

/// Runs the command until it is told to stop.
pub(crate) async fn serve(path: &Path) -> Result<(), Failure> {
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
    let gateway = start(&config, chain(&config, &rpc)?, signer).await?;
    println!("{}: gateway at {} (gRPC over mTLS).", config.institution, gateway.grpc_addr());
    if let Some(rest) = gateway.rest_addr() {
        println!("{}: REST at https://{rest}/v1 (mTLS), described at {OPENAPI_PATH}.", config.institution);
    }
    println!("Stops at Ctrl-C.");
    shutdown::requested().await?;
    gateway.stop().await;
    if let Some(engine) = engine {
        engine.stop().await.or_fault(|| "the ledger did not stop in good order".into())?;
    }
    Ok(())
}

/// The institution's chain through its adapter, with the operator key that grants entry.
pub(crate) fn chain(config: &Config, rpc: &str) -> Result<Chain, Failure> {
    let operator = Seed::read(&config.keys.operator)?;
    let told = CometConfig::new(rpc, config.chain.id.clone()).with_operator(*operator.bytes());
    CometChain::open(told).or_usage(|| format!("{rpc} is not the address of a chain's RPC"))
}

/// Starts the gateway over a chain that runs and a signer that can be asked.
pub(crate) async fn start(config: &Config, chain: Chain, signer: SignerClient) -> Result<Running, Failure> {
    let deps = Deps {
        chain,
        store: store::open(&config.store).await?,
        signer,
        sectors: sectors::embedded()?,
        rules: sectors::rules(&config.rules)?,
        policies: None,
    };
    comity_gateway::start(gateway_config(config)?, deps)
        .await
        .or_fault(|| format!("the gateway of {} did not start", config.institution))
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
        limits: Limits::default(),
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
