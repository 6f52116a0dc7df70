//! `comity chain evidence`: what a light client was frozen with, from a gateway or from a saved file, and saved to one.
//! Refuses to say who is to blame beyond who signed both headers.

use super::super::show::{hash, moment, table, time};
use super::super::{ClientFile, status};
use crate::cli::EvidenceArgs;
use crate::failure::Failure;
use crate::files;
use comity_gateway::chains::contradiction;
use comity_proto::v1;
use comity_proto::v1::chains_client::ChainsClient;
use comity_verify::light::Contradiction;
use serde_json::{Value, json};
use std::path::Path;
use tonic::transport::Channel;

/// Largest evidence file that is read.
const FILE_BYTES_MAX: u64 = 17 << 20;

/// Runs the command.
pub(super) async fn run(args: EvidenceArgs) -> Result<(), Failure> {
    let found = match (&args.file, &args.client, &args.id) {
        (Some(path), _, _) => read(path)?,
        (None, Some(client), Some(id)) => ask(client, id.as_str()).await?,
        _ => return Err(Failure::usage("name a client and a gateway's client file, or a saved file")),
    };
    if let Some(out) = &args.out {
        files::write_public(out, &found.evidence)?;
    }
    if args.json {
        println!("{}", self::json(&found));
        return Ok(());
    }
    print(&found);
    if let Some(out) = &args.out {
        println!("Both headers are in {}.", out.display());
    }
    Ok(())
}

/// A file, which is checked while it is read.
fn read(path: &Path) -> Result<v1::Contradiction, Failure> {
    let bytes = files::read_bytes(path, FILE_BYTES_MAX)?;
    let (chain, found) = Contradiction::decode(&bytes).map_err(|refusal| {
        Failure::refused(refusal.rule.code(), format!("{} is refused: {refusal}", path.display()))
    })?;
    Ok(contradiction(&chain, &found, true))
}

async fn ask(client: &Path, id: &str) -> Result<v1::Contradiction, Failure> {
    of(ClientFile::read(client)?.connect()?, id).await
}

/// What a client on the own chain was frozen with, as a gateway shows it; checked here.
pub(crate) async fn of(channel: Channel, id: &str) -> Result<v1::Contradiction, Failure> {
    let mut chains = ChainsClient::new(channel);
    let own = super::list(&mut chains).await?.into_iter().find(|chain| chain.home);
    let name = own.map(|chain| chain.name).ok_or_else(|| Failure::fault("the gateway names no chain of its own"))?;
    let own = chains.get_chain(v1::GetChainRequest { name }).await;
    let own = own.map_err(|error| status(error, "the chain was not got"))?.into_inner();
    let client = own.clients.into_iter().find(|client| client.id == id);
    let client = client.ok_or_else(|| Failure::refused("UNKNOWN_CLIENT", format!("there is no client {id}")))?;
    let found = client.contradiction.ok_or_else(|| {
        Failure::refused("NO_CONTRADICTION", format!("{id} was never frozen: there is no evidence"))
            .help("`comity chain status` shows how it stands")
    })?;
    let (chain, _) = Contradiction::decode(&found.evidence).map_err(|refusal| {
        Failure::refused(refusal.rule.code(), format!("what the gateway shows is refused: {refusal}"))
    })?;
    if chain.as_str() != client.chain_id {
        return Err(Failure::refused("CHAIN_ID", format!("the evidence is about {chain}, not {}", client.chain_id)));
    }
    Ok(found)
}

fn print(found: &v1::Contradiction) {
    println!("{}", sentence(found));
    let mut rows = table(&["", "one header", "the other"]);
    let sides = [found.first.as_ref(), found.second.as_ref()];
    let mut row = |name: &str, of: &dyn Fn(&v1::ContradictingHeader) -> String| {
        let cells = sides.iter().map(|side| side.map(of).unwrap_or_default());
        rows.add_row(std::iter::once(name.to_owned()).chain(cells));
    };
    row("height", &|header| header.height.to_string());
    row("time", &|header| time(header.time.as_ref()));
    row("hash", &|header| hash(&header.hash));
    row("state before it", &|header| hash(&header.app_hash));
    row("next validators", &|header| hash(&header.next_validators_hash));
    row("round", &|header| if header.signed { header.round.to_string() } else { "not kept".into() });
    row("signed by", &|header| {
        if header.signed { format!("{} validators", header.signers.len()) } else { "verified; votes not kept".into() }
    });
    println!("{rows}");
    for address in &found.signed_both {
        println!("signed both: {}", hex::encode_upper(address));
    }
    if found.recovered_time.is_some() {
        println!(
            "Recovered by proposal {} at {}; what the governors had seen has the SHA-256 {}.",
            found.recovery_proposal,
            moment(found.recovered_time.as_ref()),
            hash(&found.recovery_evidence)
        );
    }
}

/// What was found, in one sentence.
pub(super) fn sentence(found: &v1::Contradiction) -> String {
    let what = match found.kind.as_str() {
        "EQUIVOCATION" => "validators voted twice in one round",
        "LUNATIC" => "two states were signed for one height, one of them made up",
        "AMNESIA" => "two blocks were decided in two rounds of one height; who is to blame does not show",
        "TIME_ORDER" => "a higher header is not later",
        _ => "two headers were signed for one height",
    };
    let height = found.second.as_ref().map_or(0, |header| header.height);
    format!("{} at height {height}, frozen {}: {what}.", found.kind, moment(found.frozen_time.as_ref()))
}

/// The same for machines.
pub(super) fn json(found: &v1::Contradiction) -> Value {
    let header = |header: &v1::ContradictingHeader| {
        json!({
            "height": header.height,
            "time": time(header.time.as_ref()),
            "hash": hash(&header.hash),
            "app_hash": hash(&header.app_hash),
            "next_validators_hash": hash(&header.next_validators_hash),
            "signed": header.signed,
            "round": header.round,
            "signers": header.signers.iter().map(hex::encode_upper).collect::<Vec<_>>(),
        })
    };
    json!({
        "kind": found.kind,
        "frozen": time(found.frozen_time.as_ref()),
        "first": found.first.as_ref().map(header),
        "second": found.second.as_ref().map(header),
        "signed_both": found.signed_both.iter().map(hex::encode_upper).collect::<Vec<_>>(),
        "recovered": found.recovered_time.as_ref().map(|at| json!({
            "at": time(Some(at)),
            "proposal": found.recovery_proposal,
            "evidence": hash(&found.recovery_evidence),
        })),
    })
}
