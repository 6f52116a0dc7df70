//! The limit beside which queries are measured: a bare tonic server behind the same mutual TLS, in a process of its own,
//! that answers requests of as many bytes with as many bytes, and does nothing else.
//! Refuses to know what the bytes would mean.

use super::process::Servers;
use super::target::{Connections, Ended, start};
use super::workload::{Outcome, Sizes, Workload};
use crate::cli::bench::EchoArgs;
use crate::client::tls_material;
use crate::failure::{Failure, OrFail};
use crate::pki::{Authority, Purpose, ROLE_GATEWAY};
use crate::{files, shutdown};
use comity_gateway::Identity;
use comity_gateway::tls::{Authorities, ChannelLimits, Listener, Protocol, ServerTls, channel};
use comity_model::MemberId;
use prost::bytes::Bytes;
use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

/// The method's path.
const PATH: &str = "/comity.bench.Echo/Ask";
/// Connections that the server takes.
const CONNECTIONS_MAX: usize = 1_024;
/// What it prints before its address.
const LISTENS: &str = "listens ";
/// What a connection may have under way: as gateways have it.
const CONNECTION_WINDOW: u32 = 4 << 20;
const STREAM_WINDOW: u32 = 2 << 20;

/// The one message.
#[derive(Clone, PartialEq, prost::Message)]
struct Payload {
    #[prost(bytes = "bytes", tag = "1")]
    bytes: Bytes,
}

impl Payload {
    /// One that is encoded in `bytes` bytes, tag and length included; in one less where the length would be too long then.
    fn of(bytes: usize) -> Self {
        let mut payload = Self { bytes: vec![0x5a; bytes].into() };
        let over = prost::Message::encoded_len(&payload) - bytes;
        payload.bytes.truncate(bytes.saturating_sub(over));
        payload
    }
}

/// `comity bench echo`: serves until it is told to stop.
pub(super) async fn serve(args: EchoArgs) -> Result<(), Failure> {
    let file = |name: &str| args.tls.join(name);
    let material = tls_material(&file("gateway.crt"), &file("gateway.key"), &file("authority.crt"))?;
    let member = member()?;
    let failed = || "the echo server cannot be set up".to_owned();
    let mut authorities = Authorities::default();
    authorities.add(member.clone(), None, &material.own_ca_pem).or_fault(failed)?;
    let tls = ServerTls::new(Identity::gateway(member), &material, authorities).or_fault(failed)?;
    let listener = Listener::bind(args.listen, Arc::new(tls), Protocol::Grpc, CONNECTIONS_MAX).await;
    let listener = listener.or_unavailable(|| format!("{} cannot be listened at", args.listen))?;
    println!("{LISTENS}{}", listener.address().or_fault(failed)?);
    let stop = CancellationToken::new();
    let connections = listener.accept(stop.clone());
    let serving = Server::builder()
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_stream_window_size(STREAM_WINDOW)
        .add_service(EchoService { answer: Payload::of(args.answer_bytes) })
        .serve_with_incoming_shutdown(connections, stop.clone().cancelled_owned());
    tokio::select! {
        served = serving => served.or_fault(|| "the echo server ended".into()),
        stopped = shutdown::requested() => stopped,
    }
}

fn member() -> Result<MemberId, Failure> {
    "echo".parse().or_fault(|| "the echo server's name is malformed".into())
}

/// What tonic would generate for a service with one unary method.
#[derive(Clone)]
struct EchoService {
    answer: Payload,
}

impl NamedService for EchoService {
    const NAME: &'static str = "comity.bench.Echo";
}

impl Service<http::Request<Body>> for EchoService {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let answer = Answer(self.answer.clone());
        Box::pin(async move {
            let mut grpc = Grpc::new(ProstCodec::<Payload, Payload>::default());
            Ok(grpc.unary(answer, request).await)
        })
    }
}

struct Answer(Payload);

impl UnaryService<Payload> for Answer {
    type Response = Payload;
    type Future = Ready<Result<Response<Payload>, Status>>;

