//! Holds on assets: who holds how much of what, in order of arrival.
//!
//! One rule decides everything: walk the standing holds of an asset in order of arrival and give each what it asked for,
//! as far as the asset goes. A divisible asset is given out by amount (what is missing of a hold waits, and later holds
//! wait behind it); an exclusive hold stands alone, and the next one waits; concurrent entries stand beside each other.
//! Whatever changes (a new hold, a release, a lapse, a new value, an earlier arrival decided late), [`settle`] walks again
//! and tells the court of every hold that came out differently. What later orders do to a hold is in `changes`, what
//! institutions hold against it in `objections`. It knows no decision and no packet format.

pub(crate) mod changes;
pub(crate) mod objections;

use crate::due::{self, LAPSE, OBJECTION};
use crate::notices;
use crate::refusal::{Reason, Stop, require};
use crate::side::{self, Side};
use crate::working::Execution;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::asset::{Asset, AssetStatus, Hold, HoldState};
use comity_model::event::Event;
use comity_model::order::{ApprovalClass, HoldSummary, NoticeEvent, OrderState, ReceivedOrder};
use comity_model::profile::{Effect, KindRule};
use comity_model::state::StatePath;
use comity_model::{Amount, AssetHandle, ClientId, OrderId, UnixSeconds};

/// Most holds that may stand on one asset.
pub(crate) const STANDING_MAX: usize = 512;

/// What the index of standing holds says of one.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Standing {
    number: u32,
    effect: Effect,
}

/// Places a new hold for `received`, settles the asset, and returns what the hold came to. `received` learns where its
/// hold is; the caller stores it. An emergency order's hold lasts until it must be confirmed.
pub(crate) fn place(
    ex: &mut Execution<'_>,
    received: &mut ReceivedOrder,
    rule: &KindRule,
    handle: AssetHandle,
    asked: Option<Amount>,
) -> Result<HoldSummary, Stop> {
    settle_overdue(ex, &handle)?;
    let mut asset = asset(ex, &handle)?;
    check_fit(&asset, received, rule.effect, asked)?;
    require(standing(ex, &handle)?.len() < STANDING_MAX, Reason::QueueFull)?;
    let order = &received.sealed.order;
    let confirm_by = rule.confirm_within_s.map(|within_s| ex.now().plus(within_s));
    let confirm_by = confirm_by.filter(|_| order.approval == ApprovalClass::Emergency);
    let hold = Hold {
        asset: handle,
        number: asset.holds,
        order: order.id,
        court: order.court.clone(),
        origin: notices::origin(ex, received)?,
        arrival: received.arrival,
        asked,
        held: asked.map(|asked| Amount { minor: 0, ..asked }),
        deducted: asked.map(|asked| Amount { minor: 0, ..asked }),
        state: HoldState::Queued,
        until: confirm_by.map_or(order.hold_until, |by| by.min(order.hold_until)),
        unconfirmed: confirm_by.map(|_| order.hold_until),
        objection: None,
        objections: 0,
        content: order.private_digest,
    };
    asset.holds = asset.holds.saturating_add(1);
    received.hold = Some((handle, hold.number));
    ex.state.write(&StatePath::Asset(handle), &asset);
    write(ex, &hold);
    let row = Side::Standing(handle, hold.arrival, hold.number);
    let entry = Standing { number: hold.number, effect: rule.effect };
    ex.state.set_side(&row, &entry);
    due::set(ex, hold.until, LAPSE, &hold.origin.client, hold.order);
    let now = ex.now();
    settle(ex, &handle, now, Some(received), None)?;
    let settled = read(ex, &handle, hold.number)?;
    let ahead = ahead(ex, &settled)?;
    Ok(summary(&settled, ahead))
}

/// Ends the hold of `order`, which arrived over `client`, because its time has come at `due_at`. The legal effect is of
/// that time.
pub(crate) fn lapse(
    ex: &mut Execution<'_>,
    client: &ClientId,
    order: &OrderId,
    due_at: UnixSeconds,
) -> Result<(), Stop> {
    let Some(hold) = of_order(ex, client, order)?.filter(|hold| hold.until <= due_at) else {
        return Ok(());
    };
    let handle = hold.asset;
    end(ex, hold, HoldState::Lapsed, due_at, None)?;
    settle(ex, &handle, due_at, None, None)
}

/// Carries out what is overdue on an asset, in order of its dates: a transaction first settles the assets that it
/// touches.
pub(crate) fn settle_overdue(ex: &mut Execution<'_>, handle: &AssetHandle) -> Result<(), Stop> {
    let now = ex.now();
    let mut overdue = Vec::new();
    for entry in standing(ex, handle)? {
        let hold = read(ex, handle, entry.number)?;
        let of = (hold.origin.client, hold.order);
        let dates = [Some((hold.until, LAPSE)), hold.objection.map(|objection| (objection.answer_by, OBJECTION))];
        overdue
            .extend(dates.into_iter().flatten().filter(|(at, _)| *at <= now).map(|(at, kind)| (at, kind, of.clone())));
    }
    overdue.sort_unstable();
    for (due_at, kind, (client, order)) in overdue {
        match kind {
            OBJECTION => objections::unanswered(ex, &client, &order, due_at)?,
            _ => lapse(ex, &client, &order, due_at)?,
        }
    }
    Ok(())
}

