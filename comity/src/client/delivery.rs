//! `comity delivery …`: who holds the own institution's records, and whether corrections have reached them.
//! Refuses to deliver anything: the gateway does.

use super::show::moment;
use super::{ClientFile, status};
use crate::cli::holding::{DeliveryCommand, DeliveryGetArgs, DeliveryListArgs, DeliveryOverdueArgs};
use crate::failure::Failure;
use comity_proto::v1;
use comity_proto::v1::deliveries_client::DeliveriesClient;
use std::path::Path;
use tonic::transport::Channel;

/// Most deliveries of one list.
const LISTED_MAX: usize = 10_000;

/// Runs the command.
pub(crate) async fn run(command: DeliveryCommand) -> Result<(), Failure> {
    match command {
        DeliveryCommand::List(args) => list(args).await,
        DeliveryCommand::Get(args) => get(args).await,
        DeliveryCommand::Overdue(args) => overdue(args).await,
    }
}

fn connect(client: &Path) -> Result<DeliveriesClient<Channel>, Failure> {
    Ok(DeliveriesClient::new(ClientFile::read(client)?.connect()?))
}

async fn list(args: DeliveryListArgs) -> Result<(), Failure> {
    let mut client = connect(&args.client.client)?;
    let record_name = args.record.unwrap_or_default();
    let (mut page_token, mut shown) = (String::new(), 0usize);
    loop {
        let request = v1::ListDeliveriesRequest { record_name: record_name.clone(), page_size: 0, page_token };
        let page = client.list_deliveries(request).await;
        let page = page.map_err(|error| status(error, "the deliveries were not listed"))?.into_inner();
        page.deliveries.iter().for_each(print);
        shown = shown.saturating_add(page.deliveries.len());
        page_token = page.next_page_token;
        if page_token.is_empty() || shown >= LISTED_MAX {
            println!("{shown} holder(s)");
            return Ok(());
        }
    }
}

async fn get(args: DeliveryGetArgs) -> Result<(), Failure> {
    let got = connect(&args.client.client)?.get_delivery(v1::GetDeliveryRequest { name: args.name }).await;
    print(&got.map_err(|error| status(error, "the delivery was not got"))?.into_inner());
    Ok(())
}

async fn overdue(args: DeliveryOverdueArgs) -> Result<(), Failure> {
    let mut client = connect(&args.client.client)?;
    let (mut page_token, mut shown) = (String::new(), 0usize);
    loop {
        let request = v1::ListOverdueDeliveriesRequest { page_size: 0, page_token };
        let page = client.list_overdue_deliveries(request).await;
        let page = page.map_err(|error| status(error, "the deadlines were not listed"))?.into_inner();
        for entry in &page.overdue {
            println!("{}  {} version {} to {}", entry.delivery, entry.record_name, entry.version, entry.holder);
            let settled = match &entry.settle_time {
                Some(time) => format!("settled {}", moment(Some(time))),
                None => "open".to_owned(),
            };
            println!("  was due by {}: {settled} {}", moment(entry.due_time.as_ref()), entry.failure);
        }
        shown = shown.saturating_add(page.overdue.len());
        page_token = page.next_page_token;
        if page_token.is_empty() || shown >= LISTED_MAX {
            println!("{shown} deadline(s) passed");
            return Ok(());
        }
    }
}

fn print(delivery: &v1::Delivery) {
    println!("{}  {}", delivery.name, delivery.record_name);
    println!(
        "  {} ({}): {}, has version {}",
        delivery.holder,
        delivery.role,
        delivery.state().as_str_name(),
        delivery.held_version
    );
    if delivery.version != 0 {
        println!(
            "  version {} must be acknowledged by {}; attempt {}, the next {} {}",
            delivery.version,
            moment(delivery.due_time.as_ref()),
            delivery.attempts,
            moment(delivery.next_attempt_time.as_ref()),
            delivery.failure
        );
    }
    if delivery.acknowledge_time.is_some() {
        let late = if delivery.late { ", late" } else { "" };
        println!("  receipt of {}{late}", moment(delivery.acknowledge_time.as_ref()));
    }
}