    fn call(&mut self, _: Request<Payload>) -> Self::Future {
        ready(Ok(Response::new(self.0.clone())))
    }
}

/// An echo server as another process.
pub(super) struct Echo {
    servers: Servers,
    asking: Arc<Asking>,
    _process: Ended,
    _folder: tempfile::TempDir,
}

impl Echo {
    /// Starts one with certificates of its own.
    pub(super) async fn start(sizes: Sizes, connections: u16) -> Result<Self, Failure> {
        let folder = tempfile::tempdir().or_fault(|| "there is no place for temporary files".into())?;
        let member = member()?;
        let (authority, _) = Authority::create(&member)?;
        let role = ROLE_GATEWAY.to_owned();
        authority.issue(&Purpose::Server { role, addresses: Vec::new() })?.write(folder.path(), "gateway")?;
        authority.issue(&Purpose::Client { role: "clerk".into() })?.write(folder.path(), "clerk")?;
        files::write_public(&folder.path().join("authority.crt"), authority.certificate_pem())?;

        let sizes = Sizes { answer: prost::Message::encoded_len(&Payload::of(sizes.answer)), ..sizes };
        let (tls, bytes) = (folder.path().display().to_string(), sizes.answer.to_string());
        let starting = tokio::task::spawn_blocking(move || {
            let arguments = ["bench", "echo", "--tls", &tls, "--answer-bytes", &bytes];
            start(&arguments, |line| line.strip_prefix(LISTENS).map(|address| address.trim().to_owned()))
        });
        let (process, address) = starting.await.or_fault(|| "the echo server was not started".into())??;
        let file = |name: &str| folder.path().join(name);
        let material = tls_material(&file("clerk.crt"), &file("clerk.key"), &file("authority.crt"))?;
        let connect = |_| {
            let opened = channel(&member, &address, &material.own_ca_pem, &material, ChannelLimits::default());
            opened.or_fault(|| "the echo server cannot be reached".into())
        };
        let channels = (0..connections).map(connect).collect::<Result<Vec<Channel>, Failure>>()?;
        Ok(Self {
            servers: Servers::of(vec![process.id()]),
            asking: Arc::new(Asking { channels: Connections::new(channels), sizes }),
            _process: process,
            _folder: folder,
        })
    }

    pub(super) const fn servers(&self) -> &Servers {
        &self.servers
    }

    pub(super) fn workload(&self) -> Arc<Asking> {
        self.asking.clone()
    }
}

/// Asks the echo server.
pub(super) struct Asking {
    channels: Connections<Channel>,
    sizes: Sizes,
}

impl Asking {
    async fn ask(&self) -> Result<usize, Status> {
        let mut grpc = tonic::client::Grpc::new(self.channels.next());
        grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let codec = ProstCodec::<Payload, Payload>::default();
        let path = http::uri::PathAndQuery::from_static(PATH);
        let answer = grpc.unary(Request::new(Payload::of(self.sizes.request)), path, codec).await?;
        Ok(prost::Message::encoded_len(answer.get_ref()))
    }
}

#[tonic::async_trait]
impl Workload for Asking {
    const NAME: &'static str = "echo";

    async fn once(&self) -> Outcome {
        match self.ask().await {
            Ok(bytes) if bytes == self.sizes.answer => Outcome::Answered,
            Ok(bytes) => Outcome::Failed(format!("{bytes}_BYTES")),
            Err(status) => Outcome::of(&status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_encoded_in_as_many_bytes_as_were_asked_for_or_one_less() {
        for bytes in [3, 100, 128, 129, 130, 131, 1_500, 16_383, 16_386, 16_387, 16_388, 40_000] {
            let encoded = prost::Message::encoded_len(&Payload::of(bytes));
            assert!(encoded == bytes || encoded + 1 == bytes, "{bytes}: {encoded}");
        }
        assert_eq!(prost::Message::encoded_len(&Payload::of(1_500)), 1_500);
    }
}
