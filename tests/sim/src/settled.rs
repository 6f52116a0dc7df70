//! What must hold of agreements at the end: each has ended, its gateway knows how, and what a default opened fired once, with
//! its draft and its reasons. It refuses to wait: whoever calls it has waited.

use crate::mediator::by;
use crate::oracle::Promise;
use crate::parties;
use crate::world::World;
use comity_gateway::Services;
use comity_model::AgreementId;
use comity_model::agreement::{AgreementEntry, AgreementState};
use comity_model::record::RecordState;
use comity_model::state::StatePath;
use comity_proto::v1;
use comity_proto::v1::agreement::State;
use comity_proto::v1::agreements_server::Agreements;
use comity_proto::v1::triggers_server::Triggers;

/// What is missing in words, and the promise that it then breaks, or nothing.
pub(crate) async fn unfinished(world: &World, court: &Services) -> Option<(Promise, String)> {
    for (id, state) in world.oracle.agreements() {
        if matches!(state, AgreementState::InForce | AgreementState::Defaulted) {
            return Some((Promise::Settled, format!("agreement {id} is {state:?}")));
        }
        let get = v1::GetAgreementRequest { name: format!("agreements/{id}"), purpose: None };
        let known = court.agreements().get_agreement(by("clerk", get)).await;
        if !known.is_ok_and(|known| known.into_inner().state() == on_wire(state)) {
            return Some((Promise::Final, format!("the gateway does not know the last of agreement {id}")));
        }
        let fired = match firings(court, &id).await {
            Ok(fired) => fired.len(),
            Err(problem) => return Some((Promise::Final, problem)),
        };
        let expected = usize::from(state == AgreementState::Opened);
        if fired != expected {
            let how = format!("agreement {id} is {state:?}, and {fired} firings say so");
            return Some((Promise::FiredOnce, how));
        }
    }
    None
}

/// Holds every agreement against what was paid, and every firing against what it fired on.
pub(crate) async fn check(world: &World) {
    let Some((_, court)) = world.gateways[0].services() else { return };
    for (id, state) in world.oracle.agreements() {
        let entry: Option<AgreementEntry> = world.value(0, &StatePath::Agreement(parties::member(0), id)).await;
        let Some(entry) = entry else {
            world.oracle.broken(Promise::OneHistory, format_args!("agreement {id} was on the chain and is gone"));
        };
        world.oracle.holds(&entry);
        if state == AgreementState::Opened {
            explained(world, &court, &id).await;
        }
    }
    for (chain, reference) in world.oracle.all_recorded() {
        let path = StatePath::Record(parties::payments(), reference);
        if world.value::<RecordState>(chain, &path).await.is_none() {
            world.oracle.broken(Promise::Kept, "a payment was said to be recorded, and is not");
        }
    }
}

/// What a default opened is explained by facts, and proposes one draft that waits or was taken up.
async fn explained(world: &World, court: &Services, id: &AgreementId) {
    let broken = |how: &str| world.oracle.broken(Promise::FiredOnce, format_args!("the firing on {id} {how}"));
    let Ok([firing]) = <[v1::Firing; 1]>::try_from(firings(court, id).await.unwrap_or_default()) else {
        return broken("does not stand alone");
    };
    if firing.facts.is_empty() || firing.facts.iter().any(|fact| fact.proof.is_none()) {
        broken("does not say what it rests on");
    }
    let [name] = firing.proposals.as_slice() else { return broken("proposes something else than one order") };
    let get = v1::GetProposalRequest { name: name.clone(), purpose: None };
    let proposal = court.triggers().get_proposal(by("clerk", get)).await.map(tonic::Response::into_inner);
    if !proposal.is_ok_and(|proposal| !proposal.order.is_empty()) {
        broken("proposes an order, and there is no draft");
    }
}

async fn firings(court: &Services, id: &AgreementId) -> Result<Vec<v1::Firing>, String> {
    let listed = court.triggers().list_firings(by("clerk", v1::ListFiringsRequest::default())).await;
    let mut firings = listed.map_err(|status| format!("firings cannot be read: {status}"))?.into_inner().firings;
    let subject = format!("agreements/{id}");
    firings.retain(|firing| firing.subject == subject);
    Ok(firings)
}

const fn on_wire(state: AgreementState) -> State {
    match state {
        AgreementState::InForce => State::InForce,
        AgreementState::Performed => State::Performed,
        AgreementState::Defaulted => State::Defaulted,
        AgreementState::Stopped => State::Stopped,
        AgreementState::Opened => State::Opened,
    }
}
