//! `comity.toml`: an institution's configuration, read and checked whole before anything is opened.
//! Environment variables override single values; unknown keys are refused. Paths are relative to the file.
//! Refuses to know how the parts are built.

mod adapter;
pub(crate) mod application;
pub(crate) mod corrections;
pub(crate) mod deposits;
pub(crate) mod edit;
pub(crate) mod founding;
pub(crate) mod limits;
pub(crate) mod officers;
pub(crate) mod peers;
pub(crate) mod public;
pub(crate) mod relay;
pub(crate) mod store;
mod text;

use crate::adapter::Reach;
use crate::anchor::{AnchorFile, kind_from_name};
use crate::failure::Failure;
use comity_adapters_plugin::Launch;
use comity_gateway::DecidePolicy;
use comity_gateway::Limits;
use comity_gateway::following::Following;
use comity_model::member::{MemberKind, Officer, Validity};
use comity_model::seal::PublicKey;
use comity_model::{ChainId, ClientId, MemberId, OfficerId, Time};
use deposits::DepositsConfig;
use figment::Figment;
use figment::providers::{Env, Format, Toml};
use public::PublicSection;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use store::{RawStore, Secrets, StoreConfig};

pub(crate) use text::text;

/// Prefix of environment variables; `__` separates a section from a key: `COMITY_LISTEN__GRPC`.
pub(crate) const ENV_PREFIX: &str = "COMITY_";

/// An institution's configuration. Without an anchor, `Config<()>`, it is one that can be written and not run: of a chain
/// that has not begun.
#[derive(Clone, Debug)]
pub(crate) struct Config<A = AnchorFile> {
    /// Its id.
    pub(crate) institution: MemberId,
    /// Its kind.
    pub(crate) kind: MemberKind,
    /// Where its gateway listens.
    pub(crate) grpc: SocketAddr,
    /// Where its gateway serves REST, if it does.
    pub(crate) rest: Option<SocketAddr>,
    /// Where metrics are served, if they are.
    pub(crate) metrics: Option<SocketAddr>,
    /// Its chain.
    pub(crate) chain: ChainConfig<A>,
    /// The chain's embedded engine; `None` where the chain runs elsewhere.
    pub(crate) engine: Option<EngineConfig>,
    /// Certificates.
    pub(crate) tls: TlsConfig,
    /// The gateway's own keys.
    pub(crate) keys: KeysConfig,
    /// The gateway's store.
    pub(crate) store: StoreConfig,
    /// The signer.
    pub(crate) signer: SignerConfig,
    /// Other institutions.
    pub(crate) peers: Vec<Peer>,
    /// Who decides the orders that arrive.
    pub(crate) decide: DecidePolicy,
    /// How corrections of records reach those who hold them.
    pub(crate) following: Following,
    /// How much the gateway does at once.
    pub(crate) limits: Limits,
    /// Files of rules beside those that came with the program.
    pub(crate) rules: Vec<PathBuf>,
    /// The log of deposits, if this gateway keeps one.
    pub(crate) deposits: Option<DepositsConfig>,
    /// The port for everybody, if it is open.
    pub(crate) public: Option<PublicSection>,
}

/// The institution's chain as its gateway sees it.
#[derive(Clone, Debug)]
pub(crate) struct ChainConfig<A = AnchorFile> {
    /// Its id.
    pub(crate) id: ChainId,
    /// Its anchor.
    pub(crate) anchor: A,
    /// Its RPC; with an embedded engine the one that the engine opens.
    pub(crate) rpc: Option<String>,
    /// The program that it is reached through instead.
    pub(crate) adapter: Option<Launch>,
}

/// The embedded engine.
#[derive(Clone, Debug)]
pub(crate) struct EngineConfig {
    /// Where its RPC listens.
    pub(crate) listen: SocketAddr,
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// The first state, canonical bytes.
    pub(crate) genesis: PathBuf,
    /// Its validators' keys.
    pub(crate) validators: Vec<PathBuf>,
    /// A block at least this often, in seconds.
    pub(crate) heartbeat_s: u64,
}

/// Certificates of the gateway.
#[derive(Clone, Debug)]
pub(crate) struct TlsConfig {
    /// Its certificate.
    pub(crate) certificate: PathBuf,
    /// Its key.
    pub(crate) key: PathBuf,
    /// The institution's authority.
    pub(crate) authority: PathBuf,
}

/// Keys of the gateway.
#[derive(Clone, Debug)]
pub(crate) struct KeysConfig {
    /// Submits transactions; no authority beyond that.
    pub(crate) operator: PathBuf,
    /// Opens private parts.
    pub(crate) encryption: PathBuf,
    /// Makes the index of its records by person; without one they cannot be searched so.
    pub(crate) lookup: Option<PathBuf>,
    /// The governors' keys that are kept here; used by `comity link` only.
    pub(crate) governors: Vec<PathBuf>,
}

