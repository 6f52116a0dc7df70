//! Agreements on a court's chain: who owes what by when, how performance is proven, and what default opens.
//!
//! Parties and texts are commitments, and the account is an opaque handle: nothing here says whose they are. Computes no
//! hash and knows no clock; what a proof is worth is decided by `verify` and `ledger/app`.

use crate::order::Approval;
use crate::record::RecordState;
use crate::{
    AgreementId, Amount, AssetHandle, ChainId, ClientId, Hash, Height, MemberId, OfficerId, ReasonCode, RuleId, Sector,
    Time, UnixSeconds,
};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Most instalments of one agreement.
pub const INSTALMENTS_MAX: usize = 120;
/// Fewest and most parties of one agreement.
pub const PARTIES_MIN: usize = 2;
/// See [`PARTIES_MIN`].
pub const PARTIES_MAX: usize = 16;
/// The longest hold period between a default and what it opens, in seconds: 90 days.
pub const HOLD_MAX_S: u64 = 90 * 86_400;

/// What a court does to an agreement: what an officer approves (domain tag `comity/agreement-deed/v1`) and the court
/// seals together with the approval (`comity/agreement-seal/v1`).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Deed {
    /// The court's chain.
    pub chain: ChainId,
    /// The court.
    pub court: MemberId,
    /// The agreement.
    pub agreement: AgreementId,
    /// What is done.
    pub act: Act,
}

/// A deed, an officer's approval of it, and the court's seal over both: a message to the court's chain.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SealedDeed {
    /// What is done.
    pub deed: Deed,
    /// The officer who approved it.
    pub approval: Approval,
    /// The court's seal over deed and approval.
    pub seal: crate::seal::Signature,
}

/// What can be done to an agreement.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Act {
    /// Puts it on the chain.
    Conclude(Terms) = 1,
    /// Confirms it judicially: from then on its default opens enforcement instead of a trial, if its terms say so.
    Confirm {
        /// Digest of the ruling.
        ruling: Hash,
    } = 2,
    /// Stops what its default would open, within the hold period.
    Stop {
        /// Why, as a code.
        reason: ReasonCode,
        /// Digest of the ruling.
        ruling: Hash,
    } = 3,
}

/// What was agreed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Terms {
    /// Commitment to the agreement's text.
    pub text: Hash,
    /// Who is bound and to whom: 2 to 16, each commitment once, at least one of either role.
    pub parties: Vec<Party>,
    /// What is owed, by due date: 1 to 120, of one currency.
    pub instalments: Vec<Instalment>,
    /// Where performance is proven.
    pub payments: PaymentsAt,
    /// The rule by which default opens something.
    pub rule: RuleId,
    /// SHA-256 of the rule's text, as it stood when the agreement was concluded.
    pub rule_digest: Hash,
    /// What default opens while no court has confirmed the agreement.
    pub opens: Opens,
    /// What default opens once a court has confirmed it.
    pub opens_confirmed: Opens,
    /// How long after a default a judge may stop it, in seconds; at most [`HOLD_MAX_S`].
    pub hold_s: u64,
}

/// A party: a role and a commitment.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Party {
    /// Its role.
    pub role: PartyRole,
    /// Commitment to who it is (domain tag `comity/agreement-party/v1`).
    pub commitment: Hash,
}

/// The role of a party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum PartyRole {
    /// Is owed.
    Creditor = 1,
    /// Owes.
    Debtor = 2,
}

/// One instalment. Its number is its place, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Instalment {
    /// How much.
    pub amount: Amount,
    /// By when it must stand in the records of [`PaymentsAt`].
    pub due_at: UnixSeconds,
}

/// Where payments are recorded: on which chain, in which sector, to which account.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PaymentsAt {
    /// The client of the finance chain, on the court's chain.
    pub client: ClientId,
    /// The sector of its payment records.
    pub sector: Sector,
    /// The designated account, under the opaque handle of its institution.
    pub account: AssetHandle,
}

/// What a default opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Opens {
    /// A filing for trial.
    Trial = 1,
    /// A filing for enforcement.
    Enforcement = 2,
}

/// An agreement as it stands on the court's chain.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AgreementEntry {
    /// Its id.
    pub id: AgreementId,
    /// The court.
    pub court: MemberId,
    /// What was agreed.
    pub terms: Terms,
    /// When it was put on the chain.
    pub concluded_at: UnixSeconds,
    /// The court's confirmation.
    pub confirmation: Option<Confirmation>,
    /// What was proven of each instalment.
    pub instalments: Vec<Standing>,
    /// Where it stands.
    pub state: AgreementState,
    /// The default that was proven.
    pub default: Option<Default>,
    /// Who stopped it.
    pub stop: Option<Stop>,
    /// What its default opened.
    pub filing: Option<Filing>,
}

/// Where an agreement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum AgreementState {
    /// Instalments are due, paid or to come.
    InForce = 1,
    /// All of it was paid. An end.
    Performed = 2,
    /// A default was proven, and a judge may stop what it opens.
    Defaulted = 3,
    /// A judge stopped it. An end.
    Stopped = 4,
    /// The next step is open. An end.
    Opened = 5,
}

/// What was proven of an instalment.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Standing {
    /// Whether its due date has come by this chain's clock.
    pub due: bool,
    /// The payment that was proven.
    pub paid: Option<Payment>,
}

