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
