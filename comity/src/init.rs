//! `comity init`: makes an institution whole, or nothing: keys, certificates, genesis, first block, configuration, anchor.
//! Refuses to touch what is there already.

use crate::anchor::{AnchorFile, CLOCK_DRIFT_S, TRUSTING_PERIOD_S};
use crate::cli::InitArgs;
use crate::cli::ledger::EngineKind;
use crate::cometbft::homes;
use crate::config::deposits::DepositsConfig;
use crate::config::store::StoreConfig;
use crate::config::{ChainConfig, Config, EngineConfig, KeysConfig, SignerConfig, TlsConfig, heartbeat_s, text};
use crate::failure::{Failure, OrFail};
use crate::home::{Home, Plan, sectors_of};
use crate::{clock, files, ledger};
use comity_adapters_comet::{CometChain, CometConfig};
use comity_ledger_engine::Engine;
use comity_model::profile::Profile;
use comity_model::{Height, MemberId, OfficerId, Sector};
use comity_verify::light::Anchor;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// Runs the command.
pub(crate) async fn run(args: InitArgs) -> Result<(), Failure> {
    let target = args.dir.clone();
    let plan = plan(&args)?;
    // Made aside and moved at the end: a run that fails leaves nothing behind.
    let parent = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    files::make_folder(&parent)?;
    if target.exists() {
        files::make_empty_folder(&target)?;
    }
    let aside = tempfile::Builder::new()
        .prefix(".comity-init-")
        .tempdir_in(&parent)
        .or_fault(|| format!("nothing can be made in {}", parent.display()))?;
    let folder = aside.path().join("home");
    make(&folder, plan, &args).await?;
    std::fs::rename(&folder, &target).or_fault(|| format!("{} could not be made", target.display()))?;
    say(&args, &target);
    Ok(())
}

fn plan(args: &InitArgs) -> Result<Plan, Failure> {
    let sectors = if args.sectors.is_empty() {
        sectors_of(args.kind).iter().filter_map(|name| name.parse().ok()).collect()
    } else {
        args.sectors.clone()
    };
    let default_officers = || -> Vec<OfficerId> {
        let court = args.kind == crate::cli::Kind::Court;
        ["J-1001", "J-1002", "J-1003"].iter().filter(|_| court).filter_map(|id| id.parse().ok()).collect()
    };
    let chain = format!("{}-1", args.institution);
    Ok(Plan {
        institution: args.institution.clone(),
        kind: args.kind.into(),
        chain: match &args.chain {
            Some(chain) => chain.clone(),
            None => chain.parse().or_usage(|| format!("{chain} is no chain id; give one with --chain"))?,
        },
        names: if args.names.is_empty() { vec![args.institution.to_string()] } else { args.names.clone() },
        sectors,
        officers: if args.officers.is_empty() { default_officers() } else { args.officers.clone() },
        grpc: args.grpc,
        suite: args.suite.into(),
    })
}