/// The signer: where it is, and what it needs when it is started.
#[derive(Clone, Debug)]
pub(crate) struct SignerConfig {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The seal key.
    pub(crate) key: PathBuf,
    /// Its certificate.
    pub(crate) certificate: PathBuf,
    /// Its certificate's key.
    pub(crate) certificate_key: PathBuf,
    /// The officers it believes: its own copy.
    pub(crate) officers: Vec<Officer>,
}

/// Another institution.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Its anchor file.
    pub(crate) anchor: AnchorFile,
    /// Where orders travel: the client of its chain here, and of this chain there.
    pub(crate) clients: Option<(ClientId, ClientId)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    institution: String,
    kind: String,
    listen: RawListen,
    chain: RawChain,
    engine: Option<RawEngine>,
    tls: RawTls,
    keys: RawKeys,
    store: RawStore,
    signer: RawSigner,
    #[serde(default)]
    peers: Vec<RawPeer>,
    #[serde(default)]
    decide: RawDecide,
    #[serde(default)]
    corrections: corrections::Raw,
    #[serde(default)]
    limits: limits::Raw,
    #[serde(default)]
    rules: Vec<PathBuf>,
    deposits: Option<deposits::Raw>,
    public: Option<public::Raw>,
}

/// `decide`: by the gateway's rules, or by a person (`comity order decide`).
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RawDecide {
    #[default]
    Automatic,
    Manual,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawListen {
    grpc: SocketAddr,
    rest: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChain {
    id: String,
    anchor: PathBuf,
    rpc: Option<String>,
    adapter: Option<adapter::Raw>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEngine {
    listen: SocketAddr,
    folder: PathBuf,
    genesis: PathBuf,
    validators: Vec<PathBuf>,
    #[serde(default = "heartbeat_s")]
    heartbeat_s: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTls {
    certificate: PathBuf,
    key: PathBuf,
    authority: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKeys {
    operator: PathBuf,
    encryption: PathBuf,
    lookup: Option<PathBuf>,
    #[serde(default)]
    governors: Vec<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSigner {
    address: SocketAddr,
    key: PathBuf,
    certificate: PathBuf,
    certificate_key: PathBuf,
    #[serde(default)]
    officers: Vec<RawOfficer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOfficer {
    id: String,
    key: String,
    from: String,
    until: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPeer {
    anchor: PathBuf,
    client: Option<String>,
    counterparty: Option<String>,
}

/// A block at least every five seconds.
pub(crate) const fn heartbeat_s() -> u64 {
    5
}

impl Config {
    /// Reads the file at `path` and what the environment overrides, and checks all of it.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let raw: Raw = extract(path)?;
        raw.check(&folder_of(path)).map_err(|failure| {
            let what = format!("{}: {failure}", path.display());
            Failure::usage(what).help("nothing was started; correct the value and try again")
        })
    }

    /// How the institution's chain is reached, whose engine has its RPC at `rpc`.
    pub(crate) fn reach(&self, rpc: &str) -> Reach {
        self.chain.adapter.clone().map_or_else(|| Reach::Rpc(rpc.to_owned()), Reach::Program)
    }

    /// The RPC of the institution's chain: of the embedded engine, or the one that is named.
    pub(crate) fn rpc_url(&self) -> String {
        match (&self.chain.rpc, &self.engine) {
            (Some(url), _) => url.clone(),
            (None, Some(engine)) => format!("http://{}", engine.listen),
            (None, None) => String::new(),
        }
    }
}

/// Where the store of an institution or a relayer is, whatever else its file says.
pub(crate) fn store_of(path: &Path) -> Result<StoreConfig, Failure> {
    #[derive(Deserialize)]
    struct OnlyStore {
        store: RawStore,
    }
    extract::<OnlyStore>(path)?.store.check(&folder_of(path), &Secrets::of_environment())
}

/// Reads a TOML file with the environment over it.
fn extract<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, Failure> {
    if !path.is_file() {
        return Err(
            Failure::usage(format!("there is no configuration at {}", path.display())).help("`comity init` makes one")
        );
    }
    // Only names with a section, so that COMITY_LOG and its like are no configuration.
    // Secrets are read where they are needed: here a value could be quoted in a message.
    let environment = Env::prefixed(ENV_PREFIX)
        .filter(|key| {
            key.as_str().contains("__")
                && !store::SECRETS
                    .iter()
                    .chain(&deposits::SECRETS)
                    .any(|secret| key.as_str().eq_ignore_ascii_case(secret))
        })
        .split("__");
    Figment::from(Toml::file_exact(path)).merge(environment).extract().map_err(|error| {
        let mut reasons: Vec<String> = Vec::new();
        for one in error {
            let place = if one.path.is_empty() { String::new() } else { format!(" at `{}`", one.path.join(".")) };
            reasons.push(format!("{}{place}", one.kind));
        }
        Failure::usage(format!("{} is not an acceptable configuration: {}", path.display(), reasons.join("; ")))
            .help("nothing was started; see the comments that `comity init` writes into comity.toml")
    })
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

impl Raw {
    fn check(self, folder: &Path) -> Result<Config, Failure> {
        let bad = |what: &str| Failure::usage(format!("{what} is malformed"));
        let anchor = crate::anchor::read(&folder.join(&self.chain.anchor))?;
        let id: ChainId = self.chain.id.parse().map_err(|_| bad("chain.id"))?;
        if anchor.anchor.chain_id != id {
            return Err(Failure::usage(format!("chain.anchor speaks of {}, not of {id}", anchor.anchor.chain_id)));
        }
        let adapter = self.chain.adapter.map(|raw| raw.check(folder)).transpose()?;
        if self.engine.is_none() && self.chain.rpc.is_none() && adapter.is_none() {
            return Err(Failure::usage("chain.rpc or chain.adapter is needed where there is no [engine]"));
        }
        let engine = self.engine.map(|raw| raw.check(folder)).transpose()?;
        let institution: MemberId = self.institution.parse().map_err(|_| bad("institution"))?;
        let officers = self.signer.officers.iter().map(|raw| raw.check(&institution)).collect::<Result<_, _>>()?;
        let peers = self.peers.into_iter().map(|raw| raw.check(folder)).collect::<Result<Vec<_>, _>>()?;
        for (index, peer) in peers.iter().enumerate() {
            let name = &peer.anchor.member;
            if *name == institution || peers.iter().take(index).any(|before| before.anchor.member == *name) {
                return Err(Failure::usage(format!("peer {name} stands twice")));
            }
        }
        let in_folder = |path: PathBuf| folder.join(path);
        Ok(Config {
            kind: kind_from_name(&self.kind).ok_or_else(|| bad("kind"))?,
            institution,
            grpc: self.listen.grpc,
            rest: self.listen.rest,
            metrics: self.listen.metrics,
            chain: ChainConfig { id, anchor, rpc: self.chain.rpc, adapter },
            engine,
            tls: TlsConfig {
                certificate: in_folder(self.tls.certificate),
                key: in_folder(self.tls.key),
                authority: in_folder(self.tls.authority),
            },
            keys: KeysConfig {
                operator: in_folder(self.keys.operator),
                encryption: in_folder(self.keys.encryption),
                lookup: self.keys.lookup.map(in_folder),
                governors: self.keys.governors.into_iter().map(in_folder).collect(),
            },
            store: self.store.check(folder, &Secrets::of_environment())?,
            signer: SignerConfig {
                address: self.signer.address,
                key: in_folder(self.signer.key),
                certificate: in_folder(self.signer.certificate),
                certificate_key: in_folder(self.signer.certificate_key),
                officers,
            },
            peers,
            following: self.corrections.check()?,
            limits: self.limits.check()?,
            decide: match self.decide {
                RawDecide::Automatic => DecidePolicy::Automatic,
                RawDecide::Manual => DecidePolicy::Manual,
            },
            rules: self.rules.into_iter().map(in_folder).collect(),
            deposits: self.deposits.map(|deposits| deposits.check(folder)).transpose()?,
            public: self.public.map(|public| public.check(folder)).transpose()?,
        })
    }
}

impl RawEngine {
    fn check(self, folder: &Path) -> Result<EngineConfig, Failure> {
        if !self.listen.ip().is_loopback() {
            return Err(Failure::usage("engine.listen must be a loopback address: the RPC has no authentication"));
        }
        if self.validators.is_empty() {
            return Err(Failure::usage("engine.validators must name at least one key"));
        }
        if !(1..=60).contains(&self.heartbeat_s) {
            return Err(Failure::usage("engine.heartbeat_s must be 1 to 60"));
        }
        Ok(EngineConfig {
            listen: self.listen,
            folder: folder.join(self.folder),
            genesis: folder.join(self.genesis),
            validators: self.validators.into_iter().map(|path| folder.join(path)).collect(),
            heartbeat_s: self.heartbeat_s,
        })
    }
}

impl RawOfficer {
    fn check(&self, member: &MemberId) -> Result<Officer, Failure> {
        let bad = |what: &str| Failure::usage(format!("{what} of officer {} is malformed", self.id));
        let mut key = [0; 32];
        hex::decode_to_slice(&self.key, &mut key).map_err(|_| bad("key"))?;
        let seconds = |text: &str, what| text.parse::<Time>().map(|time| time.unix_seconds()).map_err(|_| bad(what));
        Ok(Officer {
            member: member.clone(),
            id: self.id.parse::<OfficerId>().map_err(|_| bad("id"))?,
            key: PublicKey::ed25519(key),
            validity: Validity {
                from: seconds(&self.from, "from")?,
                until: seconds(&self.until, "until")?,
                compromised_since: None,
            },
        })
    }
}

impl RawPeer {
    fn check(self, folder: &Path) -> Result<Peer, Failure> {
        let client = |text: String| text.parse::<ClientId>().map_err(|error| Failure::usage(error.to_string()));
        let clients = match (self.client, self.counterparty) {
            (Some(here), Some(there)) => Some((client(here)?, client(there)?)),
            (None, None) => None,
            _ => return Err(Failure::usage("a peer's client and counterparty are given together or not at all")),
        };
        Ok(Peer { anchor: crate::anchor::read(&folder.join(self.anchor))?, clients })
    }
}

#[cfg(test)]
pub(crate) mod tests;
