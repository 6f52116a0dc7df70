//! Triggers: a proven fact, or its proven absence by a date, proposes the next procedure. Rules are data, loaded whole when
//! the gateway starts; each firing is kept with the facts that it rests on. Rules propose; people decide.
//! It refuses to send anything, and to fire on what was not proven.

mod book;
mod engine;
mod investigate;
mod rules;
mod service;
mod source;
mod stop;
mod stored;

pub use rules::{RuleError, RuleSource, Rules};
pub use stop::{ProposalStop, TAG_STOP};

pub(crate) use book::FiringBook;
pub(crate) use engine::{Engine, EngineParts, run};
pub(crate) use investigate::{Asker, run as investigate};
pub(crate) use rules::AgreementKind;
pub(crate) use service::{TriggersService, place};
