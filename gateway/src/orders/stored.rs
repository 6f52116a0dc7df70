//! An order as the court's gateway keeps it, and the only ways in which it may change: a state goes forward, never back.
//! It refuses to know the store, the chain and the wire.

use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::obligation::Claim;
use comity_model::order::{
    Approval, Delivery, Notice, Order, OrderEntry, OrderResult, OrderState, Outcome, PrivateAnswer, PrivatePart,
    SealedOrder,
};
use comity_model::packet::{PORT_ORDERS, Packet, Payload};
use comity_model::profile::Effect;
use comity_model::seal::Signature;
use comity_model::{ChainId, Hash, Height, OfficerId, ReasonCode, Time, UnixSeconds, encode};
use comity_verify::order::{TAG_DELIVERY, answer_digest};
use comity_verify::seal;

/// Most steps that are kept of one order.
const STEPS_MAX: usize = 16;

/// An order with everything the gateway knows of it. One row of the store.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StoredOrder {
    /// The public part.
    pub order: Order,
    /// The private part: what the court itself may read.
    pub part: PrivatePart,
    /// What opens the order's commitment to its obligation: goes to the court's own chain with it, and nowhere else.
    pub claim: Option<Claim>,
    /// Digest of the request that drew it up.
    pub request_digest: Hash,
    /// Approvals so far, sorted by officer, each once.
    pub approvals: Vec<Approval>,
    /// The court's seal, the recipient's receipt and its seal: once delivered.
    pub delivered: Option<Delivered>,
    /// Where it stands.
    pub state: OrderState,
    /// Counts changes from 1.
    pub revision: u64,
    /// The states that were entered.
    pub steps: Vec<Step>,
    /// Why it failed before it was committed.
    pub failure: Option<ReasonCode>,
    /// The proven result.
    pub result: Option<OrderResult>,
    /// The last proven notice.
    pub notice: Option<Notice>,
    /// The header of the court's own chain under which it was last proven there.
    pub proven: Option<ProvenUnder>,
    /// Its packet's sequence, once it is proven to stand on the court's chain.
    pub sequence: Option<u64>,
    /// What the institution handed over as its answer, once it did.
    pub answer: Option<StoredAnswer>,
}

/// What became of an institution's answer.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum StoredAnswer {
    /// It is what the proven result binds.
    Received(PrivateAnswer),
    /// What was handed over is something else; it is asked for again.
    Refused(ReasonCode),
}

/// A state that was entered.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Step {
    /// The state.
    pub state: OrderState,
    /// When, by this gateway's clock.
    pub at: Time,
    /// The header that proves it: of the court's own chain, or of the institution's for what only that one knows. `None`
    /// for what lives in this gateway.
    pub proven: Option<ProvenUnder>,
}

/// The seals that make it a [`comity_model::order::SealedOrder`].
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Delivered {
    /// The court's seal.
    pub seal: Signature,
    /// The recipient's receipt.
    pub delivery: Delivery,
    /// The recipient's seal over it.
    pub delivery_seal: Signature,
}

/// The header of a proof.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ProvenUnder {
    /// The chain.
    pub chain: ChainId,
    /// The header's height.
    pub height: Height,
    /// The header's hash.
    pub header_hash: Hash,
    /// The header's time.
    pub time: Time,
}

/// A change that the order's state does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an order that is {} does not become {}", from.name(), to.name())]
pub struct NotForward {
    /// Where it stands.
    pub from: OrderState,
    /// Where it was to go.
    pub to: OrderState,
}

impl StoredOrder {
    /// A fresh draft.
    #[must_use]
    pub fn draft(order: Order, part: PrivatePart, request_digest: Hash, now: Time) -> Self {
        Self {
            order,
            part,
            claim: None,
            request_digest,
            approvals: Vec::new(),
            delivered: None,
            state: OrderState::AwaitingApproval,
            revision: 1,
            steps: vec![Step { state: OrderState::AwaitingApproval, at: now, proven: None }],
            failure: None,
            result: None,
            notice: None,
            proven: None,
            sequence: None,
            answer: None,
        }
    }

    /// Whether enough officers approved.
    #[must_use]
    pub fn is_approved(&self) -> bool {
        self.approvals.len() >= self.order.approval.approvals()
    }

    /// Whether the packet may stand on the chain: from then on nothing is taken back.
    #[must_use]
    pub fn may_be_committed(&self) -> bool {
        self.delivered.is_some() || rank(self.state) >= rank(OrderState::Committed)
    }

