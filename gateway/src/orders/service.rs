//! The service `Orders`: permit, decode, call the desk, encode.
//! It refuses to know how an order goes its way.

use super::book::BookError;
use super::desk::Desk;
use super::newest::watch_all;
use super::stored::{StoredAnswer, StoredOrder};
use super::validated::validated;
use super::watch::{Watch, watch};
use crate::audit::{self, Audit};
use crate::convert::field_to_wire;
use crate::convert_order as convert;
use crate::error::ApiError;
use crate::institution::purpose_of;
use crate::members::page_size;
use crate::policy::{Action, ApproveOrder, DrawUpOrder, Permit, Policy, ReadAnswer, ReadOrder, WithdrawOrder};
use crate::server::caller;
use comity_model::Sector;
use comity_model::order::PrivateAnswer;
use comity_proto::google::longrunning::Operation;
use comity_proto::v1;
use comity_proto::v1::orders_server::Orders;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use std::convert::Infallible;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Most orders on one page, and how many there are on one unless the caller says less.
const PAGE_MAX: usize = 100;

/// The service.
#[derive(Clone)]
pub struct OrdersService {
    desk: Arc<Desk>,
    policy: Arc<Policy>,
    operators: convert::Operators,
    audit: Audit,
}

impl OrdersService {
    /// The service over `desk`.
    #[must_use]
    pub(crate) const fn new(desk: Arc<Desk>, policy: Arc<Policy>, operators: convert::Operators, audit: Audit) -> Self {
        Self { desk, policy, operators, audit }
    }

    fn permit<A: Action<Resource = ()>, T>(&self, request: &Request<T>) -> Result<Permit<A>, ApiError> {
        self.policy.permit::<A>(&caller(request)?)
    }

    fn encode(&self, order: &StoredOrder) -> v1::Order {
        convert::order(order, &self.operators)
    }

    async fn create(
        &self,
        permit: &Permit<DrawUpOrder>,
        request: v1::CreateOrderRequest,
    ) -> Result<v1::Order, ApiError> {
        let only_check = request.validate_only;
        let request = convert::draft_request(request)?;
        if only_check {
            let validation = self.desk.validate(&request).await?;
            return Ok(validated(&request, &validation, &self.operators));
        }
        let order = self.desk.draw_up(&request).await?;
        tracing::info!(caller = %permit.caller(), order = %order.order.id, "an order was drawn up");
        Ok(self.encode(&order))
    }

    async fn approve(
        &self,
        permit: &Permit<ApproveOrder>,
        request: &v1::ApproveOrderRequest,
    ) -> Result<Operation, ApiError> {
        let (id, approval) = convert::approval(request)?;
        let officer = approval.officer.clone();
        let order = self.desk.approve(&id, approval).await?;
        tracing::info!(caller = %permit.caller(), order = %id, %officer, "an order was approved");
        Ok(crate::operations::operation(&order, &self.operators))
    }

    async fn withdraw(&self, permit: &Permit<WithdrawOrder>, name: &str) -> Result<v1::Order, ApiError> {
        let id = convert::order_name(name)?;
        let order = self.desk.withdraw(&id).await?;
        tracing::info!(caller = %permit.caller(), order = %id, "an order was withdrawn");
        Ok(self.encode(&order))
    }

    async fn get(&self, permit: &Permit<ReadOrder>, name: &str) -> Result<v1::Order, ApiError> {
        let order = self.desk.read(&convert::order_name(name)?).await?;
        let mut shown = self.encode(&order);
        if let (Some(StoredAnswer::Received(answer)), Some(wire)) = (&order.answer, &mut shown.answer)
            && let Ok(permit) = self.policy.permit::<ReadAnswer>(permit.caller())
        {
            self.file(&permit, &order, answer).await?;
            wire.fields = answer.fields.iter().map(field_to_wire).collect();
        }
        if let Ok(permit) = self.policy.permit::<ReadAnswer>(permit.caller())
            && let Some(grounds) = self.desk.objection_grounds(&order.order.id).await?
        {
            let purpose = purpose_of(&order.order, &order.part);
            let resource = format!("orders/{}", order.order.id);
            let entry = audit::entry(self.desk.now(), permit.caller(), "ReadGrounds", resource, Vec::new(), purpose);
            self.audit.append(&entry).await?;
            shown.objection_grounds = grounds.text;
        }
        Ok(shown)
    }

    /// Files that somebody sees the answer to an order, before it is shown.
    async fn file(
        &self,
        permit: &Permit<ReadAnswer>,
        order: &StoredOrder,
        answer: &PrivateAnswer,
    ) -> Result<(), ApiError> {
        let fields = answer.fields.iter().map(|field| field.name.clone()).collect();
        let resource = format!("orders/{}", order.order.id);
        let purpose = purpose_of(&order.order, &order.part);
        let entry = audit::entry(self.desk.now(), permit.caller(), "ReadAnswer", resource, fields, purpose);
        self.audit.append(&entry).await
    }

