//! Three gateways of a court over one PostgreSQL: what one begins another goes on with, whichever is killed.

use crate::database::Database;
use crate::enforcement::agreements::{request, rules};
use crate::enforcement::several::Several;
use crate::enforcement::{RICH, freeze};
use crate::support::{approval, reason, signature};
use comity_proto::google::longrunning::WaitOperationRequest;
use comity_proto::v1::agreement::State;
use comity_proto::v1::agreements_client::AgreementsClient;
use comity_proto::v1::triggers_client::TriggersClient;
use comity_proto::v1::{self, OrderState};
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tonic::transport::Channel;

/// One of these tests restarts the database: they run one after the other.
static ALONE: Mutex<()> = Mutex::const_new(());

async fn three_gateways(database: &Database, relayers: usize) -> Several {
    Several::start(3, relayers, database.config("court"), database.config("relay")).await
}

async fn approved(several: &Several, order: &v1::Order, gateways: [usize; 2]) {
    for (officer, gateway) in (1..=u8::try_from(order.approvals_needed).unwrap()).zip(gateways) {
        several.orders(gateway, "officer").approve_order(approval(order, officer)).await.unwrap();
    }
}

async fn get(several: &Several, gateway: usize, name: &str) -> v1::Order {
    let request = v1::GetOrderRequest { name: name.into() };
    several.orders(gateway, "clerk").get_order(request).await.unwrap().into_inner()
}

