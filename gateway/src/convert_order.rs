//! Orders between wire and domain: decode once, encode once.
//! It refuses to decide anything beyond the form of what it reads.

use crate::convert;
use crate::error::{ApiError, Reason};
use crate::orders::{DeskError, DraftError, DraftRequest, ObligationError, ProvenUnder, StoredAnswer, StoredOrder};
use comity_model::order::{Approval, Notice, NoticeEvent, OrderResult, OrderState, Outcome};
use comity_model::profile::Effect;
use comity_model::seal::Signature;
use comity_model::{Amount, ChainId, MemberId, ObligationId, OrderId, RequestId, UnixSeconds};
use comity_proto::v1;
use comity_verify::Rule;
use comity_verify::light::Anchor;
use comity_verify::order::TAG_ORDER;
use comity_verify::seal::signing_bytes;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The rules by which an order's state is proven: the header's commit, then the value under its app hash.
const RULES: [Rule; 2] = [Rule::CommitPower, Rule::StateProof];
/// Most private fields in one request.
const FIELDS_MAX: usize = 256;

/// Reads `CreateOrderRequest`.
///
/// # Errors
/// `INVALID_ARGUMENT` or `MALFORMED_NAME` with the field.
pub(crate) fn draft_request(request: v1::CreateOrderRequest) -> Result<DraftRequest, ApiError> {
    if request.private_fields.len() > FIELDS_MAX {
        return Err(ApiError::argument("private_fields", "There are too many private fields."));
    }
    let mut fields = request.private_fields.into_iter().map(convert::field_from_wire).collect::<Result<Vec<_>, _>>()?;
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(DraftRequest {
        request: request_id(&request.request_id)?,
        recipient: member(&request.recipient)?,
        sector: parsed("sector", &request.sector)?,
        kind: parsed("kind", &request.kind)?,
        original: match request.original.as_str() {
            "" => None,
            name => Some(order_name(name)?),
        },
        fields,
        obligation: match &request.obligation {
            None => None,
            Some(amount) => Some(
                convert::amount_from_wire(amount)
                    .ok_or_else(|| ApiError::argument("obligation", "An amount in an ISO 4217 currency."))?,
            ),
        },
        deliver_within_s: match request.deliver_within {
            None => 0,
            Some(within) => u64::try_from(within.seconds)
                .ok()
                .filter(|seconds| *seconds > 0 && within.nanos == 0)
                .ok_or_else(|| ApiError::argument("deliver_within", "A whole number of seconds, more than 0."))?,
        },
        hold_days: request.hold_days,
        emergency: request.emergency,
        claim: request.claim.as_ref().map(claim_from_wire).transpose()?,
    })
}

/// An obligation and what is claimed under it.
fn claim_from_wire(claim: &v1::Claim) -> Result<(ObligationId, Amount), ApiError> {
    let claimed = claim.claimed.as_ref().and_then(convert::amount_from_wire).filter(|claimed| claimed.minor > 0);
    let message = "Say what is claimed in all: an amount in an ISO 4217 currency, more than 0.";
    let claimed = claimed.ok_or_else(|| ApiError::argument("claim.claimed", message))?;
    Ok((obligation_name(&claim.obligation)?, claimed))
}

/// Reads `obligations/{obligation}`.
///
/// # Errors
/// `MALFORMED_NAME`.
pub(crate) fn obligation_name(name: &str) -> Result<ObligationId, ApiError> {
    in_collection(name, "obligations")
}

/// Reads `ApproveOrderRequest`.
///
/// # Errors
/// `INVALID_ARGUMENT` or `MALFORMED_NAME` with the field.
pub(crate) fn approval(request: &v1::ApproveOrderRequest) -> Result<(OrderId, Approval), ApiError> {
    let signature = request.signature.as_slice().try_into();
    let signature = signature.map_err(|_| ApiError::argument("signature", "A signature is 64 bytes."))?;
    let approval = Approval { officer: parsed("officer", &request.officer)?, signature: Signature::ed25519(signature) };
    Ok((order_name(&request.name)?, approval))
}

/// Reads `orders/{order}`.
///
/// # Errors
/// `MALFORMED_NAME`.
pub(crate) fn order_name(name: &str) -> Result<OrderId, ApiError> {
    in_collection(name, "orders")
}

