//! The other side: an adapter written in Rust, served to a host. Translates and bounds; judges nothing.

use crate::wire::{self, BadWire};
use crate::{EVENTS_MAX, MESSAGE_BYTES_MAX, ROWS_MAX, SERVICE, SOCKET_VARIABLE, VERSIONS, status::status};
use comity_adapters_ports::{Outpost, PortError};
use comity_model::order::ReceivedId;
use comity_model::tx::TX_BYTES_MAX;
use comity_model::{ClientId, Height, encode};
use comity_proto::comity::adapter::v1 as proto;
use comity_proto::comity::adapter::v1::adapter_server::{Adapter, AdapterServer};
use futures::stream::{BoxStream, StreamExt};
use std::future::Future;
use std::io::{self, Read};
use tokio::net::UnixListener;
use tokio::sync::oneshot;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

/// What a program calls itself.
#[derive(Clone, Debug)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Its release.
    pub release: String,
}

/// Serves as a program that a host started: on the socket that the environment names, until standard input ends.
pub async fn run(outpost: Outpost, named: Named) -> io::Result<()> {
    let missing = || io::Error::other(format!("{SOCKET_VARIABLE} is not set: a host starts this program"));
    let socket = std::env::var_os(SOCKET_VARIABLE).ok_or_else(missing)?;
    serve(outpost, named, UnixListener::bind(socket)?, host_is_gone()?).await
}

/// Ends when standard input does: that the host is gone is seen by nothing else.
pub fn host_is_gone() -> io::Result<impl Future<Output = ()> + Send> {
    let (gone, told) = oneshot::channel();
    // A thread of its own: a read of standard input cannot be cancelled, and must not hold up the end.
    std::thread::Builder::new().name("host".into()).spawn(move || {
        let mut input = io::stdin().lock();
        let mut ignored = [0; 256];
        while matches!(input.read(&mut ignored), Ok(1..)) {}
        let _ = gone.send(());
    })?;
    Ok(async move {
        let _ = told.await;
    })
}

/// Serves `outpost` on `listener` until `end`.
pub async fn serve(
    outpost: Outpost,
    named: Named,
    listener: UnixListener,
    end: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status(SERVICE, tonic_health::ServingStatus::Serving).await;
    let adapter = AdapterServer::new(Served { outpost, named })
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let serving = Server::builder()
        .add_service(health)
        .add_service(adapter)
        .serve_with_incoming(UnixListenerStream::new(listener));
    // No waiting for open calls at the end: nobody is there to hear the answers.
    tokio::select! {
        served = serving => served.map_err(io::Error::other),
        () = end => Ok(()),
    }
}

struct Served {
    outpost: Outpost,
    named: Named,
}

type Answer<T> = Result<Response<T>, Status>;

fn invalid(error: BadWire) -> Status {
    Status::invalid_argument(error.to_string())
}

fn client(id: &str) -> Result<ClientId, Status> {
    id.parse().map_err(|_| invalid(wire::bad("client_id", "a client id")))
}

fn limit(limit: u32) -> Result<u32, Status> {
    if limit <= ROWS_MAX { Ok(limit) } else { Err(invalid(wire::bad("limit", "at most 1000"))) }
}

#[tonic::async_trait]
impl Adapter for Served {
    async fn handshake(&self, _: Request<proto::HandshakeRequest>) -> Answer<proto::HandshakeResponse> {
        // Whether the node is there, and of the chain: the ports refuse the headers of another one.
        let headers = &self.outpost.ports.headers;
        let latest = headers.latest().await.map_err(status)?;
        headers.light_block(latest).await.map_err(status)?;
        let all = [
            proto::Capability::Headers,
            proto::Capability::State,
            proto::Capability::Events,
            proto::Capability::Deliver,
        ];
        Ok(Response::new(proto::HandshakeResponse {
            version_min: VERSIONS.0,
            version_max: VERSIONS.1,
            chain_id: headers.chain().to_string(),
            kind: "comet".into(),
            capabilities: all.map(Into::into).to_vec(),
            name: self.named.name.clone(),
            release: self.named.release.clone(),
        }))
    }

    async fn latest(&self, _: Request<proto::LatestRequest>) -> Answer<proto::LatestResponse> {
        let latest = self.outpost.ports.headers.latest().await.map_err(status)?;
        Ok(Response::new(proto::LatestResponse { height: latest.0 }))
    }

