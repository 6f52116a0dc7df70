//! The sandbox as a new user meets it: started as a process, and every command that it prints pasted into a shell.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the sandbox may take until it prints its guide.
const READY_WITHIN: Duration = Duration::from_secs(180);

struct Sandbox {
    process: Child,
    guide: String,
}

impl Sandbox {
    fn start(folder: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_comity"))
            .args(["sandbox", "--dir"])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let started = Instant::now();
        let mut guide = String::new();
        let mut lines = BufReader::new(process.stdout.take().expect("its output is piped"));
        while !guide.contains("Stops at Ctrl-C") {
            assert!(started.elapsed() < READY_WITHIN, "the sandbox is not ready:\n{guide}");
            let read = lines.read_line(&mut guide).expect("its output is text");
            assert!(read > 0, "the sandbox ended:\n{guide}");
        }
        Self { process, guide }
    }

    /// The commands that the guide offers, as one script.
    fn commands(&self) -> &str {
        let (_, rest) = self.guide.split_once("from another terminal:").expect("the guide has commands");
        rest.split_once("Stops at Ctrl-C").expect("the guide ends").0
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Sandbox {
    /// Runs `comity …` in the world's folder, and what it said; it must end with `code`.
    fn comity(&self, world: &Path, code: i32, args: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_comity"))
            .current_dir(world)
            .args(args)
            .stdin(Stdio::null())
            .output()
            .expect("the program runs");
        let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{said}\n{complained}");
        format!("{said}{complained}")
    }

    /// Has as many officers approve an order as it needs, and follows it to its answer.
    fn approve(&self, world: &Path, order: &str) -> String {
        let shown = self.comity(world, 0, &["order", "get", "--json", "--as", CLERK, order]);
        let shown: serde_json::Value = serde_json::from_str(&shown).expect("an order as JSON");
        let needed = usize::try_from(shown["approvals_needed"].as_u64().expect("a number")).expect("a few");
        let mut keys: Vec<_> = std::fs::read_dir(world.join("court/keys")).expect("keys").flatten().collect();
        keys.retain(|key| key.file_name().to_string_lossy().starts_with("officer-"));
        keys.sort_by_key(std::fs::DirEntry::file_name);
        let mut said = String::new();
        for (index, key) in keys.iter().take(needed).enumerate() {
            let (path, name) = (key.path().display().to_string(), key.file_name().to_string_lossy().into_owned());
            let officer = name.trim_start_matches("officer-").trim_end_matches(".key");
            let mut args = vec!["order", "approve", "--as", OFFICER, order, "--officer", officer, "--key", &path];
            args.extend((index + 1 == needed).then_some("--wait"));
            said = self.comity(world, 0, &args);
        }
        said
    }
}

const CLERK: &str = "court/clients/clerk.toml";
const OFFICER: &str = "court/clients/officer.toml";
const BANK_OFFICER: &str = "finance/clients/officer.toml";

#[test]
fn an_order_lives_its_life_by_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = folder.path().join("world");
    let sandbox = Sandbox::start(&world);
    let comity = |args: &[&str]| sandbox.comity(&world, 0, args);
    let obligation = "obligations/000102030405060708090a0b0c0d0e0f";
    let account = "enforcement_account_number=3300001666600001";
    let freeze = [
        "order",
        "create",
        "--as",
        CLERK,
        "--recipient",
        "finance",
        "--sector",
        "accounts",
        "--kind",
        "freeze",
        "--fields",
        "court/drafts/freeze.toml",
        "--field",
        account,
        "--field",
        "amount=1000.00",
        "--hold-days",
        "30",
        "--serves",
        obligation,
        "--claimed",
        "1000.00",
    ];

    // What is checked, and what will be proven.
    let checked = comity(&[&freeze[..], &["--validate-only"]].concat());
    for wanted in ["PASSED", "OBLIGATION", "ACKNOWLEDGEMENT", "finance-1", "AWAITED", "Nothing was stored"] {
        assert!(checked.contains(wanted), "{wanted} is missing in:\n{checked}");
    }
    let failed = sandbox.comity(&world, 1, &[&freeze[..], &["--validate-only", "--deliver-within", "90000"]].concat());
    assert!(failed.contains("FAILED: DELIVER_WITHIN") && failed.contains("NOT_MADE"), "{failed}");

    // Its life as it happens.
    let order = comity(&[&freeze[..], &["--quiet"]].concat());
    let order = order.trim();
    sandbox.approve(&world, order);
    let life = comity(&["order", "watch", "--as", CLERK, order]);
    for wanted in
        ["├─ ", "AWAITING_APPROVAL", "COMMITTED  (+", "proven on court-1 under header", "└─ EXECUTED", obligation]
    {
        assert!(life.contains(wanted), "{wanted} is missing in:\n{life}");
    }

    // The bank objects, and the court rejects that.
    let listed = comity(&["order", "pending", "--decided", "--json", "--as", "finance/clients/clerk.toml"]);
    let id = order.trim_start_matches("orders/");
    let at_the_bank = listed.lines().find(|line| line.contains(id)).expect("the bank lists it");
    let at_the_bank: serde_json::Value = serde_json::from_str(at_the_bank).expect("an order as JSON");
    let at_the_bank = at_the_bank["name"].as_str().expect("a name");
    let said = comity(&["order", "object", "--as", BANK_OFFICER, at_the_bank, "--reason", "PROTECTED_MONEY"]);
    assert!(said.contains("the court's answer is due by"), "{said}");
    let said = comity(&["order", "received", "--as", BANK_OFFICER, at_the_bank]);
    assert!(said.contains("OBJECTED") && said.contains("PROTECTED_MONEY"), "{said}");
    let change = |what: &str, fields: &[&str]| {
        let args = ["order", what, "--quiet", "--as", CLERK, order, "--fields", "court/drafts/release.toml"];
        let order = comity(&[&args[..], fields].concat());
        sandbox.approve(&world, order.trim())
    };
    let said = change("reject-objection", &["--field", "objection_answer=The money is not protected."]);
    assert!(said.contains("EXECUTED"), "{said}");
    let said = change("renew", &["--hold-days", "200"]);
    assert!(said.contains("EXECUTED"), "{said}");
    let said = change("deduct", &["--field", "amount=400.00", "--field", account]);
    assert!(said.contains("EXECUTED"), "{said}");
    let said = comity(&["order", "obligation", "--as", CLERK, obligation]);
    for wanted in ["CNY 1,000.00", "CNY 400.00", "CNY 600.00", "Proven on court-1"] {
        assert!(said.contains(wanted), "{wanted} is missing in:\n{said}");
    }
    let over = comity(&["order", "obligation", "--as", CLERK, "--over-control"]);
    assert!(over.contains("0 obligation(s)"), "{over}");
}

#[test]
fn every_command_that_the_sandbox_prints_works_when_it_is_pasted() {
    let folder = tempfile::tempdir().expect("a folder");
    let sandbox = Sandbox::start(&folder.path().join("world"));
    let output = Command::new("bash")
        .args(["-e", "-u", "-c", sandbox.commands()])
        .stdin(Stdio::null())
        .output()
        .expect("bash runs");
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{complained}");
    for wanted in ["EXECUTED", "(2025)浙9906民初1234号", "finance-1"] {
        assert!(said.contains(wanted), "{wanted} is missing in:\n{said}\n{complained}");
    }

    let bundle = folder.path().join("world/judgment.comity");
    let anchor = folder.path().join("world/court/court.anchor");
    let mut bytes = Vec::new();
    std::fs::File::open(&bundle).and_then(|mut file| file.read_to_end(&mut bytes)).expect("the bundle was saved");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&bundle, bytes).expect("the bundle can be changed");
    let refused = Command::new(env!("CARGO_BIN_EXE_comity"))
        .arg("verify")
        .arg(&bundle)
        .arg("--anchor")
        .arg(&anchor)
        .output()
        .expect("the program runs");
    assert_eq!(refused.status.code(), Some(1), "a changed bundle must be refused");
}