    /// Whether its answer is still to come.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.state.is_answered()
    }

    /// Whether it made a hold that may still change: by time, by another order, by an earlier one decided late.
    #[must_use]
    pub fn hold_lives(&self) -> bool {
        let stands = matches!(self.state, OrderState::Executed | OrderState::Waitlisted | OrderState::Objected);
        let ended = self.notice.as_ref().is_some_and(|notice| !notice.hold.state.stands());
        self.order.effect.holds() && stands && !ended
    }

    /// Adds an approval whose signature was checked. The same officer again changes nothing.
    ///
    /// # Errors
    /// [`NotForward`] once the order was withdrawn or has failed.
    pub fn approve(&mut self, approval: Approval, now: Time) -> Result<bool, NotForward> {
        if self.approvals.iter().any(|known| known.officer == approval.officer) {
            return Ok(false);
        }
        if self.state != OrderState::AwaitingApproval {
            return Err(NotForward { from: self.state, to: OrderState::AwaitingDelivery });
        }
        let at = self.approvals.partition_point(|known| known.officer < approval.officer);
        self.approvals.insert(at, approval);
        if self.is_approved() {
            self.enter(OrderState::AwaitingDelivery, now, None)?;
        } else {
            self.revision += 1;
        }
        Ok(true)
    }

    /// Whether an approval by `officer` is the last one needed.
    #[must_use]
    pub fn is_sent_by(&self, officer: &OfficerId) -> bool {
        self.state == OrderState::AwaitingApproval
            && self.approvals.len() + 1 >= self.order.approval.approvals()
            && self.approvals.iter().all(|known| known.officer != *officer)
    }

    /// Takes the order back.
    ///
    /// # Errors
    /// [`NotForward`] once it may stand on the chain, or is answered.
    pub fn withdraw(&mut self, now: Time) -> Result<bool, NotForward> {
        if self.state == OrderState::Withdrawn {
            return Ok(false);
        }
        if self.may_be_committed() || self.state.is_answered() {
            return Err(NotForward { from: self.state, to: OrderState::Withdrawn });
        }
        self.enter(OrderState::Withdrawn, now, None)?;
        Ok(true)
    }

    /// Keeps the seals; the state stays `AwaitingDelivery` until the packet stands on the chain.
    ///
    /// # Errors
    /// [`NotForward`] unless the order awaits delivery.
    pub fn deliver(&mut self, delivered: Delivered) -> Result<bool, NotForward> {
        if self.delivered.is_some() {
            return Ok(false);
        }
        if self.state != OrderState::AwaitingDelivery {
            return Err(NotForward { from: self.state, to: OrderState::Committed });
        }
        self.delivered = Some(delivered);
        self.revision += 1;
        Ok(true)
    }

    /// Ends an order that was never committed.
    ///
    /// # Errors
    /// [`NotForward`] where it is further.
    pub fn fail(&mut self, reason: ReasonCode, now: Time) -> Result<bool, NotForward> {
        if rank(self.state) >= rank(OrderState::Committed) {
            return Err(NotForward { from: self.state, to: OrderState::Failed });
        }
        self.enter(OrderState::Failed, now, None)?;
        self.failure = Some(reason);
        Ok(true)
    }

    /// Notes what was proven on the institution's chain of an order that stands on the court's: its packet's receipt, or
    /// that it waits there to be decided. Nothing once the answer is here, however late this comes.
    pub fn arrived(&mut self, pending: bool, under: &ProvenUnder, now: Time) -> bool {
        let state = if pending { OrderState::Pending } else { OrderState::Relayed };
        rank(self.state) >= rank(OrderState::Committed) && self.enter(state, now, Some(under.clone())).is_ok()
    }

    /// Whether it stands on the court's chain and is not known to wait for its decision, or to be answered.
    #[must_use]
    pub const fn is_under_way(&self) -> bool {
        matches!(self.state, OrderState::Committed | OrderState::Relayed)
    }

    /// Whether it was approved and neither waits for somebody's decision nor is answered: its chain, the relayer and the
    /// institution have work with it.
    #[must_use]
    pub const fn is_on_its_way(&self) -> bool {
        matches!(self.state, OrderState::AwaitingDelivery) || self.is_under_way()
    }

    /// The digest of an answer that the proven result binds and that is not here.
    #[must_use]
    pub fn wanted_answer(&self) -> Option<Hash> {
        // What answers a hand-over is the receipt, and that is here.
        let digest = self.result.as_ref()?.answer_digest.filter(|_| self.order.effect != Effect::HandOver)?;
        (!matches!(self.answer, Some(StoredAnswer::Received(_)))).then_some(digest)
    }

    /// The digest of the recipient's sealed receipt for the private part, once it is here; and for a hand-over, whether the
    /// proven result binds it.
    #[must_use]
    pub fn receipt(&self) -> Option<(&Delivery, Hash, bool)> {
        let delivery = &self.delivered.as_ref()?.delivery;
        let digest = seal::digest(TAG_DELIVERY, delivery);
        let bound = self.result.as_ref().and_then(|result| result.answer_digest);
        Some((delivery, digest, self.order.effect == Effect::HandOver && bound == Some(digest)))
    }

    /// Takes the answer up that was found to be the one wanted.
    pub fn take_answer(&mut self, answer: PrivateAnswer) -> bool {
        if self.wanted_answer() != Some(answer_digest(&answer)) || answer.order != self.order.id {
            return false;
        }
        self.answer = Some(StoredAnswer::Received(answer));
        self.revision += 1;
        true
    }

    /// Notes that something else was handed over.
    pub fn refuse_answer(&mut self, code: ReasonCode) -> bool {
        let refused = Some(StoredAnswer::Refused(code));
        if self.wanted_answer().is_none() || self.answer == refused {
            return false;
        }
        self.answer = refused;
        self.revision += 1;
        true
    }

    /// Its packet, once it is proven to have been sent.
    #[must_use]
    pub fn packet(&self) -> Option<Packet> {
        let sealed = self.sealed()?;
        Some(Packet {
            sequence: self.sequence?,
            source_client: self.order.source_client.clone(),
            dest_client: self.order.dest_client.clone(),
            timeout: self.order.deliver_by,
            payloads: vec![Payload::canonical(PORT_ORDERS, encode(&sealed))],
        })
    }

    /// The order with everything that makes it one, once it has been delivered.
    #[must_use]
    pub fn sealed(&self) -> Option<SealedOrder> {
        let delivered = self.delivered.clone()?;
        Some(SealedOrder {
            order: self.order.clone(),
            approvals: self.approvals.clone(),
            seal: delivered.seal,
            delivery: delivered.delivery,
            delivery_seal: delivered.delivery_seal,
        })
    }

    /// The header under which the state shown was proven, on whichever chain knows it.
    #[must_use]
    pub fn shown_under(&self) -> Option<&ProvenUnder> {
        let last = self.steps.last().filter(|step| step.state == self.state);
        match self.state {
            OrderState::Relayed | OrderState::Pending => last.and_then(|step| step.proven.as_ref()),
            _ => self.proven.as_ref(),
        }
    }

    /// Takes over what was proven of it on the court's chain. Older or equal news change nothing.
    pub fn learn(&mut self, entry: &OrderEntry, under: ProvenUnder, now: Time) -> bool {
        let older = self.proven.as_ref().is_some_and(|known| known.height > under.height);
        if older || entry.sealed.order != self.order {
            return false;
        }
        let number = |notice: &Option<Notice>| notice.as_ref().map_or(0, |notice| notice.number);
        let noticed = number(&entry.notice) > number(&self.notice);
        // What a gateway concluded by itself gives way to what is proven: another one may have committed the order.
        let concluded = self.failure.is_some() && self.proven.is_none();
        let moves = follows(self.state, entry.state) || (noticed && turns(self.state, entry.state)) || concluded;
        let news = noticed || moves;
        if moves {
            self.step(entry.state, now, Some(under.clone()));
        } else if noticed {
            self.revision += 1;
        }
        if news {
            self.failure = None;
            self.notice.clone_from(&entry.notice);
            self.result.clone_from(&entry.result);
            self.sequence = Some(entry.sequence);
            self.proven = Some(under);
        }
        news
    }

    fn enter(&mut self, to: OrderState, now: Time, proven: Option<ProvenUnder>) -> Result<(), NotForward> {
        if !follows(self.state, to) {
            return Err(NotForward { from: self.state, to });
        }
        self.step(to, now, proven);
        Ok(())
    }

    fn step(&mut self, to: OrderState, now: Time, proven: Option<ProvenUnder>) {
        self.state = to;
        self.revision += 1;
        // A hold may turn often; its first turns tell the story.
        if self.steps.len() < STEPS_MAX {
            self.steps.push(Step { state: to, at: now, proven });
        }
    }

    /// The reason of a refusal or failure, wherever it came from.
    #[must_use]
    pub fn reason(&self) -> Option<&ReasonCode> {
        match self.result.as_ref().map(|result| &result.outcome) {
            Some(Outcome::Refused(reason) | Outcome::Failed(reason)) => Some(reason),
            _ => self.failure.as_ref(),
        }
    }

    /// By when the recipient must have taken the private part and the packet.
    #[must_use]
    pub const fn deliver_by(&self) -> UnixSeconds {
        self.order.deliver_by
    }
}

