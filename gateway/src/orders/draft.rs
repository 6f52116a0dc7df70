//! Draws up an order: from what the caller asks, by the sector's schema and profile, to the bytes that officers sign.
//! Pure but for the randomness of the order's id and salt.
//! It refuses to know the store, the wire, and who asks.

use super::class;
use super::stored::StoredOrder;
use crate::sectors::{FieldError, FieldSet, Role, SectorSchema};
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::obligation::Claim;
use comity_model::order::{ApprovalClass, DELIVERY_MAX_S, Order, PrivatePart};
use comity_model::profile::{Effect, KindRule, Named};
use comity_model::record::{Field, FieldValue};
use comity_model::{
    Amount, ChainId, ClientId, Hash, MemberId, ObligationId, OrderId, OrderKind, RequestId, Sector, UnixSeconds,
};
use comity_verify::order::{self as verify, private_digest};

/// Seconds of a day.
const DAY_S: u64 = 86_400;
/// How far the institution's block time may lie behind our clock when the order arrives: the longest hold is drawn up
/// this much shorter, so that it is not over the maximum there.
const CLOCK_LAG_S: u64 = 600;

/// What a caller asks for. Its canonical bytes are what makes two requests the same.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DraftRequest {
    /// The caller's id of it.
    pub request: RequestId,
    /// Who is to act.
    pub recipient: MemberId,
    /// The sector.
    pub sector: Sector,
    /// The kind of order.
    pub kind: OrderKind,
    /// The order to change.
    pub original: Option<OrderId>,
    /// The private part's fields, sorted by name.
    pub fields: Vec<Field>,
    /// The obligation, where it is not among the fields.
    pub obligation: Option<Amount>,
    /// How long delivery may take, in seconds; 0 for the longest.
    pub deliver_within_s: u64,
    /// How long a hold is to last, in days; 0 for the longest.
    pub hold_days: u32,
    /// Whether one officer orders it alone, to be confirmed by another.
    pub emergency: bool,
    /// The obligation that it serves, and what is claimed under it in all.
    pub claim: Option<(ObligationId, Amount)>,
}

/// An order as it is drawn up.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    /// What officers sign.
    pub(super) order: Order,
    /// What travels sealed.
    pub(super) part: PrivatePart,
    /// What opens the order's commitment to its obligation, for the court's own chain.
    pub(super) claim: Option<Claim>,
}

/// The court, its chain, and the pair of clients that leads to the recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CourtSide {
    /// The court.
    pub(super) court: MemberId,
    /// Its chain.
    pub(super) chain: ChainId,
    /// The client of the recipient's chain, on the court's chain.
    pub(super) source_client: ClientId,
    /// The client of the court's chain, on the recipient's chain.
    pub(super) dest_client: ClientId,
}

/// Why an order cannot be drawn up as asked. Names fields, never values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// The sector takes no orders, or none of this kind.
    #[error("sector {0} knows no order of kind {1}")]
    UnknownKind(Sector, OrderKind),
    /// The private part does not fit the sector's schema.
    #[error("the private fields do not fit the sector's schema")]
    Field(#[from] FieldError),
    /// The obligation and the amount among the fields differ.
    #[error("the obligation is not the amount among the private fields")]
    ObligationDiffers,
    /// An order that changes another must name it; other kinds must not.
    #[error("`original` is to be set for orders that change another, and for no others")]
    Original,
    /// The kind knows no emergency order.
    #[error("the sector knows no emergency order of this kind")]
    Emergency,
    /// A deduction out of an order that named no account, or to another one.
    #[error("money can be deducted only to the account that the original order named")]
    Account,
    /// An obligation for a kind that neither holds nor deducts.
    #[error("only orders that hold or deduct serve an obligation")]
    NoObligation,
    /// A deduction for another obligation than the hold that it takes from.
    #[error("a deduction serves the obligation that its original order serves")]
    OtherObligation,
    /// Delivery within more than a day.
    #[error("delivery may take at most 24 hours")]
    DeliverWithin,
    /// A hold over the statutory maximum, or over before it can be decided.
    #[error("a hold of this kind lasts at most {days_max} days, and longer than the time to decide on it")]
    HoldDays {
        /// The maximum.
        days_max: u32,
    },
    /// The operating system gave no randomness.
    #[error("the operating system gives no randomness")]
    Randomness,
}

