//! A backlog does not delay what is sent now: a live packet's time with a backlog waiting, against its time without, in
//! interleaved rounds of one run. `COMITY_BACKLOG` says how many packets wait (default 6,000; the long run takes 100,000).

mod support;

use comity_relayer_worker::Relayer;
use std::path::Path;
use std::time::{Duration, Instant};
use support::World;

/// Orders of one transaction while the backlog is made.
const PER_TX: usize = 64;
/// Rounds with a backlog and rounds without, and live packets in each.
const ROUNDS: usize = 5;
const LIVE: usize = 6;
/// A backlog delays a live packet by at most twice what it takes without one, by the medians: three times in all.
const TIMES_MAX: f64 = 3.0;
/// How often it is tried: where the first live packet of a round is slow, the backlog can be gone before anything was measured.
const ATTEMPTS: usize = 3;
/// Where the numbers of live orders begin.
const LIVE_FROM: u32 = 1_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_packet_does_not_wait_behind_a_backlog() {
    let backlog: u32 = std::env::var("COMITY_BACKLOG").map_or(6_000, |text| text.parse().expect("a number"));
    for _ in 0..ATTEMPTS {
        if let Some(times) = measured(backlog).await {
            assert!(times <= TIMES_MAX, "{times:.2} times");
            return;
        }
    }
    panic!("the backlog was gone before anything was measured; take a larger one");
}

/// How many times its usual time a live packet takes; `None` where the backlog was gone before anything was measured.
async fn measured(backlog: u32) -> Option<f64> {
    let directory = tempfile::tempdir().expect("a directory");
    // Two worlds, so that each round without a backlog has none anywhere.
    let (idle, busy) = (World::start().await, World::start().await);
    let made = Instant::now();
    let all: Vec<u32> = (0..backlog).collect();
    for numbers in all.chunks(PER_TX) {
        busy.commit_many(numbers, 80_000).await;
    }
    println!("{backlog} packets committed in {:.0} s", made.elapsed().as_secs_f64());

    let (mut without, mut with) = (Vec::new(), Vec::new());
    let mut number = LIVE_FROM;
    let mut waiting = Vec::new();
    for round in 0..ROUNDS {
        for (world, times, name) in [(&idle, &mut without, "idle"), (&busy, &mut with, "busy")] {
            let relayer = world.relayer(&directory.path().join(format!("{name}-{round}")));
            carries(world, &mut number).await;
            for _ in 0..LIVE {
                times.push(travel(world, &mut number).await);
            }
            if name == "busy" {
                waiting.push(undelivered(&busy, backlog).await);
            }
            relayer.stop().await;
        }
    }
    let (without, with) = (median(without), median(with));
    let times = with.as_secs_f64() / without.as_secs_f64();
    println!(
        "{backlog} packets behind: a live packet takes {with:?} with them and {without:?} without ({times:.2} times), medians of \
         {} each; still undelivered at the end of the rounds: {waiting:?}",
        ROUNDS * LIVE
    );

    // The backlog itself arrives.
    let relayer: Relayer = busy.relayer(Path::new(&directory.path().join("last")));
    let started = Instant::now();
    while undelivered(&busy, backlog).await > 0 {
        assert!(started.elapsed() < Duration::from_secs(900), "the backlog does not arrive");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    println!("the rest of the backlog arrived in {:.1} s", started.elapsed().as_secs_f64());
    relayer.stop().await;
    (waiting[0] > 0).then_some(times)
}

/// Waits until the relayer has begun to carry: its first packet pays for verifying both chains.
async fn carries(world: &World, number: &mut u32) {
    travel(world, number).await;
}

/// From committed to received.
async fn travel(world: &World, number: &mut u32) -> Duration {
    *number += 1;
    let orders = world.commit_many(&[*number], 80_000).await;
    world.arrived(orders[0]).await
}

/// How many of the backlog have not arrived, by a search: sequences arrive in order, but for the live ones.
async fn undelivered(world: &World, backlog: u32) -> u32 {
    let arrived = |number: u32| async move { world.received(World::numbered(number)).await.is_some() };
    let (mut low, mut high) = (0, backlog);
    while low < high {
        let middle = low + (high - low) / 2;
        if arrived(middle).await { low = middle + 1 } else { high = middle }
    }
    backlog - low
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
