//! What an operator asks of a gateway, as metrics: does my chain make blocks, do light clients follow, do orders wait and
//! where, who is refused and why, are proofs slow. See docs/operations.md.
//! It refuses to measure by anything that a stranger chooses: labels are institutions, chains, clients, methods, reasons.

use crate::chains;
use crate::config::Clock;
use crate::following::{HeldBook, HolderBook};
use crate::institution::Decider;
use crate::orders::OrderBook;
use crate::peers::Peers;
use crate::recurring::every;
use crate::view::{ChainView, HomeState};
use comity_model::order::OrderState;
use comity_model::{MemberId, Time};
use metrics::Unit;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often gauges are set.
const EVERY: Duration = Duration::from_secs(5);
/// Most open orders that are counted: a gauge that shows it means "this many or more".
const ORDERS_COUNTED_MAX: usize = 1_000;

const CHAIN_HEIGHT: &str = "comity_gateway_chain_height";
const CHAIN_AGE: &str = "comity_gateway_chain_age_seconds";
const CHAIN_FROZEN: &str = "comity_gateway_chain_frozen";
const CLIENT_HEIGHT: &str = "comity_gateway_client_height";
const CLIENT_AGE: &str = "comity_gateway_client_age_seconds";
const CLIENT_USABLE: &str = "comity_gateway_client_usable";
const ORDERS_OPEN: &str = "comity_gateway_orders_open";
const ORDERS_OLDEST: &str = "comity_gateway_orders_oldest_seconds";
const ORDERS_UNDECIDED: &str = "comity_gateway_orders_undecided";
const SAMPLE_FAILURES: &str = "comity_gateway_sample_failures_total";
/// Calls by institution, method and reason.
pub(crate) const CALLS: &str = "comity_gateway_calls_total";
/// How long until an answer begins.
pub(crate) const CALL_SECONDS: &str = "comity_gateway_call_seconds";
/// Connections that proved nobody.
pub(crate) const HANDSHAKES_REFUSED: &str = "comity_gateway_handshakes_refused_total";
/// Claims that did not verify.
pub(crate) const PROOFS_REFUSED: &str = "comity_gateway_proofs_refused_total";
/// Entries of the log of deposits that are published in a checkpoint.
pub(crate) const CHECKPOINT_SIZE: &str = "comity_gateway_deposits_checkpoint_size";
/// Times that no new checkpoint could be made.
pub(crate) const CHECKPOINTS_FAILED: &str = "comity_gateway_deposits_checkpoints_failed_total";
/// Entries of the log of deposits that a witness has cosigned, by witness.
pub(crate) const WITNESSED_SIZE: &str = "comity_gateway_deposits_witnessed_size";
/// Times that a witness did not cosign, by witness and reason.
pub(crate) const WITNESS_FAILURES: &str = "comity_gateway_deposits_witness_failures_total";
/// Entries of the log of deposits whose checkpoint stands in the bucket.
pub(crate) const BUCKET_SIZE: &str = "comity_gateway_deposits_bucket_size";
/// Tiles that were put into the bucket.
pub(crate) const BUCKET_FILES: &str = "comity_gateway_deposits_bucket_tiles_total";
/// Times that the bucket did not take the newest checkpoint, by reason.
pub(crate) const BUCKET_FAILURES: &str = "comity_gateway_deposits_bucket_failures_total";
/// Entries of the log of deposits that an authority for time has stamped.
pub(crate) const STAMPED_SIZE: &str = "comity_gateway_deposits_stamped_size";
/// The time of its last stamp, in seconds since 1970.
pub(crate) const STAMPED_AT: &str = "comity_gateway_deposits_stamped_at_seconds";
/// Times that there was no time stamp, by reason.
pub(crate) const STAMP_FAILURES: &str = "comity_gateway_deposits_stamp_failures_total";
/// Requests to the public port by what was asked for and what came of it.
pub(crate) const PUBLIC_REQUESTS: &str = "comity_gateway_public_requests_total";
/// How long an answer of the public port took.
pub(crate) const PUBLIC_SECONDS: &str = "comity_gateway_public_seconds";
/// Connections to the public port that were one too many.
pub(crate) const PUBLIC_CONNECTIONS_REFUSED: &str = "comity_gateway_public_connections_refused_total";
/// How long a proof of the own chain's state takes to get and to verify.
pub(crate) const PROOF_SECONDS: &str = "comity_gateway_proof_seconds";

const DELIVERIES_OPEN: &str = "comity_gateway_deliveries_open";
const DELIVERIES_OVERDUE: &str = "comity_gateway_deliveries_overdue";
const HOLDINGS_OUTDATED: &str = "comity_gateway_holdings_outdated";
/// Deadlines that passed without a receipt.
pub(crate) const DELIVERIES_LATE: &str = "comity_gateway_deliveries_late_total";
/// Later versions that the own check found before they were delivered.
pub(crate) const CORRECTIONS_FOUND: &str = "comity_gateway_corrections_found_total";
/// Checks of what is held that came to nothing.
pub(crate) const CHECKS_FAILED: &str = "comity_gateway_checks_failed_total";

