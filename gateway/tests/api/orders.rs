//! A court's orders to a bank, over two real ledgers, a relayer and mutual TLS: from the officers' approvals to results
//! that are proven on the court's own chain.

use crate::enforcement::{CO_OWNER, POOR, RICH, UNKNOWN, World, freeze, release};
use crate::support::{approval, client_of, reason};
use comity_gateway::institution::{ByHand, DecideError};
use comity_gateway::signer::{self, SignerClient, SignerConfig, SignerError};
use comity_gateway::tls::{ChannelLimits, channel_to};
use comity_gateway::{Clock, DecidePolicy, Limits, Running};
use comity_model::order::{DecisionVerdict, Delivery, Order, PrivateAnswer};
use comity_model::record::FieldValue;
use comity_model::state::StatePath;
use comity_model::{Amount, Hash, OrderId, decode, encode};
use comity_proto::google::longrunning::operations_client::OperationsClient;
use comity_proto::google::longrunning::{GetOperationRequest, WaitOperationRequest};
use comity_proto::v1::chains_client::ChainsClient;
use comity_proto::v1::{self, OrderState};
use comity_store::{Batch, RedbStore, Store, Table};
use comity_verify::order::TAG_DELIVERY;
use prost::Message;
use std::time::{Duration, Instant};
use tonic::Code;
use tonic_types::StatusExt;

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
    let watch = v1::WatchOrderRequest {
        name: second.name.clone(),
        follow_hold: true,
        resume_token: second.resume_token.clone(),
    };
    let mut changes = world.orders("clerk").watch_order(watch).await.unwrap().into_inner();
    let third = ordered(&world, release(3, POOR, &first.name)).await;
    assert_eq!(answered(&world, &third).await.state(), OrderState::Executed);
    // The bank's answer comes on its own way, before or after.
    let (change, notice) = loop {
        let change = tokio::time::timeout(Duration::from_secs(20), changes.message()).await.unwrap().unwrap().unwrap();
        if let Some(notice) = change.notice.clone() {
            break (change, notice);
        }
    };
    assert_eq!(change.state(), OrderState::Executed);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_orders_are_watched_by_who_may_read_them_and_a_light_client_says_how_old_it_is() {
    let world = World::start().await;
    let first = ordered(&world, freeze(1, POOR, 500_000)).await;
    answered(&world, &first).await;
    let request = v1::WatchOrdersRequest::default();
    assert_eq!(reason(&world.orders("operator").watch_orders(request).await.unwrap_err()), "PERMISSION_DENIED");
    let mut watched = world.orders("clerk").watch_orders(request).await.unwrap().into_inner();
    let next = async |watched: &mut tonic::Streaming<v1::Order>| {
        tokio::time::timeout(Duration::from_secs(20), watched.message()).await.unwrap().unwrap().unwrap()
    };
    let stands = next(&mut watched).await;
    assert_eq!((&stands.name, stands.state()), (&first.name, OrderState::Executed));
    assert!(stands.answer.is_none_or(|answer| answer.fields.is_empty()), "what was answered is not shown");
    let second = ordered(&world, freeze(2, RICH, 1_000)).await;
    let mut states = Vec::new();
    loop {
        let change = next(&mut watched).await;
        if change.name != second.name {
            continue;
        }
        states.push(change.state());
        if change.state() == OrderState::Executed {
            break;
        }
    }
    assert!(states.len() > 2 && states.is_sorted_by_key(|state| *state as i32), "{states:?}");

    let mut chains = ChainsClient::new(world.court.person(&world.court_gateway, "clerk"));
    let chains = chains.list_chains(v1::ListChainsRequest::default()).await.unwrap().into_inner().chains;
    let client = &chains.iter().find(|chain| chain.home).unwrap().clients[0];
    let (latest, expires) = (client.latest_time.unwrap(), client.expire_time.unwrap());
    assert!(latest.seconds > 0 && expires.seconds > latest.seconds, "{client:?}");
    world.stop().await;
}

