//! `comity holding …`: what the own institution holds of others' records, and what changed.
//! Refuses to judge a proof: the gateway has.

use super::query::{print_record, purpose};
use super::show::{moment, proof_line};
use super::{ClientFile, status};
use crate::cli::holding::{HoldingCommand, HoldingGetArgs, HoldingListArgs, HoldingNameArgs, HoldingWatchArgs};
use crate::failure::Failure;
use comity_proto::v1;
use comity_proto::v1::holdings_client::HoldingsClient;
use std::path::Path;
use tonic::transport::Channel;

/// Most holdings of one list.
const LISTED_MAX: usize = 10_000;
/// Largest answer that is taken.
const MESSAGE_BYTES_MAX: usize = 8 << 20;

/// Runs the command.
pub(crate) async fn run(command: HoldingCommand) -> Result<(), Failure> {
    match command {
        HoldingCommand::List(args) => list(args).await,
        HoldingCommand::Get(args) => get(args).await,
        HoldingCommand::Watch(args) => watch(args).await,
        HoldingCommand::Check(args) => check(args).await,
        HoldingCommand::End(args) => end(args).await,
    }
}

fn connect(client: &Path) -> Result<HoldingsClient<Channel>, Failure> {
    let channel = ClientFile::read(client)?.connect()?;
    Ok(HoldingsClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX))
}

async fn list(args: HoldingListArgs) -> Result<(), Failure> {
    let mut client = connect(&args.client.client)?;
    let (mut page_token, mut shown) = (String::new(), 0usize);
    loop {
        let request = v1::ListHoldingsRequest { page_size: 0, page_token, outdated_only: args.outdated };
        let page = client.list_holdings(request).await;
        let page = page.map_err(|error| status(error, "the holdings were not listed"))?.into_inner();
        page.holdings.iter().for_each(print);
        shown = shown.saturating_add(page.holdings.len());
        page_token = page.next_page_token;
        if page_token.is_empty() || shown >= LISTED_MAX {
            println!("{shown} record(s) held");
            return Ok(());
        }
    }
}

async fn get(args: HoldingGetArgs) -> Result<(), Failure> {
    let request = v1::GetHoldingRequest { name: args.name, purpose: purpose(&args.purpose) };
    let got = connect(&args.client.client)?.get_holding(request).await;
    let holding = got.map_err(|error| status(error, "the holding was not got"))?.into_inner();
    print(&holding);
    if let Some(record) = &holding.record {
        print_record(record);
    }
    for before in &holding.superseded {
        println!("before: {}", answer_line(before));
    }
    Ok(())
}

async fn watch(args: HoldingWatchArgs) -> Result<(), Failure> {
    let request = v1::WatchHoldingsRequest { resume_token: args.after.unwrap_or_default() };
    let changes = connect(&args.client.client)?.watch_holdings(request).await;
    let mut changes = changes.map_err(|error| status(error, "the changes are not shown"))?.into_inner();
    while let Some(change) = changes.message().await.map_err(|error| status(error, "the changes ended"))? {
        let withheld = if change.withheld { ", and its keeper's time to deliver it was over" } else { "" };
        println!(
            "{}  {}: {}, version {} at height {}{withheld}  (token {})",
            moment(change.time.as_ref()),
            change.record_name,
            change.kind().as_str_name(),
            change.version,
            change.height,
            change.resume_token
        );
    }
    Ok(())
}

async fn check(args: HoldingNameArgs) -> Result<(), Failure> {
    let checked = connect(&args.client.client)?.check_holding(v1::CheckHoldingRequest { name: args.name }).await;
    print(&checked.map_err(|error| status(error, "the holding was not checked"))?.into_inner());
    Ok(())
}

async fn end(args: HoldingNameArgs) -> Result<(), Failure> {
    let ended = connect(&args.client.client)?.end_holding(v1::EndHeldRequest { name: args.name.clone() }).await;
    ended.map_err(|error| status(error, "the holding was not ended"))?;
    println!("{} is held no longer; its keeper is told", args.name);
    Ok(())
}

fn print(holding: &v1::Holding) {
    println!("{}  {}  ({})", holding.name, holding.record_name, holding.role);
    if let Some(answer) = &holding.answer {
        println!("  {}: {}", holding.state().as_str_name(), answer_line(answer));
    }
    if holding.newest_version != 0 {
        println!("  version {} is proven to stand, and was not handed over", holding.newest_version);
    }
    let failure = if holding.check_failure.is_empty() { String::new() } else { format!("; {}", holding.check_failure) };
    println!("  last proven at height {}, {}{failure}", holding.check_height, moment(holding.check_time.as_ref()));
}

fn answer_line(answer: &v1::HeldAnswer) -> String {
    let proof = answer.proof.as_ref().map(proof_line).unwrap_or_default();
    let (status, source) = (answer.status().as_str_name(), answer.source().as_str_name());
    format!("version {}, {status}, {source} {}\n  {proof}", answer.version, moment(answer.learn_time.as_ref()))
}
