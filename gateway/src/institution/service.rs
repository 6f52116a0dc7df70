//! The service `Institution`: what waits to be decided, and a person's decision. Permit, decode, call the decider, encode.
//! It refuses to know the rules by which an order may be carried out.

use super::decider::{ByHand, DecideError, Decider};
use super::grounds;
use super::inbox::{purpose_of, signer_error};
use super::objections::Arrived;
use super::shown::{name, received_name, received_order};
use crate::audit::{self, Audit};
use crate::config::Clock;
use crate::convert::{amount_from_wire, field_to_wire, seconds_to_wire};
use crate::convert_order::Operators;
use crate::error::{ApiError, Reason};
use crate::identity::Caller;
use crate::members::page_size;
use crate::policy::{DecideOrder, ObjectToOrder, OpenPrivatePart, Permit, Policy, ReadReceivedOrder};
use crate::server::caller;
use comity_model::Height;
use comity_model::order::{Order, OrderState, ReceivedId, ReceivedOrder};
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
    pub(crate) operators: Operators,
}

#[tonic::async_trait]
impl Institution for InstitutionService {
    async fn list_received_orders(
        &self,
        request: Request<v1::ListReceivedOrdersRequest>,
    ) -> Result<Response<v1::ListReceivedOrdersResponse>, Status> {
        let caller = caller(&request)?;
        let permit = self.policy.permit::<ReadReceivedOrder>(&caller)?;
        let opens = request.get_ref().with_private_parts;
        let opens = opens.then(|| self.policy.permit::<OpenPrivatePart>(&caller)).transpose()?;
        Ok(Response::new(self.list(&permit, opens.as_ref(), request.get_ref()).await?))
    }

    async fn decide_order(
        &self,
        request: Request<v1::DecideOrderRequest>,
    ) -> Result<Response<v1::DecideOrderResponse>, Status> {
        let permit = self.policy.permit::<DecideOrder>(&caller(&request)?)?;
        Ok(Response::new(self.decide(&permit, request.into_inner()).await?))
    }

    async fn get_received_order(
        &self,
        request: Request<v1::GetReceivedOrderRequest>,
    ) -> Result<Response<v1::ReceivedOrder>, Status> {
        let caller = caller(&request)?;
        let permit = self.policy.permit::<ReadReceivedOrder>(&caller)?;
        let opens = request.get_ref().with_private_part;
        let opens = opens.then(|| self.policy.permit::<OpenPrivatePart>(&caller)).transpose()?;
        Ok(Response::new(self.get(&permit, opens.as_ref(), request.get_ref()).await?))
    }