    async fn light_block(&self, request: Request<proto::LightBlockRequest>) -> Answer<proto::LightBlockResponse> {
        let height = Height(request.into_inner().height);
        let block = self.outpost.ports.headers.light_block(height).await.map_err(status)?;
        Ok(Response::new(wire::of_light_block(&block)))
    }

    async fn prove(&self, request: Request<proto::ProveRequest>) -> Answer<proto::ProveResponse> {
        let request = request.into_inner();
        let key = request.key.as_slice().try_into().map_err(|_| invalid(wire::bad("key", "32 bytes")))?;
        let proof = self.outpost.courier.prove_key(key, Height(request.header)).await.map_err(status)?;
        Ok(Response::new(proto::ProveResponse { value: proof.value, proof: proof.proof, header: proof.header.0 }))
    }

    async fn header_proof(&self, request: Request<proto::HeaderProofRequest>) -> Answer<proto::HeaderProofResponse> {
        let request = request.into_inner();
        let prover = &self.outpost.ports.prover;
        let path = prover.header_proof(Height(request.height), request.size).await.map_err(status)?;
        Ok(Response::new(proto::HeaderProofResponse { path: path.iter().map(|hash| hash.0.to_vec()).collect() }))
    }

    type FollowStream = BoxStream<'static, Result<proto::Block, Status>>;

    async fn follow(&self, request: Request<proto::FollowRequest>) -> Answer<Self::FollowStream> {
        let blocks = self.outpost.ports.events.follow(Height(request.into_inner().from));
        // What passes is waited out here; the host counts silence by itself.
        let told = blocks.filter_map(|item| async move {
            match item {
                Ok(block) if block.events.len() > EVENTS_MAX => {
                    Some(Err(Status::data_loss("the block has more events than can be told")))
                }
                Ok(block) => Some(Ok(wire::of_block(&block))),
                Err(PortError::NotYet(_) | PortError::Silent(_)) => None,
                Err(error) => Some(Err(status(error))),
            }
        });
        Ok(Response::new(told.boxed()))
    }

    async fn outbox(&self, request: Request<proto::OutboxRequest>) -> Answer<proto::OutboxResponse> {
        let request = request.into_inner();
        let (client, limit) = (client(&request.client_id)?, limit(request.limit)?);
        let packets = self.outpost.ports.events.outbox(&client, request.from, limit).await.map_err(status)?;
        Ok(Response::new(proto::OutboxResponse { packets: encode(&packets) }))
    }

    async fn acknowledgement(
        &self,
        request: Request<proto::AcknowledgementRequest>,
    ) -> Answer<proto::AcknowledgementResponse> {
        let request = request.into_inner();
        let client = client(&request.client_id)?;
        let events = &self.outpost.ports.events;
        let acknowledgement = events.acknowledgement(&client, request.sequence).await.map_err(status)?;
        Ok(Response::new(proto::AcknowledgementResponse { acknowledgement }))
    }

    async fn pending(&self, request: Request<proto::PendingRequest>) -> Answer<proto::PendingResponse> {
        let request = request.into_inner();
        let after: Option<ReceivedId> = request.after.map(wire::received_id).transpose().map_err(invalid)?;
        let orders = self.outpost.ports.events.pending(after, limit(request.limit)?).await.map_err(status)?;
        Ok(Response::new(proto::PendingResponse { orders: encode(&orders) }))
    }

    async fn contradiction(
        &self,
        request: Request<proto::ContradictionRequest>,
    ) -> Answer<proto::ContradictionResponse> {
        let request = request.into_inner();
        let client = client(&request.client_id)?;
        let found = self.outpost.ports.events.contradiction(&client, request.back).await.map_err(status)?;
        Ok(Response::new(proto::ContradictionResponse { contradiction: found.as_ref().map(encode) }))
    }

    async fn deliver(&self, request: Request<proto::DeliverRequest>) -> Answer<proto::DeliverResponse> {
        let request = request.into_inner();
        if request.transaction.len() > TX_BYTES_MAX {
            return Err(invalid(wire::bad("transaction", "at most 1 MiB")));
        }
        let outcome = self.outpost.courier.deliver(&request.transaction, request.again).await.map_err(status)?;
        Ok(Response::new(wire::of_outcome(outcome)))
    }
}
