//! Why a claim was refused: one closed list of rules, each with a stable code and the clause it comes from.
//!
//! A refusal is the other side's fault, never ours; it carries hashes, heights, times and counts, never personal data.

use alloc::string::{String, ToString};
use core::fmt;

/// A claim that was refused: the rule, what the rule asked for, what was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The rule that was broken.
    pub rule: Rule,
    /// What the rule expected, for an operator.
    pub expected: String,
    /// What was found, for an operator.
    pub found: String,
}

impl Refusal {
    /// A refusal under `rule`.
    pub fn new(rule: Rule, expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        Self { rule, expected: expected.to_string(), found: found.to_string() }
    }

    /// The rule's stable code, `UPPER_SNAKE`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.rule.code()
    }
}

/// One sentence: the rule in words, then what was expected and found.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.rule.sentence(), self.expected, self.found)
    }
}

impl core::error::Error for Refusal {}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $sentence:literal, $clause:literal;)*) => {
        /// The rules of this crate. Codes are stable: they are what programs and documents refer to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $($(#[$doc])* #[doc = concat!("\n\nFrom: ", $clause, ".")] $name,)*
        }

        impl Rule {
            /// Every rule, in the order of the proof path.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable code, `UPPER_SNAKE`.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What went wrong, in words for a user.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)* }
            }

            /// The clause of the specification that the rule comes from.
            #[must_use]
            pub const fn clause(self) -> &'static str {
                match self { $(Self::$name => $clause,)* }
            }
        }
    };
}

