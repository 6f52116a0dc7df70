//! What of `comity.toml` is known before the chain has an anchor: enough to write one.
//! Refuses to judge the rest of the file, which is read whole when the institution is started.

use super::{extract, folder_of};
use crate::anchor::kind_from_name;
use crate::failure::{Failure, OrFail};
use comity_model::member::MemberKind;
use comity_model::{ChainId, MemberId};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// An institution whose chain has just begun.
pub(crate) struct Founding {
    /// Its id.
    pub(crate) institution: MemberId,
    /// Its kind.
    pub(crate) kind: MemberKind,
    /// Where its gateway will listen.
    pub(crate) grpc: SocketAddr,
    /// Its chain.
    pub(crate) chain: ChainId,
    /// The RPC of a node of the chain.
    pub(crate) rpc: String,
    /// The anchor file to be written.
    pub(crate) anchor: PathBuf,
    /// The certificate of its authority.
    pub(crate) authority: PathBuf,
    /// The chain's first state, canonical bytes.
    pub(crate) genesis: PathBuf,
}

#[derive(Deserialize)]
struct Raw {
    institution: String,
    kind: String,
    listen: RawListen,
    chain: RawChain,
    tls: RawTls,
}

#[derive(Deserialize)]
struct RawListen {
    grpc: SocketAddr,
}

#[derive(Deserialize)]
struct RawChain {
    id: String,
    anchor: PathBuf,
    rpc: Option<String>,
}

#[derive(Deserialize)]
struct RawTls {
    authority: PathBuf,
}

impl Founding {
    /// Reads it from the configuration at `path`.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let raw: Raw = extract(path)?;
        let folder = folder_of(path);
        let bad = |what: &str| format!("{}: {what} is malformed", path.display());
        Ok(Self {
            institution: raw.institution.parse().or_usage(|| bad("institution"))?,
            kind: kind_from_name(&raw.kind).ok_or_else(|| Failure::usage(bad("kind")))?,
            grpc: raw.listen.grpc,
            chain: raw.chain.id.parse().or_usage(|| bad("chain.id"))?,
            rpc: raw.chain.rpc.ok_or_else(|| {
                Failure::usage(format!("{} names no chain.rpc", path.display()))
                    .help("an embedded chain has its anchor from `comity init`")
            })?,
            anchor: folder.join(raw.chain.anchor),
            authority: folder.join(raw.tls.authority),
            genesis: folder.join("genesis.bin"),
        })
    }
}
