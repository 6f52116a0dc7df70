//! Serves REST on connections whose caller is known: finds the method, calls it, answers with JSON.
//! It refuses to know services, and to let anything in that the layers of the gRPC side would not.

use super::call::{self, Messages};
use super::fault::Faults;
use super::message;
use super::openapi::document_of;
use super::routes::Routes;
use super::{OPENAPI_PATH, RestError, pool};
use crate::config::Limits;
use crate::error::{ApiError, Reason};
use crate::identity::Caller;
use crate::tls::Connection;
use bytes::Bytes;
use futures::StreamExt as _;
use http::{HeaderValue, Method, Request, Response, header};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use prost_reflect::MessageDescriptor;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::Status;
use tonic::body::Body;
use tonic::transport::server::Connected as _;
use tower::Service;

/// How long a caller may take over the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a caller may take over a request's body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// REST over a gRPC service.
pub(crate) struct Rest<S> {
    shared: Arc<Shared<S>>,
    limits: Limits,
    age_max: Duration,
    drain_max: Duration,
}

struct Shared<S> {
    service: S,
    api: Api,
    request_bytes: usize,
}

/// What the descriptors say, read once.
pub(crate) struct Api {
    routes: Routes,
    faults: Faults,
    openapi: Bytes,
}

impl Api {
    /// Reads it.
    ///
    /// # Errors
    /// [`RestError`].
    pub(crate) fn read() -> Result<Self, RestError> {
        let pool = pool()?;
        let routes = Routes::of(&pool)?;
        let openapi = Bytes::from(document_of(&routes).to_string());
        Ok(Self { routes, faults: Faults::new(&pool), openapi })
    }
}

impl<S> Rest<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    /// `service`: all services behind all layers. A connection lives for `age_max`; calls under way when the gateway
    /// stops may take `drain_max` to end.
    pub(crate) fn new(api: Api, service: S, limits: Limits, age_max: Duration, drain_max: Duration) -> Self {
        let shared = Shared { service, api, request_bytes: limits.request_bytes };
        Self { shared: Arc::new(shared), limits, age_max, drain_max }
    }

    /// Serves until `stop`, then lets calls under way end.
    pub(crate) async fn serve(self, mut connections: ReceiverStream<io::Result<Connection>>, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        while let Some(connection) = connections.next().await {
            let Ok(connection) = connection else { continue };
            let (shared, stop) = (self.shared.clone(), stop.clone());
            tasks.spawn(connected(connection, shared, self.limits, self.age_max, self.drain_max, stop));
        }
        tasks.close();
        tasks.wait().await;
    }
}

async fn connected<S>(
    connection: Connection,
    shared: Arc<Shared<S>>,
    limits: Limits,
    age_max: Duration,
    drain_max: Duration,
    stop: CancellationToken,
) where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let caller = connection.connect_info();
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(limits.requests_per_connection);
    let service = service_fn(move |request| {
        let (shared, caller) = (shared.clone(), caller.clone());
        async move { Ok::<_, Infallible>(shared.answer(request, caller).await) }
    });
    let serving = builder.serve_connection(TokioIo::new(connection), service);
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = async { tokio::select! { () = stop.cancelled() => {}, () = tokio::time::sleep(age_max) => {} } } => {
            serving.as_mut().graceful_shutdown();
            tokio::time::timeout(drain_max, serving).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a REST connection ended");
    }
}

