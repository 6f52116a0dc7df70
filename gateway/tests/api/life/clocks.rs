//! What time does to orders: emergencies, lapse, objections, and orders that nobody answers.
//! It refuses to know what is held, beyond that it is.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emergency_order_lasts_only_if_another_officer_confirms_it_in_time() {
    let world = world().await;
    register(&world, "accounts", vec![account("6222020001", 900_000)]).await;
    let freeze = |number, minor| Draft::new(number, "accounts", "freeze").on("6222020001").of(minor);
    let confirm =
        |number, original: &v1::Order| Draft::new(number, "accounts", "confirm").on("6222020001").changing(original);
    assert_eq!(refused(&world, Draft::new(1, "credit", "list").on("1").in_an_emergency()).await, "NO_EMERGENCY");
    // Above the threshold two officers are needed, but in an emergency one may begin.
    let large = create(&world, freeze(2, 50_000_000)).await.unwrap();
    assert_eq!(large.approvals_needed, 2);
    let first = executed(&world, freeze(3, 60_000_000).in_an_emergency()).await;
    let second = done(&world, freeze(4, 100_000).in_an_emergency()).await;
    assert_eq!((first.approvals.len(), second.state()), (1, OrderState::Waitlisted));
    let due = seconds(&first.result.clone().unwrap().until);
    assert!(due < seconds(&first.hold_until) - 300 * DAY_S as i64, "it lasts until it must be confirmed");

    let order = create(&world, confirm(5, &second)).await.unwrap();
    let same_officer = world.orders("officer").approve_order(approval(&order, 1)).await.unwrap_err();
    assert_eq!(reason(&same_officer), "APPROVAL_REFUSED");
    approve(&world, &order, &[2]).await;
    assert_eq!(answered(&world, &order).await.state(), OrderState::Executed);
    let (second, notice) = noticed(&world, &second, "CONFIRMED").await;
    assert_eq!(seconds(&notice.until), seconds(&second.hold_until));

    // Two days later the one that nobody confirmed has lapsed, and the other holds.
    world.clock.advance(2 * DAY_S + 60);
    let (_, notice) = noticed(&world, &first, "LAPSED").await;
    assert_eq!(seconds(&notice.time), due, "the legal effect is of the due time");
    let (second, notice) = noticed(&world, &second, "ACTIVATED").await;
    assert_eq!((second.state(), minor(&notice.held)), (OrderState::Executed, 100_000));
    assert_eq!(refused_by_the_chain(&world, confirm(6, &first)).await, "HOLD_ENDED");
    nothing_private_is_on_disk(world).await;
}

