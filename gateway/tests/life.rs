//! The life of orders through the API, with the sectors as they ship: every kind of order from the request to its proven
//! result, what becomes of a hold later, and what the chains and the relayer keep of it on disk.
#![allow(clippy::unwrap_used)]

mod drafts;
mod enforcement;
mod support;

use comity_gateway::DecidePolicy;
use comity_gateway::sectors::Sectors;
use comity_proto::v1::assets_client::AssetsClient;
use comity_proto::v1::obligations_client::ObligationsClient;
use comity_proto::v1::order_check::Outcome as Checked;
use comity_proto::v1::order_proof::Outcome as Shown;
use comity_proto::v1::{self, OrderState};
use drafts::{ACCOUNT, DEBTOR, Draft, OTHER_ACCOUNT, SECRETS, amount, text};
use enforcement::{World, approval};
use std::time::{Duration, Instant};
use support::reason;

const DAY_S: u64 = 86_400;
const WAIT_MAX: Duration = Duration::from_secs(40);

async fn world() -> World {
    deciding(DecidePolicy::Automatic).await
}

async fn deciding(decide: DecidePolicy) -> World {
    World::start_with(decide, Sectors::embedded().unwrap()).await
}

/// Registers an asset, as the bank's registrar does.
async fn register(world: &World, sector: &str, rows: Vec<v1::AssetRow>) -> v1::BatchRegisterAssetsResponse {
    let mut assets = AssetsClient::new(world.bank.person(&world.bank_gateway, "registrar"));
    let parent = format!("members/bank/sectors/{sector}");
    let request = v1::BatchRegisterAssetsRequest { parent, rows, validate_only: false };
    assets.batch_register_assets(request).await.unwrap().into_inner()
}

async fn look_up(world: &World, sector: &str, reference: &str) -> v1::Asset {
    let mut assets = AssetsClient::new(world.bank.person(&world.bank_gateway, "registrar"));
    let parent = format!("members/bank/sectors/{sector}");
    let request = v1::LookupAssetRequest { parent, reference: reference.into() };
    assets.lookup_asset(request).await.unwrap().into_inner()
}

fn account(reference: &str, minor: u64) -> v1::AssetRow {
    v1::AssetRow { reference: reference.into(), value: Some(amount(minor)), ..Default::default() }
}

fn whole(reference: &str) -> v1::AssetRow {
    v1::AssetRow { reference: reference.into(), ..Default::default() }
}

async fn create(world: &World, draft: Draft) -> Result<v1::Order, tonic::Status> {
    world.orders("clerk").create_order(draft.request()).await.map(tonic::Response::into_inner)
}

/// Why an order is not drawn up.
async fn refused(world: &World, draft: Draft) -> String {
    reason(&create(world, draft).await.unwrap_err())
}

async fn approve(world: &World, order: &v1::Order, officers: &[u8]) {
    for officer in officers {
        world.orders("officer").approve_order(approval(order, *officer)).await.unwrap();
    }
}

/// Draws an order up and has as many officers approve it as it needs.
async fn ordered(world: &World, draft: Draft) -> v1::Order {
    let order = create(world, draft).await.unwrap();
    let officers: Vec<u8> = (1..=u8::try_from(order.approvals_needed).unwrap()).collect();
    approve(world, &order, &officers).await;
    order
}

async fn get(world: &World, order: &v1::Order) -> v1::Order {
    let request = v1::GetOrderRequest { name: order.name.clone() };
    world.orders("clerk").get_order(request).await.unwrap().into_inner()
}

