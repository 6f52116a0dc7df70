//! `comity order …`: drawing up, approving, following and releasing orders.
//! Refuses to know how an order is sealed or proven; an officer's key is used here and never leaves.

use super::fields;
use super::received;
use super::show::{answer_table, order_json, order_table, proof_line, result_line, state_name, step_line};
use super::{ClientFile, status};
use crate::cli::order::{ApproveArgs, CreateArgs, GetArgs, OrderCommand, ReleaseArgs, TermsArgs, WatchArgs};
use crate::failure::{Failure, OrFail};
use crate::keys::Seed;
use crate::sectors;
use comity_model::order::Order;
use comity_model::{OrderKind, Sector};
use comity_proto::v1;
use comity_proto::v1::OrderState;
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
        OrderCommand::Release(args) => release(args).await,
        OrderCommand::Pending(args) => received::pending(args).await,
        OrderCommand::Decide(args) => received::decide(args).await,
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
        ..terms(&args.terms)
    };
    draw_up(&mut connect(&args.client.client)?, request, &args.terms).await
}

async fn release(args: ReleaseArgs) -> Result<(), Failure> {
    let mut orders = connect(&args.client.client)?;
    let original = fetch(&mut orders, &args.original).await?;
    let bad = || "the original order names no usable sector".to_owned();
    let sector: Sector = original.sector.parse().or_fault(bad)?;
    let kind = releasing_kind(&sector)?;
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

/// The kind of order that ends a hold in this sector: its profile's release.
fn releasing_kind(sector: &Sector) -> Result<OrderKind, Failure> {
    let sectors = sectors::embedded()?;
    let profile = sectors.sector(sector).and_then(|schema| schema.profile.as_ref());
    let release = comity_model::profile::Effect::Release;
    profile
        .and_then(|profile| profile.kinds.iter().find(|rule| rule.effect == release))
        .map(|rule| rule.kind.clone())
        .ok_or_else(|| Failure::usage(format!("sector {sector} has no kind of order that ends a hold")))
}

async fn draw_up(
    orders: &mut OrdersClient<Channel>,
    request: v1::CreateOrderRequest,
    terms: &TermsArgs,
) -> Result<(), Failure> {
    let order = orders.create_order(request).await.map_err(|error| status(error, "the order was not drawn up"))?;
    let order = order.into_inner();
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

async fn approve(args: ApproveArgs) -> Result<(), Failure> {
    let mut orders = connect(&args.client.client)?;
    let order = fetch(&mut orders, &args.name).await?;
    check_signing_bytes(&order)?;
    let signature = Seed::read(&args.key)?.sign(&order.signing_bytes).bytes.to_vec();
    let request = v1::ApproveOrderRequest { name: args.name.clone(), officer: args.officer.to_string(), signature };
    orders.approve_order(request).await.map_err(|error| status(error, "the order was not approved"))?;
    if args.wait {
        return follow(&mut orders, &args.name, false, args.json).await;
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
        && signed.private_digest.as_bytes().as_slice() == order.private_digest;
    if shown { Ok(()) } else { Err(wrong()) }
}

async fn watch(args: WatchArgs) -> Result<(), Failure> {
    let mut orders = connect(&args.client.client)?;
    follow(&mut orders, &args.name, args.follow_hold, args.json).await
}

async fn follow(orders: &mut OrdersClient<Channel>, name: &str, follow_hold: bool, json: bool) -> Result<(), Failure> {
    let doing = "the order was not followed";
    let request = v1::WatchOrderRequest { name: name.to_owned(), follow_hold, after_revision: 0 };
    let mut changes = orders.watch_order(request).await.map_err(|error| status(error, doing))?.into_inner();
    let mut last: Option<v1::Order> = None;
    while let Some(order) = changes.message().await.map_err(|error| status(error, doing))? {
        if json {
            println!("{}", order_json(&order));
        } else {
            println!("{:>3}  {}", order.revision, change_line(&order));
        }
        last = Some(order);
    }
    match last {
        Some(order) if !json => {
            print(&order, false);
            answered(&order)
        }
        Some(order) => answered(&order),
        None => Err(Failure::unavailable("the gateway said nothing of the order").help("try again")),
    }
}

fn change_line(order: &v1::Order) -> String {
    match (&order.notice, &order.result) {
        (Some(notice), _) => format!("{}: hold {}", state_name(order.state()), notice.event),
        (None, Some(result)) => result_line(result),
        (None, None) => order.steps.last().map_or_else(|| state_name(order.state()).to_owned(), step_line),
    }
}

/// An order that came to nothing ends the command with the exit code of a refusal, so that a script can tell.
fn answered(order: &v1::Order) -> Result<(), Failure> {
    let reason = order.result.as_ref().map(|result| result.reason.clone()).filter(|reason| !reason.is_empty());
    match order.state() {
        OrderState::Refused | OrderState::Failed | OrderState::TimedOut => Err(Failure::refused(
            reason.unwrap_or_else(|| state_name(order.state()).to_owned()),
            format!("{} ended as {}", order.name, state_name(order.state())),
        )),
        _ => Ok(()),
    }
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

fn print(order: &v1::Order, json: bool) {
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
