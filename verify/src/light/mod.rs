//! The light client: which headers to believe, given one that is believed already.
//!
//! Follows CometBFT's Go implementation (`light/verifier.go`, `types/validation.go`) and ICS-07: structure first, then
//! all signatures that are needed, as one batch. Knows no state proofs and fetches nothing.

mod bisection;
mod contradiction;
mod detection;
mod misbehaviour;
mod votes;

pub use bisection::{Bisection, Progress};
pub use contradiction::{Contradiction, EVIDENCE_MAGIC, Recovery, Shown};
pub use detection::{Comparison, Detection, Evidence, Peer};
pub use misbehaviour::{Divergence, DivergenceKind, misbehaviour};

use crate::comet::{CommitSig, Header, LightBlock, ValidatorSet};
use crate::refusal::{Refusal, Rule};
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::seal::{Suite, Suites};
use comity_model::{ChainId, Hash, Height, Time};
use votes::Votes;

/// How a chain's headers are judged.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ClientParams {
    /// The chain.
    pub chain_id: ChainId,
    /// How long a header may vouch for others after its own time, in seconds.
    pub trusting_period_secs: u64,
    /// How far a header's time may lie ahead of `now`, in seconds.
    pub clock_drift_secs: u64,
}

/// What a light client keeps of a header.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ConsensusState {
    /// The header's height.
    pub height: Height,
    /// Its time.
    pub time: Time,
    /// The application's state after the block before: the root that proofs lead to. [`Hash::ZERO`] where the header
    /// carries no 32-byte app hash; nothing can be proven there.
    pub app_hash: Hash,
    /// The set that signs the next header.
    pub next_validators_hash: Hash,
    /// The header's hash.
    pub header_hash: Hash,
}

/// A header trusted out of band, and how to judge what follows it: the content of an anchor file.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Anchor {
    /// The chain.
    pub chain_id: ChainId,
    /// The header's height.
    pub height: Height,
    /// Its hash.
    pub header_hash: Hash,
    /// The set that signed it.
    pub validators_hash: Hash,
    /// How long a header may vouch for others after its own time, in seconds.
    pub trusting_period_secs: u64,
    /// How far a header's time may lie ahead of `now`, in seconds.
    pub clock_drift_secs: u64,
    /// How many independent operators run the chain's validators: 1 for an embedded engine.
    pub operators: u32,
    /// Suites that are accepted from this chain: of its headers, its members' seals and its records.
    pub suites: Suites,
}

impl Anchor {
    /// How headers after the anchor are judged.
    #[must_use]
    pub fn params(&self) -> ClientParams {
        ClientParams {
            chain_id: self.chain_id.clone(),
            trusting_period_secs: self.trusting_period_secs,
            clock_drift_secs: self.clock_drift_secs,
        }
    }

    /// Checks that `header` is the pinned one. The hash alone decides; the rest is said twice in an anchor so that
    /// people can compare it, and must then agree.
    pub(crate) fn admit(&self, header: &Header) -> Result<TrustedHeader, Refusal> {
        // A chain's own signatures are Ed25519; an anchor that does not accept them accepts no header.
        if !self.suites.contains(Suite::Ed25519Sha256) {
            return Err(Refusal::new(Rule::Suite, self.suites, Suite::Ed25519Sha256.name()));
        }
        same_chain(&self.chain_id, header)?;
        let hash = header.hash();
        if hash != self.header_hash {
            return Err(Refusal::new(Rule::Anchor, self.header_hash, hash));
        }
        if header.height != self.height {
            return Err(Refusal::new(Rule::Anchor, self.height, header.height));
        }
        if header.validators_hash != self.validators_hash {
            return Err(Refusal::new(Rule::Anchor, self.validators_hash, header.validators_hash));
        }
        Ok(TrustedHeader::of(header, hash))
    }
}

/// A header that this crate verified, or that its caller restored from state of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedHeader {
    chain_id: ChainId,
    state: ConsensusState,
}

