//! How an adapter's program is reached, and the bounds it is held to. Refuses to know where this is configured.

use crate::error::PluginError;
use comity_model::ChainId;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// An adapter's program and the chain it is for.
#[derive(Clone)]
pub struct PluginConfig {
    /// The chain that it must serve.
    pub chain: ChainId,
    /// How it is reached.
    pub launch: Launch,
    /// Seed of the Ed25519 operator key that transactions are signed with; without one nothing can be submitted.
    pub operator_seed: Option<Zeroizing<[u8; 32]>>,
    /// The bounds in time.
    pub paces: Paces,
}

impl PluginConfig {
    /// With the paces of the protocol, and no operator key.
    #[must_use]
    pub fn new(chain: ChainId, launch: Launch) -> Self {
        Self { chain, launch, operator_seed: None, paces: Paces::default() }
    }

    /// Signs transactions with this key.
    #[must_use]
    pub fn with_operator(mut self, seed: [u8; 32]) -> Self {
        self.operator_seed = Some(Zeroizing::new(seed));
        self
    }
}

/// How a program is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Launch {
    /// It is started here and ends with us. No shell reads the arguments.
    Command {
        /// The program's file.
        program: PathBuf,
        /// Its arguments.
        args: Vec<String>,
    },
    /// It runs by itself and listens on this Unix socket.
    Socket(PathBuf),
    /// It runs by itself and listens on this address of loopback.
    Loopback(SocketAddr),
}

impl Launch {
    /// Reads `unix:PATH` or `http://127.0.0.1:PORT`. Other hosts are refused: nothing on the way is authenticated.
    pub fn address(text: &str) -> Result<Self, PluginError> {
        if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Ok(Self::Socket(PathBuf::from(path)));
        }
        let address = text.strip_prefix("http://").and_then(|rest| rest.trim_end_matches('/').parse().ok());
        match address {
            Some(address) if SocketAddr::ip(&address).is_loopback() => Ok(Self::Loopback(address)),
            _ => Err(PluginError::Address { address: text.to_owned() }),
        }
    }

    /// What it is called in a message.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Command { program, .. } => Path::new(program).display().to_string(),
            Self::Socket(path) => format!("unix:{}", path.display()),
            Self::Loopback(address) => format!("http://{address}"),
        }
    }
}

/// How long a program may take for what.
#[derive(Clone, Debug)]
pub struct Paces {
    /// From its start until it listens, and for each handshake.
    pub start_timeout: Duration,
    /// One answer.
    pub answer_timeout: Duration,
    /// A submission until it is in a block.
    pub submit_timeout: Duration,
    /// Without a new block for so long, following reports silence: more than the chain's heartbeat.
    pub silence_limit: Duration,
    /// Between two questions about its health.
    pub health_interval: Duration,
    /// One answer about its health; three missing or bad ones in a row are its end.
    pub health_timeout: Duration,
    /// First and longest pause before it is started again; each is drawn between half and the whole.
    pub restart_pause: (Duration, Duration),
    /// After so long in good health the pauses begin anew.
    pub steady_after: Duration,
}

impl Default for Paces {
    fn default() -> Self {
        Self {
            start_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(5),
            submit_timeout: Duration::from_secs(30),
            silence_limit: Duration::from_secs(20),
            health_interval: Duration::from_secs(5),
            health_timeout: Duration::from_secs(3),
            restart_pause: (Duration::from_millis(250), Duration::from_secs(30)),
            steady_after: Duration::from_secs(60),
        }
    }
}
