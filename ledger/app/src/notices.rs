//! Notices: what a court is told of its hold after its order was answered.
//!
//! The institution's chain sends them, numbered for each order; the court's chain keeps the newest as its mirror of the
//! hold. A mirror changes by notices only.

use crate::clients;
use crate::orders;
use crate::packets;
use crate::refusal::Stop;
use crate::working::Execution;
use comity_model::asset::{Hold, Origin};
use comity_model::client::ClientState;
use comity_model::order::{HoldSummary, Notice, NoticeEvent, ReceivedOrder};
use comity_model::packet::{PORT_NOTICES, Payload, UNIVERSAL_ERROR_ACK};
use comity_model::state::StatePath;
use comity_model::{ClientId, OrderId, UnixSeconds, encode};

/// How long a notice may be under way before it is sent again, in seconds.
const NOTICE_TIMEOUT_S: u64 = 30 * 86_400;
/// The acknowledgement of a notice that was taken.
const TAKEN: &[u8] = &[1];

/// Sends a notice to the court of `hold`.
pub(crate) fn send(
    ex: &mut Execution<'_>,
    hold: &Hold,
    number: u32,
    event: NoticeEvent,
    summary: HoldSummary,
    at: UnixSeconds,
    cause: Option<OrderId>,
) -> Result<(), Stop> {
    let notice = Notice { order: hold.order, number, event, hold: summary, at, cause };
    let payload = Payload::canonical(PORT_NOTICES, encode(&notice));
    let timeout = ex.now().plus(NOTICE_TIMEOUT_S);
    let (client, counterparty) = (&hold.origin.client, &hold.origin.counterparty);
    packets::send(ex, client, counterparty, payload, timeout)?;
    Ok(())
}

/// Sends a notice again that was not taken in time.
pub(crate) fn resend(ex: &mut Execution<'_>, client: &ClientState, payload: Payload) -> Result<(), Stop> {
    let timeout = ex.now().plus(NOTICE_TIMEOUT_S);
    packets::send(ex, &client.id, &client.counterparty, payload, timeout)?;
    Ok(())
}

/// Takes a notice on the court's chain, and returns its acknowledgement. One that was overtaken by a newer one changes
/// nothing.
pub(crate) fn receive(ex: &mut Execution<'_>, client: &ClientState, value: &[u8]) -> Result<Vec<u8>, Stop> {
    let Ok(notice) = comity_model::decode::<Notice>("a notice", value) else {
        return Ok(UNIVERSAL_ERROR_ACK.to_vec());
    };
    let known = orders::notice(ex, client, notice)?;
    Ok(if known { TAKEN } else { &UNIVERSAL_ERROR_ACK }.to_vec())
}

/// An order that arrived at this chain over `client`.
pub(crate) fn received(ex: &Execution<'_>, client: &ClientId, order: &OrderId) -> Result<Option<ReceivedOrder>, Stop> {
    Ok(ex.state.read(&StatePath::Received(client.clone(), *order), "a received order")?)
}

/// Where notices about `received` go.
pub(crate) fn origin(ex: &Execution<'_>, received: &ReceivedOrder) -> Result<Origin, Stop> {
    let client = clients::state(ex, &received.client)?;
    Ok(Origin { chain: client.chain, client: client.id, counterparty: client.counterparty })
}
