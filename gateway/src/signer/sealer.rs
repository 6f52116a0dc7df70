//! What the signer checks before it seals, and the sealing itself. Pure: the time is an argument.
//! It refuses to know transports, stores and whose request it serves.

use super::key::SealKey;
use crate::orders::class;
use borsh::BorshSerialize;
use comity_model::agreement::Deed;
use comity_model::deposit::{DepositBatch, LogHead};
use comity_model::member::Officer;
use comity_model::order::{Approval, DELIVERY_MAX_S, Decision, Delivery, Objection, Order, PrivatePart};
use comity_model::profile::Effect;
use comity_model::record::{FieldValue, RecordReceipt};
use comity_model::seal::{PublicKey, Signature, Suites};
use comity_model::tx::{AssetBatch, RecordBatch};
use comity_model::{Amount, ChainId, FieldName, Malformed, MemberId, OrderKind, Sector, UnixSeconds};
use comity_verify::agreement;
use comity_verify::deposit::{self, TAG_BATCH, TAG_HEAD};
use comity_verify::following::TAG_RECEIPT;
use comity_verify::merkle::TreeHead;
use comity_verify::order::{self as verify, TAG_DELIVERY};
use comity_verify::seal::{self, TAG_ASSETS, TAG_DECISION, TAG_OBJECTION, TAG_RECORDS};
use comity_verify::tlog::Checkpoint;
use secrecy::SecretBox;

/// How far a receipt's time may lie from the signer's clock, in seconds.
const CLOCK_DRIFT_MAX_S: u64 = 60;

/// Whom the signer speaks for, and whom it believes. Its own copy: it takes none of this from the gateway.
#[derive(Clone, Debug)]
pub struct SignerIdentity {
    /// Its institution.
    pub institution: MemberId,
    /// That institution's chain.
    pub chain: ChainId,
    /// The officers who may approve.
    pub officers: Vec<Officer>,
    /// The orders it may seal, and what class each needs.
    pub rules: Vec<SealRule>,
}

/// Which approval class one kind of order needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealRule {
    /// The sector.
    pub sector: Sector,
    /// The kind of order in it.
    pub kind: OrderKind,
    /// What the kind does.
    pub effect: Effect,
    /// From this amount on, two officers. `None`: always two.
    pub two_approvals_from: Option<Amount>,
    /// Whether one officer may order it alone in an emergency.
    pub emergencies: bool,
    /// The field of the private part that holds the amount; `None` where the kind has none.
    pub amount_field: Option<FieldName>,
}

/// Why the signer did not seal. Names no person and no field's value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealRefusal {
    /// The bytes are not of the type they should be.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It speaks for another institution or another chain.
    #[error("this does not speak for {0} on its own chain")]
    NotOurs(MemberId),
    /// The signer has no rule for this kind of order.
    #[error("no rule permits orders of kind {1} in sector {0}")]
    UnknownKind(Sector, OrderKind),
    /// The private part is not the one that officers approved.
    #[error("the private part is not the one that the order binds")]
    PrivatePart,
    /// The class is too low for the amount, or the amount is missing.
    #[error("this order needs two officers, and was drawn up for one")]
    ClassTooLow,
    /// Too few different officers approved.
    #[error("{needed} officers must approve, {found} did")]
    TooFewApprovals {
        /// How many the class needs.
        needed: usize,
        /// How many different ones there are.
        found: usize,
    },
    /// An approval is not by an officer known here, valid now and at the time of the order, or its signature is wrong,
    /// or approvals are not sorted by officer, each once.
    #[error("an approval does not hold")]
    Approval,
    /// Its effect is not that of its kind, or its public part does not fit the effect or the private part.
    #[error("the public part of this order does not fit its kind or its private part")]
    Form,
    /// Its deadlines are past, out of order or too far.
    #[error("the deadlines of this order do not hold")]
    Deadlines,
    /// A receipt whose time is not now.
    #[error("the time of this receipt is not now")]
    ReceiptTime,
}

impl SealRefusal {
    /// The stable reason code of this refusal.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "MALFORMED",
            Self::NotOurs(_) => "NOT_OURS",
            Self::UnknownKind(..) => "UNKNOWN_KIND",
            Self::PrivatePart => "PRIVATE_PART_MISMATCH",
            Self::ClassTooLow => "CLASS_TOO_LOW",
            Self::TooFewApprovals { .. } => "TOO_FEW_APPROVALS",
            Self::Approval => "APPROVAL_INVALID",
            Self::Form => "ORDER_FORM",
            Self::Deadlines => "DEADLINES_INVALID",
            Self::ReceiptTime => "RECEIPT_TIME",
        }
    }
}

/// The signer's checks and its key. The key leaves it in no way.
pub struct SignerCore {
    identity: SignerIdentity,
    key: SealKey,
}

