//! The suite that every adapter passes: what the ports promise, checked against a running chain with `verify` as the
//! judge. Each check is a sentence; a broken one panics with it. Knows no kind of chain.

mod events;
mod headers;
mod state;
mod submission;

use comity_adapters_ports::Chain;
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{ClientId, ReasonCode, Time};
use comity_verify::light::{Anchor, ClientParams};
use std::time::{Duration, SystemTime};

/// What the suite is told of the chain at hand.
pub struct Fixture {
    /// A header to begin from; at least two blocks follow it.
    pub anchor: Anchor,
    /// A path with a value, since the anchor.
    pub present: StatePath,
    /// A path without a value.
    pub absent: StatePath,
    /// Messages that the chain carries out when they come first, with at least one event, and takes again without
    /// effect.
    pub work: Vec<Message>,
    /// Messages that the chain refuses, and the code that it does so with.
    pub refused: (Vec<Message>, ReasonCode),
    /// A client of the chain.
    pub client: ClientId,
    /// The longest time between two blocks.
    pub heartbeat: Duration,
}

/// Runs every check.
///
/// # Panics
/// When the adapter breaks a promise of the ports.
pub async fn run(chain: &Chain, fixture: &Fixture) {
    headers::it_names_the_chain(chain, fixture);
    headers::light_blocks_verify_one_by_one(chain, fixture).await;
    headers::light_blocks_verify_over_a_gap(chain, fixture).await;
    headers::a_height_that_does_not_exist_yet_is_not_yet(chain).await;
    headers::heights_are_those_that_were_asked_for(chain, fixture).await;
    state::a_value_is_proven(chain, fixture).await;
    state::an_absence_is_proven(chain, fixture).await;
    state::a_proof_of_another_value_is_refused(chain, fixture).await;
    state::a_proof_is_under_the_header_that_was_asked_for(chain, fixture).await;
    state::a_proof_under_a_header_to_come_is_not_yet(chain, fixture).await;
    events::blocks_come_in_order_with_their_events(chain, fixture).await;
    events::the_past_is_told_again_without_gaps(chain, fixture).await;
    events::following_waits_for_the_next_block(chain, fixture).await;
    events::lists_are_bounded(chain, fixture).await;
    submission::what_is_submitted_again_changes_nothing(chain, fixture).await;
    submission::a_refusal_has_a_code(chain, fixture).await;
    submission::submissions_at_once_are_all_answered(chain, fixture).await;
}

/// Longest wait for anything that a healthy chain does within a heartbeat.
fn patience(fixture: &Fixture) -> Duration {
    fixture.heartbeat * 3 + Duration::from_secs(2)
}

fn params(fixture: &Fixture) -> ClientParams {
    ClientParams {
        chain_id: fixture.anchor.chain_id.clone(),
        trusting_period_secs: fixture.anchor.trusting_period_secs,
        clock_drift_secs: fixture.anchor.clock_drift_secs,
    }
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    Time::new(seconds, since.subsec_nanos()).unwrap_or(Time::UNIX_EPOCH)
}
