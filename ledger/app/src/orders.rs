//! Orders on the court's chain: committed with everything that makes them orders, then changed by proof only.
//!
//! `verify::order` judges approvals, seal and delivery receipt; here stand the dates, the idempotency of requests and
//! the court's mirror of what became of the order. It knows no asset.

use crate::refusal::{Reason, Stop, require};
use crate::working::Execution;
use crate::{clients, decisions, members, obligations, packets};
use comity_model::asset::HoldState;
use comity_model::client::ClientState;
use comity_model::event::Event;
use comity_model::member::{MemberKind, Officer};
use comity_model::obligation::Claim;
use comity_model::order::{
    ApprovalClass, DELIVERY_MAX_S, HoldSummary, Notice, OrderEntry, OrderResult, OrderState, SealedOrder,
};
use comity_model::packet::{PORT_ORDERS, Payload, UNIVERSAL_ERROR_ACK};
use comity_model::profile::Effect;
use comity_model::state::StatePath;
use comity_model::{Hash, OrderId, encode};
use comity_verify::order::{self as verify, ApprovedOrder, Party};
use comity_verify::state::{Proven, ProvenAbsence};

/// Most approvals that are looked at.
const APPROVALS_MAX: usize = 8;
/// Block time may lag behind the clock by which an order was drawn up: by this much at most, in seconds.
const CLOCK_LAG_MAX_S: u64 = 600;

/// Commits an order and sends its packet.
pub(crate) fn commit(ex: &mut Execution<'_>, sealed: &SealedOrder, claim: Option<&Claim>) -> Result<(), Stop> {
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
    require(order.is_well_formed(), Reason::OrderForm)?;
    check_dates(ex, sealed)?;
    let client = clients::usable(ex, &order.source_client)?;
    require(client.counterparty == order.dest_client, Reason::WrongCounterparty)?;
    let approved = approve(ex, sealed, &client)?;
    if order.effect == Effect::Confirm {
        check_confirmation(ex, sealed)?;
    }
    let sealed = approved.sealed();
    let obligation = obligations::bind(ex, sealed, claim)?;

    let payload = Payload::canonical(PORT_ORDERS, encode(sealed));
    let sequence = packets::send(ex, &client.id, &client.counterparty, payload, order.deliver_by)?;
    ex.state.write(&request, &(digest, order.id));
    let entry = OrderEntry {
        sealed: sealed.clone(),
        sequence,
        state: OrderState::Committed,
        result: None,
        notice: None,
        obligation,
        changed_at: ex.now(),
    };
    ex.state.write(&path, &entry);
    recount(ex, &entry)?;
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

/// An emergency order is confirmed by an officer who did not order it: another work number, and another key.
fn check_confirmation(ex: &Execution<'_>, sealed: &SealedOrder) -> Result<(), Stop> {
    let court = &sealed.order.court;
    let original = match &sealed.order.original {
        Some(original) => ex.state.read::<OrderEntry>(&StatePath::Order(*original), "an order")?,
        None => None,
    };
    let emergency = |entry: &OrderEntry| {
        let order = &entry.sealed.order;
        order.approval == ApprovalClass::Emergency && order.court == *court
    };
    let original = original.filter(emergency).ok_or(Reason::NothingToConfirm)?;
    let mut known = Vec::new();
    for approval in &original.sealed.approvals {
        known.extend(members::officer(ex, court, &approval.officer)?);
    }
    for approval in &sealed.approvals {
        let officer = members::officer(ex, court, &approval.officer)?;
        let another = |officer: &Officer| known.iter().all(|known| known.id != officer.id && known.key != officer.key);
        if officer.as_ref().is_some_and(another) {
            return Ok(());
        }
    }
    Err(Reason::SameOfficer.into())
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
    match acknowledgements.value().as_slice() {
        [acknowledgement] => answered(ex, value, acknowledgement),
        _ => Ok(()),
    }
}

fn answered(ex: &mut Execution<'_>, value: &[u8], acknowledgement: &[u8]) -> Result<(), Stop> {
    let Some(mut entry) = entry_of(ex, value)? else {
        return Ok(());
    };
    let result = comity_model::decode::<OrderResult>("an order's result", acknowledgement).ok();
    let result =
        result.filter(|result| acknowledgement != UNIVERSAL_ERROR_ACK && result.order == entry.sealed.order.id);
    // Bytes that are no result of this order prove only that the other chain could not read or carry it out.
    let answered = result.as_ref().map_or(OrderState::Failed, |result| decisions::state_of(&result.outcome));
    entry.state = match &entry.notice {
        // A notice may overtake the acknowledgement.
        Some(notice) => with_hold(answered, None, &notice.hold),
        None => answered,
    };
    entry.result = result;
    save(ex, entry)
}

/// Takes the proof that an order did not arrive in time.
pub(crate) fn timed_out(ex: &mut Execution<'_>, value: &[u8], _receipt: &ProvenAbsence) -> Result<(), Stop> {
    expired(ex, value)
}

fn expired(ex: &mut Execution<'_>, value: &[u8]) -> Result<(), Stop> {
    if let Some(mut entry) = entry_of(ex, value)? {
        entry.state = OrderState::TimedOut;
        save(ex, entry)?;
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
        entry.state = with_hold(before, entry.hold(), &notice.hold);
    }
    entry.notice = Some(notice);
    entry.changed_at = ex.now();
    let after = entry.state;
    ex.state.write(&StatePath::Order(id), &entry);
    recount(ex, &entry)?;
    ex.emit(Event::HoldChanged { order: id });
    if after != before {
        report(ex, id, after);
    }
    Ok(true)
}

/// The order's state once its hold is as `hold` says, `before` being what was known of it. What has ended keeps its last
/// state: the mirror tells the end.
fn with_hold(state: OrderState, before: Option<&HoldSummary>, hold: &HoldSummary) -> OrderState {
    let answered = matches!(state, OrderState::Executed | OrderState::Waitlisted | OrderState::Objected);
    match hold.state {
        _ if !answered => state,
        _ if hold.objection.is_some() => OrderState::Objected,
        HoldState::Active => OrderState::Executed,
        HoldState::Queued => OrderState::Waitlisted,
        _ if state != OrderState::Objected => state,
        _ => match before.map(|before| before.state) {
            Some(HoldState::Queued) => OrderState::Waitlisted,
            _ => OrderState::Executed,
        },
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

fn save(ex: &mut Execution<'_>, mut entry: OrderEntry) -> Result<(), Stop> {
    let (id, state) = (entry.sealed.order.id, entry.state);
    entry.changed_at = ex.now();
    ex.state.write(&StatePath::Order(id), &entry);
    recount(ex, &entry)?;
    report(ex, id, state);
    Ok(())
}

/// Brings the obligation that an order serves up to date with it.
fn recount(ex: &mut Execution<'_>, entry: &OrderEntry) -> Result<(), Stop> {
    match entry.obligation {
        Some(obligation) => obligations::recount(ex, &entry.sealed.order.court, obligation),
        None => Ok(()),
    }
}

fn report(ex: &mut Execution<'_>, order: OrderId, state: OrderState) {
    ex.emit(Event::OrderChanged { order, state });
}
