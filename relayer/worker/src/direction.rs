//! One direction of a path: the engine, the hints and heads that feed it, and the actions that it asks for.

use crate::action::Route;
use crate::clock::Stopwatch;
use crate::view::Hint;
use crate::{Limits, clock, measure};
use comity_relayer_engine::{Action, ActionId, Engine, Finish, Head, Observation};
use comity_verify::light::TrustedHeader;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How often the packets are counted for metrics.
const COUNT_EVERY: Duration = Duration::from_secs(5);

type Done = (ActionId, Vec<Observation>, Finish);

/// Runs until it is cancelled. Actions under way are dropped then: each can be repeated.
pub(crate) async fn run(route: Arc<Route>, mut limits: watch::Receiver<Limits>) {
    let watch = Stopwatch::start();
    let first = limits.borrow_and_update().clone();
    let mut engine = Engine::new(Limits { seed: first.seed ^ clock::seed(), ..first });
    let mut actions: JoinSet<Done> = JoinSet::new();
    let (mut source_hints, mut destination_hints) = (route.source.hints(), route.destination.hints());
    let (mut source_heads, mut destination_heads) = (route.source.heads(), route.destination.heads());
    source_heads.mark_changed();
    destination_heads.mark_changed();
    let mut count = tokio::time::interval(COUNT_EVERY);
    loop {
        for action in engine.poll(watch.moment()) {
            actions.spawn(carry_out(Arc::clone(&route), action));
        }
        let wake = watch.instant(engine.next_wake(watch.moment()));
        tokio::select! {
            hint = source_hints.recv() => {
                let Some(hint) = hinted(hint) else { return };
                observe(&mut engine, &watch, &hint, |block| route.ends.at_source(block.height, &block.events));
            }
            hint = destination_hints.recv() => {
                let Some(hint) = hinted(hint) else { return };
                observe(&mut engine, &watch, &hint, |block| route.ends.at_destination(block.height, &block.events));
            }
            changed = source_heads.changed() => {
                if changed.is_err() { return }
                if let Some(head) = &*source_heads.borrow_and_update() {
                    engine.observe(Observation::SourceHead(observed(head)), watch.moment());
                }
            }
            changed = destination_heads.changed() => {
                if changed.is_err() { return }
                if let Some(head) = &*destination_heads.borrow_and_update() {
                    engine.observe(Observation::DestinationHead(observed(head)), watch.moment());
                }
            }
            Some(done) = actions.join_next() => match done {
                Ok((id, observations, finish)) => {
                    for observation in observations {
                        engine.observe(observation, watch.moment());
                    }
                    engine.finish(id, finish, watch.moment());
                }
                // The engine gives the action up by itself.
                Err(error) => tracing::error!(direction = route.name, %error, "an action ended by a panic"),
            },
            changed = limits.changed() => {
                if changed.is_err() { return }
                engine.set_limits(limits.borrow_and_update().clone());
            }
            _ = count.tick() => measure::packets(&route.name, engine.counts()),
            () = tokio::time::sleep_until(wake) => {}
        }
    }
}

async fn carry_out(route: Arc<Route>, action: Action) -> Done {
    let (observations, finish) = route.carry_out(action.task).await;
    (action.id, observations, finish)
}

/// `None` when the view has ended.
fn hinted(received: Result<Hint, RecvError>) -> Option<Hint> {
    match received {
        Ok(hint) => Some(hint),
        Err(RecvError::Lagged(_)) => Some(Hint::Lost),
        Err(RecvError::Closed) => None,
    }
}

fn observe(
    engine: &mut Engine,
    watch: &Stopwatch,
    hint: &Hint,
    read: impl Fn(&comity_adapters_ports::BlockEvents) -> Vec<Observation>,
) {
    match hint {
        Hint::Block(block) => {
            for observation in read(block) {
                engine.observe(observation, watch.moment());
            }
        }
        Hint::Lost => engine.sweep_now(watch.moment()),
    }
}

fn observed(header: &TrustedHeader) -> Head {
    Head { height: header.height(), time: header.time().unix_seconds() }
}
