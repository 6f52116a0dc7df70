//! Orders on the institution's chain: they arrive, wait for the institution's decision, and are answered once.
//!
//! What can be told from the public part is judged on arrival; the rest is the institution's decision, under its seal.
//! Without one in time the chain itself answers. It knows how an order is answered, not how a hold is found room for.

use crate::refusal::{Reason, Stop, require};
use crate::side::Side;
use crate::working::Execution;
use crate::{due, holds, members, notices, packets, records};
use comity_model::asset::{Arrival, reason};
use comity_model::client::ClientState;
use comity_model::event::Event;
use comity_model::order::{
    ApprovalClass, Decision, DecisionVerdict, HoldSummary, Order, OrderResult, OrderState, Outcome, ReceivedOrder,
    SealedOrder,
};
use comity_model::packet::{PORT_ORDERS, Packet, Payload, UNIVERSAL_ERROR_ACK};
use comity_model::profile::{Effect, KindRule};
use comity_model::seal::Signature;
use comity_model::state::StatePath;
use comity_model::{Amount, AssetHandle, ClientId, Hash, OrderId, ReasonCode, UnixSeconds, encode};
use comity_verify::order;
use comity_verify::seal::TAG_DECISION;
use comity_verify::state::Proven;

const DAY_S: u64 = 86_400;

/// Codes that this chain writes into an order's result, besides those of [`comity_model::asset::reason`].
pub mod outcome_code {
    /// An order of this id arrived over this client before.
    pub const ORDER_EXISTS: &str = "ORDER_EXISTS";
    /// The sector asks for two approvals for orders of this kind.
    pub const TWO_APPROVALS_NEEDED: &str = "TWO_APPROVALS_NEEDED";
    /// A seal of the order is of a suite that is not accepted from the court's chain.
    pub const SUITE_NOT_ACCEPTED: &str = "SUITE_NOT_ACCEPTED";
    /// The hold would last longer than the sector allows, or end before it may be decided.
    pub const PERIOD_NOT_ALLOWED: &str = "PERIOD_NOT_ALLOWED";
}

/// Takes an order that arrived. `None`: it waits for a decision; otherwise its acknowledgement.
pub(crate) fn receive(
    ex: &mut Execution<'_>,
    client: &ClientState,
    sent: &Proven<Packet>,
    value: &[u8],
) -> Result<Option<Vec<u8>>, Stop> {
    let packet = sent.value();
    let Ok(sealed) = comity_model::decode::<SealedOrder>("a sealed order", value) else {
        return Ok(Some(UNIVERSAL_ERROR_ACK.to_vec()));
    };
    let id = sealed.order.id;
    if !is_for_us(ex, client, packet, &sealed.order)? {
        let refused = refused(ex, &id, reason::NOT_FOR_THIS_CHAIN)?;
        return Ok(Some(encode(&refused)));
    }
    if notices::received(ex, &client.id, &id)?.is_some() {
        let refused = refused(ex, &id, outcome_code::ORDER_EXISTS)?;
        return Ok(Some(encode(&refused)));
    }
    let accepted = order::court_suites(&sealed).all(|suite| client.suites.contains(suite));
    let objection = match accepted {
        true => objection(ex, client, &sealed.order)?,
        false => Some(outcome_code::SUITE_NOT_ACCEPTED),
    };
    let mut received = ReceivedOrder {
        sealed,
        arrival: Arrival { height: ex.height, tx: ex.tx, message: ex.message },
        sequence: packet.sequence,
        client: client.id.clone(),
        state: OrderState::Pending,
        result: None,
        hold: None,
        notices: 0,
    };
    if let Some(code) = objection {
        let refused = refused(ex, &id, code)?;
        received.state = OrderState::Refused;
        received.result = Some(refused.clone());
        save(ex, &received);
        return Ok(Some(encode(&refused)));
    }
    ex.state.set_side(&Side::Pending(client.id.clone(), id), &received.id());
    due::set(ex, received.sealed.order.decide_by, due::DECIDE, &client.id, id);
    save(ex, &received);
    Ok(None)
}

