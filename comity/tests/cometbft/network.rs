//! A chain of four validators as real processes on loopback: four CometBFT nodes, four applications, made by
//! `comity init`. Each process can be killed and started again, and each wire between two can be cut; more nodes can be
//! added. All end with the value.

use crate::links::Links;
use comity_adapters_comet::{CometChain, CometConfig};
use comity_adapters_ports::{Chain, Outcome};
use comity_model::event::Event;
use comity_model::governance::{Action, GovernorApproval, Governors, Proposal};
use comity_model::seal::Signature;
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{ChainId, Hash, Height, decode};
use comity_verify::seal::signing_bytes;
use ed25519_dalek::{Signer as _, SigningKey};
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Validators of the chain.
pub(crate) const VALIDATORS: usize = 4;
/// Nodes that it may have, with those that are added.
const NODES_MAX: usize = VALIDATORS + 2;
/// A block comes at least this often.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(1);
/// A snapshot is made about every so many blocks.
const SNAPSHOT_EVERY: u64 = 10;
/// How long a process may take to listen, and nodes to find each other.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// The CometBFT program: `COMITY_COMETBFT`, or the one on the path. `None` where there is none and none is demanded.
pub(crate) fn cometbft() -> Option<PathBuf> {
    let named = std::env::var_os("COMITY_COMETBFT").map(PathBuf::from);
    let on_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join("cometbft")).find(|program| program.is_file())
    };
    let found = named.or_else(on_path).filter(|program| program.is_file());
    if found.is_none() {
        let missing = "there is no cometbft: scripts/install-cometbft builds it, COMITY_COMETBFT names it";
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing}");
        println!("SKIPPED: {missing}");
    }
    found
}

/// Runs this program to its end; it must succeed.
pub(crate) fn comity(args: &[&str]) -> String {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_comity")).args(args).stdin(Stdio::null()).output().expect("it runs");
    let (said, complained) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "comity {args:?}\n{said}\n{complained}");
    said.into_owned()
}

/// Free ports in a row, the first of them.
pub(crate) fn ports(count: u16) -> u16 {
    // Below the range that the system takes ports from for outgoing connections.
    static NEXT: Mutex<u16> = Mutex::new(0);
    let mut next = NEXT.lock().expect("not poisoned");
    if *next == 0 {
        *next = 12_000 + u16::try_from(std::process::id() % 900).expect("small") * 20;
    }
    loop {
        let first = *next;
        *next = if first > 31_000 { 12_000 } else { first + count };
        let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if (first..first + count).all(free) {
            return first;
        }
    }
}

/// Three of them, for a gateway, its signer and its metrics.
pub(crate) fn three_ports() -> [u16; 3] {
    let first = ports(3);
    [first, first + 1, first + 2]
}

/// A running chain.
pub(crate) struct Network {
    /// The institution's home.
    pub(crate) home: PathBuf,
    chain: ChainId,
    cometbft: PathBuf,
    first_port: u16,
    links: Arc<Links>,
    applications: Vec<Option<Child>>,
    nodes: Vec<Option<Child>>,
}

impl Network {
    /// Founds an institution with `comity init` in a folder of `folder`, starts its chain and writes its anchor.
    pub(crate) fn start(cometbft: &Path, folder: &Path, institution: &str, kind: &str, gateway: [u16; 3]) -> Self {
        let home = folder.join(institution);
        let first_port = ports(u16::try_from(NODES_MAX * 3).expect("few"));
        let at = |port: u16| format!("127.0.0.1:{port}");
        comity(&[
            "init",
            "--institution",
            institution,
            "--kind",
            kind,
            "--dir",
            &home.display().to_string(),
            "--engine",
            "cometbft",
            "--validators",
            &VALIDATORS.to_string(),
            "--node-port",
            &first_port.to_string(),
            "--grpc",
            &at(gateway[0]),
            "--signer",
            &at(gateway[1]),
            "--rest",
            "127.0.0.1:0",
            "--metrics",
            &at(gateway[2]),
        ]);
        for number in 1..=VALIDATORS {
            // Silence is waited for below: shorter than in real life.
            let settings = home.join(format!("nodes/{number}/config/config.toml"));
            let text = std::fs::read_to_string(&settings).expect("settings");
            let quick = text.replace("interval = \"5s\"", "interval = \"1s\"");
            assert_ne!(text, quick);
            std::fs::write(&settings, quick).expect("settings");
            let settings = home.join(format!("nodes/{number}/ledger.toml"));
            change(&settings, "snapshot_every = 1000", &format!("snapshot_every = {SNAPSHOT_EVERY}"));
        }
        let mut network = Self {
            chain: format!("{institution}-1").parse().expect("a chain id"),
            cometbft: cometbft.to_owned(),
            first_port,
            links: Links::new(NODES_MAX),
            applications: (0..VALIDATORS).map(|_| None).collect(),
            nodes: (0..VALIDATORS).map(|_| None).collect(),
            home,
        };
        (0..VALIDATORS).for_each(|index| network.wire(index));
        for index in 0..VALIDATORS {
            network.start_application(index);
        }
        for index in 0..VALIDATORS {
            network.start_node(index);
        }
        comity(&["ledger", "anchor", "--config", &network.home.join("comity.toml").display().to_string()]);
        network
    }

