//! Logs to stderr and metrics for Prometheus.
//! Refuses to know what is logged; nothing personal may be.

use crate::failure::{Failure, OrFail};
use metrics_exporter_prometheus::PrometheusBuilder;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use tracing_subscriber::EnvFilter;

/// Starts logging. Without a filter, `default` holds.
pub(crate) fn logs(filter: Option<&str>, default: &str) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter.unwrap_or(default))
        .or_usage(|| "the log filter is malformed: write it like `info` or `comity=debug,warn`".into())?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init()
        .or_fault(|| "logging could not be started".into())
}

/// Serves metrics at `listen`, if one is given.
pub(crate) fn metrics(listen: Option<SocketAddr>) -> Result<(), Failure> {
    let Some(listen) = listen else { return Ok(()) };
    PrometheusBuilder::new()
        .with_http_listener(listen)
        .install()
        .or_usage(|| format!("metrics cannot be served at {listen}"))?;
    tracing::info!(%listen, "metrics are served");
    Ok(())
}
