//! Orders of this court: drawn up, approved, sealed, delivered, committed, and followed until their result is proven.
//! It refuses to know sectors by name and assets: what an order asks for is the private part's business.

pub(crate) mod class;

mod book;
mod checks;
mod claims;
mod collect;
mod desk;
mod draft;
mod follow;
mod grounds;
mod home;
mod learn;
mod newest;
mod obligations;
mod pipeline;
mod recipient;
mod room;
mod service;
mod stored;
#[cfg(test)]
pub(crate) mod testing;
mod trace;
mod validated;
mod watch;
mod work;

pub use book::{BookError, Filed, OrderBook};
pub use checks::{Check, Needed, Shown, Validation};
pub use desk::{Desk, DeskError, DeskParts, OrderClients};
pub use draft::{DraftError, DraftRequest};
pub use follow::{Concerned, Follow};
pub use home::{Answer, Home};
pub use learn::Learner;
pub use obligations::{ObligationError, ObligationsService};
pub use pipeline::code;
pub use room::Full;
pub use service::OrdersService;
pub use stored::{Delivered, NotForward, ProvenUnder, Step, StoredAnswer, StoredOrder, follows};
pub use work::{Work, WorkParts};
