//! A court's orders to a bank, over two real ledgers, a relayer and mutual TLS: from the officers' approvals to results
//! that are proven on the court's own chain.
#![allow(clippy::unwrap_used)]

mod enforcement;
mod support;

use comity_gateway::signer::{self, SignerClient, SignerConfig, SignerError};
use comity_gateway::tls::{ChannelLimits, channel_to};
use comity_gateway::{Clock, DecidePolicy};
use comity_model::order::{DecisionVerdict, Delivery};
use comity_model::state::StatePath;
use comity_model::{Amount, Hash, OrderId};
use comity_proto::google::longrunning::operations_client::OperationsClient;
use comity_proto::google::longrunning::{GetOperationRequest, WaitOperationRequest};
use comity_proto::v1::{self, OrderState};
use comity_verify::order::TAG_DELIVERY;
use enforcement::{POOR, RICH, UNKNOWN, World, approval, client_of, freeze, release};
use prost::Message;
use std::time::{Duration, Instant};
use support::reason;

/// Draws an order up and has both officers approve it.
async fn ordered(world: &World, request: v1::CreateOrderRequest) -> v1::Order {
    let order = world.orders("clerk").create_order(request).await.unwrap().into_inner();
    for number in 1..=u8::try_from(order.approvals_needed).unwrap() {
        world.orders("officer").approve_order(approval(&order, number)).await.unwrap();
    }
    order
}

/// Waits until the order is answered.
async fn answered(world: &World, order: &v1::Order) -> v1::Order {
    let mut operations = OperationsClient::new(world.court.person(&world.court_gateway, "clerk"));
    let request = WaitOperationRequest {
        name: order.name.replace("orders/", "operations/"),
        timeout: Some(prost_types::Duration { seconds: 20, nanos: 0 }),
    };
    let operation = operations.wait_operation(request).await.unwrap().into_inner();
    let got = get(world, order).await;
    assert!(operation.done, "{:?} after {:?}", got.state(), got.steps);
    got
}

async fn get(world: &World, order: &v1::Order) -> v1::Order {
    let request = v1::GetOrderRequest { name: order.name.clone() };
    world.orders("clerk").get_order(request).await.unwrap().into_inner()
}

