//! What other institutions' gateways ask: records disclosed to their people, members, headers; and what they deliver.
//! It refuses to trust a caller's word for more than whom it asks for within its own institution.

use crate::audit::Purpose;
use crate::config::Clock;
use crate::error::{ApiError, Reason};
use crate::following::{CHECK_MAX, HolderBook, Holding, Receiver};
use crate::identity::Role;
use crate::institution::{Answers, Inbox};
use crate::policy::{Exchange as Exchanges, Permit, Policy};
use crate::records::{Answerer, Question, consent, mask};
use crate::search::Searcher;
use crate::server::caller;
use crate::view::HomeState;
use comity_model::order::ReceivedOrder;
use comity_model::state::StatePath;
use comity_model::{ClientId, Height, MemberId, OrderId, decode, encode};
use comity_proto::v1;
use comity_proto::v1::exchange_server::Exchange;
use futures::StreamExt;
use futures::stream::BoxStream;
use std::sync::Arc;
use tonic::{Request, Response, Status};

type SearchStream = BoxStream<'static, Result<v1::SearchResponse, Status>>;

/// The service.
pub(crate) struct ExchangeService {
    pub(crate) institution: MemberId,
    pub(crate) policy: Arc<Policy>,
    pub(crate) answerer: Arc<Answerer>,
    pub(crate) home: HomeState,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) answers: Arc<Answers>,
    pub(crate) searcher: Arc<Searcher>,
    pub(crate) holders: HolderBook,
    pub(crate) receiver: Arc<Receiver>,
    pub(crate) clock: Clock,
}

#[tonic::async_trait]
impl Exchange for ExchangeService {
    async fn fetch_record(
        &self,
        request: Request<v1::FetchRecordRequest>,
    ) -> Result<Response<v1::FetchRecordResponse>, Status> {
        let permit = self.permit(&request)?;
        Ok(Response::new(self.record(permit, request.into_inner()).await?))
    }

    async fn fetch_member(
        &self,
        request: Request<v1::FetchMemberRequest>,
    ) -> Result<Response<v1::FetchStateResponse>, Status> {
        let permit = self.permit(&request)?;
        Ok(Response::new(self.member(&permit, request.into_inner()).await?))
    }

    async fn fetch_light_block(
        &self,
        request: Request<v1::FetchLightBlockRequest>,
    ) -> Result<Response<v1::FetchLightBlockResponse>, Status> {
        let permit = self.permit(&request)?;
        Ok(Response::new(self.light_block(&permit, &request.into_inner()).await?))
    }

    async fn fetch_arrival(
        &self,
        request: Request<v1::FetchArrivalRequest>,
    ) -> Result<Response<v1::FetchArrivalResponse>, Status> {
        let permit = self.permit(&request)?;
        Ok(Response::new(self.arrival(&permit, &request.into_inner()).await?))
    }

    async fn fetch_answer(
        &self,
        request: Request<v1::FetchAnswerRequest>,
    ) -> Result<Response<v1::FetchAnswerResponse>, Status> {
        let permit = self.permit(&request)?;
        Ok(Response::new(self.answers.hand_over(permit.caller(), request.into_inner()).await?))
    }

    async fn fetch_grounds(
        &self,
        request: Request<v1::FetchAnswerRequest>,
    ) -> Result<Response<v1::FetchAnswerResponse>, Status> {
        let permit = self.permit(&request)?;
        Ok(Response::new(self.answers.hand_over_grounds(permit.caller(), request.into_inner()).await?))
    }

    async fn deliver(&self, request: Request<v1::DeliverRequest>) -> Result<Response<v1::DeliverResponse>, Status> {
        let permit = self.permit(&request)?;
        Ok(Response::new(self.inbox.deliver(permit.caller(), request.into_inner()).await?))
    }

    async fn deliver_record(
        &self,
        request: Request<v1::DeliverRecordRequest>,
    ) -> Result<Response<v1::DeliverRecordResponse>, Status> {
        let permit = self.permit(&request)?;
        let request = request.into_inner();
        let role = self.role_of(&request.role)?;
        Ok(Response::new(self.receiver.take(permit.caller(), role, request).await?))
    }

    async fn check_records(
        &self,
        request: Request<v1::CheckRecordsRequest>,
    ) -> Result<Response<v1::CheckRecordsResponse>, Status> {
        let permit = self.permit(&request)?;
        Ok(Response::new(self.checked(&permit, request.get_ref()).await?))
    }

    async fn end_holding(
        &self,
        request: Request<v1::EndHoldingRequest>,
    ) -> Result<Response<v1::EndHoldingResponse>, Status> {
        let permit = self.permit(&request)?;
        Ok(Response::new(self.end(&permit, request.into_inner()).await?))
    }

    type SearchStream = SearchStream;

    async fn search(&self, request: Request<v1::SearchRequest>) -> Result<Response<Self::SearchStream>, Status> {
        let permit = self.permit(&request)?;
        Ok(Response::new(self.searched(&permit, request.into_inner()).await?))
    }
}

impl ExchangeService {
    async fn searched(&self, permit: &Permit<Exchanges>, request: v1::SearchRequest) -> Result<SearchStream, ApiError> {
        let role = self.role_of(&request.role)?;
        let trusted = Some(Height(request.trusted_height));
        let query = self.searcher.open(permit.caller(), request)?;
        let parts = self.searcher.clone().search(permit.caller().acting_as(role), query, trusted).await?;
        Ok(parts.map(|part| part.map_err(Status::from)).boxed())
    }

