//! Story 3: enforcement orders freeze assets. Executed, waiting, refused and timed out, each by proof.

use super::carrier::Carrier;
use super::order::{CaseSystem, expect, is_answered, seen};
use super::report::{Report, Seen};
use crate::failure::Failure;
use crate::sandbox::World;
use crate::sandbox::data::OrderDraft;
use comity_adapters_ports::{Chain, Outcome};
use comity_model::state::StatePath;
use comity_model::tx::Message;
use comity_model::{Amount, Time};
use comity_proto::v1::{self, OrderState};
use std::time::Duration;

/// How long the order that comes too late gives its delivery.
const LATE_DELIVERY_S: i64 = 4;
/// How long a chain that was started again may take to its next block, and how often that is looked for.
const PATIENCE: Duration = Duration::from_secs(40);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Story 3.
pub(super) async fn tell(world: &World, report: &mut Report) -> Result<(), Failure> {
    report.story("3. An enforcement order freezes assets");
    let court = CaseSystem::new(world, "court").await?;
    let freeze = account_is_frozen(world, &court, report).await?;
    other_assets(world, &court, report).await?;
    second_court_waits(world, &court, &freeze, report).await?;
    unknown_asset(world, &court, report).await?;
    too_late(world, &court, report).await
}

/// The request to freeze the debtor's account, as the first story's court draws it up.
pub(super) fn account(world: &World) -> Result<v1::CreateOrderRequest, Failure> {
    Ok(request("finance", &world.data().showcase.orders.freeze))
}

/// A request to draw up `draft`.
pub(super) fn request(recipient: &str, draft: &OrderDraft) -> v1::CreateOrderRequest {
    v1::CreateOrderRequest {
        request_id: uuid::Uuid::new_v4().to_string(),
        recipient: format!("members/{recipient}"),
        sector: draft.sector.to_string(),
        kind: draft.kind.to_string(),
        original: String::new(),
        private_fields: draft.fields.iter().map(comity_gateway::field_to_wire).collect(),
        obligation: Some(comity_gateway::amount_to_wire(&draft.obligation)),
        deliver_within: None,
        hold_days: 0,
        validate_only: false,
        emergency: false,
        claim: None,
    }
}

async fn account_is_frozen(world: &World, court: &CaseSystem<'_>, report: &mut Report) -> Result<v1::Order, Failure> {
    let showcase = &world.data().showcase;
    report.begin();
    let order = court.draw_up(account(world)?).await?;
    report.proven(
        format!("drawn up: freeze {} on an account; needs {} officers", showcase.obligation, order.approvals_needed),
        &Seen::rule("AWAITING_APPROVAL"),
    );
    court.approve(&order, 0).await?;
    report.proven("approved by the first officer", &Seen::rule("APPROVAL"));
    let started = std::time::Instant::now();
    court.approve(&order, 1).await?;
    let order = court.watch(&order.name, false, is_answered).await?;
    expect(&order, OrderState::Executed)?;
    let held = held(&order);
    if held != Some(showcase.account_balance.minor) {
        return Err(unexpected("the account is not frozen for the smaller of balance and obligation"));
    }
    let what = format!("executed: {} frozen, the smaller of balance and obligation", shown(held));
    report.took(what, &seen(&order), started.elapsed());
    Ok(order)
}

async fn other_assets(world: &World, court: &CaseSystem<'_>, report: &mut Report) -> Result<(), Failure> {
    let orders = &world.data().showcase.orders;
    let others = [
        ("property", &orders.seal, "the debtor's flat is sealed"),
        ("ip", &orders.ip_freeze, "the debtor's utility model is frozen"),
        ("credit", &orders.listing, "the debtor is listed"),
    ];
    for (recipient, draft, what) in others {
        let answered = court.send(request(recipient, draft)).await?;
        expect(&answered.order, OrderState::Executed)?;
        report.took(what, &answered.seen(), answered.took);
    }
    Ok(())
}

