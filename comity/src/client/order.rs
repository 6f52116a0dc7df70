//! `comity order …`: drawing up orders and those that change them, approving, showing.
//! Refuses to know how an order is sealed or proven; an officer's key is used here and never leaves.

use super::fields;
use super::show::{answer_table, checks_table, order_json, order_table, proof_line, proofs_table, validation_json};
use super::{ClientFile, life, obligation, received, status};
use crate::cli::order::{ApproveArgs, ChangeArgs, CreateArgs, GetArgs, OrderCommand, TermsArgs, WatchArgs};
use crate::failure::{Failure, OrFail};
use crate::keys::Seed;
use crate::sectors;
use comity_model::order::Order;
use comity_model::profile::Effect;
use comity_model::{OrderKind, Sector};
use comity_proto::v1;
use comity_proto::v1::orders_client::OrdersClient;
use std::path::Path;
use tonic::transport::Channel;

/// Runs the command.
pub(crate) async fn run(command: OrderCommand) -> Result<(), Failure> {
    match command {
        OrderCommand::Create(args) => create(args).await,
        OrderCommand::Approve(args) => approve(args).await,
        OrderCommand::Watch(args) => watch(args).await,
        OrderCommand::Get(args) => get(args).await,
        OrderCommand::Release(args) => change(args, Effect::Release).await,
        OrderCommand::Renew(args) => change(args, Effect::Renew).await,
        OrderCommand::Deduct(args) => change(args, Effect::Deduct).await,
        OrderCommand::Transfer(args) => change(args, Effect::Transfer).await,
        OrderCommand::Rollback(args) => change(args, Effect::Rollback).await,
        OrderCommand::Amend(args) => change(args, Effect::Amend).await,
        OrderCommand::Confirm(args) => change(args, Effect::Confirm).await,
        OrderCommand::UpholdObjection(args) => change(args, Effect::UpholdObjection).await,
        OrderCommand::RejectObjection(args) => change(args, Effect::RejectObjection).await,
        OrderCommand::Obligation(args) => obligation::show(args).await,
        OrderCommand::Pending(args) => received::pending(args).await,
        OrderCommand::Received(args) => received::get(args).await,
        OrderCommand::Decide(args) => received::decide(args).await,
        OrderCommand::Object(args) => received::object(args).await,
    }
}

fn connect(client: &Path) -> Result<OrdersClient<Channel>, Failure> {
    Ok(OrdersClient::new(ClientFile::read(client)?.connect()?))
}

async fn create(args: CreateArgs) -> Result<(), Failure> {
    let private_fields = private_fields(&args.sector, &args.kind, &args.fields, args.fields_file.as_deref())?;
    let request = v1::CreateOrderRequest {
        recipient: format!("members/{}", args.recipient),
        sector: args.sector.to_string(),
        kind: args.kind.to_string(),
        original: args.original.unwrap_or_default(),
        private_fields,
        obligation: args
            .obligation
            .as_deref()
            .map(fields::amount)
            .transpose()?
            .map(|amount| comity_gateway::amount_to_wire(&amount)),
        claim: obligation::claim(args.serves.as_deref(), args.claimed.as_deref())?,
        ..terms(&args.terms)
    };
    draw_up(&mut connect(&args.client.client)?, request, &args.terms).await
}

/// Draws up an order that does `effect` to the hold of another one.
async fn change(args: ChangeArgs, effect: Effect) -> Result<(), Failure> {
    let mut orders = connect(&args.client.client)?;
    let original = fetch(&mut orders, &args.original).await?;
    let bad = || "the original order names no usable sector".to_owned();
    let sector: Sector = original.sector.parse().or_fault(bad)?;
    let kind = kind_of(&sector, effect)?;
    let request = v1::CreateOrderRequest {
        recipient: original.recipient,
        sector: original.sector,
        kind: kind.to_string(),
        original: args.original,
        private_fields: private_fields(&sector, &kind, &args.fields, args.fields_file.as_deref())?,
        ..terms(&args.terms)
    };
    draw_up(&mut orders, request, &args.terms).await
}

/// The one kind of order in this sector's profile that does `effect`.
fn kind_of(sector: &Sector, effect: Effect) -> Result<OrderKind, Failure> {
    let sectors = sectors::embedded()?;
    let profile = sectors.sector(sector).and_then(|schema| schema.profile.as_ref());
    let kinds = profile.map(|profile| profile.kinds.as_slice()).unwrap_or_default();
    let fitting: Vec<_> = kinds.iter().filter(|rule| rule.effect == effect).map(|rule| &rule.kind).collect();
    let known = || kinds.iter().map(|rule| rule.kind.to_string()).collect::<Vec<_>>().join(", ");
    match fitting.as_slice() {
        [kind] => Ok((*kind).clone()),
        [] => Err(Failure::usage(format!("sector {sector} has no kind of order that does this"))
            .help(format!("its kinds are: {}", known()))),
        _ => Err(Failure::usage(format!("sector {sector} has several kinds of order that do this"))
            .help("name one with `comity order create --kind … --original …`")),
    }
}

async fn draw_up(
    orders: &mut OrdersClient<Channel>,
    request: v1::CreateOrderRequest,
    terms: &TermsArgs,
) -> Result<(), Failure> {
    let order = orders.create_order(request).await.map_err(|error| status(error, "the order was not drawn up"))?;
    let order = order.into_inner();
    if let Some(validation) = &order.validation {
        return validated(&order, validation, terms.json);
    }
    if terms.quiet {
        println!("{}", order.name);
        return Ok(());
    }
    print(&order, terms.json);
    if !terms.json {
        let missing = usize::try_from(order.approvals_needed).unwrap_or(0).saturating_sub(order.approvals.len());
        println!(
            "Next: {missing} officer(s) approve it with\n  comity order approve --as <officer's client file> {} \
             --officer <id> --key <key file>",
            order.name
        );
    }
    Ok(())
}

