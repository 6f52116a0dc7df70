//! Orders on the court's chain: committed with everything that makes them orders, then changed by proof only.
//!
//! `verify::order` judges approvals, seal and delivery receipt; here stand the dates, the idempotency of requests and
//! the court's mirror of what became of the order. It knows no asset.

use crate::refusal::{Reason, Stop, require};
use crate::working::Execution;
use crate::{clients, decisions, members, packets};
use comity_model::client::ClientState;
use comity_model::event::Event;
use comity_model::member::MemberKind;
use comity_model::order::{
    DELIVERY_MAX_S, HoldSummary, Notice, NoticeEvent, OrderEntry, OrderResult, OrderState, SealedOrder,
};
use comity_model::packet::{PORT_ORDERS, Payload, UNIVERSAL_ERROR_ACK};
use comity_model::state::StatePath;
use comity_model::{Hash, OrderId, encode};
use comity_verify::order::{self as verify, ApprovedOrder, Party};
use comity_verify::state::{Proven, ProvenAbsence};

/// Most approvals that are looked at.
const APPROVALS_MAX: usize = 8;
/// Block time may lag behind the clock by which an order was drawn up: by this much at most, in seconds.
const CLOCK_LAG_MAX_S: u64 = 600;

/// Commits an order and sends its packet.
pub(crate) fn commit(ex: &mut Execution<'_>, sealed: &SealedOrder) -> Result<(), Stop> {
    let order = &sealed.order;
    require(order.source_chain == ex.config.chain, Reason::WrongChain)?;
    let request = StatePath::Request(order.court.clone(), order.request);
    let digest = comity_verify::seal::digest(verify::TAG_ORDER, order);
    let known: Option<(Hash, OrderId)> = ex.state.read(&request, "a request")?;
    if let Some(known) = known {
        return require(known == (digest, order.id), Reason::RequestConflict);
    }
    let path = StatePath::Order(order.id);
    require(ex.state.bytes(&path)?.is_none(), Reason::OrderExists)?;
    check_dates(ex, sealed)?;
    let client = clients::usable(ex, &order.source_client)?;
    require(client.counterparty == order.dest_client, Reason::WrongCounterparty)?;
    let approved = approve(ex, sealed, &client)?;
    let sealed = approved.sealed();

    let payload = Payload::canonical(PORT_ORDERS, encode(sealed));
    let sequence = packets::send(ex, &client.id, &client.counterparty, payload, order.deliver_by)?;
    ex.state.write(&request, &(digest, order.id));
    let entry = OrderEntry {
        sealed: sealed.clone(),
        sequence,
        state: OrderState::Committed,
        result: None,
        notice: None,
        changed_at: ex.now(),
    };
    ex.state.write(&path, &entry);
    report(ex, order.id, OrderState::Committed);
    Ok(())
}

/// Judges approvals, the court's seal and the recipient's delivery receipt, by the members' and officers' entries here.
fn approve(ex: &Execution<'_>, sealed: &SealedOrder, client: &ClientState) -> Result<ApprovedOrder, Stop> {
    let order = &sealed.order;
    let court = members::at_home(&ex.state, &order.court)?;
    require(court.kind == MemberKind::Court, Reason::NotACourt)?;
    let recipient = members::imported(ex, &order.source_client, &order.recipient)?;
    let mut officers = Vec::with_capacity(sealed.approvals.len().min(APPROVALS_MAX));
    for approval in sealed.approvals.iter().take(APPROVALS_MAX) {
        officers.extend(members::officer(ex, &order.court, &approval.officer)?);
    }
    let now = ex.now();
    let court = Party { member: &court, suites: ex.config.suites };
    let recipient = Party { member: &recipient, suites: client.suites };
    Ok(verify::approve(sealed, &court, &officers, &recipient, now)?)
}

fn check_dates(ex: &Execution<'_>, sealed: &SealedOrder) -> Result<(), Stop> {
    let (order, now) = (&sealed.order, ex.now());
    let in_order = now < order.deliver_by
        && order.issued_at < order.deliver_by
        && order.deliver_by <= order.issued_at.plus(DELIVERY_MAX_S)
        && order.issued_at <= now.plus(CLOCK_LAG_MAX_S)
        && order.deliver_by <= order.decide_by
        && order.decide_by <= order.hold_until;
    require(in_order, Reason::OrderDates)
}

