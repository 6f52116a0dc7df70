//! A gateway that speaks as an institution and lies: it asks the honest gateway and changes the answer.

use super::{Authority, Institution};
use comity_gateway::tls::{Authorities, Listener, Protocol, ServerTls};
use comity_gateway::{Identity, Running};
use comity_model::MemberId;
use comity_proto::v1::exchange_client::ExchangeClient;
use comity_proto::v1::exchange_server::{Exchange, ExchangeServer};
use comity_proto::v1::{
    CheckRecordsRequest, CheckRecordsResponse, DeliverRecordRequest, DeliverRecordResponse, DeliverRequest,
    DeliverResponse, EndHoldingRequest, EndHoldingResponse, FetchAnswerRequest, FetchAnswerResponse,
    FetchArrivalRequest, FetchArrivalResponse, FetchLightBlockRequest, FetchLightBlockResponse, FetchMemberRequest,
    FetchRecordRequest, FetchRecordResponse, FetchStateResponse, SearchRequest, SearchResponse,
};
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status};

type Change<T> = Box<dyn FnMut(&mut T) + Send>;

/// What is changed in the answers, exchangeable between calls.
#[derive(Clone)]
pub struct Lie {
    record: Arc<Mutex<Change<FetchRecordResponse>>>,
    search: Arc<Mutex<Change<SearchResponse>>>,
    cut: Arc<Mutex<Option<(usize, Cut)>>>,
    receipt: Arc<Mutex<Change<DeliverRecordResponse>>>,
}

/// How an answer is cut short.
#[derive(Clone, Copy)]
pub enum Cut {
    /// The stream breaks.
    Broken,
    /// Nothing more comes.
    Silent,
}

impl Lie {
    pub fn set(&self, change: impl FnMut(&mut FetchRecordResponse) + Send + 'static) {
        *self.record.lock().unwrap() = Box::new(change);
    }

    pub fn of_receipt(&self, change: impl FnMut(&mut DeliverRecordResponse) + Send + 'static) {
        *self.receipt.lock().unwrap() = Box::new(change);
    }

    /// So many parts of each answer to a search come, and no more; or all of them.
    pub fn cut_search(&self, after: Option<(usize, Cut)>) {
        *self.cut.lock().unwrap() = after;
    }

    pub fn of_search(&self, change: impl FnMut(&mut SearchResponse) + Send + 'static) {
        *self.search.lock().unwrap() = Box::new(change);
    }
}

struct Liar {
    honest: ExchangeClient<Channel>,
    lie: Lie,
}

/// Starts a liar in the place of `victim`, in front of its honest gateway; `asker` is let in. Returns its address.
pub async fn start(victim: &Institution, honest: &Running, asker: &Institution) -> (String, Lie) {
    start_as((&victim.id, &victim.authority), honest, (&asker.id, &asker.authority)).await
}

/// The same for whoever has these authorities.
pub async fn start_as(
    (victim, victims): (&MemberId, &Authority),
    honest: &Running,
    (asker, askers): (&MemberId, &Authority),
) -> (String, Lie) {
    let mut authorities = Authorities::default();
    authorities.add(asker.clone(), None, &askers.pem).unwrap();
    let material = victims.issue(&format!("comity://{victim}/gateway"));
    let tls = ServerTls::new(Identity::gateway(victim.clone()), &material, authorities).unwrap();
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), Arc::new(tls), Protocol::Grpc, 16).await.unwrap();
    let address = listener.address().unwrap().to_string();
    let lie = Lie {
        record: Arc::new(Mutex::new(Box::new(|_: &mut FetchRecordResponse| {}))),
        search: Arc::new(Mutex::new(Box::new(|_: &mut SearchResponse| {}))),
        cut: Arc::default(),
        receipt: Arc::new(Mutex::new(Box::new(|_: &mut DeliverRecordResponse| {}))),
    };
    // The liar knows the asker's key as well: it asks in its name.
    let through = comity_gateway::tls::channel(
        victim,
        &honest.grpc_addr().to_string(),
        &victims.pem,
        &askers.issue(&format!("comity://{asker}/gateway")),
        comity_gateway::tls::ChannelLimits::default(),
    )
    .unwrap();
    let service = ExchangeServer::new(Liar { honest: ExchangeClient::new(through), lie: lie.clone() });
    let connections = listener.accept(CancellationToken::new());
    tokio::spawn(Server::builder().add_service(service).serve_with_incoming(connections));
    (address, lie)
}

