//! A court and a bank as separate processes, set up with the program's own commands as their staff would: two signers, two
//! gateways with their ledgers, one relayer. Any of them can be killed and started again. Every child ends with the value.
#![allow(dead_code)]

pub(crate) mod config;
pub(crate) mod load;
pub(crate) mod metrics;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};
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
    /// A ledger by itself, once it was taken out of its gateway.
    CourtLedger,
    BankLedger,
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
            Self::CourtLedger => ("serve", "court/ledger.toml"),
            Self::BankLedger => ("serve", "bank/ledger.toml"),
        };
        vec![command.into(), "--config".into(), dir.join(config).display().to_string()]
    }
}

/// The processes and their folder.
pub(crate) struct Alliance {
    dir: PathBuf,
    /// The program that its parts are of.
    program: PathBuf,
    /// Where they listen: the court's gateway, RPC, signer and metrics, the bank's, and the relayer's metrics.
    pub(crate) ports: Vec<u16>,
    /// What parts that start find in their environment.
    pub(crate) environment: Vec<(String, String)>,
    running: Mutex<BTreeMap<Part, Child>>,
}

impl Alliance {
    /// Makes both institutions, starts everything and joins the chains both ways.
    pub(crate) fn found(dir: &Path) -> Self {
        Self::found_by(Path::new(env!("CARGO_BIN_EXE_comity")), dir)
    }

    /// One whose files are there already, and whose configurations name these ports; nothing is started.
    pub(crate) fn reopen(dir: &Path, ports: Vec<u16>, environment: Vec<(String, String)>) -> Self {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_comity"));
        Self { dir: dir.to_path_buf(), program, ports, environment, running: Mutex::default() }
    }

    /// The same of another program than the one under test.
    pub(crate) fn found_by(program: &Path, dir: &Path) -> Self {
        Self::found_over(program, dir, |_, _, _| None)
    }

