//! What later orders of a court do to the hold that an earlier one placed: release, renew, deduct, transfer, roll back,
//! correct, confirm.
//!
//! Each first carries out what has fallen due, then checks everything, and only then changes anything; what the chain
//! cannot carry out ends the order with a code. It knows neither decisions nor who may order what.

use super::{ahead, asset, end, read, set_until, settle, settle_overdue, standing, summary, write};
use crate::refusal::{Reason, Refusal, Stop, require};
use crate::working::Execution;
use crate::{AppError, notices};
use comity_model::asset::{Asset, AssetStatus, Hold, HoldState, reason};
use comity_model::order::{HoldSummary, NoticeEvent, ReceivedOrder};
use comity_model::profile::Effect;
use comity_model::state::StatePath;
use comity_model::{Amount, AssetHandle, UnixSeconds};

/// Where a hold is: its asset, and its number there.
pub(crate) type Place = (AssetHandle, u32);

/// Why a hold was not changed.
#[derive(Debug)]
pub(crate) enum Unchanged {
    /// The order fails with this code.
    Code(&'static str),
    /// The transaction is refused, or the chain stops.
    Stop(Stop),
}

impl From<Stop> for Unchanged {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<AppError> for Unchanged {
    fn from(fault: AppError) -> Self {
        Self::Stop(fault.into())
    }
}

impl<R: Into<Refusal>> From<R> for Unchanged {
    fn from(refusal: R) -> Self {
        Self::Stop(Stop::from(refusal))
    }
}

/// Fails the order with `code` unless `condition` holds.
pub(crate) const fn must(condition: bool, code: &'static str) -> Result<(), Unchanged> {
    if condition { Ok(()) } else { Err(Unchanged::Code(code)) }
}

/// Ends a hold, or lessens what it asks for by `amount`.
pub(crate) fn release(
    ex: &mut Execution<'_>,
    by: &ReceivedOrder,
    place: Place,
    amount: Option<Amount>,
) -> Result<HoldSummary, Unchanged> {
    let mut hold = standing_hold(ex, place)?;
    let Some(amount) = amount else {
        return finish(ex, hold, HoldState::Released, by);
    };
    let asked = hold.asked.ok_or(Unchanged::Code(reason::WRONG_FORM_OF_HOLD))?;
    must(asked.currency == amount.currency, reason::WRONG_FORM_OF_HOLD)?;
    match asked.checked_sub(amount) {
        Some(left) if left.minor > 0 => {
            hold.asked = Some(left);
            keep(ex, hold, NoticeEvent::Changed, by)
        }
        // All that is asked for, or more: the debt may have been larger than the asset.
        _ => finish(ex, hold, HoldState::Released, by),
    }
}

/// Takes a hold back as if it had never been: what waited behind it takes effect.
pub(crate) fn roll_back(ex: &mut Execution<'_>, by: &ReceivedOrder, place: Place) -> Result<HoldSummary, Unchanged> {
    let hold = standing_hold(ex, place)?;
    must(hold.deducted.is_none_or(|deducted| deducted.minor == 0), reason::ALREADY_DEDUCTED)?;
    finish(ex, hold, HoldState::Released, by)
}

/// Lets a hold last until `until`, which is at most `latest`.
pub(crate) fn renew(
    ex: &mut Execution<'_>,
    by: &ReceivedOrder,
    place: Place,
    latest: UnixSeconds,
) -> Result<HoldSummary, Unchanged> {
    let mut hold = standing_hold(ex, place)?;
    let until = by.sealed.order.hold_until;
    must(hold.unconfirmed.is_none(), reason::NOT_CONFIRMED)?;
    must(until > hold.until, reason::NOT_LONGER)?;
    must(until <= latest, crate::outcome_code::PERIOD_NOT_ALLOWED)?;
    set_until(ex, &mut hold, until);
    keep(ex, hold, NoticeEvent::Renewed, by)
}

/// Confirms the emergency order behind a hold; `by` is by another officer than it.
pub(crate) fn confirm(ex: &mut Execution<'_>, by: &ReceivedOrder, place: Place) -> Result<HoldSummary, Unchanged> {
    let mut hold = standing_hold(ex, place)?;
    let until = hold.unconfirmed.take().ok_or(Unchanged::Code(reason::NOTHING_TO_CONFIRM))?;
    set_until(ex, &mut hold, until);
    keep(ex, hold, NoticeEvent::Confirmed, by)
}

/// Corrects what an entry says.
pub(crate) fn amend(ex: &mut Execution<'_>, by: &ReceivedOrder, place: Place) -> Result<HoldSummary, Unchanged> {
    let mut hold = standing_hold(ex, place)?;
    hold.content = by.sealed.order.private_digest;
    keep(ex, hold, NoticeEvent::Amended, by)
}

/// Takes `amount` out of a hold in force, and out of its asset.
pub(crate) fn deduct(
    ex: &mut Execution<'_>,
    by: &ReceivedOrder,
    place: Place,
    amount: Amount,
) -> Result<HoldSummary, Unchanged> {
    let mut hold = firm_hold(ex, place)?;
    let (Some(asked), Some(held), Some(deducted)) = (hold.asked, hold.held, hold.deducted) else {
        return Err(Unchanged::Code(reason::WRONG_FORM_OF_HOLD));
    };
    must(held.checked_sub(amount).is_some(), reason::MORE_THAN_HELD)?;
    let mut asset = asset(ex, &place.0)?;
    let value = asset.value.and_then(|value| value.checked_sub(amount));
    let (Some(value), Some(left), Some(deducted)) = (value, asked.checked_sub(amount), deducted.checked_add(amount))
    else {
        return Err(damaged("an asset of at least what is held of it"));
    };
    asset.value = Some(value);
    asset.revision = asset.revision.saturating_add(1);
    ex.state.write(&StatePath::Asset(place.0), &asset);
    hold.asked = Some(left);
    hold.deducted = Some(deducted);
    if left.minor == 0 {
        return finish(ex, hold, HoldState::Deducted, by);
    }
    keep(ex, hold, NoticeEvent::Deducted, by)
}

/// Hands the asset of an exclusive hold in force over: every hold on it ends, and it goes on as `successor` or not at
/// all.
pub(crate) fn transfer(
    ex: &mut Execution<'_>,
    by: &ReceivedOrder,
    place: Place,
    successor: Option<AssetHandle>,
) -> Result<HoldSummary, Unchanged> {
    let hold = firm_hold(ex, place)?;
    let entries = standing(ex, &place.0)?;
    let exclusive = entries.iter().any(|entry| entry.number == place.1 && entry.effect == Effect::HoldExclusive);
    must(exclusive, reason::WRONG_FORM_OF_HOLD)?;
    let mut asset = asset(ex, &place.0)?;
    if let Some(successor) = successor {
        let path = StatePath::Asset(successor);
        require(ex.state.bytes(&path)?.is_none(), Reason::AssetTaken)?;
        let fresh = Asset { handle: successor, holds: 0, revision: 1, ..asset.clone() };
        ex.state.write(&path, &fresh);
    }
    asset.status = AssetStatus::Transferred { successor };
    asset.revision = asset.revision.saturating_add(1);
    ex.state.write(&StatePath::Asset(place.0), &asset);
    let now = ex.now();
    for entry in entries {
        let standing = read(ex, &place.0, entry.number)?;
        end(ex, standing, HoldState::Transferred, now, Some(by))?;
    }
    let ended = read(ex, &hold.asset, hold.number)?;
    Ok(summary(&ended, 0))
}

/// A hold that stands at the block's time.
pub(super) fn standing_hold(ex: &mut Execution<'_>, (handle, number): Place) -> Result<Hold, Unchanged> {
    settle_overdue(ex, &handle)?;
    let hold = read(ex, &handle, number)?;
    must(hold.state.stands(), reason::HOLD_ENDED)?;
    Ok(hold)
}

/// A hold under which something irrevocable may be done: in force, confirmed, and without an open objection.
fn firm_hold(ex: &mut Execution<'_>, place: Place) -> Result<Hold, Unchanged> {
    let hold = standing_hold(ex, place)?;
    must(hold.unconfirmed.is_none(), reason::NOT_CONFIRMED)?;
    must(hold.objection.is_none(), reason::OBJECTION_OPEN)?;
    must(hold.state == HoldState::Active, reason::NOT_ACTIVE)?;
    Ok(hold)
}

/// Stores a changed hold, settles its asset, and tells its court.
pub(super) fn keep(
    ex: &mut Execution<'_>,
    hold: Hold,
    event: NoticeEvent,
    by: &ReceivedOrder,
) -> Result<HoldSummary, Unchanged> {
    write(ex, &hold);
    let now = ex.now();
    settle(ex, &hold.asset, now, Some(by), Some((hold.number, event)))?;
    let settled = read(ex, &hold.asset, hold.number)?;
    let ahead = ahead(ex, &settled)?;
    Ok(summary(&settled, ahead))
}

/// Ends a hold, settles its asset, and tells its court.
pub(super) fn finish(
    ex: &mut Execution<'_>,
    hold: Hold,
    state: HoldState,
    by: &ReceivedOrder,
) -> Result<HoldSummary, Unchanged> {
    let (handle, number, now) = (hold.asset, hold.number, ex.now());
    end(ex, hold, state, now, Some(by))?;
    settle(ex, &handle, now, Some(by), None)?;
    Ok(summary(&read(ex, &handle, number)?, 0))
}

fn damaged(what: &'static str) -> Unchanged {
    AppError::Damaged { what }.into()
}

/// The place of the hold that `original` made, once it is decided.
pub(crate) fn place_of(ex: &Execution<'_>, by: &ReceivedOrder) -> Result<(ReceivedOrder, Option<Place>), Unchanged> {
    let original = match &by.sealed.order.original {
        Some(original) => notices::received(ex, &by.client, original)?,
        None => None,
    };
    let original = original.ok_or(Unchanged::Code(reason::UNKNOWN_ORIGINAL))?;
    let place = original.hold;
    Ok((original, place))
}
