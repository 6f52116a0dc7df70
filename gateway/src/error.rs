//! Why a call failed: one closed list of reasons, each with its gRPC code, its HTTP status and whose fault it is.
//! It refuses to know services and transports other than by these codes. Texts for callers and context for operators
//! are different fields: the second never leaves the process.

use crate::sectors::FieldError;
use comity_adapters_ports::PortError;
use comity_store::StoreError;
use comity_verify::refusal::Refusal as Verdict;
use std::error::Error;
use std::fmt;
use std::time::Duration;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// `domain` of every `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "comity";

/// How long a caller waits before it tries an [`Blame::Unavailable`] call again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Whose fault it is, and so whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The other side's: the same call fails again.
    Refusal,
    /// Ours: an operator has to look.
    Fault,
    /// Nobody's, for now: try again later.
    Unavailable,
}

macro_rules! table {
    ($($name:ident $text:literal $code:ident $http:literal $blame:ident $meaning:literal)*) => {
        /// Reasons. The texts are stable: programs act on them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason {
            $(#[doc = $meaning] $name,)*
        }

        impl Reason {
            /// Every reason, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable code, `UPPER_SNAKE`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The gRPC code.
            #[must_use]
            pub const fn code(self) -> Code {
                match self { $(Self::$name => Code::$code,)* }
            }

            /// The HTTP status.
            #[must_use]
            pub const fn http(self) -> u16 {
                match self { $(Self::$name => $http,)* }
            }

            /// Whose fault it is.
            #[must_use]
            pub const fn blame(self) -> Blame {
                match self { $(Self::$name => Blame::$blame,)* }
            }

            /// What it means, as the table in the documentation has it.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }
        }
    };
}

