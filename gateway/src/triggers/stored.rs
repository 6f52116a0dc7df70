//! A firing and its proposals as the gateway keeps them.
//! It refuses to know the store and the wire.

use super::rules::FoundRule;
use super::stop::StoredStop;
use crate::audit::Purpose;
use crate::orders::{DraftRequest, ProvenUnder};
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::record::{Field, FieldValue};
use comity_model::{Amount, Hash, MemberId, OrderId, RuleId, Sector, Time, UnixSeconds};

/// A firing's or a proposal's id: derived from what fired, so that it fires once.
pub(super) type Id = [u8; 16];

/// One firing of a rule. Names no person.
#[derive(Clone, BorshSerialize, BorshDeserialize)]
pub(super) struct StoredFiring {
    /// Its id.
    pub(super) id: Id,
    /// The rule, and the digest of its text.
    pub(super) rule: RuleId,
    /// See `rule`.
    pub(super) digest: Hash,
    /// What it is about, by its name in the API.
    pub(super) subject: String,
    /// When, by this gateway's clock.
    pub(super) at: Time,
    /// In one sentence.
    pub(super) explanation: String,
    /// What it rests on.
    pub(super) facts: Vec<StoredFact>,
    /// What it proposes.
    pub(super) proposals: Vec<Id>,
}

/// A fact, and where it was proven.
#[derive(Clone, BorshSerialize, BorshDeserialize)]
pub(super) struct StoredFact {
    /// What was proven; names no person.
    pub(super) statement: String,
    /// Where.
    pub(super) under: ProvenUnder,
    /// By which rules of `verify`, in their order.
    pub(super) rules: Vec<String>,
}

/// Something that a rule proposes.
#[derive(Clone, BorshSerialize, BorshDeserialize)]
pub(super) struct StoredProposal {
    /// Its id.
    pub(super) id: Id,
    /// The firing.
    pub(super) firing: Id,
    /// When, by this gateway's clock.
    pub(super) at: Time,
    /// What is proposed.
    pub(super) what: What,
}

/// What is proposed.
#[derive(Clone, BorshSerialize, BorshDeserialize)]
#[allow(clippy::large_enum_variant, reason = "few are in memory at a time")]
pub(super) enum What {
    /// An order.
    Order {
        /// What the draft is drawn up by; its request id is that of the last attempt.
        request: DraftRequest,
        /// How often it was drawn up: a draft that nobody approved in time is drawn up anew.
        attempt: u32,
        /// The draft; `None` where none could be drawn up.
        draft: Option<OrderId>,
        /// Why none could be, as a reason code, and the field that it is about.
        problem: Option<(String, String)>,
        /// Nobody took it up while it could be.
        lapsed: bool,
    },
    /// Looking for a person.
    Investigation(StoredInvestigation),
}

/// An investigation: it begins by itself when its hold period is over, unless a judge stops it.
#[derive(Clone, BorshSerialize, BorshDeserialize)]
pub(super) struct StoredInvestigation {
    /// The rule that proposes it, the digest of its text and what it calls itself.
    pub(super) rule: RuleId,
    /// See `rule`.
    pub(super) digest: Hash,
    /// See `rule`.
    pub(super) title: String,
    /// Where to look.
    pub(super) sectors: Vec<Sector>,
    /// For whom: name, kind of document and number, as far as they are known.
    pub(super) person: Vec<Field>,
    /// The person's number in its one form; empty where the case names none.
    pub(super) number: String,
    /// Why, for those who are asked.
    pub(super) purpose: Purpose,
    /// Until then a judge may stop it.
    pub(super) opens_at: UnixSeconds,
    /// What a finding proposes, and what drafts then need: the case's fields and the named places.
    pub(super) found: Vec<FoundRule>,
    /// See `found`.
    pub(super) case: Vec<Field>,
    /// See `found`.
    pub(super) places: Vec<(String, FieldValue)>,
    /// What is claimed in all: the drafts' holds serve this together.
    pub(super) claimed: Option<Amount>,
    /// How often institutions were asked, and when they are asked next. Whoever asks moves the second first, so that
    /// another gateway of the court does not ask as well.
    pub(super) attempt: u32,
    /// See `attempt`.
    pub(super) next_at: UnixSeconds,
    /// What is known already: of all sectors of an institution, or of one of them.
    pub(super) answered: Vec<(MemberId, Option<Sector>)>,
    /// Who has not answered, and why: a reason code.
    pub(super) unanswered: Vec<(MemberId, String)>,
    /// Findings that no firing has told yet; `None` where nobody was asked since the last one.
    pub(super) gathered: Option<Vec<StoredFinding>>,
    /// What the findings fired.
    pub(super) firings: Vec<Id>,
    /// How it ended.
    pub(super) ended: Option<Ended>,
}

/// How an investigation ended.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) enum Ended {
    /// Everybody has answered, or was asked often enough.
    Done,
    /// A judge stopped it.
    Stopped(StoredStop),
}

/// What one sector of one institution is proven to keep of the person.
#[derive(Clone, BorshSerialize, BorshDeserialize)]
pub(super) struct StoredFinding {
    /// The institution.
    pub(super) member: MemberId,
    /// The sector.
    pub(super) sector: Sector,
    /// The records' fields; none: proven to keep nothing.
    pub(super) records: Vec<Vec<Field>>,
    /// How many more records there are than are kept here.
    pub(super) more: u32,
    /// The header of all proofs.
    pub(super) under: ProvenUnder,
}

impl StoredProposal {
    /// The draft that waits for approval, as far as the proposal knows.
    pub(super) const fn draft(&self) -> Option<OrderId> {
        match &self.what {
            What::Order { draft, lapsed: false, .. } => *draft,
            _ => None,
        }
    }

    /// The investigation, if it is one.
    pub(super) const fn investigation(&self) -> Option<&StoredInvestigation> {
        match &self.what {
            What::Investigation(investigation) => Some(investigation),
            What::Order { .. } => None,
        }
    }
}