/// Whether the order's binding to chains and clients is that of the packet.
fn is_for_us(ex: &Execution<'_>, client: &ClientState, packet: &Packet, order: &Order) -> Result<bool, Stop> {
    let bound = order.source_chain == client.chain
        && order.source_client == packet.source_client
        && order.dest_client == packet.dest_client
        && order.deliver_by == packet.timeout;
    let recipient = StatePath::Member(order.recipient.clone());
    Ok(bound && ex.state.bytes(&recipient)?.is_some())
}

/// Why the public part alone makes the order impossible, if it does.
fn objection(ex: &Execution<'_>, client: &ClientState, order: &Order) -> Result<Option<&'static str>, Stop> {
    let Some(rule) = rule(ex, order)? else {
        return Ok(Some(reason::NO_SUCH_KIND));
    };
    if rule.two_approvals_from.is_none() && order.approval != ApprovalClass::Double {
        return Ok(Some(outcome_code::TWO_APPROVALS_NEEDED));
    }
    if rule.effect == Effect::Release {
        let original = match order.original {
            Some(original) => notices::received(ex, &client.id, &original)?,
            None => None,
        };
        let same_court = original.is_some_and(|original| original.sealed.order.court == order.court);
        return Ok((!same_court).then_some(reason::UNKNOWN_ORIGINAL));
    }
    let longest = u64::from(rule.period_days_max).saturating_mul(DAY_S);
    let period_fits = order.decide_by <= order.hold_until && order.hold_until <= ex.now().plus(longest);
    Ok((!period_fits).then_some(outcome_code::PERIOD_NOT_ALLOWED))
}

/// The rule of the order's kind, if the recipient answers for its sector.
fn rule(ex: &Execution<'_>, order: &Order) -> Result<Option<KindRule>, Stop> {
    let profile = records::profile(ex, &order.sector)?;
    Ok(profile
        .filter(|profile| profile.institution == order.recipient)
        .and_then(|profile| profile.kind(&order.kind).cloned()))
}

/// Decides a pending order under the institution's seal.
pub(crate) fn decide(ex: &mut Execution<'_>, decision: &Decision, seal: &Signature) -> Result<(), Stop> {
    require(decision.chain == ex.config.chain, Reason::WrongChain)?;
    let mut received = notices::received(ex, &decision.client, &decision.order)?.ok_or(Reason::UnknownOrder)?;
    require(received.state == OrderState::Pending, Reason::AlreadyDecided)?;
    require(ex.now() < received.sealed.order.decide_by, Reason::DecisionLate)?;
    let member = members::valid_at_home(ex, &received.sealed.order.recipient)?;
    members::check_seal(&member, TAG_DECISION, decision, seal, ex.config.suites)?;
    let outcome = match &decision.verdict {
        DecisionVerdict::Refuse(code) => Outcome::Refused(code.clone()),
        DecisionVerdict::Execute { asset, amount } => execute(ex, &mut received, *asset, *amount)?,
    };
    let now = ex.now();
    answer(ex, received, outcome, now, decision.answer_digest)
}

/// Applies the effect of the order's kind.
fn execute(
    ex: &mut Execution<'_>,
    received: &mut ReceivedOrder,
    asset: AssetHandle,
    amount: Option<Amount>,
) -> Result<Outcome, Stop> {
    // The profile may have changed since the order arrived.
    let Some(rule) = rule(ex, &received.sealed.order)? else {
        return failed(reason::NO_SUCH_KIND);
    };
    if rule.effect == Effect::Release {
        require(amount.is_none(), Reason::DecisionAmount)?;
        return release(ex, received, asset);
    }
    let (state, summary) = holds::place(ex, received, rule.effect, asset, amount)?;
    Ok(match state {
        comity_model::asset::HoldState::Active => Outcome::Executed(summary),
        _ => Outcome::Waitlisted(summary),
    })
}

fn release(ex: &mut Execution<'_>, received: &ReceivedOrder, asset: AssetHandle) -> Result<Outcome, Stop> {
    let original = match received.sealed.order.original {
        Some(original) => notices::received(ex, &received.client, &original)?,
        None => None,
    };
    let Some(original) = original else {
        return failed(reason::UNKNOWN_ORIGINAL);
    };
    // The institution decides in order of arrival; a release must not be lost to a freeze that is decided after it.
    require(original.state != OrderState::Pending, Reason::OriginalPending)?;
    let Some((handle, number)) = original.hold else {
        return failed(reason::HOLD_ENDED);
    };
    require(handle == asset, Reason::DecisionAsset)?;
    if !holds::release(ex, received, &handle, number)? {
        return failed(reason::HOLD_ENDED);
    }
    Ok(Outcome::Executed(HoldSummary { held: None, asked: None, ahead: 0, until: ex.now() }))
}

/// Answers an order that nobody decided in time.
pub(crate) fn undecided(ex: &mut Execution<'_>, client: &ClientId, order: &OrderId) -> Result<(), Stop> {
    let Some(received) = notices::received(ex, client, order)? else {
        return Ok(());
    };
    if received.state != OrderState::Pending {
        return Ok(());
    }
    let effective_at = received.sealed.order.decide_by;
    let outcome = failed(reason::NO_DECISION)?;
    answer(ex, received, outcome, effective_at, None)
}

/// Fixes the result and writes the acknowledgement.
fn answer(
    ex: &mut Execution<'_>,
    mut received: ReceivedOrder,
    outcome: Outcome,
    effective_at: UnixSeconds,
    answer_digest: Option<Hash>,
) -> Result<(), Stop> {
    let order = &received.sealed.order;
    let (id, decide_by) = (order.id, order.decide_by);
    received.state = state_of(&outcome);
    let result = OrderResult { order: id, outcome, effective_at, height: ex.height, answer_digest };
    let acknowledgement = encode(&result);
    received.result = Some(result);
    ex.state.remove_side(&Side::Pending(received.client.clone(), id));
    due::clear(ex, decide_by, due::DECIDE, &received.client, id);
    save(ex, &received);
    packets::write_acknowledgement(ex, &packet_of(&received), acknowledgement);
    Ok(())
}

/// The packet that brought the order: every part of it was checked against the order on arrival.
fn packet_of(received: &ReceivedOrder) -> Packet {
    let order = &received.sealed.order;
    Packet {
        sequence: received.sequence,
        source_client: order.source_client.clone(),
        dest_client: order.dest_client.clone(),
        timeout: order.deliver_by,
        payloads: vec![Payload::canonical(PORT_ORDERS, encode(&received.sealed))],
    }
}

/// The state that an outcome puts an order into, on either chain.
pub(crate) const fn state_of(outcome: &Outcome) -> OrderState {
    match outcome {
        Outcome::Executed(_) => OrderState::Executed,
        Outcome::Waitlisted(_) => OrderState::Waitlisted,
        Outcome::Refused(_) => OrderState::Refused,
        Outcome::Failed(_) => OrderState::Failed,
    }
}

fn save(ex: &mut Execution<'_>, received: &ReceivedOrder) {
    let (client, order) = (received.client.clone(), received.sealed.order.id);
    ex.state.write(&StatePath::Received(client.clone(), order), received);
    ex.emit(Event::ReceivedOrderChanged { client, order, state: received.state });
}

fn refused(ex: &Execution<'_>, order: &OrderId, code: &'static str) -> Result<OrderResult, Stop> {
    Ok(OrderResult {
        order: *order,
        outcome: Outcome::Refused(reason_code(code)?),
        effective_at: ex.now(),
        height: ex.height,
        answer_digest: None,
    })
}

fn failed(code: &'static str) -> Result<Outcome, Stop> {
    Ok(Outcome::Failed(reason_code(code)?))
}

/// A constant as a reason code.
pub(crate) fn reason_code(code: &'static str) -> Result<ReasonCode, Stop> {
    code.parse().map_err(|_| Stop::Fault(crate::AppError::Damaged { what: "a reason code" }))
}
