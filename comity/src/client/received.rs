//! `comity order pending` and `comity order decide`: what waits at an institution, and its decision by hand.
//! Refuses to know the rules by which an order may be carried out.

use super::fields;
use super::show::{received_json, received_table};
use super::{ClientFile, status};
use crate::cli::order::{DecideArgs, PendingArgs};
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
        let request = v1::ListReceivedOrdersRequest { page_size: 0, page_token, with_private_parts: args.private };
        let page = institution.list_received_orders(request).await;
        let page = page.map_err(|error| status(error, "the orders were not listed"))?.into_inner();
        for order in &page.orders {
            count = count.saturating_add(1);
            if args.json {
                println!("{}", received_json(order));
            } else {
                println!("{}", received_table(order));
            }
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    if !args.json {
        println!("{count} order(s) wait to be decided");
    }
    Ok(())
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
