//! Story 4, its end: the listing as a record. The credit body publishes it, a bank and a registry read it, and its removal
//! reaches both: with proof, and with a sealed receipt of each.

use super::report::{Report, Seen};
use crate::client::status;
use crate::failure::Failure;
use crate::sandbox::World;
use comity_model::decode;
use comity_model::record::{Field, FieldValue, RecordReceipt};
use comity_proto::v1;
use comity_proto::v1::deliveries_client::DeliveriesClient;
use comity_proto::v1::delivery::State;
use comity_proto::v1::get_record_response::Answer;
use comity_proto::v1::holdings_client::HoldingsClient;
use comity_proto::v1::records_client::RecordsClient;
use std::time::Duration;

const KEEPER: &str = "members/credit/sectors/credit";
/// Who reads the listing.
const READERS: [&str; 2] = ["finance", "property"];
const PATIENCE: Duration = Duration::from_secs(40);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The credit body publishes the listing, and two institutions read it.
pub(super) async fn published(world: &World, report: &mut Report) -> Result<(), Failure> {
    report.begin();
    let listing = &world.data().showcase.listing;
    report.proven("the credit body publishes the listing", &put(world, listing.fields.clone()).await?);
    for reader in READERS {
        report.begin();
        let request = v1::GetRecordRequest { name: name(world), purpose: Some(purpose()), ..Default::default() };
        let answer = RecordsClient::new(world.channel(reader, "clerk").await?).get_record(request).await;
        let answer = answer.map_err(|error| status(error, "the listing was not read"))?.into_inner();
        if !matches!(answer.answer, Some(Answer::Record(_))) {
            return Err(unexpected("a listing that was published is absent"));
        }
        let seen = answer.proof.as_ref().map(Seen::from).unwrap_or_default();
        report.proven(format!("{reader} reads it, and is entered as a holder before it does"), &seen);
    }
    Ok(())
}

/// The listing is removed; each holder has the removal with proof, and the credit body has the receipts.
pub(super) async fn removed(world: &World, report: &mut Report) -> Result<(), Failure> {
    report.begin();
    let mut fields = world.data().showcase.listing.fields.clone();
    for (field, value) in [("performance", "FULL"), ("removal_ground", "PERFORMED"), ("status", "REMOVED")] {
        let Ok(name) = field.parse() else { continue };
        fields.retain(|field| field.name != name);
        fields.push(Field { name, value: FieldValue::Text(value.to_owned()) });
    }
    fields.sort_by(|one, other| one.name.cmp(&other.name));
    report.proven("the credit body publishes the removal", &put(world, fields).await?);
    for reader in READERS {
        let answer = held(world, reader).await?;
        let seen = answer.proof.as_ref().map(Seen::from).unwrap_or_default();
        report.proven(format!("it is delivered to {reader}, which had read the listing"), &seen);
    }
    let mut received = Vec::new();
    for reader in READERS {
        received.push(acknowledged(world, reader).await?);
    }
    let receipts = received.iter().map(|receipt| receipt.holder.as_str()).collect::<Vec<_>>().join(" and ");
    report.proven(format!("the sealed receipts of {receipts} are in"), &Seen::rule("RECORD_RECEIPT"));
    Ok(())
}

/// What the reader's gateway holds, once it has been told of the removal.
async fn held(world: &World, reader: &str) -> Result<v1::HeldAnswer, Failure> {
    let mut holdings = HoldingsClient::new(world.channel(reader, "clerk").await?);
    let record = name(world);
    let look = async {
        loop {
            let listed = holdings.list_holdings(v1::ListHoldingsRequest::default()).await;
            let listed = listed.map_err(|error| status(error, "what is held was not read"))?.into_inner();
            let held = listed.holdings.into_iter().find(|holding| holding.record_name == record);
            if let Some(answer) = held.and_then(|held| held.answer).filter(|answer| answer.version == 2) {
                return Ok(answer);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let late = || Err(Failure::unavailable(format!("{reader} was not told within {} s", PATIENCE.as_secs())));
    tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| late())
}

/// The reader's receipt, once the credit body has it.
async fn acknowledged(world: &World, reader: &str) -> Result<RecordReceipt, Failure> {
    let mut deliveries = DeliveriesClient::new(world.channel("credit", "registrar").await?);
    let request = v1::ListDeliveriesRequest { record_name: name(world), ..Default::default() };
    let holder = format!("members/{reader}");
    let look = async {
        loop {
            let listed = deliveries.list_deliveries(request.clone()).await;
            let listed = listed.map_err(|error| status(error, "deliveries were not read"))?.into_inner();
            let told = listed.deliveries.into_iter().find(|delivery| delivery.holder == holder);
            let told = told.filter(|told| told.state() == State::Acknowledged && told.held_version == 2);
            if let Some(told) = told {
                return decode::<RecordReceipt>("a receipt", &told.receipt)
                    .map_err(|error| unexpected("a receipt that cannot be read").because(error));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let late = || Err(Failure::unavailable(format!("no receipt of {reader} within {} s", PATIENCE.as_secs())));
    tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| late())
}

async fn put(world: &World, fields: Vec<Field>) -> Result<Seen, Failure> {
    let request = v1::BatchPutRecordsRequest {
        parent: KEEPER.to_owned(),
        rows: vec![v1::RecordRow { fields: fields.iter().map(comity_gateway::field_to_wire).collect() }],
        ..v1::BatchPutRecordsRequest::default()
    };
    let put = RecordsClient::new(world.channel("credit", "registrar").await?).batch_put_records(request).await;
    let put = put.map_err(|error| status(error, "the listing was not published"))?.into_inner();
    Ok(put.proof.as_ref().map(Seen::from).unwrap_or_default())
}

fn name(world: &World) -> String {
    format!("{KEEPER}/records/{}", world.data().showcase.listing.id)
}

fn purpose() -> v1::Purpose {
    v1::Purpose {
        case_number: "授信审查2026-0117".into(),
        legal_basis: "《中华人民共和国民事诉讼法》第二百六十六条".into(),
        purpose: "信用查询".into(),
    }
}

fn unexpected(what: &str) -> Failure {
    Failure::refused("UNEXPECTED", what)
}
