//! `comity witness`: a witness of logs of deposits as a process; and the policies that say whom a reader wants.
//! Refuses to know what is cosigned and how a quorum is counted.

use crate::cli::witness::{WitnessCommand, WitnessKeyArgs};
use crate::failure::{Failure, OrFail as _};
use crate::keys::Seed;
use crate::{clock, files, shutdown, telemetry};
use comity_store::RedbStore;
use comity_verify::Refusal;
use comity_verify::tlog::{NoteKey, Policy};
use comity_verify::witnessed::SIGNATURES_MAX;
use comity_witness::{Witness, serve};
use serde::Deserialize;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a witness listens unless its configuration says otherwise.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7_120);
/// Largest policy, in bytes.
const POLICY_BYTES_MAX: u64 = 256 << 10;

/// `witness.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WitnessConfig {
    name: String,
    key: PathBuf,
    state: PathBuf,
    #[serde(default = "listen")]
    listen: SocketAddr,
    logs: Vec<String>,
    metrics: Option<SocketAddr>,
}

const fn listen() -> SocketAddr {
    LISTEN
}

/// Runs the command.
pub(crate) async fn run(command: WitnessCommand) -> Result<(), Failure> {
    match command {
        WitnessCommand::Serve(args) => run_witness(&args.config).await,
        WitnessCommand::Key(args) => key(&args),
    }
}

/// A policy file.
pub(crate) fn policy(path: &Path) -> Result<Policy, Failure> {
    let text = files::read_bytes(path, POLICY_BYTES_MAX)?;
    Policy::parse(&text).map_err(|refusal| {
        Failure::usage(format!("{} is no policy: {refusal}", path.display())).help(
            "lines are `log KEY`, `witness NAME KEY [URL]`, `group NAME all|any|K MEMBER…` and one `quorum NAME|none`",
        )
    })
}

/// Whether the witnesses of a keeper's policy can be asked: an address that is none would be found out too late.
pub(crate) fn can_be_asked(policy: &Policy, path: &Path) -> Result<(), Failure> {
    let bad = policy
        .witnesses()
        .iter()
        .find(|witness| witness.url.as_deref().is_some_and(|url| !comity_gateway::is_outside_url(url)));
    // With the log's own signature that is as many as a note has.
    if policy.witnesses().len() >= SIGNATURES_MAX {
        return Err(Failure::usage(format!("{} names more than 63 witnesses to ask", path.display())));
    }
    match bad {
        None => Ok(()),
        Some(witness) => {
            let what = format!("{}: the address of witness {} is none", path.display(), witness.name);
            Err(Failure::usage(what).help("it begins with http:// or https://"))
        }
    }
}

async fn run_witness(path: &Path) -> Result<(), Failure> {
    let config: WitnessConfig = toml::from_str(&files::read_text(path)?)
        .map_err(|error| Failure::usage(format!("{} is no configuration of a witness: {error}", path.display())))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    if config.logs.is_empty() {
        return Err(Failure::usage("a witness without logs has nothing to see").help("`logs` lists the logs' keys"));
    }
    let logs = config.logs.iter().map(|text| NoteKey::parse(text)).collect::<Result<Vec<_>, Refusal>>();
    let logs = logs.map_err(|refusal| Failure::usage(format!("`logs`: {refusal}")))?;
    let seed = Seed::read(&folder.join(&config.key))?;
    let state = folder.join(&config.state);
    let store = RedbStore::open(&state).or_fault(|| format!("{} did not open", state.display()))?;
    let witness = Witness::new(&config.name, &seed.bytes(), logs, Arc::new(store), || clock::now().unix_seconds());
    let witness = Arc::new(witness.or_usage(|| "this witness cannot be".into())?);
    let key = witness.key().clone();
    telemetry::metrics(config.metrics)?;
    let running =
        serve(config.listen, witness).await.or_usage(|| format!("the witness did not start at {}", config.listen))?;
    println!("witness {} {key} http://{}", config.name, running.address());
    println!("It cosigns what has only grown. Stops at Ctrl-C.");
    shutdown::requested().await?;
    running.stop().await;
    Ok(())
}

fn key(args: &WitnessKeyArgs) -> Result<(), Failure> {
    // The name is looked at first, so that no key is left behind by a command that failed.
    let named = |key| {
        NoteKey::witness(&args.name, key)
            .map_err(|refusal| Failure::usage(format!("{} is no name: {refusal}", args.name)))
    };
    let _: NoteKey = named(Seed::generate()?.ed25519())?;
    let seed = Seed::create(&args.out)?;
    println!("witness {} {}", args.name, named(seed.ed25519())?);
    Ok(())
}
