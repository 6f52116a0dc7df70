//! The other side of an order: private parts arrive, assets are looked up, the institution decides.
//! It refuses to know how orders are drawn up.

mod answers;
mod assets;
mod claimed;
mod courts;
mod decider;
mod facts;
mod gather;
mod grounds;
mod inbox;
mod judge;
mod objections;
mod service;
mod shown;
pub(crate) mod stored;

pub use answers::Answers;
pub(crate) use assets::BATCH_MAX as ASSETS_MAX;
pub use assets::{AssetError, AssetRegister, KnownAsset, NewAsset, ProvenAssets, Registered, RegisteredAsset};
pub use courts::{CourtError, Courts};
pub use decider::{ByHand, DecideError, DecidePolicy, Decider, DeciderParts};
pub(crate) use inbox::purpose_of;
pub use inbox::{Inbox, InboxParts};
pub use judge::code;
pub use objections::Arrived;
pub(crate) use service::InstitutionService;
