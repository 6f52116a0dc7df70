//! Being told to stop: Ctrl-C and SIGTERM.
//! Refuses to know what stops.

use crate::failure::{Failure, OrFail};
use tokio::signal::unix::{SignalKind, signal};

/// Waits for Ctrl-C or SIGTERM.
pub(crate) async fn requested() -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate()).or_fault(|| "signals cannot be received".into())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.or_fault(|| "signals cannot be received".into()),
        _ = terminate.recv() => Ok(()),
    }
}
