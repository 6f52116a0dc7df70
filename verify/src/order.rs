//! An order that is approved, sealed and delivered: the checks that every party repeats before acting on one.
//!
//! Knows members and officers as they are given to it; where they come from (own state, or proof) is the caller's
//! matter. Knows no profile and no asset.

use crate::refusal::{Refusal, Rule};
use crate::seal;
use alloc::vec::Vec;
use comity_model::member::{Member, Officer, Validity};
use comity_model::obligation::Claim;
use comity_model::order::{Approval, Grounds, Order, PrivateAnswer, PrivatePart, SealedOrder};
use comity_model::seal::{Signature, Suite, Suites};
use comity_model::{Hash, MemberId, UnixSeconds};

/// Domain tag of an order: what officers approve.
pub const TAG_ORDER: &str = "comity/order/v2";
/// Domain tag of the court's seal over an order and its approvals.
pub const TAG_SEAL: &str = "comity/order-seal/v2";
/// Domain tag of a delivery receipt.
pub const TAG_DELIVERY: &str = "comity/delivery/v1";
/// Domain tag of the private part's digest.
pub const TAG_PRIVATE: &str = "comity/order-private/v1";

/// Domain tag of the digest of an institution's private answer.
pub const TAG_ANSWER: &str = "comity/order-answer/v1";
/// Domain tag of the digest of an objection's grounds.
pub const TAG_GROUNDS: &str = "comity/objection-grounds/v1";
/// Domain tag of a commitment to a designated account.
pub const TAG_ACCOUNT: &str = "comity/designated-account/v1";

/// Domain tag of a commitment to an obligation.
pub const TAG_CLAIM: &str = "comity/claim/v1";

/// An order whose approvals, seal and delivery receipt were checked. Only this crate can make one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct ApprovedOrder(SealedOrder);

impl ApprovedOrder {
    /// The order.
    pub const fn sealed(&self) -> &SealedOrder {
        &self.0
    }

    /// Takes the order out.
    #[must_use]
    pub fn into_sealed(self) -> SealedOrder {
        self.0
    }
}

/// A member, and the suites that are accepted from its chain.
#[derive(Clone, Copy, Debug)]
pub struct Party<'a> {
    /// The member.
    pub member: &'a Member,
    /// By the anchor or client of its chain; for one at home, by the chain itself.
    pub suites: Suites,
}

/// The suites of what the court signed: approvals and seal.
pub fn court_suites(sealed: &SealedOrder) -> impl Iterator<Item = Suite> {
    sealed.approvals.iter().map(|approval| approval.signature.suite).chain([sealed.seal.suite])
}

/// The suites of all signatures of an order: the court's and the delivery receipt's.
pub fn suites(sealed: &SealedOrder) -> impl Iterator<Item = Suite> {
    court_suites(sealed).chain([sealed.delivery_seal.suite])
}

/// Checks everything that makes an order one: approvals by distinct officers of the court in office at `now`, as many
/// as its class asks; the court's seal; the recipient's delivery receipt over the same private part. `officers` may
/// hold others as well; they use the court's suites.
pub fn approve(
    sealed: &SealedOrder,
    court: &Party<'_>,
    officers: &[Officer],
    recipient: &Party<'_>,
    now: UnixSeconds,
) -> Result<ApprovedOrder, Refusal> {
    approvals(&sealed.order, &sealed.approvals, officers, now, court.suites)?;
    sealed_by(&sealed.order, &sealed.approvals, &sealed.seal, court, now)?;
    delivered_to(sealed, recipient, now)?;
    Ok(ApprovedOrder(sealed.clone()))
}