/// Reads `operations/{order}`.
///
/// # Errors
/// `MALFORMED_NAME`.
pub(crate) fn operation_name(name: &str) -> Result<OrderId, ApiError> {
    in_collection(name, "operations")
}

fn in_collection<Id: std::str::FromStr>(name: &str, collection: &'static str) -> Result<Id, ApiError> {
    let id = name.strip_prefix(collection).and_then(|rest| rest.strip_prefix('/'));
    id.and_then(|id| id.parse().ok()).ok_or_else(|| {
        ApiError::new(Reason::MalformedName, format!("The name must be {collection}/ and 32 hex digits."))
    })
}

pub(crate) fn member(name: &str) -> Result<MemberId, ApiError> {
    let id = name.strip_prefix("members/").and_then(|id| id.parse().ok());
    id.ok_or_else(|| ApiError::new(Reason::MalformedName, "The name must be members/ and an institution's id."))
}

/// A UUID in any of its usual forms.
pub(crate) fn request_id(text: &str) -> Result<RequestId, ApiError> {
    let id = uuid::Uuid::parse_str(text);
    id.map(|id| RequestId(id.into_bytes()))
        .map_err(|_| ApiError::argument("request_id", "A request id is required: a UUID of your choice."))
}

pub(crate) fn parsed<T: std::str::FromStr<Err = comity_model::BadId>>(
    field: &'static str,
    text: &str,
) -> Result<T, ApiError> {
    text.parse().map_err(|error: comity_model::BadId| ApiError::argument(field, format!("{error}.")))
}

/// How many independent operators run each chain that orders are proven on, as anchored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Operators(Arc<BTreeMap<ChainId, u32>>);

impl Operators {
    /// Of these anchors' chains.
    pub(crate) fn of<'a>(anchors: impl Iterator<Item = &'a Anchor>) -> Self {
        Self(Arc::new(anchors.map(|anchor| (anchor.chain_id.clone(), anchor.operators)).collect()))
    }

    /// 0 where it is not known.
    fn on(&self, chain: &ChainId) -> u32 {
        self.0.get(chain).copied().unwrap_or(0)
    }
}

/// Writes an order.
pub(crate) fn order(stored: &StoredOrder, operators: &Operators) -> v1::Order {
    let order = &stored.order;
    v1::Order {
        // Those who may read them are given them where one order is shown.
        objection_grounds: String::new(),
        name: format!("orders/{}", order.id),
        state: state(stored.state).into(),
        recipient: format!("members/{}", order.recipient),
        sector: order.sector.to_string(),
        kind: order.kind.to_string(),
        original: order.original.map(|id| format!("orders/{id}")).unwrap_or_default(),
        request_id: uuid::Uuid::from_bytes(order.request.0).to_string(),
        issue_time: Some(at(order.issued_at)),
        deliver_by: Some(at(order.deliver_by)),
        decide_by: Some(at(order.decide_by)),
        hold_until: Some(at(order.hold_until)),
        signing_bytes: signing_bytes(TAG_ORDER, order),
        private_digest: order.private_digest.0.to_vec(),
        approvals_needed: u32::try_from(order.approval.approvals()).unwrap_or(u32::MAX),
        approvals: stored.approvals.iter().map(|approval| approval.officer.to_string()).collect(),
        result: result(stored),
        notice: stored.notice.as_ref().map(notice),
        proof: stored.shown_under().map(|under| proof(under, operators)),
        revision: stored.revision,
        steps: stored
            .steps
            .iter()
            .map(|step| v1::OrderStep {
                state: state(step.state).into(),
                time: Some(convert::time_to_wire(step.at)),
                proof: step.proven.as_ref().map(|under| proof(under, operators)),
            })
            .collect(),
        answer: answer(stored),
        claim: stored.claim.as_ref().map(|claim| v1::Claim {
            obligation: format!("obligations/{}", claim.obligation),
            claimed: Some(amount(claim.claimed)),
            salt: claim.salt.to_vec(),
        }),
        validation: None,
        receipt: stored.receipt().map(|(delivery, digest, bound)| v1::DeliveryReceipt {
            receive_time: Some(at(delivery.received_at)),
            digest: digest.0.to_vec(),
            bound,
        }),
        resume_token: resume_token(stored),
    }
}

/// Where a watch goes on from after this change: the order, and the change's number.
fn resume_token(stored: &StoredOrder) -> String {
    hex::encode([stored.order.id.0.as_slice(), &stored.revision.to_be_bytes()].concat())
}

