//! A court and a bank as separate processes, set up with the program's own commands as their staff would: two signers, two
//! gateways with their ledgers, one relayer. Any of them can be killed and started again. Every child ends with the value.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long a part may take until it answers.
const READY_WITHIN: Duration = Duration::from_secs(90);

/// The parts that can be killed.
pub(crate) const PARTS: [Part; 5] =
    [Part::CourtSigner, Part::CourtGateway, Part::BankSigner, Part::BankGateway, Part::Relayer];

/// One process of the alliance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    CourtSigner,
    CourtGateway,
    BankSigner,
    BankGateway,
    Relayer,
    /// More gateways of the court and one more relayer, for whoever writes their configurations.
    SecondGateway,
    ThirdGateway,
    SecondRelayer,
}

impl Part {
    fn arguments(self, dir: &Path) -> Vec<String> {
        let (command, config) = match self {
            Self::CourtSigner => ("sign", "court/comity.toml"),
            Self::CourtGateway => ("serve", "court/comity.toml"),
            Self::BankSigner => ("sign", "bank/comity.toml"),
            Self::BankGateway => ("serve", "bank/comity.toml"),
            Self::Relayer => ("relay", "relayer/relay.toml"),
            Self::SecondGateway => ("serve", "court/second.toml"),
            Self::ThirdGateway => ("serve", "court/third.toml"),
            Self::SecondRelayer => ("relay", "relayer/second.toml"),
        };
        vec![command.into(), "--config".into(), dir.join(config).display().to_string()]
    }
}

/// The processes and their folder.
pub(crate) struct Alliance {
    dir: PathBuf,
    /// Where they listen: the court's gateway, RPC, signer and metrics, the bank's, and the relayer's metrics.
    pub(crate) ports: Vec<u16>,
    /// What parts that start find in their environment.
    pub(crate) environment: Vec<(String, String)>,
    running: Mutex<BTreeMap<Part, Child>>,
}

impl Alliance {
    /// Makes both institutions, starts everything and joins the chains both ways.
    pub(crate) fn found(dir: &Path) -> Self {
        let alliance =
            Self { dir: dir.to_path_buf(), ports: free_ports(), environment: Vec::new(), running: Mutex::default() };
        let address = |index: usize| format!("127.0.0.1:{}", alliance.ports[index]);
        for (index, (name, kind)) in [("court", "court"), ("bank", "finance")].into_iter().enumerate() {
            let base = index * 4;
            alliance.done(&[
                "init",
                "--institution",
                name,
                "--kind",
                kind,
                "--dir",
                &alliance.path(name),
                "--grpc",
                &address(base),
                "--rpc",
                &address(base + 1),
                "--signer",
                &address(base + 2),
                "--rest",
                "127.0.0.1:0",
                "--metrics",
                &address(base + 3),
            ]);
        }
        for part in [Part::CourtSigner, Part::CourtGateway, Part::BankSigner, Part::BankGateway] {
            alliance.start(part);
        }
        alliance.wait_until_up("court");
        alliance.wait_until_up("bank");
        let (court_rpc, bank_rpc) = (format!("http://{}", address(1)), format!("http://{}", address(5)));
        for (own, other, rpc) in [("court", "bank", &bank_rpc), ("bank", "court", &court_rpc)] {
            let config = alliance.path(&format!("{own}/comity.toml"));
            let anchor = alliance.path(&format!("{other}/{other}.anchor"));
            alliance.done(&["link", "--config", &config, "--anchor", &anchor, "--rpc", rpc]);
        }
        alliance.done(&[
            "relay",
            "init",
            "--config",
            &alliance.path("relayer/relay.toml"),
            "--anchor",
            &alliance.path("court/court.anchor"),
            "--rpc",
            &court_rpc,
            "--operator",
            &alliance.path("court/keys/relayer.key"),
            "--anchor",
            &alliance.path("bank/bank.anchor"),
            "--rpc",
            &bank_rpc,
            "--operator",
            &alliance.path("bank/keys/relayer.key"),
            "--metrics",
            &address(8),
        ]);
        // Peers are read at start.
        for part in [Part::CourtGateway, Part::BankGateway] {
            alliance.kill(part);
            alliance.start(part);
        }
        alliance.start(Part::Relayer);
        alliance.wait_until_up("court");
        alliance.wait_until_up("bank");
        alliance
    }

    /// A path in the alliance's folder.
    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    /// Starts a part; what it says goes to a file beside the institutions.
    pub(crate) fn start(&self, part: Part) {
        let log = |kind: &str| -> File {
            let path = self.dir.join(format!("{part:?}.{kind}"));
            OpenOptions::new().create(true).append(true).open(path).expect("a log file")
        };
        let child = Command::new(env!("CARGO_BIN_EXE_comity"))
            .args(part.arguments(&self.dir))
            .env("COMITY_LOG", "warn")
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(log("out"))
            .stderr(log("err"))
            .spawn()
            .expect("the program starts");
        self.running.lock().expect("no thread panicked").insert(part, child);
    }

    /// Ends a part as a power cut would: SIGKILL.
    pub(crate) fn kill(&self, part: Part) {
        if let Some(mut child) = self.running.lock().expect("no thread panicked").remove(&part) {
            child.kill().expect("it is ours to kill");
            child.wait().expect("it was ours to wait for");
        }
    }

    /// The parts that ended by themselves: none should.
    pub(crate) fn ended(&self) -> Vec<Part> {
        let mut running = self.running.lock().expect("no thread panicked");
        running
            .iter_mut()
            .filter_map(|(part, child)| child.try_wait().expect("it is ours").is_some().then_some(*part))
            .collect()
    }

    /// Runs a command of the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_comity"))
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("the program runs")
    }

    /// Runs a command that must succeed, and returns what it printed.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "comity {}\n{}", arguments.join(" "), said(&output));
        String::from_utf8(output.stdout).expect("text")
    }

    /// Repeats a command as long as it answers that something does not answer; `None` when `until` is past.
    pub(crate) fn insist(&self, arguments: &[&str], until: Instant) -> Option<String> {
        loop {
            let output = self.run(arguments);
            match output.status.code() {
                Some(0) => return Some(String::from_utf8(output.stdout).expect("text")),
                Some(3) if Instant::now() < until => std::thread::sleep(Duration::from_millis(100)),
                Some(3) => return None,
                _ => panic!("comity {}\n{}", arguments.join(" "), said(&output)),
            }
        }
    }

    fn wait_until_up(&self, institution: &str) {
        let client = self.path(&format!("{institution}/clients/operator.toml"));
        let up = self.insist(&["chain", "status", "--as", &client], Instant::now() + READY_WITHIN);
        assert!(up.is_some(), "{institution} does not answer; see {}", self.dir.display());
    }
}

impl Drop for Alliance {
    fn drop(&mut self) {
        for child in self.running.get_mut().expect("no thread panicked").values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What a command printed, for a message.
pub(crate) fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Ports that are free now, all held until all are known.
pub(crate) fn free_ports() -> Vec<u16> {
    let held: Vec<_> = (0..9).map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
    held.iter().map(|listener| listener.local_addr().expect("an address").port()).collect()
}