/// The hold of an order that arrived over `client`, if it stands.
fn of_order(ex: &Execution<'_>, client: &ClientId, order: &OrderId) -> Result<Option<Hold>, Stop> {
    match notices::received(ex, client, order)?.and_then(|received| received.hold) {
        Some((handle, number)) => Ok(Some(read(ex, &handle, number)?).filter(|hold| hold.state.stands())),
        None => Ok(None),
    }
}

/// What is held of a divisible asset, over all its holds, in minor units.
pub(crate) fn held_in_all(ex: &Execution<'_>, handle: &AssetHandle) -> Result<u64, Stop> {
    let mut sum = 0u64;
    for entry in standing(ex, handle)? {
        let hold = read(ex, handle, entry.number)?;
        sum = sum.saturating_add(hold.held.map_or(0, |held| held.minor));
    }
    Ok(sum)
}

/// Walks the standing holds of an asset in order of arrival and gives each what is left for it. Courts of holds that
/// come out differently are told, but not the order `by` itself: its court learns from its acknowledgement. The court of
/// the hold that `changed` in another way is told so in any case.
pub(crate) fn settle(
    ex: &mut Execution<'_>,
    handle: &AssetHandle,
    at: UnixSeconds,
    by: Option<&ReceivedOrder>,
    changed: Option<(u32, NoticeEvent)>,
) -> Result<(), Stop> {
    let asset = asset(ex, handle)?;
    let mut left = asset.value.map_or(0, |value| value.minor);
    let (mut before, mut exclusive) = (0u32, 0u32);
    for entry in standing(ex, handle)? {
        let hold = read(ex, handle, entry.number)?;
        let mut next = hold.clone();
        let ahead = match entry.effect {
            Effect::HoldDivisible => {
                let asked = hold.asked.map_or(0, |asked| asked.minor);
                let share = asked.min(left);
                left = left.saturating_sub(share);
                next.held = hold.asked.map(|asked| Amount { minor: share, ..asked });
                next.state = in_force(share > 0);
                before
            }
            Effect::HoldExclusive => {
                next.state = in_force(exclusive == 0);
                let ahead = exclusive;
                exclusive = exclusive.saturating_add(1);
                ahead
            }
            // Only kinds that hold have a hold.
            _ => {
                next.state = HoldState::Active;
                0
            }
        };
        before = before.saturating_add(1);
        let changed = changed.and_then(|(number, event)| (number == hold.number).then_some(event));
        if next == hold && changed.is_none() {
            continue;
        }
        write(ex, &next);
        if by.is_none_or(|by| !is_of(&next, by)) {
            let event = changed.unwrap_or(match (hold.state, next.state) {
                (HoldState::Queued, HoldState::Active) => NoticeEvent::Activated,
                _ => NoticeEvent::Changed,
            });
            let state = state_of(&next);
            tell(ex, &next, state, event, ahead, at, by)?;
        }
    }
    Ok(())
}

/// Takes a hold out of the queue for good, and tells its court.
fn end(
    ex: &mut Execution<'_>,
    mut hold: Hold,
    state: HoldState,
    at: UnixSeconds,
    by: Option<&ReceivedOrder>,
) -> Result<(), Stop> {
    // What has ended keeps the state that it had: the mirror tells the end.
    let last = standing_state(&hold);
    if let Some(objection) = hold.objection.take() {
        due::clear(ex, objection.answer_by, OBJECTION, &hold.origin.client, hold.order);
    }
    hold.state = state;
    hold.held = hold.held.map(|held| Amount { minor: 0, ..held });
    write(ex, &hold);
    ex.state.remove_side(&Side::Standing(hold.asset, hold.arrival, hold.number));
    due::clear(ex, hold.until, LAPSE, &hold.origin.client, hold.order);
    let event = match state {
        HoldState::Lapsed => NoticeEvent::Lapsed,
        HoldState::Deducted => NoticeEvent::Deducted,
        HoldState::Transferred => NoticeEvent::Transferred,
        _ => NoticeEvent::Released,
    };
    tell(ex, &hold, last, event, 0, at, by)
}

/// Lets a hold last until another time; the caller stores it.
fn set_until(ex: &mut Execution<'_>, hold: &mut Hold, until: UnixSeconds) {
    due::clear(ex, hold.until, LAPSE, &hold.origin.client, hold.order);
    hold.until = until;
    due::set(ex, until, LAPSE, &hold.origin.client, hold.order);
}

