//! Why the application refuses: a closed list of reasons, each with a stable code and a sentence.
//!
//! A refusal is the other side's fault and changes nothing in the state; our own faults are [`AppError`]. What `verify`
//! refuses keeps the code of its rule. No sentence ever holds personal data.

use crate::abci::{AppError, TxResult};
use comity_model::event::Event;

macro_rules! reasons {
    ($($name:ident, $code:literal, $sentence:literal;)*) => {
        /// Reasons of refusal that are the application's own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason {
            $(#[doc = $sentence] $name,)*
        }

        impl Reason {
            /// All of them, for documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The sentence for people.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)* }
            }
        }
    };
}

reasons! {
    // Transactions.
    TxTooLarge, "TX_TOO_LARGE", "The transaction is larger than this chain accepts.";
    TxMalformed, "TX_MALFORMED", "The bytes are not a transaction.";
    TxEmpty, "TX_EMPTY", "The transaction holds no message.";
    TxTooManyMessages, "TX_TOO_MANY_MESSAGES", "The transaction holds more messages than this chain accepts.";
    BatchSize, "BATCH_SIZE", "The list is empty or longer than this chain accepts.";
    WrongChain, "WRONG_CHAIN", "The message is for another chain.";
    UnknownSender, "UNKNOWN_SENDER", "The sender is not an operator of a member whose home is this chain.";
    BadSignature, "BAD_SIGNATURE", "The transaction's signature does not hold.";
    // Members and seals.
    UnknownMember, "UNKNOWN_MEMBER", "No such member is known to this chain.";
    MemberNotValid, "MEMBER_NOT_VALID", "The member's keys may not be used at this time.";
    MemberMalformed, "MEMBER_MALFORMED", "The member's entry breaks a bound or names another home.";
    MemberStale, "MEMBER_STALE", "A newer state of this member is already known.";
    OperatorTaken, "OPERATOR_TAKEN", "The operator key belongs to another member.";
    WrongSeal, "WRONG_SEAL", "The institution's seal does not hold.";
    NotACourt, "NOT_A_COURT", "The member is not a court.";
    // Governance.
    ProposalNumber, "PROPOSAL_NUMBER", "The proposal is not the next one.";
    NotEnoughGovernors, "NOT_ENOUGH_GOVERNORS", "Too few different governors approved.";
    GovernorApproval, "GOVERNOR_APPROVAL", "An approval is out of order, unknown or its signature does not hold.";
    ValidatorsMalformed, "VALIDATORS_MALFORMED", "The validator set would be empty, too large or too powerful.";
    ProfileMalformed, "PROFILE_MALFORMED", "The profile names an unknown institution, a kind twice, or what does not fit a kind's effect.";
    // Clients.
    UnknownClient, "UNKNOWN_CLIENT", "No such client is known to this chain.";
    ClientExists, "CLIENT_EXISTS", "A client of this id exists or existed.";
    ClientKind, "CLIENT_KIND", "This chain does not accept clients of that kind or suite.";
    ClientMalformed, "CLIENT_MALFORMED", "The client's state breaks a bound.";
    ClientFrozen, "CLIENT_FROZEN", "The client is frozen: its chain signed two headers of one height.";
    ClientExpired, "CLIENT_EXPIRED", "The client's last header is older than its trusting period.";
    ClientWaits, "CLIENT_WAITS", "The client may not be used before its delay has passed.";
    ClientActive, "CLIENT_ACTIVE", "Only a frozen or expired client can be recovered.";
    UnknownHeight, "UNKNOWN_HEIGHT", "The client knows no header of that height.";
    LightStepMalformed, "LIGHT_STEP_MALFORMED", "The bytes are not a step of a light client.";
    // Packets.
    PacketMalformed, "PACKET_MALFORMED", "The packet does not hold exactly one payload or breaks a bound.";
    WrongCounterparty, "WRONG_COUNTERPARTY", "The packet's two clients do not belong together.";
    PacketTimedOut, "PACKET_TIMED_OUT", "The packet arrived at or after its timeout.";
    PacketConflict, "PACKET_CONFLICT", "Another packet of this sequence was received or sent.";
    // Records and assets.
    UnknownSector, "UNKNOWN_SECTOR", "No such sector is known to this chain.";
    NotTheInstitution, "NOT_THE_INSTITUTION", "Another institution answers for this sector.";
    RecordVersion, "RECORD_VERSION", "The record's version does not follow the one that stands.";
    AssetChanged, "ASSET_CHANGED", "An asset's sector, institution, enforcement, currency or divisibility cannot change.";
    AssetHeld, "ASSET_HELD", "The new value is less than what is held of the asset.";
    AssetRevision, "ASSET_REVISION", "The asset's revision does not follow the one that stands: read it again.";
    AssetTransferred, "ASSET_TRANSFERRED", "The asset went over to another owner and is no longer under this handle.";
    AssetTaken, "ASSET_TAKEN", "Another asset stands under the new handle.";
    UnknownAsset, "UNKNOWN_ASSET", "No such asset is registered on this chain.";
    // Orders.
    RequestConflict, "REQUEST_CONFLICT", "The request id was used for another order.";
    OrderExists, "ORDER_EXISTS", "An order of this id exists.";
    OrderForm, "ORDER_FORM", "The order's public part lacks what its effect needs, or has what it must not.";
    NothingToConfirm, "NOTHING_TO_CONFIRM", "The original is no emergency order of this court.";
    SameOfficer, "SAME_OFFICER", "An emergency order must be confirmed by another officer than the one who ordered it.";
    ClaimMismatch, "CLAIM_MISMATCH", "The claim is not the one that the order commits to, or another amount was claimed before.";
    ObligationFull, "OBLIGATION_FULL", "Too many orders serve this obligation.";
    ObligationCovered, "OBLIGATION_COVERED", "What is held and deducted for this obligation covers it.";
    ObligationExceeded, "OBLIGATION_EXCEEDED", "With this deduction more would be taken than the obligation is.";
    OtherObligation, "OTHER_OBLIGATION", "A deduction serves the obligation that its original order serves.";
    OrderDates, "ORDER_DATES", "The order's dates are in the wrong order, past or too far apart.";
    RecipientUnknown, "RECIPIENT_UNKNOWN", "The recipient was not imported over the order's client.";
    // Decisions.
    UnknownOrder, "UNKNOWN_ORDER", "No such order arrived at this chain.";
    AlreadyDecided, "ALREADY_DECIDED", "The order has been answered.";
    DecisionLate, "DECISION_LATE", "The time to decide has passed.";
    DecisionAsset, "DECISION_ASSET", "The asset does not fit the order's sector, kind or original.";
    DecisionAmount, "DECISION_AMOUNT", "The amount is missing, zero, of another currency, or not wanted.";
    DecisionForm, "DECISION_FORM", "The decision's form does not fit what the order's kind does.";
    ObjectionNotAllowed, "OBJECTION_NOT_ALLOWED", "The sector's profile allows no objection to orders of this kind.";
    AlreadyObjected, "ALREADY_OBJECTED", "The institution has objected to this order before.";
    NoStandingHold, "NO_STANDING_HOLD", "The order made no hold, or its hold has ended.";
    OriginalPending, "ORIGINAL_PENDING", "The original order has not been decided yet.";
    QueueFull, "QUEUE_FULL", "Too many holds stand on the asset.";
    // Agreements.
    AgreementMalformed, "AGREEMENT_MALFORMED", "The agreement's terms break a bound, or its first instalment is not to come.";
    AgreementExists, "AGREEMENT_EXISTS", "Another agreement of this id exists.";
    UnknownAgreement, "UNKNOWN_AGREEMENT", "No such agreement of this court is known to this chain.";
    AgreementEnded, "AGREEMENT_ENDED", "The agreement is performed, stopped, or has opened what it opens.";
    AgreementState, "AGREEMENT_STATE", "The agreement has gone too far, or not far enough, for this.";
    StopLate, "STOP_LATE", "The hold period is over: what the default opens is open.";
    InstalmentPaid, "INSTALMENT_PAID", "The instalment is proven to be paid.";
    ProofOld, "PROOF_OLD", "The header that the proof is under is too old to say that the record still stands.";
    // Deposits.
    LogBehind, "LOG_BEHIND", "The log's head that stands has more entries: read it again.";
    LogForked, "LOG_FORKED", "The new head is not proven to have grown from the one that stands.";
    // Queries.
    UnknownQuery, "UNKNOWN_QUERY", "No such query.";
    QueryMalformed, "QUERY_MALFORMED", "The query's argument cannot be read.";
    HeightNotKept, "HEIGHT_NOT_KEPT", "The state after that block is not kept, or not there yet.";
    NoGenesis, "NO_GENESIS", "The chain has not begun.";
}

