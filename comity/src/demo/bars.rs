//! Many orders in the sandbox: in turn and at once, none lost, and how long one takes.

use super::freeze::request;
use super::order::{CaseSystem, expect};
use crate::sandbox::{World, WorldEngine, WorldOptions};
use comity_model::Currency;
use comity_model::record::FieldValue;
use comity_proto::v1::{CreateOrderRequest, OrderState};
use std::time::{Duration, Instant};

/// How many orders go in turn, and how many at once.
const ORDERS: usize = 100;
/// The median from the second approval's call to EXECUTED on the court's chain, fsync on.
const MEDIAN_MAX: Duration = Duration::from_millis(500);

/// Freezes of different accounts, each needing two officers.
fn requests(world: &World) -> Vec<CreateOrderRequest> {
    let accounts = world.data().sectors.iter().find(|data| data.sector.as_str() == "accounts");
    let with_money = accounts
        .expect("the sandbox has accounts")
        .assets
        .iter()
        .filter(|asset| asset.value.is_some_and(|value| value.minor > 0 && value.currency == Currency::CNY));
    let mut drafts = Vec::new();
    for asset in with_money.take(2 * ORDERS) {
        let mut draft = world.data().showcase.orders.freeze.clone();
        for field in &mut draft.fields {
            if field.name.as_str() == "account_number" {
                field.value = FieldValue::Text(asset.reference.clone());
            }
        }
        drafts.push(request("finance", &draft));
    }
    drafts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_orders_in_turn_and_a_hundred_at_once_are_all_executed() {
    let options =
        WorldOptions { dir: None, seed: 1, quiet: true, rate_per_second: None, engine: WorldEngine::Embedded };
    let world = World::start(options).await.expect("a world");
    let court = CaseSystem::new(&world, "court").await.expect("a case system");
    let mut requests = requests(&world);
    assert_eq!(requests.len(), 2 * ORDERS);

    let mut took = Vec::new();
    for request in requests.drain(..ORDERS) {
        let answered = court.send(request).await.expect("an answer");
        expect(&answered.order, OrderState::Executed).expect("executed");
        took.push(answered.took);
    }
    took.sort();
    let (median, worst) = (took[ORDERS / 2], took[ORDERS - 1]);
    println!("{ORDERS} orders in turn: median {median:?}, worst {worst:?}, from the second approval to EXECUTED");

    let started = Instant::now();
    let answers = futures::future::join_all(requests.into_iter().map(|request| court.send(request))).await;
    for answered in &answers {
        let answered = answered.as_ref().expect("an answer");
        expect(&answered.order, OrderState::Executed).expect("executed");
    }
    println!("{} orders at once: all executed in {:?}", answers.len(), started.elapsed());
    world.stop().await.expect("the world stops");
    if !cfg!(debug_assertions) {
        assert!(median < MEDIAN_MAX, "the median is {median:?}");
    }
}
