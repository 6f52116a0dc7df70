//! Calls to services that are not of the alliance and need no trust in the way: what they answer is signed. One request a
//! call, over HTTP/1.1 with or without TLS, bounded in bytes and time.
//! It refuses to follow redirects, and to believe anything that it carries.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

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
    parts(url).is_ok()
}

/// Posts a body and takes the whole answer.
pub(crate) async fn post(url: &str, content_type: &'static str, body: Vec<u8>) -> Result<Answer, OutsideError> {
    let call = async {
        let (uri, host, port, is_tls) = parts(url)?;
        let stream = TcpStream::connect((host.as_str(), port)).await.map_err(OutsideError::Connect)?;
        if !is_tls {
            return exchange(stream, &uri, content_type, body).await;
        }
        let name = ServerName::try_from(host).map_err(|_| OutsideError::Address(url.into()))?;
        let connector = TlsConnector::from(tls()?);
        let stream = connector.connect(name, stream).await.map_err(OutsideError::Connect)?;
        exchange(stream, &uri, content_type, body).await
    };
    tokio::time::timeout(CALL_MAX, call).await.map_err(|_| OutsideError::Late)?
}

fn parts(url: &str) -> Result<(Uri, String, u16, bool), OutsideError> {
    let refuse = || OutsideError::Address(url.into());
    let uri: Uri = url.parse().map_err(|_| refuse())?;
    let is_tls = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err(refuse()),
    };
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(refuse)?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    Ok((uri, host, port, is_tls))
}

/// TLS by the authorities that this machine trusts, read once.
fn tls() -> Result<Arc<rustls::ClientConfig>, OutsideError> {
    static CONFIG: OnceLock<Arc<rustls::ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = rustls::ClientConfig::builder_with_provider(crate::tls::provider())
        .with_safe_default_protocol_versions()
        .map_err(OutsideError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(CONFIG.get_or_init(|| Arc::new(config)).clone())
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
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
        let host = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
        let host = HeaderValue::from_str(host).map_err(|_| OutsideError::Address(uri.to_string()))?;
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
    fn an_address_names_scheme_and_host() {
        for url in ["http://127.0.0.1:7/x", "https://witness.example", "http://[::1]:80/a?b=c"] {
            assert!(is_url(url), "{url}");
        }
        for url in ["witness.example", "ftp://witness.example/", "http://", "/add-checkpoint", "https:///x"] {
            assert!(!is_url(url), "{url}");
        }
    }
}
