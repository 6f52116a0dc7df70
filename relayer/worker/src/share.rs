//! Relayers beside each other over one store: each direction is worked by the one that holds its lease, while the others
//! stand by. It only spares double work: a store that does not answer stops nobody, and two at once do no harm.
//! Refuses to know packets.

use comity_store::Lease;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the lease is renewed, or asked for, within its term.
const TIMES_A_TERM: u32 = 4;
/// How long giving it back may take when the relayer stops.
const RELEASE_MAX: Duration = Duration::from_secs(2);

/// Does `work`, begun anew each time, while `lease` is held; until `stop`.
pub(crate) async fn while_held<F: Future<Output = ()>>(
    mut lease: Lease,
    term: Duration,
    name: &str,
    stop: CancellationToken,
    work: impl Fn() -> F,
) {
    let pause = term / TIMES_A_TERM;
    let working = async {
        loop {
            while !holds(&mut lease).await {
                tokio::time::sleep(pause).await;
            }
            tracing::info!(direction = name, "this relayer works the direction");
            tokio::select! {
                () = work() => return,
                () = until_lost(&mut lease, pause) => {
                    tracing::info!(direction = name, "another relayer works the direction");
                }
            }
        }
    };
    if stop.run_until_cancelled(working).await.is_none() {
        // Another need not wait for the end of the term.
        let _ = tokio::time::timeout(RELEASE_MAX, lease.release()).await;
    }
}

async fn until_lost(lease: &mut Lease, pause: Duration) {
    loop {
        tokio::time::sleep(pause).await;
        if !holds(lease).await {
            return;
        }
    }
}

/// Whether to work: nobody else is known to hold the lease.
async fn holds(lease: &mut Lease) -> bool {
    lease.hold().await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the lease cannot be asked for; working without");
        true
    })
}