/// Waits at one gateway until an order is answered.
async fn answered(several: &Several, gateway: usize, name: &str) -> v1::Order {
    let begun = Instant::now();
    loop {
        let request = WaitOperationRequest {
            name: name.replace("orders/", "operations/"),
            timeout: Some(prost_types::Duration { seconds: 10, nanos: 0 }),
        };
        // A database that is just being restarted is asked again.
        let done = several.operations(gateway).wait_operation(request).await.is_ok_and(|done| done.into_inner().done);
        if done {
            return get(several, gateway, name).await;
        }
        assert!(begun.elapsed() < Duration::from_secs(90), "{:?}", get(several, gateway, name).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_retried_on_another_gateway_is_the_same_request() {
    let _alone = ALONE.lock().await;
    let Some(database) = Database::find() else { return };
    let several = three_gateways(&database, 1).await;

    // At all three at once, again and again: one order.
    let ask = |gateway: usize| {
        let mut orders = several.orders(gateway, "clerk");
        async move { orders.create_order(freeze(1, RICH, 500_000)).await.unwrap().into_inner() }
    };
    let asked = futures::future::join_all((0..9).map(|n| ask(n % 3))).await;
    assert!(asked.iter().all(|order| *order == asked[0]), "{asked:?}");
    let other = several.orders(2, "clerk").create_order(freeze(1, RICH, 500_001)).await.unwrap_err();
    assert_eq!(reason(&other), "REQUEST_CONFLICT");

    // Each officer at another gateway, the answer awaited at the third: it never did anything for the order.
    approved(&several, &asked[0], [0, 1]).await;
    let order = answered(&several, 2, &asked[0].name).await;
    assert_eq!(order.state(), OrderState::Executed, "{:?}", order.result);

    // The same approval again, elsewhere, changes nothing; nor does the same request.
    several.orders(2, "officer").approve_order(approval(&order, 1)).await.unwrap();
    let again = several.orders(1, "clerk").create_order(freeze(1, RICH, 500_000)).await.unwrap().into_inner();
    assert_eq!((again.state(), again.name), (OrderState::Executed, order.name));
    several.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_goes_on_at_another_gateway_when_its_own_is_killed() {
    let _alone = ALONE.lock().await;
    let Some(database) = Database::find() else { return };
    let mut several = three_gateways(&database, 1).await;
    let order = several.orders(0, "clerk").create_order(freeze(1, RICH, 400_000)).await.unwrap().into_inner();
    let watch = |seen: &v1::Order| {
        let (name, resume_token) = (seen.name.clone(), seen.resume_token.clone());
        v1::WatchOrderRequest { name, follow_hold: false, resume_token }
    };

    // The first approval is given elsewhere; the watcher here is told all the same.
    let mut changes = several.orders(0, "clerk").watch_order(watch(&order)).await.unwrap().into_inner();
    several.orders(1, "officer").approve_order(approval(&order, 1)).await.unwrap();
    let change = tokio::time::timeout(Duration::from_secs(5), changes.message()).await.unwrap().unwrap().unwrap();
    assert_eq!(change.approvals, ["J1"]);

    several.gateways.remove(0).kill();
    let mut seen = vec![change.revision];
    let mut changes = several.orders(0, "clerk").watch_order(watch(&change)).await.unwrap().into_inner();
    several.orders(1, "officer").approve_order(approval(&order, 2)).await.unwrap();
    let mut last = change;
    while let Some(change) = tokio::time::timeout(Duration::from_secs(30), changes.message()).await.unwrap().unwrap() {
        seen.push(change.revision);
        last = change;
    }
    assert_eq!(last.state(), OrderState::Executed, "{:?}", last.result);
    assert!(seen.is_sorted_by(|one, next| one < next), "each change once, in order: {seen:?}");
    several.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_that_race_on_one_agreement_and_on_what_it_fires_do_each_once() {
    let _alone = ALONE.lock().await;
    let Some(database) = Database::find() else { return };
    let (court, relay) = (database.config("court"), database.config("relay"));
    let several = Several::start_ruled(3, 1, court, relay, rules()).await;
    let agreements = |gateway, role| AgreementsClient::<Channel>::new(several.person(gateway, role));
    let triggers = |gateway| TriggersClient::<Channel>::new(several.person(gateway, "clerk"));

    // Drawn up at all three at once, again and again: one agreement, and another body under its request id is refused.
    let wanted = request(1, &[6]);
    let draw = |gateway: usize, wanted: &v1::CreateAgreementRequest| {
        let (mut clerk, wanted) = (agreements(gateway, "clerk"), wanted.clone());
        async move { clerk.create_agreement(wanted).await.map(tonic::Response::into_inner) }
    };
    let drawn = futures::future::try_join_all((0..9).map(|n| draw(n % 3, &wanted))).await.unwrap();
    assert!(drawn.iter().all(|agreement| *agreement == drawn[0]), "{drawn:?}");
    let other = v1::CreateAgreementRequest { text_digest: vec![1; 32], ..wanted.clone() };
    assert_eq!(reason(&draw(2, &other).await.unwrap_err()), "REQUEST_CONFLICT");

    // Each officer at another gateway, at once: one deed is on the chain, and all three say the same of it.
    let name = drawn[0].name.clone();
    let approve = |gateway, number: u8| {
        let (name, signature) = (name.clone(), signature(&drawn[0].signing_bytes, number));
        let mut officer = agreements(gateway, "officer");
        let request = v1::ApproveAgreementRequest { name, officer: format!("J{number}"), signature };
        async move { officer.approve_agreement(request).await.unwrap().into_inner() }
    };
    let approved = futures::future::join_all([approve(0, 1), approve(1, 2), approve(2, 1)]).await;
    assert!(approved.iter().all(|agreement| agreement.state() == State::InForce), "{approved:?}");
    let confirm = |signature, validate_only| v1::ConfirmAgreementRequest {
        name: name.clone(),
        ruling: vec![8; 32],
        officer: "J2".into(),
        signature,
        validate_only,
    };
    let shown = agreements(1, "officer").confirm_agreement(confirm(Vec::new(), true)).await.unwrap().into_inner();
    let confirm = confirm(signature(&shown.signing_bytes, 2), false);
    agreements(2, "officer").confirm_agreement(confirm).await.unwrap();

    // Nobody pays. All three see it open, and each holds it against the rule.
    let begun = Instant::now();
    let firings = async |gateway: usize| {
        let all = triggers(gateway).list_firings(v1::ListFiringsRequest::default()).await;
        all.unwrap().into_inner().firings
    };
    while firings(0).await.is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(40), "nothing fired");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Long enough for the others to have looked as well.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let fired = firings(0).await;
    let [firing] = fired.as_slice() else { panic!("{fired:?}") };
    assert_eq!(firing.subject, name);
    for gateway in 1..3 {
        assert_eq!(firings(gateway).await, fired, "all gateways say the same");
    }
    let orders = several.orders(1, "clerk").list_orders(v1::ListOrdersRequest::default()).await.unwrap();
    let drafts = orders.into_inner().orders;
    let [draft] = drafts.as_slice() else { panic!("one draft comes of it: {drafts:?}") };
    let request = v1::GetProposalRequest { name: firing.proposals.last().unwrap().clone(), purpose: None };
    let proposal = triggers(2).get_proposal(request).await.unwrap().into_inner();
    assert_eq!((proposal.state(), &proposal.order), (v1::proposal::State::Proposed, &draft.name));
    several.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_orders_become_final_though_a_gateway_a_relayer_and_the_database_are_killed() {
    const ORDERS: usize = 24;
    let _alone = ALONE.lock().await;
    let Some(database) = Database::find() else { return };
    let mut several = three_gateways(&database, 2).await;
    let mut orders = Vec::new();
    for number in 0..ORDERS {
        let request = freeze(100 + u128::try_from(number).unwrap(), RICH, 10_000);
        let order = several.orders(number % 3, "clerk").create_order(request).await.unwrap().into_inner();
        approved(&several, &order, [number % 3, (number + 1) % 3]).await;
        orders.push(order.name);
        if number == ORDERS / 3 {
            several.gateways.remove(0).kill();
            // The others take its orders up; a client goes to one of them.
            let another = several.gateway("127.0.0.1:0".into(), database.config("court")).await;
            several.gateways.insert(0, another);
        }
        if number == ORDERS / 2 {
            // The first relayer to start holds the leases.
            several.relayers.remove(0).kill();
        }
        if number == ORDERS * 2 / 3
            && let Ok(restart) = std::env::var("COMITY_POSTGRES_RESTART")
        {
            let restarted = tokio::task::spawn_blocking(move || Command::new(restart).status()).await.unwrap();
            assert!(restarted.unwrap().success());
        }
    }
    let begun = Instant::now();
    for (number, name) in orders.iter().enumerate() {
        let order = answered(&several, number % 3, name).await;
        assert_eq!(order.state(), OrderState::Executed, "{:?}", order.result);
        // What the bank answers beyond its result is handed over after it: then all gateways say the same.
        loop {
            let all: Vec<_> = futures::future::join_all((0..3).map(|gateway| get(&several, gateway, name))).await;
            assert!(all.iter().all(|other| other.result == order.result), "all gateways say the same: {all:?}");
            if all.iter().all(|other| *other == all[0]) {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(90), "all gateways say the same: {all:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    println!("{ORDERS} orders final {:?} after the last was approved", begun.elapsed());

    // One hold for each order, and not one more.
    assert_eq!(several.holds_on(RICH).await, u32::try_from(ORDERS).unwrap());
    several.stop().await;
}
