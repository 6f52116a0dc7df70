//! What must hold at the end, when nothing went wrong for a while: everything final, everything answered, every mirror
//! true, every instalment settled, every history repeatable. It refuses to wait: whoever calls it has waited.

use crate::node::Node;
use crate::oracle::Promise;
use crate::parties;
use crate::settled;
use crate::world::World;
use comity_gateway::orders::{StoredOrder, Work};
use comity_ledger_app::{App, Block};
use comity_model::asset::{Asset, Hold, HoldState};
use comity_model::client::{ClientState, ClientStatus};
use comity_model::order::{NoticeEvent, OrderEntry, OrderState, Outcome, ReceivedOrder};
use comity_model::state::StatePath;
use comity_model::{AssetHandle, Height, OrderId};
use std::collections::{BTreeMap, BTreeSet};

/// Whether everything has come to rest: what is missing in words, and the promise that it then breaks, or nothing.
pub async fn unfinished(world: &World) -> Option<(Promise, String)> {
    let Some((_, court)) = world.gateways[0].services() else {
        return Some((Promise::Final, "the court's gateway is down".into()));
    };
    match orders_unfinished(world, court.work()).await {
        Some(missing) => Some((Promise::Final, missing)),
        None => settled::unfinished(world, &court).await,
    }
}

async fn orders_unfinished(world: &World, work: &Work) -> Option<String> {
    let Ok((orders, _)) = work.desk.list(None, 1_000).await else { return Some("the book cannot be read".into()) };
    for order in orders {
        let id = order.order.id;
        // What was never approved is a draft, not an order.
        if order.state != OrderState::AwaitingApproval && !order.state.is_answered() {
            return Some(format!("{id} is {}", order.state.name()));
        }
        let Some(entry) = world.value::<OrderEntry>(0, &StatePath::Order(id)).await else { continue };
        if entry.notice != order.notice || entry.state != order.state {
            return Some(format!("the gateway does not know the last of {id}"));
        }
        let Some(received) = received(world, &order).await else { continue };
        if received.notices != entry.notice.as_ref().map_or(0, |notice| notice.number) {
            return Some(format!("a notice about {id} is under way"));
        }
    }
    None
}

/// Holds everything against everything.
pub async fn check(world: &World) {
    let Some((_, court)) = world.gateways[0].services() else { return };
    settled::check(world).await;
    let orders = court.work().desk.list(None, 1_000).await.map(|(orders, _)| orders).unwrap_or_default();
    let mut executed = BTreeSet::new();
    for order in &orders {
        if let Some(received) = received(world, order).await {
            answered_once(world, &received).await;
            if received.hold.is_some() {
                executed.insert(order.order.id);
            }
            mirror(world, &received).await;
        }
    }
    holds_are_executions(world, &executed).await;
    for node in &world.nodes {
        replay(world, node);
        for other in world.nodes.iter().filter(|other| (other.number == 0) != (node.number == 0)) {
            let client: Option<ClientState> =
                world.value(node.number, &StatePath::Client(parties::client_of(other.number))).await;
            if client.is_none_or(|client| client.status != ClientStatus::Active) {
                let how = format!("the client of {} on {} is frozen", other.genesis.chain, node.genesis.chain);
                world.oracle.broken(Promise::NoFalseEvidence, how);
            }
        }
    }
}

fn recipient(world: &World, order: &StoredOrder) -> u8 {
    let is = |number: &u8| parties::member(*number) == order.order.recipient;
    (0..world.plan.institutions).find(is).unwrap_or(0)
}

async fn received(world: &World, order: &StoredOrder) -> Option<ReceivedOrder> {
    let path = StatePath::Received(order.order.dest_client.clone(), order.order.id);
    world.value(recipient(world, order), &path).await
}

/// An order that arrived has its receipt and one answer, and the court has the same answer.
async fn answered_once(world: &World, received: &ReceivedOrder) {
    let (order, sequence) = (&received.sealed.order, received.sequence);
    let chain = (1..world.plan.institutions).find(|number| parties::member(*number) == order.recipient).unwrap_or(0);
    let receipt = StatePath::Receipt(received.client.clone(), sequence);
    let acknowledgement = StatePath::Acknowledgement(received.client.clone(), sequence);
    for path in [receipt, acknowledgement] {
        if world.value::<[u8; 32]>(chain, &path).await.is_none() {
            world.oracle.broken(Promise::Receipts, format_args!("{} stands and {path:?} does not", order.id));
        }
    }
    let entry: Option<OrderEntry> = world.value(0, &StatePath::Order(order.id)).await;
    let result = entry.and_then(|entry| entry.result);
    if result.is_none() || result != received.result {
        world.oracle.broken(Promise::Receipts, format_args!("the court has another answer to {}", order.id));
    }
}

