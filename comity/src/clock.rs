//! The one place where the program reads the time.
//! Refuses to know what it is for.

use comity_model::Time;
use std::time::{SystemTime, UNIX_EPOCH};

/// The present time in UTC.
pub(crate) fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs())
        .ok()
        .and_then(|seconds| Time::new(seconds, since.subsec_nanos()))
        .unwrap_or(Time::UNIX_EPOCH)
}
