//! A court's chain of four validators under load, while validators are killed and the network between them parts: below a
//! third the chain goes on; from a third on it stops, orders wait, and nothing is lost. Validators change meanwhile.

use crate::alliance::load::{Load, Ordered};
use crate::network::{Network, cometbft};
use crate::pairs::{alone, found};
use comity_model::Height;
use comity_model::governance::{Action, ValidatorUpdate};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How long each trouble lasts.
const TROUBLE: Duration = Duration::from_secs(4);
const WITHIN: Duration = Duration::from_secs(60);

fn height(runtime: &Runtime, network: &Network, index: usize) -> u64 {
    runtime.block_on(network.ports(index).headers.latest()).expect("a height").0
}

/// Waits until a node has made so many blocks more.
fn goes_on(runtime: &Runtime, network: &Network, index: usize, blocks: u64) {
    let from = height(runtime, network, index);
    runtime.block_on(network.reach(index, Height(from + blocks)));
}

#[test]
fn orders_survive_kills_partitions_and_a_change_of_validators() {
    let Some(cometbft) = cometbft() else { return };
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let started = Instant::now();
    let step = |what: &str| println!("{:>5.1} s  {what}", started.elapsed().as_secs_f32());
    let (alliance, mut networks) = found(&cometbft, folder.path(), &["court"]);
    let mut network = networks.remove(0);
    let load = Load::begin(&alliance, 16);
    step("a court under CometBFT, a bank, and clerks at work");
    let killed_between = executed_without_a_validator_that_saw_it_drawn_up(&load, &mut network);
    runtime.block_on(network.reach(3, Height(height(&runtime, &network, 0))));
    step("a validator was killed between the drawing up and the approval of an order, which was executed without it");
    let mut orders = load.during(2, || {
        // Less than a third: killed.
        network.kill_both(3);
        goes_on(&runtime, &network, 0, 5);
        std::thread::sleep(TROUBLE);
        network.start_both(3);
        runtime.block_on(network.reach(3, Height(height(&runtime, &network, 0))));
        step("a validator was killed: the chain went on, and it has caught up");

        // Less than a third: parted. It runs, and sees nobody.
        network.part(&[0, 0, 0, 1, 0, 0]);
        std::thread::sleep(Duration::from_millis(500));
        let alone = height(&runtime, &network, 3);
        goes_on(&runtime, &network, 0, 5);
        std::thread::sleep(TROUBLE);
        let blind = height(&runtime, &network, 3);
        assert!(blind <= alone + 1, "from {alone} to {blind}: it sees nobody");
        network.mend();
        runtime.block_on(network.reach(3, Height(height(&runtime, &network, 0))));
        step("a validator was parted from the others: the chain went on, and it has caught up");

        // Validators change while packets are in flight: one goes, the others weigh differently, it comes back.
        let chain = network.ports(0);
        let latest = Height(height(&runtime, &network, 0));
        let set = runtime.block_on(chain.headers.light_block(latest)).expect("a block").validators;
        let weigh = |index: usize, power| ValidatorUpdate { public_key: set.validators()[index].public_key, power };
        for change in [vec![weigh(0, 0), weigh(1, 12)], vec![weigh(0, 9), weigh(1, 10)]] {
            let (at, _) = runtime.block_on(async {
                let proposal = network.proposal(Action::SetValidators(change)).await;
                network.done(0, vec![proposal]).await
            });
            runtime.block_on(network.reach(0, Height(at.0 + 4)));
            std::thread::sleep(TROUBLE / 2);
        }
        step("validators changed twice while packets were in flight");

        // A third and more: two sides of which neither has more than two thirds.
        network.part(&[0, 0, 1, 1, 0, 0]);
        std::thread::sleep(Duration::from_secs(2));
        let stopped: Vec<_> = (0..4).map(|index| height(&runtime, &network, index)).collect();
        std::thread::sleep(TROUBLE);
        let still: Vec<_> = (0..4).map(|index| height(&runtime, &network, index)).collect();
        assert_eq!(stopped, still, "half makes no block");
        network.mend();
        goes_on(&runtime, &network, 0, 3);
        step("the network was in halves: the chain stopped and went on");
        std::thread::sleep(TROUBLE / 2);
    });
    orders.push(killed_between);
    assert!(started.elapsed() < WITHIN * 10);
    step(&format!("{}", load.count_executed(&orders)));
    runtime.block_on(crate::same_state_everywhere(&network));
}

/// An order for which a validator is there while it is drawn up, and gone while it is approved, committed, carried and answered.
fn executed_without_a_validator_that_saw_it_drawn_up(load: &Load<'_>, network: &mut Network) -> Ordered {
    let until = Instant::now() + WITHIN;
    let order = load.draw_up(0, 5, 0, until).expect("it is drawn up");
    network.kill_both(3);
    load.approve(&order.name, 0, until).expect("the approval is answered");
    let answered = load.watch(&order.name, 0);
    assert_eq!(answered["state"], "EXECUTED", "{answered}");
    network.start_both(3);
    order
}