/// The state of an order whose hold stands.
fn state_of(hold: &Hold) -> OrderState {
    if hold.objection.is_some() { OrderState::Objected } else { standing_state(hold) }
}

fn standing_state(hold: &Hold) -> OrderState {
    match hold.state {
        HoldState::Active => OrderState::Executed,
        _ => OrderState::Waitlisted,
    }
}

/// Sends the court of `hold` a notice, and keeps the order's own entry in step with its hold.
fn tell(
    ex: &mut Execution<'_>,
    hold: &Hold,
    state: OrderState,
    event: NoticeEvent,
    ahead: u32,
    at: UnixSeconds,
    by: Option<&ReceivedOrder>,
) -> Result<(), Stop> {
    let client = &hold.origin.client;
    let Some(mut received) = notices::received(ex, client, &hold.order)? else {
        return Ok(());
    };
    if state != received.state {
        received.state = state;
        ex.emit(Event::ReceivedOrderChanged { client: client.clone(), order: hold.order, state });
    }
    received.notices = received.notices.saturating_add(1);
    ex.state.write(&StatePath::Received(client.clone(), hold.order), &received);
    let cause = by
        .map(|by| &by.sealed.order)
        .filter(|order| order.court == hold.court && by_same_origin(by, hold))
        .map(|order| order.id);
    notices::send(ex, hold, received.notices, event, summary(hold, ahead), at, cause)
}

/// Whether the causing order came over the same client: a member id says nothing across chains.
fn by_same_origin(by: Option<&ReceivedOrder>, hold: &Hold) -> bool {
    by.is_some_and(|by| by.client == hold.origin.client)
}

/// Whether `received` is the order that placed the hold: an id alone says nothing across chains.
fn is_of(hold: &Hold, received: &ReceivedOrder) -> bool {
    received.sealed.order.id == hold.order && received.client == hold.origin.client
}

fn check_fit(asset: &Asset, received: &ReceivedOrder, effect: Effect, asked: Option<Amount>) -> Result<(), Stop> {
    let order = &received.sealed.order;
    let divisible = effect == Effect::HoldDivisible;
    require(asset.status == AssetStatus::Standing, Reason::AssetTransferred)?;
    require(
        asset.institution == order.recipient && asset.sector == order.sector && asset.value.is_some() == divisible,
        Reason::DecisionAsset,
    )?;
    let amount_fits = match (asset.value, asked) {
        (None, None) => true,
        (Some(value), Some(asked)) => asked.currency == value.currency && asked.minor > 0,
        _ => false,
    };
    require(amount_fits, Reason::DecisionAmount)
}

fn summary(hold: &Hold, ahead: u32) -> HoldSummary {
    HoldSummary {
        state: hold.state,
        held: hold.held,
        asked: hold.asked,
        deducted: hold.deducted,
        ahead,
        until: hold.until,
        objection: hold.objection.clone(),
    }
}

/// How many holds stand before this one in the way: none for a concurrent entry.
fn ahead(ex: &Execution<'_>, hold: &Hold) -> Result<u32, Stop> {
    let entries = standing(ex, &hold.asset)?;
    let own = entries.iter().find(|entry| entry.number == hold.number);
    let Some(effect) = own.map(|entry| entry.effect) else {
        return Ok(0);
    };
    if effect == Effect::HoldConcurrent {
        return Ok(0);
    }
    let before =
        entries.iter().take_while(|entry| entry.number != hold.number).filter(|entry| entry.effect == effect).count();
    Ok(u32::try_from(before).unwrap_or(u32::MAX))
}

const fn in_force(active: bool) -> HoldState {
    if active { HoldState::Active } else { HoldState::Queued }
}

fn standing(ex: &Execution<'_>, handle: &AssetHandle) -> Result<Vec<Standing>, Stop> {
    let prefix = side::standing_prefix(handle);
    Ok(ex.state.scan(&prefix, None, STANDING_MAX, "a standing hold")?)
}

fn asset(ex: &Execution<'_>, handle: &AssetHandle) -> Result<Asset, Stop> {
    ex.state.read(&StatePath::Asset(*handle), "an asset")?.ok_or_else(|| Reason::UnknownAsset.into())
}

/// A hold that an index names: its absence is our fault.
pub(crate) fn read(ex: &Execution<'_>, handle: &AssetHandle, number: u32) -> Result<Hold, Stop> {
    let hold = ex.state.read(&StatePath::Hold(*handle, number), "a hold")?;
    hold.ok_or(Stop::Fault(crate::AppError::Damaged { what: "a hold" }))
}

fn write(ex: &mut Execution<'_>, hold: &Hold) {
    ex.state.write(&StatePath::Hold(hold.asset, hold.number), hold);
}

#[cfg(test)]
mod tests;
