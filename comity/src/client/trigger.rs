//! `comity trigger …`: the rules, what they fired and why, and what that proposes.
//! Refuses to decide on a proposed order: it is approved as an order.

use super::show::proof_line;
use super::{ClientFile, status};
use crate::cli::agreement::{StopProposalArgs, TriggerCommand};
use crate::failure::Failure;
use crate::keys::Seed;
use comity_gateway::triggers::{ProposalStop, TAG_STOP};
use comity_proto::v1;
use comity_proto::v1::triggers_client::TriggersClient;
use std::path::Path;
use tonic::transport::Channel;

/// Most firings or proposals of one list.
const LISTED_MAX: usize = 1_000;

/// Runs the command.
pub(crate) async fn run(command: TriggerCommand) -> Result<(), Failure> {
    match command {
        TriggerCommand::Rules(args) => rules(&mut connect(&args.client.client)?).await,
        TriggerCommand::Firings(args) => firings(&mut connect(&args.client.client)?).await,
        TriggerCommand::Proposals(args) => proposals(&mut connect(&args.client.client)?).await,
        TriggerCommand::Stop(args) => stop(args).await,
    }
}

fn connect(client: &Path) -> Result<TriggersClient<Channel>, Failure> {
    Ok(TriggersClient::new(ClientFile::read(client)?.connect()?))
}

async fn rules(client: &mut TriggersClient<Channel>) -> Result<(), Failure> {
    let answer = client.list_rules(v1::ListRulesRequest {}).await;
    for rule in answer.map_err(|error| status(error, "the rules were not read"))?.into_inner().rules {
        println!("{}  {}", rule.name, rule.on);
        println!("  {} · {}", rule.title_zh, rule.title_en);
        println!("  {}", rule.legal_basis);
    }
    Ok(())
}

async fn firings(client: &mut TriggersClient<Channel>) -> Result<(), Failure> {
    let (mut token, mut shown) = (String::new(), 0);
    loop {
        let request = v1::ListFiringsRequest { page_size: 0, page_token: token };
        let page = client.list_firings(request).await;
        let page = page.map_err(|error| status(error, "the firings were not read"))?.into_inner();
        for firing in &page.firings {
            println!("{}", firing.name);
            println!("  {}", firing.explanation);
            for fact in &firing.facts {
                println!("  · {}", fact.statement);
                if let Some(proof) = &fact.proof {
                    println!("    {}", proof_line(proof));
                }
            }
        }
        shown += page.firings.len();
        token = page.next_page_token;
        if token.is_empty() || shown >= LISTED_MAX {
            return Ok(());
        }
    }
}

async fn proposals(client: &mut TriggersClient<Channel>) -> Result<(), Failure> {
    let (mut token, mut shown) = (String::new(), 0);
    loop {
        let request = v1::ListProposalsRequest { page_size: 0, page_token: token };
        let page = client.list_proposals(request).await;
        let page = page.map_err(|error| status(error, "the proposals were not read"))?.into_inner();
        for proposal in &page.proposals {
            println!("{}  {}", proposal.name, proposal.state().as_str_name());
            println!("  {}", what(proposal));
        }
        shown += page.proposals.len();
        token = page.next_page_token;
        if token.is_empty() || shown >= LISTED_MAX {
            return Ok(());
        }
    }
}

async fn stop(args: StopProposalArgs) -> Result<(), Failure> {
    let mut client = connect(&args.client.client)?;
    let failed = |error| status(error, "the proposal was not stopped");
    let request = v1::StopProposalRequest {
        name: args.name.clone(),
        reason: args.reason.to_string(),
        officer: args.by.officer.to_string(),
        signature: Vec::new(),
        validate_only: true,
    };
    let shown = client.stop_proposal(request.clone()).await.map_err(failed)?.into_inner();
    let signature = sign(&shown, &args)?;
    let stopped = client.stop_proposal(v1::StopProposalRequest { signature, validate_only: false, ..request }).await;
    let stopped = stopped.map_err(failed)?.into_inner();
    println!("{}  {}", stopped.name, stopped.state().as_str_name());
    println!("  {}", what(&stopped));
    Ok(())
}

/// Signs what the gateway shows, if it is the stop that was asked for: a gateway must not get a signature on anything else.
fn sign(shown: &v1::Proposal, args: &StopProposalArgs) -> Result<Vec<u8>, Failure> {
    let wrong = || Failure::refused("SIGNING_BYTES", "the bytes to be signed are not the stop that was asked for");
    let prefix = [TAG_STOP.as_bytes(), &[0]].concat();
    let body = shown.signing_bytes.strip_prefix(prefix.as_slice()).ok_or_else(wrong)?;
    let stop: ProposalStop = comity_model::decode("a stop", body).map_err(|error| wrong().because(error))?;
    if format!("proposals/{}", hex::encode(stop.proposal)) != args.name || stop.reason != args.reason {
        return Err(wrong());
    }
    Ok(Seed::read(&args.by.key)?.sign(&shown.signing_bytes).bytes.to_vec())
}

fn what(proposal: &v1::Proposal) -> String {
    if proposal.kind == "INVESTIGATION" {
        let mut said = format!("investigation in {}", proposal.sectors.join(", "));
        if let Some(opens) = proposal.opens_time.filter(|_| proposal.state() == v1::proposal::State::Proposed) {
            said.push_str(&format!("; begins at {}", super::show::time(Some(&opens))));
        }
        for firing in &proposal.firings {
            said.push_str(&format!("; found: {firing}"));
        }
        if let Some(stop) = &proposal.stop {
            let at = super::show::time(stop.time.as_ref());
            said.push_str(&format!("; stopped {at} by officer {}: {}", stop.officer, stop.reason));
        }
        for silent in &proposal.unanswered {
            said.push_str(&format!("; silent: {silent}"));
        }
        return said;
    }
    let order = format!("{} in {} for {}", proposal.order_kind, proposal.sector, proposal.recipient);
    match (proposal.order.as_str(), proposal.reason.as_str()) {
        ("", "") => order,
        ("", reason) if proposal.field.is_empty() => format!("{order}: {reason}"),
        ("", reason) => format!("{order}: {reason} ({})", proposal.field),
        (draft, _) => format!("{order}: {draft}"),
    }
}
