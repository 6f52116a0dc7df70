//! A bundle: a claim, its proof, and the way from an anchor to the header it stands under, in one file that anyone can
//! judge offline. One encoding, every byte of which counts. Knows no clock: `now` is given.

use crate::comet::Header;
use crate::deposit::Deposited;
use crate::fields::{self, Disclosure};
use crate::light::{Anchor, LightStep, TrustedHeader, walk_exactly};
use crate::merkle::{self, TreeHead};
use crate::order;
use crate::refusal::{Refusal, Rule};
use crate::renewal::{self, AsOf, Outer, RENEWALS_MAX, RenewedBundle, Retired};
use crate::state::{self, ProvenAt};
use crate::timestamp::Authority;
use crate::tlog::Policy;
use crate::verdict;
pub use crate::verdict::{Finding, Judgment, Step, Strength, Verdict};
use crate::witnessed::{self, Attestations, Attested, StampedDeposit, WitnessedDeposit};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::order::{OrderEntry, ReceivedOrder, SealedOrder};
use comity_model::record::RecordState;
use comity_model::seal::Suites;
use comity_model::state::StatePath;
use comity_model::{RecordId, Sector, Time};

/// First bytes of every bundle; the last one is the version.
pub const MAGIC: [u8; 8] = *b"COMITYB1";
/// Largest bundle in bytes.
pub const BYTES_MAX: usize = 4 << 20;
/// Most steps from the anchor to the header.
pub const STEPS_MAX: usize = 64;
/// Most hashes of an inclusion path: trees of up to 2^64 headers.
const PATH_MAX: usize = 64;

/// A claim with everything that proves it to whoever holds the anchor.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Bundle {
    /// The anchor's header: its hash must be the anchor's.
    pub anchor: Header,
    /// From there to the header that the claim stands under.
    pub link: Link,
    /// What is claimed.
    pub claim: Claim,
    /// ICS-23 `CommitmentProof` of the claim under that header.
    pub proof: Vec<u8>,
}

/// The way from the anchor to the claim's header.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
// One of them stands in a bundle; a box would save nothing.
#[allow(clippy::large_enum_variant)]
pub enum Link {
    /// The header is the anchor's (no steps) or later.
    Forward {
        /// In order, each with only the votes it needs ([`crate::light::trim`]); at most [`STEPS_MAX`].
        #[borsh(deserialize_with = "crate::bounded::list::<_, _, STEPS_MAX>")]
        steps: Vec<LightStep>,
    } = 1,
    /// The header is earlier: back through the chain's tree of header hashes.
    Archive {
        /// To the header under which the tree is proven.
        #[borsh(deserialize_with = "crate::bounded::list::<_, _, STEPS_MAX>")]
        steps: Vec<LightStep>,
        /// The tree, as it stands in the chain's state.
        tree: TreeHead,
        /// ICS-23 proof of the tree.
        tree_proof: Vec<u8>,
        /// The earlier header.
        header: Header,
        /// Its inclusion in the tree; the header of height h is leaf h − 1.
        #[borsh(deserialize_with = "crate::bounded::list::<_, _, PATH_MAX>")]
        path: Vec<comity_model::Hash>,
    } = 2,
}

/// What a bundle claims.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
#[allow(clippy::large_enum_variant)]
pub enum Claim {
    /// A record, with some of its fields.
    Record {
        /// Its sector.
        sector: Sector,
        /// Its id.
        id: RecordId,
        /// What stands in the chain's state.
        state: RecordState,
        /// The opened fields.
        disclosure: Disclosure,
    } = 1,
    /// No such record.
    Absence {
        /// The sector.
        sector: Sector,
        /// The id that is not there.
        id: RecordId,
    } = 2,
    /// An order as the court's chain knows it.
    Order(OrderEntry) = 3,
    /// An order as the institution's chain knows it.
    Received(ReceivedOrder) = 4,
    /// Any value at a state path.
    Value {
        /// The path's bytes ([`StatePath::bytes`]), at most 512.
        #[borsh(deserialize_with = "crate::bounded::list::<_, _, 512>")]
        path: Vec<u8>,
        /// The value.
        value: Vec<u8>,
    } = 5,
    /// A deposit in a member's log.
    Deposit(Deposited) = 6,
    /// A deposit, and a checkpoint of its log that witnesses have cosigned.
    Witnessed(WitnessedDeposit) = 7,
    /// A deposit, and a checkpoint of its log that an authority for time has stamped.
    Stamped(StampedDeposit) = 8,
    /// A bundle that was deposited anew, and what it claims.
    Renewed(RenewedBundle) = 9,
}