impl TrustedHeader {
    /// Trusts the anchor's header: `block` must be the pinned one, and more than two thirds of its own set must have
    /// signed it.
    pub fn pin(anchor: &Anchor, block: &LightBlock) -> Result<Self, Refusal> {
        let trusted = anchor.admit(&block.header)?;
        block.check()?;
        let needed = votes::needed(block, None)?;
        let mut votes = Votes::default();
        votes.add(block, &needed);
        votes.verify(1)?;
        Ok(trusted)
    }

    /// Takes up a header that was verified before. The caller read `state` from what it keeps itself (its chain's
    /// state, its own durable store) and thereby makes it a root of trust, like an anchor.
    #[must_use]
    pub const fn restore(chain_id: ChainId, state: ConsensusState) -> Self {
        Self { chain_id, state }
    }

    pub(crate) fn of(header: &Header, hash: Hash) -> Self {
        Self {
            chain_id: header.chain_id.clone(),
            state: ConsensusState {
                height: header.height,
                time: header.time,
                app_hash: header.app_hash.root().unwrap_or(Hash::ZERO),
                next_validators_hash: header.next_validators_hash,
                header_hash: hash,
            },
        }
    }

    /// The chain.
    #[must_use]
    pub const fn chain_id(&self) -> &ChainId {
        &self.chain_id
    }

    /// The header's height.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.state.height
    }

    /// The header's time.
    #[must_use]
    pub const fn time(&self) -> Time {
        self.state.time
    }

    /// The root of the state after the block before.
    #[must_use]
    pub const fn app_hash(&self) -> Hash {
        self.state.app_hash
    }

    /// The header's hash.
    #[must_use]
    pub const fn header_hash(&self) -> Hash {
        self.state.header_hash
    }

    /// The set that signs the next header.
    #[must_use]
    pub const fn next_validators_hash(&self) -> Hash {
        self.state.next_validators_hash
    }

    /// What a client stores of it.
    #[must_use]
    pub const fn consensus_state(&self) -> &ConsensusState {
        &self.state
    }

    /// Whether the header is too old at `now` to vouch for others.
    #[must_use]
    pub fn expired(&self, trusting_period_secs: u64, now: Time) -> bool {
        self.state.time.plus_seconds(trusting_period_secs) <= now
    }
}

/// From a trusted header to a later one.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct LightStep {
    /// The set that the trusted header announced. Present iff the step is not adjacent and that set differs from the
    /// block's own: only then is it needed.
    pub trusted_next: Option<ValidatorSet>,
    /// The block to be believed.
    pub block: LightBlock,
}

impl LightStep {
    /// The step from `trusted` to `block`; `next` is the set that `trusted` announced, and is kept only if needed.
    #[must_use]
    pub fn new(trusted: &TrustedHeader, next: ValidatorSet, block: LightBlock) -> Self {
        let needed = needs_trusted_set(trusted, &block);
        Self { trusted_next: needed.then_some(next), block }
    }

    /// The height that it leads to.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.block.header.height
    }
}

/// Whether a step to `block` needs the set that `trusted` announced.
fn needs_trusted_set(trusted: &TrustedHeader, block: &LightBlock) -> bool {
    block.header.height != trusted.height().next() && block.header.validators_hash != trusted.next_validators_hash()
}

/// Judges a step: adjacent where the heights follow each other, skipping otherwise. [`Rule::NotEnoughTrust`] means that
/// a header between the two is needed first; every other refusal is final.
pub fn verify(
    params: &ClientParams,
    trusted: &TrustedHeader,
    step: &LightStep,
    now: Time,
) -> Result<TrustedHeader, Refusal> {
    verify_all(params, trusted, core::slice::from_ref(step), now)
}

/// Judges steps that follow each other, all their signatures as one batch: the way to catch up.
pub fn verify_all(
    params: &ClientParams,
    trusted: &TrustedHeader,
    steps: &[LightStep],
    now: Time,
) -> Result<TrustedHeader, Refusal> {
    last(trusted, walk(params, trusted, steps, now, WHOLE)?)
}

