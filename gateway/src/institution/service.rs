//! The service `Institution`: what waits to be decided, and a person's decision. Permit, decode, call the decider, encode.
//! It refuses to know the rules by which an order may be carried out.

use super::decider::{ByHand, DecideError, Decider};
use super::inbox::{purpose_of, signer_error};
use crate::audit::{self, Audit};
use crate::config::Clock;
use crate::convert::{amount_from_wire, field_to_wire, seconds_to_wire};
use crate::error::{ApiError, Reason};
use crate::members::page_size;
use crate::policy::{DecideOrder, OpenPrivatePart, Permit, Policy, ReadReceivedOrder};
use crate::server::caller;
use comity_model::Height;
use comity_model::order::{ReceivedId, ReceivedOrder};
use comity_proto::v1;
use comity_proto::v1::decide_order_request::Decision;
use comity_proto::v1::institution_server::Institution;
use comity_verify::order::private_digest;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Most orders on one page, and how many there are on one unless the caller says less.
const PAGE_MAX: usize = 100;

/// The service.
#[derive(Clone)]
pub(crate) struct InstitutionService {
    pub(crate) decider: Arc<Decider>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) audit: Audit,
    pub(crate) clock: Clock,
}

#[tonic::async_trait]
impl Institution for InstitutionService {
    async fn list_received_orders(
        &self,
        request: Request<v1::ListReceivedOrdersRequest>,
    ) -> Result<Response<v1::ListReceivedOrdersResponse>, Status> {
        let caller = caller(&request)?;
        let permit = self.policy.permit::<ReadReceivedOrder>(&caller)?;
        let opens = match request.get_ref().with_private_parts {
            true => Some(self.policy.permit::<OpenPrivatePart>(&caller)?),
            false => None,
        };
        Ok(Response::new(self.list(&permit, opens.as_ref(), request.get_ref()).await?))
    }

    async fn decide_order(
        &self,
        request: Request<v1::DecideOrderRequest>,
    ) -> Result<Response<v1::DecideOrderResponse>, Status> {
        let permit = self.policy.permit::<DecideOrder>(&caller(&request)?)?;
        Ok(Response::new(self.decide(&permit, request.into_inner()).await?))
    }
}

