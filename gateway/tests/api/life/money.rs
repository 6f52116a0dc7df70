//! Orders on what can be divided: freezes of accounts, deductions, and what is held for one obligation.
//! It refuses to know what takes the whole of an asset.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_freeze_is_renewed_lessened_and_released_and_what_waits_takes_effect() {
    let world = world().await;
    register(&world, "accounts", vec![account("6222020001", 900_000)]).await;
    let freeze = |number, minor| Draft::new(number, "accounts", "freeze").on("6222020001").of(minor);
    let change = |number, kind: &str, original: &v1::Order| {
        Draft::new(number, "accounts", kind).on("6222020001").changing(original)
    };

    // Longer than the statute allows is refused before it leaves; so is a renewal.
    assert_eq!(refused(&world, freeze(1, 300_000).for_days(366)).await, "HOLD_DAYS");
    let first = executed(&world, freeze(2, 600_000).for_days(30)).await;
    let second = done(&world, freeze(3, 500_000)).await;
    let result = second.result.clone().unwrap();
    assert_eq!((second.state(), minor(&result.held), result.ahead), (OrderState::Executed, 300_000, 1));
    let third = done(&world, freeze(4, 100_000)).await;
    assert_eq!((third.state(), third.result.clone().unwrap().ahead), (OrderState::Waitlisted, 2));

    assert_eq!(refused(&world, change(5, "renew", &first).for_days(366)).await, "HOLD_DAYS");
    executed(&world, change(6, "renew", &first).for_days(200)).await;
    let (first, notice) = noticed(&world, &first, "RENEWED").await;
    assert!(seconds(&notice.until) > seconds(&first.hold_until) + 160 * DAY_S as i64);
    assert_eq!(
        failed(&world, change(7, "renew", &first).for_days(10)).await,
        (OrderState::Failed, "NOT_LONGER".into())
    );

    // A part released goes to who waits.
    let part = executed(&world, change(8, "release", &first).of(350_000)).await;
    let told = told(&world, &part).await;
    assert_eq!(told("balance"), Some(900_000));
    assert_eq!((told("frozen"), told("available")), (None, Some(50_000)), "a release holds nothing, and frees a part");
    let (first, notice) = noticed(&world, &first, "CHANGED").await;
    assert_eq!((minor(&notice.held), minor(&notice.asked)), (250_000, 250_000));
    let (third, notice) = noticed(&world, &third, "ACTIVATED").await;
    assert_eq!((third.state(), minor(&notice.held)), (OrderState::Executed, 100_000));
    assert_eq!(minor(&get(&world, &second).await.notice.unwrap().held), 500_000);

    executed(&world, change(9, "release", &first)).await;
    noticed(&world, &first, "RELEASED").await;
    assert_eq!(failed(&world, change(10, "release", &first)).await, (OrderState::Failed, "HOLD_ENDED".into()));
    executed(&world, change(11, "roll-back", &second)).await;
    noticed(&world, &second, "RELEASED").await;
    nothing_private_is_on_disk(world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_is_deducted_once_from_a_hold_in_force_to_the_designated_account_and_the_register_follows() {
    let world = world().await;
    register(&world, "accounts", vec![account("6222020001", 900_000), account("6222020002", 70_000)]).await;
    let freeze = |number, reference: &str, minor| {
        Draft::new(number, "accounts", "freeze")
            .on(reference)
            .of(minor)
            .with("enforcement_account_number", text(ACCOUNT))
    };
    let deduct = |number, original: &v1::Order, minor| {
        let draft = Draft::new(number, "accounts", "deduct").on("6222020001").of(minor).changing(original);
        draft.with("enforcement_account_number", text(ACCOUNT))
    };
    let first = executed(&world, freeze(1, "6222020001", 300_000)).await;
    let to_another = deduct(2, &first, 1).with("enforcement_account_number", text(OTHER_ACCOUNT));
    assert_eq!(refused(&world, to_another).await, "ACCOUNT_DIFFERS");
    let unbound = executed(&world, Draft::new(3, "accounts", "freeze").on("6222020001").of(1_000)).await;
    assert_eq!(refused(&world, deduct(4, &unbound, 1)).await, "ACCOUNT_DIFFERS");

    let taken = executed(&world, deduct(5, &first, 100_000)).await;
    let told = told(&world, &taken).await;
    assert_eq!((told("frozen"), told("available"), told("over_control")), (None, Some(599_000), None));
    let (first, notice) = noticed(&world, &first, "DEDUCTED").await;
    assert_eq!((minor(&notice.held), minor(&notice.deducted)), (200_000, 100_000));
    // The same request is the same order, and nothing is taken twice.
    assert_eq!(create(&world, deduct(5, &first, 100_000)).await.unwrap().name, taken.name);
    assert_eq!(refused(&world, deduct(5, &first, 100_001)).await, "REQUEST_CONFLICT");
    assert_eq!(failed(&world, deduct(6, &first, 200_001)).await, (OrderState::Failed, "MORE_THAN_HELD".into()));
    let back = Draft::new(7, "accounts", "roll-back").on("6222020001").changing(&first);
    assert_eq!(failed(&world, back).await, (OrderState::Failed, "ALREADY_DEDUCTED".into()));

    // The bank's register follows the chain: its books say what is left, and later what came in.
    let asset = look_up(&world, "accounts", "6222020001").await;
    assert_eq!((minor(&asset.value), asset.enforcement()), (800_000, v1::Enforcement::Attested));
    assert_eq!(asset.proof.clone().unwrap().chain_id, "bank-1");
    let same = register(&world, "accounts", vec![account("6222020001", 800_000)]).await;
    assert!(!same.results[0].changed && same.results[0].etag == asset.etag);
    let stale = v1::AssetRow { etag: "1".into(), ..account("6222020001", 850_000) };
    assert_eq!(register(&world, "accounts", vec![stale]).await.errors[0].reason, "ASSET_REVISION");
    let more = v1::AssetRow { etag: asset.etag, ..account("6222020001", 850_000) };
    assert!(register(&world, "accounts", vec![more]).await.results[0].changed);
    assert_eq!(minor(&look_up(&world, "accounts", "6222020001").await.value), 850_000);

    // What waits cannot be deducted from; all that is left of a hold ends it.
    executed(&world, freeze(8, "6222020002", 70_000)).await;
    let waiting = done(&world, freeze(9, "6222020002", 1_000)).await;
    assert_eq!(waiting.state(), OrderState::Waitlisted);
    let from_waiting = deduct(10, &waiting, 500).on("6222020002");
    assert_eq!(failed(&world, from_waiting).await, (OrderState::Failed, "NOT_ACTIVE".into()));
    executed(&world, deduct(11, &first, 200_000)).await;
    let (_, notice) = noticed(&world, &first, "DEDUCTED").await;
    assert!(notice.number > 1 || minor(&notice.deducted) == 300_000, "{notice:?}");
    assert_eq!(failed(&world, deduct(12, &first, 1)).await, (OrderState::Failed, "HOLD_ENDED".into()));
    nothing_private_is_on_disk(world).await;
}

async fn obligation(world: &World, name: &str) -> v1::Obligation {
    let mut obligations = ObligationsClient::new(world.court.person(&world.court_gateway, "clerk"));
    let request = v1::GetObligationRequest { name: name.into() };
    obligations.get_obligation(request).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_held_for_one_obligation_is_summed_over_accounts_and_its_excess_is_proposed_for_release() {
    let world = deciding(DecidePolicy::Manual).await;
    register(&world, "accounts", vec![account("6222020001", 900_000), account("6222020002", 700_000)]).await;
    let name = "obligations/000102030405060708090a0b0c0d0e0f";
    let freeze = |number, reference: &str| {
        let draft = Draft::new(number, "accounts", "freeze").on(reference).of(800_000).serving(name, 800_000);
        draft.with("enforcement_account_number", text(ACCOUNT))
    };
    let accept = async |order: &v1::Order| {
        until(&world, order, "that it waits", |order| order.state() == OrderState::Pending).await;
        let accept = v1::decide_order_request::Decision::Accept(v1::Acceptance::default());
        let request = v1::DecideOrderRequest { name: at_the_bank(order), decision: Some(accept) };
        world.institution("officer").decide_order(request).await.unwrap();
        answered(&world, order).await
    };
    let mut obligations = ObligationsClient::new(world.court.person(&world.court_gateway, "clerk"));
    let unknown = obligations.get_obligation(v1::GetObligationRequest { name: name.into() }).await.unwrap_err();
    assert_eq!(reason(&unknown), "UNKNOWN_OBLIGATION");

    // Nobody knows beforehand what the accounts hold: both are frozen at once.
    let (first, second) =
        (ordered(&world, freeze(1, "6222020001")).await, ordered(&world, freeze(2, "6222020002")).await);
    assert_eq!(refused(&world, freeze(3, "6222020001").serving(name, 900_000)).await, "CLAIM_DIFFERS");
    let first = accept(&first).await;
    let second = accept(&second).await;
    let claim = first.claim.clone().unwrap();
    assert!(claim.obligation == name && claim.salt != second.claim.clone().unwrap().salt);
    let stands = obligation(&world, name).await;
    let sums = |stands: &v1::Obligation| {
        [&stands.controlled, &stands.reserved, &stands.obtained, &stands.outstanding, &stands.over_control].map(minor)
    };
    assert_eq!(sums(&stands), [1_500_000, 0, 0, 800_000, 700_000]);
    assert_eq!(stands.orders, [first.name.clone(), second.name.clone()]);
    assert_eq!(stands.proof.clone().unwrap().chain_id, "court-1");
    assert_eq!(refused(&world, freeze(4, "6222020001")).await, "OBLIGATION_COVERED");
    let over = v1::ListObligationsRequest { over_control_only: true, ..Default::default() };
    let listed = obligations.list_obligations(over.clone()).await.unwrap().into_inner().obligations;
    assert!(listed.len() == 1 && listed[0] == stands);

    // What is proposed ends the excess: of the newest hold, all that is over.
    let [proposed] = stands.proposed_releases.as_slice() else { panic!("{stands:?}") };
    assert_eq!((&proposed.order, minor(&proposed.amount)), (&second.name, 700_000));
    let release = Draft::new(5, "accounts", "release").on("6222020002").of(minor(&proposed.amount)).changing(&second);
    let release = ordered(&world, release.with("release_ground", text("OVER_CONTROL"))).await;
    accept(&release).await;
    noticed(&world, &second, "RELEASED").await;
    let stands = obligation(&world, name).await;
    assert_eq!(sums(&stands), [800_000, 0, 0, 800_000, 0]);
    assert!(stands.proposed_releases.is_empty());
    assert!(obligations.list_obligations(over).await.unwrap().into_inner().obligations.is_empty());

    // A deduction reserves before it leaves, and serves what its freeze serves.
    let deduct = |number, minor| {
        let draft = Draft::new(number, "accounts", "deduct").on("6222020001").of(minor).changing(&first);
        draft.with("enforcement_account_number", text(ACCOUNT))
    };
    let other = deduct(6, 1).serving("obligations/ff0102030405060708090a0b0c0d0e0f", 800_000);
    assert_eq!(refused(&world, other).await, "CLAIM_DIFFERS");
    let taken = ordered(&world, deduct(7, 500_000)).await;
    until(&world, &taken, "that it waits", |order| order.state() == OrderState::Pending).await;
    assert_eq!(sums(&obligation(&world, name).await), [800_000, 500_000, 0, 300_000, 0]);
    assert_eq!(refused(&world, deduct(8, 300_001)).await, "OBLIGATION_EXCEEDED");
    let taken = accept(&taken).await;
    assert_eq!(taken.claim.clone().unwrap().obligation, name);
    let is_in = |order: &v1::Order| order.notice.as_ref().is_some_and(|notice| notice.event == "DEDUCTED");
    until(&world, &first, "the notice", is_in).await;
    assert_eq!(sums(&obligation(&world, name).await), [800_000, 0, 500_000, 300_000, 0]);
    nothing_private_is_on_disk(world).await;
}
