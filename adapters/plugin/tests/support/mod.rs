//! A ledger, what the conformance suite is told of it, and hosts and programs for it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../comet/tests/support/ledger.rs"]
pub mod ledger;
#[path = "../../../comet/tests/support/promises.rs"]
pub mod promises;

use comity_adapters_plugin::serve::{Named, serve};
use comity_adapters_plugin::{Launch, PluginConfig};
use comity_adapters_ports::Outpost;
use ledger::{Ledger, key};
pub use promises::{court, fixture};
use std::path::PathBuf;
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

/// A host's configuration for a ledger, with its operator's key.
pub fn host(ledger: &Ledger, launch: Launch) -> PluginConfig {
    let operator = key(&format!("{} operator", ledger.id()));
    PluginConfig::new(ledger.id().clone(), launch).with_operator(operator.to_bytes())
}

/// An adapter served on a Unix socket until it is dropped.
pub struct Served {
    socket: PathBuf,
    task: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Served {
    pub fn of(outpost: Outpost) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("socket");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let named = Named { name: "comet".into(), release: "1".into() };
        let serving = serve(outpost, named, listener, std::future::pending());
        Self { socket, task: tokio::spawn(async move { serving.await.expect("it serves") }), _folder: folder }
    }

    pub fn launch(&self) -> Launch {
        Launch::Socket(self.socket.clone())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}
