//! Connections to services that are not of the alliance and need no trust in the way, with or without TLS, and calls to those
//! whose answers are signed: one request a call, over HTTP/1.1, bounded in bytes and time.
//! It refuses to follow redirects, and to believe anything that it carries.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

/// How long a call may take, from the name to the last byte.
const CALL_MAX: Duration = Duration::from_secs(10);
/// Largest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutsideError {
    #[error("{0} is not an address of the form http://host/path or https://host/path")]
    Address(String),
    #[error("no connection")]
    Connect(#[source] std::io::Error),
    #[error("no TLS with the authorities of this machine")]
    Tls(#[source] rustls::Error),
    #[error("no answer of the form of HTTP")]
    Http(#[source] hyper::Error),
    #[error("the answer broke off, or is larger than 64 KiB")]
    Body,
    #[error("no answer within {} seconds", CALL_MAX.as_secs())]
    Late,
}

/// Whether `url` is one that can be called: `http://` or `https://`, and a host.
#[must_use]
pub fn is_url(url: &str) -> bool {
    url.parse().is_ok_and(|uri| Place::of(&uri).is_some())
}

/// Posts a body and takes the whole answer.
pub(crate) async fn post(url: &str, content_type: &'static str, body: Vec<u8>) -> Result<Answer, OutsideError> {
    let call = async {
        let refuse = || OutsideError::Address(url.into());
        let uri: Uri = url.parse().map_err(|_| refuse())?;
        let place = Place::of(&uri).ok_or_else(refuse)?;
        exchange(place.connect(None).await?, &place, &uri, content_type, body).await
    };
    tokio::time::timeout(CALL_MAX, call).await.map_err(|_| OutsideError::Late)?
}

/// Where a service listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    host: String,
    port: u16,
    is_tls: bool,
}

impl Place {
    /// Where `uri` leads: `http://` or `https://`, and a host.
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        let is_tls = match uri.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let host = uri.host().filter(|host| !host.is_empty())?.to_owned();
        Some(Self { host, port: uri.port_u16().unwrap_or(Self::usual(is_tls)), is_tls })
    }

    const fn usual(is_tls: bool) -> u16 {
        if is_tls { 443 } else { 80 }
    }

    /// What the `Host` of a request says.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let text = match self.port {
            port if port == Self::usual(self.is_tls) => self.host.clone(),
            port => format!("{}:{port}", self.host),
        };
        HeaderValue::from_str(&text).ok()
    }

    /// Connects, with TLS under the authorities of `tls`, or else those that this machine trusts.
    pub(crate) async fn connect(&self, tls: Option<&Arc<rustls::ClientConfig>>) -> Result<Stream, OutsideError> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((host, self.port)).await.map_err(OutsideError::Connect)?;
        // Small requests go at once; where that cannot be set they go a little later.
        let _ = stream.set_nodelay(true);
        if !self.is_tls {
            return Ok(Either::Left(stream));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| OutsideError::Address(host.into()))?;
        let config = tls.map_or_else(of_machine, |tls| Ok(tls.clone()))?;
        let stream = TlsConnector::from(config).connect(name, stream).await.map_err(OutsideError::Connect)?;
        Ok(Either::Right(Box::new(stream)))
    }
}

/// A connection, without TLS or with it.
pub(crate) type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// TLS by the authorities that this machine trusts, read once.
fn of_machine() -> Result<Arc<rustls::ClientConfig>, OutsideError> {
    static CONFIG: OnceLock<Arc<rustls::ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = tls_under(roots).map_err(OutsideError::Tls)?;
    Ok(CONFIG.get_or_init(|| config).clone())
}

/// TLS by these authorities alone.
pub(crate) fn tls_under(roots: rustls::RootCertStore) -> Result<Arc<rustls::ClientConfig>, rustls::Error> {
    let config = rustls::ClientConfig::builder_with_provider(crate::tls::provider());
    let config = config.with_safe_default_protocol_versions()?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

async fn exchange(
    stream: Stream,
    place: &Place,
    uri: &Uri,
    content_type: &'static str,
    body: Vec<u8>,
) -> Result<Answer, OutsideError> {
    let (mut sender, connection) =
        http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await.map_err(OutsideError::Http)?;
    let driving = tokio::spawn(connection);
    let answered = async {
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = path.parse().map_err(|_| OutsideError::Address(uri.to_string()))?;
        let host = place.header().ok_or_else(|| OutsideError::Address(uri.to_string()))?;
        request.headers_mut().insert(header::HOST, host);
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        let response = sender.send_request(request).await.map_err(OutsideError::Http)?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|_| OutsideError::Body)?;
        let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        Ok(Answer { status: head.status.as_u16(), content_type: kind.to_owned(), body: body.to_bytes().to_vec() })
    }
    .await;
    driving.abort();
    answered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_its_host_and_a_port_that_is_not_the_usual_one() {
        let header = |url: &str| {
            let place = Place::of(&url.parse().ok()?)?;
            place.header()?.to_str().ok().map(str::to_owned)
        };
        for (url, host) in [
            ("http://127.0.0.1:7/x", "127.0.0.1:7"),
            ("https://store.example:443/a", "store.example"),
            ("http://store.example", "store.example"),
            ("http://user@[::1]:443/", "[::1]:443"),
        ] {
            assert_eq!(header(url).as_deref(), Some(host), "{url}");
        }
    }

    #[test]
    fn an_address_names_scheme_and_host() {
        for url in ["http://127.0.0.1:7/x", "https://witness.example", "http://[::1]:80/a?b=c"] {
            assert!(is_url(url), "{url}");
        }
        for url in ["witness.example", "ftp://witness.example/", "http://", "/add-checkpoint", "https:///x"] {
            assert!(!is_url(url), "{url}");
        }
    }
}