/// The number of the change after which a watch of `order` goes on; 0 without a token.
///
/// # Errors
/// `INVALID_ARGUMENT` for a token that is not of this order.
pub(crate) fn resumed(order: &OrderId, token: &str) -> Result<u64, ApiError> {
    if token.is_empty() {
        return Ok(0);
    }
    let mut bytes = [0; 24];
    let read = hex::decode_to_slice(token, &mut bytes).ok().and_then(|()| {
        let (of, revision) = bytes.split_first_chunk::<16>()?;
        Some((OrderId(*of), u64::from_be_bytes(revision.try_into().ok()?)))
    });
    let known = read.filter(|(of, _)| of == order).map(|(_, revision)| revision);
    known.ok_or_else(|| {
        ApiError::argument("resume_token", "The token is not one that this service gave for this order.")
    })
}

/// A state on the wire.
pub(crate) const fn state(state: OrderState) -> v1::OrderState {
    match state {
        OrderState::AwaitingApproval => v1::OrderState::AwaitingApproval,
        OrderState::AwaitingDelivery => v1::OrderState::AwaitingDelivery,
        OrderState::Committed => v1::OrderState::Committed,
        OrderState::Relayed => v1::OrderState::Relayed,
        OrderState::Pending => v1::OrderState::Pending,
        OrderState::Executed => v1::OrderState::Executed,
        OrderState::Waitlisted => v1::OrderState::Waitlisted,
        OrderState::Refused => v1::OrderState::Refused,
        OrderState::Failed => v1::OrderState::Failed,
        OrderState::TimedOut => v1::OrderState::TimedOut,
        OrderState::Withdrawn => v1::OrderState::WithdrawnBeforeCommit,
        OrderState::Objected => v1::OrderState::Objected,
    }
}

/// The result as it was proven, or why the order ended before it was committed. Later changes of the hold are in the
/// notice.
fn result(stored: &StoredOrder) -> Option<v1::OrderResult> {
    match &stored.result {
        Some(result) => Some(proven_result(result)),
        None if stored.state == OrderState::Failed => Some(v1::OrderResult {
            state: v1::OrderState::Failed.into(),
            reason: stored.failure.as_ref().map(ToString::to_string).unwrap_or_default(),
            ..v1::OrderResult::default()
        }),
        None => None,
    }
}

/// A result as its chain proved it.
pub(crate) fn proven_result(result: &OrderResult) -> v1::OrderResult {
    let (outcome, reason, hold) = match &result.outcome {
        Outcome::Executed(hold) => (v1::OrderState::Executed, None, Some(hold)),
        Outcome::Waitlisted(hold) => (v1::OrderState::Waitlisted, None, Some(hold)),
        Outcome::Refused(reason) => (v1::OrderState::Refused, Some(reason), None),
        Outcome::Failed(reason) => (v1::OrderState::Failed, Some(reason), None),
        Outcome::Done => (v1::OrderState::Executed, None, None),
    };
    v1::OrderResult {
        state: outcome.into(),
        reason: reason.map(ToString::to_string).unwrap_or_default(),
        held: hold.and_then(|hold| hold.held).map(amount),
        asked: hold.and_then(|hold| hold.asked).map(amount),
        ahead: hold.map_or(0, |hold| hold.ahead),
        until: hold.map(|hold| at(hold.until)),
        effective_time: Some(at(result.effective_at)),
        height: result.height.0,
    }
}

/// How far the answer has come. What is in it is added for those who may see it.
fn answer(stored: &StoredOrder) -> Option<v1::OrderAnswer> {
    use v1::order_answer::State;
    // The answer to a hand-over is its receipt.
    let digest = stored.result.as_ref()?.answer_digest.filter(|_| stored.order.effect != Effect::HandOver)?;
    let (state, reason) = match &stored.answer {
        None => (State::Awaited, String::new()),
        Some(StoredAnswer::Received(_)) => (State::Received, String::new()),
        Some(StoredAnswer::Refused(code)) => (State::Refused, code.to_string()),
    };
    Some(v1::OrderAnswer { state: state.into(), digest: digest.0.to_vec(), reason, fields: Vec::new() })
}

