//! `comity check`: walks an institution's configuration, certificates, signer, chain, clients and peers, and says what is wrong
//! and what to do about it.
//! Refuses to change anything, and to print a secret.

mod certificates;

use crate::cli::CheckArgs;
use crate::config::{Config, Peer};
use crate::failure::Failure;
use crate::keys::{self, Seed};
use crate::{clock, files, governance, institution, pki};
use comity_adapters_plugin::{PluginConfig, Report, probe};
use comity_adapters_ports::Chain;
use comity_gateway::sealing;
use comity_model::client::ClientStatus;
use comity_model::member::{Member, Officer};
use comity_model::state::StatePath;
use comity_verify::light::ConsensusState;
use serde_json::json;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// A chain makes a block more often than this.
const CHAIN_AGE_MAX_S: u64 = 90;

/// How a thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Good,
    /// It works now, and will not for ever.
    Soon,
    Wrong,
}

impl Standing {
    const fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Soon => "soon",
            Self::Wrong => "WRONG",
        }
    }
}

struct Finding {
    standing: Standing,
    what: String,
    /// What to do about it.
    help: String,
}

/// What was looked at, in order.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn good(&mut self, what: impl Into<String>) {
        self.0.push(Finding { standing: Standing::Good, what: what.into(), help: String::new() });
    }

    fn soon(&mut self, what: impl Into<String>, help: impl Into<String>) {
        self.0.push(Finding { standing: Standing::Soon, what: what.into(), help: help.into() });
    }

    fn wrong(&mut self, what: impl Into<String>, help: impl Into<String>) {
        self.0.push(Finding { standing: Standing::Wrong, what: what.into(), help: help.into() });
    }

    fn is(&mut self, holds: bool, what: impl Into<String>, help: impl Into<String>) {
        if holds { self.good(what) } else { self.wrong(what, help) }
    }
}

/// Runs the command.
pub(crate) async fn run(args: CheckArgs) -> Result<(), Failure> {
    let config = Config::read(&args.config)?;
    let mut findings = Findings::default();
    findings.good(format!("configuration of {}", config.institution));
    certificates::look(&config, &mut findings);
    keys(&config, &mut findings);
    connects(&config.signer.address.to_string(), "the signer", "start `comity sign`", &mut findings).await;
    connects(&config.grpc.to_string(), "the gateway", "start `comity serve`", &mut findings).await;
    if adapter(&config, &mut findings).await {
        let chain = institution::chain(&config, &config.rpc_url())?;
        if own_chain(&config, &chain, &mut findings).await {
            on_chain(&config, &chain, &mut findings).await;
            for peer in &config.peers {
                client(peer, &chain, &mut findings).await;
            }
        }
    }
    for peer in &config.peers {
        let (who, address) = (format!("the gateway of {}", peer.anchor.member), &peer.anchor.gateway);
        connects(
            address,
            &who,
            "ask its operator; if it has moved, get its new anchor file and `comity link`",
            &mut findings,
        )
        .await;
    }
    tell(&findings, args.json);
    let wrong = findings.0.iter().filter(|finding| finding.standing == Standing::Wrong).count();
    if wrong == 0 {
        return Ok(());
    }
    Err(Failure::refused("CHECK", format!("{wrong} of {} things are wrong", findings.0.len()))
        .help("each of them says what to do; then run `comity check` again"))
}

fn tell(findings: &Findings, as_json: bool) {
    if as_json {
        let all = findings
            .0
            .iter()
            .map(|Finding { standing, what, help }| json!({ "standing": standing.word(), "what": what, "help": help }));
        println!("{}", all.collect::<serde_json::Value>());
        return;
    }
    for Finding { standing, what, help } in &findings.0 {
        println!("{:<6} {what}", standing.word());
        if *standing != Standing::Good {
            println!("       → {help}");
        }
    }
}

fn keys(config: &Config, findings: &mut Findings) {
    for (name, path) in [("keys.operator", &config.keys.operator), ("keys.encryption", &config.keys.encryption)] {
        match Seed::read(path) {
            Ok(_) => findings.good(name),
            Err(failure) => findings.wrong(format!("{name}: {failure}"), "the gateway does not start without it"),
        }
    }
    // The signer may be on another machine: there this key is, and nowhere else.
    if config.signer.key.exists() && keys::read_seal(&config.signer.key).is_err() {
        findings.wrong("signer.key cannot be used", format!("chmod 600 {}", config.signer.key.display()));
    }
    if !config.keys.governors.is_empty() {
        findings.soon(
            format!("{} governors' keys lie here together", config.keys.governors.len()),
            "in production each lies with a person of its own: `comity govern`",
        );
    }
}

async fn connects(address: &str, who: &str, help: &str, findings: &mut Findings) {
    let connected = tokio::time::timeout(CONNECT_WITHIN, TcpStream::connect(address)).await;
    findings.is(matches!(connected, Ok(Ok(_))), format!("{who} listens at {address}"), help);
}

/// Whether the program that the chain is reached through, if there is one, can be used: looked at by starting another of it,
/// or connecting once more.
async fn adapter(config: &Config, findings: &mut Findings) -> bool {
    let Some(launch) = &config.chain.adapter else { return true };
    let name = launch.name();
    match probe(PluginConfig::new(config.chain.id.clone(), launch.clone())).await {
        Ok(report) => {
            let Report { name: program, release, version, took, .. } = report;
            let took_ms = took.as_millis();
            findings.good(format!(
                "the adapter {name} is well: {program} {release}, version {version} of the protocol, up in {took_ms} ms"
            ));
            true
        }
        Err(error) => {
            findings.wrong(format!("the adapter {name} cannot be used: {}: {error}", error.code()), error.help());
            false
        }
    }
}

