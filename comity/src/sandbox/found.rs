//! How the world comes to be: homes, ledgers, anchors, clients both ways, gateways, data, relayer.
//! Refuses to take shortcuts: everything goes the way that separate institutions would go, in one process.

use super::data::{self, SandboxData};
use super::ledger::Ledger;
use super::load;
use super::plan::{SITES, Site, UNDER_COMETBFT};
use super::ports::Reserved;
use super::progress::Progress;
use super::validators::{Candidates, Validators};
use super::{Institution, OfficerKey, World, WorldEngine, WorldOptions};
use crate::anchor::AnchorFile;
use crate::config::public::PublicSection;
use crate::config::store::StoreConfig;
use crate::config::{Config, Peer};
use crate::failure::{Failure, OrFail};
use crate::home::{Home, Plan};
use crate::keys::Seed;
use crate::{clock, config, files, governance, init, institution, signing, store};
use comity_adapters_ports::Chain;
use comity_gateway::signer::SignerClient;
use comity_model::genesis::Genesis;
use comity_model::member::MemberKind;
use comity_model::profile::Profile;
use comity_model::seal::Suite;
use comity_model::{MemberId, Time};
use futures::future::{try_join, try_join_all};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use tokio::sync::Mutex;

/// Rules of the sandbox's courts.
const RULES: &str = include_str!("rules.toml");

/// Steps that [`found`] announces.
const STEPS: u64 = 6;

/// An institution on its way: what is known before its gateway runs.
struct Founded {
    site: &'static Site,
    home: Home,
    grpc: Reserved,
    rest: Reserved,
    signer: Reserved,
    chain: OwnChain,
}

/// What becomes of an institution's own chain.
enum OwnChain {
    /// It is a guest on another one's.
    None,
    /// Its first state is written.
    Embedded,
    /// The same, with the homes of its validators.
    Cometbft(Box<(Validators, Genesis)>),
    /// It runs.
    Begun(Box<Ledger>),
}

/// Makes the world.
pub(super) async fn found(options: WorldOptions) -> Result<World, Failure> {
    let progress = Progress::new(STEPS, options.quiet);
    progress.step("keys and certificates of eleven institutions");
    let (dir, temporary) = folder(options.dir)?;
    let seed = options.seed;
    let data = tokio::task::spawn_blocking(move || data::generate(seed));
    let root = dir.clone();
    let engine = options.engine.clone();
    let homes = tokio::task::spawn_blocking(move || homes(&root, &engine, clock::now()))
        .await
        .or_fault(|| "the homes were not made".into())??;

    progress.step("six ledgers make their first blocks");
    let founded = try_join_all(homes.into_iter().map(start_ledger)).await?;
    let configs = configs(&founded, options.rate_per_second)?;

    progress.step("light clients, both ways, by the governors' proposals");
    let chains = founded.iter().zip(&configs).map(|(one, config)| {
        let engine = ledger_of(&founded, one.site.chain_of)?.handle();
        institution::chain_beside(engine, config, &config.rpc_url())
    });
    let chains = chains.collect::<Result<Vec<_>, Failure>>()?;
    link(&founded, &configs, &chains).await?;

    progress.step("gateways and signers");
    let mut institutions = Vec::new();
    for ((founded, config), ports) in founded.into_iter().zip(configs).zip(chains) {
        institutions.push(open(founded, config, ports));
    }
    let institutions = try_join_all(institutions).await?;

    let data = data.await.or_fault(|| "the sandbox's data were not made".into())?;
    progress.step(format!("{} records and their commitments", count(&data)));
    load::load(&institutions, &data).await?;

    progress.step("the relayer");
    let relayer_store = store::open(&StoreConfig::File(dir.join("relayer/relayer.redb"))).await?.store;
    let (relayer, engine) = (Mutex::new(None), options.engine);
    let world = World { institutions, data, relayer, relayer_store, dir, engine, temporary };
    world.start_relayer().await?;
    Ok(world)
}

fn folder(dir: Option<PathBuf>) -> Result<(PathBuf, Option<tempfile::TempDir>), Failure> {
    match dir {
        Some(dir) => {
            files::make_empty_folder(&dir)?;
            let dir = dir.canonicalize().or_fault(|| "the folder's path cannot be read".into())?;
            Ok((dir, None))
        }
        None => {
            let temporary = tempfile::Builder::new()
                .prefix("comity-")
                .tempdir()
                .or_fault(|| "there is no place for temporary files".into())?;
            Ok((temporary.path().to_path_buf(), Some(temporary)))
        }
    }
}