/// States of orders that are open at a court.
const OPEN_STATES: [OrderState; 5] = [
    OrderState::AwaitingApproval,
    OrderState::AwaitingDelivery,
    OrderState::Committed,
    OrderState::Relayed,
    OrderState::Pending,
];

/// What is sampled.
pub(crate) struct Sampler {
    pub(crate) institution: MemberId,
    pub(crate) home: HomeState,
    pub(crate) peers: Peers,
    pub(crate) book: Arc<OrderBook>,
    pub(crate) decider: Arc<Decider>,
    pub(crate) holders: HolderBook,
    pub(crate) held: HeldBook,
    pub(crate) clock: Clock,
}

/// Says what the metrics mean, and shows those that count from zero on.
pub(crate) fn describe() {
    metrics::describe_gauge!(CHAIN_HEIGHT, "Height of the latest header that this gateway verified, by chain");
    metrics::describe_gauge!(CHAIN_AGE, Unit::Seconds, "Age of that header by this machine's clock");
    metrics::describe_gauge!(CHAIN_FROZEN, "1 where two contradicting headers of a chain were proven");
    metrics::describe_gauge!(CLIENT_HEIGHT, "Latest height of a light client on the own chain");
    metrics::describe_gauge!(
        CLIENT_AGE,
        Unit::Seconds,
        "Age of the header that a light client on the own chain knows last"
    );
    metrics::describe_gauge!(CLIENT_USABLE, "1 while a light client on the own chain is neither frozen nor expired");
    metrics::describe_gauge!(
        ORDERS_OPEN,
        "Orders of this court that are not answered, by state; at most 1000 are counted"
    );
    metrics::describe_gauge!(ORDERS_OLDEST, Unit::Seconds, "How long the oldest open order has been in its state");
    metrics::describe_gauge!(
        ORDERS_UNDECIDED,
        "Orders that wait for this institution's decision; at most 500 are counted"
    );
    metrics::describe_counter!(SAMPLE_FAILURES, "Samples that could not be taken, by what was sampled");
    metrics::describe_counter!(CALLS, "Calls by institution, method and reason; OK where answered");
    metrics::describe_histogram!(CALL_SECONDS, Unit::Seconds, "How long until a call's answer began");
    metrics::describe_counter!(HANDSHAKES_REFUSED, "Connections whose certificate was missing or not accepted");
    metrics::describe_counter!(PROOFS_REFUSED, "Claims of chains and peers that did not verify, by rule");
    metrics::describe_gauge!(CHECKPOINT_SIZE, "Entries of the log of deposits that the chain has taken up");
    metrics::describe_counter!(CHECKPOINTS_FAILED, "Times that the chain did not take the log's head up");
    metrics::describe_gauge!(WITNESSED_SIZE, "Entries of the log of deposits that a witness has cosigned");
    metrics::describe_counter!(WITNESS_FAILURES, "Times that a witness did not cosign, by witness and reason");
    metrics::describe_gauge!(BUCKET_SIZE, "Entries of the log of deposits whose checkpoint stands in the bucket");
    metrics::describe_counter!(BUCKET_FILES, "Tiles of the log that were put into the bucket");
    metrics::describe_counter!(BUCKET_FAILURES, "Times that the bucket did not take the newest checkpoint, by reason");
    metrics::describe_gauge!(STAMPED_SIZE, "Entries of the log of deposits that an authority for time has stamped");
    metrics::describe_gauge!(STAMPED_AT, Unit::Seconds, "The time of its last stamp, since 1970");
    metrics::describe_counter!(STAMP_FAILURES, "Times that the authority for time did not stamp, by reason");
    metrics::describe_counter!(PUBLIC_REQUESTS, "Requests to the public port, by what was asked for and by reason");
    metrics::describe_histogram!(PUBLIC_SECONDS, Unit::Seconds, "How long an answer of the public port took");
    metrics::describe_counter!(PUBLIC_CONNECTIONS_REFUSED, "Connections to the public port that were one too many");
    metrics::describe_histogram!(PROOF_SECONDS, Unit::Seconds, "How long a proof of the own chain's state took");
    metrics::describe_gauge!(
        DELIVERIES_OPEN,
        "Holders of this institution's records to whom a correction is under way; at most 1000 are counted"
    );
    metrics::describe_gauge!(DELIVERIES_OVERDUE, "Those of them whose deadline has passed; at most 1000 are counted");
    metrics::describe_gauge!(
        HOLDINGS_OUTDATED,
        "Records held of which a later version is proven that was not handed over; at most 1000 are counted"
    );
    metrics::describe_counter!(DELIVERIES_LATE, "Deadlines that passed without a holder's receipt, by holder");
    metrics::describe_counter!(CORRECTIONS_FOUND, "Later versions that the own check found first, by keeper");
    metrics::describe_counter!(CHECKS_FAILED, "Checks of what is held that came to nothing, by keeper and reason");
    metrics::counter!(HANDSHAKES_REFUSED).absolute(0);
    for what in ["chain", "clients", "orders", "decisions", "deliveries", "holdings"] {
        metrics::counter!(SAMPLE_FAILURES, "what" => what).absolute(0);
    }
}