impl Claim {
    /// The deposit that is claimed, if one is, with what others say of its log.
    #[must_use]
    pub const fn attested(&self) -> Option<Attested<'_>> {
        let (deposit, witnessed, stamped) = match self {
            Self::Deposit(deposit) => (deposit, None, None),
            Self::Witnessed(claim) => (&claim.deposit, Some(&claim.witnessed), None),
            Self::Stamped(claim) => (&claim.deposit, claim.witnessed.as_ref(), Some(&claim.stamped)),
            Self::Renewed(claim) => (&claim.deposit, claim.witnessed.as_ref(), claim.stamped.as_ref()),
            Self::Record { .. } | Self::Absence { .. } | Self::Order(_) | Self::Received(_) | Self::Value { .. } => {
                return None;
            }
        };
        Some(Attested { deposit, witnessed, stamped })
    }
}

/// Whom a reader believes beyond the anchor. Without it, what others say of a log is shown, and nothing follows from it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reader<'a> {
    /// Which witnesses it wants to have seen a deposit's log: one that they have not seen is refused (`LOG_WITNESSES`). A policy is
    /// about logs: other claims pass only where it wants no witness.
    pub policy: Option<&'a Policy>,
    /// The authorities whose time stamps it believes.
    pub authorities: &'a [Authority],
    /// Anchors of renewed bundles, which are found by their headers' hashes.
    pub anchors: &'a [Anchor],
    /// Suites that it no longer believes: a proof that rests on one is refused (`SUITE_RETIRED`) unless it was renewed before.
    pub retired: &'a [Retired],
}