/// The court's mirror of a hold is the hold.
async fn mirror(world: &World, received: &ReceivedOrder) {
    let id = received.sealed.order.id;
    let chain = (1..world.plan.institutions)
        .find(|number| parties::member(*number) == received.sealed.order.recipient)
        .unwrap_or(0);
    let Some((handle, number)) = received.hold else { return };
    let hold: Option<Hold> = world.value(chain, &StatePath::Hold(handle, number)).await;
    let entry: Option<OrderEntry> = world.value(0, &StatePath::Order(id)).await;
    let (Some(hold), Some(entry)) = (hold, entry) else {
        world.oracle.broken(Promise::Mirror, format_args!("{id} has no hold, or no entry"));
    };
    let answer = entry.result.as_ref().and_then(|result| match &result.outcome {
        Outcome::Executed(hold) | Outcome::Waitlisted(hold) => Some(hold.clone()),
        _ => None,
    });
    let summary = entry.notice.as_ref().map(|notice| notice.hold.clone()).or(answer);
    let held = summary.as_ref().and_then(|summary| summary.held);
    let ended = entry.notice.as_ref().map(|notice| notice.event);
    let same_end = match hold.state {
        HoldState::Released => ended == Some(NoticeEvent::Released),
        HoldState::Lapsed => ended == Some(NoticeEvent::Lapsed),
        HoldState::Active => entry.state == OrderState::Executed,
        HoldState::Queued => entry.state == OrderState::Waitlisted,
        HoldState::Deducted | HoldState::Transferred => false,
    };
    if held != hold.held || !same_end {
        let how =
            format!("{id}: the court knows {summary:?} ({ended:?}, {}), the hold is {hold:?}", entry.state.name());
        world.oracle.broken(Promise::Mirror, how);
    }
}

/// Every hold is of one executed order, and every executed order made one.
async fn holds_are_executions(world: &World, executed: &BTreeSet<OrderId>) {
    let mut made: BTreeMap<OrderId, u32> = BTreeMap::new();
    for number in 1..world.plan.institutions {
        for handle in assets(world, number).await {
            let asset: Option<Asset> = world.value(number, &StatePath::Asset(handle)).await;
            for hold in 0..asset.map_or(0, |asset| asset.holds) {
                let hold: Option<Hold> = world.value(number, &StatePath::Hold(handle, hold)).await;
                if let Some(hold) = hold {
                    *made.entry(hold.order).or_default() += 1;
                }
            }
        }
    }
    if let Some((order, count)) = made.iter().find(|(_, count)| **count != 1) {
        world.oracle.broken(Promise::AtMostOnce, format_args!("{order} made {count} holds"));
    }
    let made: BTreeSet<_> = made.into_keys().collect();
    if made != *executed {
        world.oracle.broken(Promise::Receipts, format_args!("{made:?} hold something, {executed:?} were executed"));
    }
}

async fn assets(world: &World, number: u8) -> Vec<AssetHandle> {
    let Some((_, services)) = world.gateways[usize::from(number)].services() else { return Vec::new() };
    let mut handles = Vec::new();
    for account in 0..crate::clerk::ACCOUNTS {
        let found = services.work().assets.find(&parties::sector(), &crate::clerk::reference(account)).await;
        handles.extend(found.ok().flatten().map(|asset| asset.handle));
    }
    handles
}

/// Carries all blocks of a chain out again from its first state.
fn replay(world: &World, node: &Node) {
    let replayed = node.serve(|handle| {
        let latest = handle.latest()?;
        let mut app = App::in_memory().ok()?;
        let mut app_hash = app.init_chain(&node.genesis).ok()?.app_hash;
        for height in 1..=latest.height().0 {
            let height = Height(height);
            let block = handle.light_block(height).ok()??;
            if block.header.app_hash != app_hash.into() {
                let how = format!("{} has another state before block {height}", node.genesis.chain);
                world.oracle.broken(Promise::Replay, how);
            }
            let txs = handle.txs(height).ok()?;
            let finalized = app
                .finalize_block(&Block { height, time: block.header.time, hash: block.header.hash(), txs: &txs })
                .ok()?;
            app.commit().ok()?;
            app_hash = finalized.app_hash;
        }
        Some(app_hash == latest.app_hash)
    });
    if replayed != Some(true) {
        world.oracle.broken(Promise::Replay, format_args!("{} does not replay", node.genesis.chain));
    }
}
