//! Enforcement orders: what is signed, what travels, what comes back.
//!
//! The public part names no person, no case and no asset. What must stay private travels sealed, gateway to gateway,
//! and the public part binds its digest.

use crate::asset::{HoldState, OpenObjection};
use crate::profile::Effect;
use crate::record::Field;
use crate::seal::Signature;
use crate::{
    Amount, AssetHandle, ChainId, ClientId, Hash, Height, MemberId, ObligationId, OfficerId, OrderId, OrderKind,
    ReasonCode, RequestId, Sector, UnixSeconds,
};
use alloc::string::String;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// The public part of an order: the bytes that officers approve and the court seals
/// (domain tag `comity/order/v2`).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Order {
    /// Its id: random.
    pub id: OrderId,
    /// The caller's id of this request: the same request is the same order, with another body an error.
    pub request: RequestId,
    /// The court's chain.
    pub source_chain: ChainId,
    /// The client of the institution's chain, on the court's chain.
    pub source_client: ClientId,
    /// The client of the court's chain, on the institution's chain.
    pub dest_client: ClientId,
    /// The court.
    pub court: MemberId,
    /// The institution that is to act.
    pub recipient: MemberId,
    /// The sector whose profile applies.
    pub sector: Sector,
    /// The kind of order in that profile.
    pub kind: OrderKind,
    /// What the kind does, as the court understands it: the institution's chain refuses the order if its profile says
    /// otherwise.
    pub effect: Effect,
    /// The order that this one changes (release, renewal, …); `None` for a new one.
    pub original: Option<OrderId>,
    /// How much is deducted, or released of a hold; `None` where the whole hold is meant or no amount belongs in public.
    pub amount: Option<Amount>,
    /// For a hold from which money may be deducted, and for the deduction: commitment to the court's designated account
    /// (`verify::order::account`). A deduction must carry its original's.
    pub account: Option<Hash>,
    /// Commitment to the obligation that the order serves (`verify::order::claim`). Only the court's chain opens it, so
    /// that nothing links the orders of one person across institutions.
    pub obligation: Option<Hash>,
    /// Digest of the private part (`verify::seal::digest`, tag `comity/order-private/v1`).
    pub private_digest: Hash,
    /// How many officers must approve.
    pub approval: ApprovalClass,
    /// When it was drawn up.
    pub issued_at: UnixSeconds,
    /// It must have arrived before this time, at most 24 hours after `issued_at`; from then on it is refused for ever.
    pub deliver_by: UnixSeconds,
    /// It must have been decided before this time; then the institution's chain writes `NO_DECISION`.
    pub decide_by: UnixSeconds,
    /// When a hold made by it lapses; equal to `decide_by` for orders that make none.
    pub hold_until: UnixSeconds,
}

impl Order {
    /// Whether the public part has what its effect needs, and nothing else.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        let effect = self.effect;
        self.original.is_some() == effect.changes_a_hold()
            && effect.amount().allows(self.amount.is_some())
            && self.amount.is_none_or(|amount| amount.minor > 0)
            && effect.account().allows(self.account.is_some())
            && effect.obligation().allows(self.obligation.is_some())
            && (self.approval != ApprovalClass::Emergency || effect.holds())
    }
}

/// The longest time between drawing up an order and its delivery.
pub const DELIVERY_MAX_S: u64 = 24 * 3600;

/// How many different officers must approve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum ApprovalClass {
    /// One officer: below the sector's threshold.
    Single = 1,
    /// Two different officers.
    Double = 2,
    /// One officer in an emergency: the hold lapses unless another officer's order confirms it.
    Emergency = 3,
}

impl ApprovalClass {
    /// How many approvals the class needs.
    #[must_use]
    pub const fn approvals(self) -> usize {
        match self {
            Self::Single | Self::Emergency => 1,
            Self::Double => 2,
        }
    }
}

/// The private part: fields of the sector's order schema (person, account, amount, ruling, …) and a salt, so that its
/// digest tells nothing.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PrivatePart {
    /// 256 random bits.
    pub salt: [u8; 32],
    /// The order it belongs to.
    pub order: OrderId,
    /// What the institution needs to know in order to act, sorted by name.
    pub fields: Vec<Field>,
}

/// What an institution answers to an order beyond its result: fields of the sector's answer schema and a salt. It goes
/// sealed to the court, gateway to gateway; the decision and the result bind its digest.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PrivateAnswer {
    /// 256 random bits.
    pub salt: [u8; 32],
    /// The order that it answers.
    pub order: OrderId,
    /// What the institution knows, sorted by name.
    pub fields: Vec<Field>,
}

/// Why an institution objects to an order, in words. They go sealed to the court, gateway to gateway; the objection, and with it
/// the notice that the court has by proof, binds their digest (domain tag `comity/objection-grounds/v1`).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Grounds {
    /// 256 random bits.
    pub salt: [u8; 32],
    /// The order that it objects to.
    pub order: OrderId,
    /// The words.
    pub text: String,
}

