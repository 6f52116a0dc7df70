//! A judge's stop of an investigation that a rule proposed: what the officer signs, and what of it is kept.
//! It refuses to know investigations, and when one may be stopped. It stands on no chain: nothing there changes by it.

use crate::error::{ApiError, Reason};
use crate::orders::Home;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::member::Officer;
use comity_model::order::Approval;
use comity_model::state::StatePath;
use comity_model::{ChainId, Height, MemberId, ReasonCode, UnixSeconds};
use comity_verify::seal;

/// Domain tag of what an officer signs ([`ProposalStop`]).
pub const TAG_STOP: &str = "comity/proposal-stop/v1";

/// What an officer signs to stop what a rule proposed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ProposalStop {
    /// The court's chain.
    pub chain: ChainId,
    /// The court.
    pub court: MemberId,
    /// The proposal.
    pub proposal: [u8; 16],
    /// Why, as a code.
    pub reason: ReasonCode,
}

/// A stop as it is kept: anybody who has the officer's key can check it.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct StoredStop {
    /// What was signed.
    pub(crate) stop: ProposalStop,
    /// Who signed it, and the signature.
    pub(crate) approval: Approval,
    /// When, by this gateway's clock.
    pub(crate) at: UnixSeconds,
}

/// Whether an officer of the court, in office at `now` by its own chain, signed the stop.
pub(super) async fn approved(
    home: &Home,
    stop: &ProposalStop,
    approval: &Approval,
    now: UnixSeconds,
) -> Result<(), ApiError> {
    let refused =
        || ApiError::new(Reason::ApprovalRefused, "The approval is not a valid signature of an officer of this court.");
    let path = StatePath::Officer(stop.court.clone(), approval.officer.clone());
    let value = home.state(&path, Height(0)).await?.value.ok_or_else(refused)?;
    let officer = value.decode::<Officer>("officer").map_err(|_| refused())?.into_value();
    if officer.member != stop.court || officer.id != approval.officer || !officer.validity.covers(now) {
        return Err(refused());
    }
    seal::check(TAG_STOP, stop, &officer.key, &approval.signature, home.suites()).map_err(|_| refused())
}
