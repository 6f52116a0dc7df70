//! `comity chain unfreeze`: a report on what froze a client, and the governors' proposal that rests on it.
//! Refuses to unfreeze anything: that is the governors' decision.

use crate::cli::UnfreezeArgs;
use crate::cli::govern::{ProposeArgs, What};
use crate::config::Config;
use crate::failure::{Failure, OrFail};
use crate::{anchor, clock, files, govern, governance, institution};
use comity_model::client::{ClientState, ClientStatus};
use comity_verify::light::{Contradiction, Shown};
use std::path::PathBuf;

/// Longest reason in bytes.
const REASON_BYTES_MAX: usize = 4_096;

/// Runs the command.
pub(super) async fn run(args: UnfreezeArgs) -> Result<(), Failure> {
    let reason = args.reason.trim();
    if reason.is_empty() || reason.len() > REASON_BYTES_MAX {
        return Err(Failure::usage("a reason is needed, of at most 4096 bytes"));
    }
    let config = Config::read(&args.config)?;
    let chain = institution::chain(&config, &config.rpc_url())?;
    let unknown = || Failure::refused("UNKNOWN_CLIENT", format!("there is no client {}", args.id));
    let client = governance::client(&chain, &args.id).await?.ok_or_else(unknown)?;
    if client.status != ClientStatus::Frozen {
        return Err(Failure::refused("CLIENT_ACTIVE", format!("{} is not frozen", args.id))
            .help("one that is expired is recovered by `comity govern propose recover-client`"));
    }
    let failed = || format!("what froze {} was not got", args.id);
    let found = chain.events.contradiction(&args.id, 0).await.or_unavailable(failed)?;
    let found = found.ok_or_else(|| Failure::fault(failed()))?;
    found.check(&client.chain).map_err(|refusal| {
        Failure::refused(refusal.rule.code(), format!("the node's evidence is refused: {refusal}"))
    })?;
    let new = anchor::read(&args.anchor.anchor)?;
    let report = beside(&args.out, "report.txt");
    files::write_public(&report, text(&client, &found, reason, &new.anchor.header_hash.to_string()))?;
    let what = What::RecoverClient { client: args.id, anchor: args.anchor, evidence: report.clone() };
    govern::propose(ProposeArgs { config: args.config, out: args.out, what }).await?;
    println!(
        "The report that the proposal rests on: {}. Hand it to the governors with the proposal:",
        report.display()
    );
    println!("  each may compare it with `comity govern approve … --evidence {}`", report.display());
    Ok(())
}

fn beside(path: &std::path::Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}

/// The report: for people, and the same bytes for the same facts.
fn text(client: &ClientState, found: &Contradiction, reason: &str, new_anchor: &str) -> String {
    let kind = found.kind.map_or("UNDECIDED", comity_verify::light::DivergenceKind::name);
    let side = |shown: &Shown| {
        let state = shown.state();
        format!("height {}, {}, hash {}, state {}", state.height, state.time, state.header_hash, state.app_hash)
    };
    let both: Vec<_> = found.signed_both().iter().map(hex::encode_upper).collect();
    let both = if both.is_empty() { "not shown".to_owned() } else { both.join(", ") };
    format!(
        "Recovery of {}, the client of {}\nWritten: {}\nFrozen: {}, {kind}\nOne header: {}\nThe other: {}\n\
         Signed both: {both}\nNew anchor: {new_anchor}\nReason: {reason}\n",
        client.id,
        client.chain,
        clock::now(),
        found.found_at,
        side(&found.first),
        side(&found.second),
    )
}