    /// Leads a node's wires to its peers through forwarders.
    fn wire(&self, index: usize) {
        let settings = self.node_home(index).join("config/config.toml");
        let mut text = std::fs::read_to_string(&settings).expect("settings");
        for other in (0..NODES_MAX).filter(|other| *other != index) {
            let port = self.port(other, 1);
            let direct = format!("@127.0.0.1:{port}");
            if text.contains(&direct) {
                text = text.replace(&direct, &format!("@127.0.0.1:{}", self.links.wire(index, other, port)));
            }
        }
        std::fs::write(&settings, text).expect("settings");
    }

    /// Cuts the network: nodes that are given different numbers do not see each other.
    pub(crate) fn part(&self, parts: &[u32]) {
        self.links.part(parts);
    }

    /// Mends it.
    pub(crate) fn mend(&self) {
        self.links.mend();
    }

    /// Makes the home of one more node beside the validators: its own keys, everybody as peers, no state. Its number.
    pub(crate) fn add_node(&mut self) -> usize {
        let index = self.nodes.len();
        assert!(index < NODES_MAX);
        let (home, model) = (self.node_home(index), self.node_home(0));
        let init = Command::new(&self.cometbft).arg("init").arg("validator").arg("--home").arg(&home).output();
        assert!(init.expect("it runs").status.success());
        std::fs::copy(model.join("config/genesis.json"), home.join("config/genesis.json")).expect("the genesis");
        let mut text = std::fs::read_to_string(self.node_home(1).join("config/config.toml")).expect("settings");
        for place in 0..3 {
            let port = |index| format!("127.0.0.1:{}\"", self.port(index, place));
            text = text.replace(&port(1), &port(index));
        }
        std::fs::write(home.join("config/config.toml"), text).expect("settings");
        self.peers_of(index, &(0..VALIDATORS).collect::<Vec<_>>());
        let ledger = std::fs::read_to_string(model.join("ledger.toml")).expect("settings");
        let port = |index| format!("127.0.0.1:{}\"", self.port(index, 2));
        std::fs::write(home.join("ledger.toml"), ledger.replace(&port(0), &port(index))).expect("settings");
        self.nodes.push(None);
        self.applications.push(None);
        self.wire(index);
        index
    }

    /// Tells a node its peers anew, without wires.
    pub(crate) fn peers_of(&self, index: usize, peers: &[usize]) {
        let peers: Vec<_> = peers.iter().filter(|peer| **peer != index).map(|peer| self.peer(*peer)).collect();
        let settings = self.file(index, "config/config.toml");
        let text = std::fs::read_to_string(&settings).expect("settings");
        let lines = text.lines().map(|line| match line.starts_with("persistent_peers") {
            true => format!("persistent_peers = \"{}\"\n", peers.join(",")),
            false => format!("{line}\n"),
        });
        std::fs::write(&settings, lines.collect::<String>()).expect("settings");
    }

    /// A node's name among peers.
    pub(crate) fn peer(&self, index: usize) -> String {
        let shown = Command::new(&self.cometbft).arg("show-node-id").arg("--home").arg(self.node_home(index)).output();
        let id = String::from_utf8(shown.expect("it runs").stdout).expect("text");
        format!("{}@127.0.0.1:{}", id.trim(), self.port(index, 1))
    }

    /// A file in a node's home.
    pub(crate) fn file(&self, index: usize, name: &str) -> PathBuf {
        self.node_home(index).join(name)
    }

    fn node_home(&self, index: usize) -> PathBuf {
        self.home.join(format!("nodes/{}", index + 1))
    }

    fn port(&self, index: usize, place: u16) -> u16 {
        self.first_port + u16::try_from(index).expect("few") * 3 + place
    }

