//! HTTP/1.1 to an S3-compatible store for `object_store`, over the TLS that the gateway has anyway: connections are kept and
//! used again, answers bounded in bytes and time.
//! It refuses to follow redirects, and to know what is asked for.

use crate::outside::{Place, Stream};
use async_trait::async_trait;
use bytes::Bytes;
use http::{Uri, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpService,
};
use rustls::ClientConfig;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::task::AbortOnDropHandle;

/// How long a call may take, from the name to the last byte.
const CALL_MAX: Duration = Duration::from_secs(30);
/// Largest answer, in bytes: a checkpoint with all its signatures, or what the store says went wrong.
pub(super) const ANSWER_BYTES_MAX: usize = 256 << 10;
/// Connections that are kept for the next call.
const KEPT_MAX: usize = 16;

/// Makes clients that trust these authorities; the machine's where none are named.
#[derive(Debug)]
pub(super) struct Connector {
    pub(super) tls: Option<Arc<ClientConfig>>,
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Calls { tls: self.tls.clone(), kept: Mutex::default() }))
    }
}

#[derive(Debug)]
struct Calls {
    tls: Option<Arc<ClientConfig>>,
    /// Connections over which nothing is under way.
    kept: Mutex<Vec<Open>>,
}

/// A connection; dropped, it is closed.
#[derive(Debug)]
struct Open {
    place: Place,
    sender: SendRequest<HttpRequestBody>,
    _driving: AbortOnDropHandle<()>,
}

#[async_trait]
impl HttpService for Calls {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let late = |late| HttpError::new(HttpErrorKind::Timeout, late);
        tokio::time::timeout(CALL_MAX, self.exchange(request)).await.map_err(late)?
    }
}

impl Calls {
    async fn exchange(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let refuse = || HttpError::new(HttpErrorKind::Unknown, std::io::Error::from(std::io::ErrorKind::InvalidInput));
        let place = Place::of(request.uri()).ok_or_else(refuse)?;
        request.headers_mut().insert(header::HOST, place.header().ok_or_else(refuse)?);
        *request.uri_mut() = request.uri().path_and_query().cloned().map_or_else(Uri::default, Uri::from);
        let mut open = match self.kept(&place) {
            Some(open) => open,
            None => open(place.connect(self.tls.as_ref()).await.map_err(unreached)?, place).await?,
        };
        // A kept connection may have ended meanwhile: then the call is made again.
        let answer = open.sender.send_request(request).await;
        let (head, body) = answer.map_err(|error| HttpError::new(HttpErrorKind::Request, error))?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body: Bytes = body.map_err(|error| HttpError::new_boxed(HttpErrorKind::Interrupted, error))?.to_bytes();
        if open.sender.ready().await.is_ok() {
            self.keep(open);
        }
        Ok(HttpResponse::from_parts(head, body.into()))
    }

    fn kept(&self, place: &Place) -> Option<Open> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|open| !open.sender.is_closed());
        let at = kept.iter().rposition(|open| open.place == *place)?;
        Some(kept.swap_remove(at))
    }

    fn keep(&self, open: Open) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_MAX {
            kept.push(open);
        }
    }
}

fn unreached(error: impl std::error::Error + Send + Sync + 'static) -> HttpError {
    HttpError::new(HttpErrorKind::Connect, error)
}

async fn open(stream: Stream, place: Place) -> Result<Open, HttpError> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(unreached)?;
    let driving = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the bucket ended");
        }
    });
    Ok(Open { place, sender, _driving: AbortOnDropHandle::new(driving) })
}