fn count(data: &SandboxData) -> usize {
    data.sectors.iter().map(|sector| sector.records.len()).sum()
}

/// Homes of all institutions, and the first states of their chains.
fn homes(root: &Path, engine: &WorldEngine, now: Time) -> Result<Vec<Founded>, Failure> {
    let mut founded = Vec::new();
    for site in SITES {
        let (grpc, rest, signer) = (Reserved::new()?, Reserved::new()?, Reserved::new()?);
        let home = Home::create(&root.join(site.id), plan(site, &grpc)?, now)?;
        founded.push(Founded { site, home, grpc, rest, signer, chain: OwnChain::None });
    }
    let mut chains = Vec::new();
    for host in founded.iter().filter(|founded| founded.site.hosts()) {
        let living: Vec<&Home> =
            founded.iter().filter(|guest| guest.site.chain_of == host.site.id).map(|guest| &guest.home).collect();
        let mut profiles = Vec::new();
        for home in &living {
            profiles.extend(init::profiles(&home.plan.sectors, &home.plan.institution)?);
        }
        chains.push((host.site.id, chain(&host.home, host.site, &living, profiles, engine, now)?));
    }
    for (host, chain) in chains {
        if let Some(host) = founded.iter_mut().find(|one| one.site.id == host) {
            host.chain = chain;
        }
    }
    Ok(founded)
}

/// The first state of a host's chain, and what its engine needs.
fn chain(
    home: &Home,
    site: &Site,
    living: &[&Home],
    profiles: Vec<Profile>,
    engine: &WorldEngine,
    now: Time,
) -> Result<OwnChain, Failure> {
    match engine {
        WorldEngine::Cometbft { program, validators } if UNDER_COMETBFT.contains(&site.id) => {
            let candidates = Candidates::new(site.id, *validators)?;
            let genesis = home.create_chain_of(&candidates.keys(), living, profiles, now)?;
            let validators = candidates.settle(&home.dir, &genesis, program)?;
            Ok(OwnChain::Cometbft(Box::new((validators, genesis))))
        }
        _ => {
            home.create_chain(living, profiles, now)?;
            Ok(OwnChain::Embedded)
        }
    }
}

fn plan(site: &Site, grpc: &Reserved) -> Result<Plan, Failure> {
    let bad = || format!("the sandbox's plan of {} is malformed", site.id);
    Ok(Plan {
        institution: site.id.parse().or_fault(bad)?,
        kind: site.kind,
        chain: format!("{}-1", site.chain_of).parse().or_fault(bad)?,
        names: site.names.iter().map(|name| (*name).to_owned()).collect(),
        sectors: site.sectors.iter().map(|name| name.parse()).collect::<Result<_, _>>().or_fault(bad)?,
        officers: site.officers.iter().map(|id| id.parse()).collect::<Result<_, _>>().or_fault(bad)?,
        grpc: grpc.address(),
        suite: Suite::Ed25519Sha256,
    })
}

async fn start_ledger(mut founded: Founded) -> Result<Founded, Failure> {
    founded.chain = match founded.chain {
        OwnChain::Embedded => OwnChain::Begun(Box::new(Ledger::embedded(&founded.home).await?)),
        OwnChain::Cometbft(chain) => {
            let (validators, genesis) = *chain;
            OwnChain::Begun(Box::new(Ledger::under_cometbft(validators, &genesis).await?))
        }
        other => other,
    };
    Ok(founded)
}

/// Configurations of all institutions, with each other's anchors; their files are written.
fn configs(founded: &[Founded], rate: Option<NonZeroU32>) -> Result<Vec<Config>, Failure> {
    let mut configs = Vec::new();
    for one in founded {
        let ledger = ledger_of(founded, one.site.chain_of)?;
        let anchor = init::anchor_file(&one.home, ledger.anchor.clone());
        let own_engine = one.site.hosts().then(|| ledger.engine().cloned()).flatten();
        let mut config = init::config(&one.home, anchor, own_engine, one.signer.address());
        if one.site.hosts() {
            config.keys.governors = one.home.governor_keys();
        }
        if one.site.kind == MemberKind::Court {
            let path = one.home.dir.join("rules.toml");
            files::write_public(&path, RULES)?;
            config.rules.push(path);
        }
        config.rest = Some(one.rest.address());
        if config.deposits.is_some() {
            config.public = Some(PublicSection::local(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))));
        }
        if let Some(rate) = rate {
            config.limits = config::limits::with_rate(config.limits, rate)?;
        }
        if config.engine.is_none() {
            config.chain.rpc = Some(ledger.rpc.clone());
        }
        configs.push(config);
    }
    let anchors: Vec<AnchorFile> = configs.iter().map(|config| config.chain.anchor.clone()).collect();
    for (config, one) in configs.iter_mut().zip(founded) {
        config.peers = anchors
            .iter()
            .filter(|anchor| anchor.member != config.institution)
            .map(|anchor| peer(config, anchor))
            .collect::<Result<_, _>>()?;
        init::write(&one.home, config)?;
    }
    Ok(configs)
}

