//! Agreements of this court: drawn up, sealed, put on the chain, and followed: a watcher proves payments and defaults to
//! the chain as they become provable. What a default proposes beyond that is `triggers`' matter.
//! It refuses to believe that anything was paid, or was not, before the court's chain took the proof.

mod book;
mod desk;
mod evidence;
mod service;
mod stored;
mod terms;
mod watch;
mod wire;

pub(crate) use book::AgreementBook;
pub(crate) use desk::{AgreementDesk, DeskParts};
pub(crate) use service::AgreementsService;
pub use stored::StoredAgreement;
pub(crate) use watch::run;
pub(crate) use wire::{approval, opens_name};