impl Sampler {
    /// Samples until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        every(EVERY, stop, || self.sample()).await;
    }

    async fn sample(&self) {
        let now = self.clock.now();
        // The own chain is asked, so that its age is the chain's and not this gateway's idleness.
        let fresh = self.home.view().fresh().await;
        chain(self.home.view(), now);
        for peer in self.peers.iter() {
            chain(&peer.view, now);
        }
        match fresh {
            Ok(header) => self.clients(&header, now).await,
            Err(error) => failed("chain", &error),
        }
        self.orders(now).await;
        match self.decider.pending(None).await {
            Ok(page) => {
                let ours = page.iter().filter(|received| received.sealed.order.recipient == self.institution).count();
                metrics::gauge!(ORDERS_UNDECIDED).set(number(ours as u64));
            }
            Err(error) => failed("decisions", &error),
        }
        match self.holders.counts().await {
            Ok([open, overdue]) => {
                metrics::gauge!(DELIVERIES_OPEN).set(number(open as u64));
                metrics::gauge!(DELIVERIES_OVERDUE).set(number(overdue as u64));
            }
            Err(error) => failed("deliveries", &error),
        }
        match self.held.outdated_count().await {
            Ok(outdated) => metrics::gauge!(HOLDINGS_OUTDATED).set(number(outdated as u64)),
            Err(error) => failed("holdings", &error),
        }
    }

    async fn clients(&self, header: &comity_verify::light::TrustedHeader, now: Time) {
        for peer in self.peers.iter() {
            let Some(pair) = &peer.config.clients else { continue };
            let standing = chains::client(&self.home, &self.clock, &pair.source_client, header).await;
            let standing = match standing {
                Ok(Some(standing)) => standing,
                Ok(None) => continue,
                Err(error) => {
                    failed("clients", &error);
                    continue;
                }
            };
            let labels = [("client", standing.state.id.to_string()), ("chain", standing.state.chain.to_string())];
            metrics::gauge!(CLIENT_HEIGHT, &labels).set(number(standing.state.latest.0));
            metrics::gauge!(CLIENT_USABLE, &labels).set(if standing.is_usable() { 1.0 } else { 0.0 });
            if let Some(time) = standing.time {
                metrics::gauge!(CLIENT_AGE, &labels).set(age(time, now));
            }
        }
    }

    async fn orders(&self, now: Time) {
        let open = match self.book.open(None, ORDERS_COUNTED_MAX).await {
            Ok(open) => open,
            Err(error) => return failed("orders", &error),
        };
        let mut states: BTreeMap<&'static str, (u64, f64)> =
            OPEN_STATES.iter().map(|state| (state.name(), (0, 0.0))).collect();
        for id in open {
            let Ok(order) = self.book.read(&id).await else { continue };
            let since = order.steps.last().map_or(now, |step| step.at);
            let (count, oldest) = states.entry(order.state.name()).or_default();
            *count = count.saturating_add(1);
            *oldest = oldest.max(age(since, now));
        }
        for (state, (count, oldest)) in states {
            metrics::gauge!(ORDERS_OPEN, "state" => state).set(number(count));
            metrics::gauge!(ORDERS_OLDEST, "state" => state).set(oldest);
        }
    }
}

fn chain(view: &ChainView, now: Time) {
    let labels = [("chain", view.chain().to_string())];
    metrics::gauge!(CHAIN_FROZEN, &labels).set(if view.is_frozen() { 1.0 } else { 0.0 });
    // A peer's chain is followed when it is needed.
    if let Some(header) = view.verified() {
        metrics::gauge!(CHAIN_HEIGHT, &labels).set(number(header.height().0));
        metrics::gauge!(CHAIN_AGE, &labels).set(age(header.time(), now));
    }
}

fn failed(what: &'static str, error: &dyn std::error::Error) {
    metrics::counter!(SAMPLE_FAILURES, "what" => what).increment(1);
    tracing::debug!(what, %error, "a metric could not be sampled");
}

/// Seconds from `then` to `now`; 0 where clocks differ.
fn age(then: Time, now: Time) -> f64 {
    let nanos = u64::try_from(now.nanos_since(then)).unwrap_or(u64::MAX);
    Duration::from_nanos(nanos).as_secs_f64()
}

#[allow(clippy::cast_precision_loss)] // exact up to 2^53
fn number(count: u64) -> f64 {
    count as f64
}
