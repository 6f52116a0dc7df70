//! `comity link`: creates a light client of another chain on one's own, copies its institution here by proof, and enters it
//! as a peer into the configuration. Everything that stands already is left as it is.
//! Refuses to know how a proposal is made.

use crate::anchor::AnchorFile;
use crate::cli::LinkArgs;
use crate::config::Config;
use crate::config::peers::{self, Entered};
use crate::failure::{Failure, OrFail};
use crate::keys::Seed;
use crate::{governance, institution};
use comity_adapters_comet::{CometChain, CometConfig};
use comity_model::client::{ClientState, ClientStatus};

/// Runs the command.
pub(crate) async fn run(args: LinkArgs) -> Result<(), Failure> {
    let config = Config::read(&args.config)?;
    let peer = crate::anchor::read(&args.anchor)?;
    if peer.anchor.chain_id == config.chain.id {
        return Err(Failure::usage(format!("{} is the own chain: it needs no client of itself", config.chain.id)));
    }
    let rpc = config.rpc_url();
    let own = institution::chain(&config, &rpc)?;
    own.headers
        .latest()
        .await
        .or_unavailable(|| format!("{} does not answer at {}", config.chain.id, config.reach(&rpc).name()))
        .map_err(|failure| failure.help("`comity serve` runs it"))?;
    let there = CometChain::connect(CometConfig::new(args.rpc.clone(), peer.anchor.chain_id.clone()))
        .await
        .or_unavailable(|| format!("{} does not answer at {}", peer.anchor.chain_id, args.rpc))?;
    let counterparty = governance::client_id(&config.chain.id)?;
    let client = governance::client_id(&peer.anchor.chain_id)?;
    let watched = governance::client(&own, &client).await?;
    let is_new = watched.is_none();
    match watched {
        Some(state) => check(&state, &peer, &counterparty.to_string())?,
        None => {
            let governors = config.keys.governors.iter().map(|path| Seed::read(path)).collect::<Result<Vec<_>, _>>()?;
            governance::create_client(&own, &governors, &peer, &there.headers, &counterparty).await?;
        }
    }
    governance::import_members(&own, &client, &peer.anchor, &there, std::slice::from_ref(&peer.member)).await?;
    let entered = peers::enter(&args.config, &peer, &client, &counterparty)?;
    say(&args, &config, &peer, client.as_str(), is_new, entered);
    Ok(())
}

/// Whether the client that stands under the name is the one that would be made.
fn check(state: &ClientState, peer: &AnchorFile, counterparty: &str) -> Result<(), Failure> {
    if state.chain != peer.anchor.chain_id || state.counterparty.as_str() != counterparty {
        return Err(Failure::refused(
            "CLIENT_EXISTS",
            format!("{} stands already and is of {} with {}", state.id, state.chain, state.counterparty),
        ));
    }
    match state.status {
        ClientStatus::Active => Ok(()),
        ClientStatus::Frozen => Err(Failure::refused(
            "CLIENT_FROZEN",
            format!("{} is frozen: two contradicting headers of {} were proven", state.id, state.chain),
        )
        .help("find out what happened there; then `comity govern propose recover-client`")),
    }
}

fn say(args: &LinkArgs, config: &Config, peer: &AnchorFile, client: &str, is_new: bool, entered: Entered) {
    let (own, other, member) = (&config.chain.id, &peer.anchor.chain_id, &peer.member);
    let now = if is_new { "now watches" } else { "watches" };
    println!("{own} {now} {other} as {client}, and knows {member} by proof.");
    let file = args.config.display();
    match entered {
        Entered::Changed => println!("{file} names {member} as a peer. Start `comity serve` anew to take it up."),
        Entered::Unchanged => println!("{file} names {member} as a peer already."),
    }
    let folder = args.config.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
    let folder = if folder.is_empty() { ".".to_owned() } else { folder };
    let anchor = format!("{folder}/{}.anchor", config.institution);
    println!("Next:");
    println!("  at {member}, if it has not been done there:");
    println!("    comity link --config {member}/comity.toml --anchor {anchor} --rpc {}", config.rpc_url());
    println!("  then a relayer between the two, by whoever runs it:");
    println!("    comity relay init --config relayer/relay.toml \\");
    println!("      --anchor {anchor} --rpc {} --operator {folder}/keys/relayer.key \\", config.rpc_url());
    println!("      --anchor {} --rpc {} --operator {member}/keys/relayer.key", args.anchor.display(), args.rpc);
}
