//! `comity link`: creates a light client of another chain on one's own, and copies its institution here by proof.
//! Refuses to know how a proposal is made.

use crate::anchor::AnchorFile;
use crate::cli::LinkArgs;
use crate::config::Config;
use crate::failure::{Failure, OrFail};
use crate::governance;
use crate::keys::Seed;
use comity_adapters_comet::{CometChain, CometConfig};

/// Runs the command.
pub(crate) async fn run(args: LinkArgs) -> Result<(), Failure> {
    let config = Config::read(&args.config)?;
    let peer = AnchorFile::read(&args.anchor)?;
    let governors = config.keys.governors.iter().map(|path| Seed::read(path)).collect::<Result<Vec<_>, _>>()?;
    let operator = Seed::read(&config.keys.operator)?;
    let rpc = config.rpc_url();
    let own = CometConfig::new(rpc.clone(), config.chain.id.clone()).with_operator(*operator.bytes());
    let own =
        CometChain::connect(own).await.or_unavailable(|| format!("{} does not answer at {rpc}", config.chain.id))?;
    let there = CometChain::connect(CometConfig::new(args.rpc.clone(), peer.anchor.chain_id.clone()))
        .await
        .or_unavailable(|| format!("{} does not answer at {}", peer.anchor.chain_id, args.rpc))?;
    let counterparty = governance::client_id(&config.chain.id)?;
    let client = governance::create_client(&own, &governors, &peer, &there.headers, &counterparty).await?;
    governance::import_members(&own, &client, &peer.anchor, &there, std::slice::from_ref(&peer.member)).await?;
    println!(
        "{} now watches {} as {client}, and knows {} by proof.",
        config.chain.id, peer.anchor.chain_id, peer.member
    );
    println!("For {}:", args.config.display());
    println!("[[peers]]\nanchor = \"{}\"", args.anchor.display());
    println!("client = \"{client}\"\ncounterparty = \"{counterparty}\"");
    Ok(())
}
