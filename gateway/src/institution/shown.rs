//! What an institution's people are shown of the orders that arrived: names, states, holds. Encode only.
//! It refuses to know who may see a private part.

use super::objections::Arrived;
use crate::convert::{amount_to_wire, malformed, seconds_to_wire};
use crate::convert_order::{self as convert, Operators};
use crate::error::ApiError;
use comity_model::asset::{Hold, HoldState};
use comity_model::order::ReceivedId;
use comity_proto::v1;

/// An order that arrived, without its private part.
pub(super) fn received_order(arrived: &Arrived, operators: &Operators) -> v1::ReceivedOrder {
    let received = &arrived.received;
    let order = &received.sealed.order;
    v1::ReceivedOrder {
        name: name(&received.id()),
        court: format!("members/{}", order.court),
        sector: order.sector.to_string(),
        kind: order.kind.to_string(),
        original: order.original.map(|order| name(&ReceivedId { order, ..received.id() })).unwrap_or_default(),
        issue_time: Some(seconds_to_wire(order.issued_at)),
        decide_by: Some(seconds_to_wire(order.decide_by)),
        hold_until: Some(seconds_to_wire(order.hold_until)),
        arrival_height: received.arrival.height.0,
        private_digest: order.private_digest.0.to_vec(),
        private_part_arrived: false,
        private_fields: Vec::new(),
        state: convert::state(received.state).into(),
        result: received.result.as_ref().map(convert::proven_result),
        hold: arrived.hold.as_ref().map(hold),
        proof: Some(convert::proof(&arrived.under, operators)),
    }
}

fn hold(hold: &Hold) -> v1::Hold {
    let state = match hold.state {
        HoldState::Active => "ACTIVE",
        HoldState::Queued => "QUEUED",
        HoldState::Released => "RELEASED",
        HoldState::Lapsed => "LAPSED",
        HoldState::Deducted => "DEDUCTED",
        HoldState::Transferred => "TRANSFERRED",
    };
    let amount = |amount: Option<comity_model::Amount>| amount.as_ref().map(amount_to_wire);
    let objection = hold.objection.as_ref();
    v1::Hold {
        state: state.to_owned(),
        asset: hold.asset.0.to_vec(),
        held: amount(hold.held),
        asked: amount(hold.asked),
        deducted: amount(hold.deducted),
        until: Some(seconds_to_wire(hold.until)),
        unconfirmed: hold.unconfirmed.is_some(),
        objection: objection.map(|objection| objection.reason.to_string()).unwrap_or_default(),
        answer_by: objection.map(|objection| seconds_to_wire(objection.answer_by)),
    }
}

/// An order's name at the institution.
pub(super) fn name(id: &ReceivedId) -> String {
    format!("clients/{}/orders/{}", id.client, id.order)
}

/// Reads such a name.
pub(super) fn received_name(name: &str) -> Result<ReceivedId, ApiError> {
    let parts = name.strip_prefix("clients/").and_then(|rest| rest.split_once("/orders/"));
    let id =
        parts.and_then(|(client, order)| Some(ReceivedId { client: client.parse().ok()?, order: order.parse().ok()? }));
    id.ok_or_else(|| malformed("clients/{client}/orders/{order}"))
}
