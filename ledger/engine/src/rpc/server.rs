//! The HTTP side of the RPC: POST and GET, with a bound on everything that comes in. Knows no method.

use crate::engine::Handle;
use crate::rpc::call;
use crate::rpc::connections::Bounded;
use crate::rpc::params::Params;
use crate::rpc::websocket;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response as HttpResponse};
use axum::routing::get;
use comity_ledger_rpc::jsonrpc::{Response, RpcError};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// CometBFT's default bound of a batch.
const BATCH_MAX: usize = 10;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long open connections may hold up the end.
const END_TIMEOUT: Duration = Duration::from_secs(2);

/// What all requests share.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) handle: Handle,
    requests: Arc<Semaphore>,
    pub(crate) websockets: Arc<Semaphore>,
    pub(crate) cancel: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

/// Serves until cancelled, and returns when no connection holds the ledger any more.
pub(crate) async fn serve(listener: TcpListener, handle: Handle, cancel: CancellationToken) {
    let limits = handle.shared().limits;
    let tasks = TaskTracker::new();
    let server = Server {
        handle,
        requests: Arc::new(Semaphore::new(limits.rpc_requests_max)),
        websockets: Arc::new(Semaphore::new(limits.rpc_websockets_max)),
        cancel: cancel.clone(),
        tasks: tasks.clone(),
    };
    let router = Router::new()
        .route("/", get(index).post(post))
        .route("/websocket", get(websocket::upgrade))
        .route("/{method}", get(uri))
        .with_state(server);
    // Twice: a client keeps connections open between its requests.
    let connections_max = limits.rpc_requests_max.saturating_mul(2);
    let listener = Bounded::new(listener, connections_max);
    let serving = axum::serve(listener, router).with_graceful_shutdown({
        let cancel = cancel.clone();
        async move { cancel.cancelled().await }
    });
    tokio::select! {
        ended = serving => {
            if let Err(error) = ended {
                tracing::error!(%error, "the RPC has ended");
            }
        }
        () = async {
            cancel.cancelled().await;
            tokio::time::sleep(END_TIMEOUT).await;
        } => tracing::debug!("connections were still open at the end"),
    }
    tasks.close();
    let _ = tokio::time::timeout(END_TIMEOUT, tasks.wait()).await;
}

impl Server {
    /// A place among the requests at work.
    fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.requests).try_acquire_owned().ok()
    }
}

/// `GET /`: the methods.
async fn index() -> HttpResponse {
    let methods: Vec<Value> =
        call::METHODS.iter().map(|(name, params)| json!({ "method": name, "params": params })).collect();
    reply(StatusCode::OK, &json!({ "methods": methods }))
}

/// `POST /`: a request or a batch of them.
async fn post(State(server): State<Server>, body: Body) -> HttpResponse {
    let Some(_place) = server.place() else {
        return busy();
    };
    let bytes_max = server.handle.shared().limits.rpc_body_bytes_max;
    let bytes = match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, bytes_max)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => {
            let error = RpcError::invalid_request(format!("the body is broken off or larger than {bytes_max} bytes"));
            return failure(StatusCode::PAYLOAD_TOO_LARGE, error);
        }
        Err(_) => {
            let error = RpcError::invalid_request("the body took too long to arrive");
            return failure(StatusCode::REQUEST_TIMEOUT, error);
        }
    };
    match serde_json::from_slice::<Value>(&bytes) {
        Err(error) => failure(StatusCode::OK, RpcError::parse(error.to_string())),
        Ok(Value::Array(batch)) if batch.is_empty() || batch.len() > BATCH_MAX => {
            failure(StatusCode::OK, RpcError::invalid_request(format!("a batch holds 1 to {BATCH_MAX} requests")))
        }
        Ok(Value::Array(batch)) => {
            let mut answers = Vec::new();
            for message in batch {
                answers.extend(call::answer(&server.handle, message).await);
            }
            reply(StatusCode::OK, &answers)
        }
        Ok(message) => match call::answer(&server.handle, message).await {
            Some(answer) => reply(StatusCode::OK, &answer),
            None => StatusCode::OK.into_response(),
        },
    }
}

/// `GET /method?name=value`. As on CometBFT, a failure has status 500.
async fn uri(
    State(server): State<Server>,
    Path(method): Path<String>,
    query: Result<Query<BTreeMap<String, String>>, axum::extract::rejection::QueryRejection>,
) -> HttpResponse {
    let Some(_place) = server.place() else {
        return busy();
    };
    let Ok(Query(params)) = query else {
        let error = RpcError::invalid_params("the query cannot be read");
        return failure(StatusCode::INTERNAL_SERVER_ERROR, error);
    };
    match call::answer_uri(&server.handle, &method, Params::Uri(params)).await {
        Ok(value) => reply(StatusCode::OK, &Response::ok(json!(-1), value)),
        Err(error) if error.code == RpcError::method_not_found().code => failure(StatusCode::NOT_FOUND, error),
        Err(error) => failure(StatusCode::INTERNAL_SERVER_ERROR, error),
    }
}

fn busy() -> HttpResponse {
    failure(StatusCode::SERVICE_UNAVAILABLE, RpcError::server("too many requests are at work"))
}

fn failure(status: StatusCode, error: RpcError) -> HttpResponse {
    reply(status, &Response::<Value>::failed(json!(-1), error))
}

fn reply<T: Serialize>(status: StatusCode, body: &T) -> HttpResponse {
    match serde_json::to_vec(body) {
        Ok(bytes) => (status, [(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