impl InstitutionService {
    async fn list(
        &self,
        _permit: &Permit<ReadReceivedOrder>,
        opens: Option<&Permit<OpenPrivatePart>>,
        request: &v1::ListReceivedOrdersRequest,
    ) -> Result<v1::ListReceivedOrdersResponse, ApiError> {
        let limit = page_size(request.page_size, PAGE_MAX)?;
        let after = match request.page_token.as_str() {
            "" => None,
            token => Some(received_name(token)?),
        };
        let waiting = self.decider.pending(after).await?;
        let more = waiting.len() > limit;
        let mut orders = Vec::new();
        let mut last = None;
        for listed in waiting.iter().take(limit) {
            last = Some(name(&listed.id()));
            // The node says that it waits; what is shown is proven. One that was decided meanwhile is left out.
            match self.decider.received(&listed.id(), Height(0)).await {
                Ok(received) => orders.push(self.shown(&received, opens).await?),
                Err(DecideError::NotPending) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(v1::ListReceivedOrdersResponse { orders, next_page_token: last.filter(|_| more).unwrap_or_default() })
    }

    async fn shown(
        &self,
        received: &ReceivedOrder,
        opens: Option<&Permit<OpenPrivatePart>>,
    ) -> Result<v1::ReceivedOrder, ApiError> {
        let order = &received.sealed.order;
        let inbox = self.decider.inbox();
        let part = inbox.row(&order.court, &order.id).await?.map(|row| row.part);
        let arrived = part.is_some_and(|part| private_digest(&part) == order.private_digest);
        let private = match opens {
            Some(permit) if arrived => inbox.open(&order.court, &order.id, permit.caller()).await?,
            _ => None,
        };
        Ok(v1::ReceivedOrder {
            name: name(&received.id()),
            court: format!("members/{}", order.court),
            sector: order.sector.to_string(),
            kind: order.kind.to_string(),
            original: order.original.map(|order| name(&ReceivedId { order, ..received.id() })).unwrap_or_default(),
            issue_time: Some(seconds_to_wire(order.issued_at)),
            decide_by: Some(seconds_to_wire(order.decide_by)),
            hold_until: Some(seconds_to_wire(order.hold_until)),
            arrival_height: received.arrival.height.0,
            private_digest: order.private_digest.0.to_vec(),
            private_part_arrived: arrived,
            private_fields: private.iter().flat_map(|part| &part.fields).map(field_to_wire).collect(),
        })
    }

    async fn decide(
        &self,
        permit: &Permit<DecideOrder>,
        request: v1::DecideOrderRequest,
    ) -> Result<v1::DecideOrderResponse, ApiError> {
        let id = received_name(&request.name)?;
        let what = decision(request.decision)?;
        let order = self.decider.received(&id, Height(0)).await?.sealed.order;
        // Who decided what is filed before it is so, under the order's own case.
        if let Some(row) = self.decider.inbox().row(&order.court, &order.id).await? {
            let purpose = purpose_of(&row.order, &row.part);
            let (now, resource) = (self.clock.now(), request.name.clone());
            let entry = audit::entry(now, permit.caller(), "DecideOrder", resource, Vec::new(), purpose);
            self.audit.append(&entry).await?;
        }
        let height = self.decider.decide(&id, what).await?;
        tracing::info!(caller = %permit.caller(), order = %id, %height, "an order was decided by hand");
        Ok(v1::DecideOrderResponse { height: height.0 })
    }
}

fn decision(decision: Option<Decision>) -> Result<ByHand, ApiError> {
    match decision {
        None => Err(ApiError::argument("decision", "Say whether the order is accepted or refused.")),
        Some(Decision::Refuse(denial)) => {
            let reason = denial.reason.parse();
            reason.map(ByHand::Refuse).map_err(|error| ApiError::argument("reason", format!("{error}.")))
        }
        Some(Decision::Accept(acceptance)) => Ok(ByHand::Accept {
            reference: Some(acceptance.asset).filter(|asset| !asset.is_empty()),
            amount: match &acceptance.amount {
                None => None,
                Some(amount) => Some(
                    amount_from_wire(amount)
                        .ok_or_else(|| ApiError::argument("amount", "An amount in an ISO 4217 currency."))?,
                ),
            },
        }),
    }
}

fn name(id: &ReceivedId) -> String {
    format!("clients/{}/orders/{}", id.client, id.order)
}

fn received_name(name: &str) -> Result<ReceivedId, ApiError> {
    let parts = name.strip_prefix("clients/").and_then(|rest| rest.split_once("/orders/"));
    let id =
        parts.and_then(|(client, order)| Some(ReceivedId { client: client.parse().ok()?, order: order.parse().ok()? }));
    id.ok_or_else(|| {
        let form = "The name must be clients/, a client's id, /orders/ and 32 hex digits.";
        ApiError::new(Reason::MalformedName, form)
    })
}

impl From<DecideError> for ApiError {
    fn from(error: DecideError) -> Self {
        match error {
            DecideError::NotPending => Self::new(Reason::OrderState, "The order is not waiting to be decided here."),
            DecideError::Ruled(code) => {
                let message = format!("The order cannot be carried out ({code}); it can be refused.");
                Self::new(Reason::DecisionNotAllowed, message).with("rule", code)
            }
            DecideError::Amount => {
                Self::argument("amount", "More than nothing, and not more than the order and the asset allow.")
            }
            DecideError::Refused(code) => {
                Self::new(Reason::ChainRefused, format!("The chain refused the decision: {code}."))
                    .with("chain_reason", code.as_str())
            }
            DecideError::Signer(error) => signer_error(error),
            DecideError::Unavailable(why) => {
                Self::new(Reason::ChainUnavailable, "The order cannot be decided now.").because(why)
            }
            DecideError::Code(_) => Self::fault(error),
        }
    }
}