/// Whether the chain answers, is the one of the anchor, and makes blocks.
async fn own_chain(config: &Config, chain: &Chain, findings: &mut Findings) -> bool {
    let (id, rpc) = (&config.chain.id, config.reach(&config.rpc_url()).name());
    let Ok(Ok(latest)) = tokio::time::timeout(CONNECT_WITHIN, chain.headers.latest()).await else {
        let help =
            if config.engine.is_some() { "start `comity serve`: it runs the chain" } else { "is chain.rpc right?" };
        findings.wrong(format!("{id} does not answer at {rpc}"), help);
        return false;
    };
    match governance::anchor_block(&config.chain.anchor.anchor, &chain.headers).await {
        Ok(_) => findings.good(format!("{id} at {rpc} has the anchor's block")),
        Err(failure) => {
            findings
                .wrong(failure.to_string(), "chain.rpc is of another chain, or chain.anchor is not its anchor file");
            return false;
        }
    }
    match chain.headers.light_block(latest).await {
        Ok(block) => {
            let now = clock::now().unix_seconds().0;
            let age = now.saturating_sub(block.header.time.unix_seconds().0);
            findings.is(
                age <= CHAIN_AGE_MAX_S,
                format!("{id} is at height {latest}, {age} s old"),
                "the chain makes no blocks: see the log of `comity serve`, and the disk",
            );
        }
        Err(error) => findings.wrong(format!("{id} does not hand out its block {latest}: {error}"), "see its log"),
    }
    true
}

/// What the chain says of the institution, against what lies here.
async fn on_chain(config: &Config, chain: &Chain, findings: &mut Findings) {
    let path = StatePath::Member(config.institution.clone());
    let member: Member = match governance::state(chain, &path, "a member").await {
        Ok(Some(member)) => member,
        Ok(None) => {
            let help = "its governors add it; or institution, chain.id and chain.anchor do not belong together";
            return findings.wrong(format!("{} is no member of {}", config.institution, config.chain.id), help);
        }
        Err(failure) => return findings.wrong(failure.to_string(), "try again"),
    };
    let now = clock::now().unix_seconds();
    let rotate = "`comity govern propose rotate-seal-key`";
    findings.is(member.validity.covers(now), format!("its keys are valid until {}", member.validity.until), rotate);
    if let Ok(operator) = Seed::read(&config.keys.operator) {
        let known = member.operators.contains(&operator.ed25519());
        findings.is(known, "the chain knows keys.operator", "name the key file whose public half the chain has");
    }
    if let Ok(seed) = Seed::read(&config.keys.encryption) {
        let fits = sealing::public_key(seed.secret()).is_ok_and(|key| key == member.encryption_key);
        findings.is(
            fits,
            "keys.encryption opens what others seal",
            "name the key file whose public half the chain has",
        );
    }
    if let Ok(seal) = keys::read_seal(&config.signer.key) {
        let fits = *seal.public_key() == member.seal_key;
        findings.is(
            fits,
            "signer.key is the seal key that the chain knows",
            format!("name the right file, or {rotate}"),
        );
    }
    if let Ok(pem) = files::read_text(&config.tls.authority) {
        let fits = pki::fingerprint_of(&pem).is_some_and(|fingerprint| fingerprint == member.ca_fingerprint);
        findings.is(
            fits,
            "tls.authority is the one that the chain names",
            "peers accept another authority's certificates",
        );
    }
    for own in &config.signer.officers {
        let path = StatePath::Officer(config.institution.clone(), own.id.clone());
        let officer: Option<Officer> = governance::state(chain, &path, "an officer").await.ok().flatten();
        let same = officer.is_some_and(|officer| officer.key == own.key);
        let help = "the signer and the chain believe different keys: `comity govern propose set-officer`, or correct the entry";
        findings.is(same, format!("officer {} is the chain's as well", own.id), help);
    }
}

/// The light client of a peer's chain on the own one.
async fn client(peer: &Peer, chain: &Chain, findings: &mut Findings) {
    let Some((id, _)) = &peer.clients else { return };
    let member = &peer.anchor.member;
    let state = match governance::client(chain, id).await {
        Ok(Some(state)) => state,
        Ok(None) => return findings.wrong(format!("there is no client {id} of {member}"), "`comity link` makes it"),
        Err(failure) => return findings.wrong(failure.to_string(), "try again"),
    };
    if state.status == ClientStatus::Frozen {
        let help = "find out what happened; then `comity govern propose recover-client`";
        return findings.wrong(format!("{id} is frozen: two contradicting headers were proven"), help);
    }
    let path = StatePath::Consensus(id.clone(), state.latest);
    let known: Option<ConsensusState> = governance::state(chain, &path, "a consensus state").await.ok().flatten();
    let Some(known) = known else { return findings.wrong(format!("{id} knows no header"), "try again") };
    let now = clock::now().unix_seconds().0;
    let age = now.saturating_sub(known.time.unix_seconds().0);
    let what = format!("{id} knows {} to height {}, {age} s old", state.chain, state.latest);
    if age >= state.trusting_period_s {
        findings.wrong(what, "it is expired: `comity govern propose recover-client`");
    } else if age >= state.trusting_period_s / 2 {
        findings.soon(what, "no relayer brings it forward; it expires when its trusting period is over");
    } else {
        findings.good(what);
    }
}