/// A payment as the finance chain proves it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Payment {
    /// How much.
    pub amount: Amount,
    /// When, by the word of the institution that keeps the account.
    pub paid_at: UnixSeconds,
    /// Where it was proven.
    pub fact: Fact,
}

/// Where and when something was proven about another chain, and where this chain took note of it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Fact {
    /// The chain that it is proven of.
    pub chain: ChainId,
    /// The header's height there.
    pub height: Height,
    /// The header's time.
    pub time: Time,
    /// The header's hash.
    pub header_hash: Hash,
    /// The block of this chain that took the proof.
    pub noted: Height,
}

/// A confirmation by the court.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Confirmation {
    /// Digest of the ruling.
    pub ruling: Hash,
    /// Who approved it.
    pub officer: OfficerId,
    /// When.
    pub at: UnixSeconds,
}

/// A default: an instalment is proven not to stand in the records at its due date.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Default {
    /// Which instalment.
    pub instalment: u16,
    /// The proven absence.
    pub fact: Fact,
    /// When it was noted.
    pub at: UnixSeconds,
    /// When the next step opens unless a judge stops it before.
    pub opens_at: UnixSeconds,
}

/// A judge's stop.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Stop {
    /// Why, as a code.
    pub reason: ReasonCode,
    /// Digest of the ruling.
    pub ruling: Hash,
    /// Who approved it.
    pub officer: OfficerId,
    /// When.
    pub at: UnixSeconds,
}

/// What the chain opened by itself.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Filing {
    /// For what.
    pub opens: Opens,
    /// When, in law: the end of the hold period.
    pub opened_at: UnixSeconds,
    /// The block that carried it out.
    pub height: Height,
    /// What is not proven to be paid, of all instalments.
    pub unpaid: Amount,
}

/// A record of payment and what opens of it: a message to the court's chain.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PaymentProof {
    /// The record's state on the finance chain.
    pub record: RecordState,
    /// Canonical bytes of `verify::fields::Disclosure`: at least the fields `account`, `amount` and `paid_at`.
    pub disclosure: Vec<u8>,
    /// ICS-23 proof that the record stands.
    pub proof: Vec<u8>,
    /// Height of the header that the proof is under.
    pub height: Height,
}

/// What proves that an instalment was not paid by its due date.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum DefaultProof {
    /// No record of payment stands.
    Absent {
        /// ICS-23 proof of absence of the record.
        proof: Vec<u8>,
        /// Height of a header of the finance chain whose time is at or past the due date.
        height: Height,
    } = 1,
    /// A record stands and says less: too small an amount, another account, or it was withdrawn. Its header's time is at or
    /// past the due date.
    Insufficient(PaymentProof) = 2,
}

/// Names of a payment record's fields: what every sector that records payments calls them.
pub mod payment_field {
    /// The account's handle, as a digest.
    pub const ACCOUNT: &str = "account";
    /// The amount paid.
    pub const AMOUNT: &str = "amount";
    /// When it was paid.
    pub const PAID_AT: &str = "paid_at";
}

impl Terms {
    /// Whether the terms keep their bounds and fit each other.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        let Some(first) = self.instalments.first() else {
            return false;
        };
        let currency = first.amount.currency;
        let ascending =
            self.instalments.iter().zip(self.instalments.iter().skip(1)).all(|(one, next)| one.due_at < next.due_at);
        let has = |role| self.parties.iter().any(|party| party.role == role);
        let once = self.parties.iter().enumerate().all(|(place, party)| {
            self.parties.iter().skip(place.saturating_add(1)).all(|other| other.commitment != party.commitment)
        });
        let total = self.instalments.iter().try_fold(0u64, |sum, one| sum.checked_add(one.amount.minor));
        self.instalments.len() <= INSTALMENTS_MAX
            && (PARTIES_MIN..=PARTIES_MAX).contains(&self.parties.len())
            && self.instalments.iter().all(|one| one.amount.minor > 0 && one.amount.currency == currency)
            && total.is_some()
            && ascending
            && once
            && has(PartyRole::Creditor)
            && has(PartyRole::Debtor)
            && self.hold_s <= HOLD_MAX_S
    }
}

impl AgreementEntry {
    /// The instalment of that number, and what was proven of it.
    #[must_use]
    pub fn instalment(&self, number: u16) -> Option<(&Instalment, &Standing)> {
        let place = usize::from(number);
        self.terms.instalments.get(place).zip(self.instalments.get(place))
    }

    /// What default would open now.
    #[must_use]
    pub const fn opens(&self) -> Opens {
        match self.confirmation {
            Some(_) => self.terms.opens_confirmed,
            None => self.terms.opens,
        }
    }

    /// What is not proven to be paid, of all instalments; `None` without instalments.
    #[must_use]
    pub fn unpaid(&self) -> Option<Amount> {
        let currency = self.terms.instalments.first()?.amount.currency;
        let open = self.terms.instalments.iter().zip(&self.instalments).filter(|(_, standing)| standing.paid.is_none());
        let minor = open.fold(0u64, |sum, (instalment, _)| sum.saturating_add(instalment.amount.minor));
        Some(Amount { currency, minor })
    }
}
