//! What is signed of an agreement, how its parties and payments are named, and what a record of payment must say.
//!
//! Knows officers and courts as they are given to it, and no chain state: whether an agreement may still change is
//! `ledger/app`'s matter.

use crate::fields::{self, DisclosedRecord, Disclosure};
use crate::light::TrustedHeader;
use crate::refusal::{Refusal, Rule};
use crate::seal;
use crate::state::{self, Proven, ProvenAt};
use alloc::vec::Vec;
use comity_model::agreement::{
    AgreementEntry, Deed, DefaultProof, Fact, Instalment, Payment, PaymentProof, SealedDeed, Standing, payment_field,
};
use comity_model::member::{Member, Officer};
use comity_model::order::Approval;
use comity_model::record::{FieldValue, RecordStatus};
use comity_model::seal::Suites;
use comity_model::state::StatePath;
use comity_model::{AgreementId, Amount, AssetHandle, Hash, Height, MemberId, RecordId, UnixSeconds, encode};

/// Domain tag of a deed: what an officer approves (`Deed`).
pub const TAG_DEED: &str = "comity/agreement-deed/v1";
/// Domain tag of a sealed deed: what the court's signer seals (`(Deed, Approval)`).
pub const TAG_SEAL: &str = "comity/agreement-seal/v1";
/// Domain tag of a party's commitment (`([u8; 32] salt, name, identity number)`).
pub const TAG_PARTY: &str = "comity/agreement-party/v1";
/// Domain tag of a text's commitment (`([u8; 32] salt, Hash of the text)`).
pub const TAG_TEXT: &str = "comity/agreement-text/v1";
/// Domain tag of a payment's reference (`(AssetHandle, MemberId, AgreementId, u16)`).
pub const TAG_REFERENCE: &str = "comity/payment-reference/v1";

/// The bytes that a court's signer seals.
#[must_use]
pub fn seal_bytes(deed: &Deed, approval: &Approval) -> Vec<u8> {
    seal::signing_bytes(TAG_SEAL, &(deed, approval))
}

/// The commitment to a party.
#[must_use]
pub fn party(salt: &[u8; 32], name: &str, number: &str) -> Hash {
    seal::digest(TAG_PARTY, &(salt, name, number))
}

/// The commitment to a text whose SHA-256 is `digest`.
#[must_use]
pub fn text(salt: &[u8; 32], digest: &Hash) -> Hash {
    seal::digest(TAG_TEXT, &(salt, digest))
}

/// Under which id the payment of an instalment is recorded: 64 hex digits, which whoever pays names as the reference.
/// Being computed, it stands at one place only, so that absence there is absence of the payment.
#[must_use]
pub fn reference(account: &AssetHandle, court: &MemberId, agreement: &AgreementId, instalment: u16) -> RecordId {
    let digest = seal::digest(TAG_REFERENCE, &(account, court, agreement, instalment));
    RecordId::of_digest(&digest)
}

/// Checks an officer's approval of a deed: an officer of the court, in office at `now`.
pub fn approved(
    deed: &Deed,
    approval: &Approval,
    officer: &Officer,
    now: UnixSeconds,
    accepted: Suites,
) -> Result<(), Refusal> {
    if officer.member != deed.court || officer.id != approval.officer {
        return Err(Refusal::new(Rule::Approval, "an officer of the court", "another one"));
    }
    if !officer.validity.covers(now) {
        return Err(Refusal::new(Rule::Approval, "an officer in office", "one who is not"));
    }
    seal::check(TAG_DEED, deed, &officer.key, &approval.signature, accepted)
}

/// Checks everything that makes a deed one: the officer's approval and the court's seal over both.
pub fn judge(
    sealed: &SealedDeed,
    court: &Member,
    officer: &Officer,
    now: UnixSeconds,
    accepted: Suites,
) -> Result<(), Refusal> {
    approved(&sealed.deed, &sealed.approval, officer, now, accepted)?;
    if court.id != sealed.deed.court || !court.validity.covers(now) {
        return Err(Refusal::new(
            Rule::OrderMismatch,
            &sealed.deed.court,
            "another court, or one whose key may not be used",
        ));
    }
    seal::check(TAG_SEAL, &(&sealed.deed, &sealed.approval), &court.seal_key, &sealed.seal, accepted)
}

