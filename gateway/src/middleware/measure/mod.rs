//! Counts every call by who called, what, and what came of it, and measures how long it took until its answer began.
//! It refuses to know services, and to label by anything that a caller chooses freely: methods that do not exist are one.

mod future;
mod layer;

pub(crate) use layer::MeasureLayer;

use crate::error::Reason;
use std::time::Duration;
use tonic::Status;
use tonic_types::StatusExt as _;

/// What came of calls that were answered.
const OK: &str = "OK";

/// Who calls what.
pub(super) struct Call {
    institution: String,
    method: String,
}

impl Call {
    /// `path` is `/package.Service/Method`.
    fn new(institution: Option<String>, path: &str) -> Self {
        let (_, method) = path.rsplit_once('.').unwrap_or(("", path));
        Self { institution: institution.unwrap_or_else(|| "unknown".to_owned()), method: method.to_owned() }
    }

    /// Files what came of it.
    fn answered(self, status: Option<&Status>, took: Duration) {
        let reason = match status {
            None => OK,
            Some(status) => reason(status).as_str(),
        };
        let exists = reason != Reason::NoSuchMethod.as_str();
        let method = if exists { self.method } else { "other".to_owned() };
        metrics::histogram!(crate::measure::CALL_SECONDS, "method" => method.clone()).record(took.as_secs_f64());
        metrics::counter!(
            crate::measure::CALLS,
            "institution" => self.institution, "method" => method, "reason" => reason
        )
        .increment(1);
    }
}

/// The reason of an error; of the closed list, whatever the text.
fn reason(status: &Status) -> Reason {
    let info = status.get_details_error_info();
    info.and_then(|info| Reason::parse(&info.reason)).unwrap_or(Reason::Internal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ApiError;

    #[test]
    fn a_call_is_named_by_its_service_and_method() {
        let call = Call::new(Some("court".into()), "/comity.v1.Records/GetRecord");
        assert_eq!((call.institution.as_str(), call.method.as_str()), ("court", "Records/GetRecord"));
        assert_eq!(Call::new(None, "/x").institution, "unknown");
    }

    #[test]
    fn what_has_no_reason_of_the_list_counts_as_a_fault() {
        assert_eq!(reason(&ApiError::denied().into()), Reason::PermissionDenied);
        assert_eq!(reason(&Status::internal("a text that anybody chose")), Reason::Internal);
    }
}