impl Bundle {
    /// The file's bytes: magic, then the canonical encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&comity_model::encode(self));
        bytes
    }

    /// Reads a file whole: another magic, more than [`BYTES_MAX`], or any byte too many or too few is refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let refuse =
            |expected: &str, found: &dyn core::fmt::Display| Refusal::new(Rule::BundleEncoding, expected, found);
        if bytes.len() > BYTES_MAX {
            return Err(refuse("at most 4 MiB", &bytes.len()));
        }
        let body = bytes.strip_prefix(&MAGIC).ok_or_else(|| refuse("a file that starts with COMITYB1", &"another"))?;
        comity_model::decode("bundle", body)
            .map_err(|_| refuse("one canonical encoding", &alloc::format!("{} other bytes", bytes.len())))
    }

    /// Judges the bundle from the anchor at the time `now`. Everything that it carries is checked.
    pub fn verify(&self, anchor: &Anchor, now: Time) -> Result<Verdict, Refusal> {
        self.verify_for(&Reader::default(), anchor, now)
    }

    /// Judges as [`Bundle::verify`], for a reader who says whom else it believes.
    ///
    /// A renewed bundle is judged as of the time at which its bytes were there; the reader's policy is about the outermost log.
    pub fn verify_for(&self, reader: &Reader<'_>, anchor: &Anchor, now: Time) -> Result<Verdict, Refusal> {
        self.judge(reader, anchor, AsOf::now(now), 0)
    }

    fn judge(&self, reader: &Reader<'_>, anchor: &Anchor, as_of: AsOf, renewals: usize) -> Result<Verdict, Refusal> {
        let now = as_of.time;
        let mut steps = Vec::new();
        let pinned = anchor.admit(&self.anchor)?;
        steps.push(Step::new(
            alloc::format!("header {} is the one that the anchor pins", pinned.height()),
            Rule::Anchor,
        ));
        let (header, judgment) = match &self.link {
            Link::Forward { steps: path } => {
                let header = follow(anchor, &pinned, path, now, &mut steps)?;
                let live = !header.expired(anchor.trusting_period_secs, now);
                (header, if live { Judgment::Live } else { Judgment::Archive })
            }
            Link::Archive { .. } => {
                let header = self.back(anchor, &pinned, now, &mut steps)?;
                (header, Judgment::Archive)
            }
        };
        let finding = self.find(&header, anchor.suites, &mut steps)?;
        let others = match self.claim.attested() {
            Some(attested) => attested.judge(header.chain_id(), reader, now.unix_seconds(), &mut steps)?,
            None => {
                witnessed::without(reader.policy)?;
                Attestations::default()
            }
        };
        let suites = verdict::used(&finding);
        let retired = renewal::retired(reader, suites, as_of);
        let Claim::Renewed(claim) = &self.claim else {
            return match retired {
                Some(retired) => Err(renewal::refused(&retired, as_of)),
                None => Ok(verdict::of(anchor, &header, finding, judgment, others, steps)),
            };
        };
        if renewals == RENEWALS_MAX {
            return Err(Refusal::new(Rule::Renewal, "at most 8 renewals", "more"));
        }
        let old = claim.opened()?;
        let at = ProvenAt::of(&header);
        let outer = Outer { at: &at, judgment, operators: anchor.operators, suites, others: &others, retired };
        let stood = claim.stood(&outer)?;
        let then = i64::try_from(stood.0.0).ok().and_then(|seconds| Time::new(seconds, 0));
        let then = then.ok_or_else(|| Refusal::new(Rule::Renewal, "a time before the year 10000", stood.0))?;
        steps.push(Step::new(
            alloc::format!("the renewed bundle of {} bytes is the file that was deposited", claim.old.len()),
            Rule::Renewal,
        ));
        let anchor = renewal::anchor_of(reader, anchor, &old)?;
        let reader = Reader { policy: None, ..*reader };
        let inner = old.judge(&reader, anchor, as_of.before(then, stood.1), renewals.saturating_add(1))?;
        Ok(claim.tell(outer, stood, inner, steps))
    }

    /// To an earlier header, through the tree of header hashes in the state of a later one.
    fn back(
        &self,
        anchor: &Anchor,
        pinned: &TrustedHeader,
        now: Time,
        steps: &mut Vec<Step>,
    ) -> Result<TrustedHeader, Refusal> {
        let Link::Archive { steps: path, tree, tree_proof, header, path: inclusion } = &self.link else {
            return Ok(pinned.clone());
        };
        let later = follow(anchor, pinned, path, now, steps)?;
        let earlier = archived(&later, tree, tree_proof, header, inclusion)?;
        steps.push(Step::new(
            alloc::format!(
                "header {} is in the tree of {} headers in the state under header {}",
                earlier.height(),
                tree.size,
                later.height()
            ),
            Rule::HeaderTree,
        ));
        Ok(earlier)
    }

    fn find(&self, header: &TrustedHeader, accepted: Suites, steps: &mut Vec<Step>) -> Result<Finding, Refusal> {
        let proven = |what: &str| {
            Step::new(alloc::format!("{what} is proven under header {}", header.height()), Rule::StateProof)
        };
        Ok(match &self.claim {
            Claim::Record { sector, id, state, disclosure } => {
                let bytes = comity_model::encode(state);
                let record = fields::record(header, sector, id, &bytes, &self.proof, disclosure, accepted)?;
                steps.push(proven("the record"));
                steps.push(Step::new(
                    alloc::format!(
                        "{} of {} fields lead to the record's root",
                        disclosure.opened.len(),
                        disclosure.count
                    ),
                    Rule::FieldProof,
                ));
                Finding::Record(record.into_value())
            }
            Claim::Absence { sector, id } => {
                let path = StatePath::Record(sector.clone(), id.clone());
                let absence = state::absence(header, &path, &self.proof)?;
                steps.push(Step::new(
                    alloc::format!("the absence is proven under header {}", absence.at().height),
                    Rule::AbsenceProof,
                ));
                Finding::Absence { sector: sector.clone(), id: id.clone() }
            }
            Claim::Order(entry) => {
                accept(&entry.sealed, accepted)?;
                let path = StatePath::Order(entry.sealed.order.id);
                let bytes = comity_model::encode(entry);
                let _: state::Proven<_> = state::membership(header, &path, &bytes, &self.proof)?;
                steps.push(proven("the order"));
                Finding::Order(entry.clone())
            }
            Claim::Received(entry) => {
                accept(&entry.sealed, accepted)?;
                let path = StatePath::Received(entry.client.clone(), entry.sealed.order.id);
                let bytes = comity_model::encode(entry);
                let _: state::Proven<_> = state::membership(header, &path, &bytes, &self.proof)?;
                steps.push(proven("the received order"));
                Finding::Received(entry.clone())
            }
            Claim::Value { path, value } => {
                let key = state::key_of_bytes(path);
                let _: state::Proven<_> = state::membership_at(header, &key, value, &self.proof)?;
                steps.push(proven("the value"));
                Finding::Value { path: path.clone(), value: value.clone() }
            }
            Claim::Deposit(deposit) => deposited(deposit, header, &self.proof, accepted, steps)?,
            Claim::Witnessed(claim) => deposited(&claim.deposit, header, &self.proof, accepted, steps)?,
            Claim::Stamped(claim) => deposited(&claim.deposit, header, &self.proof, accepted, steps)?,
            Claim::Renewed(claim) => deposited(&claim.deposit, header, &self.proof, accepted, steps)?,
        })
    }
}

