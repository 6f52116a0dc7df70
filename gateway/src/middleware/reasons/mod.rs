//! Gives a reason to errors that the transport makes by itself: a message that is too large or cannot be read, a method
//! that does not exist, a call that took too long. Errors that have a reason pass.
//! It refuses to know services.

mod future;
mod layer;

pub(crate) use layer::ReasonsLayer;

use crate::error::{ApiError, Reason};
use tonic::{Code, Status};

/// The reason of an error that has none; `None` for those that are not the transport's.
fn reason_for(status: &Status) -> Option<ApiError> {
    if !status.details().is_empty() {
        return None;
    }
    let (reason, message) = match status.code() {
        Code::OutOfRange | Code::ResourceExhausted => (Reason::TooLarge, "The request is larger than accepted."),
        Code::Unimplemented => (Reason::NoSuchMethod, "This gateway has no such method."),
        // Our own faults carry details, so this is a message that could not be read.
        Code::Internal => (Reason::Malformed, "The request cannot be read as the message that it should be."),
        Code::Cancelled | Code::DeadlineExceeded => (Reason::DeadlineExceeded, "The call took longer than it may."),
        _ => return None,
    };
    Some(ApiError::new(reason, message))
}