rules! {
    /// A header is of another chain.
    ChainId = "CHAIN_ID", "the header belongs to another chain",
        "CometBFT light client, verification.md, ValidateBasic";
    /// A header, commit or block id is not well formed.
    HeaderMalformed = "HEADER_MALFORMED", "the header or its commit is not well formed",
        "CometBFT types/block.go, Header.ValidateBasic and Commit.ValidateBasic";
    /// The hash of a header is not the one that was signed or pinned.
    HeaderHash = "HEADER_HASH", "the header is not the one that was signed",
        "CometBFT types/light.go, SignedHeader.ValidateBasic";
    /// A header is not above the trusted one.
    HeightNotIncreasing = "HEIGHT_NOT_INCREASING", "the header is not above the trusted one",
        "CometBFT light client, [LCV-FUNC-VALID.2], height";
    /// A header's time is not after the trusted one's.
    TimeNotIncreasing = "TIME_NOT_INCREASING", "the header's time is not after the trusted header's",
        "CometBFT light client, [LCV-FUNC-VALID.2], time";
    /// A header's time is further ahead than clocks may differ.
    FromTheFuture = "FROM_THE_FUTURE", "the header's time lies in the future",
        "CometBFT light client, [LCV-FUNC-VALID.2], clock drift";
    /// The trusted header is too old to vouch for others.
    TrustingPeriod = "TRUSTING_PERIOD", "the trusted header is older than the trusting period",
        "CometBFT light client, [LCV-FUNC-VALID.2], trusting period";
    /// A validator set is not the one that the header names.
    ValidatorsHash = "VALIDATORS_HASH", "the validator set is not the one that the header names",
        "CometBFT types/light.go, LightBlock.ValidateBasic";
    /// A validator set is not the one that the trusted header announced.
    NextValidatorsHash = "NEXT_VALIDATORS_HASH", "the validator set is not the one that was announced",
        "CometBFT light/verifier.go, VerifyAdjacent";
    /// A validator set is empty, too large, unsorted or names a validator twice.
    ValidatorsMalformed = "VALIDATORS_MALFORMED", "the validator set is not well formed",
        "CometBFT types/validator_set.go, ValidateBasic";
    /// The voting powers of a set sum to more than the protocol allows.
    PowerOverflow = "POWER_OVERFLOW", "the voting powers sum to more than the protocol allows",
        "CometBFT types/validator_set.go, MaxTotalVotingPower";
    /// A commit is for another height or block, or its length is not that of the set.
    CommitMismatch = "COMMIT_MISMATCH", "the commit does not belong to the header and its validators",
        "CometBFT types/validation.go, verifyBasicValsAndCommit";
    /// A signature stands at an index that belongs to another validator.
    CommitIndex = "COMMIT_INDEX", "a signature stands at another validator's place",
        "CometBFT types/validation.go, lookup by index";
    /// A validator voted twice in one commit.
    DuplicateVote = "DUPLICATE_VOTE", "a validator appears twice in the commit",
        "CometBFT types/validation.go, double vote";
    /// A validator's signature does not verify.
    Signature = "SIGNATURE", "a validator's signature is not valid",
        "ZIP-215 over CometBFT canonical votes";
    /// Not more than two thirds of the set signed.
    CommitPower = "COMMIT_POWER", "not more than two thirds of the voting power signed",
        "CometBFT types/validation.go, VerifyCommitLight";
    /// Not more than a third of the trusted set signed: bisect.
    NotEnoughTrust = "NOT_ENOUGH_TRUST", "not more than a third of the trusted validators signed",
        "CometBFT light/verifier.go, VerifyNonAdjacent";
    /// A step carries more or other than its rules need.
    NotMinimal = "NOT_MINIMAL", "the proof carries more than it needs",
        "Comity bundle format, one encoding a claim";
    /// A bisection needs more blocks than its bound.
    TooManySteps = "TOO_MANY_STEPS", "the way from the trusted header is too long",
        "Comity bundle format, bounds";
    /// The block is not the one that was asked for.
    WrongBlock = "WRONG_BLOCK", "the block is not the one that was asked for",
        "CometBFT light/provider.go, LightBlock";
    /// Two headers do not contradict each other.
    NoDivergence = "NO_DIVERGENCE", "the two headers do not contradict each other",
        "ICS-07, misbehaviour predicate";
    /// Two valid headers contradict each other.
    Divergence = "DIVERGENCE", "two valid headers of the chain contradict each other",
        "ICS-07, misbehaviour predicate";
    /// The client is frozen.
    Frozen = "CLIENT_FROZEN", "the light client is frozen",
        "ICS-02, client status";
    /// The client expired.
    Expired = "CLIENT_EXPIRED", "the light client has expired",
        "ICS-02, client status";
    /// A proof cannot be decoded.
    ProofEncoding = "PROOF_ENCODING", "the proof is not a canonical encoding",
        "ICS-23, proofs.proto";
    /// A membership proof does not lead to the header's root.
    StateProof = "STATE_PROOF", "the value is not proven under the header",
        "ICS-23, verifyMembership";
    /// An absence proof does not hold.
    AbsenceProof = "ABSENCE_PROOF", "the absence is not proven under the header",
        "ICS-23, verifyNonMembership";
    /// A proven value does not decode as what it should be.
    StateEncoding = "STATE_ENCODING", "the proven value is not what stands at such a path",
        "Comity state, canonical encoding";
    /// Disclosed fields do not lead to the record's root.
    FieldProof = "FIELD_PROOF", "the disclosed fields are not those of the record",
        "Comity records, field tree over RFC 6962";
    /// Fields are unsorted, doubled, none or too many.
    FieldsMalformed = "FIELDS_MALFORMED", "the fields are not well formed",
        "Comity records, field tree";
    /// A record is under another schema.
    SchemaHash = "SCHEMA_HASH", "the record is under another schema",
        "Comity records, schema";
    /// A seal or officer's signature does not verify.
    Seal = "SEAL", "the seal is not valid",
        "RFC 8032 strict, FIPS 186-5 and SEC 1 with low s, GM/T 0003; over domain-separated bytes";
    /// A proof of a verifiable random output does not hold.
    Vrf = "VRF", "the lookup's proof does not hold",
        "RFC 9381 section 5.3";
    /// The subject of a record does not consent to this reading of it.
    Consent = "CONSENT", "the subject's consent does not cover this reading",
        "Comity records, consent";
    /// Versions of a record do not follow each other as a chain's blocks do.
    Succession = "SUCCESSION", "the versions of the record do not follow each other",
        "Comity records, holders";
    /// A suite is unknown or not accepted here.
    Suite = "SUITE", "the signature suite is not accepted here",
        "Comity suites";
    /// Approvals are missing, doubled or not of officers in office.
    Approval = "APPROVAL", "the order is not approved as its class asks",
        "Comity orders, approval";
    /// A party's key is not valid at this time.
    Validity = "VALIDITY", "the key is not valid at this time",
        "Comity members, validity";
    /// An order names another court, recipient or digest than its parts.
    OrderMismatch = "ORDER_MISMATCH", "the parts of the order do not belong together",
        "Comity orders, binding";
    /// A record does not say that an instalment of an agreement was paid.
    PaymentRecord = "PAYMENT_RECORD", "the record does not say that this instalment was paid",
        "Comity agreements, performance";
    /// A default is claimed under a header from before the due date.
    DefaultEarly = "DEFAULT_EARLY", "the instalment was not due at this header",
        "Comity agreements, default";
    /// A packet's timeout has not passed.
    NotTimedOut = "NOT_TIMED_OUT", "the packet has not timed out at this header",
        "ICS-04 v2, timeoutPacket";
    /// A header is not in the tree of headers.
    HeaderTree = "HEADER_TREE", "the header is not in the chain's tree of headers",
        "RFC 9162 section 2.1.3.2";
    /// A Merkle proof of a log does not hold.
    LogProof = "LOG_PROOF", "the log's proof does not hold",
        "RFC 9162 section 2.1";
    /// A checkpoint, a log's proof or a tile cannot be read.
    LogFormat = "LOG_FORMAT", "the log's file is not of its form",
        "C2SP signed-note, tlog-checkpoint, tlog-proof, tlog-tiles";
    /// A checkpoint is another log's, is not signed by it, or has a known key's signature that does not hold.
    LogSignature = "LOG_SIGNATURE", "the checkpoint is not signed by the log",
        "C2SP signed-note, Signatures";
    /// Fewer witnesses cosigned a checkpoint than its reader wants.
    LogWitnesses = "LOG_WITNESSES", "too few witnesses have cosigned the checkpoint",
        "C2SP tlog-cosignature";
    /// A time stamp's token or certificate cannot be read.
    TimestampFormat = "TIMESTAMP_FORMAT", "the time stamp is not of its form",
        "RFC 3161 section 2.4, RFC 5652, RFC 5280";
    /// A time stamp's token is over something else, or not signed as it must be.
    Timestamp = "TIMESTAMP", "the time stamp does not hold",
        "RFC 3161 sections 2.2 and 2.3, RFC 5816";
    /// A renewed bundle is not what was deposited anew, or was renewed too often.
    Renewal = "RENEWAL", "the renewal is not of this proof",
        "docs/formats.md, Renewal";
    /// A proof rests on a suite that its reader no longer believes, and was not renewed in time.
    SuiteRetired = "SUITE_RETIRED", "the proof rests on a suite that is no longer believed, and was not renewed in time",
        "docs/formats.md, Renewal";
    /// What is shown of a deposit is not what its entry commits to.
    DepositOpening = "DEPOSIT_OPENING", "what is shown of the deposit is not what its entry commits to",
        "docs/formats.md, Deposits";
    /// A depositor's seal is over another batch.
    DepositBatch = "DEPOSIT_BATCH", "the deposit is not of the batch that was sealed",
        "docs/formats.md, Deposits";
    /// A bundle cannot be decoded.
    BundleEncoding = "BUNDLE_ENCODING", "the file is not a bundle of this format",
        "Comity bundle format";
    /// A bundle or block does not start at the anchor.
    Anchor = "ANCHOR", "the proof does not start at the anchor",
        "Comity anchor files";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_upper_snake() {
        for (index, rule) in Rule::ALL.iter().enumerate() {
            assert!(rule.code().bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'));
            let same = Rule::ALL.iter().position(|other| other.code() == rule.code());
            assert_eq!(same, Some(index), "{}", rule.code());
        }
    }

    #[test]
    fn a_refusal_reads_as_one_sentence() {
        let refusal = Refusal::new(Rule::CommitPower, "more than 66 of 100", 50);
        assert_eq!(
            refusal.to_string(),
            "not more than two thirds of the voting power signed: expected more than 66 of 100, found 50"
        );
    }
}
