//! `comity chain …`: what a gateway knows of chains, what a client was frozen with, and the way back.
//! Refuses to judge it.

pub(crate) mod evidence;
mod unfreeze;

use super::show::{hash, moment, operators, table, time};
use super::{ClientFile, status};
use crate::cli::{ChainCommand, ClientArgs};
use crate::failure::Failure;
use comity_proto::v1;
use comity_proto::v1::chains_client::ChainsClient;
use serde_json::json;
use std::collections::BTreeMap;

/// The status of a client that was shown two contradicting headers.
const FROZEN: &str = "FROZEN";

/// Runs the command.
pub(crate) async fn run(command: ChainCommand) -> Result<(), Failure> {
    match command {
        ChainCommand::Status { client, json } => show(&client, json).await,
        ChainCommand::Evidence(args) => evidence::run(args).await,
        ChainCommand::Unfreeze(args) => unfreeze::run(args).await,
    }
}

async fn show(client: &ClientArgs, json: bool) -> Result<(), Failure> {
    let channel = ClientFile::read(&client.client)?.connect()?;
    let chains = list(&mut ChainsClient::new(channel)).await?;
    if json {
        println!("{}", json!(chains.iter().map(self::json).collect::<Vec<_>>()));
        return Ok(());
    }
    let mut chain_table = table(&["chain", "verified height", "header", "of", "trust"]);
    for chain in &chains {
        let own = if chain.home { " (own)" } else { "" };
        let name = format!("{}{own}", chain.name.trim_start_matches("chains/"));
        // A peer's chain is followed when it is needed.
        let verified = chain.verified_time.is_some().then(|| {
            let header = hash(&chain.verified_hash).get(..8).unwrap_or_default().to_owned();
            [chain.verified_height.to_string(), header, moment(chain.verified_time.as_ref())]
        });
        let [height, header, of] = verified.unwrap_or_else(|| ["not needed yet".into(), String::new(), String::new()]);
        let trust = if chain.frozen { "FROZEN: two contradicting headers".into() } else { operators(chain.operators) };
        chain_table.add_row([name, height, header, of, trust]);
    }
    println!("{chain_table}");
    let mut client_table = table(&["light client", "of chain", "its counterparty", "latest height", "status"]);
    let clients: BTreeMap<_, _> =
        chains.iter().flat_map(|chain| &chain.clients).map(|client| (&client.id, client)).collect();
    for client in clients.values() {
        client_table.add_row([
            client.id.clone(),
            client.chain_id.clone(),
            client.counterparty.clone(),
            client.latest_height.to_string(),
            client.status.clone(),
        ]);
    }
    if client_table.row_count() > 0 {
        println!("{client_table}");
    }
    for client in clients.values().filter(|client| client.status == FROZEN) {
        if let Some(found) = &client.contradiction {
            println!("{}: {} See `comity chain evidence {}`.", client.id, evidence::sentence(found), client.id);
        }
    }
    Ok(())
}

/// Every chain that the gateway follows.
pub(crate) async fn list(client: &mut ChainsClient<tonic::transport::Channel>) -> Result<Vec<v1::Chain>, Failure> {
    let mut chains = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListChainsRequest { page_size: 100, page_token };
        let page = client.list_chains(request).await.map_err(|error| status(error, "the chains were not got"))?;
        let page = page.into_inner();
        chains.extend(page.chains);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(chains);
        }
    }
}

/// A chain for machines.
pub(crate) fn json(chain: &v1::Chain) -> serde_json::Value {
    json!({
        "name": chain.name,
        "home": chain.home,
        "verified_height": chain.verified_height,
        "verified_hash": hash(&chain.verified_hash),
        "verified_time": time(chain.verified_time.as_ref()),
        "operators": chain.operators,
        "frozen": chain.frozen,
        "clients": chain.clients.iter().map(|client| json!({
            "id": client.id,
            "chain": client.chain_id,
            "counterparty": client.counterparty,
            "latest_height": client.latest_height,
            "status": client.status,
            "latest_time": client.latest_time.as_ref().map(|at| time(Some(at))),
            "expire_time": client.expire_time.as_ref().map(|at| time(Some(at))),
            "contradiction": client.contradiction.as_ref().map(evidence::json),
        })).collect::<Vec<_>>(),
    })
}
