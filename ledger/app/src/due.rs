//! Due dates: what happens by itself when block time has come.
//!
//! They run before a block's transactions, ordered by (date, kind, client, order), a bounded number a block. The legal effect is
//! of the due date, not of the block that carries it out.

use crate::refusal::Stop;
use crate::side::{self, Side};
use crate::working::{Execution, Working};
use crate::{AppError, decisions, holds};
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::event::Event;
use comity_model::{ClientId, OrderId, UnixSeconds};

/// An order must be decided by then.
pub(crate) const DECIDE: u8 = 1;
/// A hold lapses then.
pub(crate) const LAPSE: u8 = 2;
/// An objection must be answered by then.
pub(crate) const OBJECTION: u8 = 3;
/// Most due dates carried out in one block.
const PER_BLOCK_MAX: usize = 256;

/// Something that falls due.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Due {
    at: UnixSeconds,
    kind: u8,
    client: ClientId,
    order: OrderId,
}

/// Sets a due date of an order that arrived over `client`.
pub(crate) fn set(ex: &mut Execution<'_>, at: UnixSeconds, kind: u8, client: &ClientId, order: OrderId) {
    let due = Due { at, kind, client: client.clone(), order };
    ex.state.set_side(&Side::Due(at, kind, client.clone(), order), &due);
}

/// Takes a due date back.
pub(crate) fn clear(ex: &mut Execution<'_>, at: UnixSeconds, kind: u8, client: &ClientId, order: OrderId) {
    ex.state.remove_side(&Side::Due(at, kind, client.clone(), order));
}

/// The soonest due date.
pub(crate) fn next(state: &Working<'_>) -> Result<Option<UnixSeconds>, AppError> {
    let first: Vec<Due> = state.scan(side::DUE, None, 1, "a due date")?;
    Ok(first.first().map(|due| due.at))
}

/// Carries out what is due at the block's time, each by itself.
pub(crate) fn run(ex: &mut Execution<'_>) -> Result<Vec<Event>, AppError> {
    let mut events = Vec::new();
    for _ in 0..PER_BLOCK_MAX {
        let first: Vec<Due> = ex.state.scan(side::DUE, None, 1, "a due date")?;
        let Some(due) = first.into_iter().next().filter(|due| due.at <= ex.now()) else {
            break;
        };
        clear(ex, due.at, due.kind, &due.client, due.order);
        let done = match due.kind {
            DECIDE => decisions::undecided(ex, &due.client, &due.order),
            OBJECTION => holds::objections::unanswered(ex, &due.client, &due.order, due.at),
            _ => holds::lapse(ex, &due.client, &due.order, due.at),
        };
        match done {
            Ok(()) => events.extend(ex.keep()),
            Err(Stop::Fault(fault)) => return Err(fault),
            Err(Stop::Refused(refusal)) => {
                // Nothing that was accepted before can be refused when it falls due. Were it so, the date must not
                // come back for ever.
                tracing::error!(code = refusal.code(), order = %due.order, "a due date was refused");
                ex.discard();
                clear(ex, due.at, due.kind, &due.client, due.order);
                events.extend(ex.keep());
            }
        }
    }
    Ok(events)
}
