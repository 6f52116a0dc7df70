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

/// Bounds of histograms' buckets in seconds: from a proof out of memory to a call that took as long as it may.
const BUCKETS: [f64; 12] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// Serves metrics at `listen`, if one is given. Call it before what is measured starts: what was measured earlier is lost.
pub(crate) fn metrics(listen: Option<SocketAddr>) -> Result<(), Failure> {
    let Some(listen) = listen else { return Ok(()) };
    PrometheusBuilder::new()
        .with_http_listener(listen)
        .set_buckets(&BUCKETS)
        .or_fault(|| "the metrics' buckets are malformed".into())?
        .install()
        .or_usage(|| format!("metrics cannot be served at {listen}"))?;
    tracing::info!(%listen, "metrics are served");
    Ok(())
}
