//! What an institution holds against an order that it has carried out, and what comes of it: the court's answer, or what
//! the law of the profile says when there is none in time.
//!
//! While an objection is open the hold stands, and nothing irrevocable is done under it. It knows the reason's code and a
//! digest; the grounds travel sealed.

use super::changes::{Place, Unchanged, finish, keep, must, standing_hold};
use super::{end, of_order, settle, settle_overdue, write};
use crate::due::{self, OBJECTION};
use crate::refusal::{Reason, Stop, require};
use crate::working::Execution;
use crate::{members, notices, records};
use comity_model::asset::{Hold, HoldState, OpenObjection, reason};
use comity_model::order::{HoldSummary, NoticeEvent, Objection, ReceivedOrder};
use comity_model::profile::Unanswered;
use comity_model::seal::Signature;
use comity_model::{ClientId, OrderId, UnixSeconds};
use comity_verify::seal::TAG_OBJECTION;

/// Takes an objection under the institution's seal. The same objection again changes nothing while it is open.
pub(crate) fn object(ex: &mut Execution<'_>, objection: &Objection, seal: &Signature) -> Result<(), Stop> {
    require(objection.chain == ex.config.chain, Reason::WrongChain)?;
    let received = notices::received(ex, &objection.client, &objection.order)?.ok_or(Reason::UnknownOrder)?;
    let order = &received.sealed.order;
    let member = members::valid_at_home(ex, &order.recipient)?;
    members::check_seal(&member, TAG_OBJECTION, objection, seal, ex.config.suites)?;
    let profile = records::profile(ex, &order.sector)?;
    let rule = profile.as_ref().and_then(|profile| profile.kind(&order.kind)?.objection);
    let rule = rule.ok_or(Reason::ObjectionNotAllowed)?;
    if let Some((handle, _)) = received.hold {
        settle_overdue(ex, &handle)?;
    }
    let mut hold = of_order(ex, &objection.client, &objection.order)?.ok_or(Reason::NoStandingHold)?;
    if let Some(open) = &hold.objection {
        let same = open.reason == objection.reason && open.grounds == objection.grounds;
        return require(same, Reason::AlreadyObjected);
    }
    require(hold.objections == 0, Reason::AlreadyObjected)?;
    let now = ex.now();
    let answer_by = now.plus(rule.answer_within_s);
    hold.objection = Some(OpenObjection {
        reason: objection.reason.clone(),
        grounds: objection.grounds,
        answer_by,
        unanswered: rule.unanswered,
    });
    hold.objections = hold.objections.saturating_add(1);
    due::set(ex, answer_by, OBJECTION, &hold.origin.client, hold.order);
    write(ex, &hold);
    settle(ex, &hold.asset, now, None, Some((hold.number, NoticeEvent::Objected)))
}

/// The court says that the institution is right: the hold is released.
pub(crate) fn uphold(ex: &mut Execution<'_>, by: &ReceivedOrder, place: Place) -> Result<HoldSummary, Unchanged> {
    let hold = standing_hold(ex, place)?;
    must(hold.objection.is_some(), reason::NO_OBJECTION)?;
    finish(ex, hold, HoldState::Released, by)
}

/// The court says that the institution is wrong: the hold stands.
pub(crate) fn reject(ex: &mut Execution<'_>, by: &ReceivedOrder, place: Place) -> Result<HoldSummary, Unchanged> {
    let mut hold = standing_hold(ex, place)?;
    must(hold.objection.is_some(), reason::NO_OBJECTION)?;
    close(ex, &mut hold);
    keep(ex, hold, NoticeEvent::ObjectionEnded, by)
}

/// No court answered by `due_at`: the law decides, as it stood when the institution objected.
pub(crate) fn unanswered(
    ex: &mut Execution<'_>,
    client: &ClientId,
    order: &OrderId,
    due_at: UnixSeconds,
) -> Result<(), Stop> {
    let Some(mut hold) = of_order(ex, client, order)? else {
        return Ok(());
    };
    let open = hold.objection.as_ref().filter(|objection| objection.answer_by <= due_at);
    let Some(law) = open.map(|objection| objection.unanswered) else {
        return Ok(());
    };
    let (handle, number) = (hold.asset, hold.number);
    match law {
        Unanswered::Released => {
            end(ex, hold, HoldState::Released, due_at, None)?;
            settle(ex, &handle, due_at, None, None)
        }
        Unanswered::Stands => {
            close(ex, &mut hold);
            write(ex, &hold);
            settle(ex, &handle, due_at, None, Some((number, NoticeEvent::ObjectionEnded)))
        }
    }
}

fn close(ex: &mut Execution<'_>, hold: &mut Hold) {
    if let Some(objection) = hold.objection.take() {
        due::clear(ex, objection.answer_by, OBJECTION, &hold.origin.client, hold.order);
    }
}
