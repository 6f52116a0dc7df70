//! The relayer's configuration: chains, and pairs of them.
//! Refuses to know what a relayer does with them.

use super::{extract, folder_of};
use crate::anchor::AnchorFile;
use crate::failure::Failure;
use comity_model::{ChainId, ClientId};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// A relayer's configuration.
#[derive(Clone, Debug)]
pub(crate) struct RelayConfig {
    /// Where metrics are served, if they are.
    pub(crate) metrics: Option<SocketAddr>,
    /// The relayer's store.
    pub(crate) store: PathBuf,
    /// The chains.
    pub(crate) chains: Vec<RelayChain>,
    /// The pairs between which it carries.
    pub(crate) pairs: Vec<RelayPair>,
}

/// A chain as the relayer reaches it.
#[derive(Clone, Debug)]
pub(crate) struct RelayChain {
    /// Its anchor: the relayer verifies what it carries.
    pub(crate) anchor: AnchorFile,
    /// Its RPC.
    pub(crate) rpc: String,
    /// The operator key with which it submits there.
    pub(crate) operator: PathBuf,
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
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawListen {
    metrics: Option<SocketAddr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStore {
    file: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChain {
    anchor: PathBuf,
    rpc: String,
    operator: PathBuf,
}

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
        Ok(Self { metrics: raw.listen.metrics, store: folder.join(raw.store.file), chains, pairs })
    }
}

impl RawChain {
    fn check(self, folder: &Path) -> Result<RelayChain, Failure> {
        Ok(RelayChain {
            anchor: AnchorFile::read(&folder.join(self.anchor))?,
            rpc: self.rpc,
            operator: folder.join(self.operator),
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
