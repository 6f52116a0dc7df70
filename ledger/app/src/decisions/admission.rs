//! What an order's public part tells on arrival: whether it is for this chain, whether its kind exists and does what the
//! court believes, and whether everything that can be seen of it is in order.
//!
//! It changes nothing, and knows neither private parts nor decisions.

use super::outcome_code;
use crate::refusal::Stop;
use crate::working::Execution;
use crate::{notices, records};
use comity_model::Amount;
use comity_model::UnixSeconds;
use comity_model::asset::reason;
use comity_model::client::ClientState;
use comity_model::order::{ApprovalClass, Order, ReceivedOrder, SealedOrder};
use comity_model::packet::Packet;
use comity_model::profile::{Effect, KindRule};
use comity_model::state::StatePath;

const DAY_S: u64 = 86_400;

/// Whether the order's binding to chains and clients is that of the packet.
pub(super) fn is_for_us(
    ex: &Execution<'_>,
    client: &ClientState,
    packet: &Packet,
    order: &Order,
) -> Result<bool, Stop> {
    let bound = order.source_chain == client.chain
        && order.source_client == packet.source_client
        && order.dest_client == packet.dest_client
        && order.deliver_by == packet.timeout;
    let recipient = StatePath::Member(order.recipient.clone());
    Ok(bound && ex.state.bytes(&recipient)?.is_some())
}

/// The rule of the order's kind, if the recipient answers for its sector and the kind does what the order says.
pub(super) fn rule(ex: &Execution<'_>, order: &Order) -> Result<Option<KindRule>, Stop> {
    let profile = records::profile(ex, &order.sector)?;
    Ok(profile
        .filter(|profile| profile.institution == order.recipient)
        .and_then(|profile| profile.kind(&order.kind).cloned())
        .filter(|rule| rule.effect == order.effect))
}

/// The rule by which the order is dealt with, or why its public part alone makes it impossible.
pub(super) fn judge(
    ex: &Execution<'_>,
    client: &ClientState,
    sealed: &SealedOrder,
) -> Result<Result<KindRule, &'static str>, Stop> {
    let order = &sealed.order;
    let Some(rule) = rule(ex, order)? else {
        return Ok(Err(reason::NO_SUCH_KIND));
    };
    let original = match &order.original {
        Some(original) => notices::received(ex, &client.id, original)?,
        None => None,
    };
    let now = ex.now();
    let code = form(order)
        .or_else(|| approval(order, &rule))
        .or_else(|| period(order, &rule, now))
        .or_else(|| order.original.and_then(|_| of_original(sealed, original.as_ref())));
    Ok(code.map_or(Ok(rule), Err))
}

fn form(order: &Order) -> Option<&'static str> {
    (!order.is_well_formed()).then_some(reason::ORDER_FORM)
}

/// Whether enough officers approved, as far as the public part shows.
fn approval(order: &Order, rule: &KindRule) -> Option<&'static str> {
    match order.approval {
        ApprovalClass::Emergency => rule.confirm_within_s.is_none().then_some(reason::NO_EMERGENCY),
        ApprovalClass::Double => None,
        // The second officer of the emergency order that it confirms.
        ApprovalClass::Single if rule.effect == Effect::Confirm => None,
        ApprovalClass::Single => {
            let enough = match (rule.two_approvals_from, order.amount) {
                (None, _) => false,
                (Some(from), Some(amount)) => is_below(amount, from),
                // The institution sees the amount in the private part, unless it is not asked.
                (Some(_), None) => !rule.effect.on_arrival(),
            };
            (!enough).then_some(outcome_code::TWO_APPROVALS_NEEDED)
        }
    }
}

fn is_below(amount: Amount, from: Amount) -> bool {
    amount.currency == from.currency && amount.minor < from.minor
}

/// Whether a hold would end after it can be decided, and not later than the sector allows.
fn period(order: &Order, rule: &KindRule, now: UnixSeconds) -> Option<&'static str> {
    let fits = order.decide_by <= order.hold_until && order.hold_until <= longest(rule, now);
    (rule.effect.holds() && !fits).then_some(outcome_code::PERIOD_NOT_ALLOWED)
}

/// Whether the order that this one changes is the same court's, and fits.
fn of_original(sealed: &SealedOrder, original: Option<&ReceivedOrder>) -> Option<&'static str> {
    let order = &sealed.order;
    let same = |known: &&ReceivedOrder| {
        let known = &known.sealed.order;
        known.court == order.court
            && known.recipient == order.recipient
            && known.sector == order.sector
            && known.effect.holds()
    };
    let Some(original) = original.filter(same) else {
        return Some(reason::UNKNOWN_ORIGINAL);
    };
    let ordered = &original.sealed;
    match order.effect {
        Effect::Deduct => (ordered.order.account != order.account).then_some(reason::ACCOUNT_DIFFERS),
        Effect::Confirm if ordered.order.approval != ApprovalClass::Emergency => Some(reason::NOTHING_TO_CONFIRM),
        Effect::Confirm => {
            let ordered_by = |officer| ordered.approvals.iter().any(|approval| approval.officer == officer);
            let another = sealed.approvals.iter().any(|approval| !ordered_by(approval.officer.clone()));
            (!another).then_some(reason::SAME_OFFICER)
        }
        _ => None,
    }
}

/// The latest end of a hold that `rule` renews now: within what it allows, and what the hold's own kind does.
pub(super) fn latest_end(ex: &Execution<'_>, rule: &KindRule, original: &ReceivedOrder) -> Result<UnixSeconds, Stop> {
    let now = ex.now();
    let own = self::rule(ex, &original.sealed.order)?;
    let latest = longest(rule, now);
    Ok(own.map_or(latest, |own| latest.min(longest(&own, now))))
}

fn longest(rule: &KindRule, now: UnixSeconds) -> UnixSeconds {
    now.plus(u64::from(rule.period_days_max).saturating_mul(DAY_S))
}
