//! Work that is done again and again until the gateway stops.
//! It refuses to know what the work is, and to catch up on times that it missed.

use std::time::Duration;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// Does `work` now and then every `period`, one at a time, until `stop`, which also breaks off what is under way: work that
/// is not idempotent has no place here.
pub(crate) async fn every<F: Future<Output = ()>>(
    period: Duration,
    stop: CancellationToken,
    mut work: impl FnMut() -> F,
) {
    let mut tick = tokio::time::interval(period);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let working = async {
        loop {
            tick.tick().await;
            work().await;
        }
    };
    let _: Option<()> = stop.run_until_cancelled(working).await;
}