/// An officer's approval: a signature over the [`Order`].
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Approval {
    /// The officer.
    pub officer: OfficerId,
    /// The signature, tag `comity/order/v2`.
    pub signature: Signature,
}

/// What the recipient's signer says on receiving the private part (domain tag `comity/delivery/v1`).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Delivery {
    /// The order.
    pub order: OrderId,
    /// The recipient.
    pub recipient: MemberId,
    /// Digest of the private part that arrived and was opened.
    pub private_digest: Hash,
    /// When it arrived at the recipient's system: service is complete at this time.
    pub received_at: UnixSeconds,
}

/// An order with everything that makes it one: this is committed on the court's chain and travels as the packet.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SealedOrder {
    /// The public part.
    pub order: Order,
    /// Approvals, sorted by officer, each officer once.
    pub approvals: Vec<Approval>,
    /// The court's seal over the [`Order`] and approvals (tag `comity/order-seal/v2`).
    pub seal: Signature,
    /// The recipient's delivery receipt.
    pub delivery: Delivery,
    /// Its seal, tag `comity/delivery/v1`.
    pub delivery_seal: Signature,
}

/// What the institution decides (domain tag `comity/decision/v2`, sealed by it).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Decision {
    /// The institution's chain.
    pub chain: ChainId,
    /// The client of the court's chain that the order came over, on the institution's chain: with the order's id, it says
    /// which order is meant.
    pub client: ClientId,
    /// The order.
    pub order: OrderId,
    /// Carry out or refuse.
    pub verdict: DecisionVerdict,
    /// Digest of the [`PrivateAnswer`] (balances, prior freezes, co-owners) that goes back gateway to gateway
    /// (`verify::seal::digest`, tag `comity/order-answer/v1`).
    pub answer_digest: Option<Hash>,
}

/// Carry out or refuse.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum DecisionVerdict {
    /// Apply the kind's effect to this asset.
    Execute {
        /// The opaque handle.
        asset: AssetHandle,
        /// For a hold on a divisible asset, the smaller of obligation and balance; for a deduction or a release of part,
        /// the order's amount; otherwise `None`.
        amount: Option<Amount>,
    } = 1,
    /// A coded refusal.
    Refuse(ReasonCode) = 2,
    /// Hand the asset over to its new owner.
    Transfer {
        /// The opaque handle.
        asset: AssetHandle,
        /// The fresh handle under which the asset goes on; `None` if it ends.
        successor: Option<AssetHandle>,
    } = 3,
    /// What was handed over has arrived; the decision's answer digest is that of the sealed receipt.
    Acknowledge = 4,
}

/// An institution's objection to an order that it has carried out (domain tag `comity/objection/v1`, sealed by it).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Objection {
    /// The institution's chain.
    pub chain: ChainId,
    /// The client of the court's chain that the order came over, on the institution's chain.
    pub client: ClientId,
    /// The order.
    pub order: OrderId,
    /// Why, as a code.
    pub reason: ReasonCode,
    /// Digest of the sealed grounds that go to the court gateway to gateway.
    pub grounds: Option<Hash>,
}

/// What an order came to: the bytes of its acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OrderResult {
    /// The order.
    pub order: OrderId,
    /// The outcome.
    pub outcome: Outcome,
    /// When it took effect, by the institution's chain.
    pub effective_at: UnixSeconds,
    /// The block in which it did.
    pub height: Height,
    /// From the decision.
    pub answer_digest: Option<Hash>,
}

/// Outcomes of an order.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Outcome {
    /// In force: the order's hold, or the hold that it changed, after it.
    Executed(HoldSummary) = 1,
    /// Waits behind earlier holds; a notice will say when it takes effect.
    Waitlisted(HoldSummary) = 2,
    /// The institution refused, with a reason.
    Refused(ReasonCode) = 3,
    /// The chain could not carry it out, or nobody decided in time.
    Failed(ReasonCode) = 4,
    /// Carried out; there is no hold that it made or left standing.
    Done = 5,
}

/// What the court learns of a hold.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct HoldSummary {
    /// Its state.
    pub state: HoldState,
    /// Held now; `None` for an indivisible asset.
    pub held: Option<Amount>,
    /// Asked for, less what was released and deducted.
    pub asked: Option<Amount>,
    /// Deducted under it so far.
    pub deducted: Option<Amount>,
    /// How many holds stood before it when this was written.
    pub ahead: u32,
    /// When it lapses.
    pub until: UnixSeconds,
    /// The institution's objection, while it is not answered.
    pub objection: Option<OpenObjection>,
}

/// A later change of a hold, told to the court that ordered it by a packet of its own.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Notice {
    /// The order whose hold changed.
    pub order: OrderId,
    /// Counts the notices of this order from 1.
    pub number: u32,
    /// What happened.
    pub event: NoticeEvent,
    /// The hold after it.
    pub hold: HoldSummary,
    /// When, by the institution's chain.
    pub at: UnixSeconds,
    /// The order that caused it, if one did and it is of the same court.
    pub cause: Option<OrderId>,
}

