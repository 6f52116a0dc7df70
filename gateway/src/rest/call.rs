//! Calls a gRPC service in this process: the same layers, the same bytes, without a connection.
//! It refuses to know JSON, and which method is called.

use crate::error::ApiError;
use crate::identity::Caller;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::{Request, Response, Version, header};
use http_body_util::{BodyExt as _, Full};
use std::convert::Infallible;
use tonic::Status;
use tonic::body::Body;
use tower::{Service, ServiceExt as _};

/// What stands before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// Begins `path` with `message`, as `caller`.
///
/// # Errors
/// The service's, where it answers with nothing but an error.
pub(super) async fn call<S>(service: S, path: &str, message: &[u8], caller: Caller) -> Result<Messages, Status>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let length = u32::try_from(message.len()).map_err(|_| Status::from(ApiError::fault("a message of over 4 GiB")))?;
    let mut framed = BytesMut::with_capacity(PREFIX + message.len());
    framed.put_u8(0);
    framed.put_u32(length);
    framed.put_slice(message);
    let request = Request::post(path)
        .version(Version::HTTP_2)
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .extension(caller)
        .body(Body::new(Full::new(framed.freeze())))
        .map_err(|error| Status::from(ApiError::fault(error)))?;
    let Ok(response) = service.oneshot(request).await;
    match Status::from_header_map(response.headers()) {
        Some(status) if status.code() != tonic::Code::Ok => Err(status),
        _ => Ok(Messages { body: response.into_body(), buffer: BytesMut::new(), ended: false }),
    }
}

/// The messages of an answer, as they come.
pub(super) struct Messages {
    body: Body,
    buffer: BytesMut,
    ended: bool,
}

impl Messages {
    /// The next message; `None` at the end.
    ///
    /// # Errors
    /// The service's, which ends the answer.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Status> {
        loop {
            if let Some(message) = self.take() {
                return Ok(Some(message));
            }
            if self.ended {
                return Ok(None);
            }
            match self.body.frame().await {
                None => self.ended = true,
                Some(Err(status)) => {
                    self.ended = true;
                    return Err(status);
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.buffer.extend_from_slice(&data),
                    Err(frame) => {
                        self.ended = true;
                        let trailers = frame.into_trailers().unwrap_or_default();
                        match Status::from_header_map(&trailers) {
                            Some(status) if status.code() != tonic::Code::Ok => return Err(status),
                            _ => {}
                        }
                    }
                },
            }
        }
    }

    /// A message that is here whole.
    fn take(&mut self) -> Option<Bytes> {
        let mut prefix = self.buffer.get(1..PREFIX)?;
        let length = usize::try_from(prefix.get_u32()).ok()?;
        if self.buffer.len() < PREFIX + length {
            return None;
        }
        self.buffer.advance(PREFIX);
        Some(self.buffer.split_to(length).freeze())
    }
}
