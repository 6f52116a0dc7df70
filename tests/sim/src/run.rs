//! One run: found a world, have everything happen, wait until it is quiet, and judge. One process runs one world.

use crate::clerk::Clerk;
use crate::finals;
use crate::machine;
use crate::mediator::Mediator;
use crate::oracle::{Promise, Tally};
use crate::parties;
use crate::plan::{Plan, QUIET_AT_MS};
use crate::planted::Planted;
use crate::world::{World, until};
use comity_model::client::ClientState;
use comity_model::governance::Action;
use comity_model::state::StatePath;
use comity_model::{Height, encode};
use comity_verify::light::ConsensusState;
use std::sync::Arc;
use std::time::Duration;

/// How long after the last fault everything must be final: the longest time for delivery and for the decision, and some
/// for the way back.
pub const BOUND_MS: u64 = 240_000;

/// Worlds whose clients trust a header for less than this, in seconds, are near their expiry.
const NEAR_EXPIRY_S: u64 = 600;

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// In numbers.
    pub tally: Tally,
    /// How many milliseconds after the last fault everything was final.
    pub settled_ms: u64,
    /// The digest of everything that happened, in order.
    pub digest: String,
    /// What happened.
    pub trace: Vec<String>,
}

/// Runs a plan. The process is the plan's from here on: see [`machine::boot`]. A broken promise ends the process with
/// [`crate::oracle::BROKEN`].
///
/// # Panics
/// When the runtime cannot be built.
#[must_use]
pub fn run(plan: Plan, planted: Option<Planted>) -> Report {
    machine::boot(plan.seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(Box::pin(play(plan, planted)))
}

async fn play(plan: Plan, planted: Option<Planted>) -> Report {
    let world = World::new(plan, planted);
    let clerk = Clerk::new(Arc::clone(&world));
    let mediator = Mediator::new(Arc::clone(&world));
    world.found().await;
    clerk.open_accounts().await;
    world.oracle.note(format_args!("the world is founded"));
    world.conduct();
    clerk.begin();
    mediator.begin();
    until(QUIET_AT_MS).await;
    world.oracle.note(format_args!("nothing goes wrong any more"));
    recover_clients(&world).await;
    if world.plan.trusting_s < NEAR_EXPIRY_S {
        world.anchor_relayers().await;
    }
    clerk.probe();
    mediator.probe();
    let settled_ms = settle(&world, &clerk, &mediator).await;
    finals::check(&world).await;
    if machine::threads() != 1 {
        world.oracle.broken(Promise::Exact, "the process has more than one thread");
    }
    let (trace, digest) = world.oracle.trace();
    Report { tally: world.oracle.tally(), settled_ms, digest, trace }
}

/// Waits until everything is final.
async fn settle(world: &Arc<World>, clerk: &Clerk, mediator: &Mediator) -> u64 {
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        // One that expires before a relayer has begun again.
        if world.plan.trusting_s < NEAR_EXPIRY_S && recover_clients(world).await {
            world.anchor_relayers().await;
        }
        let since = machine::now_ms() - QUIET_AT_MS;
        let missing = match clerk.is_done() && mediator.is_done() {
            false => Some((Promise::Final, "somebody is not answered".to_owned())),
            true => finals::unfinished(world).await,
        };
        match missing {
            None => return since,
            Some((promise, missing)) if since > BOUND_MS => {
                world.oracle.broken(promise, format_args!("{} s after the last fault {missing}", BOUND_MS / 1_000));
            }
            Some(_) => {}
        }
    }
}

/// What operators do when clients have expired: the governors put each on a new anchor. Whether there were any.
async fn recover_clients(world: &Arc<World>) -> bool {
    let mut recovered = false;
    for node in world.nodes.iter().skip(1) {
        for (of, on) in [(node.number, 0), (0, node.number)] {
            if !expired(world, of, on).await {
                continue;
            }
            let block = world.header(of, world.height(of).max(Height(1))).await;
            let recover = |_: u64| {
                Some(Action::RecoverClient {
                    client: parties::client_of(of),
                    header_hash: block.header.hash(),
                    block: encode(&block),
                })
            };
            world.govern(on, recover).await;
            world.oracle.note(format_args!(
                "the client of {} on {} is recovered",
                parties::chain(of),
                parties::chain(on)
            ));
            recovered = true;
        }
    }
    recovered
}

async fn expired(world: &World, of: u8, on: u8) -> bool {
    let client: Option<ClientState> = world.value(on, &StatePath::Client(parties::client_of(of))).await;
    let Some(client) = client else { return false };
    let state: Option<ConsensusState> = world.value(on, &StatePath::Consensus(client.id.clone(), client.latest)).await;
    let now = world.header(on, world.height(on)).await.header.time;
    state.is_none_or(|state| now >= state.time.plus_seconds(client.trusting_period_s))
}
