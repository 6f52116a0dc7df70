//! Obligations of this court: whether an order may still serve one, how they stand, and the service `Obligations`.
//! It refuses to sum anything up: the court's chain does, and only what is proven there is shown or relied on.

use super::desk::{Desk, DeskError};
use super::stored::ProvenUnder;
use crate::convert::amount_to_wire;
use crate::convert_order as convert;
use crate::error::{ApiError, Reason};
use crate::members::page_size;
use crate::policy::{Permit, Policy, ReadOrder};
use crate::server::caller;
use comity_model::obligation::{Claim, Obligation};
use comity_model::order::Order;
use comity_model::profile::Effect;
use comity_model::state::StatePath;
use comity_model::{Amount, Height, ObligationId};
use comity_proto::v1;
use comity_proto::v1::obligations_server::Obligations;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Most obligations on one page, and how many there are on one unless the caller says less.
const PAGE_MAX: usize = 100;

/// Why an order cannot serve the obligation that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObligationError {
    /// It stands with another amount.
    #[error("another amount was claimed under this obligation before: {0}")]
    ClaimDiffers(Amount),
    /// Nothing is left to hold for it.
    #[error("what is held and deducted for this obligation covers it")]
    Covered,
    /// More would be taken than is claimed.
    #[error("with this deduction more would be taken than the obligation is; {0} is outstanding")]
    Exceeded(Amount),
}

impl Desk {
    /// The obligation as it stands on the court's chain, `None` while no order that serves it is committed; and the header
    /// that proves the one or the other.
    ///
    /// # Errors
    /// The chain's, where nothing can be proven now.
    pub(super) async fn obligation(&self, id: ObligationId) -> Result<(Option<Obligation>, ProvenUnder), ApiError> {
        let answer = self.home.state(&StatePath::Obligation(self.court.clone(), id), Height(0)).await?;
        let obligation = answer.value.map(|value| value.decode::<Obligation>("obligation")).transpose();
        let obligation = obligation.map_err(ApiError::fault)?;
        Ok((obligation.map(comity_verify::state::Proven::into_value), answer.under))
    }

    /// Whether the chain would take the order for its obligation, as that stands now. The chain itself decides when the
    /// order is committed: others may have come first.
    pub(super) async fn fits_obligation(&self, order: &Order, claim: &Claim) -> Result<(), DeskError> {
        match self.obligation(claim.obligation).await? {
            (Some(obligation), _) => Ok(fits(order, claim, &obligation)?),
            (None, _) => Ok(()),
        }
    }
}

fn fits(order: &Order, claim: &Claim, obligation: &Obligation) -> Result<(), ObligationError> {
    if obligation.claimed != claim.claimed {
        return Err(ObligationError::ClaimDiffers(obligation.claimed));
    }
    if order.effect == Effect::HoldDivisible && obligation.controlled >= obligation.claimed.minor {
        return Err(ObligationError::Covered);
    }
    let outstanding = obligation.outstanding();
    let taken = order.amount.filter(|_| order.effect == Effect::Deduct);
    if taken.is_some_and(|amount| outstanding.checked_sub(amount).is_none()) {
        return Err(ObligationError::Exceeded(outstanding));
    }
    Ok(())
}

/// The service.
#[derive(Clone)]
pub struct ObligationsService {
    pub(crate) desk: Arc<Desk>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) operators: convert::Operators,
}

#[tonic::async_trait]
impl Obligations for ObligationsService {
    async fn get_obligation(
        &self,
        request: Request<v1::GetObligationRequest>,
    ) -> Result<Response<v1::Obligation>, Status> {
        let permit = self.policy.permit::<ReadOrder>(&caller(&request)?)?;
        Ok(Response::new(self.get(&permit, &request.get_ref().name).await?))
    }

    async fn list_obligations(
        &self,
        request: Request<v1::ListObligationsRequest>,
    ) -> Result<Response<v1::ListObligationsResponse>, Status> {
        let permit = self.policy.permit::<ReadOrder>(&caller(&request)?)?;
        Ok(Response::new(self.list(&permit, request.get_ref()).await?))
    }
}

impl ObligationsService {
    async fn get(&self, _permit: &Permit<ReadOrder>, name: &str) -> Result<v1::Obligation, ApiError> {
        let id = convert::obligation_name(name)?;
        let (obligation, under) = self.desk.obligation(id).await?;
        let unknown = || {
            ApiError::new(
                Reason::UnknownObligation,
                "No order that serves this obligation stands on the court's chain.",
            )
        };
        Ok(self.shown(id, &obligation.ok_or_else(unknown)?, &under))
    }

    async fn list(
        &self,
        _permit: &Permit<ReadOrder>,
        request: &v1::ListObligationsRequest,
    ) -> Result<v1::ListObligationsResponse, ApiError> {
        let limit = page_size(request.page_size, PAGE_MAX)?;
        let after =
            match request.page_token.as_str() {
                "" => None,
                token => Some(token.parse().map_err(|_| {
                    ApiError::argument("page_token", "The page token is not one that this service gave.")
                })?),
            };
        let listed = self.desk.book().obligations(after, limit.saturating_add(1)).await.map_err(DeskError::from)?;
        let more = listed.len() > limit;
        let shown: Vec<_> = listed.into_iter().take(limit).collect();
        let last = shown.last().copied().filter(|_| more);
        let mut obligations = Vec::new();
        for id in shown {
            // One whose orders have not been committed does not stand yet.
            let (Some(obligation), under) = self.desk.obligation(id).await? else { continue };
            if !request.over_control_only || obligation.over_control().minor > 0 {
                obligations.push(self.shown(id, &obligation, &under));
            }
        }
        Ok(v1::ListObligationsResponse {
            obligations,
            next_page_token: last.map(|id| id.to_string()).unwrap_or_default(),
        })
    }

    fn shown(&self, id: ObligationId, obligation: &Obligation, under: &ProvenUnder) -> v1::Obligation {
        let amount = |minor| Some(amount_to_wire(&Amount { minor, ..obligation.claimed }));
        let proposed = obligation.proposed.iter().map(|proposed| v1::ProposedRelease {
            order: format!("orders/{}", proposed.order),
            amount: Some(amount_to_wire(&proposed.amount)),
        });
        v1::Obligation {
            name: format!("obligations/{id}"),
            claimed: amount(obligation.claimed.minor),
            controlled: amount(obligation.controlled),
            reserved: amount(obligation.reserved),
            obtained: amount(obligation.obtained),
            outstanding: amount(obligation.outstanding().minor),
            over_control: amount(obligation.over_control().minor),
            proposed_releases: proposed.collect(),
            orders: obligation.orders.iter().map(|order| format!("orders/{order}")).collect(),
            proof: Some(convert::proof(under, &self.operators)),
        }
    }
}

#[cfg(test)]
#[path = "obligations_tests.rs"]
mod tests;