/// Draws the order up, with a fresh id and salt.
///
/// # Errors
/// [`DraftError`].
pub(super) fn draw_up(
    request: &DraftRequest,
    side: &CourtSide,
    schema: &SectorSchema,
    original: Option<&StoredOrder>,
    now: UnixSeconds,
) -> Result<Drawn, DraftError> {
    let rule = rule(request, schema)?;
    if rule.effect.changes_a_hold() != request.original.is_some() || original.is_some() != request.original.is_some() {
        return Err(DraftError::Original);
    }
    if request.emergency && rule.confirm_within_s.is_none() {
        return Err(DraftError::Emergency);
    }
    let fields = with_obligation(request, schema)?;
    schema.check_order(&request.kind, &fields)?;
    let order_fields = schema.order.as_ref().ok_or_else(|| unknown(request))?;
    let amount = match order_fields.value(Role::Amount, &fields) {
        Some(FieldValue::Amount(amount)) => Some(*amount),
        _ => None,
    };

    let deliver_within_s = if request.deliver_within_s == 0 { DELIVERY_MAX_S } else { request.deliver_within_s };
    if deliver_within_s > DELIVERY_MAX_S {
        return Err(DraftError::DeliverWithin);
    }
    let deliver_by = now.plus(deliver_within_s);
    let decide_by = deliver_by.plus(rule.decide_within_s.max(1));
    let hold_until = hold_until(request, days_max(rule, schema, original), now, decide_by)?;
    let (id, salt) = (OrderId(random()?), random()?);
    let part = PrivatePart { salt, order: id, fields };
    let account = account(order_fields, rule.effect, &part, original)?;
    let claim = claim(request, rule.effect, original)?;
    let order = Order {
        id,
        request: request.request,
        source_chain: side.chain.clone(),
        source_client: side.source_client.clone(),
        dest_client: side.dest_client.clone(),
        court: side.court.clone(),
        recipient: request.recipient.clone(),
        sector: request.sector.clone(),
        kind: request.kind.clone(),
        effect: rule.effect,
        original: request.original,
        // Public only where the chain itself keeps to it.
        amount: amount.filter(|_| rule.effect.amount() != Named::Never),
        account,
        obligation: claim.as_ref().map(verify::claim),
        private_digest: private_digest(&part),
        approval: approval(request, rule, amount),
        issued_at: now,
        deliver_by,
        decide_by,
        hold_until,
    };
    Ok(Drawn { order, part, claim })
}

/// What opens the commitment to the obligation that the order serves, if it serves one. What is deducted out of a hold
/// serves what that hold serves.
fn claim(request: &DraftRequest, effect: Effect, original: Option<&StoredOrder>) -> Result<Option<Claim>, DraftError> {
    let served = original.and_then(|original| original.claim.as_ref());
    let served = served.map(|claim| (claim.obligation, claim.claimed));
    let serves = match (effect.obligation(), request.claim) {
        (Named::Never, Some(_)) => return Err(DraftError::NoObligation),
        _ if effect != Effect::Deduct => request.claim,
        (_, Some(claim)) if Some(claim) != served => return Err(DraftError::OtherObligation),
        _ => served,
    };
    serves.map(|(obligation, claimed)| Ok(Claim { obligation, claimed, salt: random()? })).transpose()
}

/// The rule of the order's kind.
///
/// # Errors
/// [`DraftError::UnknownKind`].
pub(super) fn rule<'a>(request: &DraftRequest, schema: &'a SectorSchema) -> Result<&'a KindRule, DraftError> {
    let profile = schema.profile.as_ref();
    profile.and_then(|profile| profile.kind(&request.kind)).ok_or_else(|| unknown(request))
}