    /// Starts a validator's application and waits until it listens.
    pub(crate) fn start_application(&mut self, index: usize) {
        let config = self.node_home(index).join("ledger.toml");
        let mut command = Command::new(env!("CARGO_BIN_EXE_comity"));
        command.args(["ledger", "abci", "--config"]).arg(config);
        self.applications[index] = Some(spawn(command, &self.node_home(index).join("application.log")));
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port(index, 2))).is_err() {
            assert!(started.elapsed() < READY_WITHIN, "application {index} does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts a validator's node.
    pub(crate) fn start_node(&mut self, index: usize) {
        let home = self.node_home(index);
        let mut command = Command::new(&self.cometbft);
        command.arg("start").arg("--home").arg(&home);
        self.nodes[index] = Some(spawn(command, &home.join("node.log")));
    }

    /// Both processes of a node.
    pub(crate) fn start_both(&mut self, index: usize) {
        self.start_application(index);
        self.start_node(index);
    }

    /// Kills both, as a power cut would.
    pub(crate) fn kill_both(&mut self, index: usize) {
        self.kill_node(index);
        self.kill_application(index);
    }

    /// Kills a validator's application, as a power cut would.
    pub(crate) fn kill_application(&mut self, index: usize) {
        kill(&mut self.applications[index]);
    }

    /// Kills a validator's node.
    pub(crate) fn kill_node(&mut self, index: usize) {
        kill(&mut self.nodes[index]);
    }

    /// Waits until a node has ended by itself.
    pub(crate) fn node_ends(&mut self, index: usize) {
        let started = Instant::now();
        let node = self.nodes[index].as_mut().expect("it was started");
        while node.try_wait().expect("it can be asked").is_none() {
            assert!(started.elapsed() < READY_WITHIN, "node {index} goes on without its application");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.nodes[index] = None;
    }

    /// The RPC of a node.
    pub(crate) fn rpc(&self, index: usize) -> String {
        format!("http://127.0.0.1:{}", self.port(index, 0))
    }

    /// The chain through the adapter, over one of its nodes, with the operator's key.
    pub(crate) fn ports(&self, index: usize) -> Chain {
        let mut config =
            CometConfig::new(self.rpc(index), self.chain.clone()).with_operator(self.key("operator").to_bytes());
        config.poll_interval = Duration::from_millis(200);
        CometChain::open(config).expect("an address")
    }

    /// A key of the institution by name.
    pub(crate) fn key(&self, name: &str) -> SigningKey {
        let text = std::fs::read_to_string(self.home.join("keys").join(format!("{name}.key"))).expect("a key file");
        let seed: [u8; 32] = hex::decode(text.trim()).expect("hex").try_into().expect("32 bytes");
        SigningKey::from_bytes(&seed)
    }

    /// The next proposal, under two governors' signatures.
    pub(crate) async fn proposal(&self, action: Action) -> Message {
        let chain = self.ports(0);
        let latest = chain.headers.latest().await.expect("a height");
        let state = chain.prover.prove(&StatePath::Governors, latest).await.expect("the governors").value;
        let governors: Governors = decode("governors", &state.expect("they stand")).expect("governors");
        let proposal = Proposal { chain: self.chain.clone(), number: governors.next, action, evidence: Hash::ZERO };
        let bytes = signing_bytes("comity/proposal/v1", &proposal);
        let approvals = [0u8, 2].map(|governor| GovernorApproval {
            governor,
            signature: Signature::ed25519(self.key(&format!("governor-{}", governor + 1)).sign(&bytes).to_bytes()),
        });
        Message::Govern { approvals: approvals.to_vec(), proposal }
    }

    /// Submits messages that must be carried out, over one of the nodes.
    pub(crate) async fn done(&self, index: usize, messages: Vec<Message>) -> (Height, Vec<Event>) {
        match self.ports(index).submit.submit(messages).await.expect("an answer") {
            Outcome::Committed { height, events, .. } => (height, events),
            Outcome::Refused { code, detail } => panic!("refused: {code}: {detail}"),
        }
    }

    /// Waits until a node has a block.
    pub(crate) async fn reach(&self, index: usize, height: Height) {
        let chain = self.ports(index);
        let wait = async {
            while chain.headers.latest().await.unwrap_or_default() < height {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(READY_WITHIN, wait).await.unwrap_or_else(|_| panic!("node {index} has no block {height}"));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for index in 0..self.nodes.len() {
                for log in ["application.log", "node.log"] {
                    let text = std::fs::read_to_string(self.node_home(index).join(log)).unwrap_or_default();
                    let lines: Vec<_> = text.lines().collect();
                    println!("--- {log} of {index}\n{}", lines[lines.len().saturating_sub(30)..].join("\n"));
                }
            }
        }
        self.nodes.iter_mut().chain(&mut self.applications).for_each(kill);
        self.links.end();
    }
}

/// Changes a text in a file, which must be there.
pub(crate) fn change(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).expect("a file");
    assert!(text.contains(from), "{} has no {from}", path.display());
    std::fs::write(path, text.replace(from, to)).expect("a file");
}

/// Starts a process that writes to a log, after what is in it already.
pub(crate) fn spawn(mut command: Command, log: &Path) -> Child {
    let log = File::options().create(true).append(true).open(log).expect("a log");
    let errors = log.try_clone().expect("a handle");
    command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn().expect("it starts")
}

pub(crate) fn kill(process: &mut Option<Child>) {
    if let Some(mut process) = process.take() {
        let _ = process.kill();
        let _ = process.wait();
    }
}