    async fn object_to_order(
        &self,
        request: Request<v1::ObjectToOrderRequest>,
    ) -> Result<Response<v1::ObjectToOrderResponse>, Status> {
        let permit = self.policy.permit::<ObjectToOrder>(&caller(&request)?)?;
        Ok(Response::new(self.object(&permit, request.get_ref()).await?))
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
        let token = Some(request.page_token.as_str()).filter(|token| !token.is_empty());
        let (ids, next_page_token) =
            if request.decided_too { self.all(token, limit).await? } else { self.waiting(token, limit).await? };
        let mut orders = Vec::new();
        for id in ids {
            // What lists it says so; what is shown is proven. One that is not so, or not any more, is left out.
            match self.decider.arrived(&id, Height(0)).await {
                Ok(arrived) if request.decided_too || arrived.received.state == OrderState::Pending => {
                    orders.push(self.shown(&arrived, opens).await?);
                }
                Ok(_) | Err(DecideError::NotHere) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(v1::ListReceivedOrdersResponse { orders, next_page_token })
    }

    /// Orders that wait to be decided, as the chain's node says, and the next page's token.
    async fn waiting(&self, token: Option<&str>, limit: usize) -> Result<(Vec<ReceivedId>, String), ApiError> {
        let after = token.map(received_name).transpose()?;
        let waiting = self.decider.pending(after).await?;
        let more = waiting.len() > limit;
        let ids: Vec<_> = waiting.iter().take(limit).map(ReceivedOrder::id).collect();
        let next = ids.last().filter(|_| more).map(name).unwrap_or_default();
        Ok((ids, next))
    }

    /// Orders whose private part arrived, and the next page's token.
    async fn all(&self, token: Option<&str>, limit: usize) -> Result<(Vec<ReceivedId>, String), ApiError> {
        let foreign = |_| ApiError::argument("page_token", "The page token is not one that this service gave.");
        let after = token.map(hex::decode).transpose().map_err(foreign)?;
        let rows = self.decider.inbox().list(after.as_deref(), limit.saturating_add(1)).await?;
        let more = rows.len() > limit;
        let next = rows.get(limit.saturating_sub(1)).filter(|_| more).map(|(key, _)| hex::encode(key));
        let ids = rows.into_iter().take(limit);
        let ids = ids.map(|(_, row)| ReceivedId { client: row.order.dest_client, order: row.order.id });
        Ok((ids.collect(), next.unwrap_or_default()))
    }

    async fn shown(
        &self,
        arrived: &Arrived,
        opens: Option<&Permit<OpenPrivatePart>>,
    ) -> Result<v1::ReceivedOrder, ApiError> {
        let order = &arrived.received.sealed.order;
        let inbox = self.decider.inbox();
        let part = inbox.row(&order.court, &order.id).await?.map(|row| row.part);
        let is_here = part.is_some_and(|part| private_digest(&part) == order.private_digest);
        let private = match opens {
            Some(permit) if is_here => inbox.open(&order.court, &order.id, permit.caller()).await?,
            _ => None,
        };
        Ok(v1::ReceivedOrder {
            private_part_arrived: is_here,
            private_fields: private.iter().flat_map(|part| &part.fields).map(field_to_wire).collect(),
            ..received_order(arrived, &self.operators)
        })
    }

    async fn get(
        &self,
        _permit: &Permit<ReadReceivedOrder>,
        opens: Option<&Permit<OpenPrivatePart>>,
        request: &v1::GetReceivedOrderRequest,
    ) -> Result<v1::ReceivedOrder, ApiError> {
        let id = received_name(&request.name)?;
        let arrived = self.decider.arrived(&id, Height(0)).await?;
        self.shown(&arrived, opens).await
    }

    async fn object(
        &self,
        permit: &Permit<ObjectToOrder>,
        request: &v1::ObjectToOrderRequest,
    ) -> Result<v1::ObjectToOrderResponse, ApiError> {
        let id = received_name(&request.name)?;
        let reason = request.reason.parse().map_err(|error| ApiError::argument("reason", format!("{error}.")))?;
        let grounds = grounds::stated(&request.grounds)?;
        let order = self.decider.arrived(&id, Height(0)).await?.received.sealed.order;
        self.file(permit.caller(), "ObjectToOrder", &request.name, &order).await?;
        let (height, answer_by) = self.decider.object(&id, reason, grounds).await?;
        tracing::info!(caller = %permit.caller(), order = %id, %height, "the institution objects to an order");
        Ok(v1::ObjectToOrderResponse { height: height.0, answer_by: Some(seconds_to_wire(answer_by)) })
    }

    /// Files who does what with an order before it is done, under the order's own case.
    async fn file(&self, caller: &Caller, action: &str, name: &str, order: &Order) -> Result<(), ApiError> {
        let Some(row) = self.decider.inbox().row(&order.court, &order.id).await? else { return Ok(()) };
        let purpose = purpose_of(&row.order, &row.part);
        let entry = audit::entry(self.clock.now(), caller, action, name.to_owned(), Vec::new(), purpose);
        self.audit.append(&entry).await
    }

    async fn decide(
        &self,
        permit: &Permit<DecideOrder>,
        request: v1::DecideOrderRequest,
    ) -> Result<v1::DecideOrderResponse, ApiError> {
        let id = received_name(&request.name)?;
        let what = decision(request.decision)?;
        let order = self.decider.received(&id, Height(0)).await?.sealed.order;
        self.file(permit.caller(), "DecideOrder", &request.name, &order).await?;
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

impl From<DecideError> for ApiError {
    fn from(error: DecideError) -> Self {
        match error {
            DecideError::NotHere => Self::new(Reason::UnknownOrder, "No such order arrived at this institution."),
            DecideError::NotPending => Self::new(Reason::OrderState, "The order is not waiting to be decided here."),
            DecideError::Ruled(code) => {
                let message = format!("The order cannot be carried out ({code}); it can be refused.");
                Self::new(Reason::DecisionNotAllowed, message).with("rule", code)
            }
            DecideError::Amount => {
                Self::argument("amount", "More than nothing, and not more than the order and the asset allow.")
            }
            // What was read was no longer so when the decision arrived.
            DecideError::Refused(code) if matches!(code.as_str(), "ALREADY_DECIDED" | "DECISION_LATE") => {
                Self::new(Reason::OrderState, "The order is not waiting to be decided here any more.")
                    .with("chain_reason", code.as_str())
            }
            DecideError::Refused(code) => Self::new(Reason::ChainRefused, format!("The chain refused: {code}."))
                .with("chain_reason", code.as_str()),
            DecideError::Signer(error) => signer_error(error),
            DecideError::Unavailable(why) => {
                Self::new(Reason::ChainUnavailable, "The order cannot be decided now.").because(why)
            }
            DecideError::Code(_) => Self::fault(error),
        }
    }
}