/// Waits until the order is as it should be.
async fn until(world: &World, order: &v1::Order, what: &str, is_so: impl Fn(&v1::Order) -> bool) -> v1::Order {
    let end = Instant::now() + WAIT_MAX;
    loop {
        let order = get(world, order).await;
        if is_so(&order) {
            return order;
        }
        let (state, result, notice) = (order.state(), &order.result, &order.notice);
        assert!(Instant::now() < end, "{what}: {state:?}, {result:?}, {notice:?}, {:?}", order.steps);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Draws up, approves, and waits for the proven result.
async fn done(world: &World, draft: Draft) -> v1::Order {
    let order = ordered(world, draft).await;
    answered(world, &order).await
}

async fn answered(world: &World, order: &v1::Order) -> v1::Order {
    let order = until(world, order, "an answer", |order| order.result.is_some()).await;
    assert_eq!(order.proof.as_ref().unwrap().chain_id, "court-1", "the result is proven on the court's own chain");
    order
}

/// The same, of an order that was carried out.
async fn executed(world: &World, draft: Draft) -> v1::Order {
    let order = done(world, draft).await;
    assert_eq!(order.state(), OrderState::Executed, "{:?}", order.result);
    order
}

/// The code of an order that came to nothing.
async fn failed(world: &World, draft: Draft) -> (OrderState, String) {
    let order = done(world, draft).await;
    (order.state(), order.result.unwrap().reason)
}

/// Waits for a notice about the order's hold.
async fn noticed(world: &World, order: &v1::Order, event: &str) -> (v1::Order, v1::HoldNotice) {
    let is_so = |order: &v1::Order| order.notice.as_ref().is_some_and(|notice| notice.event == event);
    let order = until(world, order, event, is_so).await;
    let notice = order.notice.clone().unwrap();
    (order, notice)
}

/// The amounts that the bank answers beyond the result, by name.
async fn told(world: &World, order: &v1::Order) -> impl Fn(&str) -> Option<u64> + use<> {
    let is_here = |order: &v1::Order| order.answer.as_ref().is_some_and(|answer| !answer.fields.is_empty());
    let answer = until(world, order, "the bank's answer", is_here).await.answer.unwrap();
    move |name| match answer.fields.iter().find(|field| field.name == name)?.value.as_ref()? {
        v1::field::Value::Amount(amount) => Some(amount.minor),
        _ => None,
    }
}

fn minor(amount: &Option<v1::Amount>) -> u64 {
    amount.as_ref().unwrap().minor
}

fn seconds(time: &Option<prost_types::Timestamp>) -> i64 {
    time.as_ref().unwrap().seconds
}

fn at_the_bank(order: &v1::Order) -> String {
    order.name.replace("orders/", "clients/client-court-1/orders/")
}

async fn received(world: &World, order: &v1::Order) -> v1::ReceivedOrder {
    let request = v1::GetReceivedOrderRequest { name: at_the_bank(order), with_private_part: false };
    world.institution("officer").get_received_order(request).await.unwrap().into_inner()
}

async fn object(world: &World, order: &v1::Order, why: &str) -> Result<v1::ObjectToOrderResponse, tonic::Status> {
    let request = v1::ObjectToOrderRequest { name: at_the_bank(order), reason: why.into() };
    world.institution("officer").object_to_order(request).await.map(tonic::Response::into_inner)
}

/// Stops the world and looks for what nobody but the parties may know in all that the chains and the relayer keep.
async fn nothing_private_is_on_disk(world: World) {
    let folders = world.close().await;
    let mut searched = 0;
    for folder in &folders {
        let mut open = vec![folder.path().to_owned()];
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let finds = |secret: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
            let found: Vec<_> = SECRETS.iter().filter(|secret| finds(secret.as_bytes())).collect();
            if path.ends_with("gateway.redb") {
                // Both institutions have the private parts: the search does find what is there.
                assert!(found.contains(&&DEBTOR), "{}", path.display());
            } else {
                assert!(found.is_empty(), "{} has {found:?}", path.display());
                searched += 1;
            }
        }
    }
    assert_eq!(searched, 5, "blocks and state of two chains, and the relayer's store");
}

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_is_sealed_by_two_officers_waited_for_and_goes_over_to_its_new_owner() {
    let world = world().await;
    let native = v1::AssetRow { enforcement: v1::Enforcement::Native.into(), ..whole("330106001001GB00001F00010001") };
    register(&world, "parcels", vec![native]).await;
    let unit = "330106001001GB00001F00010001";
    assert_eq!(look_up(&world, "parcels", unit).await.enforcement(), v1::Enforcement::Native);
    let seal = |number| Draft::new(number, "parcels", "seal").on(unit);

    // Two different officers: one is not enough, and one twice is one.
    let first = create(&world, seal(1)).await.unwrap();
    assert_eq!(first.approvals_needed, 2);
    approve(&world, &first, &[1, 1]).await;
    assert_eq!(get(&world, &first).await.state(), OrderState::AwaitingApproval);
    approve(&world, &first, &[2]).await;
    let first = answered(&world, &first).await;
    assert_eq!(first.state(), OrderState::Executed, "{:?}", first.result);
    let second = done(&world, seal(2)).await;
    assert_eq!((second.state(), second.result.clone().unwrap().ahead), (OrderState::Waitlisted, 1));

    let transfer = |number, original: &v1::Order| Draft::new(number, "parcels", "transfer").on(unit).changing(original);
    assert_eq!(failed(&world, transfer(3, &second)).await, (OrderState::Failed, "NOT_ACTIVE".into()));
    let before = look_up(&world, "parcels", unit).await;
    executed(&world, transfer(4, &first)).await;
    noticed(&world, &first, "TRANSFERRED").await;
    noticed(&world, &second, "TRANSFERRED").await;
    // The unit goes on under a fresh handle, free of what stood on it, and can be sealed again.
    let after = look_up(&world, "parcels", unit).await;
    assert!(after.handle != before.handle && after.holds_placed == 0);
    let third = executed(&world, seal(5)).await;
    executed(&world, Draft::new(6, "parcels", "release").on(unit).changing(&third)).await;
    nothing_private_is_on_disk(world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_debtor_is_listed_corrected_and_removed_and_a_case_is_handed_over_against_a_sealed_receipt() {
    let world = world().await;
    register(&world, "credit", vec![whole("330106198001011234")]).await;
    let order = |number, kind: &str| Draft::new(number, "credit", kind).on("330106198001011234");
    let listing = executed(&world, order(1, "list")).await;
    let another = executed(&world, order(2, "list")).await;
    executed(&world, order(3, "correct").changing(&listing)).await;
    noticed(&world, &listing, "AMENDED").await;
    executed(&world, order(4, "remove").changing(&listing)).await;
    noticed(&world, &listing, "RELEASED").await;
    assert!(get(&world, &another).await.notice.is_none(), "each listing stands on its own");

    let handed = executed(&world, Draft::new(5, "dossiers", "hand-over").on("A330106-2026-0001")).await;
    let receipt = handed.receipt.clone().unwrap();
    assert!(receipt.bound && receipt.digest.len() == 32, "the proven result binds the sealed receipt");
    assert!(seconds(&receipt.receive_time) >= seconds(&handed.issue_time));
    assert!(handed.answer.is_none() && handed.result.unwrap().until.is_none(), "nothing is held, nothing more awaited");
    executed(&world, Draft::new(6, "dossiers", "supplement").on("A330106-2026-0001")).await;
    nothing_private_is_on_disk(world).await;
}

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

    let clerk = v1::ObjectToOrderRequest { name: at_the_bank(&first), reason: "PROTECTED_MONEY".into() };
    let denied = world.institution("clerk").object_to_order(clerk).await.unwrap_err();
    assert_eq!(reason(&denied), "PERMISSION_DENIED");
    assert_eq!(reason(&object(&world, &first, "no code").await.unwrap_err()), "INVALID_ARGUMENT");
    let objection = object(&world, &first, "PROTECTED_MONEY").await.unwrap();
    let filed = world.bank_gateway.audit().entries().await.unwrap();
    assert!(filed.iter().any(|entry| entry.action == "ObjectToOrder" && entry.role == "officer"));

    let (first, notice) = noticed(&world, &first, "OBJECTED").await;
    assert_eq!((first.state(), notice.objection.as_str()), (OrderState::Objected, "PROTECTED_MONEY"));
    assert_eq!(seconds(&notice.answer_by), seconds(&objection.answer_by));
    assert_eq!(seconds(&notice.answer_by) - seconds(&notice.time), 15 * DAY_S as i64);
    assert_eq!(first.proof.clone().unwrap().chain_id, "court-1");
    let at_bank = received(&world, &first).await;
    assert_eq!((at_bank.state(), at_bank.hold.unwrap().objection.as_str()), (OrderState::Objected, "PROTECTED_MONEY"));

    // Nothing irrevocable is done meanwhile. The court rejects the objection, and the hold stands.
    let deduct = change(4, "deduct", &first).of(1_000).with("enforcement_account_number", text(ACCOUNT));
    assert_eq!(failed(&world, deduct).await, (OrderState::Failed, "OBJECTION_OPEN".into()));
    executed(&world, change(5, "reject-objection", &first)).await;
    let (first, notice) = noticed(&world, &first, "OBJECTION_ENDED").await;
    assert_eq!((first.state(), minor(&notice.held)), (OrderState::Executed, 100_000));
    let again = object(&world, &first, "PROTECTED_MONEY").await.unwrap_err();
    assert_eq!(support::fact(&again, "chain_reason"), "ALREADY_OBJECTED");
    assert_eq!(failed(&world, change(6, "reject-objection", &second)).await.1, "NO_OBJECTION");

    // The court upholds the second objection.
    object(&world, &second, "PROTECTED_MONEY").await.unwrap();
    noticed(&world, &second, "OBJECTED").await;
    executed(&world, change(7, "uphold-objection", &second)).await;
    noticed(&world, &second, "RELEASED").await;
    let ended = object(&world, &second, "PROTECTED_MONEY").await.unwrap_err();
    assert_eq!(support::fact(&ended, "chain_reason"), "NO_STANDING_HOLD");

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn validate_only_says_what_is_checked_and_what_will_be_proven_and_writes_nothing() {
    let world = world().await;
    register(&world, "accounts", vec![account("6222020001", 900_000)]).await;
    let freeze = |number| Draft::new(number, "accounts", "freeze").on("6222020001").of(100_000);
    let validated = async |draft: Draft| {
        let request = v1::CreateOrderRequest { validate_only: true, ..draft.request() };
        world.orders("clerk").create_order(request).await.unwrap().into_inner()
    };
    // The relayer brings the bank's keys over with the first order.
    let name = "obligations/000102030405060708090a0b0c0d0e0f";
    let first = executed(&world, freeze(1).serving(name, 500_000)).await;
    let checked = validated(freeze(2).serving(name, 500_000)).await;
    let validation = checked.validation.unwrap();
    assert!(validation.valid && validation.checks.iter().all(|check| check.outcome() == Checked::Passed));
    let names: Vec<_> = validation.checks.iter().map(|check| check.check.as_str()).collect();
    assert_eq!(names[..4], ["REQUEST", "RECIPIENT", "SECTOR", "KIND"]);
    let shown = |validation: &v1::OrderValidation, what: &str| {
        let proof = validation.proofs.iter().find(|proof| proof.what == what).unwrap();
        (proof.outcome(), proof.chain_id.clone(), proof.proof.is_some())
    };
    for what in ["COURT_MEMBER", "CLIENT", "RECIPIENT_MEMBER", "OBLIGATION"] {
        assert_eq!(shown(&validation, what), (Shown::Proven, "court-1".to_owned(), true), "{what}");
    }
    for (what, chain) in [("COMMITMENT", "court-1"), ("RECEIPT", "bank-1"), ("ACKNOWLEDGEMENT", "bank-1")] {
        assert_eq!(shown(&validation, what), (Shown::Awaited, chain.to_owned(), false), "{what}");
    }
    assert_eq!(shown(&validation, "APPROVALS").0, Shown::Awaited);

    let checks = [
        (freeze(1), "REQUEST", "REQUEST_CONFLICT"),
        (Draft { recipient: "members/nobody", ..freeze(3) }, "RECIPIENT", "UNKNOWN_MEMBER"),
        (Draft { kind: "burn".into(), ..freeze(3) }, "KIND", "UNKNOWN_KIND"),
        (freeze(3).changing(&first), "ORIGINAL", "ORIGINAL_ORDER"),
        (freeze(3).with("control_kind", text("EVERYTHING")), "FIELDS", "FIELD_VALUE"),
        (freeze(3).for_days(1_000), "PERIOD", "HOLD_DAYS"),
        (freeze(3).serving(name, 1), "OBLIGATION", "CLAIM_DIFFERS"),
        (Draft::new(3, "credit", "list").on("1").in_an_emergency(), "EMERGENCY", "NO_EMERGENCY"),
    ];
    for (draft, check, code) in checks {
        let answer = validated(draft).await;
        let validation = answer.validation.unwrap();
        assert!(!validation.valid && validation.proofs.is_empty() && answer.name.is_empty());
        let failed = validation.checks.iter().position(|check| check.outcome() == Checked::Failed).unwrap();
        assert_eq!(
            (validation.checks[failed].check.as_str(), validation.checks[failed].reason.as_str()),
            (check, code)
        );
        assert!(validation.checks[failed + 1..].iter().all(|check| check.outcome() == Checked::NotMade));
    }
    let all = world.orders("clerk").list_orders(v1::ListOrdersRequest::default()).await.unwrap().into_inner();
    assert_eq!(all.orders.len(), 1, "nothing was stored");

    // A watch that was cut off goes on after the change it saw, and a token of another order is none.
    let watch = async |name: &str, token: &str| {
        let request = v1::WatchOrderRequest { name: name.into(), resume_token: token.into(), follow_hold: false };
        let mut changes = world.orders("clerk").watch_order(request).await?.into_inner();
        let mut seen = 0;
        while changes.message().await?.is_some() {
            seen += 1;
        }
        Ok::<_, tonic::Status>(seen)
    };
    let answered = get(&world, &first).await;
    assert_eq!(watch(&first.name, "").await.unwrap(), 1);
    assert_eq!(watch(&first.name, &answered.resume_token).await.unwrap(), 0);
    let second = create(&world, freeze(9)).await.unwrap();
    assert_eq!(reason(&watch(&first.name, &second.resume_token).await.unwrap_err()), "INVALID_ARGUMENT");
    world.stop().await;
}