/// What was checked, and what will have to be proven; an order that fails a check ends the command as a refusal.
fn validated(order: &v1::Order, validation: &v1::OrderValidation, json: bool) -> Result<(), Failure> {
    if json {
        println!("{}", validation_json(validation));
    } else {
        println!("{}", checks_table(validation));
        if validation.valid {
            println!("{}", proofs_table(validation));
            println!("It can be drawn up, and needs {} approval(s). Nothing was stored.", order.approvals_needed);
        }
    }
    match validation.checks.iter().find(|check| check.outcome() == v1::order_check::Outcome::Failed) {
        None => Ok(()),
        Some(failed) => Err(Failure::refused(failed.reason.clone(), failed.message.clone())),
    }
}

async fn approve(args: ApproveArgs) -> Result<(), Failure> {
    let mut orders = connect(&args.client.client)?;
    let order = fetch(&mut orders, &args.name).await?;
    check_signing_bytes(&order)?;
    let signature = Seed::read(&args.key)?.sign(&order.signing_bytes).bytes.to_vec();
    let request = v1::ApproveOrderRequest { name: args.name.clone(), officer: args.officer.to_string(), signature };
    orders.approve_order(request).await.map_err(|error| status(error, "the order was not approved"))?;
    if args.wait {
        return life::follow(&mut orders, &args.name, false, String::new(), args.json).await;
    }
    print(&fetch(&mut orders, &args.name).await?, args.json);
    Ok(())
}

/// What is signed must be the order that is shown: a gateway must not get a signature on anything else.
fn check_signing_bytes(order: &v1::Order) -> Result<(), Failure> {
    let wrong = || Failure::refused("SIGNING_BYTES", "the bytes to be signed are not the order that the gateway shows");
    let prefix = [comity_verify::order::TAG_ORDER.as_bytes(), &[0]].concat();
    let body = order.signing_bytes.strip_prefix(prefix.as_slice()).ok_or_else(wrong)?;
    let signed: Order = comity_model::decode("order", body).map_err(|error| wrong().because(error))?;
    let shown = format!("orders/{}", signed.id) == order.name
        && signed.sector.as_str() == order.sector
        && signed.kind.as_str() == order.kind
        && order.recipient.trim_start_matches("members/") == signed.recipient.as_str()
        && signed.private_digest.as_bytes().as_slice() == order.private_digest
        && obligation::is_committed_to(order.claim.as_ref(), signed.obligation);
    if shown { Ok(()) } else { Err(wrong()) }
}

async fn watch(args: WatchArgs) -> Result<(), Failure> {
    let mut orders = connect(&args.client.client)?;
    life::follow(&mut orders, &args.name, args.follow_hold, args.resume, args.json).await
}

async fn get(args: GetArgs) -> Result<(), Failure> {
    let order = fetch(&mut connect(&args.client.client)?, &args.name).await?;
    print(&order, args.json);
    Ok(())
}

async fn fetch(orders: &mut OrdersClient<Channel>, name: &str) -> Result<v1::Order, Failure> {
    let request = v1::GetOrderRequest { name: name.to_owned() };
    let order = orders.get_order(request).await.map_err(|error| status(error, "the order was not got"))?;
    Ok(order.into_inner())
}

pub(super) fn print(order: &v1::Order, json: bool) {
    if json {
        println!("{}", order_json(order));
        return;
    }
    println!("{}", order_table(order));
    if let Some(answer) = order.answer.as_ref().filter(|answer| !answer.fields.is_empty()) {
        println!("{}", answer_table(answer));
    }
    if let Some(proof) = &order.proof {
        println!("{}", proof_line(proof));
    }
}

fn terms(terms: &TermsArgs) -> v1::CreateOrderRequest {
    v1::CreateOrderRequest {
        request_id: terms.request_id.unwrap_or_else(uuid::Uuid::new_v4).to_string(),
        deliver_within: terms
            .deliver_within
            .map(|seconds| prost_types::Duration { seconds: i64::from(seconds), nanos: 0 }),
        emergency: terms.emergency,
        hold_days: terms.hold_days.unwrap_or(0),
        validate_only: terms.validate_only,
        ..Default::default()
    }
}

fn private_fields(
    sector: &Sector,
    kind: &OrderKind,
    texts: &[String],
    file: Option<&Path>,
) -> Result<Vec<v1::Field>, Failure> {
    let sectors = sectors::embedded()?;
    let schema = sectors.sector(sector).and_then(|schema| schema.order.as_ref()).ok_or_else(|| {
        let known: Vec<_> =
            sectors.iter().filter(|s| s.order.is_some()).map(|schema| schema.name.to_string()).collect();
        Failure::usage(format!("sector {sector} takes no orders"))
            .help(format!("sectors that take orders: {}", known.join(", ")))
    })?;
    let fields = fields::read(schema, texts, file)?;
    let missing: Vec<_> = schema
        .iter()
        .filter(|spec| spec.required || spec.required_for.contains(kind))
        .filter(|spec| !fields.iter().any(|field| field.name == spec.name.as_str()))
        .map(|spec| format!("{} ({})", spec.name, spec.label_en))
        .collect();
    if missing.is_empty() {
        return Ok(fields);
    }
    Err(Failure::usage(format!("an order of kind {kind} in sector {sector} needs more fields"))
        .help(format!("missing: {}; give them with --field or --fields", missing.join(", "))))
}