table! {
    Unauthenticated "UNAUTHENTICATED" Unauthenticated 401 Refusal
        "The connection carries no certificate of an institution of the alliance."
    PermissionDenied "PERMISSION_DENIED" PermissionDenied 403 Refusal
        "The policy does not permit this. Nothing more is said."
    UnknownRole "UNKNOWN_ROLE" PermissionDenied 403 Refusal
        "The policy of this gateway names no such role."
    RateLimited "RATE_LIMITED" ResourceExhausted 429 Refusal
        "The caller sends more requests than it may."
    MalformedName "MALFORMED_NAME" InvalidArgument 400 Refusal
        "A resource name is not of its form."
    InvalidArgument "INVALID_ARGUMENT" InvalidArgument 400 Refusal
        "A field of the request is missing or out of its range."
    Malformed "MALFORMED" InvalidArgument 400 Refusal
        "Bytes in the request are not the canonical encoding that they should be."
    TooLarge "TOO_LARGE" InvalidArgument 413 Refusal
        "The request is larger than accepted."
    PurposeRequired "PURPOSE_REQUIRED" InvalidArgument 400 Refusal
        "Personal data is asked for without case number, legal basis and purpose."
    UnknownField "UNKNOWN_FIELD" InvalidArgument 400 Refusal
        "The sector's schema has no such field."
    FieldType "FIELD_TYPE" InvalidArgument 400 Refusal
        "A field's value is of another type than in the schema."
    FieldMissing "FIELD_MISSING" InvalidArgument 400 Refusal
        "A field that the schema requires is missing."
    FieldsNotSorted "FIELDS_NOT_SORTED" InvalidArgument 400 Refusal
        "Fields are not sorted by name, each once."
    FieldValue "FIELD_VALUE" InvalidArgument 400 Refusal
        "A field's value is none that the schema lists."
    FieldText "FIELD_TEXT" InvalidArgument 400 Refusal
        "A field's text is empty or has control characters."
    FieldTooLong "FIELD_TOO_LONG" InvalidArgument 400 Refusal
        "A field is longer than accepted."
    RowRepeated "ROW_REPEATED" InvalidArgument 400 Refusal
        "The same record or asset stands in an earlier row of the batch."
    AssetReference "ASSET_REFERENCE" InvalidArgument 400 Refusal
        "An asset's reference is empty, too long or has control characters."
    AssetChanged "ASSET_CHANGED" FailedPrecondition 409 Refusal
        "An asset's enforcement, currency and divisibility cannot change."
    AssetHeld "ASSET_HELD" FailedPrecondition 409 Refusal
        "The asset's new value is less than what orders hold of it."
    AssetRevision "ASSET_REVISION" FailedPrecondition 409 Refusal
        "The asset changed on the chain since the state that its new value follows. Look it up again."
    AssetTransferred "ASSET_TRANSFERRED" FailedPrecondition 409 Refusal
        "An order handed the asset over to another owner: it is no longer registered under this reference."
    UnknownAsset "UNKNOWN_ASSET" NotFound 404 Refusal
        "No asset is registered under this reference, or its chain does not have it."
    RecordIdDiffers "RECORD_ID_DIFFERS" InvalidArgument 400 Refusal
        "A record's identity field names another record."
    LookupKeyMissing "LOOKUP_KEY_MISSING" Internal 500 Fault
        "Records of the sector stand under private ids, and the gateway that keeps them has no lookup key."
    RecordIdReserved "RECORD_ID_RESERVED" InvalidArgument 400 Refusal
        "A record's id begins with the character that is kept for a sector's index."
    ConsentRequired "CONSENT_REQUIRED" InvalidArgument 400 Refusal
        "A field is asked for that is read only with the consent of the record's subject."
    ConsentRefused "CONSENT_REFUSED" FailedPrecondition 403 Refusal
        "The consent does not cover this reader, this purpose or this time, or its signature is not the subject's."
    NotSearchable "NOT_SEARCHABLE" FailedPrecondition 409 Refusal
        "The institution keeps no index of this sector's records by person."
    UnknownKind "UNKNOWN_KIND" InvalidArgument 400 Refusal
        "The sector takes no orders of this kind."
    ObligationDiffers "OBLIGATION_DIFFERS" InvalidArgument 400 Refusal
        "The obligation is not the amount among the private fields."
    OriginalOrder "ORIGINAL_ORDER" InvalidArgument 400 Refusal
        "The order to change is missing, is set where none may be, or is not one of this court's."
    NoEmergency "NO_EMERGENCY" InvalidArgument 400 Refusal
        "The sector knows no emergency order of this kind."
    AccountDiffers "ACCOUNT_DIFFERS" InvalidArgument 400 Refusal
        "Money can be deducted only to the account that the original order named."
    NoObligation "NO_OBLIGATION" InvalidArgument 400 Refusal
        "Only orders that hold or deduct serve an obligation."
    ClaimDiffers "CLAIM_DIFFERS" FailedPrecondition 409 Refusal
        "Another amount was claimed under the obligation before, or the original order serves another one."
    ObligationCovered "OBLIGATION_COVERED" FailedPrecondition 409 Refusal
        "What is held and deducted for the obligation covers it: nothing more may be held."
    ObligationExceeded "OBLIGATION_EXCEEDED" FailedPrecondition 409 Refusal
        "With this deduction more would be taken than the obligation is."
    DeliverWithin "DELIVER_WITHIN" InvalidArgument 400 Refusal
        "Delivery may take at most 24 hours."
    HoldDays "HOLD_DAYS" InvalidArgument 400 Refusal
        "The hold is longer than the sector allows, or over before it could be decided."
    UnknownMember "UNKNOWN_MEMBER" NotFound 404 Refusal
        "This gateway knows no such institution."
    UnknownSector "UNKNOWN_SECTOR" NotFound 404 Refusal
        "There is no such sector, or the institution does not answer for it."
    UnknownChain "UNKNOWN_CHAIN" NotFound 404 Refusal
        "This gateway follows no such chain."
    UnknownOrder "UNKNOWN_ORDER" NotFound 404 Refusal
        "There is no such order at this gateway."
    UnknownObligation "UNKNOWN_OBLIGATION" NotFound 404 Refusal
        "No committed order of this court serves this obligation."
    UnknownAgreement "UNKNOWN_AGREEMENT" NotFound 404 Refusal
        "There is no such agreement at this gateway."
    UnknownRule "UNKNOWN_RULE" NotFound 404 Refusal
        "This gateway has no such rule."
    UnknownFiring "UNKNOWN_FIRING" NotFound 404 Refusal
        "There is no such firing of a rule, or no such proposal, at this gateway."
    UnknownAnswer "UNKNOWN_ANSWER" NotFound 404 Refusal
        "There is no such answer to an order of the calling court."
    UnknownHolding "UNKNOWN_HOLDING" NotFound 404 Refusal
        "Nobody holds a record under this id here."
    UnknownDeposit "UNKNOWN_DEPOSIT" NotFound 404 Refusal
        "There is no such deposit here, it was erased, or the digest that was named is not its file's."
    DepositPending "DEPOSIT_PENDING" Unavailable 503 Unavailable
        "The deposit is durable, and the chain has not taken it up yet: its proof is there after the next block."
    SealRefused "SEAL_REFUSED" FailedPrecondition 403 Refusal
        "The seal is not the depositor's over these entries. Metadata: rule."
    LogNotReady "LOG_NOT_READY" Unavailable 503 Unavailable
        "The log of deposits was not compared with its chain yet, or is not the one that the chain knows."
    LogBusy "LOG_BUSY" ResourceExhausted 503 Unavailable
        "Too many deposits wait to be written. The same request may be sent again."
    LogFailed "LOG_FAILED" Internal 500 Fault
        "The log of deposits cannot be read or written. The gateway's log says why."
    HoldingsFull "HOLDINGS_FULL" ResourceExhausted 429 Refusal
        "As many records are held as can be followed: end holdings that are needed no longer."
    UnknownPage "UNKNOWN_PAGE" NotFound 404 Refusal
        "The public port has no such page, file or tile."
    NoSuchMethod "NO_SUCH_METHOD" Unimplemented 501 Refusal
        "This gateway has no such method."
    UnknownOperation "UNKNOWN_OPERATION" NotFound 404 Refusal
        "There is no such operation at this gateway."
    RequestConflict "REQUEST_CONFLICT" AlreadyExists 409 Refusal
        "The request id was used for another request. Both are kept."
    OrderState "ORDER_STATE" FailedPrecondition 409 Refusal
        "The order has gone too far, or not far enough, for this."
    AgreementTerms "AGREEMENT_TERMS" InvalidArgument 400 Refusal
        "The agreement's terms break a bound: parties, instalments by ascending dates to come, one currency, the hold period."
    AgreementState "AGREEMENT_STATE" FailedPrecondition 409 Refusal
        "The agreement has gone too far, or not far enough, for this; a stop in particular comes before the hold period ends."
    ProposalState "PROPOSAL_STATE" FailedPrecondition 409 Refusal
        "The proposal is none that is stopped this way, or a judge stopped it otherwise: an order is stopped by its draft."
    StopLate "STOP_LATE" FailedPrecondition 409 Refusal
        "The hold period is over: what was to be opened is open, or is being opened, and is stopped no more."
    ApprovalRefused "APPROVAL_REFUSED" FailedPrecondition 403 Refusal
        "The approval is not a valid signature of an officer of this court."
    DecisionNotAllowed "DECISION_NOT_ALLOWED" FailedPrecondition 409 Refusal
        "The order may not be carried out: it is not authentic, or the sector's rules do not allow it. Metadata: rule."
    SignerRefused "SIGNER_REFUSED" FailedPrecondition 403 Refusal
        "The institution's signer looked for itself and does not seal this. Metadata: signer_reason."
    ChainRefused "CHAIN_REFUSED" FailedPrecondition 409 Refusal
        "The chain refused the transaction; nothing changed. Metadata: chain_reason."
    NotForThisInstitution "NOT_FOR_THIS_INSTITUTION" FailedPrecondition 400 Refusal
        "What was delivered is addressed to, or comes from, another institution than the connection's."
    DeliveryRefused "DELIVERY_REFUSED" FailedPrecondition 409 Refusal
        "The private part cannot be opened, is not the one that the order binds, or comes too late."
    NotConfigured "NOT_CONFIGURED" FailedPrecondition 501 Refusal
        "This gateway is not set up for it, such as orders at an institution that is no court."
    ProofTooOld "PROOF_TOO_OLD" FailedPrecondition 409 Refusal
        "The chain's latest verified header is older than the caller demands. Metadata: header_time, age_s."
    HeightGone "HEIGHT_GONE" FailedPrecondition 410 Refusal
        "The height is no longer kept, or does not exist."
    PeerRefused "PEER_REFUSED" FailedPrecondition 403 Refusal
        "The other institution's gateway refused. Metadata: peer, peer_reason."
    ProofRefused "PROOF_REFUSED" DataLoss 502 Refusal
        "What the other side says does not verify. Metadata: peer or chain, rule, expected, found."
    AnswerUnreadable "ANSWER_UNREADABLE" DataLoss 502 Refusal
        "What the institution hands over as its answer was not sealed to this court for this order."
    AnswerDiffers "ANSWER_DIFFERS" DataLoss 502 Refusal
        "What the institution hands over as its answer is not what its chain proves that it answered."
    ChainFrozen "CHAIN_FROZEN" FailedPrecondition 409 Refusal
        "Two contradicting headers of the chain were proven: nothing of it is believed until it is anchored anew."
    TrustExpired "TRUST_EXPIRED" FailedPrecondition 409 Refusal
        "The last verified header of the chain is older than the trusting period: it has to be anchored anew."
    Contended "CONTENDED" Aborted 409 Unavailable
        "Others changed the same thing all the time. Try again."
    PeerUnavailable "PEER_UNAVAILABLE" Unavailable 503 Unavailable
        "The other institution's gateway does not answer."
    DeadlinePassed "DEADLINE_PASSED" DeadlineExceeded 504 Unavailable
        "The institution has not answered by the deadline that the caller set."
    ChainUnavailable "CHAIN_UNAVAILABLE" Unavailable 503 Unavailable
        "The own chain does not answer."
    StoreUnavailable "STORE_UNAVAILABLE" Unavailable 503 Unavailable
        "The gateway's store does not answer."
    SignerUnavailable "SIGNER_UNAVAILABLE" Unavailable 503 Unavailable
        "The institution's signer does not answer."
    Overloaded "OVERLOADED" ResourceExhausted 503 Unavailable
        "The gateway does as much at once as it may, or as many orders are on their way to one institution as may be. Metadata there: recipient."
    DeadlineExceeded "DEADLINE_EXCEEDED" DeadlineExceeded 504 Unavailable
        "The call took longer than it may."
    Internal "INTERNAL" Internal 500 Fault
        "Something is wrong in this gateway. Its log says what."
}

