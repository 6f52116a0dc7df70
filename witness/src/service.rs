//! The witness over HTTP/1.1: `POST /add-checkpoint`, and at `/` the line by which a policy names it. Bounded in connections,
//! bytes and time. It refuses to know what is cosigned.

use crate::witness::{Answer, Witness};
use bytes::Bytes;
use comity_verify::tlog::{SIZE_TYPE, size_told};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Largest request: a checkpoint with many signatures and the longest proof.
const BODY_BYTES_MAX: usize = 64 << 10;
/// Connections at once.
const CONNECTIONS_MAX: usize = 256;
/// How long a caller may take over the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection is kept, whatever comes over it.
const CONNECTION_MAX: Duration = Duration::from_secs(60);

/// Answers by what was answered.
const CHECKPOINTS: &str = "comity_witness_checkpoints_total";

/// A witness that serves.
pub struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops: what is being answered is answered.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Serves at `listen`.
///
/// # Errors
/// Where nothing can listen there.
pub async fn serve(listen: SocketAddr, witness: Arc<Witness>) -> io::Result<Running> {
    let listener = TcpListener::bind(listen).await?;
    let (address, stop, tasks) = (listener.local_addr()?, CancellationToken::new(), TaskTracker::new());
    metrics::describe_counter!(CHECKPOINTS, "Checkpoints submitted to this witness, by what was answered");
    tasks.spawn(accept(listener, witness, stop.clone(), tasks.clone()));
    Ok(Running { address, stop, tasks })
}

async fn accept(listener: TcpListener, witness: Arc<Witness>, stop: CancellationToken, tasks: TaskTracker) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let accepting = async {
        loop {
            let Ok(place) = room.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (witness, stop) = (witness.clone(), stop.clone());
                    tasks.spawn(async move {
                        connection(stream, witness, stop).await;
                        drop(place);
                    });
                }
                // No file descriptors, or a caller that has gone: the next one may do better.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    };
    let _: Option<()> = stop.run_until_cancelled(accepting).await;
}

async fn connection(stream: TcpStream, witness: Arc<Witness>, stop: CancellationToken) {
    let service = service_fn(move |request| {
        let witness = witness.clone();
        async move { Ok::<_, Infallible>(answer(&witness, request).await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    tokio::select! {
        _ = serving.as_mut() => {}
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(HEAD_TIMEOUT, serving).await;
        }
        () = tokio::time::sleep(CONNECTION_MAX) => {}
    }
}

async fn answer(witness: &Witness, request: Request<Incoming>) -> Response<Full<Bytes>> {
    match (request.method(), request.uri().path()) {
        (&Method::POST, "/add-checkpoint") => {}
        (&Method::GET, "/") => return text(StatusCode::OK, format!("{}\n", witness.key())),
        (_, "/" | "/add-checkpoint") => return text(StatusCode::METHOD_NOT_ALLOWED, "POST /add-checkpoint\n".into()),
        _ => return text(StatusCode::NOT_FOUND, "POST /add-checkpoint\n".into()),
    }
    let Ok(body) = Limited::new(request.into_body(), BODY_BYTES_MAX).collect().await else {
        return text(StatusCode::PAYLOAD_TOO_LARGE, "a submission has at most 64 KiB\n".into());
    };
    let answer = match witness.add_checkpoint(&body.to_bytes()).await {
        Ok(answer) => answer,
        Err(fault) => {
            tracing::error!(error = &fault as &dyn std::error::Error, "nothing was cosigned");
            metrics::counter!(CHECKPOINTS, "answer" => "FAULT").increment(1);
            return text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the witness cannot keep what it sees; nothing was cosigned\n".into(),
            );
        }
    };
    let (name, status, body) = match answer {
        Answer::Cosigned(line) => ("COSIGNED", StatusCode::OK, line),
        Answer::Malformed(why) => ("MALFORMED", StatusCode::BAD_REQUEST, format!("{why}\n")),
        Answer::NotSigned => ("NOT_SIGNED", StatusCode::FORBIDDEN, "no known key of the log has signed\n".into()),
        Answer::UnknownLog => ("UNKNOWN_LOG", StatusCode::NOT_FOUND, "this witness does not watch the log\n".into()),
        Answer::Conflict(size) => ("CONFLICT", StatusCode::CONFLICT, size_told(size)),
        Answer::Inconsistent(why) => ("INCONSISTENT", StatusCode::UNPROCESSABLE_ENTITY, format!("{why}\n")),
    };
    metrics::counter!(CHECKPOINTS, "answer" => name).increment(1);
    let mut response = text(status, body);
    if status == StatusCode::CONFLICT {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(SIZE_TYPE));
    }
    response
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}
