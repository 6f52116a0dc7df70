//! Keeping a client alive: refreshing it long before its trusting period ends, and freezing it on evidence.

use crate::client::RemoteClient;
use crate::clock::Backoff;
use crate::fault::Fault;
use crate::measure;
use comity_adapters_ports::Outcome;
use comity_model::Time;
use std::time::Duration;

/// Looked at this often, or ten times a trusting period if that is more often.
const LOOK_EVERY: Duration = Duration::from_secs(60);
const LOOK_LEAST: Duration = Duration::from_millis(200);

/// Runs until it is cancelled.
pub(crate) async fn keep(client: &RemoteClient) {
    let trusting_period = client.target.params().trusting_period_secs;
    let every = Duration::from_secs(trusting_period / 10).clamp(LOOK_LEAST, LOOK_EVERY);
    let mut divergence = client.target.divergence();
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(30));
    loop {
        let evidence = divergence.borrow_and_update().clone();
        let result = match &evidence {
            Some(evidence) => client.accuse(evidence).await,
            None => refresh(client, trusting_period).await,
        };
        let pause = match result {
            Ok(()) => {
                backoff.reset();
                every
            }
            // Nothing is verified of one of the two chains yet; looking again costs nothing.
            Err(Fault::NoHeader(_)) => LOOK_LEAST,
            Err(fault) => {
                tracing::warn!(client = %client.id, host = %client.host.id(), %fault, "the client was not refreshed");
                measure::fault(client.host.id().as_str(), &fault);
                backoff.pause()
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            changed = divergence.changed() => if changed.is_err() { return },
        }
    }
}

/// Updates the client when its newest header is a third of the trusting period old, by the other chain's own time.
async fn refresh(client: &RemoteClient, trusting_period: u64) -> Result<(), Fault> {
    let known = client.known().await?;
    let Some(head) = client.target.head() else {
        return Ok(());
    };
    let age = seconds_between(known.time(), head.time());
    #[allow(clippy::cast_precision_loss)] // exact for 285 million years
    measure::client_age(client.id.as_str(), age as f64);
    if age < trusting_period / 3 {
        return Ok(());
    }
    let footing = client.footing(head.height()).await?;
    let Some(update) = footing.update else {
        return Ok(());
    };
    match client.host.chain.submit.submit(vec![update]).await? {
        Outcome::Committed { .. } => {
            tracing::info!(client = %client.id, host = %client.host.id(), height = %footing.header.height(), "client refreshed");
            client.learnt(footing.header).await;
        }
        Outcome::Refused { code, detail } => {
            tracing::warn!(client = %client.id, host = %client.host.id(), %code, detail, "a refresh was refused");
            client.forget().await;
        }
    }
    Ok(())
}

fn seconds_between(earlier: Time, later: Time) -> u64 {
    u64::try_from(later.seconds().saturating_sub(earlier.seconds())).unwrap_or(0)
}
