//! The relayer's configuration: chains, and pairs of them; reading it, and entering chains into it.
//! Refuses to know what a relayer does with them.

use super::adapter;
use super::edit::{Edit, named, set, set_value};
use super::peers::Entered;
use super::store::{RawStore, Secrets, StoreConfig};
use super::{extract, folder_of};
use crate::adapter::Reach;
use crate::anchor::AnchorFile;
use crate::failure::Failure;
use crate::governance;
use crate::keys::Seed;
use comity_model::{ChainId, ClientId};
use comity_relayer_worker::Limits;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use toml_edit::{InlineTable, Item, Table, Value};

/// A relayer's configuration.
#[derive(Clone, Debug)]
pub(crate) struct RelayConfig {
    /// Where metrics are served, if they are.
    pub(crate) metrics: Option<SocketAddr>,
    /// The relayer's store.
    pub(crate) store: StoreConfig,
    /// The chains.
    pub(crate) chains: Vec<RelayChain>,
    /// The pairs between which it carries.
    pub(crate) pairs: Vec<RelayPair>,
    /// Bounds and paces of each direction.
    pub(crate) limits: Limits,
    /// What is read at the start only.
    pub(crate) at_start: AtStart,
}

/// What a running relayer does not change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AtStart {
    metrics: Option<SocketAddr>,
    store: RawStore,
}

/// A chain as the relayer reaches it.
#[derive(Clone, Debug)]
pub(crate) struct RelayChain {
    /// Its anchor: the relayer verifies what it carries.
    pub(crate) anchor: AnchorFile,
    /// How it is reached.
    pub(crate) reach: Reach,
    /// The operator key with which it submits there.
    pub(crate) operator: PathBuf,
    /// RPCs of other nodes of the chain, by other operators where possible: what one of them signs differently freezes
    /// the clients of the chain.
    pub(crate) witnesses: Vec<String>,
}