/// How far along a state is. Answers are as far as each other: none follows another.
const fn rank(state: OrderState) -> u8 {
    match state {
        OrderState::AwaitingApproval => 1,
        OrderState::AwaitingDelivery => 2,
        OrderState::Committed => 3,
        OrderState::Relayed => 4,
        OrderState::Pending => 5,
        OrderState::Executed
        | OrderState::Waitlisted
        | OrderState::Refused
        | OrderState::Failed
        | OrderState::TimedOut
        | OrderState::Withdrawn
        | OrderState::Objected => 6,
    }
}

/// Whether `to` may come after `from`.
#[must_use]
pub const fn follows(from: OrderState, to: OrderState) -> bool {
    match (from, to) {
        (OrderState::AwaitingApproval | OrderState::AwaitingDelivery, OrderState::Withdrawn) => true,
        (_, OrderState::Withdrawn) => false,
        _ => rank(from) < rank(to),
    }
}

/// Whether a notice may turn a hold from `from` to `to`: a waiting one takes effect, or one that arrived earlier and was
/// decided later takes its place; the institution objects, and the objection ends.
const fn turns(from: OrderState, to: OrderState) -> bool {
    use OrderState::{Executed, Objected, Waitlisted};
    matches!(
        (from, to),
        (Waitlisted | Objected, Executed) | (Executed | Objected, Waitlisted) | (Executed | Waitlisted, Objected)
    )
}

#[cfg(test)]
#[path = "stored_tests.rs"]
mod tests;
