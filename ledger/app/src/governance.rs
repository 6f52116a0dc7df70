//! Proposals of the governors: counted, in order, each carried out at most once.
//!
//! It knows who may govern and what that touches; how a client is anchored is `clients`' subject.

use crate::clients;
use crate::members;
use crate::refusal::{Reason, Stop, require};
use crate::side::{self, Side};
use crate::working::Execution;
use comity_model::governance::{Action, GovernorApproval, Governors, Proposal, ValidatorUpdate};
use comity_model::profile::{KindRule, Profile};
use comity_model::seal::Suites;
use comity_model::state::StatePath;
use comity_verify::seal::TAG_PROPOSAL;
use std::collections::{BTreeMap, BTreeSet};

/// Most validators of a chain.
pub(crate) const VALIDATORS_MAX: usize = 500;
/// CometBFT's bound on total power: `i64::MAX / 8`.
const POWER_TOTAL_MAX: u64 = (i64::MAX as u64) / 8;
const KINDS_MAX: usize = 64;

/// Carries out a proposal that enough governors approved.
pub(crate) fn govern(ex: &mut Execution<'_>, proposal: &Proposal, approvals: &[GovernorApproval]) -> Result<(), Stop> {
    require(proposal.chain == ex.config.chain, Reason::WrongChain)?;
    let mut governors: Governors = ex.state.read(&StatePath::Governors, "the governors")?.ok_or(Reason::NoGenesis)?;
    require(proposal.number == governors.next, Reason::ProposalNumber)?;
    check_approvals(&governors, proposal, approvals, ex.config.suites)?;
    governors.next = governors.next.saturating_add(1);
    ex.state.write(&StatePath::Governors, &governors);
    match &proposal.action {
        Action::CreateClient { client, block } => clients::create(ex, client, block, governors.delay_s),
        Action::RecoverClient { client, block, header_hash } => {
            clients::recover(ex, client, block, *header_hash, governors.delay_s, proposal)
        }
        Action::SetMember(member) => members::put(ex, member),
        Action::SetOfficer(officer) => members::put_officer(ex, officer),
        Action::SetProfile(profile) => put_profile(ex, profile),
        Action::SetValidators(updates) => set_validators(ex, updates),
    }
}

fn check_approvals(
    governors: &Governors,
    proposal: &Proposal,
    approvals: &[GovernorApproval],
    accepted: Suites,
) -> Result<(), Stop> {
    let enough = approvals.len() >= usize::from(governors.threshold);
    require(enough, Reason::NotEnoughGovernors)?;
    let sorted = approvals.windows(2).all(|pair| matches!(pair, [a, b] if a.governor < b.governor));
    require(sorted, Reason::GovernorApproval)?;
    for approval in approvals {
        let key = governors.keys.get(usize::from(approval.governor)).ok_or(Reason::GovernorApproval)?;
        comity_verify::seal::check(TAG_PROPOSAL, proposal, key, &approval.signature, accepted)
            .map_err(|_| Reason::GovernorApproval)?;
    }
    Ok(())
}

/// Adds or changes a sector's profile.
pub(crate) fn put_profile(ex: &mut Execution<'_>, profile: &Profile) -> Result<(), Stop> {
    members::at_home(&ex.state, &profile.institution)?;
    let kinds: BTreeSet<_> = profile.kinds.iter().map(|rule| &rule.kind).collect();
    require(kinds.len() == profile.kinds.len() && kinds.len() <= KINDS_MAX, Reason::ProfileMalformed)?;
    require(profile.kinds.iter().all(KindRule::is_consistent), Reason::ProfileMalformed)?;
    let path = StatePath::Profile(profile.sector.clone());
    ex.state.write(&path, profile);
    Ok(())
}

/// Changes validators' powers.
pub(crate) fn set_validators(ex: &mut Execution<'_>, updates: &[ValidatorUpdate]) -> Result<(), Stop> {
    let standing: Vec<ValidatorUpdate> = ex.state.scan(side::VALIDATORS, None, VALIDATORS_MAX, "a validator")?;
    let mut powers: BTreeMap<[u8; 32], u64> =
        standing.into_iter().map(|validator| (validator.public_key, validator.power)).collect();
    let keys: BTreeSet<_> = updates.iter().map(|update| update.public_key).collect();
    let distinct = keys.len() == updates.len() && !updates.is_empty();
    require(distinct, Reason::ValidatorsMalformed)?;
    for update in updates {
        let row = Side::Validator(update.public_key);
        if update.power == 0 {
            let known = powers.remove(&update.public_key).is_some();
            require(known, Reason::ValidatorsMalformed)?;
            ex.state.remove_side(&row);
        } else {
            powers.insert(update.public_key, update.power);
            ex.state.set_side(&row, update);
        }
    }
    let total = powers.values().try_fold(0u64, |sum, power| sum.checked_add(*power));
    let fits =
        !powers.is_empty() && powers.len() <= VALIDATORS_MAX && total.is_some_and(|total| total <= POWER_TOTAL_MAX);
    require(fits, Reason::ValidatorsMalformed)?;
    ex.transaction_updates.extend_from_slice(updates);
    Ok(())
}