impl Reason {
    /// The reason of this stable code.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == text)
    }
}

/// The table of reasons as Markdown: what the documentation shows.
#[must_use]
pub fn reason_table() -> String {
    let mut table = String::from("| reason | gRPC | HTTP | whose fault | meaning |\n|---|---|---|---|---|\n");
    for reason in Reason::ALL {
        let blame = match reason.blame() {
            Blame::Refusal => "the other side",
            Blame::Fault => "this gateway",
            Blame::Unavailable => "nobody; try later",
        };
        table.push_str(&format!(
            "| `{}` | `{:?}` | {} | {blame} | {} |\n",
            reason.as_str(),
            reason.code(),
            reason.http(),
            reason.meaning(),
        ));
    }
    table
}

/// Why a call failed.
#[derive(Debug)]
pub struct ApiError {
    reason: Reason,
    message: String,
    metadata: Vec<(&'static str, String)>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl ApiError {
    /// A failure for `reason`; `message` is a sentence for the caller, without personal data.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), metadata: Vec::new(), source: None }
    }

    /// The answer to everything that the policy does not permit.
    #[must_use]
    pub fn denied() -> Self {
        Self::new(Reason::PermissionDenied, "You may not do this.")
    }

    /// Something that should not happen: the caller learns nothing, the log has `source`.
    #[must_use]
    pub fn fault(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Reason::Internal, "Something is wrong in this gateway; its operator can see what.").because(source)
    }

    /// A request's field that is missing or out of its range.
    #[must_use]
    pub fn argument(field: &'static str, message: impl Into<String>) -> Self {
        Self::new(Reason::InvalidArgument, message).with("field", field)
    }

    /// A peer or chain whose claim did not verify.
    #[must_use]
    pub fn proof(of: &'static str, name: impl fmt::Display, verdict: &Verdict) -> Self {
        let labels = [("of", of.to_owned()), ("name", name.to_string()), ("rule", verdict.code().to_owned())];
        metrics::counter!(crate::measure::PROOFS_REFUSED, &labels).increment(1);
        Self::new(Reason::ProofRefused, format!("What {of} {name} says does not verify: {verdict}."))
            .with(of, name.to_string())
            .with("rule", verdict.code())
            .with("expected", verdict.expected.as_str())
            .with("found", verdict.found.as_str())
    }

    /// Adds a fact for programs; no personal data.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.metadata.push((key, value.into()));
        self
    }

    /// Adds context for operators.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The reason.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The sentence for the caller.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The facts for programs.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_str())
    }
}

