//! Two headers that cannot both be honest: the reason to freeze a client (ICS-07, misbehaviour predicate; CometBFT,
//! detection). Knows no remedy.

use super::{
    ClientParams, ConsensusState, LightStep, TrustedHeader, check_chain_and_height, check_trusted, trusted_set, votes,
};
use crate::refusal::{Refusal, Rule};
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::{ChainId, Time};

/// Two valid headers of a chain that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Divergence {
    /// The chain.
    pub chain_id: ChainId,
    /// In which way.
    pub kind: DivergenceKind,
    /// The one header.
    pub first: ConsensusState,
    /// The other.
    pub second: ConsensusState,
}

/// How two headers contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum DivergenceKind {
    /// One height and round, two blocks over the same state: validators voted twice.
    Equivocation = 1,
    /// One height, two rounds: validators forgot their lock. Who is to blame shows only in their own records.
    Amnesia = 2,
    /// One height, two states: one of the blocks is made up.
    Lunatic = 3,
    /// A higher header that is not later.
    TimeOrder = 4,
}

impl DivergenceKind {
    /// Its name, for people and interfaces.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Equivocation => "EQUIVOCATION",
            Self::Amnesia => "AMNESIA",
            Self::Lunatic => "LUNATIC",
            Self::TimeOrder => "TIME_ORDER",
        }
    }
}

/// Judges two steps from one trusted header: both must carry enough votes, and contradict each other. Times are not
/// compared with `now` or the trusted header's beyond the trusting period: a lie about time is a lie.
pub fn misbehaviour(
    params: &ClientParams,
    trusted: &TrustedHeader,
    a: &LightStep,
    b: &LightStep,
    now: Time,
) -> Result<Divergence, Refusal> {
    let first = judge(params, trusted, a, now)?;
    let second = judge(params, trusted, b, now)?;
    let kind = contradiction(a, b, &first, &second)
        .ok_or_else(|| Refusal::new(Rule::NoDivergence, "two headers that contradict each other", "two that do not"))?;
    Ok(Divergence { chain_id: params.chain_id.clone(), kind, first: first.state, second: second.state })
}

fn judge(
    params: &ClientParams,
    trusted: &TrustedHeader,
    step: &LightStep,
    now: Time,
) -> Result<TrustedHeader, Refusal> {
    check_trusted(params, trusted, now)?;
    let hash = step.block.check()?;
    check_chain_and_height(params, trusted, &step.block.header)?;
    let needed = votes::needed(&step.block, trusted_set(trusted, step)?)?;
    let mut votes = votes::Votes::default();
    votes.add(&step.block, &needed);
    votes.verify(1)?;
    Ok(TrustedHeader::of(&step.block.header, hash))
}

fn contradiction(
    a: &LightStep,
    b: &LightStep,
    first: &TrustedHeader,
    second: &TrustedHeader,
) -> Option<DivergenceKind> {
    use core::cmp::Ordering::{Equal, Greater, Less};
    match first.height().cmp(&second.height()) {
        Equal if first.header_hash() == second.header_hash() => None,
        Equal => Some(same_height(a, b)),
        Less => (first.time() >= second.time()).then_some(DivergenceKind::TimeOrder),
        Greater => (second.time() >= first.time()).then_some(DivergenceKind::TimeOrder),
    }
}

/// CometBFT `types/evidence.go`, `ConflictingHeaderIsInvalid`: the fields that follow from the state before.
fn same_height(a: &LightStep, b: &LightStep) -> DivergenceKind {
    let (x, y) = (&a.block.header, &b.block.header);
    let same_state = x.validators_hash == y.validators_hash
        && x.next_validators_hash == y.next_validators_hash
        && x.consensus_hash == y.consensus_hash
        && x.app_hash == y.app_hash
        && x.last_results_hash == y.last_results_hash;
    if !same_state {
        DivergenceKind::Lunatic
    } else if a.block.commit.round == b.block.commit.round {
        DivergenceKind::Equivocation
    } else {
        DivergenceKind::Amnesia
    }
}
