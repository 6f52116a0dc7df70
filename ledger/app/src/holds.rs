//! Holds on assets: who holds how much of what, in order of arrival.
//!
//! One rule decides everything: walk the standing holds of an asset in order of arrival and give each what it asked for,
//! as far as the asset goes. A divisible asset is given out by amount (what is missing of a hold waits, and later holds
//! wait behind it); an exclusive hold stands alone, and the next one waits; concurrent entries stand beside each other.
//! Whatever changes (a new hold, a release, a lapse, a new value, an earlier arrival decided late), [`settle`] walks again
//! and tells the court of every hold that came out differently. It knows no decision and no packet format.

use crate::notices;
use crate::refusal::{Reason, Stop, require};
use crate::side::{self, Side};
use crate::working::Execution;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::asset::{Asset, Hold, HoldState};
use comity_model::event::Event;
use comity_model::order::{HoldSummary, NoticeEvent, OrderState, ReceivedOrder};
use comity_model::profile::Effect;
use comity_model::state::StatePath;
use comity_model::{Amount, AssetHandle, ClientId, OrderId, UnixSeconds};

/// Most holds that may stand on one asset.
pub(crate) const STANDING_MAX: usize = 512;
/// The kind of due date by which a hold lapses.
pub(crate) use crate::due::LAPSE;

/// What the index of standing holds says of one.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Standing {
    number: u32,
    effect: Effect,
}

/// Places a new hold for `received`, settles the asset, and returns what the hold came to. `received` learns where its
/// hold is; the caller stores it.
pub(crate) fn place(
    ex: &mut Execution<'_>,
    received: &mut ReceivedOrder,
    effect: Effect,
    handle: AssetHandle,
    asked: Option<Amount>,
) -> Result<(HoldState, HoldSummary), Stop> {
    lapse_overdue(ex, &handle)?;
    let mut asset = asset(ex, &handle)?;
    check_fit(&asset, received, effect, asked)?;
    let standing = standing(ex, &handle)?;
    require(standing.len() < STANDING_MAX, Reason::QueueFull)?;
    let order = &received.sealed.order;
    let hold = Hold {
        asset: handle,
        number: asset.holds,
        order: order.id,
        court: order.court.clone(),
        origin: notices::origin(ex, received)?,
        arrival: received.arrival,
        asked,
        held: asked.map(|asked| Amount { minor: 0, ..asked }),
        state: HoldState::Queued,
        until: order.hold_until,
    };
    asset.holds = asset.holds.saturating_add(1);
    received.hold = Some((handle, hold.number));
    ex.state.write(&StatePath::Asset(handle), &asset);
    write(ex, &hold);
    let row = Side::Standing(handle, hold.arrival, hold.number);
    let entry = Standing { number: hold.number, effect };
    ex.state.set_side(&row, &entry);
    crate::due::set(ex, hold.until, LAPSE, &hold.origin.client, hold.order);
    let now = ex.now();
    settle(ex, &handle, now, Some(received))?;
    let settled = read(ex, &handle, hold.number)?;
    let ahead = ahead(ex, &settled)?;
    let summary = summary(&settled, ahead);
    Ok((settled.state, summary))
}

/// Ends the hold of `original` because `release` says so, and settles the asset.
pub(crate) fn release(
    ex: &mut Execution<'_>,
    release: &ReceivedOrder,
    handle: &AssetHandle,
    number: u32,
) -> Result<bool, Stop> {
    lapse_overdue(ex, handle)?;
    let hold = read(ex, handle, number)?;
    if !stands(&hold) {
        return Ok(false);
    }
    let now = ex.now();
    end(ex, hold, HoldState::Released, now, Some(release))?;
    settle(ex, handle, now, Some(release))?;
    Ok(true)
}

/// Ends the hold of `order`, which arrived over `client`, because its time has come at `due_at`. The legal effect is of
/// that time.
pub(crate) fn lapse(
    ex: &mut Execution<'_>,
    client: &ClientId,
    order: &OrderId,
    due_at: UnixSeconds,
) -> Result<(), Stop> {
    let Some(received) = notices::received(ex, client, order)? else {
        return Ok(());
    };
    let Some((handle, number)) = received.hold else {
        return Ok(());
    };
    let hold = read(ex, &handle, number)?;
    if stands(&hold) && hold.until <= due_at {
        end(ex, hold, HoldState::Lapsed, due_at, None)?;
        settle(ex, &handle, due_at, None)?;
    }
    Ok(())
}

/// Lapses what is overdue on an asset, in order of its dates: a transaction first settles the assets that it touches.
pub(crate) fn lapse_overdue(ex: &mut Execution<'_>, handle: &AssetHandle) -> Result<(), Stop> {
    let now = ex.now();
    let mut overdue = Vec::new();
    for entry in standing(ex, handle)? {
        let hold = read(ex, handle, entry.number)?;
        if hold.until <= now {
            overdue.push((hold.until, hold.origin.client, hold.order));
        }
    }
    overdue.sort_unstable();
    for (due_at, client, order) in overdue {
        lapse(ex, &client, &order, due_at)?;
    }
    Ok(())
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
/// come out differently are told, but not the order `by` itself: its court learns from its acknowledgement.
pub(crate) fn settle(
    ex: &mut Execution<'_>,
    handle: &AssetHandle,
    at: UnixSeconds,
    by: Option<&ReceivedOrder>,
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
            Effect::HoldExclusive | Effect::Release => {
                next.state = in_force(exclusive == 0);
                let ahead = exclusive;
                exclusive = exclusive.saturating_add(1);
                ahead
            }
            Effect::HoldConcurrent => {
                next.state = HoldState::Active;
                0
            }
        };
        before = before.saturating_add(1);
        if next == hold {
            continue;
        }
        write(ex, &next);
        if by.is_none_or(|by| !is_of(&next, by)) {
            let event = match (hold.state, next.state) {
                (HoldState::Queued, HoldState::Active) => NoticeEvent::Activated,
                _ => NoticeEvent::Changed,
            };
            tell(ex, &next, event, ahead, at, by)?;
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
    hold.state = state;
    hold.held = hold.held.map(|held| Amount { minor: 0, ..held });
    write(ex, &hold);
    ex.state.remove_side(&Side::Standing(hold.asset, hold.arrival, hold.number));
    crate::due::clear(ex, hold.until, LAPSE, &hold.origin.client, hold.order);
    let event = match state {
        HoldState::Lapsed => NoticeEvent::Lapsed,
        _ => NoticeEvent::Released,
    };
    tell(ex, &hold, event, 0, at, by)
}

/// Sends the court of `hold` a notice, and keeps the order's own entry in step with its hold.
fn tell(
    ex: &mut Execution<'_>,
    hold: &Hold,
    event: NoticeEvent,
    ahead: u32,
    at: UnixSeconds,
    by: Option<&ReceivedOrder>,
) -> Result<(), Stop> {
    let client = &hold.origin.client;
    let Some(mut received) = notices::received(ex, client, &hold.order)? else {
        return Ok(());
    };
    let state = match hold.state {
        HoldState::Active => OrderState::Executed,
        HoldState::Queued => OrderState::Waitlisted,
        HoldState::Released | HoldState::Lapsed | HoldState::Deducted => received.state,
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
    HoldSummary { held: hold.held, asked: hold.asked, ahead, until: hold.until }
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

const fn stands(hold: &Hold) -> bool {
    matches!(hold.state, HoldState::Active | HoldState::Queued)
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