#[tonic::async_trait]
impl Exchange for Liar {
    async fn fetch_record(
        &self,
        request: Request<FetchRecordRequest>,
    ) -> Result<Response<FetchRecordResponse>, Status> {
        let mut answer = self.honest.clone().fetch_record(request.into_inner()).await?.into_inner();
        (self.lie.record.lock().unwrap())(&mut answer);
        Ok(Response::new(answer))
    }

    async fn fetch_member(&self, request: Request<FetchMemberRequest>) -> Result<Response<FetchStateResponse>, Status> {
        self.honest.clone().fetch_member(request.into_inner()).await
    }

    async fn fetch_light_block(
        &self,
        request: Request<FetchLightBlockRequest>,
    ) -> Result<Response<FetchLightBlockResponse>, Status> {
        self.honest.clone().fetch_light_block(request.into_inner()).await
    }

    async fn fetch_arrival(
        &self,
        request: Request<FetchArrivalRequest>,
    ) -> Result<Response<FetchArrivalResponse>, Status> {
        self.honest.clone().fetch_arrival(request.into_inner()).await
    }

    async fn fetch_answer(
        &self,
        request: Request<FetchAnswerRequest>,
    ) -> Result<Response<FetchAnswerResponse>, Status> {
        self.honest.clone().fetch_answer(request.into_inner()).await
    }

    async fn fetch_grounds(
        &self,
        request: Request<FetchAnswerRequest>,
    ) -> Result<Response<FetchAnswerResponse>, Status> {
        self.honest.clone().fetch_grounds(request.into_inner()).await
    }

    async fn deliver(&self, _: Request<DeliverRequest>) -> Result<Response<DeliverResponse>, Status> {
        Err(Status::unimplemented("a liar takes no orders"))
    }

    async fn deliver_record(
        &self,
        request: Request<DeliverRecordRequest>,
    ) -> Result<Response<DeliverRecordResponse>, Status> {
        let mut answer = self.honest.clone().deliver_record(request.into_inner()).await?.into_inner();
        (self.lie.receipt.lock().unwrap())(&mut answer);
        Ok(Response::new(answer))
    }

    async fn check_records(
        &self,
        request: Request<CheckRecordsRequest>,
    ) -> Result<Response<CheckRecordsResponse>, Status> {
        self.honest.clone().check_records(request.into_inner()).await
    }

    async fn end_holding(&self, request: Request<EndHoldingRequest>) -> Result<Response<EndHoldingResponse>, Status> {
        self.honest.clone().end_holding(request.into_inner()).await
    }

    type SearchStream = BoxStream<'static, Result<SearchResponse, Status>>;

    async fn search(&self, request: Request<SearchRequest>) -> Result<Response<Self::SearchStream>, Status> {
        let parts = self.honest.clone().search(request.into_inner()).await?.into_inner();
        let lie = self.lie.clone();
        let lied = parts.map(move |part| {
            let mut part = part?;
            (lie.search.lock().unwrap())(&mut part);
            Ok(part)
        });
        let Some((after, cut)) = *self.lie.cut.lock().unwrap() else { return Ok(Response::new(lied.boxed())) };
        let rest = match cut {
            Cut::Broken => stream::once(async { Err(Status::unavailable("cut off")) }).boxed(),
            Cut::Silent => stream::pending().boxed(),
        };
        Ok(Response::new(lied.take(after).chain(rest).boxed()))
    }
}