/// The sentence for the caller. Never the source.
impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.as_str(), self.message)
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

impl From<ApiError> for Status {
    /// What goes over the wire. Faults and unavailability are logged here, once.
    fn from(error: ApiError) -> Self {
        let reason = error.reason.as_str();
        match (error.reason.blame(), &error.source) {
            // There are many of them when there are any, and they are counted by reason.
            (_, source) if error.reason.code() == Code::ResourceExhausted => {
                tracing::debug!(reason, ?source, "a call was shed");
            }
            (Blame::Fault, source) => tracing::error!(reason, ?source, "a call failed by our fault"),
            (Blame::Unavailable, source) => tracing::warn!(reason, ?source, "a call failed for now"),
            (Blame::Refusal, source) => tracing::debug!(reason, ?source, "a call was refused"),
        }
        let mut details = ErrorDetails::new();
        details.set_error_info(
            reason,
            DOMAIN,
            error
                .metadata
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect::<std::collections::HashMap<_, _>>(),
        );
        if error.reason.blame() == Blame::Unavailable {
            details.set_retry_info(Some(RETRY_AFTER));
        }
        Self::with_error_details(error.reason.code(), error.message, details)
    }
}

impl From<PortError> for ApiError {
    /// Of the own chain's ports.
    fn from(error: PortError) -> Self {
        match error {
            PortError::Gone(height) => {
                Self::new(Reason::HeightGone, format!("The chain no longer keeps height {height}."))
            }
            PortError::Malformed(_) => Self::fault(error),
            PortError::NotYet(_) | PortError::Unavailable(_) | PortError::Silent(_) => {
                Self::new(Reason::ChainUnavailable, "The chain does not answer now.").because(error)
            }
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::new(Reason::Contended, "Another change came first; try again."),
            StoreError::Unavailable(_) | StoreError::Failed(_) | StoreError::Unknown(_) => {
                Self::new(Reason::StoreUnavailable, "The gateway's store does not answer now.").because(error)
            }
            StoreError::TooLarge | StoreError::Unreadable(_) | StoreError::Damaged(_) => Self::fault(error),
        }
    }
}

impl From<FieldError> for ApiError {
    fn from(error: FieldError) -> Self {
        let reason = Reason::parse(error.code()).unwrap_or(Reason::InvalidArgument);
        let refusal = Self::new(reason, format!("{error}."));
        match error.field() {
            Some(field) => refusal.with("field", field.as_str()),
            None => refusal,
        }
    }
}

#[cfg(test)]
mod tests;
