//! Gathers what an institution answers to an order: the asset and the holds on it, proven on its own chain, and the asset's
//! record as that chain commits to it.
//! It refuses to know what of it the sector's schema asks for.

use super::decider::{DecideError, Decider, unavailable};
use super::facts::{Facts, Prior};
use super::inbox::case_of;
use super::judge;
use crate::error::Reason;
use crate::sectors::Role;
use comity_model::asset::{Asset, Hold, HoldState};
use comity_model::order::{ApprovalClass, Order, PrivatePart, ReceivedOrder};
use comity_model::profile::Effect;
use comity_model::record::{Field, FieldValue, RecordState};
use comity_model::state::StatePath;
use comity_model::{Amount, AssetHandle, Height, RecordId, UnixSeconds};
use comity_verify::state::Proven;
use futures::{StreamExt, TryStreamExt};

/// How many of an asset's latest holds are looked at. Older ones have ended, but for rare assets.
const HOLDS_MAX: u32 = 64;
/// How many of them at once.
const AT_ONCE_MAX: usize = 16;

impl Decider {
    /// What is known of `handle` when `received` is decided so.
    pub(super) async fn facts(
        &self,
        received: &ReceivedOrder,
        part: &PrivatePart,
        handle: AssetHandle,
        amount: Option<Amount>,
        header: Height,
    ) -> Result<Facts, DecideError> {
        let order = &received.sealed.order;
        let (asset, as_of) = self.asset(handle, header).await?;
        let changes = order.effect.changes_a_hold();
        let (mut prior, mut later) = (Vec::new(), 0u64);
        for hold in self.standing(handle, asset.holds, header).await? {
            let changed_by_this =
                changes && Some(hold.order) == order.original && hold.origin.client == received.client;
            if changed_by_this {
                later = later.saturating_add(not_set_free(&hold, order));
            } else if changes || hold.arrival < received.arrival {
                prior.push((hold.arrival, self.prior(received, part, hold).await?));
            } else {
                later = later.saturating_add(hold.asked.map_or(0, |asked| asked.minor));
            }
        }
        prior.sort_by_key(|(arrival, _)| *arrival);
        let wanted = self.parts.sectors.sector(&order.sector).and_then(|schema| schema.order.as_ref());
        let wanted = wanted.map(|fields| judge::wanted(fields, part));
        let record = match wanted.as_ref().and_then(|wanted| wanted.reference) {
            Some(reference) => self.record(order, reference, header).await?,
            None => Vec::new(),
        };
        Ok(Facts {
            as_of,
            value: asset.value,
            // Only what holds takes something of the asset, and lasts.
            amount: amount.filter(|_| !changes),
            until: (!changes).then(|| self.until(order, as_of)),
            prior: prior.into_iter().map(|(_, prior)| prior).collect(),
            later,
            asked: wanted.and_then(|wanted| wanted.amount),
            worth: self.worth(order, &record),
            record,
        })
    }

    /// Until when the order's hold lasts if it takes effect now: an emergency order's, until it must be confirmed.
    fn until(&self, order: &Order, now: UnixSeconds) -> UnixSeconds {
        let profile = self.parts.sectors.sector(&order.sector).and_then(|schema| schema.profile.as_ref());
        let within_s = profile.and_then(|profile| profile.kind(&order.kind)).and_then(|rule| rule.confirm_within_s);
        match within_s.filter(|_| order.approval == ApprovalClass::Emergency) {
            Some(within_s) => order.hold_until.min(now.plus(within_s)),
            None => order.hold_until,
        }
    }

    async fn asset(&self, handle: AssetHandle, header: Height) -> Result<(Asset, UnixSeconds), DecideError> {
        let answer = self.parts.home.state(&StatePath::Asset(handle), header).await.map_err(|e| unavailable(&e))?;
        let value = answer.value.ok_or_else(|| unavailable(&"the asset is not on the chain yet"))?;
        let asset = value.decode::<Asset>("asset").map_err(|error| unavailable(&error))?;
        Ok((asset.into_value(), answer.under.time.unix_seconds()))
    }

