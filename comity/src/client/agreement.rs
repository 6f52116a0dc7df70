//! `comity agreement …`: drawing up, approving, confirming, stopping and showing agreements.
//! Refuses to know how one comes onto a chain; an officer's key is used here and never leaves.

use super::fields;
use super::show::{proof_line, time};
use super::{ClientFile, status};
use crate::cli::PurposeArgs;
use crate::cli::agreement::{AgreementCommand, ApproveArgs, ConfirmArgs, CreateArgs, OfficerArgs, StopArgs};
use crate::failure::{Failure, OrFail};
use crate::files;
use crate::keys::Seed;
use comity_model::Time;
use comity_model::agreement::{Act, Deed};
use comity_proto::v1;
use comity_proto::v1::agreement::State;
use comity_proto::v1::agreements_client::AgreementsClient;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use tonic::transport::Channel;

/// Most agreements of one list.
const LISTED_MAX: usize = 1_000;

/// Runs the command.
pub(crate) async fn run(command: AgreementCommand) -> Result<(), Failure> {
    match command {
        AgreementCommand::Create(args) => create(args).await,
        AgreementCommand::Approve(args) => approve(args).await,
        AgreementCommand::Confirm(args) => confirm(args).await,
        AgreementCommand::Stop(args) => stop(args).await,
        AgreementCommand::Get(args) => {
            let mut client = connect(&args.client.client)?;
            let request = v1::GetAgreementRequest { name: args.name, purpose: purpose(&args.purpose) };
            let answer = client.get_agreement(request).await;
            show(&answer.map_err(|error| status(error, "the agreement was not read"))?.into_inner());
            Ok(())
        }
        AgreementCommand::List(args) => list(&args.client.client).await,
    }
}

