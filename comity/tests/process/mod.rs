//! The program as processes of their own, which end with the test.
#![allow(dead_code, missing_docs, unreachable_pub)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

/// A process that ends with the test.
pub struct Running(Child);

impl Running {
    /// Starts one and waits until it says that it runs; what it said.
    pub fn start(args: &[&str]) -> (Self, String) {
        Self::start_in(args, &[])
    }

    /// The same, in an environment with these variables too.
    pub fn start_in(args: &[&str], variables: &[(&str, &str)]) -> (Self, String) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_comity"))
            .args(args)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output is piped"));
        let (running, mut text) = (Self(child), String::new());
        while !text.contains("Stops at Ctrl-C") {
            assert!(lines.read_line(&mut text).expect("its output is text") > 0, "{args:?} ended:\n{text}");
        }
        (running, text)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a command to its end.
pub fn comity(args: &[&str]) -> Output {
    comity_in(args, &[])
}

/// The same, in an environment with these variables too.
pub fn comity_in(args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comity"));
    command.args(args).envs(variables.iter().copied()).stdin(Stdio::null()).output().expect("the program runs")
}

/// What it printed, to both of its outputs.
pub fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A port that was free a moment ago.
pub fn free_address() -> String {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("its address").to_string()
}
