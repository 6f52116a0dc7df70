//! The files of one CometBFT node, in CometBFT's own forms: keys, genesis document, settings.
//! Refuses to know what the application is; values that are not set here are CometBFT's defaults.

use crate::failure::{Failure, OrFail};
use crate::files;
use crate::keys::Seed;
use comity_ledger_rpc::encoding::{base64_text, hex_text};
use comity_ledger_rpc::node::Genesis;
use comity_verify::comet::address;
use serde_json::json;
use std::net::SocketAddr;
use std::path::Path;
use zeroize::Zeroizing;

/// A node to be written.
pub(crate) struct Node {
    /// A name for people.
    pub(crate) name: String,
    /// Signs votes.
    pub(crate) validator: Seed,
    /// Identifies it to its peers.
    pub(crate) key: Seed,
    /// Where its RPC listens.
    pub(crate) rpc: SocketAddr,
    /// Where peers reach it.
    pub(crate) peers: SocketAddr,
    /// Where its application listens, as `proxy_app` says it.
    pub(crate) application: String,
}

impl Node {
    /// Its name among peers: `id@host:port`.
    pub(crate) fn peer(&self) -> String {
        format!("{}@{}", hex_text(&address(&self.key.ed25519())).to_lowercase(), self.peers)
    }

    /// Writes its home into `folder`. `others` are its peers; a block comes at least every `heartbeat_s`.
    pub(crate) fn write(
        &self,
        folder: &Path,
        genesis: &Genesis,
        others: &[String],
        heartbeat_s: u64,
    ) -> Result<(), Failure> {
        let (config, data) = (folder.join("config"), folder.join("data"));
        let document = serde_json::to_vec_pretty(genesis).or_fault(|| "the genesis document has no text".into())?;
        files::write_public(&config.join("genesis.json"), document)?;
        files::write_public(&config.join("config.toml"), self.settings(others, heartbeat_s))?;
        files::write_secret(&config.join("node_key.json"), self.node_key().as_bytes())?;
        files::write_secret(&config.join("priv_validator_key.json"), self.validator_key().as_bytes())?;
        let signed = json!({ "height": "0", "round": 0, "step": 0 });
        files::write_secret(&data.join("priv_validator_state.json"), signed.to_string())
    }

    fn node_key(&self) -> Zeroizing<String> {
        let secret = private(&self.key);
        Zeroizing::new(format!("{{\"priv_key\":{}}}\n", secret.as_str()))
    }

    fn validator_key(&self) -> Zeroizing<String> {
        let key = self.validator.ed25519();
        let public = json!({ "type": "tendermint/PubKeyEd25519", "value": base64_text(&key) });
        let (address, secret) = (hex_text(&address(&key)), private(&self.validator));
        Zeroizing::new(format!("{{\"address\":\"{address}\",\"pub_key\":{public},\"priv_key\":{}}}\n", secret.as_str()))
    }

    fn settings(&self, others: &[String], heartbeat_s: u64) -> String {
        let Self { name, rpc, peers, application, .. } = self;
        let others = others.join(",");
        format!(
            "# Settings of a CometBFT v0.38 node. What is not said here is CometBFT's default.\n\
             moniker = \"{name}\"\n\
             # The application beside it: `comity ledger abci`.\n\
             proxy_app = \"{application}\"\n\
             log_level = \"error\"\n\
             \n\
             [rpc]\n\
             # Nobody is asked who they are: loopback only.\n\
             laddr = \"tcp://{rpc}\"\n\
             max_open_connections = 900\n\
             # The largest transaction, in base64.\n\
             max_body_bytes = 2097152\n\
             max_subscription_clients = 1000\n\
             \n\
             [p2p]\n\
             laddr = \"tcp://{peers}\"\n\
             # The other validators are known; nobody else is looked for. On real hosts: their addresses, and the last\n\
             # two lines as CometBFT has them.\n\
             persistent_peers = \"{others}\"\n\
             pex = false\n\
             flush_throttle_timeout = \"5ms\"\n\
             addr_book_strict = false\n\
             allow_duplicate_ip = true\n\
             \n\
             [mempool]\n\
             size = 10000\n\
             max_txs_bytes = 67108864\n\
             max_tx_bytes = 1048576\n\
             \n\
             [consensus]\n\
             # Blocks come on work, one that proves a changed state, and one a heartbeat. A quiet chain's state comes to\n\
             # rest, so that this holds.\n\
             create_empty_blocks = false\n\
             create_empty_blocks_interval = \"{heartbeat_s}s\"\n\
             # The next block begins when all have signed; for those who are late it waits this long.\n\
             skip_timeout_commit = true\n\
             timeout_commit = \"200ms\"\n\
             timeout_propose = \"1s\"\n\
             timeout_propose_delta = \"500ms\"\n\
             timeout_prevote = \"500ms\"\n\
             timeout_prevote_delta = \"250ms\"\n\
             timeout_precommit = \"500ms\"\n\
             timeout_precommit_delta = \"250ms\"\n\
             peer_gossip_sleep_duration = \"5ms\"\n\
             \n\
             [tx_index]\n\
             # Submissions whose answer was lost are found by their hash.\n\
             indexer = \"kv\"\n"
        )
    }
}

/// CometBFT's form of a private key: the seed, then the public key.
fn private(seed: &Seed) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0u8; 64]);
    let (first, second) = bytes.split_at_mut(32);
    first.copy_from_slice(seed.bytes().as_ref());
    second.copy_from_slice(&seed.ed25519());
    let text = Zeroizing::new(base64_text(bytes.as_ref()));
    Zeroizing::new(format!("{{\"type\":\"tendermint/PrivKeyEd25519\",\"value\":\"{}\"}}", text.as_str()))
}