impl<S> Shared<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    async fn answer(self: Arc<Self>, request: Request<Incoming>, caller: Caller) -> Answer {
        if request.method() == Method::GET && request.uri().path() == OPENAPI_PATH {
            return whole(JSON, self.api.openapi.clone());
        }
        match self.begin(request, caller).await {
            Ok(Begun::Whole(value)) => whole(JSON, Bytes::from(value.to_string())),
            Ok(Begun::Stream(form, messages)) => self.stream(form, messages),
            Err(status) => {
                let (parts, value) = self.api.faults.response(&status).into_parts();
                let mut answer = whole(JSON, Bytes::from(value.to_string()));
                *answer.status_mut() = parts.status;
                answer.headers_mut().extend(parts.headers);
                answer
            }
        }
    }

    async fn begin(&self, request: Request<Incoming>, caller: Caller) -> Result<Begun, Status> {
        let (head, body) = request.into_parts();
        let found = self.api.routes.find(&head.method, head.uri.path()).ok_or_else(|| {
            let message = format!("This gateway has no such method; {OPENAPI_PATH} lists them.");
            ApiError::new(Reason::NoSuchMethod, message)
        })?;
        let body = if found.route.body {
            content_is_json(head.headers.get(header::CONTENT_TYPE))?;
            Some(read(body, self.request_bytes).await?)
        } else {
            None
        };
        let method = &found.route.method;
        let form = method.input();
        let message = message::decode(&form, body.as_deref(), head.uri.query(), found.bound)?;
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let mut messages = call::call(self.service.clone(), &path, &message, caller).await?;
        if method.is_server_streaming() {
            return Ok(Begun::Stream(method.output(), messages));
        }
        let answer = messages.next().await?;
        // An error may follow the message.
        let more = messages.next().await?;
        match (answer, more) {
            (Some(answer), None) => Ok(Begun::Whole(message::encode(&method.output(), &answer)?)),
            _ => Err(ApiError::fault("a unary call that was not answered by one message").into()),
        }
    }

    /// Each message a line of its own as it comes: `{"result": …}`, at last perhaps `{"error": …}`.
    fn stream(self: Arc<Self>, form: MessageDescriptor, messages: Messages) -> Answer {
        let lines = futures::stream::unfold(Some(messages), move |messages| {
            let (shared, form) = (self.clone(), form.clone());
            async move {
                let mut messages = messages?;
                let next = messages.next().await;
                let told = next.and_then(|next| match next {
                    Some(bytes) => Ok(Some(message::encode(&form, &bytes)?)),
                    None => Ok(None),
                });
                let (line, messages) = match told {
                    Ok(None) => return None,
                    Ok(Some(value)) => (json!({ "result": value }), Some(messages)),
                    Err(status) => (shared.api.faults.json(&status), None),
                };
                Some((Ok(Frame::data(Bytes::from(format!("{line}\n")))), messages))
            }
        });
        answer(LINES, StreamBody::new(lines).boxed_unsync())
    }
}

/// A call that was begun.
enum Begun {
    Whole(Value),
    Stream(MessageDescriptor, Messages),
}

const JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";

fn whole(kind: &'static str, bytes: Bytes) -> Answer {
    answer(kind, Full::new(bytes).boxed_unsync())
}

fn answer(kind: &'static str, body: UnsyncBoxBody<Bytes, Infallible>) -> Answer {
    let mut answer = Response::new(body);
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    // Answers hold what only this caller may see.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// A form of a web page cannot send JSON unasked: what is no JSON is refused before it is read.
fn content_is_json(kind: Option<&HeaderValue>) -> Result<(), ApiError> {
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case(JSON) {
        return Ok(());
    }
    Err(ApiError::new(Reason::Malformed, "Send the body as `Content-Type: application/json`."))
}

async fn read(body: Incoming, bytes_max: usize) -> Result<Bytes, ApiError> {
    let reading = Limited::new(body, bytes_max).collect();
    match tokio::time::timeout(BODY_TIMEOUT, reading).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(ApiError::new(Reason::TooLarge, format!("The body is larger than {bytes_max} bytes.")))
        }
        Ok(Err(error)) => Err(ApiError::new(Reason::Malformed, "The body ended before it was whole.").because(error)),
        Err(_) => Err(ApiError::new(Reason::DeadlineExceeded, "The body took longer to come than it may.")),
    }
}
