//! What is driven: a sandbox of one's own as another process, or one that runs already.
//! Refuses to serve anything in this process: what the load takes must not count as the servers'.

use super::process::Servers;
use crate::cli::bench::LoadArgs;
use crate::cli::ledger::{EngineKind, WorldEngineArgs};
use crate::client::ClientFile;
use crate::failure::{Failure, OrFail};
use crate::sandbox::WorldEngine;
use crate::sandbox::data::{self, SandboxData};
use comity_model::MemberId;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tonic::transport::Channel;

/// Requests per second that a sandbox of one's own lets an institution make: more than it can answer.
const RATE_PER_SECOND: &str = "200000";
/// The last line of the sandbox's guide.
const READY: &str = "Stops at Ctrl-C";

/// Servers, their folder and what they keep.
pub(super) struct Target {
    dir: PathBuf,
    servers: Servers,
    data: SandboxData,
    _own: Option<Own>,
}

impl Target {
    /// Starts a sandbox, or takes the one that the arguments name.
    pub(super) async fn open(args: &LoadArgs) -> Result<Self, Failure> {
        let seed = args.seed;
        let data = tokio::task::spawn_blocking(move || data::generate(seed));
        let (dir, servers, own) = match &args.dir {
            Some(dir) => (dir.clone(), Servers::of(args.server_pid.clone()), None),
            None => {
                let engine = args.engine;
                // Said here and now, not by a child that ends.
                let _ = WorldEngine::of(engine)?;
                let own = tokio::task::spawn_blocking(move || Own::start(seed, engine)).await;
                let own = own.or_fault(|| "the sandbox was not started".into())??;
                let servers = Servers::of(vec![own.process.id()]).with_children();
                (own.folder.path().join("world"), servers, Some(own))
            }
        };
        let data = data.await.or_fault(|| "the sandbox's data were not made".into())?;
        Ok(Self { dir, servers, data, _own: own })
    }

    /// One folder an institution.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The processes that serve.
    pub(super) const fn servers(&self) -> &Servers {
        &self.servers
    }

    /// What the institutions keep.
    pub(super) const fn data(&self) -> &SandboxData {
        &self.data
    }

    /// Connections to an institution's own gateway as one of its people.
    pub(super) fn connections<C>(
        &self,
        institution: &MemberId,
        role: &str,
        count: u16,
        client: impl Fn(Channel) -> C,
    ) -> Result<Connections<C>, Failure> {
        let file = self.dir.join(institution.as_str()).join("clients").join(format!("{role}.toml"));
        let file = ClientFile::read(&file)?;
        let clients = (0..count).map(|_| file.connect().map(&client)).collect::<Result<_, _>>()?;
        Ok(Connections { clients, next: AtomicUsize::new(0) })
    }

    /// The share of one core that the servers use while nobody asks: heartbeats of their chains, and the relayer.
    pub(super) async fn idle(&self, watched: Duration) -> Result<f64, Failure> {
        let before = self.servers.used()?;
        tokio::time::sleep(watched).await;
        let after = self.servers.used()?;
        Ok(after.cpu.saturating_sub(before.cpu).as_secs_f64() / watched.as_secs_f64())
    }
}

/// Clients over connections of their own, used in turn.
pub(super) struct Connections<C> {
    clients: Vec<C>,
    next: AtomicUsize,
}

impl<C: Clone> Connections<C> {
    pub(super) const fn new(clients: Vec<C>) -> Self {
        Self { clients, next: AtomicUsize::new(0) }
    }

    /// The next one in turn.
    pub(super) fn next(&self) -> C {
        let at = self.next.fetch_add(1, Ordering::Relaxed) % self.clients.len();
        self.clients[at].clone()
    }
}

/// A sandbox that ends with the value.
struct Own {
    process: Ended,
    folder: tempfile::TempDir,
}

impl Own {
    fn start(seed: u64, engine: WorldEngineArgs) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("comity-bench-").tempdir();
        let folder = folder.or_fault(|| "there is no place for temporary files".into())?;
        let world = folder.path().join("world").display().to_string();
        let seed = seed.to_string();
        let validators = engine.validators.to_string();
        let mut arguments = vec!["sandbox", "--dir", &world, "--seed", &seed, "--rate-per-second", RATE_PER_SECOND];
        if engine.engine == EngineKind::Cometbft {
            arguments.extend(["--engine", "cometbft", "--validators", &validators]);
        }
        let (process, _) = start(&arguments, |line| line.contains(READY).then_some(()))?;
        Ok(Self { process, folder })
    }
}

/// A child that is ended with the value.
pub(super) struct Ended(Child);

impl Ended {
    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts this program with other arguments, and reads what it prints until `ready` finds what it looks for.
pub(super) fn start<T>(arguments: &[&str], ready: impl Fn(&str) -> Option<T>) -> Result<(Ended, T), Failure> {
    let program = std::env::current_exe().or_fault(|| "this program does not know where it is".into())?;
    let child = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = Ended(child.or_fault(|| "the servers could not be started".into())?);
    let output = child.0.stdout.take().ok_or_else(|| Failure::fault("the servers' output is not there"))?;
    let mut lines = BufReader::new(output);
    let mut line = String::new();
    loop {
        line.clear();
        let read = lines.read_line(&mut line).or_fault(|| "the servers' output cannot be read".into())?;
        if read == 0 {
            return Err(Failure::unavailable(format!("`comity {}` ended before it was ready", arguments.join(" "))));
        }
        if let Some(found) = ready(&line) {
            // Nobody reads on: a pipe that is closed would end whoever prints.
            std::mem::forget(lines);
            return Ok((child, found));
        }
    }
}
