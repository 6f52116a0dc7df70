//! Due dates: what happens by itself when block time has come.
//!
//! They run before a block's transactions, ordered by (date, kind, what it is of), a bounded number a block. The legal effect is
//! of the due date, not of the block that carries it out.

use crate::refusal::Stop;
use crate::side::{self, Side};
use crate::working::{Execution, Working};
use crate::{AppError, agreements, decisions, holds};
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::event::Event;
use comity_model::{AgreementId, ClientId, MemberId, OrderId, UnixSeconds};

/// An order must be decided by then.
pub(crate) const DECIDE: u8 = 1;
/// A hold lapses then.
pub(crate) const LAPSE: u8 = 2;
/// An objection must be answered by then.
pub(crate) const OBJECTION: u8 = 3;
/// An instalment of an agreement is due.
pub(crate) const INSTALMENT: u8 = 4;
/// What an agreement's default opens, opens.
pub(crate) const OPENING: u8 = 5;
/// Most due dates carried out in one block.
const PER_BLOCK_MAX: usize = 256;

/// Something that falls due.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Due {
    at: UnixSeconds,
    kind: u8,
    subject: Subject,
}

/// What a date is of.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Subject {
    /// An order that arrived over a client.
    Order(ClientId, OrderId),
    /// An agreement of a court.
    Agreement(MemberId, AgreementId),
}

/// Sets a due date of an order that arrived over `client`.
pub(crate) fn set(ex: &mut Execution<'_>, at: UnixSeconds, kind: u8, client: &ClientId, order: OrderId) {
    set_of(ex, at, kind, Subject::Order(client.clone(), order));
}

/// Sets a due date of anything.
pub(crate) fn set_of(ex: &mut Execution<'_>, at: UnixSeconds, kind: u8, subject: Subject) {
    let row = Side::Due(at, kind, subject.clone());
    ex.state.set_side(&row, &Due { at, kind, subject });
}

/// Takes a due date back.
pub(crate) fn clear(ex: &mut Execution<'_>, at: UnixSeconds, kind: u8, client: &ClientId, order: OrderId) {
    clear_of(ex, at, kind, Subject::Order(client.clone(), order));
}

/// Takes a due date of anything back.
pub(crate) fn clear_of(ex: &mut Execution<'_>, at: UnixSeconds, kind: u8, subject: Subject) {
    ex.state.remove_side(&Side::Due(at, kind, subject));
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
        clear_of(ex, due.at, due.kind, due.subject.clone());
        let done = carry_out(ex, &due);
        match done {
            Ok(()) => events.extend(ex.keep()),
            Err(Stop::Fault(fault)) => return Err(fault),
            Err(Stop::Refused(refusal)) => {
                // Nothing that was accepted before can be refused when it falls due. Were it so, the date must not
                // come back for ever.
                tracing::error!(code = refusal.code(), subject = ?due.subject, "a due date was refused");
                ex.discard();
                clear_of(ex, due.at, due.kind, due.subject);
                events.extend(ex.keep());
            }
        }
    }
    Ok(events)
}

fn carry_out(ex: &mut Execution<'_>, due: &Due) -> Result<(), Stop> {
    match &due.subject {
        Subject::Order(client, order) => match due.kind {
            DECIDE => decisions::undecided(ex, client, order),
            OBJECTION => holds::objections::unanswered(ex, client, order, due.at),
            _ => holds::lapse(ex, client, order, due.at),
        },
        Subject::Agreement(court, agreement) => match due.kind {
            INSTALMENT => agreements::fall_due(ex, court, *agreement),
            _ => agreements::open(ex, court, *agreement, due.at),
        },
    }
}
