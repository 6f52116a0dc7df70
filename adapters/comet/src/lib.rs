//! The adapter of chains that speak the CometBFT RPC (v0.38): the embedded ledger and a CometBFT node alike.
//!
//! It reads, bounds and translates; it judges nothing. Whatever a node says is believed only after `verify`; here only
//! form, size and the chain's name are checked. Refuses to know keys of institutions: the operator key that it holds
//! grants entry to the chain and no authority.

mod follow;
mod headers;
mod http;
mod query;
mod state;
mod submit;
mod websocket;

use comity_adapters_ports::{Chain, Operator, Outpost, PortError};
use comity_model::ChainId;
use comity_verify::comet::SetCache;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use zeroize::Zeroizing;

/// How to reach a chain.
#[derive(Clone)]
pub struct CometConfig {
    /// Where the node's RPC listens: `http://host:port`.
    pub rpc_url: String,
    /// The chain it must be.
    pub chain: ChainId,
    /// Seed of the Ed25519 operator key that transactions are signed with; without one nothing can be submitted.
    pub operator_seed: Option<Zeroizing<[u8; 32]>>,
    /// How long one answer may take.
    pub answer_timeout: Duration,
    /// How long a submission may take until it is in a block.
    pub submit_timeout: Duration,
    /// Without a new block for so long, following reports silence: more than the chain's heartbeat.
    pub silence_limit: Duration,
    /// How often the node is asked for a new block while no event comes.
    pub poll_interval: Duration,
}

impl CometConfig {
    /// Paces that suit a chain with a heartbeat of 5 seconds; no operator key.
    #[must_use]
    pub fn new(rpc_url: impl Into<String>, chain: ChainId) -> Self {
        Self {
            rpc_url: rpc_url.into(),
            chain,
            operator_seed: None,
            answer_timeout: Duration::from_secs(5),
            submit_timeout: Duration::from_secs(30),
            silence_limit: Duration::from_secs(20),
            poll_interval: Duration::from_millis(1_000),
        }
    }

    /// Signs transactions with this key.
    #[must_use]
    pub fn with_operator(mut self, seed: [u8; 32]) -> Self {
        self.operator_seed = Some(Zeroizing::new(seed));
        self
    }
}

/// A chain behind a CometBFT RPC.
pub struct CometChain {
    chain: ChainId,
    rpc: http::Rpc,
    websocket_url: String,
    operator: Option<Operator>,
    submit_timeout: Duration,
    silence_limit: Duration,
    poll_interval: Duration,
    /// The highest height that the node was seen to have.
    seen: AtomicU64,
    /// Validator sets met lately: one that comes again brings its decompressed keys.
    sets: Mutex<SetCache>,
}

impl CometChain {
    /// The ports of the chain at `config.rpc_url`, after asking the node which chain it serves.
    ///
    /// [`PortError::Malformed`] when the address is not one or the node serves another chain;
    /// [`PortError::Unavailable`] when it does not answer.
    pub async fn connect(config: CometConfig) -> Result<Chain, PortError> {
        let chain = Self::new(config)?;
        chain.check_network().await?;
        Ok(chain.ports())
    }

    /// The same without asking: for a node that may be down now. Headers of another chain are refused all the same.
    pub fn open(config: CometConfig) -> Result<Chain, PortError> {
        Self::new(config).map(Self::ports)
    }

    /// The same, to be served to another process, which signs by itself.
    pub fn outpost(config: CometConfig) -> Result<Outpost, PortError> {
        let chain = Arc::new(Self::new(CometConfig { operator_seed: None, ..config })?);
        Ok(Outpost { ports: Self::shared(&chain), courier: chain })
    }

    fn new(config: CometConfig) -> Result<Self, PortError> {
        let rest = config
            .rpc_url
            .strip_prefix("http://")
            .ok_or_else(|| PortError::Malformed(format!("{} is not an http:// address", config.rpc_url)))?;
        Ok(Self {
            rpc: http::Rpc::new(&config.rpc_url, config.answer_timeout)?,
            websocket_url: format!("ws://{}/websocket", rest.trim_end_matches('/')),
            operator: config.operator_seed.as_ref().map(|seed| Operator::from_seed(seed)),
            chain: config.chain,
            submit_timeout: config.submit_timeout,
            silence_limit: config.silence_limit,
            poll_interval: config.poll_interval,
            seen: AtomicU64::new(0),
            sets: Mutex::default(),
        })
    }

    fn ports(self) -> Chain {
        Self::shared(&Arc::new(self))
    }

    fn shared(chain: &Arc<Self>) -> Chain {
        Chain {
            headers: Arc::clone(chain) as _,
            prover: Arc::clone(chain) as _,
            events: Arc::new(follow::Source(Arc::clone(chain))),
            submit: Arc::clone(chain) as _,
        }
    }

    async fn check_network(&self) -> Result<(), PortError> {
        let status = self.status().await?;
        if status.node_info.network == self.chain.as_str() {
            return Ok(());
        }
        Err(PortError::Malformed(format!("the node serves chain {:.60}, not {}", status.node_info.network, self.chain)))
    }

    fn saw(&self, height: u64) {
        self.seen.fetch_max(height, Ordering::Relaxed);
    }
}
