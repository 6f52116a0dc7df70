//! The text of a fresh `comity.toml`, with comments that teach.
//! Refuses to know how it is read.

use super::Config;
use super::store::StoreConfig;
use crate::anchor::kind_name;
use comity_gateway::DecidePolicy;
use std::fmt::Write as _;
use std::path::Path;

/// An officer as the configuration names one.
struct OfficerText<'a>(&'a comity_model::member::Officer);

impl std::fmt::Display for OfficerText<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let officer = self.0;
        writeln!(f, "[[signer.officers]]")?;
        writeln!(f, "id = \"{}\"", officer.id)?;
        writeln!(f, "key = \"{}\"", hex::encode(officer.key.bytes()))?;
        writeln!(f, "from = \"{}\"", officer.validity.from)?;
        writeln!(f, "until = \"{}\"", officer.validity.until)
    }
}

/// The text of `config`, with paths relative to `folder`. Peers are entered by `comity link`, as their anchor files arrive.
pub(crate) fn text<A>(config: &Config<A>, folder: &Path) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut text, config, folder);
    text
}

fn write<A>(out: &mut String, config: &Config<A>, folder: &Path) -> std::fmt::Result {
    let path = |path: &Path| {
        let shown = path.strip_prefix(folder).unwrap_or(path);
        toml::Value::String(shown.display().to_string())
    };
    let paths =
        |list: &[std::path::PathBuf]| list.iter().map(|one| path(one).to_string()).collect::<Vec<_>>().join(", ");
    writeln!(
        out,
        "# Configuration of {}. Paths are relative to this file. COMITY_<SECTION>__<KEY> in the environment",
        config.institution
    )?;
    writeln!(out, "# overrides a value, such as COMITY_LISTEN__GRPC=0.0.0.0:7101. Unknown keys are refused.")?;
    writeln!(out, "institution = \"{}\"", config.institution)?;
    writeln!(out, "kind = \"{}\"", kind_name(config.kind))?;
    let decide = match config.decide {
        DecidePolicy::Automatic => "automatic",
        DecidePolicy::Manual => "manual",
    };
    writeln!(
        out,
        "# Orders that arrive: decided by the gateway's rules, or (manual) by a person with `comity order decide`."
    )?;
    writeln!(out, "decide = \"{decide}\"")?;
    writeln!(
        out,
        "# Files of rules beside those that came with the program: what a proven fact proposes (sectors/README.md)."
    )?;
    writeln!(out, "rules = [{}]", paths(&config.rules))?;
    writeln!(out, "\n[listen]")?;
    writeln!(out, "# The gateway: gRPC over mTLS. Port 0 takes a free one.")?;
    writeln!(out, "grpc = \"{}\"", config.grpc)?;
    if let Some(rest) = config.rest {
        writeln!(out, "# The same as REST with JSON, over mTLS as well; /openapi.json describes it.")?;
        writeln!(out, "rest = \"{rest}\"")?;
    }
    if let Some(metrics) = config.metrics {
        writeln!(out, "# Prometheus metrics, without authentication: keep it inside.")?;
        writeln!(out, "metrics = \"{metrics}\"")?;
    }
    writeln!(out, "\n[chain]")?;
    writeln!(out, "id = \"{}\"", config.chain.id)?;
    writeln!(out, "# Hand this file to the institutions that are to believe this chain.")?;
    writeln!(out, "anchor = {}", toml::Value::String(format!("{}.anchor", config.institution)))?;
    if let Some(rpc) = &config.chain.rpc {
        writeln!(out, "rpc = {}", toml::Value::String(rpc.clone()))?;
    }
    writeln!(
        out,
        "# Through a program of its own instead of the adapter within (docs/adapters.md); no shell reads it:"
    )?;
    writeln!(out, "# adapter = {{ command = [\"adapters/go-comet\", \"--rpc\", \"http://127.0.0.1:26657\"] }}")?;
    if let Some(engine) = &config.engine {
        writeln!(
            out,
            "\n# The embedded engine: one process, one operator. A chain of several operators runs under CometBFT instead;"
        )?;
        writeln!(out, "# then this section goes and chain.rpc names a node of it.")?;
        writeln!(out, "[engine]")?;
        writeln!(out, "# CometBFT's RPC, without authentication: loopback only.")?;
        writeln!(out, "listen = \"{}\"", engine.listen)?;
        writeln!(out, "folder = {}", path(&engine.folder))?;
        writeln!(out, "genesis = {}", path(&engine.genesis))?;
        writeln!(out, "validators = [{}]", paths(&engine.validators))?;
        writeln!(out, "# A block at least this often.")?;
        writeln!(out, "heartbeat_s = {}", engine.heartbeat_s)?;
    }
    super::corrections::write(out, &config.following)?;
    super::limits::write(out, &config.limits)?;
    writeln!(out, "\n[tls]")?;
    writeln!(out, "certificate = {}", path(&config.tls.certificate))?;
    writeln!(out, "key = {}", path(&config.tls.key))?;
    writeln!(out, "authority = {}", path(&config.tls.authority))?;
    writeln!(out, "\n[keys]")?;
    writeln!(out, "# Submits transactions; carries no authority beyond that.")?;
    writeln!(out, "operator = {}", path(&config.keys.operator))?;
    writeln!(out, "# Opens the private parts of orders sealed to this institution.")?;
    writeln!(out, "encryption = {}", path(&config.keys.encryption))?;
    if let Some(lookup) = &config.keys.lookup {
        writeln!(out, "# Makes the index of its records by person. Another key is another index: keep it.")?;
        writeln!(out, "lookup = {}", path(lookup))?;
    }
    writeln!(
        out,
        "# Used by `comity link` only. In production they lie with different people, who use `comity govern`."
    )?;
    writeln!(out, "governors = [{}]", paths(&config.keys.governors))?;
    writeln!(out, "\n[store]")?;
    writeln!(out, "# One file serves one process.")?;
    if let StoreConfig::File(file) = &config.store {
        writeln!(out, "file = {}", path(file))?;
    }
    writeln!(
        out,
        "# Several gateways behind a load balancer share a PostgreSQL database instead. The password comes from"
    )?;
    writeln!(out, "# COMITY_STORE__PASSWORD; a database on another machine needs its authority named.")?;
    writeln!(out, "# url = \"postgres://court@db.court.example:5432/comity\"")?;
    writeln!(out, "# ca = \"tls/database-authority.crt\"")?;
    writeln!(out, "# schema = \"comity\"")?;
    writeln!(out, "# connections = 16")?;
    super::deposits::write(out, config.deposits.as_ref(), path)?;
    super::public::write(out, config.public.as_ref())?;
    writeln!(out, "\n# The signer is a process of its own: `comity sign`. Only it reads `key`.")?;
    writeln!(out, "[signer]")?;
    writeln!(out, "address = \"{}\"", config.signer.address)?;
    writeln!(out, "key = {}", path(&config.signer.key))?;
    writeln!(out, "certificate = {}", path(&config.signer.certificate))?;
    writeln!(out, "certificate_key = {}", path(&config.signer.certificate_key))?;
    if !config.signer.officers.is_empty() {
        writeln!(
            out,
            "\n# The officers whom the signer believes: its own copy, taken neither from the gateway nor from the chain."
        )?;
    }
    for officer in &config.signer.officers {
        write!(out, "{}", OfficerText(officer))?;
    }
    writeln!(
        out,
        "\n# Other institutions, by the anchor files that they handed over: `comity link` enters them here. Between a court"
    )?;
    writeln!(
        out,
        "# and those that it sends orders to, both name the light clients: of the other chain here, and of this one there."
    )?;
    for peer in &config.peers {
        writeln!(out, "[[peers]]")?;
        writeln!(out, "anchor = \"peers/{}.anchor\"", peer.anchor.member)?;
        if let Some((here, there)) = &peer.clients {
            writeln!(out, "client = \"{here}\"")?;
            writeln!(out, "counterparty = \"{there}\"")?;
        }
    }
    Ok(())
}
