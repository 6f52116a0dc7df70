//! Two institutions as their own staff would set them up and keep them: every step is a command, every part a process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long a process may take until it says that it runs, and anything else may take to come true.
const WITHIN: Duration = Duration::from_secs(120);

/// A process that goes on until it is dropped.
struct Process(Child);

impl Process {
    /// Starts `comity …` and waits until it says `ready`.
    fn start(args: &[&str], ready: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_comity"))
            .args(args)
            .env("COMITY_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
        let (tell, told) = mpsc::channel();
        // Its output is read to the end, so that it never blocks on writing.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(tell.send(line))));
        let process = Self(child);
        let started = Instant::now();
        loop {
            let left = WITHIN.saturating_sub(started.elapsed());
            let line = told.recv_timeout(left).unwrap_or_else(|_| panic!("{args:?} did not say {ready}"));
            if line.contains(ready) {
                return process;
            }
        }
    }

    /// Stops it in good order.
    fn stop(mut self) {
        let id = self.0.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status().expect("kill runs");
        assert!(asked.success());
        let ended = self.0.wait().expect("it ends");
        assert!(ended.success(), "{ended}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where an institution lives.
struct Site {
    dir: PathBuf,
    rpc: String,
    metrics: String,
}

impl Site {
    fn init(folder: &Path, id: &str, kind: &str) -> Self {
        let dir = folder.join(id);
        let [grpc, rpc, signer, metrics] = std::array::from_fn(|_| free_address());
        let dir_text = dir.display().to_string();
        done(&[
            "init",
            "--institution",
            id,
            "--kind",
            kind,
            "--dir",
            &dir_text,
            "--grpc",
            &grpc,
            "--rpc",
            &rpc,
            "--signer",
            &signer,
            "--rest",
            "127.0.0.1:0",
            "--metrics",
            &metrics,
        ]);
        Self { dir, rpc: format!("http://{rpc}"), metrics }
    }

    fn path(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    fn config(&self) -> String {
        self.path("comity.toml")
    }

    fn sign(&self) -> Process {
        Process::start(&["sign", "--config", &self.config()], "signer at")
    }

    fn serve(&self) -> Process {
        Process::start(&["serve", "--config", &self.config()], "gateway at")
    }
}

fn free_address() -> String {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    socket.local_addr().expect("it has an address").to_string()
}

fn comity(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_comity"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // A command that does not read what it is given closes its end first.
    let _ = child.stdin.take().expect("its input is piped").write_all(input.as_bytes());
    child.wait_with_output().expect("it ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a command that succeeds; what it printed.
fn done(args: &[&str]) -> String {
    done_with(args, "")
}

fn done_with(args: &[&str], input: &str) -> String {
    let output = comity(args, input);
    let (said, complained) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{args:?}\n{said}\n{complained}");
    said
}

/// Runs a command that is refused with this exit code; everything that it printed.
fn refused(args: &[&str], input: &str, exit: i32) -> String {
    let output = comity(args, input);
    let all = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{args:?}\n{all}");
    all
}

fn scrape(address: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("metrics are served");
    stream.set_read_timeout(Some(WITHIN)).expect("a time limit");
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("it takes requests");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

/// Scrapes until every one of `wanted` starts a line.
fn scraped(address: &str, wanted: &[&str]) -> String {
    let started = Instant::now();
    loop {
        let answer = scrape(address);
        let missing: Vec<_> =
            wanted.iter().filter(|wanted| !answer.lines().any(|line| line.starts_with(**wanted))).collect();
        if missing.is_empty() {
            return answer;
        }
        assert!(started.elapsed() < WITHIN, "{missing:?} are missing in:\n{answer}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

const ACCOUNT: &str = "6222990012345678908";

fn account(number: &str, status: &str) -> String {
    format!(
        "{{\"account_number\":\"{number}\",\"bank\":\"安澜银行\",\"bank_code\":\"999100000001\",\"branch\":\"滨溪支行\",\
         \"holder\":\"王五\",\"id_type\":\"PASSPORT\",\"id_number\":\"E99000002\",\"account_kind\":\"BASIC\",\
         \"balance\":\"80000.00\",\"available\":{{\"currency\":\"CNY\",\"minor\":8000000}},\"opened_date\":\"2020-01-02\",\
         \"last_moved\":\"2026-01-02T03:04:05Z\",\"status\":\"{status}\",\"prior_freezes\":[]}}\n"
    )
}

const FREEZE: &str = r#"
request_number = "1"
court = "滨溪区人民法院"
court_code = "9901"
case_number = "(2026)浙9901执1号"
judge = "李四"
work_number = "J-1001"
official_number = "9901001"
legal_basis = "民事诉讼法第二百五十三条"
ruling_number = "(2026)浙9901执1号之一"
ruling_digest = "0101010101010101010101010101010101010101010101010101010101010101"
notice_name = "协助执行通知书"
notice_number = "(2026)浙9901执1号"
person_name = "王五"
person_id_type = "PASSPORT"
person_id_number = "E99000002"
account_number = "6222990012345678908"
control_kind = "FUNDS"
amount = "50000.00"
"#;

/// Everything that stands in a page of metrics is explained to operators.
fn explained(page: &str) {
    let manual = include_str!("../../docs/operations.md");
    for line in page.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().unwrap_or_default();
        assert!(manual.contains(&format!("`{name}`")), "{name} stands in no question of docs/operations.md");
    }
}

#[test]
fn two_institutions_are_set_up_kept_governed_and_watched_by_commands_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let court = Site::init(folder.path(), "court", "court");
    let bank = Site::init(folder.path(), "bank", "finance");
    let (_bank_signer, court_signer) = (bank.sign(), court.sign());
    let (court_gateway, bank_gateway) = (court.serve(), bank.serve());

    // Linked both ways; again, nothing changes.
    let link = |own: &Site, other: &Site, anchor: &str| {
        done(&["link", "--config", &own.config(), "--anchor", &other.path(anchor), "--rpc", &other.rpc])
    };
    assert!(link(&court, &bank, "bank.anchor").contains("now watches bank-1"));
    assert!(link(&bank, &court, "court.anchor").contains("names court as a peer."));
    let before = std::fs::read_to_string(court.config()).expect("a configuration");
    assert!(link(&court, &bank, "bank.anchor").contains("names bank as a peer already"));
    assert_eq!(std::fs::read_to_string(court.config()).expect("a configuration"), before);
    court_gateway.stop();
    bank_gateway.stop();
    let (_court_gateway, _bank_gateway) = (court.serve(), bank.serve());

    // The relayer's file is made by a command.
    let relay = folder.path().join("relayer/relay.toml").display().to_string();
    let relay_metrics = free_address();
    done(&[
        "relay",
        "init",
        "--config",
        &relay,
        "--metrics",
        &relay_metrics,
        "--anchor",
        &court.path("court.anchor"),
        "--rpc",
        &court.rpc,
        "--operator",
        &court.path("keys/relayer.key"),
        "--anchor",
        &bank.path("bank.anchor"),
        "--rpc",
        &bank.rpc,
        "--operator",
        &bank.path("keys/relayer.key"),
    ]);
    let _relayer = Process::start(&["relay", "--config", &relay], "Relaying");

    registers(folder.path(), &bank);
    let court_signer = an_officer_gets_another_key(folder.path(), &court, court_signer);
    an_order_takes_the_new_key(folder.path(), &court);

    // A check of each finds nothing wrong; without a signer, it says what to do.
    for site in [&court, &bank] {
        let said = done(&["check", "--config", &site.config()]);
        assert!(said.contains("has the anchor's block") && !said.contains("WRONG"), "{said}");
    }
    court_signer.stop();
    let said = refused(&["check", "--config", &court.config()], "", 1);
    assert!(said.contains("start `comity sign`"), "{said}");

    // What an operator asks is answered by the metrics, and every one of them is explained.
    let gateway = [
        "comity_gateway_chain_height{",
        "comity_gateway_chain_age_seconds{",
        "comity_gateway_client_usable{",
        "comity_gateway_client_age_seconds{",
        "comity_gateway_orders_open{",
        "comity_gateway_orders_undecided ",
        "comity_gateway_calls_total{",
        "comity_gateway_call_seconds_bucket{",
        "comity_gateway_proof_seconds_bucket{",
        "comity_gateway_handshakes_refused_total 0",
    ];
    let page = scraped(&court.metrics, &gateway);
    explained(&page);
    assert!(page.contains("reason=\"APPROVAL_REFUSED\""), "who was refused, and why:\n{page}");
    assert!(page.contains("comity_gateway_client_usable{client=\"client-bank-1\",chain=\"bank-1\"} 1"), "{page}");
    explained(&scraped(&bank.metrics, &gateway));
    let relayer = ["comity_relayer_verified_height{", "comity_relayer_packets{", "comity_relayer_actions_total{"];
    explained(&scraped(&relay_metrics, &relayer));
}

/// The bank's registrar puts records and assets, a bad line among them.
fn registers(folder: &Path, bank: &Site) {
    let registrar = bank.path("clients/registrar.toml");
    let put = ["record", "put", "--as", &registrar, "--sector", "accounts", "-"];
    let good = account(ACCOUNT, "NORMAL") + &account("6222990012345678916", "DORMANT");
    let bad = good.clone() + "\n" + &account("6222990012345678924", "ASLEEP") + "{\"account_number\":\n";
    let said = refused(&put, &bad, 1);
    for wanted in
        ["-:4: FIELD_VALUE:", "-:5: MALFORMED:", "2 records new or changed", "Proven on bank-1", "2 of 4 lines"]
    {
        assert!(said.contains(wanted), "{wanted} is missing in:\n{said}");
    }
    assert!(!said.contains("王五") && !said.contains("ASLEEP"), "{said}");
    assert!(done_with(&put, &good).contains("0 records new or changed, 2 stood so already"));
    let check = ["record", "put", "--validate-only", "--as", &registrar, "--sector", "accounts", "-"];
    assert!(done_with(&check, &account("6222990012345678932", "NORMAL")).contains("1 in order, nothing changed"));
    let clerk = bank.path("clients/clerk.toml");
    let said = refused(&["record", "put", "--as", &clerk, "--sector", "accounts", "-"], &good, 1);
    assert!(said.contains("PERMISSION_DENIED"), "{said}");

    let assets = folder.join("assets.jsonl");
    std::fs::write(&assets, format!("{{\"reference\":\"{ACCOUNT}\",\"value\":\"80000.00\"}}\n")).expect("a file");
    let said = done(&[
        "asset",
        "register",
        "--json",
        "--as",
        &registrar,
        "--sector",
        "accounts",
        &assets.display().to_string(),
    ]);
    assert!(said.contains("\"changed\":1"), "{said}");
}

/// An officer's key is rotated by two of three governors, each with a key of their own; one is not enough.
fn an_officer_gets_another_key(folder: &Path, court: &Site, signer: Process) -> Process {
    let file = |name: &str| folder.join(name).display().to_string();
    let public = done(&["key", "create", &file("officer-new.key")]);
    let proposal = file("officer.proposal");
    done(&[
        "govern",
        "propose",
        "--config",
        &court.config(),
        "--out",
        &proposal,
        "set-officer",
        "--officer",
        "J-1001",
        "--public-key",
        public.trim(),
    ]);
    let approve = |governor: &str, out: &str| {
        done(&["govern", "approve", &proposal, "--key", &court.path(&format!("keys/{governor}.key")), "--out", out])
    };
    let (one, two) = (file("approved-1.proposal"), file("approved-2.proposal"));
    assert!(approve("governor-1", &one).contains("J-1001 of court"));
    let said = refused(&["govern", "submit", "--config", &court.config(), &one], "", 1);
    assert!(said.contains("NOT_ENOUGH_GOVERNORS") && said.contains("2 of 3"), "{said}");
    approve("governor-3", &two);
    let stranger = ["govern", "approve", &proposal, "--key", &court.path("keys/operator.key"), "--out", &file("x")];
    assert!(refused(&stranger, "", 1).contains("NOT_A_GOVERNOR"));
    let said = done(&["govern", "submit", "--config", &court.config(), &one, &two]);
    assert!(said.contains("carried out proposal 1: set-officer"), "{said}");
    let said = refused(&["govern", "submit", "--config", &court.config(), &one, &two], "", 1);
    assert!(said.contains("PROPOSAL_NUMBER"), "{said}");

    // The signer's own list has it as well, and is read when the signer starts.
    let config = std::fs::read_to_string(court.config()).expect("a configuration");
    assert!(config.contains(public.trim()), "{config}");
    signer.stop();
    court.sign()
}

fn an_order_takes_the_new_key(folder: &Path, court: &Site) {
    let fields = folder.join("freeze.toml");
    std::fs::write(&fields, FREEZE).expect("a file");
    let (clerk, officer) = (court.path("clients/clerk.toml"), court.path("clients/officer.toml"));
    let order = done(&[
        "order",
        "create",
        "--quiet",
        "--as",
        &clerk,
        "--recipient",
        "bank",
        "--sector",
        "accounts",
        "--kind",
        "freeze",
        "--fields",
        &fields.display().to_string(),
        "--obligation",
        "50000.00",
    ]);
    let approve = |key: &str| {
        let key = key.to_owned();
        ["order", "approve", "--wait", "--as", &officer, order.trim(), "--officer", "J-1001", "--key", &key]
            .map(str::to_owned)
    };
    let old = approve(&court.path("keys/officer-J-1001.key"));
    let said = refused(&old.each_ref().map(String::as_str), "", 1);
    assert!(said.contains("APPROVAL_REFUSED"), "{said}");
    let new = approve(&folder.join("officer-new.key").display().to_string());
    let said = done(&new.each_ref().map(String::as_str));
    assert!(said.contains("EXECUTED"), "{said}");
}