fn minor(amount: &Option<v1::Amount>) -> Option<u64> {
    amount.as_ref().map(|amount| amount.minor)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_frozen_queued_and_released_and_every_step_comes_back_as_proof() {
    let world = World::start().await;

    // The smaller of balance and obligation, proven on the court's chain.
    let first = ordered(&world, freeze(1, POOR, 500_000)).await;
    let first = answered(&world, &first).await;
    assert_eq!(first.state(), OrderState::Executed, "{:?}", first.result);
    let result = first.result.clone().unwrap();
    assert_eq!((minor(&result.held), result.ahead), (Some(70_000), 0));
    let proof = first.proof.clone().unwrap();
    assert_eq!((proof.chain_id.as_str(), proof.operators), ("court-1", 1));
    let states: Vec<_> = first.steps.iter().map(|step| step.state()).collect();
    assert_eq!(states[..3], [OrderState::AwaitingApproval, OrderState::AwaitingDelivery, OrderState::Committed]);

    // A second freeze waits, and takes effect by itself when the first is released.
    let second = ordered(&world, freeze(2, POOR, 60_000)).await;
    let second = answered(&world, &second).await;
    assert_eq!(second.state(), OrderState::Waitlisted, "{:?}", second.result);
    let watch = v1::WatchOrderRequest { name: second.name.clone(), follow_hold: true, after_revision: second.revision };
    let mut changes = world.orders("clerk").watch_order(watch).await.unwrap().into_inner();
    let third = ordered(&world, release(3, POOR, &first.name)).await;
    assert_eq!(answered(&world, &third).await.state(), OrderState::Executed);
    let change = tokio::time::timeout(Duration::from_secs(20), changes.message()).await.unwrap().unwrap().unwrap();
    assert_eq!(change.state(), OrderState::Executed);
    let notice = change.notice.unwrap();
    assert_eq!((notice.event.as_str(), minor(&notice.held)), ("ACTIVATED", Some(60_000)));

    // An unknown account comes back as a proven refusal.
    let fourth = ordered(&world, freeze(4, UNKNOWN, 1_000)).await;
    let fourth = answered(&world, &fourth).await;
    assert_eq!(fourth.state(), OrderState::Refused);
    assert_eq!(fourth.result.unwrap().reason, "UNKNOWN_ASSET");
    assert!(fourth.proof.is_some());

    nothing_private_lies_on_the_chains(&world, &first).await;
    world.stop().await;
}

async fn nothing_private_lies_on_the_chains(world: &World, order: &v1::Order) {
    let id: OrderId = order.name.strip_prefix("orders/").unwrap().parse().unwrap();
    let received = StatePath::Received(client_of("court-1"), id);
    for (chain, path) in [(world.court.chain(), StatePath::Order(id)), (world.bank.chain(), received)] {
        let latest = chain.headers.latest().await.unwrap();
        let value = chain.prover.prove(&path, latest).await.unwrap().value.unwrap();
        for secret in ["王五".as_bytes(), POOR.as_bytes(), "1024".as_bytes()] {
            assert!(!value.windows(secret.len()).any(|window| window == secret));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_request_is_said_by_its_reason_and_writes_nothing() {
    let world = World::start().await;
    let create = async |role: &str, request| world.orders(role).create_order(request).await.map(|_| ());
    let refused = async |role: &str, request| reason(&create(role, request).await.unwrap_err());

    assert_eq!(refused("reader", freeze(1, RICH, 5)).await, "PERMISSION_DENIED");
    assert_eq!(
        refused("clerk", v1::CreateOrderRequest { request_id: "1".into(), ..freeze(1, RICH, 5) }).await,
        "INVALID_ARGUMENT"
    );
    assert_eq!(
        refused("clerk", v1::CreateOrderRequest { kind: "burn".into(), ..freeze(1, RICH, 5) }).await,
        "UNKNOWN_KIND"
    );
    assert_eq!(
        refused("clerk", v1::CreateOrderRequest { recipient: "members/nobody".into(), ..freeze(1, RICH, 5) }).await,
        "UNKNOWN_MEMBER"
    );
    assert_eq!(refused("clerk", v1::CreateOrderRequest { hold_days: 366, ..freeze(1, RICH, 5) }).await, "HOLD_DAYS");
    assert_eq!(refused("clerk", release(1, RICH, "orders/00000000000000000000000000000000")).await, "ORIGINAL_ORDER");
    create("clerk", v1::CreateOrderRequest { validate_only: true, ..freeze(1, RICH, 5) }).await.unwrap();
    let all = world.orders("clerk").list_orders(v1::ListOrdersRequest::default()).await.unwrap().into_inner();
    assert!(all.orders.is_empty());

    // The same request is the same order; another body under its id is a conflict.
    let order = world.orders("clerk").create_order(freeze(1, RICH, 500_000)).await.unwrap().into_inner();
    let again = world.orders("clerk").create_order(freeze(1, RICH, 500_000)).await.unwrap().into_inner();
    assert_eq!(order, again);
    assert_eq!(refused("clerk", freeze(1, RICH, 500_001)).await, "REQUEST_CONFLICT");

    // Officers: one twice is one; a wrong signature and an unknown officer are none.
    let approve = async |request| world.orders("officer").approve_order(request).await;
    let mut forged = approval(&order, 1);
    forged.signature[0] ^= 1;
    assert_eq!(reason(&approve(forged).await.unwrap_err()), "APPROVAL_REFUSED");
    let unknown = v1::ApproveOrderRequest { officer: "J9".into(), ..approval(&order, 1) };
    assert_eq!(reason(&approve(unknown).await.unwrap_err()), "APPROVAL_REFUSED");
    assert!(!approve(approval(&order, 1)).await.unwrap().into_inner().done);
    assert!(!approve(approval(&order, 1)).await.unwrap().into_inner().done);
    let standing = get(&world, &order).await;
    assert_eq!((standing.state(), standing.approvals), (OrderState::AwaitingApproval, vec!["J1".to_owned()]));

    // Taken back before it left; then nothing more can be done with it.
    let withdraw = v1::WithdrawOrderRequest { name: order.name.clone() };
    let withdrawn = world.orders("clerk").withdraw_order(withdraw).await.unwrap().into_inner();
    assert_eq!(withdrawn.state(), OrderState::WithdrawnBeforeCommit);
    assert_eq!(reason(&approve(approval(&order, 2)).await.unwrap_err()), "ORDER_STATE");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_goes_on_after_the_courts_gateway_was_stopped() {
    let world = World::start().await;
    let order = ordered(&world, freeze(1, RICH, 200_000)).await;
    let world = world.restart_court().await;
    let order = answered(&world, &order).await;
    assert_eq!(order.state(), OrderState::Executed, "{:?}", order.result);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signer_process_seals_for_its_own_gateway_and_for_nobody_else() {
    let world = World::start().await;
    let court = &world.court;
    let tls = court.authority.issue("comity://court/signer");
    let config = SignerConfig { listen: "127.0.0.1:0".parse().unwrap(), tls };
    let running = signer::serve(config, court.signer_core()).await.unwrap();
    let ask = async |role: &str, recipient: &str| {
        let material = court.authority.issue(&format!("comity://court/{role}"));
        let address = running.address().to_string();
        let expected = signer::identity(court.id.clone());
        let limits = ChannelLimits::default();
        let channel = channel_to(&expected, &address, &court.authority.pem, &material, limits).unwrap();
        let delivery = Delivery {
            order: OrderId([1; 16]),
            recipient: recipient.parse().unwrap(),
            private_digest: Hash([1; 32]),
            received_at: Clock::system().now().unix_seconds(),
        };
        let sealed = SignerClient::over(channel).seal_delivery(delivery.clone()).await;
        sealed.map(|seal| (delivery, seal))
    };
    let (delivery, seal) = ask("gateway", "court").await.unwrap();
    let accepted = comity_model::seal::Suites::NATIVE;
    comity_verify::seal::check(TAG_DELIVERY, &delivery, &court.signer_core().public_key(), &seal, accepted).unwrap();
    // The signer looks for itself: it does not speak for another institution, whoever asks.
    let refused = ask("gateway", "bank").await;
    assert!(matches!(&refused, Err(SignerError::Refused { code, .. }) if code == "NOT_OURS"), "{refused:?}");
    // Nobody but the gateway is answered at all.
    assert!(matches!(ask("officer", "court").await, Err(SignerError::Unavailable(_))));
    running.stop().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_orders_at_once_are_all_answered() {
    let world = World::start().await;
    let mut orders = Vec::new();
    for number in 0..20 {
        orders.push(ordered(&world, freeze(100 + number, RICH, 10_000)).await);
    }
    for order in &orders {
        let order = answered(&world, order).await;
        assert_eq!(order.state(), OrderState::Executed, "{:?}", order.result);
    }
    let begun = Instant::now();
    let order = ordered(&world, freeze(999, RICH, 10_000)).await;
    answered(&world, &order).await;
    println!("one order, from the first approval to its proven result: {:?}", begun.elapsed());
    world.stop().await;
}

/// Waits until the order is in `state`, at most 20 s.
async fn reached(world: &World, order: &v1::Order, state: OrderState) -> v1::Order {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let order = get(world, order).await;
        if order.state() == state {
            return order;
        }
        assert!(Instant::now() < until, "{:?} after {:?}", order.state(), order.steps);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_person_decides_the_court_has_proof_that_its_order_arrived_and_waits() {
    let world = World::start_deciding(DecidePolicy::Manual).await;
    let order = ordered(&world, freeze(1, RICH, 50_000)).await;
    let mut orders = world.orders("clerk");
    let request = v1::WatchOrderRequest { name: order.name.clone(), ..Default::default() };
    let mut watch = orders.watch_order(request).await.unwrap().into_inner();

    let pending = reached(&world, &order, OrderState::Pending).await;
    for state in [OrderState::Relayed, OrderState::Pending] {
        let step = pending.steps.iter().find(|step| step.state() == state).unwrap();
        let proof = step.proof.clone().unwrap();
        assert_eq!((proof.chain_id.as_str(), proof.operators), ("bank-1", 1));
        assert!(proof.header_height > 1 && proof.header_time.is_some());
    }
    assert_eq!(pending.proof.clone().unwrap().chain_id, "bank-1", "the state shown is proven there");
    let mut operations = OperationsClient::new(world.court.person(&world.court_gateway, "clerk"));
    let name = order.name.replace("orders/", "operations/");
    let operation = operations.get_operation(GetOperationRequest { name }).await.unwrap().into_inner();
    let shown = v1::Order::decode(operation.metadata.unwrap().value.as_slice()).unwrap();
    assert!(!operation.done && shown == pending);

    let waiting = world.bank_gateway.decider().pending(None).await.unwrap();
    assert_eq!(waiting.len(), 1);
    let asset = world.bank_gateway.assets().find(&"accounts".parse().unwrap(), RICH).await.unwrap().unwrap();
    let verdict = DecisionVerdict::Execute { asset: asset.handle, amount: Some(Amount::cny(50_000)) };
    world.bank_gateway.decider().decide(waiting[0].id(), verdict).await.unwrap();
    let order = answered(&world, &order).await;
    assert_eq!(order.state(), OrderState::Executed);
    assert_eq!(order.proof.unwrap().chain_id, "court-1");

    let mut seen = Vec::new();
    while let Some(order) = watch.message().await.unwrap() {
        seen.push(order.state());
    }
    let tail = [OrderState::Relayed, OrderState::Pending, OrderState::Executed];
    assert!(seen.ends_with(&tail) && seen.is_sorted(), "{seen:?}");
    world.stop().await;
}