    /// The same over chains of the caller's choice. `chain` is told an institution, its kind and its gateway's three ports, and
    /// founds it in `dir` with a chain whose RPC it returns; where it returns none, a gateway runs the ledger.
    pub(crate) fn found_over(
        program: &Path,
        dir: &Path,
        mut chain: impl FnMut(&str, &str, [u16; 3]) -> Option<String>,
    ) -> Self {
        let mut alliance = Self::reopen(dir, free_ports(), Vec::new());
        alliance.program = program.to_path_buf();
        let address = |index: usize| format!("127.0.0.1:{}", alliance.ports[index]);
        let mut rpcs = Vec::new();
        for (index, (name, kind)) in [("court", "court"), ("bank", "finance")].into_iter().enumerate() {
            let base = index * 4;
            let ports = &alliance.ports;
            if let Some(rpc) = chain(name, kind, [ports[base], ports[base + 2], ports[base + 3]]) {
                rpcs.push(rpc);
                continue;
            }
            rpcs.push(format!("http://{}", address(base + 1)));
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
        let [court_rpc, bank_rpc]: [String; 2] = rpcs.try_into().expect("two chains");
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

    /// Starts a part; what it says goes to files beside the institutions.
    pub(crate) fn start(&self, part: Part) {
        self.start_in(part, &[]);
    }

    /// Starts a part with more in its environment. It is told by EFBIG, not by a signal, when a limit of its files is
    /// reached: see [`Alliance::limit_files`].
    pub(crate) fn start_in(&self, part: Part, environment: &[(&str, &str)]) {
        let log = |kind: &str| -> File {
            let path = self.dir.join(format!("{part:?}.{kind}"));
            OpenOptions::new().create(true).append(true).open(path).expect("a log file")
        };
        self.forget_output(part);
        let child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(&self.program)
            .args(part.arguments(&self.dir))
            .env("COMITY_LOG", "warn")
            .envs(self.environment.iter().cloned())
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(log("out"))
            .stderr(log("err"))
            .spawn()
            .expect("the program starts");
        self.running.lock().expect("no thread panicked").insert(part, child);
    }

    /// Lets no file of a running part grow past `bytes`, and no write go past them: as a full disk does. `None` ends it.
    pub(crate) fn limit_files(&self, part: Part, bytes: Option<u64>) {
        let limit = bytes.map_or_else(|| "unlimited".into(), |bytes| bytes.to_string());
        self.to_process("prlimit", &[&format!("--fsize={limit}:unlimited"), "--pid"], part);
    }

    /// Asks a part by a signal to do what that one means: `-HUP`, `-TERM`.
    pub(crate) fn signal(&self, part: Part, signal: &str) {
        self.to_process("kill", &[signal], part);
    }

    fn to_process(&self, program: &str, arguments: &[&str], part: Part) {
        let id = self.id(part).to_string();
        let done = Command::new(program).args(arguments).arg(id).status().expect("it runs");
        assert!(done.success(), "{program} {arguments:?} of {part:?}");
    }

    /// The process of a part that runs.
    pub(crate) fn id(&self, part: Part) -> u32 {
        self.running.lock().expect("no thread panicked").get(&part).expect("it runs").id()
    }

    /// Waits until a part ends by itself, and says with which exit code; `None` when it still runs after `within`.
    pub(crate) fn end_of(&self, part: Part, within: Duration) -> Option<i32> {
        let until = Instant::now() + within;
        loop {
            let mut running = self.running.lock().expect("no thread panicked");
            let ended = running.get_mut(&part).expect("it was started").try_wait().expect("it is ours");
            if let Some(status) = ended {
                running.remove(&part);
                return Some(status.code().expect("no signal ended it"));
            }
            drop(running);
            if Instant::now() > until {
                return None;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Stops a part in good order, once it runs.
    pub(crate) fn stop(&self, part: Part) {
        let until = Instant::now() + READY_WITHIN;
        while !self.output_of(part).contains("Stops at Ctrl-C") {
            assert!(Instant::now() < until, "{part:?} does not run: {}", self.log_of(part));
            std::thread::sleep(Duration::from_millis(50));
        }
        self.signal(part, "-TERM");
        assert_eq!(self.end_of(part, READY_WITHIN), Some(0), "{part:?}: {}", self.log_of(part));
    }

    /// What a part has said so far of what went wrong.
    pub(crate) fn log_of(&self, part: Part) -> String {
        std::fs::read_to_string(self.dir.join(format!("{part:?}.err"))).expect("a log")
    }

    /// The same as one line: messages are broken into lines for the reader.
    pub(crate) fn words_of(&self, part: Part) -> String {
        self.log_of(part).split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
    }

    /// What a part says from here on: cut off what it said before.
    pub(crate) fn forget_log(&self, part: Part) {
        File::create(self.dir.join(format!("{part:?}.err"))).expect("a log file");
    }

    /// What a part has said of how it does.
    pub(crate) fn output_of(&self, part: Part) -> String {
        std::fs::read_to_string(self.dir.join(format!("{part:?}.out"))).expect("a log")
    }

    /// The same from here on.
    pub(crate) fn forget_output(&self, part: Part) {
        File::create(self.dir.join(format!("{part:?}.out"))).expect("a log file");
    }

    /// Takes an institution's ledger out of its gateway, into a process of its own (with a gateway that nobody asks).
    pub(crate) fn part_ledger_of(&self, institution: &str) {
        let (gateway_part, ledger_part, rpc) = match institution {
            "court" => (Part::CourtGateway, Part::CourtLedger, self.ports[1]),
            _ => (Part::BankGateway, Part::BankLedger, self.ports[5]),
        };
        self.stop(gateway_part);
        let ports = free_ports();
        let file = format!("{institution}/comity.toml");
        let mut gateway = self.read(&file);
        let mut ledger = gateway.clone();
        config::set(&mut ledger, "listen", "grpc", &format!("127.0.0.1:{}", ports[0]));
        config::set(&mut ledger, "listen", "metrics", &format!("127.0.0.1:{}", ports[1]));
        config::set(&mut ledger, "store", "file", "ledger-gateway.redb");
        // It has no private parts, and would refuse every order for that.
        ledger.insert("decide".into(), "manual".into());
        ledger.remove("peers");
        self.write(&format!("{institution}/ledger.toml"), &ledger);
        gateway.remove("engine");
        config::set(&mut gateway, "chain", "rpc", &format!("http://127.0.0.1:{rpc}"));
        self.write(&file, &gateway);
        self.start(ledger_part);
        self.start(gateway_part);
        self.wait_until_up(institution);
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
        Command::new(&self.program)
            .args(arguments)
            .envs(self.environment.iter().cloned())
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

    /// Waits until an institution's gateway answers.
    pub(crate) fn wait_until_up(&self, institution: &str) {
        let client = self.path(&format!("{institution}/clients/operator.toml"));
        let up = self.insist(&["chain", "status", "--as", &client], Instant::now() + READY_WITHIN);
        assert!(up.is_some(), "{institution} does not answer; see {}", self.dir.display());
    }
}

impl Drop for Alliance {
    fn drop(&mut self) {
        for child in self.running.get_mut().unwrap_or_else(PoisonError::into_inner).values_mut() {
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