fn notice(notice: &Notice) -> v1::HoldNotice {
    let event = match notice.event {
        NoticeEvent::Activated => "ACTIVATED",
        NoticeEvent::Changed => "CHANGED",
        NoticeEvent::Lapsed => "LAPSED",
        NoticeEvent::Released => "RELEASED",
        NoticeEvent::Renewed => "RENEWED",
        NoticeEvent::Deducted => "DEDUCTED",
        NoticeEvent::Transferred => "TRANSFERRED",
        NoticeEvent::Amended => "AMENDED",
        NoticeEvent::Confirmed => "CONFIRMED",
        NoticeEvent::Objected => "OBJECTED",
        NoticeEvent::ObjectionEnded => "OBJECTION_ENDED",
    };
    let objection = notice.hold.objection.as_ref();
    v1::HoldNotice {
        event: event.into(),
        number: notice.number,
        held: notice.hold.held.map(amount),
        time: Some(at(notice.at)),
        asked: notice.hold.asked.map(amount),
        deducted: notice.hold.deducted.map(amount),
        until: Some(at(notice.hold.until)),
        objection: objection.map(|objection| objection.reason.to_string()).unwrap_or_default(),
        answer_by: objection.map(|objection| at(objection.answer_by)),
        grounds_digest: objection.and_then(|one| one.grounds).map(|digest| digest.0.to_vec()).unwrap_or_default(),
    }
}

/// What the order's state was proven by. The gateway verified it before it was shown.
pub(crate) fn proof(under: &ProvenUnder, operators: &Operators) -> v1::Proof {
    v1::Proof {
        chain_id: under.chain.to_string(),
        header_height: under.height.0,
        header_hash: under.header_hash.0.to_vec(),
        header_time: Some(convert::time_to_wire(under.time)),
        strength: v1::Strength::State.into(),
        operators: operators.on(&under.chain),
        rules: RULES.iter().map(|rule| rule.code().to_owned()).collect(),
    }
}

fn amount(amount: Amount) -> v1::Amount {
    convert::amount_to_wire(&amount)
}

fn at(seconds: UnixSeconds) -> prost_types::Timestamp {
    convert::seconds_to_wire(seconds)
}

impl From<DeskError> for ApiError {
    fn from(error: DeskError) -> Self {
        let text = format!("{}.", capital(&error.to_string()));
        let reason = match error {
            DeskError::UnknownRecipient(_) => Reason::UnknownMember,
            DeskError::UnknownSector => Reason::UnknownSector,
            DeskError::Draft(error) => return error.into(),
            DeskError::RequestConflict => Reason::RequestConflict,
            DeskError::OriginalNotInForce => Reason::OriginalOrder,
            DeskError::Obligation(error) => match error {
                ObligationError::ClaimDiffers(_) => Reason::ClaimDiffers,
                ObligationError::Covered => Reason::ObligationCovered,
                ObligationError::Exceeded(_) => Reason::ObligationExceeded,
            },
            DeskError::ApprovalInvalid => Reason::ApprovalRefused,
            DeskError::Expired | DeskError::State(_) => Reason::OrderState,
            DeskError::NotFound => Reason::UnknownOrder,
            DeskError::Full(full) => {
                let recipient = format!("members/{}", full.recipient);
                return Self::new(Reason::Overloaded, text).with("recipient", recipient);
            }
            DeskError::Contended => Reason::Contended,
            DeskError::Store(error) => return error.into(),
            DeskError::Corrupt(_) => return Self::fault(error),
            DeskError::Home(error) => return error,
        };
        Self::new(reason, text)
    }
}

impl From<DraftError> for ApiError {
    fn from(error: DraftError) -> Self {
        let text = format!("{}.", capital(&error.to_string()));
        let reason = match error {
            DraftError::UnknownKind(..) => Reason::UnknownKind,
            DraftError::Field(error) => return error.into(),
            DraftError::ObligationDiffers => Reason::ObligationDiffers,
            DraftError::Original => Reason::OriginalOrder,
            DraftError::Emergency => Reason::NoEmergency,
            DraftError::Account => Reason::AccountDiffers,
            DraftError::NoObligation => Reason::NoObligation,
            DraftError::OtherObligation => Reason::ClaimDiffers,
            DraftError::DeliverWithin => Reason::DeliverWithin,
            DraftError::HoldDays { .. } => Reason::HoldDays,
            DraftError::Randomness => return Self::fault(error),
        };
        Self::new(reason, text)
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