/// The code with which a confirmation by the second officer came to nothing.
async fn refused_by_the_chain(world: &World, draft: Draft) -> String {
    let order = create(world, draft).await.unwrap();
    approve(world, &order, &[2]).await;
    answered(world, &order).await.result.unwrap().reason
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_freeze_lapses_at_block_time_and_the_next_in_line_takes_effect() {
    let world = world().await;
    register(&world, "accounts", vec![account("6222020001", 900_000)]).await;
    let freeze = |number, minor| Draft::new(number, "accounts", "freeze").on("6222020001").of(minor);
    let first = executed(&world, freeze(1, 900_000).for_days(3)).await;
    let second = done(&world, freeze(2, 400_000)).await;
    assert_eq!(second.state(), OrderState::Waitlisted);
    world.clock.advance(3 * DAY_S);
    let (first, notice) = noticed(&world, &first, "LAPSED").await;
    assert_eq!(seconds(&notice.time), seconds(&first.hold_until));
    let (_, notice) = noticed(&world, &second, "ACTIVATED").await;
    assert_eq!(minor(&notice.held), 400_000);
    // A lapsed hold is not renewed; an order drawn up now is one of today.
    let renew = Draft::new(3, "accounts", "renew").on("6222020001").changing(&first);
    assert_eq!(failed(&world, renew).await, (OrderState::Failed, "HOLD_ENDED".into()));
    executed(&world, freeze(4, 100_000)).await;
    nothing_private_is_on_disk(world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bank_objects_the_court_sees_it_by_proof_and_answers_within_fifteen_days_or_the_law_does() {
    let world = world().await;
    register(&world, "accounts", vec![account("6222020001", 900_000)]).await;
    register(&world, "credit", vec![whole("330106198001011234")]).await;
    let freeze = |number| {
        let draft = Draft::new(number, "accounts", "freeze").on("6222020001").of(100_000);
        draft.with("enforcement_account_number", text(ACCOUNT))
    };
    let change = |number, kind: &str, original: &v1::Order| {
        Draft::new(number, "accounts", kind).on("6222020001").changing(original)
    };
    let (first, second, third) =
        (executed(&world, freeze(1)).await, executed(&world, freeze(2)).await, executed(&world, freeze(3)).await);

    let clerk =
        v1::ObjectToOrderRequest { name: at_the_bank(&first), reason: "PROTECTED_MONEY".into(), ..Default::default() };
    let denied = world.institution("clerk").object_to_order(clerk).await.unwrap_err();
    assert_eq!(reason(&denied), "PERMISSION_DENIED");
    assert_eq!(reason(&object(&world, &first, "no code").await.unwrap_err()), "INVALID_ARGUMENT");
    let objection = object(&world, &first, "PROTECTED_MONEY").await.unwrap();
    let filed = world.bank_gateway.audit().entries().await.unwrap();
    assert!(filed.iter().any(|entry| entry.action == "ObjectToOrder" && entry.role == "officer"));

    let (first, notice) = noticed(&world, &first, "OBJECTED").await;
    // Why, in words: sealed to the court, bound by the proven notice, for those who may read answers, and filed.
    assert_eq!(notice.grounds_digest.len(), 32);
    let here = |order: &v1::Order| !order.objection_grounds.is_empty();
    assert_eq!(until(&world, &first, "the grounds", here).await.objection_grounds, GROUNDS);
    let mut listed = world.orders("officer");
    let listed = listed.list_orders(v1::ListOrdersRequest::default()).await.unwrap().into_inner();
    assert!(listed.orders.iter().all(|order| order.objection_grounds.is_empty()), "a list shows no grounds");
    let filed = world.court_gateway.audit().entries().await.unwrap();
    assert!(filed.iter().any(|entry| entry.action == "ReadGrounds" && entry.role == "clerk"));
    assert_eq!((first.state(), notice.objection.as_str()), (OrderState::Objected, "PROTECTED_MONEY"));
    assert_eq!(seconds(&notice.answer_by), seconds(&objection.answer_by));
    assert_eq!(seconds(&notice.answer_by) - seconds(&notice.time), 15 * DAY_S as i64);
    assert_eq!(first.proof.clone().unwrap().chain_id, "court-1");
    let at_bank = received(&world, &first).await;
    assert_eq!((at_bank.state(), at_bank.hold.unwrap().objection.as_str()), (OrderState::Objected, "PROTECTED_MONEY"));

    // Nothing irrevocable is done meanwhile. The court rejects the objection, and the hold stands.
    let deduct = change(4, "deduct", &first).of(1_000).with("enforcement_account_number", text(ACCOUNT));
    assert_eq!(failed(&world, deduct).await, (OrderState::Failed, "OBJECTION_OPEN".into()));
    let answer = executed(&world, change(5, "reject-objection", &first)).await;
    // The court's reasoning went sealed as well, and the bank's officers read it.
    let request = v1::GetReceivedOrderRequest { name: at_the_bank(&answer), with_private_part: true };
    let read = world.institution("officer").get_received_order(request).await.unwrap().into_inner();
    let reasoned = read.private_fields.iter().find(|field| field.name == "objection_answer");
    assert!(reasoned.is_some_and(|field| field.value.is_some()), "the reasoning did not arrive");
    let (first, notice) = noticed(&world, &first, "OBJECTION_ENDED").await;
    assert_eq!((first.state(), minor(&notice.held)), (OrderState::Executed, 100_000));
    let again = object(&world, &first, "PROTECTED_MONEY").await.unwrap_err();
    assert_eq!(crate::support::fact(&again, "chain_reason"), "ALREADY_OBJECTED");
    assert_eq!(failed(&world, change(6, "reject-objection", &second)).await.1, "NO_OBJECTION");

    // The court upholds the second objection.
    object(&world, &second, "PROTECTED_MONEY").await.unwrap();
    noticed(&world, &second, "OBJECTED").await;
    executed(&world, change(7, "uphold-objection", &second)).await;
    noticed(&world, &second, "RELEASED").await;
    let ended = object(&world, &second, "PROTECTED_MONEY").await.unwrap_err();
    assert_eq!(crate::support::fact(&ended, "chain_reason"), "NO_STANDING_HOLD");

    // Nobody answers the others: the freeze stands, and the listing is removed.
    let listing = executed(&world, Draft::new(8, "credit", "list").on("330106198001011234")).await;
    object(&world, &third, "PROTECTED_MONEY").await.unwrap();
    let due = object(&world, &listing, "WRONG_PERSON").await.unwrap().answer_by;
    noticed(&world, &third, "OBJECTED").await;
    noticed(&world, &listing, "OBJECTED").await;
    world.clock.advance(15 * DAY_S + 60);
    let (third, _) = noticed(&world, &third, "OBJECTION_ENDED").await;
    assert_eq!(third.state(), OrderState::Executed);
    let (_, notice) = noticed(&world, &listing, "RELEASED").await;
    assert_eq!(seconds(&notice.time), seconds(&due));
    let list = v1::ListReceivedOrdersRequest { decided_too: true, page_size: 3, ..Default::default() };
    let page = world.institution("clerk").list_received_orders(list).await.unwrap().into_inner();
    assert!(page.orders.len() == 3 && !page.next_page_token.is_empty());
    nothing_private_is_on_disk(world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_nobody_decides_fails_and_one_that_does_not_arrive_is_proven_to_have_timed_out() {
    let mut world = deciding(DecidePolicy::Manual).await;
    register(&world, "accounts", vec![account("6222020001", 900_000)]).await;
    let freeze = |number| Draft::new(number, "accounts", "freeze").on("6222020001").of(100_000);
    let first = ordered(&world, freeze(1)).await;
    until(&world, &first, "that it waits", |order| order.state() == OrderState::Pending).await;
    world.cut().await;
    let second = ordered(&world, freeze(2)).await;
    until(&world, &second, "that it left", |order| order.state() == OrderState::Committed).await;

    world.clock.advance(3 * DAY_S);
    world.join();
    let first = answered(&world, &first).await;
    assert_eq!((first.state(), first.result.unwrap().reason.as_str()), (OrderState::Failed, "NO_DECISION"));
    let second = until(&world, &second, "its end", |order| order.state() == OrderState::TimedOut).await;
    assert_eq!(second.proof.unwrap().chain_id, "court-1");
    let waiting = v1::ListReceivedOrdersRequest::default();
    let waiting = world.institution("clerk").list_received_orders(waiting).await.unwrap().into_inner();
    assert!(waiting.orders.is_empty());
    nothing_private_is_on_disk(world).await;
}