fn unknown(request: &DraftRequest) -> DraftError {
    DraftError::UnknownKind(request.sector.clone(), request.kind.clone())
}

/// How many officers must approve.
fn approval(request: &DraftRequest, rule: &KindRule, amount: Option<Amount>) -> ApprovalClass {
    match rule.effect {
        _ if request.emergency => ApprovalClass::Emergency,
        // The second officer of the emergency order.
        Effect::Confirm => ApprovalClass::Single,
        // The institution is not asked, and its chain sees no amount.
        effect if effect.on_arrival() => ApprovalClass::Double,
        _ => class::needed(rule.two_approvals_from, amount),
    }
}

/// The commitment to the court's designated account: of a freeze that names one, and of a deduction, which must name the
/// same.
fn account(
    fields: &FieldSet,
    effect: Effect,
    part: &PrivatePart,
    original: Option<&StoredOrder>,
) -> Result<Option<Hash>, DraftError> {
    let number = match fields.value(Role::Account, &part.fields) {
        Some(FieldValue::Text(number)) => Some(number.as_str()),
        _ => None,
    };
    match (effect.account(), number, original) {
        (Named::Never, ..) | (Named::Perhaps, None, _) => Ok(None),
        (Named::Perhaps, Some(number), _) => Ok(Some(verify::account(part, number))),
        (Named::Always, Some(number), Some(original)) => {
            let same =
                Some(verify::account(&original.part, number)).filter(|same| original.order.account == Some(*same));
            same.map(Some).ok_or(DraftError::Account)
        }
        (Named::Always, ..) => Err(DraftError::Account),
    }
}

/// The longest period: of the kind, and for a renewal of the original's kind as well.
fn days_max(rule: &KindRule, schema: &SectorSchema, original: Option<&StoredOrder>) -> u32 {
    let of_original = original
        .filter(|_| rule.effect == Effect::Renew)
        .and_then(|original| schema.profile.as_ref()?.kind(&original.order.kind))
        .map_or(u32::MAX, |rule| rule.period_days_max);
    rule.period_days_max.min(of_original)
}

/// The fields with the obligation under the schema's amount field, if the schema has one.
fn with_obligation(request: &DraftRequest, schema: &SectorSchema) -> Result<Vec<Field>, DraftError> {
    let mut fields = request.fields.clone();
    let amount_field = schema.order.as_ref().and_then(|order| order.role(Role::Amount));
    if let (Some(obligation), Some(spec)) = (request.obligation, amount_field) {
        let value = FieldValue::Amount(obligation);
        match fields.iter().find(|field| field.name == spec.name) {
            Some(field) if field.value == value => {}
            Some(_) => return Err(DraftError::ObligationDiffers),
            None => {
                let at = fields.partition_point(|field| field.name < spec.name);
                fields.insert(at, Field { name: spec.name.clone(), value });
            }
        }
    }
    Ok(fields)
}

fn hold_until(
    request: &DraftRequest,
    days_max: u32,
    now: UnixSeconds,
    decide_by: UnixSeconds,
) -> Result<UnixSeconds, DraftError> {
    if request.hold_days > days_max {
        return Err(DraftError::HoldDays { days_max });
    }
    if days_max == 0 {
        return Ok(decide_by);
    }
    let days = if request.hold_days == 0 { days_max } else { request.hold_days };
    let until = now.plus(u64::from(days) * DAY_S - CLOCK_LAG_S);
    if until <= decide_by { Err(DraftError::HoldDays { days_max }) } else { Ok(until) }
}

fn random<const N: usize>() -> Result<[u8; N], DraftError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| DraftError::Randomness)?;
    Ok(bytes)
}

#[cfg(test)]
#[path = "draft_tests.rs"]
mod tests;
