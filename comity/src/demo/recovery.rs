//! Story 4, continued: what the investigation found is frozen, a second court waits in line, money is deducted to the court's
//! designated account, the debtor is listed, pays the rest, and the listing and what is left of the freeze end.

use super::listing;
use super::order::{CaseSystem, expect, is_answered, seen};
use super::report::{Report, Seen};
use crate::client::status;
use crate::demo::freeze::request;
use crate::failure::Failure;
use crate::sandbox::World;
use comity_model::Amount;
use comity_model::record::{Field, FieldValue};
use comity_proto::v1::triggers_client::TriggersClient;
use comity_proto::v1::{self, OrderState};
use std::time::Duration;
use tonic::transport::Channel;

/// The court's designated account, as orders name it.
pub(super) const ACCOUNT: [(&str, &str); 3] = [
    ("enforcement_account_name", "安澜市滨溪区人民法院执行款专户"),
    ("enforcement_account_bank", "安澜银行滨溪支行"),
    ("enforcement_account_number", "9901009906000020488"),
];
/// What is deducted at once; the rest of the debt is paid.
pub(super) const DEDUCTED: Amount = Amount::cny(25_000_000);
const PATIENCE: Duration = Duration::from_secs(40);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Waits until the investigation was carried out, tells what it found, and hands back the drafts that it opened.
pub(super) async fn investigated(
    clerk: &Channel,
    name: &str,
    report: &mut Report,
) -> Result<Vec<v1::Proposal>, Failure> {
    let done = until(clerk, name, v1::proposal::State::TakenUp).await?;
    let firing = done.firings.first().cloned().ok_or_else(|| unexpected("the investigation told nothing"))?;
    let answer = TriggersClient::new(clerk.clone()).get_firing(v1::GetFiringRequest { name: firing }).await;
    let firing = answer.map_err(|error| status(error, "what was found was not read"))?.into_inner();
    for fact in &firing.facts {
        report.proven(format!("found: {}", fact.statement), &fact.proof.as_ref().map(Seen::from).unwrap_or_default());
    }
    if firing.facts.len() < 5 {
        return Err(unexpected("fewer than five sectors answered"));
    }
    let mut drafts = Vec::new();
    for name in &firing.proposals {
        drafts.push(proposal(clerk, name).await?);
    }
    Ok(drafts)
}

/// From the draft of a freeze to the end of the enforcement.
pub(super) async fn recovered(
    world: &World,
    court: &CaseSystem<'_>,
    freeze: &v1::Proposal,
    report: &mut Report,
) -> Result<Listed, Failure> {
    let order = court.watch(&freeze.order, false, |_| true).await?;
    report.begin();
    for officer in 0..order.approvals_needed as usize {
        court.approve(&order, officer).await?;
    }
    let frozen = court.watch(&order.name, false, is_answered).await?;
    expect(&frozen, OrderState::Executed)?;
    let held = frozen.result.as_ref().and_then(|result| result.held.as_ref()).map_or(0, |held| held.minor);
    report.proven(format!("two officers approve the freeze: the bank holds {}", Amount::cny(held)), &seen(&frozen));

    let second = CaseSystem::new(world, "court-2").await?;
    let waiting = second.send(request("finance", &world.data().showcase.orders.second_freeze)).await?;
    expect(&waiting.order, OrderState::Waitlisted)?;
    report.took("another court wants more of the account: it waits in line", &waiting.seen(), waiting.took);

    let listing = court.send(request("credit", &world.data().showcase.orders.listing)).await?;
    expect(&listing.order, OrderState::Executed)?;
    report.took("the debtor is listed as one who does not honour a judgment", &listing.seen(), listing.took);
    listing::published(world, report).await?;

    let deduct = changing(world, "deduct", &frozen, |fields| {
        put(fields, "amount", FieldValue::Amount(DEDUCTED));
        for (name, value) in ACCOUNT {
            put(fields, name, text(value));
        }
    });
    let deducted = court.send(deduct).await?;
    expect(&deducted.order, OrderState::Executed)?;
    report.took(
        format!("{DEDUCTED} are deducted, to the account that the freeze named"),
        &deducted.seen(),
        deducted.took,
    );
    Ok(Listed { frozen, waiting: waiting.order, listing: listing.order, second_took: Amount::cny(held) })
}