/// A refusal: code, sentence, and evidence that outlives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    code: &'static str,
    sentence: String,
    evidence: Vec<Event>,
}

impl Refusal {
    /// The same refusal, with an event that is kept though nothing else is.
    pub(crate) fn with_evidence(mut self, event: Event) -> Self {
        self.evidence.push(event);
        self
    }

    /// The stable code.
    pub(crate) const fn code(&self) -> &'static str {
        self.code
    }

    /// The sentence for people.
    pub(crate) fn sentence(&self) -> &str {
        &self.sentence
    }

    /// As the result of a transaction.
    pub(crate) fn into_result(self) -> TxResult {
        TxResult { code: 1, codespace: self.code.into(), log: self.sentence, events: self.evidence }
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self { code: reason.code(), sentence: reason.sentence().into(), evidence: Vec::new() }
    }
}

impl From<comity_verify::Refusal> for Refusal {
    fn from(refusal: comity_verify::Refusal) -> Self {
        Self { code: refusal.rule.code(), sentence: refusal.to_string(), evidence: Vec::new() }
    }
}

/// What ends a message early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The sender's fault: the transaction is refused.
    Refused(Refusal),
    /// Our fault: the chain stops.
    Fault(AppError),
}

impl<R: Into<Refusal>> From<R> for Stop {
    fn from(refusal: R) -> Self {
        Self::Refused(refusal.into())
    }
}

impl From<AppError> for Stop {
    fn from(fault: AppError) -> Self {
        Self::Fault(fault)
    }
}

/// Refuses with `reason` unless `condition` holds.
pub(crate) fn require(condition: bool, reason: Reason) -> Result<(), Stop> {
    if condition { Ok(()) } else { Err(reason.into()) }
}