impl SignerCore {
    /// A signer of `identity` with an Ed25519 seed. The seed is wiped when the signer is dropped.
    #[must_use]
    pub fn new(identity: SignerIdentity, seed: &SecretBox<[u8; 32]>) -> Self {
        Self::with(identity, SealKey::ed25519(seed))
    }

    /// A signer of `identity` with a key of any suite.
    #[must_use]
    pub const fn with(identity: SignerIdentity, key: SealKey) -> Self {
        Self { identity, key }
    }

    /// The institution it speaks for.
    #[must_use]
    pub const fn institution(&self) -> &MemberId {
        &self.identity.institution
    }

    /// The public half of its key: `Member.seal_key`.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.key.public_key().clone()
    }

    /// Seals an order over its approvals, if it is this court's, its private part is the one it binds, its class fits
    /// the amount in it, and enough different officers whom this signer knows approved it.
    ///
    /// # Errors
    /// [`SealRefusal`]; nothing was sealed.
    pub fn seal_order(
        &self,
        order: &Order,
        approvals: &[Approval],
        part: &PrivatePart,
        now: UnixSeconds,
    ) -> Result<Signature, SealRefusal> {
        self.ours(order.court == self.identity.institution && order.source_chain == self.identity.chain)?;
        if part.order != order.id || verify::private_digest(part) != order.private_digest {
            return Err(SealRefusal::PrivatePart);
        }
        self.class_fits(order, part)?;
        let deadlines = order.issued_at <= now.plus(CLOCK_DRIFT_MAX_S)
            && now < order.deliver_by
            && order.deliver_by <= order.issued_at.plus(DELIVERY_MAX_S)
            && order.deliver_by < order.decide_by
            && order.decide_by <= order.hold_until;
        if !deadlines {
            return Err(SealRefusal::Deadlines);
        }
        self.approvals_hold(order, approvals, now)?;
        Ok(self.sign_bytes(&verify::seal_bytes(order, approvals)))
    }

    /// Seals a receipt of this institution for a private part that arrived now.
    ///
    /// # Errors
    /// [`SealRefusal`]; nothing was sealed.
    pub fn seal_delivery(&self, delivery: &Delivery, now: UnixSeconds) -> Result<Signature, SealRefusal> {
        self.ours(delivery.recipient == self.identity.institution)?;
        if delivery.received_at.0.abs_diff(now.0) > CLOCK_DRIFT_MAX_S {
            return Err(SealRefusal::ReceiptTime);
        }
        Ok(self.sign(TAG_DELIVERY, delivery))
    }

    /// Seals a decision for this institution's chain.
    ///
    /// # Errors
    /// [`SealRefusal`]; nothing was sealed.
    pub fn seal_decision(&self, decision: &Decision) -> Result<Signature, SealRefusal> {
        self.ours(decision.chain == self.identity.chain)?;
        Ok(self.sign(TAG_DECISION, decision))
    }

    /// Seals an objection for this institution's chain.
    ///
    /// # Errors
    /// [`SealRefusal`]; nothing was sealed.
    pub fn seal_objection(&self, objection: &Objection) -> Result<Signature, SealRefusal> {
        self.ours(objection.chain == self.identity.chain)?;
        Ok(self.sign(TAG_OBJECTION, objection))
    }

    /// Seals a batch of this institution's records.
    ///
    /// # Errors
    /// [`SealRefusal`]; nothing was sealed.
    pub fn seal_records(&self, batch: &RecordBatch) -> Result<Signature, SealRefusal> {
        self.ours(batch.member == self.identity.institution && batch.chain == self.identity.chain)?;
        Ok(self.sign(TAG_RECORDS, batch))
    }

    /// Seals a batch of assets that this institution keeps.
    ///
    /// # Errors
    /// [`SealRefusal`]; nothing was sealed.
    pub fn seal_assets(&self, batch: &AssetBatch) -> Result<Signature, SealRefusal> {
        let institution = &self.identity.institution;
        self.ours(
            batch.member == *institution
                && batch.chain == self.identity.chain
                && batch.assets.iter().all(|asset| asset.institution == *institution),
        )?;
        Ok(self.sign(TAG_ASSETS, batch))
    }

    /// Seals a receipt of this institution for a record that was delivered now.
    ///
    /// # Errors
    /// [`SealRefusal`]; nothing was sealed.
    pub fn seal_record_receipt(&self, receipt: &RecordReceipt, now: UnixSeconds) -> Result<Signature, SealRefusal> {
        self.ours(receipt.holder == self.identity.institution)?;
        if receipt.at.0.abs_diff(now.0) > CLOCK_DRIFT_MAX_S {
            return Err(SealRefusal::ReceiptTime);
        }
        Ok(self.sign(TAG_RECEIPT, receipt))
    }

    /// Seals a head of the log of deposits that this institution keeps. That it has grown is judged by the chain.
    ///
    /// # Errors
    /// [`SealRefusal`]; nothing was sealed.
    pub fn seal_log_head(&self, head: &LogHead) -> Result<Signature, SealRefusal> {
        self.ours(head.keeper == self.identity.institution && head.chain == self.identity.chain)?;
        Ok(self.sign(TAG_HEAD, head))
    }

    /// Seals a batch of deposits of this institution, into whose log they may go.
    ///
    /// # Errors
    /// [`SealRefusal`]; nothing was sealed.
    pub fn seal_deposits(&self, batch: &DepositBatch) -> Result<Signature, SealRefusal> {
        self.ours(batch.depositor == self.identity.institution)?;
        Ok(self.sign(TAG_BATCH, batch))
    }

    /// Signs the checkpoint of a head of the own log (C2SP `tlog-checkpoint`), with the log's key.
    ///
    /// # Errors
    /// [`SealRefusal`]; nothing was signed.
    pub fn sign_checkpoint(&self, head: &LogHead) -> Result<Signature, SealRefusal> {
        self.ours(head.keeper == self.identity.institution && head.chain == self.identity.chain)?;
        let tree = TreeHead { size: head.size, root: head.root };
        let text = Checkpoint::text(&deposit::origin(&head.chain, &head.keeper), &tree).unwrap_or_default();
        Ok(Signature::ed25519(self.key.sign_checkpoint(&text)))
    }

    /// The public key of the institution's log.
    #[must_use]
    pub fn log_key(&self) -> [u8; 32] {
        self.key.log_key()
    }

    /// Seals a deed of this court about an agreement, if an officer whom this signer knows approved it.
    ///
    /// # Errors
    /// [`SealRefusal`]; nothing was sealed.
    pub fn seal_deed(&self, deed: &Deed, approval: &Approval, now: UnixSeconds) -> Result<Signature, SealRefusal> {
        self.ours(deed.court == self.identity.institution && deed.chain == self.identity.chain)?;
        let officer = self.identity.officers.iter().find(|officer| officer.id == approval.officer);
        let officer = officer.ok_or(SealRefusal::Approval)?;
        agreement::approved(deed, approval, officer, now, Suites::ALL).map_err(|_| SealRefusal::Approval)?;
        Ok(self.sign_bytes(&agreement::seal_bytes(deed, approval)))
    }

    fn ours(&self, speaks_for_us: bool) -> Result<(), SealRefusal> {
        if speaks_for_us { Ok(()) } else { Err(SealRefusal::NotOurs(self.identity.institution.clone())) }
    }

    fn class_fits(&self, order: &Order, part: &PrivatePart) -> Result<(), SealRefusal> {
        let rule = self
            .identity
            .rules
            .iter()
            .find(|rule| rule.sector == order.sector && rule.kind == order.kind)
            .ok_or_else(|| SealRefusal::UnknownKind(order.sector.clone(), order.kind.clone()))?;
        let amount = rule.amount_field.as_ref().and_then(|name| amount_of(part, name));
        if !class::is_enough(order, rule.two_approvals_from, rule.emergencies, amount) {
            return Err(SealRefusal::ClassTooLow);
        }
        // What officers approve in public is what the institution reads in private.
        let is_form = order.effect == rule.effect && order.is_well_formed();
        if !is_form || order.amount.is_some_and(|public| Some(public) != amount) {
            return Err(SealRefusal::Form);
        }
        Ok(())
    }

    fn approvals_hold(&self, order: &Order, approvals: &[Approval], now: UnixSeconds) -> Result<(), SealRefusal> {
        let needed = order.approval.approvals();
        if approvals.len() < needed {
            return Err(SealRefusal::TooFewApprovals { needed, found: approvals.len() });
        }
        let officers = &self.identity.officers;
        let refused = |_| SealRefusal::Approval;
        // The officers' keys stand in the signer's own configuration, whatever their suite; the chain says which it
        // accepts.
        let judge = |at| verify::approvals(order, approvals, officers, at, Suites::ALL).map_err(refused);
        judge(now)?;
        judge(order.issued_at)
    }

    fn sign<T: BorshSerialize>(&self, tag: &'static str, value: &T) -> Signature {
        self.sign_bytes(&seal::signing_bytes(tag, value))
    }

    fn sign_bytes(&self, bytes: &[u8]) -> Signature {
        self.key.sign(bytes)
    }
}

/// The amount in field `name`, if it is one.
fn amount_of(part: &PrivatePart, name: &FieldName) -> Option<Amount> {
    part.fields.iter().find(|field| field.name == *name).and_then(|field| match field.value {
        FieldValue::Amount(amount) => Some(amount),
        _ => None,
    })
}

#[cfg(test)]
#[path = "sealer_tests.rs"]
mod tests;
