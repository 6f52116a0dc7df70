//! What can be wrong with an adapter's program: a stable code, and what to do. Knows no transport.

use crate::VERSIONS;
use comity_model::ChainId;
use std::io;

/// Why a program does not serve as an adapter.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// There is no such program.
    #[error("there is no program {program}")]
    NotFound {
        /// Its file.
        program: String,
    },
    /// The system does not start it.
    #[error("{program} cannot be started")]
    NotStarted {
        /// Its file.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An address that is none, or not on this machine.
    #[error("{address} is no unix:PATH and no http://ADDRESS:PORT of loopback")]
    Address {
        /// As configured.
        address: String,
    },
    /// It ended.
    #[error("it ended ({status}){}", last_words(.said))]
    Died {
        /// How.
        status: String,
        /// Its last line of log.
        said: Option<String>,
    },
    /// It did not do something in time.
    #[error("it did not {what} within {waited_ms} ms{}", last_words(.said))]
    TooSlow {
        /// What.
        what: &'static str,
        /// How long that was waited for.
        waited_ms: u128,
        /// Its last line of log.
        said: Option<String>,
    },
    /// Nothing listens where it should.
    #[error("nothing answers at {address}: {reason}")]
    Unreachable {
        /// Where.
        address: String,
        /// Why, in the system's words.
        reason: String,
    },
    /// The connection to it broke.
    #[error("the connection to it broke")]
    Disconnected,
    /// Its answer to the handshake is not of the protocol's form.
    #[error("its handshake is not of the protocol: {reason}")]
    Handshake {
        /// What is wrong.
        reason: String,
    },
    /// No version that both speak.
    #[error("it speaks versions {lowest} to {highest} of the protocol, this program {} to {}", VERSIONS.0, VERSIONS.1)]
    Version {
        /// Its lowest.
        lowest: u32,
        /// Its highest.
        highest: u32,
    },
    /// It serves another chain.
    #[error("it serves chain {found}, not {wanted}")]
    OtherChain {
        /// The chain that it names.
        found: String,
        /// The one it should.
        wanted: ChainId,
    },
    /// Headers of a kind that is not verified here.
    #[error("its chain is of kind {kind}, which this program does not verify")]
    Kind {
        /// The kind that it names.
        kind: String,
    },
    /// It does not offer what is needed.
    #[error("it offers no {missing}")]
    Lacks {
        /// The first capability that is missing.
        missing: &'static str,
    },
    /// It says that it cannot work, or does not say that it can.
    #[error("it is not in good health: {reason}")]
    Unhealthy {
        /// What it answered.
        reason: String,
    },
    /// It runs, and its chain's node does not answer it.
    #[error("its chain's node does not answer it: {reason}")]
    NodeDown {
        /// In its words.
        reason: String,
    },
}

fn last_words(said: &Option<String>) -> String {
    said.as_ref().map(|line| format!("; its last words: {line}")).unwrap_or_default()
}

impl PluginError {
    /// The reason code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "PLUGIN_NOT_FOUND",
            Self::NotStarted { .. } => "PLUGIN_NOT_STARTED",
            Self::Address { .. } => "PLUGIN_ADDRESS",
            Self::Died { .. } => "PLUGIN_DIED",
            Self::TooSlow { .. } => "PLUGIN_TOO_SLOW",
            Self::Unreachable { .. } => "PLUGIN_UNREACHABLE",
            Self::Disconnected => "PLUGIN_DISCONNECTED",
            Self::Handshake { .. } => "PLUGIN_HANDSHAKE",
            Self::Version { .. } => "PLUGIN_VERSION",
            Self::OtherChain { .. } => "PLUGIN_OTHER_CHAIN",
            Self::Kind { .. } => "PLUGIN_KIND",
            Self::Lacks { .. } => "PLUGIN_LACKS",
            Self::Unhealthy { .. } => "PLUGIN_UNHEALTHY",
            Self::NodeDown { .. } => "PLUGIN_NODE_DOWN",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => {
                "name the program's file; a relative path begins at the configuration file's folder"
            }
            Self::NotStarted { .. } => "make the file executable for the user that the gateway runs as",
            Self::Address { .. } => {
                "an adapter listens on this machine only: unix:/run/…/socket, or http://127.0.0.1:PORT"
            }
            Self::Died { .. } => "run the program by hand with the same arguments: its log says why it ends",
            Self::TooSlow { .. } => {
                "it must listen on COMITY_ADAPTER_SOCKET and answer in time: see its log, and the load here"
            }
            Self::Unreachable { .. } => "start the adapter, or correct the address",
            Self::Disconnected => "it is connected anew by itself; if that goes on, see its log",
            Self::Handshake { .. } => {
                "it speaks another protocol than comity.adapter.v1: name the right program or address"
            }
            Self::Version { .. } => "take releases of adapter and gateway that share a version of the protocol",
            Self::OtherChain { .. } => "its node is of another chain: correct its arguments, or chain.id",
            Self::Kind { .. } => "take a release of this program that verifies that kind of chain",
            Self::Lacks { .. } => "take an adapter that offers all of headers, state, events and delivery",
            Self::Unhealthy { .. } => "see its log; it is started again by itself",
            Self::NodeDown { .. } => "start the chain's node, or correct the node's address in the adapter's arguments",
        }
    }
}