fn ledger_of<'a>(founded: &'a [Founded], host: &str) -> Result<&'a Ledger, Failure> {
    let host = founded.iter().find(|one| one.site.id == host);
    match host.map(|host| &host.chain) {
        Some(OwnChain::Begun(ledger)) => Ok(ledger),
        _ => Err(Failure::fault("a chain of the sandbox has no ledger")),
    }
}

/// A peer as an institution knows it. Orders travel between courts and the others: only there are clients.
fn peer(config: &Config, anchor: &AnchorFile) -> Result<Peer, Failure> {
    let (here, there) = (&config.chain.id, &anchor.anchor.chain_id);
    let ordered = (config.kind == MemberKind::Court) != (anchor.kind == MemberKind::Court);
    let clients =
        ordered.then(|| Ok::<_, Failure>((governance::client_id(there)?, governance::client_id(here)?))).transpose()?;
    Ok(Peer { anchor: anchor.clone(), clients })
}

/// Clients between every court's chain and every other, and the others' institutions copied to the court's chain.
async fn link(founded: &[Founded], configs: &[Config], chains: &[Chain]) -> Result<(), Failure> {
    let hosts: Vec<Host<'_>> = founded
        .iter()
        .zip(configs)
        .zip(chains)
        .filter(|((founded, _), _)| founded.site.hosts())
        .map(|((founded, config), chain)| Host { home: &founded.home, config, chain })
        .collect();
    let (courts, others): (Vec<&Host<'_>>, Vec<&Host<'_>>) =
        hosts.iter().partition(|host| host.config.kind == MemberKind::Court);
    for court in courts {
        let there = try_join_all(others.iter().map(|other| other.watch(court)));
        let here = async {
            // Proposals of one chain are numbered: one after the other.
            for other in &others {
                court.watch(other).await?;
            }
            try_join_all(others.iter().map(|other| court.import(other))).await
        };
        try_join(there, here).await?;
    }
    Ok(())
}

struct Host<'a> {
    home: &'a Home,
    config: &'a Config,
    chain: &'a Chain,
}

impl Host<'_> {
    async fn watch(&self, other: &Self) -> Result<(), Failure> {
        let governors = self.home.governor_keys().iter().map(|path| Seed::read(path)).collect::<Result<Vec<_>, _>>()?;
        let counterparty = governance::client_id(&self.config.chain.id)?;
        let (anchor, source) = (&other.config.chain.anchor, &other.chain.headers);
        governance::create_client(self.chain, &governors, anchor, source, &counterparty).await?;
        Ok(())
    }

    async fn import(&self, other: &Self) -> Result<(), Failure> {
        let client = governance::client_id(&other.config.chain.id)?;
        let members: [MemberId; 1] = [other.config.institution.clone()];
        let anchor = &other.config.chain.anchor.anchor;
        governance::import_members(self.chain, &client, anchor, other.chain, &members).await
    }
}

/// Starts an institution's signer and gateway.
async fn open(founded: Founded, config: Config, chain: Chain) -> Result<Institution, Failure> {
    let Founded { home, grpc, rest, chain: own, .. } = founded;
    let signer = SignerClient::in_task(signing::core(&config)?);
    grpc.give_up();
    rest.give_up();
    let store = store::open(&config.store).await?.store;
    let gateway = institution::start(&config, chain.clone(), store, signer).await?;
    let officers = home
        .plan
        .officers
        .iter()
        .map(|id| {
            let seed = Seed::read(&home.key(&format!("officer-{id}")))?;
            Ok(OfficerKey { id: id.clone(), seed })
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    Ok(Institution {
        id: home.plan.institution.clone(),
        kind: home.plan.kind,
        chain: home.plan.chain.clone(),
        names: home.plan.names.clone(),
        sectors: home.plan.sectors.clone(),
        grpc: gateway.grpc_addr(),
        rpc: config.rpc_url(),
        dir: home.dir.clone(),
        officers,
        ports: chain,
        gateway,
        ledger: match own {
            OwnChain::Begun(ledger) => Some(*ledger),
            _ => None,
        },
        config,
    })
}