/// The same, and returns the header of each step: for who keeps them all.
pub fn verify_each(
    params: &ClientParams,
    trusted: &TrustedHeader,
    steps: &[LightStep],
    now: Time,
) -> Result<alloc::vec::Vec<TrustedHeader>, Refusal> {
    walk(params, trusted, steps, now, WHOLE)
}

/// The same as [`verify_all`] with the signatures shared out among up to `threads` threads, where there are enough of them
/// to be worth it: for long catch-ups. The judgment does not depend on their number.
#[cfg(feature = "std")]
pub fn verify_all_on(
    threads: core::num::NonZeroUsize,
    params: &ClientParams,
    trusted: &TrustedHeader,
    steps: &[LightStep],
    now: Time,
) -> Result<TrustedHeader, Refusal> {
    last(trusted, walk(params, trusted, steps, now, How { threads: threads.get(), ..WHOLE })?)
}

/// Like [`verify`], but refuses a step that carries a signature that it does not need, so that every byte of it counts.
pub fn verify_exact(
    params: &ClientParams,
    trusted: &TrustedHeader,
    step: &LightStep,
    now: Time,
) -> Result<TrustedHeader, Refusal> {
    walk_exactly(params, trusted, core::slice::from_ref(step), now)
}

/// Like [`verify_all`], each step as exact as [`verify_exact`] has it.
pub(crate) fn walk_exactly(
    params: &ClientParams,
    trusted: &TrustedHeader,
    steps: &[LightStep],
    now: Time,
) -> Result<TrustedHeader, Refusal> {
    last(trusted, walk(params, trusted, steps, now, How { exact: true, ..WHOLE })?)
}

/// How steps are walked.
#[derive(Clone, Copy)]
struct How {
    /// Votes that are not needed are refused.
    exact: bool,
    /// How many threads may verify.
    threads: usize,
}

/// With whatever votes there are, on the caller's thread.
const WHOLE: How = How { exact: false, threads: 1 };

fn last(trusted: &TrustedHeader, reached: alloc::vec::Vec<TrustedHeader>) -> Result<TrustedHeader, Refusal> {
    Ok(reached.into_iter().next_back().unwrap_or_else(|| trusted.clone()))
}

fn walk(
    params: &ClientParams,
    trusted: &TrustedHeader,
    steps: &[LightStep],
    now: Time,
    how: How,
) -> Result<alloc::vec::Vec<TrustedHeader>, Refusal> {
    let mut votes = Votes::default();
    // Nothing of this leaves the function before the batch has verified.
    let mut way = alloc::vec::Vec::with_capacity(steps.len());
    for step in steps {
        let reached = way.last().unwrap_or(trusted);
        let (header, needed) = unsigned(params, reached, step, now)?;
        if how.exact && carries_more(step, &needed) {
            return Err(Refusal::new(Rule::NotMinimal, "only the votes that are needed", "others as well"));
        }
        votes.add(&step.block, &needed);
        way.push(header);
    }
    votes.verify(how.threads)?;
    Ok(way)
}

/// All of a step but its signatures: where it leads if they hold, and the indices of the votes that must.
fn unsigned(
    params: &ClientParams,
    trusted: &TrustedHeader,
    step: &LightStep,
    now: Time,
) -> Result<(TrustedHeader, alloc::vec::Vec<usize>), Refusal> {
    let hash = check_header(params, trusted, step, now)?;
    let needed = votes::needed(&step.block, trusted_set(trusted, step)?)?;
    Ok((TrustedHeader::of(&step.block.header, hash), needed))
}

/// All checks of a header but those of its votes' power and signatures; returns its hash.
fn check_header(params: &ClientParams, trusted: &TrustedHeader, step: &LightStep, now: Time) -> Result<Hash, Refusal> {
    let header = &step.block.header;
    check_trusted(params, trusted, now)?;
    let hash = step.block.check()?;
    check_chain_and_height(params, trusted, header)?;
    if header.time <= trusted.time() {
        return Err(Refusal::new(
            Rule::TimeNotIncreasing,
            alloc::format!("a time after {}", trusted.time()),
            header.time,
        ));
    }
    let latest = now.plus_seconds(params.clock_drift_secs);
    if header.time >= latest {
        return Err(Refusal::new(Rule::FromTheFuture, alloc::format!("a time before {latest}"), header.time));
    }
    Ok(hash)
}