async fn second_court_waits(
    world: &World,
    court: &CaseSystem<'_>,
    freeze: &v1::Order,
    report: &mut Report,
) -> Result<(), Failure> {
    let orders = &world.data().showcase.orders;
    let second = CaseSystem::new(world, "court-2").await?;
    let waiting = second.send(request("finance", &orders.second_freeze)).await?;
    expect(&waiting.order, OrderState::Waitlisted)?;
    report.took("a second court's freeze on the same account waits in line", &waiting.seen(), waiting.took);

    let release = v1::CreateOrderRequest { original: freeze.name.clone(), ..request("finance", &orders.release) };
    let released = court.send(release).await?;
    expect(&released.order, OrderState::Executed)?;
    report.took("the first court releases its freeze", &released.seen(), released.took);

    report.begin();
    let active = second.watch(&waiting.order.name, true, |order| order.state() == OrderState::Executed).await?;
    let notice = active.notice.as_ref().ok_or_else(|| unexpected("the hold took effect without a notice"))?;
    if notice.event != "ACTIVATED" {
        return Err(unexpected(&format!("the notice says {}", notice.event)));
    }
    let held = notice.held.as_ref().map(|amount| amount.minor);
    report
        .proven(format!("by itself, the second freeze takes effect: {} held, by notice", shown(held)), &seen(&active));
    Ok(())
}

async fn unknown_asset(world: &World, court: &CaseSystem<'_>, report: &mut Report) -> Result<(), Failure> {
    let refused = court.send(request("finance", &world.data().showcase.orders.unknown_freeze)).await?;
    expect(&refused.order, OrderState::Refused)?;
    let reason = refused.order.result.as_ref().map(|result| result.reason.clone()).unwrap_or_default();
    report.took(format!("an order on an unknown account comes back refused: {reason}"), &refused.seen(), refused.took);
    Ok(())
}

async fn too_late(world: &World, court: &CaseSystem<'_>, report: &mut Report) -> Result<(), Failure> {
    let (on_court, on_finance) = world.client_ids("court", "finance")?;
    let (court_chain, finance_chain) = (world.chain("court")?, world.chain("finance")?);
    let carrier = Carrier::new(court_chain, finance_chain, on_finance);

    world.stop_chain("finance").await?;
    report.say("  the bank's chain is stopped");
    report.begin();
    let late = v1::CreateOrderRequest {
        deliver_within: Some(prost_types::Duration { seconds: LATE_DELIVERY_S, nanos: 0 }),
        ..request("finance", &world.data().showcase.orders.late_freeze)
    };
    let order = court.draw_up(late).await?;
    for officer in 0..order.approvals_needed as usize {
        court.approve(&order, officer).await?;
    }
    let order = court.watch(&order.name, false, |order| order.state() == OrderState::Committed).await?;
    report.proven("an order is committed while the bank's chain is stopped", &seen(&order));
    let packet = carrier.outbox(&on_court).await?;
    let proof = carrier.proof(&StatePath::Commitment(on_court, packet.sequence)).await?;

    tokio::time::sleep(Duration::from_secs(LATE_DELIVERY_S.unsigned_abs() + 1)).await;
    report.say("  its delivery deadline has passed; the bank's chain returns, and the relayer after it");
    report.begin();
    world.stop_relayer().await?;
    let returned = crate::clock::now();
    world.start_chain("finance").await?;
    has_block_after(finance_chain, returned).await?;
    world.start_relayer().await?;
    let order = court.watch(&order.name, false, is_answered).await?;
    expect(&order, OrderState::TimedOut)?;
    report.proven("no receipt stands there after the deadline: the order ends as timed out", &seen(&order));

    let step = carrier.step(proof.header).await;
    let receive = Message::Receive { packet, proof: proof.proof, height: proof.header };
    let messages = match step {
        Ok(step) if step.height() == proof.header => carrier.messages(&step, Some(receive)),
        _ => vec![receive],
    };
    match carrier.submit(messages).await? {
        Outcome::Refused { code, .. } => {
            report.proven("delivered now, it is refused, for ever", &Seen::rule(code.as_str()));
            Ok(())
        }
        Outcome::Committed { .. } => Err(unexpected("the bank's chain took an order after its deadline")),
    }
}

/// Waits until a chain has a block of after `time`. A block's time is that of the votes on the one before it: the first after
/// a halt is of before the halt, and what it carries is in time.
async fn has_block_after(chain: &Chain, time: Time) -> Result<(), Failure> {
    let look = async {
        loop {
            if let Ok(latest) = chain.headers.latest().await
                && let Ok(block) = chain.headers.light_block(latest).await
                && block.header.time >= time
            {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let late = |_| Failure::unavailable("a chain that was started again makes no blocks");
    tokio::time::timeout(PATIENCE, look).await.map_err(late)
}

fn held(order: &v1::Order) -> Option<u64> {
    order.result.as_ref()?.held.as_ref().map(|amount| amount.minor)
}

fn shown(minor: Option<u64>) -> String {
    minor.map_or_else(|| "nothing".to_owned(), |minor| Amount::cny(minor).to_string())
}

fn unexpected(what: &str) -> Failure {
    Failure::refused("UNEXPECTED", what)
}
