//! `comity order pending`, `received`, `decide`, `object`: what arrived at an institution, how it stands, the institution's
//! decision by hand and its objection. Refuses to know the rules by which an order may be carried out.

use super::fields;
use super::show::{moment, proof_line, received_json, received_table};
use super::{ClientFile, status};
use crate::cli::order::{DecideArgs, ObjectArgs, PendingArgs, ReceivedArgs};
use crate::failure::Failure;
use comity_proto::v1;
use comity_proto::v1::decide_order_request::Decision;
use comity_proto::v1::institution_client::InstitutionClient;
use std::path::Path;
use tonic::transport::Channel;

fn connect(client: &Path) -> Result<InstitutionClient<Channel>, Failure> {
    Ok(InstitutionClient::new(ClientFile::read(client)?.connect()?))
}

pub(super) async fn pending(args: PendingArgs) -> Result<(), Failure> {
    let mut institution = connect(&args.client.client)?;
    let mut page_token = String::new();
    let mut count = 0usize;
    loop {
        let request = v1::ListReceivedOrdersRequest {
            page_size: 0,
            page_token,
            with_private_parts: args.private,
            decided_too: args.decided,
        };
        let page = institution.list_received_orders(request).await;
        let page = page.map_err(|error| status(error, "the orders were not listed"))?.into_inner();
        for order in &page.orders {
            count = count.saturating_add(1);
            print(order, args.json);
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    if !args.json {
        println!("{count} order(s) {}", if args.decided { "arrived" } else { "wait to be decided" });
    }
    Ok(())
}

pub(super) async fn get(args: ReceivedArgs) -> Result<(), Failure> {
    let request = v1::GetReceivedOrderRequest { name: args.name, with_private_part: args.private };
    let got = connect(&args.client.client)?.get_received_order(request).await;
    let order = got.map_err(|error| status(error, "the order was not got"))?.into_inner();
    print(&order, args.json);
    if let Some(proof) = order.proof.as_ref().filter(|_| !args.json) {
        println!("{}", proof_line(proof));
    }
    Ok(())
}

pub(super) async fn object(args: ObjectArgs) -> Result<(), Failure> {
    let grounds = args.grounds.unwrap_or_default();
    let request = v1::ObjectToOrderRequest { name: args.name.clone(), reason: args.reason.to_string(), grounds };
    let objected = connect(&args.client.client)?.object_to_order(request).await;
    let objected = objected.map_err(|error| status(error, "the objection was not raised"))?.into_inner();
    println!(
        "The objection to {} stands in block {}; the court's answer is due by {}",
        args.name,
        objected.height,
        moment(objected.answer_by.as_ref())
    );
    Ok(())
}

fn print(order: &v1::ReceivedOrder, json: bool) {
    if json {
        println!("{}", received_json(order));
    } else {
        println!("{}", received_table(order));
    }
}

pub(super) async fn decide(args: DecideArgs) -> Result<(), Failure> {
    let decision = match args.refuse {
        Some(reason) => Decision::Refuse(v1::Denial { reason: reason.to_string() }),
        None => Decision::Accept(v1::Acceptance {
            asset: args.asset.unwrap_or_default(),
            amount: args
                .amount
                .as_deref()
                .map(fields::amount)
                .transpose()?
                .map(|amount| comity_gateway::amount_to_wire(&amount)),
        }),
    };
    let request = v1::DecideOrderRequest { name: args.name.clone(), decision: Some(decision) };
    let decided = connect(&args.client.client)?.decide_order(request).await;
    let decided = decided.map_err(|error| status(error, "the order was not decided"))?.into_inner();
    println!("{} is decided in block {}", args.name, decided.height);
    Ok(())
}
