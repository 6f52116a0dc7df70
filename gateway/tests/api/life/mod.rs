//! The life of orders through the API, with the sectors as they ship: every kind of order from the request to its proven
//! result, what becomes of a hold later, and what the chains and the relayer keep of it on disk.

mod checks;
mod clocks;
mod hand_overs;
mod money;
mod wholes;

use crate::drafts::{ACCOUNT, DEBTOR, Draft, OTHER_ACCOUNT, SECRETS, amount, text};
use crate::enforcement::World;
use crate::support::{approval, reason};
use comity_gateway::DecidePolicy;
use comity_gateway::sectors::Sectors;
use comity_proto::v1::assets_client::AssetsClient;
use comity_proto::v1::obligations_client::ObligationsClient;
use comity_proto::v1::order_check::Outcome as Checked;
use comity_proto::v1::order_proof::Outcome as Shown;
use comity_proto::v1::{self, OrderState};
use std::time::{Duration, Instant};

const DAY_S: u64 = 86_400;
const WAIT_MAX: Duration = Duration::from_secs(40);
/// What a bank writes to the court; it stands on no chain.
const GROUNDS: &str = "账户内为农民工工资专用款 9901，依法不得冻结";

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
    let grounds = GROUNDS.to_owned();
    let request = v1::ObjectToOrderRequest { name: at_the_bank(order), reason: why.into(), grounds };
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
            let found: Vec<_> = SECRETS.iter().chain([&GROUNDS]).filter(|secret| finds(secret.as_bytes())).collect();
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