/// Checks the approvals alone: what a court's signer does before it seals.
pub fn approvals(
    order: &Order,
    approvals: &[Approval],
    officers: &[Officer],
    now: UnixSeconds,
    accepted: Suites,
) -> Result<(), Refusal> {
    let ids: Vec<_> = approvals.iter().map(|approval| &approval.officer).collect();
    if !ids.iter().zip(ids.iter().skip(1)).all(|(a, b)| a < b) {
        return Err(Refusal::new(Rule::Approval, "approvals sorted by officer, each officer once", "another order"));
    }
    if approvals.len() < order.approval.approvals() {
        return Err(Refusal::new(
            Rule::Approval,
            alloc::format!("{} approvals", order.approval.approvals()),
            approvals.len(),
        ));
    }
    let mut keys = Vec::with_capacity(approvals.len());
    for approval in approvals {
        let officer = officers
            .iter()
            .find(|officer| officer.member == order.court && officer.id == approval.officer)
            .ok_or_else(|| Refusal::new(Rule::Approval, "officers of the court", "an unknown one"))?;
        // Two work numbers with one key are one person.
        if keys.contains(&&officer.key) {
            return Err(Refusal::new(Rule::Approval, "a key of its own for each officer", "one key twice"));
        }
        keys.push(&officer.key);
        valid(&officer.validity, now, "an officer's key")?;
        seal::check(TAG_ORDER, order, &officer.key, &approval.signature, accepted)?;
    }
    Ok(())
}

/// Checks the court's seal over an order and its approvals.
pub fn sealed_by(
    order: &Order,
    approvals: &[Approval],
    signature: &Signature,
    court: &Party<'_>,
    now: UnixSeconds,
) -> Result<(), Refusal> {
    same_member("the court", &order.court, &court.member.id)?;
    valid(&court.member.validity, now, "the court's seal key")?;
    seal::check(TAG_SEAL, &(order, approvals), &court.member.seal_key, signature, court.suites)
}

/// Checks the recipient's delivery receipt.
fn delivered_to(sealed: &SealedOrder, recipient: &Party<'_>, now: UnixSeconds) -> Result<(), Refusal> {
    let (order, delivery) = (&sealed.order, &sealed.delivery);
    same_member("the recipient", &order.recipient, &recipient.member.id)?;
    same_member("the receipt's recipient", &order.recipient, &delivery.recipient)?;
    if delivery.order != order.id {
        return Err(Refusal::new(Rule::OrderMismatch, order.id, delivery.order));
    }
    if delivery.private_digest != order.private_digest {
        return Err(Refusal::new(Rule::OrderMismatch, order.private_digest, delivery.private_digest));
    }
    valid(&recipient.member.validity, now, "the recipient's seal key")?;
    let key = &recipient.member.seal_key;
    seal::check(TAG_DELIVERY, delivery, key, &sealed.delivery_seal, recipient.suites)
}

/// The bytes that a court's signer seals ([`sealed_by`]).
#[must_use]
pub fn seal_bytes(order: &Order, approvals: &[Approval]) -> Vec<u8> {
    seal::signing_bytes(TAG_SEAL, &(order, approvals))
}

/// The digest by which an order binds its private part.
#[must_use]
pub fn private_digest(part: &PrivatePart) -> Hash {
    seal::digest(TAG_PRIVATE, part)
}

/// Digest of a private answer: what the institution's decision, and with it the order's result, binds.
#[must_use]
pub fn answer_digest(answer: &PrivateAnswer) -> Hash {
    seal::digest(TAG_ANSWER, answer)
}

/// Digest of an objection's grounds: what the objection, and the notice of it, binds.
#[must_use]
pub fn grounds_digest(grounds: &Grounds) -> Hash {
    seal::digest(TAG_GROUNDS, grounds)
}

/// The commitment by which a freeze, and each deduction out of it, names the court's designated account: over the salt of
/// the **freeze's** private part and the account's number. Whoever has that private part can check it, and nobody else.
#[must_use]
pub fn account(freeze: &PrivatePart, number: &str) -> Hash {
    seal::digest(TAG_ACCOUNT, &(freeze.salt, number))
}

/// The commitment by which an order names the obligation that it serves.
#[must_use]
pub fn claim(claim: &Claim) -> Hash {
    seal::digest(TAG_CLAIM, claim)
}

fn same_member(what: &str, expected: &MemberId, found: &MemberId) -> Result<(), Refusal> {
    if expected == found {
        Ok(())
    } else {
        Err(Refusal::new(Rule::OrderMismatch, alloc::format!("{what} {expected}"), found))
    }
}

fn valid(validity: &Validity, now: UnixSeconds, what: &str) -> Result<(), Refusal> {
    if validity.covers(now) {
        Ok(())
    } else {
        Err(Refusal::new(
            Rule::Validity,
            alloc::format!("{what} valid at {now}"),
            alloc::format!("from {} until {}", validity.from, validity.until),
        ))
    }
}