    async fn list(
        &self,
        _permit: &Permit<ReadOrder>,
        request: &v1::ListOrdersRequest,
    ) -> Result<v1::ListOrdersResponse, ApiError> {
        let limit = page_size(request.page_size, PAGE_MAX)?;
        let after = match request.page_token.as_str() {
            "" => None,
            token => Some(place(token).ok_or_else(|| {
                ApiError::argument("page_token", "The page token is not one that this service gave.")
            })?),
        };
        let (orders, next) = self.desk.list(after.as_ref(), limit).await?;
        Ok(v1::ListOrdersResponse {
            orders: orders.iter().map(|order| self.encode(order)).collect(),
            next_page_token: next.map(hex::encode).unwrap_or_default(),
        })
    }

    async fn watch(
        &self,
        _permit: &Permit<ReadOrder>,
        request: &v1::WatchOrderRequest,
    ) -> Result<BoxStream<'static, Result<v1::Order, Status>>, ApiError> {
        let id = convert::order_name(&request.name)?;
        // An unknown order is said at once, not on the stream.
        self.desk.read(&id).await?;
        let after_revision = convert::resumed(&id, &request.resume_token)?;
        let what = Watch { id, follow_hold: request.follow_hold, after_revision };
        Ok(self.shown(watch(Arc::clone(self.desk.book()), what, self.desk.stopping())))
    }
}

impl OrdersService {
    fn watch_all(
        &self,
        _permit: &Permit<ReadOrder>,
        request: &v1::WatchOrdersRequest,
    ) -> Result<BoxStream<'static, Result<v1::Order, Status>>, ApiError> {
        let newest = page_size(request.newest, PAGE_MAX)?;
        let orders = watch_all(Arc::clone(self.desk.book()), newest, self.desk.stopping());
        Ok(self.shown(orders))
    }

    /// Orders of a watch, as the API shows them.
    fn shown(
        &self,
        orders: impl Stream<Item = Result<Arc<StoredOrder>, BookError<Infallible>>> + Send + 'static,
    ) -> BoxStream<'static, Result<v1::Order, Status>> {
        let operators = self.operators.clone();
        let shown = orders.map(move |order| match order {
            Ok(order) => Ok(convert::order(&order, &operators)),
            Err(error) => Err(ApiError::from(super::DeskError::from(error)).into()),
        });
        shown.boxed()
    }
}

/// A page token: the place of the last order shown.
fn place(token: &str) -> Option<[u8; 24]> {
    let mut place = [0; 24];
    hex::decode_to_slice(token, &mut place).ok()?;
    Some(place)
}

#[tonic::async_trait]
impl Orders for OrdersService {
    async fn create_order(&self, request: Request<v1::CreateOrderRequest>) -> Result<Response<v1::Order>, Status> {
        // A text that is no sector's name can be permitted to nobody: it answers like a sector that is forbidden.
        let sector: Option<Sector> = request.get_ref().sector.parse().ok();
        let sector = sector.ok_or_else(ApiError::denied)?;
        let permit = self.policy.permit_in::<DrawUpOrder>(&caller(&request)?, &sector)?;
        Ok(Response::new(self.create(&permit, request.into_inner()).await?))
    }

    async fn approve_order(&self, request: Request<v1::ApproveOrderRequest>) -> Result<Response<Operation>, Status> {
        let permit = self.permit::<ApproveOrder, _>(&request)?;
        Ok(Response::new(self.approve(&permit, request.get_ref()).await?))
    }

    async fn withdraw_order(&self, request: Request<v1::WithdrawOrderRequest>) -> Result<Response<v1::Order>, Status> {
        let permit = self.permit::<WithdrawOrder, _>(&request)?;
        Ok(Response::new(self.withdraw(&permit, &request.get_ref().name).await?))
    }

    async fn get_order(&self, request: Request<v1::GetOrderRequest>) -> Result<Response<v1::Order>, Status> {
        let permit = self.permit::<ReadOrder, _>(&request)?;
        Ok(Response::new(self.get(&permit, &request.get_ref().name).await?))
    }

    async fn list_orders(
        &self,
        request: Request<v1::ListOrdersRequest>,
    ) -> Result<Response<v1::ListOrdersResponse>, Status> {
        let permit = self.permit::<ReadOrder, _>(&request)?;
        Ok(Response::new(self.list(&permit, request.get_ref()).await?))
    }

    type WatchOrdersStream = BoxStream<'static, Result<v1::Order, Status>>;

    async fn watch_orders(
        &self,
        request: Request<v1::WatchOrdersRequest>,
    ) -> Result<Response<Self::WatchOrdersStream>, Status> {
        let permit = self.permit::<ReadOrder, _>(&request)?;
        Ok(Response::new(self.watch_all(&permit, request.get_ref())?))
    }

    type WatchOrderStream = BoxStream<'static, Result<v1::Order, Status>>;

    async fn watch_order(
        &self,
        request: Request<v1::WatchOrderRequest>,
    ) -> Result<Response<Self::WatchOrderStream>, Status> {
        let permit = self.permit::<ReadOrder, _>(&request)?;
        Ok(Response::new(self.watch(&permit, request.get_ref()).await?))
    }
}
