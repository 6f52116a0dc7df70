//! A gateway that speaks as an institution and lies: it asks the honest gateway and changes the answer.

use super::Institution;
use comity_gateway::tls::{Authorities, Listener, Protocol, ServerTls};
use comity_gateway::{Identity, Running};
use comity_proto::v1::exchange_client::ExchangeClient;
use comity_proto::v1::exchange_server::{Exchange, ExchangeServer};
use comity_proto::v1::{
    DeliverRequest, DeliverResponse, FetchAnswerRequest, FetchAnswerResponse, FetchArrivalRequest,
    FetchArrivalResponse, FetchLightBlockRequest, FetchLightBlockResponse, FetchMemberRequest, FetchRecordRequest,
    FetchRecordResponse, FetchStateResponse,
};
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status};

type Change = Box<dyn FnMut(&mut FetchRecordResponse) + Send>;

/// What is changed in the answers, exchangeable between calls.
#[derive(Clone)]
pub struct Lie(Arc<Mutex<Change>>);

impl Lie {
    pub fn set(&self, change: impl FnMut(&mut FetchRecordResponse) + Send + 'static) {
        *self.0.lock().unwrap() = Box::new(change);
    }
}

struct Liar {
    honest: ExchangeClient<Channel>,
    lie: Lie,
}

/// Starts a liar in the place of `victim`, in front of its honest gateway; `asker` is let in. Returns its address.
pub async fn start(victim: &Institution, honest: &Running, asker: &Institution) -> (String, Lie) {
    let mut authorities = Authorities::default();
    authorities.add(asker.id.clone(), None, &asker.authority.pem).unwrap();
    let material = victim.authority.issue(&format!("comity://{}/gateway", victim.id));
    let tls = ServerTls::new(Identity::gateway(victim.id.clone()), &material, authorities).unwrap();
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), Arc::new(tls), Protocol::Grpc, 16).await.unwrap();
    let address = listener.address().unwrap().to_string();
    let lie = Lie(Arc::new(Mutex::new(Box::new(|_: &mut FetchRecordResponse| {}))));
    // The liar knows the asker's key as well: it asks in its name.
    let through = comity_gateway::tls::channel(
        &victim.id,
        &honest.grpc_addr().to_string(),
        &victim.authority.pem,
        &asker.authority.issue(&format!("comity://{}/gateway", asker.id)),
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
        (self.lie.0.lock().unwrap())(&mut answer);
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

    async fn deliver(&self, _: Request<DeliverRequest>) -> Result<Response<DeliverResponse>, Status> {
        Err(Status::unimplemented("a liar takes no orders"))
    }
}