/// Proves the payment of an instalment under a header of the finance chain: the record stands under the computed
/// reference, is current, and says that at least the amount was paid to the designated account. `noted` is the block that
/// takes note of it.
pub fn payment(
    header: &TrustedHeader,
    entry: &AgreementEntry,
    instalment: u16,
    proof: &PaymentProof,
    accepted: Suites,
    noted: Height,
) -> Result<Proven<Payment>, Refusal> {
    let (owed, _) = known(entry, instalment)?;
    let record = record(header, entry, instalment, proof, accepted)?;
    let says = Says::of(record.value());
    let refuse = |expected: &str, found: &str| Refusal::new(Rule::PaymentRecord, expected, found);
    if record.value().state.status != RecordStatus::Current {
        return Err(refuse("a current record", "a withdrawn one"));
    }
    if says.account != Some(entry.terms.payments.account) {
        return Err(refuse("the designated account", "another one, or none"));
    }
    let amount = says.amount.filter(|amount| covers(*amount, owed));
    let amount = amount.ok_or_else(|| refuse("at least the instalment's amount", "less, or none"))?;
    let paid_at = says.paid_at.ok_or_else(|| refuse("a time of payment", "none"))?;
    let payment = Payment { amount, paid_at, fact: fact(record.at(), noted) };
    Ok(Proven::new(payment, record.at().clone()))
}

/// Proves under a header of the finance chain, whose time is at or past the due date, that no record says that the
/// instalment was paid: there is none, or the one there is says less.
pub fn unpaid(
    header: &TrustedHeader,
    entry: &AgreementEntry,
    instalment: u16,
    evidence: &DefaultProof,
    accepted: Suites,
) -> Result<Proven<Lacking>, Refusal> {
    let at = &entry.terms.payments;
    let (owed, _) = known(entry, instalment)?;
    if header.time().unix_seconds() < owed.due_at {
        return Err(Refusal::new(Rule::DefaultEarly, alloc::format!("{} or later", owed.due_at.0), header.time()));
    }
    match evidence {
        DefaultProof::Absent { proof, .. } => {
            let id = reference(&at.account, &entry.court, &entry.id, instalment);
            let absence = state::absence(header, &StatePath::Record(at.sector.clone(), id), proof)?;
            Ok(Proven::new(Lacking::Record, absence.at().clone()))
        }
        DefaultProof::Insufficient(proof) => {
            let record = record(header, entry, instalment, proof, accepted)?;
            let says = Says::of(record.value());
            // What is not opened proves nothing, unless everything is.
            let all = record.value().fields.len() == usize::from(record.value().fields_total);
            let lacks = record.value().state.status != RecordStatus::Current
                || says.account.map_or(all, |account| account != at.account)
                || says.amount.map_or(all, |amount| !covers(amount, owed))
                || (says.paid_at.is_none() && all);
            if lacks {
                Ok(Proven::new(Lacking::Amount, record.at().clone()))
            } else {
                Err(Refusal::new(Rule::PaymentRecord, "a record that says less than is owed", "one that does not"))
            }
        }
    }
}

/// What lacks of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacking {
    /// The record itself.
    Record,
    /// What the record says is less than is owed, or not to the designated account.
    Amount,
}

fn record(
    header: &TrustedHeader,
    entry: &AgreementEntry,
    instalment: u16,
    proof: &PaymentProof,
    accepted: Suites,
) -> Result<Proven<DisclosedRecord>, Refusal> {
    let at = &entry.terms.payments;
    let id = reference(&at.account, &entry.court, &entry.id, instalment);
    let disclosure: Disclosure = comity_model::decode("a disclosure", &proof.disclosure)
        .map_err(|malformed| Refusal::new(Rule::FieldsMalformed, malformed.what, "other bytes"))?;
    fields::record(header, &at.sector, &id, &encode(&proof.record), &proof.proof, &disclosure, accepted)
}

fn covers(paid: Amount, owed: &Instalment) -> bool {
    paid.currency == owed.amount.currency && paid.minor >= owed.amount.minor
}

/// What a record of payment says, as far as it was opened.
struct Says {
    account: Option<AssetHandle>,
    amount: Option<Amount>,
    paid_at: Option<UnixSeconds>,
}

impl Says {
    fn of(record: &DisclosedRecord) -> Self {
        let field =
            |name: &str| record.fields.iter().find(|field| field.name.as_str() == name).map(|field| &field.value);
        Self {
            account: match field(payment_field::ACCOUNT) {
                Some(FieldValue::Digest(account)) => Some(AssetHandle(account.0)),
                _ => None,
            },
            amount: match field(payment_field::AMOUNT) {
                Some(FieldValue::Amount(amount)) => Some(*amount),
                _ => None,
            },
            paid_at: match field(payment_field::PAID_AT) {
                Some(FieldValue::Time(time)) => Some(*time),
                _ => None,
            },
        }
    }
}

fn known(entry: &AgreementEntry, instalment: u16) -> Result<(&Instalment, &Standing), Refusal> {
    entry
        .instalment(instalment)
        .ok_or_else(|| Refusal::new(Rule::PaymentRecord, "an instalment of the agreement", instalment))
}

/// Where and when something was proven, as it is kept.
#[must_use]
pub fn fact(at: &ProvenAt, noted: Height) -> Fact {
    Fact { chain: at.chain_id.clone(), height: at.height, time: at.time, header_hash: at.header_hash, noted }
}
