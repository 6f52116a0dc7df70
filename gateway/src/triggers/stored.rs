//! A firing and its proposals as the gateway keeps them.
//! It refuses to know the store and the wire.

use crate::orders::{DraftRequest, ProvenUnder};
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::record::Field;
use comity_model::{Hash, OrderId, RuleId, Sector, Time};

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
    Investigation {
        /// In these sectors.
        sectors: Vec<Sector>,
        /// For this one.
        person: Vec<Field>,
    },
}

impl StoredProposal {
    /// The draft that waits for approval, as far as the proposal knows.
    pub(super) const fn draft(&self) -> Option<OrderId> {
        match &self.what {
            What::Order { draft, lapsed: false, .. } => *draft,
            _ => None,
        }
    }
}