async fn nothing_private_lies_on_the_chains(world: &World, order: &v1::Order) {
    let id: OrderId = order.name.strip_prefix("orders/").unwrap().parse().unwrap();
    let received = StatePath::Received(client_of("court-1"), id);
    for (chain, path) in [(world.court.chain(), StatePath::Order(id)), (world.bank.chain(), received)] {
        let latest = chain.headers.latest().await.unwrap();
        let value = chain.prover.prove(&path, latest).await.unwrap().value.unwrap();
        for secret in ["王五".as_bytes(), CO_OWNER.as_bytes(), POOR.as_bytes(), "1024".as_bytes()] {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_carried_is_refused_before_it_is_sent_and_is_carried_once_there_is_room() {
    // Two orders may be on their way when another is drawn up, and three when one is approved.
    let mut world = World::start_limited(Limits { orders: 4, ..Limits::default() }).await;
    world.cut().await;
    let mut drafts = Vec::new();
    for number in 0..4 {
        drafts.push(world.orders("clerk").create_order(freeze(number, RICH, 200_000)).await.unwrap().into_inner());
    }
    let approve = async |world: &World, order: &v1::Order, number| {
        world.orders("officer").approve_order(approval(order, number)).await
    };
    for draft in &drafts[..3] {
        approve(&world, draft, 1).await.unwrap();
        approve(&world, draft, 2).await.unwrap();
    }
    approve(&world, &drafts[3], 1).await.unwrap();
    let refused = approve(&world, &drafts[3], 2).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "OVERLOADED"));
    let details = refused.get_error_details();
    assert!(details.retry_info().is_some_and(|retry| retry.retry_delay.is_some()));
    assert_eq!(details.error_info().unwrap().metadata["recipient"], "members/bank");
    let draft = get(&world, &drafts[3]).await;
    assert_eq!((draft.state(), draft.approvals.len()), (OrderState::AwaitingApproval, 1));

    let another = world.orders("clerk").create_order(freeze(4, RICH, 200_000)).await.unwrap_err();
    assert_eq!(reason(&another), "OVERLOADED");
    let known = world.orders("clerk").create_order(freeze(0, RICH, 200_000)).await.unwrap().into_inner();
    assert_eq!(known.name, drafts[0].name, "what was taken up is told again");
    approve(&world, &drafts[0], 2).await.unwrap();

    // A gateway that starts finds those that are on their way, as soon as it has looked.
    let mut world = world.restart_court().await;
    let until = Instant::now() + Duration::from_secs(20);
    let mut number = 5;
    while let Ok(_draft) = world.orders("clerk").create_order(freeze(number, RICH, 200_000)).await {
        assert!(Instant::now() < until);
        tokio::time::sleep(Duration::from_millis(50)).await;
        number += 1;
    }
    assert_eq!(reason(&approve(&world, &drafts[3], 2).await.unwrap_err()), "OVERLOADED");

    world.join();
    for draft in &drafts[..3] {
        let order = answered(&world, draft).await;
        assert_eq!(order.state(), OrderState::Executed, "{:?}", order.result);
    }
    approve(&world, &drafts[3], 2).await.unwrap();
    let order = answered(&world, &drafts[3]).await;
    assert_eq!(order.state(), OrderState::Executed, "{:?}", order.result);
    ordered(&world, freeze(4, RICH, 200_000)).await;
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

    accept(&world.bank_gateway, None).await;
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

/// Has the bank's gateway carry out the only order that waits, as a person would.
async fn accept(bank: &Running, amount: Option<Amount>) {
    let waiting = bank.decider().pending(None).await.unwrap();
    assert_eq!(waiting.len(), 1);
    bank.decider().decide(&waiting[0].id(), ByHand::Accept { reference: None, amount }).await.unwrap();
}

/// Waits until the answer to an order is in `state`, at most 20 s.
async fn answer(world: &World, order: &v1::Order, state: v1::order_answer::State) -> v1::OrderAnswer {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let shown = get(world, order).await;
        match shown.answer {
            Some(answer) if answer.state() == state => return answer,
            other => assert!(Instant::now() < until, "{other:?} of {:?}", shown.result),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn amount_of(answer: &v1::OrderAnswer, name: &str) -> Option<u64> {
    match answer.fields.iter().find(|field| field.name == name)?.value.as_ref()? {
        v1::field::Value::Amount(amount) => Some(amount.minor),
        other => panic!("{other:?}"),
    }
}

fn texts_of<'a>(answer: &'a v1::OrderAnswer, name: &str) -> &'a [String] {
    match answer.fields.iter().find(|field| field.name == name).and_then(|field| field.value.as_ref()) {
        Some(v1::field::Value::Texts(texts)) => &texts.values,
        other => panic!("{name}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_bank_answers_comes_back_sealed_and_is_the_one_that_its_chain_binds() {
    let world = World::start().await;
    let first = ordered(&world, freeze(1, RICH, 300_000)).await;
    let first = answered(&world, &first).await;
    let told = answer(&world, &first, v1::order_answer::State::Received).await;
    assert_eq!(told.digest.len(), 32);
    let amounts = |answer: &v1::OrderAnswer| {
        ["balance", "frozen", "available", "prior_frozen", "over_control"].map(|name| amount_of(answer, name))
    };
    assert_eq!(amounts(&told), [Some(900_000), Some(300_000), Some(600_000), Some(0), Some(0)]);
    assert_eq!(texts_of(&told, "co_owners"), ["王五", CO_OWNER], "from the record that the chain commits to");
    assert!(texts_of(&told, "prior_freezes").is_empty());

    // The second freeze of the same case: it is told what stands before it, and what is over.
    let second = ordered(&world, freeze(2, RICH, 400_000)).await;
    let second = answered(&world, &second).await;
    let told = answer(&world, &second, v1::order_answer::State::Received).await;
    assert_eq!(amounts(&told), [Some(900_000), Some(400_000), Some(200_000), Some(300_000), Some(300_000)]);
    let [line] = texts_of(&told, "prior_freezes") else { panic!("one hold stands before it") };
    assert!(line.starts_with("court · CNY 3,000.00 · until "), "{line}");

    // Only who asks for the order sees it, and is filed; a refusal has no answer.
    let listed = world.orders("clerk").list_orders(v1::ListOrdersRequest::default()).await.unwrap().into_inner();
    assert!(listed.orders.iter().flat_map(|order| &order.answer).all(|answer| answer.fields.is_empty()));
    let filed = |entries: Vec<comity_gateway::audit::Entry>, action: &str| {
        let entry = entries.into_iter().find(|entry| entry.action == action).unwrap();
        (entry.resource, entry.purpose.case_number)
    };
    let expected = (first.name.clone(), "(2026)浙0106执1024号".to_owned());
    assert_eq!(filed(world.court_gateway.audit().entries().await.unwrap(), "ReadAnswer"), expected);
    assert_eq!(filed(world.bank_gateway.audit().entries().await.unwrap(), "HandOverAnswer"), expected);
    let refused = ordered(&world, freeze(3, UNKNOWN, 5)).await;
    assert!(answered(&world, &refused).await.answer.is_none());
    nothing_private_lies_on_the_chains(&world, &first).await;
    world.stop().await;
}

/// The answer that the bank's store holds, with its key.
async fn kept(store: &RedbStore) -> (Vec<u8>, (Order, DecisionVerdict, PrivateAnswer)) {
    let rows = store.scan(Table("answers"), &[], &[], 10).await.unwrap();
    assert_eq!(rows.len(), 1);
    (rows[0].0.clone(), decode("answer row", &rows[0].1).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_loses_no_answer_and_a_changed_one_is_refused_with_a_code() {
    let world = World::start_deciding(DecidePolicy::Manual).await;
    let order = ordered(&world, freeze(1, RICH, 300_000)).await;
    reached(&world, &order, OrderState::Pending).await;

    // What the court's keys are is proven while it is there.
    let waiting = world.bank_gateway.decider().pending(None).await.unwrap();
    let too_much = ByHand::Accept { reference: None, amount: Some(Amount::cny(900_000)) };
    let refused = world.bank_gateway.decider().decide(&waiting[0].id(), too_much).await;
    assert!(matches!(refused, Err(DecideError::Amount)), "{refused:?}");

    // Decided while the court is away; then the bank restarts, and somebody has changed what it keeps.
    let half = world.stop_court().await;
    accept(&half.bank_gateway, None).await;
    let mut true_row = None;
    let half = half
        .restart_bank(DecidePolicy::Manual, async |store| {
            let (key, row) = kept(store).await;
            let mut changed = row.clone();
            changed.2.fields[0].value = FieldValue::Amount(Amount::cny(1));
            store.commit(Batch::new().put(Table("answers"), key.clone(), encode(&changed))).await.unwrap();
            true_row = Some((key, encode(&row)));
        })
        .await;
    let world = half.start_court().await;
    let order = answered(&world, &order).await;
    assert_eq!(order.state(), OrderState::Executed, "the result is proven whatever becomes of the answer");
    let refused = answer(&world, &order, v1::order_answer::State::Refused).await;
    assert_eq!((refused.reason.as_str(), refused.fields.len()), ("ANSWER_DIFFERS", 0));

    // It is asked for again, across a restart of either side, until the true one is here.
    let (key, row) = true_row.unwrap();
    let world = world
        .restart_bank(DecidePolicy::Manual, async |store| {
            store.commit(Batch::new().put(Table("answers"), key, row)).await.unwrap();
        })
        .await;
    let world = world.restart_court().await;
    let received = answer(&world, &order, v1::order_answer::State::Received).await;
    assert_eq!((amount_of(&received, "frozen"), received.digest), (Some(300_000), refused.digest));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_of_the_bank_see_what_waits_and_decide_it() {
    let world = World::start_deciding(DecidePolicy::Manual).await;
    let mut orders = Vec::new();
    for request in [freeze(1, RICH, 300_000), freeze(2, POOR, 50_000), freeze(3, UNKNOWN, 10)] {
        let order = ordered(&world, request).await;
        orders.push(reached(&world, &order, OrderState::Pending).await);
    }
    let list = async |role: &str, with_private_parts| {
        let request = v1::ListReceivedOrdersRequest { with_private_parts, ..Default::default() };
        world.institution(role).list_received_orders(request).await.map(tonic::Response::into_inner)
    };
    let plain = list("operator", false).await.unwrap();
    assert_eq!(plain.orders.len(), 3);
    assert!(plain.orders.iter().all(|order| order.private_part_arrived && order.private_fields.is_empty()));
    assert_eq!(reason(&list("operator", true).await.unwrap_err()), "PERMISSION_DENIED");
    assert_eq!(reason(&list("reader", false).await.unwrap_err()), "PERMISSION_DENIED");
    let opened = list("clerk", true).await.unwrap().orders;
    assert!(opened.iter().all(|order| order.private_fields.iter().any(|field| field.name == "account_number")));
    let entries = world.bank_gateway.audit().entries().await.unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.action == "OpenPrivatePart").count(), 3);
    let first = v1::ListReceivedOrdersRequest { page_size: 2, ..Default::default() };
    let first = world.institution("clerk").list_received_orders(first).await.unwrap().into_inner();
    let rest = v1::ListReceivedOrdersRequest { page_token: first.next_page_token, ..Default::default() };
    let rest = world.institution("clerk").list_received_orders(rest).await.unwrap().into_inner();
    assert_eq!((first.orders.len(), rest.orders.len(), rest.next_page_token.as_str()), (2, 1, ""));

    let name = |order: &v1::Order| order.name.replace("orders/", "clients/client-court-1/orders/");
    let accept = |amount: Option<u64>| {
        let amount = amount.map(|minor| v1::Amount { currency: "CNY".into(), minor });
        v1::decide_order_request::Decision::Accept(v1::Acceptance { asset: String::new(), amount })
    };
    let refuse = |reason: &str| v1::decide_order_request::Decision::Refuse(v1::Denial { reason: reason.into() });
    let decide = async |role: &str, order: &v1::Order, decision| {
        let request = v1::DecideOrderRequest { name: name(order), decision: Some(decision) };
        world.institution(role).decide_order(request).await.map(tonic::Response::into_inner)
    };
    assert_eq!(reason(&decide("clerk", &orders[0], accept(None)).await.unwrap_err()), "PERMISSION_DENIED");
    assert_eq!(reason(&decide("officer", &orders[0], accept(Some(300_001))).await.unwrap_err()), "INVALID_ARGUMENT");
    assert_eq!(reason(&decide("officer", &orders[0], refuse("no reason")).await.unwrap_err()), "INVALID_ARGUMENT");
    assert_eq!(reason(&decide("officer", &orders[2], accept(None)).await.unwrap_err()), "DECISION_NOT_ALLOWED");
    assert!(decide("officer", &orders[0], accept(Some(200_000))).await.unwrap().height > 1);
    assert_eq!(reason(&decide("officer", &orders[0], accept(None)).await.unwrap_err()), "ORDER_STATE");
    decide("officer", &orders[1], refuse("ACCOUNT_CLOSED")).await.unwrap();
    decide("officer", &orders[2], refuse("UNKNOWN_ASSET")).await.unwrap();

    let results: Vec<_> = [
        answered(&world, &orders[0]).await.result.unwrap(),
        answered(&world, &orders[1]).await.result.unwrap(),
        answered(&world, &orders[2]).await.result.unwrap(),
    ]
    .into();
    assert_eq!((results[0].state(), minor(&results[0].held)), (OrderState::Executed, Some(200_000)));
    assert_eq!((results[1].state(), results[1].reason.as_str()), (OrderState::Refused, "ACCOUNT_CLOSED"));
    assert_eq!(results[2].reason, "UNKNOWN_ASSET");
    let told = answer(&world, &orders[0], v1::order_answer::State::Received).await;
    assert_eq!(amount_of(&told, "frozen"), Some(200_000));
    let entries = world.bank_gateway.audit().entries().await.unwrap();
    assert!(entries.iter().filter(|entry| entry.action == "DecideOrder" && entry.role == "officer").count() >= 3);
    assert!(list("clerk", false).await.unwrap().orders.is_empty());
    world.stop().await;
}