/// Takes the proven acknowledgement of an order.
pub(crate) fn acknowledged(
    ex: &mut Execution<'_>,
    value: &[u8],
    acknowledgements: &Proven<Vec<Vec<u8>>>,
) -> Result<(), Stop> {
    let [acknowledgement] = acknowledgements.value().as_slice() else {
        return Ok(());
    };
    let Some(mut entry) = entry_of(ex, value)? else {
        return Ok(());
    };
    let result = comity_model::decode::<OrderResult>("an order's result", acknowledgement).ok();
    let result =
        result.filter(|result| *acknowledgement != UNIVERSAL_ERROR_ACK && result.order == entry.sealed.order.id);
    // Bytes that are no result of this order prove only that the other chain could not read or carry it out.
    let answered = result.as_ref().map_or(OrderState::Failed, |result| decisions::state_of(&result.outcome));
    entry.state = match &entry.notice {
        // A notice may overtake the acknowledgement.
        Some(notice) => after_notice(answered, notice),
        None => answered,
    };
    entry.result = result;
    save(ex, entry);
    Ok(())
}

/// Takes the proof that an order did not arrive in time.
pub(crate) fn timed_out(ex: &mut Execution<'_>, value: &[u8], _receipt: &ProvenAbsence) -> Result<(), Stop> {
    if let Some(mut entry) = entry_of(ex, value)? {
        entry.state = OrderState::TimedOut;
        save(ex, entry);
    }
    Ok(())
}

/// Takes a notice into the mirror; `false` when no order of that id went out over that client.
pub(crate) fn notice(ex: &mut Execution<'_>, client: &ClientState, notice: Notice) -> Result<bool, Stop> {
    let id = notice.order;
    let entry: Option<OrderEntry> = ex.state.read(&StatePath::Order(id), "an order")?;
    let Some(mut entry) = entry.filter(|entry| entry.sealed.order.source_client == client.id) else {
        return Ok(false);
    };
    let newest = entry.notice.as_ref().map_or(0, |newest| newest.number);
    if notice.number <= newest {
        return Ok(true);
    }
    let before = entry.state;
    if entry.result.is_some() {
        entry.state = after_notice(before, &notice);
    }
    entry.notice = Some(notice);
    entry.changed_at = ex.now();
    let after = entry.state;
    ex.state.write(&StatePath::Order(id), &entry);
    ex.emit(Event::HoldChanged { order: id });
    if after != before {
        report(ex, id, after);
    }
    Ok(true)
}

/// The order's state once its hold is as the notice says. What has ended keeps its last state: the mirror tells the end.
fn after_notice(state: OrderState, notice: &Notice) -> OrderState {
    let answered = matches!(state, OrderState::Executed | OrderState::Waitlisted);
    match notice.event {
        NoticeEvent::Activated | NoticeEvent::Changed if answered => {
            if in_force(&notice.hold) {
                OrderState::Executed
            } else {
                OrderState::Waitlisted
            }
        }
        _ => state,
    }
}

/// A divisible hold is in force as soon as it holds something, another when nothing stands before it.
fn in_force(hold: &HoldSummary) -> bool {
    match hold.held {
        Some(held) => held.minor > 0,
        None => hold.ahead == 0,
    }
}

/// The entry of an order that is still waiting for its end.
fn entry_of(ex: &Execution<'_>, value: &[u8]) -> Result<Option<OrderEntry>, Stop> {
    let Ok(sealed) = comity_model::decode::<SealedOrder>("a sealed order", value) else {
        return Ok(None);
    };
    let path = StatePath::Order(sealed.order.id);
    let entry: Option<OrderEntry> = ex.state.read(&path, "an order")?;
    Ok(entry.filter(|entry| entry.state == OrderState::Committed))
}

fn save(ex: &mut Execution<'_>, mut entry: OrderEntry) {
    let (id, state) = (entry.sealed.order.id, entry.state);
    entry.changed_at = ex.now();
    ex.state.write(&StatePath::Order(id), &entry);
    report(ex, id, state);
}

fn report(ex: &mut Execution<'_>, order: OrderId, state: OrderState) {
    ex.emit(Event::OrderChanged { order, state });
}
