//! Obligations on the court's chain: what is claimed, what is held and deducted for it, over all its orders.
//!
//! A deduction reserves its amount before it leaves, so that several at once cannot take more than is claimed. Parallel
//! holds may come to more than that, since nobody knows beforehand what they will find: the excess is reported, and what
//! would end it is proposed. It knows only what was proven; indivisible assets and other currencies count for nothing.

use crate::refusal::{Reason, Stop, require};
use crate::working::Execution;
use comity_model::event::Event;
use comity_model::obligation::{Claim, Obligation, ProposedRelease};
use comity_model::order::{OrderEntry, OrderState, SealedOrder};
use comity_model::profile::Effect;
use comity_model::state::StatePath;
use comity_model::{Amount, MemberId, ObligationId, OrderId};
use comity_verify::order as verify;

/// Most orders that serve one obligation.
const ORDERS_MAX: usize = 256;

/// Whether the order may be committed for the obligation that `claim` opens; the first order opens the obligation.
pub(crate) fn bind(
    ex: &mut Execution<'_>,
    sealed: &SealedOrder,
    claim: Option<&Claim>,
) -> Result<Option<ObligationId>, Stop> {
    let order = &sealed.order;
    require(order.obligation == claim.map(verify::claim), Reason::ClaimMismatch)?;
    if order.effect == Effect::Deduct {
        check_original(ex, sealed, claim)?;
    }
    let Some(claim) = claim else {
        return Ok(None);
    };
    let path = StatePath::Obligation(order.court.clone(), claim.obligation);
    let mut obligation = ex.state.read(&path, "an obligation")?.unwrap_or_else(|| Obligation {
        court: order.court.clone(),
        claimed: claim.claimed,
        orders: Vec::new(),
        controlled: 0,
        reserved: 0,
        obtained: 0,
        proposed: Vec::new(),
    });
    require(obligation.claimed == claim.claimed, Reason::ClaimMismatch)?;
    require(obligation.orders.len() < ORDERS_MAX, Reason::ObligationFull)?;
    if order.effect == Effect::HoldDivisible {
        require(obligation.controlled < obligation.claimed.minor, Reason::ObligationCovered)?;
    }
    if let Some(amount) = order.amount.filter(|_| order.effect == Effect::Deduct) {
        let left = obligation.outstanding().checked_sub(amount);
        require(left.is_some(), Reason::ObligationExceeded)?;
    }
    obligation.orders.push(order.id);
    ex.state.write(&path, &obligation);
    Ok(Some(claim.obligation))
}

/// What is deducted out of a hold serves the obligation that the hold serves: otherwise the cap could be walked around.
fn check_original(ex: &Execution<'_>, sealed: &SealedOrder, claim: Option<&Claim>) -> Result<(), Stop> {
    let original = match &sealed.order.original {
        Some(original) => ex.state.read::<OrderEntry>(&StatePath::Order(*original), "an order")?,
        None => None,
    };
    let served = original.and_then(|original| original.obligation);
    require(served == claim.map(|claim| claim.obligation), Reason::OtherObligation)
}

/// Sums an obligation anew after one of its orders changed.
pub(crate) fn recount(ex: &mut Execution<'_>, court: &MemberId, id: ObligationId) -> Result<(), Stop> {
    let path = StatePath::Obligation(court.clone(), id);
    let Some(mut obligation) = ex.state.read::<Obligation>(&path, "an obligation")? else {
        return Ok(());
    };
    let before = obligation.over_control();
    let mut entries = Vec::with_capacity(obligation.orders.len());
    for order in &obligation.orders {
        entries.extend(ex.state.read::<OrderEntry>(&StatePath::Order(*order), "an order")?);
    }
    let (mut controlled, mut reserved, mut obtained) = (0u64, 0u64, 0u64);
    for entry in &entries {
        let (held, deducted) = in_hand(entry, obligation.claimed);
        controlled = controlled.saturating_add(held).saturating_add(deducted);
        let amount = entry.sealed.order.amount.filter(|_| entry.sealed.order.effect == Effect::Deduct);
        let amount = amount.map_or(0, |amount| amount.minor);
        match entry.state {
            OrderState::Committed | OrderState::Relayed | OrderState::Pending => {
                reserved = reserved.saturating_add(amount);
            }
            OrderState::Executed => obtained = obtained.saturating_add(amount),
            _ => {}
        }
    }
    obligation.controlled = controlled;
    obligation.reserved = reserved;
    obligation.obtained = obtained;
    let excess = obligation.over_control();
    obligation.proposed = proposals(&entries, excess);
    ex.state.write(&path, &obligation);
    if excess != before {
        ex.emit(Event::OverControl { court: court.clone(), obligation: id, excess });
    }
    Ok(())
}

/// What an order holds and has deducted, by the court's mirror, in the claim's currency.
fn in_hand(entry: &OrderEntry, claimed: Amount) -> (u64, u64) {
    let minor = |amount: Option<Amount>| {
        amount.filter(|amount| amount.currency == claimed.currency).map_or(0, |amount| amount.minor)
    };
    entry.hold().map_or((0, 0), |hold| (minor(hold.held), minor(hold.deducted)))
}

/// Which holds to lessen so that nothing is in excess: the newest first, each by as little as needed.
fn proposals(entries: &[OrderEntry], excess: Amount) -> Vec<ProposedRelease> {
    let mut left = excess.minor;
    let mut proposed = Vec::new();
    for entry in entries.iter().rev() {
        let Some(asked) = entry.hold().and_then(|hold| hold.asked) else { continue };
        let (held, _) = in_hand(entry, excess);
        let share = held.min(left);
        if share == 0 {
            continue;
        }
        left = left.saturating_sub(share);
        // A release lessens what is asked for; what waits goes first.
        let minor = asked.minor.saturating_sub(held).saturating_add(share);
        proposed.push(ProposedRelease { order: order_of(entry), amount: Amount { minor, ..excess } });
    }
    proposed
}

const fn order_of(entry: &OrderEntry) -> OrderId {
    entry.sealed.order.id
}