async fn make(folder: &Path, plan: Plan, args: &InitArgs) -> Result<(), Failure> {
    let now = clock::now();
    let home = Home::create(folder, plan, now)?;
    let profiles = profiles(&home.plan.sectors, &home.plan.institution)?;
    if args.engine.engine == EngineKind::Cometbft {
        return homes::found(&home, profiles, args, now);
    }
    home.create_chain(&[&home], profiles, now)?;
    let engine_config = engine_config(&home, args.rpc);
    let engine = ledger::start(&engine_config, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let anchor = anchor(&home, &engine).await;
    engine.stop().await.or_fault(|| "the ledger did not stop".into())?;
    let mut config = config(&home, anchor?, Some(engine_config), args.signer);
    config.rest = Some(args.rest);
    config.metrics = Some(args.metrics);
    write(&home, &config)
}

/// Writes the anchor file and the configuration of an institution, and the folder for peers' anchors.
pub(crate) fn write(home: &Home, config: &Config) -> Result<(), Failure> {
    let anchor = home.dir.join(format!("{}.anchor", home.plan.institution));
    files::write_public(&anchor, config.chain.anchor.text())?;
    files::write_public(&home.dir.join("comity.toml"), text(config, &home.dir))?;
    for peer in &config.peers {
        let path = home.dir.join("peers").join(format!("{}.anchor", peer.anchor.member));
        files::write_public(&path, peer.anchor.text())?;
    }
    files::make_folder(&home.dir.join("peers"))
}

/// The profiles of these sectors, answered by `institution`.
pub(crate) fn profiles(sectors: &[Sector], institution: &MemberId) -> Result<Vec<Profile>, Failure> {
    let known = crate::sectors::embedded()?;
    sectors
        .iter()
        .map(|name| {
            let schema = known.sector(name).ok_or_else(|| {
                let names: Vec<_> = known.iter().map(|schema| schema.name.to_string()).collect();
                Failure::usage(format!("there is no sector {name}"))
                    .help(format!("sectors that are known: {}", names.join(", ")))
            })?;
            Ok(match &schema.profile {
                Some(template) => template.profile(institution.clone()),
                None => Profile { sector: name.clone(), institution: institution.clone(), kinds: Vec::new() },
            })
        })
        .collect()
}

/// The embedded engine of a home.
pub(crate) fn engine_config(home: &Home, listen: SocketAddr) -> EngineConfig {
    EngineConfig {
        listen,
        folder: home.dir.join("data/chain"),
        genesis: home.dir.join("genesis.bin"),
        validators: home.validator_keys(),
        heartbeat_s: heartbeat_s(),
    }
}

/// The anchor of a chain that has just begun: its first block.
pub(crate) async fn anchor(home: &Home, engine: &Engine) -> Result<AnchorFile, Failure> {
    let failed = || "the first block could not be read".to_owned();
    let rpc = format!("http://{}", engine.rpc_addr());
    let chain = CometChain::connect(CometConfig::new(rpc, home.plan.chain.clone())).await.or_fault(failed)?;
    let block = chain.headers.light_block(Height(1)).await.or_fault(failed)?;
    Ok(anchor_file(
        home,
        Anchor {
            operators: engine.status().operators,
            chain_id: home.plan.chain.clone(),
            height: block.header.height,
            header_hash: block.header.hash(),
            validators_hash: block.header.validators_hash,
            trusting_period_secs: TRUSTING_PERIOD_S,
            clock_drift_secs: CLOCK_DRIFT_S,
            suites: home.plan.suites(),
        },
    ))
}

/// The anchor file of an institution that lives on the chain of `anchor`.
pub(crate) fn anchor_file(home: &Home, anchor: Anchor) -> AnchorFile {
    AnchorFile {
        member: home.plan.institution.clone(),
        kind: home.plan.kind,
        gateway: home.plan.grpc.to_string(),
        authority_pem: home.authority_pem.clone(),
        anchor,
    }
}

/// The configuration of a home.
pub(crate) fn config<A>(home: &Home, anchor: A, engine: Option<EngineConfig>, signer: SocketAddr) -> Config<A> {
    let tls = |name: &str| home.dir.join("tls").join(name);
    Config {
        institution: home.plan.institution.clone(),
        kind: home.plan.kind,
        grpc: home.plan.grpc,
        rest: None,
        metrics: None,
        chain: ChainConfig { id: home.plan.chain.clone(), anchor, rpc: None, adapter: None },
        tls: TlsConfig { certificate: tls("gateway.crt"), key: tls("gateway.key"), authority: tls("authority.crt") },
        keys: KeysConfig {
            operator: home.key("operator"),
            encryption: home.key("encryption"),
            lookup: Some(home.key("lookup")),
            governors: if engine.is_some() { home.governor_keys() } else { Vec::new() },
        },
        engine,
        store: StoreConfig::File(home.dir.join("data/gateway.redb")),
        signer: SignerConfig {
            address: signer,
            key: home.key("seal"),
            certificate: tls("signer.crt"),
            certificate_key: tls("signer.key"),
            officers: home.officers.clone(),
        },
        peers: Vec::new(),
        decide: comity_gateway::DecidePolicy::default(),
        following: comity_gateway::following::Following::default(),
        limits: comity_gateway::Limits::default(),
        rules: Vec::new(),
        deposits: (home.plan.kind == comity_model::member::MemberKind::Court).then(|| DepositsConfig {
            folder: home.dir.join("deposits"),
            policy: None,
            bucket: None,
            timestamps: None,
        }),
        public: None,
    }
}

fn say(args: &InitArgs, target: &Path) {
    if args.engine.engine == EngineKind::Cometbft {
        return homes::say(args, target);
    }
    let dir = target.display();
    println!("{} is ready in {dir}.", args.institution);
    println!("  comity.toml          configuration, with comments");
    println!("  {}.anchor   hand it out: it says which chain to believe, and where you are", args.institution);
    println!("  clients/<role>.toml  for your own people: comity … --as {dir}/clients/clerk.toml");
    println!(
        "  keys/, tls/          secrets; keys/seal.key is for the signer alone, keys/governor-*.key for different people"
    );
    println!("Next:");
    println!("  comity sign  --config {dir}/comity.toml");
    println!("  comity serve --config {dir}/comity.toml");
    println!("  comity link  --config {dir}/comity.toml --anchor <their anchor file> --rpc <their chain's RPC>");
    println!("Note: {}.", ledger::ONE_OPERATOR);
}
