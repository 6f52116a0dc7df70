//! Keeping a program up: started, greeted, watched, and after its end started again, with pauses that grow. Knows nothing of
//! what is asked of it.

use crate::config::{Paces, PluginConfig};
use crate::connect::{Connection, bring_up, gone, greet};
use crate::error::PluginError;
use crate::measure::Measure;
use crate::process::Process;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How often a child's end is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// So many bad answers about its health in a row are a program's end.
const STRIKES: u32 = 3;

/// Where a program stands.
#[derive(Clone)]
pub(crate) enum State {
    /// It is being started.
    Starting,
    /// It answers.
    Up(Connection),
    /// It does not, for this reason.
    Down(String),
}

/// Runs until it is aborted; then the program is killed.
pub(crate) async fn supervise(config: PluginConfig, state: watch::Sender<State>) {
    let mut pauses = Pauses::new(&config.paces);
    let measure = Measure::new(&config.chain);
    loop {
        let error = life(&config, &state, &mut pauses, &measure).await;
        measure.up(false);
        tracing::warn!(chain = %config.chain, adapter = config.launch.name(), code = error.code(), %error, "the adapter is down");
        tell(&state, &error);
        tokio::time::sleep(pauses.next()).await;
        measure.restart();
    }
}

fn tell(state: &watch::Sender<State>, error: &PluginError) {
    state.send_replace(State::Down(format!("{}: {error}", error.code())));
}

/// One life of a program, and why it was over.
async fn life(
    config: &PluginConfig,
    state: &watch::Sender<State>,
    pauses: &mut Pauses,
    measure: &Measure,
) -> PluginError {
    // The reason of the last end stays to be read while it is only started again.
    state.send_if_modified(|state| matches!(state, State::Up(_)).then(|| *state = State::Starting).is_some());
    let (connection, mut process) = match bring_up(config).await {
        Ok(up) => up,
        Err(error) => return error,
    };
    let greeted = greet(&connection, &mut process, config, |error| tell(state, &error)).await;
    let error = match greeted {
        Ok(greeting) => {
            tracing::info!(
                chain = %config.chain, adapter = greeting.name, release = greeting.release, version = greeting.version,
                "the adapter is up"
            );
            state.send_replace(State::Up(connection.clone()));
            let since = Instant::now();
            let error = watch_over(&connection, &mut process, &config.paces, measure).await;
            if since.elapsed() >= config.paces.steady_after {
                pauses.reset();
            }
            error
        }
        Err(error) => error,
    };
    tell(state, &error);
    if let Some(process) = process {
        process.stop().await;
    }
    error
}

async fn watch_over(
    connection: &Connection,
    process: &mut Option<Process>,
    paces: &Paces,
    measure: &Measure,
) -> PluginError {
    measure.up(true);
    let mut strikes = 0;
    let mut next = Instant::now() + paces.health_interval;
    loop {
        tokio::select! {
            () = connection.broken.notified() => return gone(process).await,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        if let Some(end) = process.as_mut().and_then(Process::ended) {
            return end;
        }
        if Instant::now() < next {
            continue;
        }
        let health = tokio::select! {
            () = connection.broken.notified() => return gone(process).await,
            health = connection.health(paces.health_timeout) => health,
        };
        match health {
            Ok(()) => {
                strikes = 0;
                // Another watch over the same chain, one that was replaced, may have said last that it is down.
                measure.up(true);
            }
            Err(error) if strikes + 1 >= STRIKES => return error,
            Err(_) => strikes += 1,
        }
        next = Instant::now() + paces.health_interval;
    }
}

/// Pauses between two starts: doubled each time, each drawn between half and the whole.
struct Pauses {
    first: Duration,
    longest: Duration,
    current: Duration,
}

impl Pauses {
    const fn new(paces: &Paces) -> Self {
        let (first, longest) = paces.restart_pause;
        Self { first, longest, current: first }
    }

    const fn reset(&mut self) {
        self.current = self.first;
    }

    fn next(&mut self) -> Duration {
        let whole = self.current;
        self.current = (whole * 2).min(self.longest);
        let mut byte = [0u8];
        // Without randomness the whole pause does as well.
        let part = getrandom::fill(&mut byte).map_or(256, |()| 1 + u32::from(byte[0]));
        whole / 2 + whole * part / 512
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_begin_anew() {
        let paces = Paces::default();
        let mut pauses = Pauses::new(&paces);
        for expected in [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            let pause = pauses.next().as_millis();
            assert!((expected / 2..=expected).contains(&pause), "{pause} of {expected}");
        }
        pauses.reset();
        assert!(pauses.next().as_millis() <= 250);
    }
}
