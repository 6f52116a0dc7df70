//! `comity ledger anchor`: the anchor of a chain that has begun under CometBFT, rooted in the genesis at hand.
//! Refuses to take a node's word: the first block must follow from that genesis and carry its validators' signatures.

use crate::anchor::{AnchorFile, CLOCK_DRIFT_S, TRUSTING_PERIOD_S};
use crate::cli::ledger::AnchorArgs;
use crate::config::founding::Founding;
use crate::failure::{Failure, OrFail};
use crate::{files, ledger};
use comity_adapters_comet::{CometChain, CometConfig};
use comity_adapters_ports::{Chain, PortError};
use comity_ledger_app::App;
use comity_ledger_rpc::node::{BLOCK_BYTES_MAX, GAS_MAX};
use comity_model::genesis::Genesis;
use comity_model::{Hash, Height};
use comity_verify::comet::{self, LightBlock, Validator, ValidatorSet};
use comity_verify::light::{Anchor, TrustedHeader};
use std::time::Duration;
use tokio::time::Instant;

/// How long to wait for nodes that are starting.
const FIRST_BLOCK_WAIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(200);

/// Runs the command.
pub(crate) async fn run(args: &AnchorArgs) -> Result<(), Failure> {
    let founding = Founding::read(&args.config)?;
    let genesis = ledger::genesis(&founding.genesis)?;
    let chain = CometChain::open(CometConfig::new(founding.rpc.clone(), founding.chain.clone()))
        .or_usage(|| format!("{} is not the address of a chain's RPC", founding.rpc))?;
    if genesis.chain != founding.chain {
        return Err(Failure::usage(format!("genesis.bin is of {}, not of {}", genesis.chain, founding.chain)));
    }
    let anchor = begun(&genesis, &chain, args.operators).await?;
    let file = AnchorFile {
        member: founding.institution.clone(),
        kind: founding.kind,
        gateway: founding.grpc.to_string(),
        authority_pem: files::read_text(&founding.authority)?,
        anchor,
    };
    files::write_public(&founding.anchor, file.text())?;
    println!("{} has begun; {} is its anchor: hand it out.", founding.chain, founding.anchor.display());
    Ok(())
}

/// The anchor of the chain that `genesis` leads to, once it has begun.
pub(crate) async fn begun(genesis: &Genesis, chain: &Chain, operators: u32) -> Result<Anchor, Failure> {
    let block = first_block(chain).await?;
    anchor(genesis, &block, operators)
}

async fn first_block(chain: &Chain) -> Result<LightBlock, Failure> {
    let deadline = Instant::now() + FIRST_BLOCK_WAIT;
    loop {
        match chain.headers.light_block(Height(1)).await {
            Ok(block) => return Ok(block),
            Err(error @ (PortError::NotYet(_) | PortError::Unavailable(_))) if Instant::now() >= deadline => {
                return Err(Failure::unavailable(format!("{} has no first block yet", chain.headers.chain()))
                    .help("start the chain's nodes: more than two thirds of the validators are needed")
                    .because(error));
            }
            Err(PortError::NotYet(_) | PortError::Unavailable(_)) => tokio::time::sleep(POLL).await,
            Err(error) => {
                let said = format!("the node of {} gave no first block", chain.headers.chain());
                return Err(Failure::refused("FIRST_BLOCK", said).because(error));
            }
        }
    }
}

/// The anchor at the first block, if that block is what the genesis leads to.
fn anchor(genesis: &Genesis, block: &LightBlock, operators: u32) -> Result<Anchor, Failure> {
    let header = &block.header;
    let begun = App::in_memory()
        .and_then(|mut app| app.init_chain(genesis))
        .or_usage(|| "genesis.bin is not an acceptable genesis".into())?;
    let members =
        genesis.validators.iter().map(|one| Validator { public_key: one.public_key, power: one.power }).collect();
    let validators_hash = ValidatorSet::new(members)
        .map_err(|refusal| Failure::usage(format!("genesis.bin has no acceptable validators: {refusal}")))?
        .hash();
    let consensus_hash: Hash = comet::consensus_hash(BLOCK_BYTES_MAX, GAS_MAX);
    for (holds, what) in [
        (header.chain_id == genesis.chain, "chain"),
        (header.height == Height(1) && header.last_block_id.is_none(), "height"),
        (header.time == genesis.time, "time"),
        (header.validators_hash == validators_hash, "validators"),
        (header.app_hash == begun.app_hash.into(), "state"),
        (header.consensus_hash == Some(consensus_hash), "parameters"),
    ] {
        if !holds {
            let said = format!("the first block of {} has not the {what} of genesis.bin", genesis.chain);
            return Err(Failure::refused("FIRST_BLOCK", said).help("the node serves another chain; see chain.rpc"));
        }
    }
    let anchor = Anchor {
        chain_id: genesis.chain.clone(),
        height: header.height,
        header_hash: header.hash(),
        validators_hash,
        trusting_period_secs: TRUSTING_PERIOD_S,
        clock_drift_secs: CLOCK_DRIFT_S,
        operators,
        suites: genesis.suites,
    };
    TrustedHeader::pin(&anchor, block).map_err(|refusal| {
        Failure::refused(refusal.rule.code(), format!("the first block of {} is not signed: {refusal}", genesis.chain))
    })?;
    Ok(anchor)
}
