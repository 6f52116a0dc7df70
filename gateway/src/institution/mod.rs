//! The other side of an order: private parts arrive, assets are looked up, the institution decides.
//! It refuses to know how orders are drawn up.

mod assets;
mod courts;
mod decider;
mod inbox;
mod judge;

pub(crate) use assets::BATCH_MAX as ASSETS_MAX;
pub use assets::{AssetError, AssetRegister, KnownAsset, NewAsset, Registered};
pub use courts::{CourtError, Courts};
pub use decider::{DecideError, DecidePolicy, Decider, DeciderParts};
pub use inbox::{Inbox, InboxParts};
pub use judge::code;
