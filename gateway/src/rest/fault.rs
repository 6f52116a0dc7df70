//! A failed call as HTTP: the status of its reason, and the same facts in JSON (AIP-193).
//! It refuses to know why it failed.

use super::message;
use crate::error::Reason;
use http::{HeaderValue, Response, StatusCode, header};
use prost_reflect::{DescriptorPool, MessageDescriptor};
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Makes errors' JSON.
#[derive(Clone)]
pub(super) struct Faults(Option<MessageDescriptor>);

impl Faults {
    pub(super) fn new(pool: &DescriptorPool) -> Self {
        Self(pool.get_message_by_name("google.rpc.Status"))
    }

    /// `{"error": {"code", "status", "message", "details"}}`: `code` is HTTP's, `status` is gRPC's by name.
    pub(super) fn json(&self, status: &Status) -> Value {
        let told = self.0.as_ref().and_then(|form| message::encode(form, status.details()).ok());
        let details = told.as_ref().and_then(|told| told.get("details")).cloned().unwrap_or_else(|| json!([]));
        json!({ "error": {
            "code": http_status(status).as_u16(),
            "status": code_name(status.code()),
            "message": status.message(),
            "details": details,
        }})
    }

    pub(super) fn response(&self, status: &Status) -> Response<Value> {
        let mut response = Response::new(self.json(status));
        *response.status_mut() = http_status(status);
        let retry = status.get_details_retry_info().and_then(|info| info.retry_delay);
        if let Some(value) = retry.and_then(|delay| HeaderValue::try_from(delay.as_secs().max(1).to_string()).ok()) {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        response
    }
}

/// Of the reason where there is one, else of the code.
fn http_status(status: &Status) -> StatusCode {
    let reason = status.get_details_error_info().and_then(|info| Reason::parse(&info.reason));
    let code = match (reason, status.code()) {
        (Some(reason), _) => reason.http(),
        (None, Code::Ok) => 200,
        (None, Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange) => 400,
        (None, Code::Unauthenticated) => 401,
        (None, Code::PermissionDenied) => 403,
        (None, Code::NotFound) => 404,
        (None, Code::AlreadyExists | Code::Aborted) => 409,
        (None, Code::ResourceExhausted) => 429,
        (None, Code::Cancelled) => 499,
        (None, Code::Unimplemented) => 501,
        (None, Code::Unavailable) => 503,
        (None, Code::DeadlineExceeded) => 504,
        (None, Code::Unknown | Code::Internal | Code::DataLoss) => 500,
    };
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// `google.rpc.Code` by name.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