/// What still stands when the debtor pays.
pub(super) struct Listed {
    frozen: v1::Order,
    waiting: v1::Order,
    listing: v1::Order,
    second_took: Amount,
}

/// What ends when the debtor has paid the rest.
pub(super) async fn ended(
    world: &World,
    court: &CaseSystem<'_>,
    listed: Listed,
    report: &mut Report,
) -> Result<(), Failure> {
    let release = changing(world, "release", &listed.frozen, |fields| {
        put(fields, "release_ground", text("PERFORMED"));
    });
    let released = court.send(release).await?;
    expect(&released.order, OrderState::Executed)?;
    let left = listed.second_took.minor.saturating_sub(DEDUCTED.minor);
    report.took(format!("the court releases what is left, {}", Amount::cny(left)), &released.seen(), released.took);

    report.begin();
    let second = CaseSystem::new(world, "court-2").await?;
    let active = second.watch(&listed.waiting.name, true, |order| order.state() == OrderState::Executed).await?;
    let notice = active.notice.as_ref().ok_or_else(|| unexpected("the hold took effect without a notice"))?;
    let held = notice.held.as_ref().map_or(0, |held| held.minor);
    report.proven(
        format!("by itself, the other court's freeze takes effect: {} held", Amount::cny(held)),
        &seen(&active),
    );

    let mut draft = world.data().showcase.orders.listing.clone();
    put(&mut draft.fields, "original_request_number", text("KZ99062026000007"));
    put(&mut draft.fields, "release_ground", text("PERFORMED"));
    let remove = v1::CreateOrderRequest {
        kind: "remove".into(),
        original: listed.listing.name.clone(),
        obligation: None,
        ..request("credit", &draft)
    };
    let removed = court.send(remove).await?;
    expect(&removed.order, OrderState::Executed)?;
    report.took("the debtor has paid: the listing is removed", &removed.seen(), removed.took);
    report.begin();
    let is_gone = |order: &v1::Order| order.notice.as_ref().is_some_and(|notice| notice.event == "RELEASED");
    let listing = court.watch(&listed.listing.name, true, is_gone).await?;
    report.proven("the court's chain has it proven that the listing stands no more", &seen(&listing));
    listing::removed(world, report).await
}

/// An order that changes what `original` holds on the account: the case is the same.
fn changing(
    world: &World,
    kind: &str,
    original: &v1::Order,
    more: impl FnOnce(&mut Vec<Field>),
) -> v1::CreateOrderRequest {
    let mut draft = world.data().showcase.orders.freeze.clone();
    draft.fields.retain(|field| !["amount", "control_kind"].contains(&field.name.as_str()));
    put(&mut draft.fields, "original_request_number", text("KZ99062026000001"));
    more(&mut draft.fields);
    v1::CreateOrderRequest {
        kind: kind.into(),
        original: original.name.clone(),
        obligation: None,
        ..request("finance", &draft)
    }
}

/// Sets a field, in its place by name.
fn put(fields: &mut Vec<Field>, name: &str, value: FieldValue) {
    let Ok(name) = name.parse() else { return };
    fields.retain(|field| field.name != name);
    let at = fields.partition_point(|field| field.name < name);
    fields.insert(at, Field { name, value });
}

fn text(text: &str) -> FieldValue {
    FieldValue::Text(text.to_owned())
}

async fn proposal(clerk: &Channel, name: &str) -> Result<v1::Proposal, Failure> {
    let get = v1::GetProposalRequest { name: name.to_owned(), purpose: None };
    let answer = TriggersClient::new(clerk.clone()).get_proposal(get).await;
    Ok(answer.map_err(|error| status(error, "the proposal was not read"))?.into_inner())
}

async fn until(clerk: &Channel, name: &str, state: v1::proposal::State) -> Result<v1::Proposal, Failure> {
    let look = async {
        loop {
            let known = proposal(clerk, name).await?;
            // Whoever is silent is asked again; what is found until then is told.
            if known.state() == state || !known.firings.is_empty() {
                return Ok(known);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let late = || Err(Failure::unavailable(format!("{name} was not carried out within {} s", PATIENCE.as_secs())));
    tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| late())
}

fn unexpected(what: &str) -> Failure {
    Failure::refused("UNEXPECTED", what)
}
