//! What an operator asks of a relayer, as metrics: does it move, what waits, whom does it not believe.

use crate::fault::Fault;
use comity_model::{ChainId, Height};
use comity_relayer_engine::Counts;
use std::time::Duration;

/// The latest verified header of a chain.
pub(crate) fn head(chain: &ChainId, height: Height) {
    #[allow(clippy::cast_precision_loss)] // exact up to 2^53 blocks
    metrics::gauge!("comity_relayer_verified_height", "chain" => chain.to_string()).set(height.0 as f64);
}

/// A chain that shows no block for longer than its heartbeat allows.
pub(crate) fn silence(chain: &ChainId) {
    metrics::counter!("comity_relayer_silences_total", "chain" => chain.to_string()).increment(1);
}

/// Something that could not be done, by kind; refusals carry the code of the rule.
pub(crate) fn fault(place: &str, fault: &Fault) {
    metrics::counter!("comity_relayer_faults_total", "at" => place.to_owned(), "kind" => fault.label()).increment(1);
}

/// An action that ended.
pub(crate) fn action(direction: &str, task: &'static str, result: &'static str, took: Duration) {
    let direction = direction.to_owned();
    metrics::counter!(
        "comity_relayer_actions_total",
        "direction" => direction.clone(), "task" => task, "result" => result
    )
    .increment(1);
    metrics::histogram!("comity_relayer_action_seconds", "direction" => direction, "task" => task)
        .record(took.as_secs_f64());
}

/// Packets that are not settled, by where they stand.
pub(crate) fn packets(direction: &str, counts: Counts) {
    let stages = [
        ("unknown", counts.unknown),
        ("undelivered", counts.undelivered),
        ("arrived", counts.arrived),
        ("answered", counts.answered),
    ];
    for (stage, count) in stages {
        #[allow(clippy::cast_precision_loss)] // bounded by the number of tracked packets
        metrics::gauge!("comity_relayer_packets", "direction" => direction.to_owned(), "stage" => stage)
            .set(count as f64);
    }
}

/// Seconds since the header that a client knows last, by the other chain's own time.
pub(crate) fn client_age(client: &str, seconds: f64) {
    metrics::gauge!("comity_relayer_client_age_seconds", "client" => client.to_owned()).set(seconds);
}