fn connect(client: &Path) -> Result<AgreementsClient<Channel>, Failure> {
    Ok(AgreementsClient::new(ClientFile::read(client)?.connect()?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rule: String,
    payments_at: String,
    account: String,
    text_digest: String,
    hold_s: Option<i64>,
    party: Vec<PartyEntry>,
    instalment: Vec<InstalmentEntry>,
    #[serde(default)]
    case: BTreeMap<String, CaseValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartyEntry {
    role: RoleName,
    name: String,
    id_type: String,
    id_number: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RoleName {
    Creditor,
    Debtor,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InstalmentEntry {
    amount: String,
    due: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum CaseValue {
    Text(String),
    Integer(i64),
    Boolean(bool),
    Digest { digest: String },
    Date { date: String },
    Amount { amount: String },
}

async fn create(args: CreateArgs) -> Result<(), Failure> {
    let path = args.file.display();
    let file: File = toml::from_str(&files::read_text(&args.file)?)
        .map_err(|error| Failure::usage(format!("{path} is not an agreement: {}", error.message())))?;
    let request = v1::CreateAgreementRequest {
        request_id: args.request_id.unwrap_or_else(uuid::Uuid::new_v4).to_string(),
        rule: format!("rules/{}", file.rule),
        parties: file.party.into_iter().map(party).collect(),
        instalments: file.instalment.iter().map(instalment).collect::<Result<_, _>>()?,
        payments_at: format!("members/{}", file.payments_at),
        account: file.account,
        text_digest: digest(&file.text_digest)?,
        hold: file.hold_s.map(|seconds| prost_types::Duration { seconds, nanos: 0 }),
        case_fields: file.case.into_iter().map(|(name, value)| case(name, value)).collect::<Result<_, _>>()?,
        validate_only: args.validate_only,
    };
    let drawn = connect(&args.client.client)?.create_agreement(request).await;
    let drawn = drawn.map_err(|error| status(error, "the agreement was not drawn up"))?.into_inner();
    if args.quiet {
        println!("{}", drawn.name);
        return Ok(());
    }
    show(&drawn);
    println!(
        "Next: an officer approves it with\n  comity agreement approve --as <officer's client file> {} --officer <id> \
         --key <key file>",
        drawn.name
    );
    Ok(())
}

fn party(entry: PartyEntry) -> v1::AgreementParty {
    let role = match entry.role {
        RoleName::Creditor => v1::agreement_party::Role::Creditor,
        RoleName::Debtor => v1::agreement_party::Role::Debtor,
    };
    v1::AgreementParty { role: role.into(), name: entry.name, id_type: entry.id_type, id_number: entry.id_number }
}

fn instalment(entry: &InstalmentEntry) -> Result<v1::Instalment, Failure> {
    let due: Time = entry.due.parse().or_usage(|| format!("due = {:?}", entry.due))?;
    Ok(v1::Instalment {
        amount: Some(comity_gateway::amount_to_wire(&fields::amount(&entry.amount)?)),
        due_time: Some(prost_types::Timestamp { seconds: due.seconds(), nanos: 0 }),
    })
}

fn case(name: String, value: CaseValue) -> Result<v1::Field, Failure> {
    use v1::field::Value;
    let value = match value {
        CaseValue::Text(text) => Value::Text(text),
        CaseValue::Integer(number) => Value::Integer(number),
        CaseValue::Boolean(yes) => Value::Boolean(yes),
        CaseValue::Digest { digest: text } => Value::Digest(digest(&text)?),
        CaseValue::Date { date } => Value::Date(date),
        CaseValue::Amount { amount } => Value::Amount(comity_gateway::amount_to_wire(&fields::amount(&amount)?)),
    };
    Ok(v1::Field { name, value: Some(value) })
}

async fn approve(args: ApproveArgs) -> Result<(), Failure> {
    let mut client = connect(&args.client.client)?;
    let request = v1::GetAgreementRequest { name: args.name.clone(), purpose: None };
    let shown = client.get_agreement(request).await;
    let shown = shown.map_err(|error| status(error, "the agreement was not read"))?.into_inner();
    let signature = sign(&shown, &args.by, |act, shown| match act {
        Act::Conclude(terms) => {
            terms.payments.account.to_string() == shown.account && terms.instalments.len() == shown.instalments.len()
        }
        Act::Confirm { .. } | Act::Stop { .. } => false,
    })?;
    let request = v1::ApproveAgreementRequest { name: args.name, officer: args.by.officer.to_string(), signature };
    let answer = client.approve_agreement(request).await;
    show(&answer.map_err(|error| status(error, "the agreement was not approved"))?.into_inner());
    Ok(())
}

async fn confirm(args: ConfirmArgs) -> Result<(), Failure> {
    let mut client = connect(&args.client.client)?;
    let ruling = digest(&args.ruling)?;
    let request = v1::ConfirmAgreementRequest {
        name: args.name,
        ruling: ruling.clone(),
        officer: args.by.officer.to_string(),
        signature: Vec::new(),
        validate_only: true,
    };
    let shown = client.confirm_agreement(request.clone()).await;
    let shown = shown.map_err(|error| status(error, "the agreement was not confirmed"))?.into_inner();
    let signature = sign(
        &shown,
        &args.by,
        |act, _| matches!(act, Act::Confirm { ruling: signed } if signed.0.as_slice() == ruling),
    )?;
    let answer =
        client.confirm_agreement(v1::ConfirmAgreementRequest { signature, validate_only: false, ..request }).await;
    show(&answer.map_err(|error| status(error, "the agreement was not confirmed"))?.into_inner());
    Ok(())
}

async fn stop(args: StopArgs) -> Result<(), Failure> {
    let mut client = connect(&args.client.client)?;
    let ruling = digest(&args.ruling)?;
    let request = v1::StopAgreementRequest {
        name: args.name,
        reason: args.reason.to_string(),
        ruling: ruling.clone(),
        officer: args.by.officer.to_string(),
        signature: Vec::new(),
        validate_only: true,
    };
    let shown = client.stop_agreement(request.clone()).await;
    let shown = shown.map_err(|error| status(error, "the default was not stopped"))?.into_inner();
    let signature = sign(
        &shown,
        &args.by,
        |act, _| matches!(act, Act::Stop { reason, ruling: signed } if *reason == args.reason && signed.0.as_slice() == ruling),
    )?;
    let answer = client.stop_agreement(v1::StopAgreementRequest { signature, validate_only: false, ..request }).await;
    show(&answer.map_err(|error| status(error, "the default was not stopped"))?.into_inner());
    Ok(())
}

/// Signs what the gateway shows, if it is the deed that was asked for: a gateway must not get a signature on anything else.
fn sign(
    shown: &v1::Agreement,
    by: &OfficerArgs,
    is_asked: impl Fn(&Act, &v1::Agreement) -> bool,
) -> Result<Vec<u8>, Failure> {
    let wrong = || Failure::refused("SIGNING_BYTES", "the bytes to be signed are not the deed that was asked for");
    let prefix = [comity_verify::agreement::TAG_DEED.as_bytes(), &[0]].concat();
    let body = shown.signing_bytes.strip_prefix(prefix.as_slice()).ok_or_else(wrong)?;
    let deed: Deed = comity_model::decode("deed", body).map_err(|error| wrong().because(error))?;
    if format!("agreements/{}", deed.agreement) != shown.name || !is_asked(&deed.act, shown) {
        return Err(wrong());
    }
    Ok(Seed::read(&by.key)?.sign(&shown.signing_bytes).bytes.to_vec())
}

async fn list(client: &Path) -> Result<(), Failure> {
    let mut client = connect(client)?;
    let (mut token, mut shown) = (String::new(), 0);
    loop {
        let request = v1::ListAgreementsRequest { page_size: 0, page_token: token };
        let page = client.list_agreements(request).await;
        let page = page.map_err(|error| status(error, "the agreements were not read"))?.into_inner();
        for agreement in &page.agreements {
            println!("{}  {}  {}", agreement.name, state(agreement), agreement.rule);
        }
        shown += page.agreements.len();
        token = page.next_page_token;
        if token.is_empty() || shown >= LISTED_MAX {
            return Ok(());
        }
    }
}

/// The agreement as people read it.
fn show(agreement: &v1::Agreement) {
    println!("{}  {}", agreement.name, state(agreement));
    println!("  rule        {}", agreement.rule);
    println!("  paid at     {}, account {}", agreement.payments_at, agreement.account);
    for party in &agreement.parties {
        println!(
            "  {:<10}  {} ({} {})",
            party.role().as_str_name().to_lowercase(),
            party.name,
            party.id_type,
            party.id_number
        );
    }
    for (number, instalment) in (1u32..).zip(&agreement.instalments) {
        let paid = match &instalment.paid {
            Some(paid) => format!("paid {}, {}", time(paid.time.as_ref()), fact(paid.fact.as_ref())),
            None if instalment.due => "due, and not proven to be paid".into(),
            None => "to come".into(),
        };
        let due = time(instalment.due_time.as_ref());
        println!("  instalment {number}  {} by {due}: {paid}", amount(instalment.amount.as_ref()));
        println!("                reference {}", instalment.reference);
    }
    if let Some(known) = &agreement.confirmation {
        println!("  confirmed   {} by officer {}", time(known.time.as_ref()), known.officer);
    }
    if let Some(known) = &agreement.default {
        println!("  default     instalment {}, {}", known.instalment.saturating_add(1), fact(known.fact.as_ref()));
        println!("  opens       {}, unless a judge stops it before", time(known.opens_time.as_ref()));
    }
    if let Some(known) = &agreement.stop {
        println!("  stopped     {} by officer {}: {}", time(known.time.as_ref()), known.officer, known.reason);
    }
    if let Some(known) = &agreement.filing {
        let unpaid = amount(known.unpaid.as_ref());
        println!("  opened      {} filing at {}, {unpaid} unpaid", known.opens, time(known.time.as_ref()));
    }
    if let Some(proof) = &agreement.proof {
        println!("  {}", proof_line(proof));
    }
}

fn state(agreement: &v1::Agreement) -> &'static str {
    match agreement.state() {
        State::Unspecified => "UNKNOWN",
        other => other.as_str_name(),
    }
}

fn fact(fact: Option<&v1::AgreementFact>) -> String {
    fact.map_or_else(String::new, |fact| {
        format!("proven of {} at height {}, noted in block {}", fact.chain_id, fact.header_height, fact.noted_height)
    })
}

fn amount(wire: Option<&v1::Amount>) -> String {
    wire.map_or_else(String::new, fields::shown_amount)
}

fn purpose(args: &PurposeArgs) -> Option<v1::Purpose> {
    Some(v1::Purpose {
        case_number: args.case.clone()?,
        legal_basis: args.basis.clone()?,
        purpose: args.purpose.clone()?,
    })
}

fn digest(text: &str) -> Result<Vec<u8>, Failure> {
    let bytes = hex::decode(text).or_usage(|| format!("{text:?} is no digest in hex"))?;
    if bytes.len() == 32 { Ok(bytes) } else { Err(Failure::usage("a digest is 64 hex digits")) }
}