    async fn checked(
        &self,
        _permit: &Permit<Exchanges>,
        request: &v1::CheckRecordsRequest,
    ) -> Result<v1::CheckRecordsResponse, ApiError> {
        if request.records.is_empty() || request.records.len() > CHECK_MAX {
            return Err(ApiError::argument("records", format!("1 to {CHECK_MAX} records are checked at once.")));
        }
        let records = request.records.iter().map(|record| {
            let sector = record.sector.parse().map_err(|error| ApiError::argument("sector", format!("{error}.")))?;
            let id = record.record_id.parse().map_err(|error| ApiError::argument("record_id", format!("{error}.")))?;
            Ok((sector, id))
        });
        let records = records.collect::<Result<Vec<_>, ApiError>>()?;
        self.answerer.standing(&records, Height(request.trusted_height)).await
    }

    async fn end(
        &self,
        permit: &Permit<Exchanges>,
        request: v1::EndHoldingRequest,
    ) -> Result<v1::EndHoldingResponse, ApiError> {
        let holding = Holding {
            keeper: self.institution.clone(),
            sector: request.sector.parse().map_err(|error| ApiError::argument("sector", format!("{error}.")))?,
            record: request.record_id.parse().map_err(|error| ApiError::argument("record_id", format!("{error}.")))?,
            holder: permit.caller().institution.clone(),
            role: request.role,
        };
        self.holders.end(&holding, self.clock.now().unix_seconds()).await?;
        Ok(v1::EndHoldingResponse {})
    }

    /// The role of a person within the calling institution.
    fn role_of(&self, text: &str) -> Result<Role, ApiError> {
        let role: Role = text.parse().map_err(|error| ApiError::argument("role", format!("{error}.")))?;
        if role.is_gateway() {
            return Err(ApiError::denied());
        }
        self.policy.check_role(&role)?;
        Ok(role)
    }

    fn permit<T>(&self, request: &Request<T>) -> Result<Permit<Exchanges>, ApiError> {
        self.policy.permit(&caller(request)?)
    }

    async fn record(
        &self,
        permit: Permit<Exchanges>,
        request: v1::FetchRecordRequest,
    ) -> Result<v1::FetchRecordResponse, ApiError> {
        let role = self.role_of(&request.role)?;
        let question = Question {
            sector: request.sector.parse().map_err(|error| ApiError::argument("sector", format!("{error}.")))?,
            id: request.record_id.parse().map_err(|error| ApiError::argument("record_id", format!("{error}.")))?,
            fields: mask(&request.fields)?,
            purpose: Purpose::stated(request.purpose)?,
            consent: consent(&request.consent)?,
            trusted: Some(Height(request.trusted_height)),
        };
        self.answerer.answer(&permit.caller().acting_as(role), &question).await
    }

    async fn member(
        &self,
        _permit: &Permit<Exchanges>,
        request: v1::FetchMemberRequest,
    ) -> Result<v1::FetchStateResponse, ApiError> {
        let path = if request.officer.is_empty() {
            StatePath::Member(self.institution.clone())
        } else {
            let officer = request.officer.parse();
            let officer = officer.map_err(|error| ApiError::argument("officer", format!("{error}.")))?;
            StatePath::Officer(self.institution.clone(), officer)
        };
        let stood = self.home.now(&path).await?;
        self.answerer.state(&stood, Some(Height(request.trusted_height))).await
    }

    /// How far an order of the calling court has come: of another's nothing is told.
    async fn arrival(
        &self,
        permit: &Permit<Exchanges>,
        request: &v1::FetchArrivalRequest,
    ) -> Result<v1::FetchArrivalResponse, ApiError> {
        let client: ClientId =
            request.client.parse().map_err(|error| ApiError::argument("client", format!("{error}.")))?;
        let order: OrderId = request.order.parse().map_err(|error| ApiError::argument("order", format!("{error}.")))?;
        let header = self.home.view().fresh().await?;
        let received = self.home.under(&StatePath::Received(client.clone(), order), header.clone()).await?;
        if let Some(value) = received.what.value() {
            let entry: ReceivedOrder = decode("received order", value.value()).map_err(ApiError::fault)?;
            if !self.inbox.is_from(permit.caller(), &entry.sealed.order) {
                return Err(ApiError::denied());
            }
        }
        let receipt = self.home.under(&StatePath::Receipt(client, request.sequence), header).await?;
        Ok(v1::FetchArrivalResponse {
            receipt: Some(self.answerer.state(&receipt, Some(Height(request.trusted_height))).await?),
            order: Some(self.answerer.state(&received, None).await?),
        })
    }

    async fn light_block(
        &self,
        _permit: &Permit<Exchanges>,
        request: &v1::FetchLightBlockRequest,
    ) -> Result<v1::FetchLightBlockResponse, ApiError> {
        let view = self.home.view();
        let height = match request.height {
            0 => view.fresh().await?.height(),
            height => Height(height),
        };
        if height < view.anchor().height {
            return Err(ApiError::new(Reason::HeightGone, "This gateway's view of its chain starts later."));
        }
        Ok(v1::FetchLightBlockResponse { block: encode(&*view.block(height).await?) })
    }
}
