//! Errors of the ports as gRPC status codes and back: the table of `adapter.proto`. Words travel for logs only.

use comity_adapters_ports::PortError;
use comity_model::Height;
use tonic::{Code, Status};

/// Most characters of another program's words that are kept.
const WORDS_MAX: usize = 300;

/// What a call's status means to whoever asked about `height`.
pub(crate) fn port_error(status: &Status, height: Height) -> PortError {
    match status.code() {
        Code::FailedPrecondition => PortError::NotYet(height),
        Code::NotFound => PortError::Gone(height),
        // OUT_OF_RANGE is what the library says of a message over its limit.
        Code::DataLoss | Code::InvalidArgument | Code::Unimplemented | Code::OutOfRange => {
            PortError::Malformed(words(status.message()))
        }
        _ => PortError::Unavailable(words(status.message())),
    }
}

/// How an error of a port is told.
pub(crate) fn status(error: PortError) -> Status {
    let text = words(&error.to_string());
    match error {
        PortError::NotYet(_) => Status::failed_precondition(text),
        PortError::Gone(_) => Status::not_found(text),
        PortError::Unavailable(_) | PortError::Silent(_) => Status::unavailable(text),
        PortError::Malformed(_) => Status::data_loss(text),
    }
}

/// Another program's words, fit for a line of log.
pub(crate) fn words(text: &str) -> String {
    text.chars().take(WORDS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_survive_the_way_and_only_silence_becomes_its_cause() {
        let height = Height(7);
        for error in [
            PortError::NotYet(height),
            PortError::Gone(height),
            PortError::Unavailable("x".into()),
            PortError::Malformed("x".into()),
        ] {
            let back = port_error(&status(error.clone()), height);
            assert_eq!(std::mem::discriminant(&back), std::mem::discriminant(&error));
        }
        assert!(matches!(port_error(&status(PortError::Silent(3)), height), PortError::Unavailable(_)));
    }

    #[test]
    fn words_are_one_short_line() {
        let text = words(&format!("a\u{1b}[31m\n{}", "x".repeat(1_000)));
        assert!(text.starts_with("a [31m x") && text.chars().count() == WORDS_MAX);
    }
}
