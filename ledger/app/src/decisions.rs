//! Orders on the institution's chain: they arrive, wait for the institution's decision, and are answered once.
//!
//! What can be told from the public part is judged on arrival, and what changes only a hold's dates or standing is then
//! carried out at once; the rest is the institution's decision, under its seal. Without one in time the chain itself
//! answers. It knows how an order is answered, not how a hold is found room for.

mod admission;

use crate::holds::changes::{self, Unchanged};
use crate::holds::objections;
use crate::refusal::{Reason, Stop, require};
use crate::side::Side;
use crate::working::Execution;
use crate::{due, holds, members, notices, packets};
use comity_model::asset::{Arrival, HoldState, reason};
use comity_model::client::ClientState;
use comity_model::event::Event;
use comity_model::order::{
    Decision, DecisionVerdict, HoldSummary, OrderResult, OrderState, Outcome, ReceivedOrder, SealedOrder,
};
use comity_model::packet::{PORT_ORDERS, Packet, Payload, UNIVERSAL_ERROR_ACK};
use comity_model::profile::{Effect, KindRule};
use comity_model::seal::Signature;
use comity_model::state::StatePath;
use comity_model::{ClientId, Hash, OrderId, ReasonCode, UnixSeconds, encode};
use comity_verify::order;
use comity_verify::seal::TAG_DECISION;
use comity_verify::state::Proven;

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
    arrive(ex, client, sent.value(), value)
}

fn arrive(
    ex: &mut Execution<'_>,
    client: &ClientState,
    packet: &Packet,
    value: &[u8],
) -> Result<Option<Vec<u8>>, Stop> {
    let Ok(sealed) = comity_model::decode::<SealedOrder>("a sealed order", value) else {
        return Ok(Some(UNIVERSAL_ERROR_ACK.to_vec()));
    };
    let id = sealed.order.id;
    if !admission::is_for_us(ex, client, packet, &sealed.order)? {
        let refused = refused(ex, &id, reason::NOT_FOR_THIS_CHAIN)?;
        return Ok(Some(encode(&refused)));
    }
    if notices::received(ex, &client.id, &id)?.is_some() {
        let refused = refused(ex, &id, outcome_code::ORDER_EXISTS)?;
        return Ok(Some(encode(&refused)));
    }
    let accepted = order::court_suites(&sealed).all(|suite| client.suites.contains(suite));
    let judged = match accepted {
        true => admission::judge(ex, client, &sealed)?,
        false => Err(outcome_code::SUITE_NOT_ACCEPTED),
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
    let outcome = match judged {
        Err(code) => Outcome::Refused(reason_code(code)?),
        Ok(rule) if rule.effect.on_arrival() => on_arrival(ex, &received, &rule)?,
        Ok(_) => {
            ex.state.set_side(&Side::Pending(client.id.clone(), id), &received.id());
            due::set(ex, received.sealed.order.decide_by, due::DECIDE, &client.id, id);
            save(ex, &received);
            return Ok(None);
        }
    };
    let result = OrderResult { order: id, outcome, effective_at: ex.now(), height: ex.height, answer_digest: None };
    received.state = state_of(&result.outcome);
    let acknowledgement = encode(&result);
    received.result = Some(result);
    save(ex, &received);
    Ok(Some(acknowledgement))
}

/// Carries out what needs no decision.
fn on_arrival(ex: &mut Execution<'_>, received: &ReceivedOrder, rule: &KindRule) -> Result<Outcome, Stop> {
    outcome((|| {
        let (original, place) = changes::place_of(ex, received)?;
        changes::must(original.state != OrderState::Pending, reason::ORIGINAL_PENDING)?;
        let place = place.ok_or(Unchanged::Code(reason::HOLD_ENDED))?;
        match rule.effect {
            Effect::Renew => {
                let latest = admission::latest_end(ex, rule, &original)?;
                changes::renew(ex, received, place, latest)
            }
            Effect::Confirm => changes::confirm(ex, received, place),
            Effect::UpholdObjection => objections::uphold(ex, received, place),
            Effect::RejectObjection => objections::reject(ex, received, place),
            _ => Err(Unchanged::Code(reason::NO_SUCH_KIND)),
        }
    })())
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
        verdict => execute(ex, &mut received, decision, verdict)?,
    };
    let now = ex.now();
    answer(ex, received, outcome, now, decision.answer_digest)
}

/// Applies the effect of the order's kind.
fn execute(
    ex: &mut Execution<'_>,
    received: &mut ReceivedOrder,
    decision: &Decision,
    verdict: &DecisionVerdict,
) -> Result<Outcome, Stop> {
    // The profile may have changed since the order arrived.
    let Some(rule) = admission::rule(ex, &received.sealed.order)? else {
        return failed(reason::NO_SUCH_KIND);
    };
    match (rule.effect, verdict) {
        (Effect::HandOver, DecisionVerdict::Acknowledge) => {
            require(decision.answer_digest.is_some(), Reason::DecisionForm)?;
            Ok(Outcome::Done)
        }
        (effect, DecisionVerdict::Execute { asset, amount }) if effect.holds() => {
            let summary = holds::place(ex, received, &rule, *asset, *amount)?;
            Ok(match summary.state {
                HoldState::Active => Outcome::Executed(summary),
                _ => Outcome::Waitlisted(summary),
            })
        }
        (effect, verdict) if effect.changes_a_hold() => change(ex, received, effect, verdict),
        _ => Err(Reason::DecisionForm.into()),
    }
}

/// Changes the hold of the original order as the institution decided.
fn change(
    ex: &mut Execution<'_>,
    received: &ReceivedOrder,
    effect: Effect,
    verdict: &DecisionVerdict,
) -> Result<Outcome, Stop> {
    let (asset, amount, successor) = match (effect, verdict) {
        (Effect::Transfer, DecisionVerdict::Transfer { asset, successor }) => (asset, None, *successor),
        (Effect::Transfer, _) => return Err(Reason::DecisionForm.into()),
        (_, DecisionVerdict::Execute { asset, amount }) => (asset, *amount, None),
        _ => return Err(Reason::DecisionForm.into()),
    };
    require(amount == received.sealed.order.amount, Reason::DecisionAmount)?;
    outcome((|| {
        let (original, place) = changes::place_of(ex, received)?;
        // The institution decides in order of arrival; a release must not be lost to a freeze that is decided after it.
        require(original.state != OrderState::Pending, Reason::OriginalPending)?;
        let place = place.ok_or(Unchanged::Code(reason::HOLD_ENDED))?;
        require(place.0 == *asset, Reason::DecisionAsset)?;
        match (effect, amount) {
            (Effect::Release, amount) => changes::release(ex, received, place, amount),
            (Effect::Deduct, Some(amount)) => changes::deduct(ex, received, place, amount),
            (Effect::Transfer, _) => changes::transfer(ex, received, place, successor),
            (Effect::Rollback, _) => changes::roll_back(ex, received, place),
            (Effect::Amend, _) => changes::amend(ex, received, place),
            // Carried out on arrival, or of another form: nothing waits for such a decision.
            _ => Err(Reason::DecisionForm.into()),
        }
    })())
}

/// What a change of a hold came to.
fn outcome(changed: Result<HoldSummary, Unchanged>) -> Result<Outcome, Stop> {
    match changed {
        Ok(summary) => Ok(Outcome::Executed(summary)),
        Err(Unchanged::Code(code)) => failed(code),
        Err(Unchanged::Stop(stop)) => Err(stop),
    }
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
        Outcome::Executed(_) | Outcome::Done => OrderState::Executed,
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