/// Two chains that watch each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RelayPair {
    /// The one chain, and the client of the other on it.
    pub(crate) a: (ChainId, ClientId),
    /// The other chain, and the client of the one on it.
    pub(crate) b: (ChainId, ClientId),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    listen: RawListen,
    store: RawStore,
    chains: Vec<RawChain>,
    pairs: Vec<RawPair>,
    #[serde(default)]
    limits: RawLimits,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLimits {
    batch_packets: Option<usize>,
    known_packets: Option<usize>,
    sweep_every_s: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawListen {
    metrics: Option<SocketAddr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChain {
    anchor: PathBuf,
    rpc: Option<String>,
    adapter: Option<adapter::Raw>,
    operator: PathBuf,
    #[serde(default)]
    witnesses: Vec<String>,
}

/// Most packets of one transaction: a chain takes 256 messages, and the client's update is among them.
const BATCH_PACKETS_MAX: u64 = 200;
/// Most witnesses of a chain: each is asked at each header.
const WITNESSES_MAX: usize = 8;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPair {
    a: RawEnd,
    b: RawEnd,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEnd {
    chain: String,
    client: String,
}

impl RelayConfig {
    /// Reads the file at `path` and what the environment overrides, and checks all of it.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let folder = folder_of(path);
        let raw: Raw = extract(path)?;
        let chains = raw.chains.into_iter().map(|chain| chain.check(&folder)).collect::<Result<Vec<_>, _>>()?;
        let pairs = raw.pairs.into_iter().map(|pair| pair.check(&chains)).collect::<Result<Vec<_>, _>>()?;
        if pairs.is_empty() {
            return Err(Failure::usage(format!("{} names no pairs: there is nothing to carry", path.display())));
        }
        let twice =
            pairs.iter().enumerate().find(|(index, pair)| pairs.iter().take(*index).any(|other| other.meets(pair)));
        if let Some((_, pair)) = twice {
            let (a, b) = (&pair.a.0, &pair.b.0);
            return Err(Failure::usage(format!("a client of the pair of {a} and {b} stands in another pair as well")));
        }
        let at_start = AtStart { metrics: raw.listen.metrics, store: raw.store.clone() };
        let store = raw.store.check(&folder, &Secrets::of_environment())?;
        let limits = raw.limits.check()?;
        Ok(Self { metrics: raw.listen.metrics, store, chains, pairs, limits, at_start })
    }
}

impl RelayPair {
    /// Whether one client serves both.
    fn meets(&self, other: &Self) -> bool {
        [&self.a, &self.b].into_iter().any(|end| *end == other.a || *end == other.b)
    }
}

impl RawLimits {
    fn check(self) -> Result<Limits, Failure> {
        let mut limits = Limits::default();
        let within = |name: &str, value: u64, least: u64, most: u64| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            Err(Failure::usage(format!("limits.{name} is {value}; it is at least {least} and at most {most}")))
        };
        if let Some(packets) = self.batch_packets {
            within("batch_packets", packets as u64, 1, BATCH_PACKETS_MAX)?;
            limits.batch_packets_max = packets;
        }
        if let Some(packets) = self.known_packets {
            within("known_packets", packets as u64, 1_000, 1_000_000)?;
            limits.tracked_packets_max = packets;
        }
        if let Some(seconds) = self.sweep_every_s {
            within("sweep_every_s", seconds, 1, 3_600)?;
            limits.sweep_every_ms = seconds * 1_000;
        }
        Ok(limits)
    }
}

impl RawChain {
    fn check(self, folder: &Path) -> Result<RelayChain, Failure> {
        let reach = match (self.adapter, self.rpc) {
            (Some(raw), None) => Reach::Program(raw.check(folder)?),
            (None, Some(rpc)) => Reach::Rpc(rpc),
            _ => return Err(Failure::usage("a chain has either an rpc or an adapter")),
        };
        let others = self.witnesses.iter().all(|witness| reach != Reach::Rpc(witness.clone()));
        if self.witnesses.len() > WITNESSES_MAX || !others {
            return Err(Failure::usage(format!(
                "the witnesses of {} are at most {WITNESSES_MAX} nodes, and not the one that is compared with them",
                reach.name()
            )));
        }
        Ok(RelayChain {
            anchor: crate::anchor::read(&folder.join(self.anchor))?,
            reach,
            operator: folder.join(self.operator),
            witnesses: self.witnesses,
        })
    }
}

impl RawPair {
    fn check(self, chains: &[RelayChain]) -> Result<RelayPair, Failure> {
        let end = |raw: RawEnd| -> Result<(ChainId, ClientId), Failure> {
            let bad = |error: comity_model::BadId| Failure::usage(error.to_string());
            let chain: ChainId = raw.chain.parse().map_err(bad)?;
            if !chains.iter().any(|known| known.anchor.anchor.chain_id == chain) {
                return Err(Failure::usage(format!("a pair names {chain}, which stands under no [[chains]]")));
            }
            Ok((chain, raw.client.parse().map_err(bad)?))
        };
        let pair = RelayPair { a: end(self.a)?, b: end(self.b)? };
        if pair.a.0 == pair.b.0 {
            return Err(Failure::usage(format!("a pair is of two different chains, not of {} and itself", pair.a.0)));
        }
        Ok(pair)
    }
}

/// A chain to be entered.
pub(crate) struct NewChain {
    /// Its anchor file.
    pub(crate) anchor: PathBuf,
    /// Its RPC.
    pub(crate) rpc: String,
    /// The operator key to submit with.
    pub(crate) operator: PathBuf,
}

/// Enters chains, and the pair of the first one with each other, into the configuration at `path`; makes it if there is
/// none, with metrics at `metrics`. The clients are those that `comity link` makes. The same again changes nothing. A chain
/// that is reached through a program stays so, and its RPC is not entered: these chains are told.
pub(crate) fn enter(path: &Path, chains: &[NewChain], metrics: SocketAddr) -> Result<(Entered, Vec<ChainId>), Failure> {
    let mut edit = Edit::open_or(path, &fresh(metrics))?;
    let folder = edit.folder();
    crate::files::make_folder(&folder)?;
    let (mut ids, mut by_adapter) = (Vec::new(), Vec::new());
    for chain in chains {
        let id = crate::anchor::read(&chain.anchor)?.anchor.chain_id;
        let _ = Seed::read(&chain.operator)?;
        let table = edit.entry(&["chains"], |table| {
            let anchor = table.get("anchor").and_then(Item::as_str);
            anchor.is_some_and(|anchor| {
                crate::anchor::read(&folder.join(anchor)).is_ok_and(|file| file.anchor.chain_id == id)
            })
        })?;
        set(table, "anchor", &named(&chain.anchor, &folder)?);
        if table.contains_key("adapter") {
            by_adapter.push(id.clone());
        } else {
            set(table, "rpc", &chain.rpc);
        }
        set(table, "operator", &named(&chain.operator, &folder)?);
        ids.push(id);
    }
    let Some((first, others)) = ids.split_first() else { return Err(Failure::usage("no chain was given")) };
    for other in others {
        let table = edit.entry(&["pairs"], |table| is_pair(table, first, other))?;
        // A pair that stands the other way round is the same pair.
        let (a, b) =
            if chain_at(table, "a").is_some_and(|a| a == other.as_str()) { (other, first) } else { (first, other) };
        set_end(table, "a", a, &governance::client_id(b)?);
        set_end(table, "b", b, &governance::client_id(a)?);
    }
    let changed = edit.write(|aside| RelayConfig::read(aside).map(|_| ()))?;
    Ok((if changed { Entered::Changed } else { Entered::Unchanged }, by_adapter))
}

fn fresh(metrics: SocketAddr) -> String {
    format!(
        "# Configuration of a relayer: `comity relay --config <this file>`. Paths are relative to it; unknown keys are refused.\n\
         # A relayer can delay, never forge: what it carries is proven to each chain. It needs an operator key for entry to\n\
         # each, and no authority. `comity relay init` enters more pairs of chains.\n\
         \n\
         [listen]\n\
         # Prometheus metrics, without authentication: keep it inside.\n\
         metrics = \"{metrics}\"\n\
         \n\
         [store]\n\
         # How far headers were verified; it may be lost.\n\
         file = \"relayer.redb\"\n\
         \n\
         # Chains, pairs and limits are read anew at SIGHUP: checked whole and put in force whole, or refused whole.\n\
         # [limits]\n\
         # batch_packets = 64       # in one transaction\n\
         # known_packets = 10000    # at once, of each direction; more wait on their chain\n\
         # sweep_every_s = 30       # how often a chain is asked for what no event told\n"
    )
}

fn chain_at<'a>(table: &'a Table, end: &str) -> Option<&'a str> {
    table.get(end)?.get("chain")?.as_str()
}

fn is_pair(table: &Table, one: &ChainId, other: &ChainId) -> bool {
    let (a, b) = (chain_at(table, "a"), chain_at(table, "b"));
    let is = |x: &ChainId, y: &ChainId| a == Some(x.as_str()) && b == Some(y.as_str());
    is(one, other) || is(other, one)
}

fn set_end(table: &mut Table, end: &str, chain: &ChainId, client: &ClientId) {
    let stands = table.get(end).is_some_and(|item| {
        let says = |key, value: &str| item.get(key).and_then(Item::as_str) == Some(value);
        says("chain", chain.as_str()) && says("client", client.as_str())
    });
    if !stands {
        let mut value = InlineTable::new();
        value.insert("chain", chain.as_str().into());
        value.insert("client", client.as_str().into());
        set_value(table, end, Value::InlineTable(value));
    }
}

#[cfg(test)]
#[path = "relay_tests.rs"]
mod tests;