    /// The holds that stand on an asset, among its latest.
    async fn standing(&self, handle: AssetHandle, placed: u32, header: Height) -> Result<Vec<Hold>, DecideError> {
        let holds = futures::stream::iter(placed.saturating_sub(HOLDS_MAX)..placed)
            .map(|number| async move {
                let answer = self.parts.home.state(&StatePath::Hold(handle, number), header).await;
                let value = answer.map_err(|error| unavailable(&error))?.value;
                let hold = value.map(|value| value.decode::<Hold>("hold")).transpose();
                let hold = hold.map_err(|error| unavailable(&error))?;
                Ok::<_, DecideError>(hold.map(Proven::into_value))
            })
            .buffered(AT_ONCE_MAX);
        let holds: Vec<Option<Hold>> = holds.try_collect().await?;
        let stands = |hold: &Hold| matches!(hold.state, HoldState::Active | HoldState::Queued);
        Ok(holds.into_iter().flatten().filter(stands).collect())
    }

    async fn prior(&self, received: &ReceivedOrder, part: &PrivatePart, hold: Hold) -> Result<Prior, DecideError> {
        let same_court = hold.court == received.sealed.order.court && hold.origin.client == received.client;
        let same_case = same_court && {
            let row = self.parts.inbox.row(&hold.court, &hold.order).await.map_err(|error| unavailable(&error))?;
            row.is_some_and(|row| !case_of(part).is_empty() && case_of(&row.part) == case_of(part))
        };
        Ok(Prior {
            court: hold.court,
            asked: hold.asked,
            held: hold.held,
            until: hold.until,
            waits: hold.state == HoldState::Queued,
            same_case,
        })
    }

    /// The fields of the asset's record, as the chain commits to them; none where the institution keeps no such record.
    async fn record(&self, order: &Order, reference: &str, header: Height) -> Result<Vec<Field>, DecideError> {
        let Ok(id) = reference.parse::<RecordId>() else { return Ok(Vec::new()) };
        let Some(schema) = self.parts.sectors.sector(&order.sector) else { return Ok(Vec::new()) };
        let place = match self.parts.keeper.place(schema, &id).await {
            Ok(place) => place,
            // Without the key it has published none.
            Err(error) if error.reason() == Reason::LookupKeyMissing => return Ok(Vec::new()),
            Err(error) => return Err(unavailable(&error)),
        };
        let path = StatePath::Record(order.sector.clone(), place.id);
        let answer = self.parts.home.state(&path, header).await.map_err(|error| unavailable(&error))?;
        let Some(value) = answer.value else { return Ok(Vec::new()) };
        let state = value.decode::<RecordState>("record state").map_err(|error| unavailable(&error))?;
        let version = self.parts.keeper.version(&order.sector, &id, state.value()).await;
        let version = version.map_err(|error| unavailable(&error))?;
        let openings = version.map(|version| version.openings).unwrap_or_default();
        Ok(openings.into_iter().map(|opening| opening.field).collect())
    }

    fn worth(&self, order: &Order, record: &[Field]) -> Option<Amount> {
        let schema = self.parts.sectors.sector(&order.sector)?;
        match schema.record.value(Role::Amount, record)? {
            FieldValue::Amount(amount) => Some(*amount),
            _ => None,
        }
    }
}

/// What the hold that `order` changes keeps from everybody else: what it goes on asking for, and what is deducted.
fn not_set_free(hold: &Hold, order: &Order) -> u64 {
    let asked = hold.asked.map_or(0, |asked| asked.minor);
    match (order.effect, order.amount) {
        (Effect::Release, Some(part)) => asked.saturating_sub(part.minor),
        (Effect::Release | Effect::Rollback | Effect::Transfer, _) => 0,
        _ => asked,
    }
}