/// The trusted header is of the client's chain and may still vouch for others.
fn check_trusted(params: &ClientParams, trusted: &TrustedHeader, now: Time) -> Result<(), Refusal> {
    if trusted.chain_id() != &params.chain_id {
        return Err(Refusal::new(Rule::ChainId, &params.chain_id, trusted.chain_id()));
    }
    if trusted.expired(params.trusting_period_secs, now) {
        return Err(Refusal::new(
            Rule::TrustingPeriod,
            alloc::format!("a time before {}", trusted.time().plus_seconds(params.trusting_period_secs)),
            now,
        ));
    }
    Ok(())
}

fn check_chain_and_height(params: &ClientParams, trusted: &TrustedHeader, header: &Header) -> Result<(), Refusal> {
    same_chain(&params.chain_id, header)?;
    if header.height <= trusted.height() {
        return Err(Refusal::new(
            Rule::HeightNotIncreasing,
            alloc::format!("a height above {}", trusted.height()),
            header.height,
        ));
    }
    Ok(())
}

fn same_chain(chain_id: &ChainId, header: &Header) -> Result<(), Refusal> {
    if header.chain_id == *chain_id { Ok(()) } else { Err(Refusal::new(Rule::ChainId, chain_id, &header.chain_id)) }
}

/// The set whose third must have signed: `None` for an adjacent block, whose own set is the announced one. Skipping with
/// an equal set, the third is asked for as well: two thirds say more, but less than a third is a reason to bisect.
fn trusted_set<'a>(trusted: &TrustedHeader, step: &'a LightStep) -> Result<Option<&'a ValidatorSet>, Refusal> {
    let announced = trusted.next_validators_hash();
    if !needs_trusted_set(trusted, &step.block) {
        // Adjacent: the set must be the announced one. Skipping with an equal set passes the same test.
        if step.block.header.validators_hash != announced {
            return Err(Refusal::new(Rule::NextValidatorsHash, announced, step.block.header.validators_hash));
        }
        if step.trusted_next.is_some() {
            return Err(Refusal::new(Rule::NotMinimal, "no second validator set", "one that is not needed"));
        }
        let skips = step.height() != trusted.height().next();
        return Ok(skips.then_some(&step.block.validators));
    }
    match &step.trusted_next {
        Some(set) if set.hash() == announced => Ok(Some(set)),
        Some(set) => Err(Refusal::new(Rule::NextValidatorsHash, announced, set.hash())),
        None => Err(Refusal::new(Rule::NextValidatorsHash, announced, "no set")),
    }
}

fn carries_more(step: &LightStep, needed: &[usize]) -> bool {
    let present = step
        .block
        .commit
        .signatures
        .iter()
        .enumerate()
        .filter(|(_, entry)| **entry != CommitSig::Absent)
        .map(|(index, _)| index);
    !present.eq(needed.iter().copied())
}

/// The step with only the votes that its rules need: the first ones, in order of index, that pass a third of the
/// trusted set, and the first that pass two thirds of the block's own. A step that would be refused is returned as it
/// is.
#[must_use]
pub fn trim(trusted: &TrustedHeader, step: &LightStep) -> LightStep {
    let needed = trusted_set(trusted, step).and_then(|set| votes::needed(&step.block, set));
    let mut trimmed = step.clone();
    if let Ok(needed) = needed {
        let mut needed = needed.into_iter().peekable();
        for (index, entry) in trimmed.block.commit.signatures.iter_mut().enumerate() {
            if needed.next_if_eq(&index).is_none() {
                *entry = CommitSig::Absent;
            }
        }
    }
    trimmed
}