/// What can happen to a hold after its order was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum NoticeEvent {
    /// A waiting hold took effect.
    Activated = 1,
    /// More of it took effect, or less of it holds.
    Changed = 2,
    /// It lapsed.
    Lapsed = 3,
    /// It was released by another order, taken back, or its objection was upheld.
    Released = 4,
    /// It lasts longer.
    Renewed = 5,
    /// An amount was deducted under it.
    Deducted = 6,
    /// Its asset went over to another owner.
    Transferred = 7,
    /// What it says was corrected.
    Amended = 8,
    /// The emergency order behind it was confirmed.
    Confirmed = 9,
    /// The institution objects.
    Objected = 10,
    /// The objection is over, and the hold stands.
    ObjectionEnded = 11,
}

/// The court chain's view of an order: what it ordered and what was proven of it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OrderEntry {
    /// The order as committed.
    pub sealed: SealedOrder,
    /// Its packet's sequence on `source_client`.
    pub sequence: u64,
    /// Its state on this chain.
    pub state: OrderState,
    /// The proven result, once there is one.
    pub result: Option<OrderResult>,
    /// The last notice that was proven: with `result`, the court's mirror of the hold.
    pub notice: Option<Notice>,
    /// The obligation that it serves.
    pub obligation: Option<ObligationId>,
    /// When the state last changed, by this chain.
    pub changed_at: UnixSeconds,
}

impl OrderEntry {
    /// The court's mirror of the hold that the order made: what the acknowledgement said, or the newest notice since.
    #[must_use]
    pub fn hold(&self) -> Option<&HoldSummary> {
        if !self.sealed.order.effect.holds() {
            return None;
        }
        let noticed = self.notice.as_ref().map(|notice| &notice.hold);
        noticed.or_else(|| match self.result.as_ref().map(|result| &result.outcome) {
            Some(Outcome::Executed(hold) | Outcome::Waitlisted(hold)) => Some(hold),
            _ => None,
        })
    }
}

/// States of an order. The court's chain knows `Committed` and the final ones; the institution's chain knows `Pending`
/// and the final ones; the earlier ones live in the court's gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum OrderState {
    /// Drawn up; approvals are missing.
    AwaitingApproval = 1,
    /// Approved and sealed; the private part has not been acknowledged.
    AwaitingDelivery = 2,
    /// The packet stands on the court's chain.
    Committed = 3,
    /// The institution's chain has the packet, and the court's gateway a proof of it.
    Relayed = 4,
    /// Received by the institution's chain; not decided.
    Pending = 5,
    /// In force.
    Executed = 6,
    /// Waits behind earlier holds.
    Waitlisted = 7,
    /// Refused with a reason.
    Refused = 8,
    /// Could not be carried out.
    Failed = 9,
    /// Proven not to have arrived in time; can never be executed.
    TimedOut = 10,
    /// Taken back before it was committed.
    Withdrawn = 11,
    /// In force or waiting, and the institution objects: the court's answer is due.
    Objected = 12,
}

impl OrderState {
    /// Whether nothing can follow. `Waitlisted` is an answer, but the hold lives on.
    #[must_use]
    pub const fn is_answered(self) -> bool {
        matches!(
            self,
            Self::Executed
                | Self::Waitlisted
                | Self::Refused
                | Self::Failed
                | Self::TimedOut
                | Self::Withdrawn
                | Self::Objected
        )
    }

    /// The state's name in APIs and on the screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "AWAITING_APPROVAL",
            Self::AwaitingDelivery => "AWAITING_DELIVERY",
            Self::Committed => "COMMITTED",
            Self::Relayed => "RELAYED",
            Self::Pending => "PENDING",
            Self::Executed => "EXECUTED",
            Self::Waitlisted => "WAITLISTED",
            Self::Refused => "REFUSED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Withdrawn => "WITHDRAWN",
            Self::Objected => "OBJECTED",
        }
    }
}

/// Which order is meant on the institution's chain: the client it came over, and its id there. Ids of different courts'
/// chains have nothing to do with each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct ReceivedId {
    /// The client of the court's chain, on the institution's chain.
    pub client: ClientId,
    /// The order.
    pub order: OrderId,
}

impl core::fmt::Display for ReceivedId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}/{}", self.client, self.order)
    }
}

impl ReceivedOrder {
    /// Which order it is on this chain.
    #[must_use]
    pub fn id(&self) -> ReceivedId {
        ReceivedId { client: self.client.clone(), order: self.sealed.order.id }
    }
}

/// The institution chain's view of an order that arrived.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ReceivedOrder {
    /// The order as received.
    pub sealed: SealedOrder,
    /// Where it stands in the queue.
    pub arrival: crate::asset::Arrival,
    /// Its packet's sequence on the court chain's client.
    pub sequence: u64,
    /// The client it came over, on this chain.
    pub client: ClientId,
    /// `Pending` or a final state.
    pub state: OrderState,
    /// The result, once there is one: what the acknowledgement says.
    pub result: Option<OrderResult>,
    /// Where its hold is, if it made one: asset and number.
    pub hold: Option<(AssetHandle, u32)>,
    /// How many notices were sent about it.
    pub notices: u32,
}