fn deposited(
    deposit: &Deposited,
    header: &TrustedHeader,
    proof: &[u8],
    accepted: Suites,
    steps: &mut Vec<Step>,
) -> Result<Finding, Refusal> {
    let _: state::Proven<_> = deposit.prove(header, proof, accepted)?;
    let head = alloc::format!("the log's head is proven under header {}", header.height());
    steps.push(Step::new(head, Rule::StateProof));
    steps.push(Step::new(
        alloc::format!("entry {} is in the log of {} entries", deposit.index, deposit.log.size),
        Rule::LogProof,
    ));
    if deposit.content.is_some() {
        steps.push(Step::new("digests and size are those of the entry".into(), Rule::DepositOpening));
    }
    if deposit.statement.is_some() {
        steps.push(Step::new("the statement is that of the entry".into(), Rule::DepositOpening));
    }
    if let Some(seal) = &deposit.seal {
        steps.push(Step::new(
            alloc::format!("{} sealed the batch of {}", seal.batch.depositor, seal.batch.count),
            Rule::Seal,
        ));
    }
    Ok(Finding::Deposit(deposit.clone()))
}

/// Refuses an order with a seal of a suite that the anchor does not accept. The chain checked the seals when it took the
/// order up; a reader who does not accept a suite takes no chain's word for it.
fn accept(sealed: &SealedOrder, accepted: Suites) -> Result<(), Refusal> {
    match order::suites(sealed).find(|suite| !accepted.contains(*suite)) {
        None => Ok(()),
        Some(suite) => Err(Refusal::new(Rule::Suite, accepted, suite.name())),
    }
}

/// Along steps that carry nothing beyond what they need.
fn follow(
    anchor: &Anchor,
    pinned: &TrustedHeader,
    path: &[LightStep],
    now: Time,
    steps: &mut Vec<Step>,
) -> Result<TrustedHeader, Refusal> {
    let reached = walk_exactly(&anchor.params(), pinned, path, now)?;
    for step in path {
        steps.push(Step::new(
            alloc::format!("header {} was signed by more than two thirds", step.height()),
            Rule::CommitPower,
        ));
    }
    Ok(reached)
}

/// Believes an earlier header because its hash is in the tree of header hashes in the state under `later`; the header
/// of height h is leaf h − 1. Integrity only: nothing is said about time.
pub fn archived(
    later: &TrustedHeader,
    tree: &TreeHead,
    tree_proof: &[u8],
    header: &Header,
    path: &[comity_model::Hash],
) -> Result<TrustedHeader, Refusal> {
    let bytes = comity_model::encode(tree);
    let _: state::Proven<_> = state::membership(later, &StatePath::Headers, &bytes, tree_proof)?;
    let in_tree = |refusal: Refusal| Refusal { rule: Rule::HeaderTree, ..refusal };
    if header.chain_id != *later.chain_id() {
        return Err(Refusal::new(Rule::ChainId, later.chain_id(), &header.chain_id));
    }
    let hash = header.hash();
    let index = header
        .height
        .0
        .checked_sub(1)
        .ok_or_else(|| Refusal::new(Rule::HeaderTree, "a height above 0", header.height))?;
    merkle::included(&merkle::leaf_hash(&hash.0), index, tree, path).map_err(in_tree)?;
    Ok(TrustedHeader::of(header, hash))
}
