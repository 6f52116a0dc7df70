//! Records that others hold. Whoever read a record of a followed sector is its *holder* from then on: the keeper's gateway
//! delivers each later version to it, with proof, and has its receipt under seal; and the holder's gateway checks on its own,
//! by proof, whether what it holds still stands. What a holder believes rests on proof alone, whoever brought it.
//! This module refuses to know how a record is answered and verified (see `records`), and what is in it.

mod calendar;
mod check;
mod deliver;
mod deliveries;
mod held;
mod holders;
mod holdings;
mod receive;
mod rows;

pub use calendar::{Calendar, CalendarError};

pub(crate) use check::{CHECK_MAX, Checker};
pub(crate) use deliver::Deliverer;
pub(crate) use deliveries::DeliveriesService;
pub(crate) use held::{Asked, HeldBook, Kept};
pub(crate) use holders::{Changed, Holder, HolderBook};
pub(crate) use holdings::HoldingsService;
pub(crate) use receive::Receiver;

use comity_model::{MemberId, RecordId, Sector};
use comity_verify::following;
use std::time::Duration;

/// How corrections are delivered and looked for.
#[derive(Clone, Debug)]
pub struct Following {
    /// Which days count.
    pub calendar: Calendar,
    /// Within how many working days after a change every holder must have acknowledged it.
    pub working_days: u32,
    /// How often what is held of others' records is checked on their chains.
    pub check_every: Duration,
}

impl Default for Following {
    /// Three working days; a check an hour.
    fn default() -> Self {
        Self { calendar: Calendar::default(), working_days: 3, check_every: Duration::from_secs(3_600) }
    }
}

/// What makes a holding: whose record, which, and who of whom holds it.
#[derive(Clone, Debug, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub(crate) struct Holding {
    pub(crate) keeper: MemberId,
    pub(crate) sector: Sector,
    pub(crate) record: RecordId,
    pub(crate) holder: MemberId,
    pub(crate) role: String,
}

impl Holding {
    /// Its id, the same on both sides.
    pub(crate) fn id(&self) -> HoldingId {
        following::holding((&self.keeper, &self.sector, &self.record), (&self.holder, &self.role))
    }

    /// "members/{member}/sectors/{sector}/records/{record}"
    pub(crate) fn record_name(&self) -> String {
        format!("members/{}/sectors/{}/records/{}", self.keeper, self.sector, self.record)
    }
}

/// Id of a holding.
pub(crate) type HoldingId = [u8; 16];

/// The holding of a resource's name: `<collection>/<32 hex digits>`.
pub(crate) fn named(collection: &str, name: &str) -> Option<HoldingId> {
    let digits = name.strip_prefix(collection)?.strip_prefix('/')?;
    let id = hex::decode(digits).ok()?.try_into().ok()?;
    // One form each: upper-case digits are another name, of nothing.
    (hex::encode(id) == digits).then_some(id)
}

/// How often a change is tried: whoever came first wins, and the other looks again.
const TRIES_MAX: usize = 32;

/// Most holdings in a shard, of which there are 16: counted apart, so that readers at once do not wait for each other.
const SHARD_MAX: u64 = 65_536;

/// When to try again after so many attempts: from a second, doubling, to a quarter of an hour.
fn back_off_s(attempts: u32) -> u64 {
    1u64.checked_shl(attempts.saturating_sub(1)).map_or(900, |seconds| seconds.min(900))
}

/// A key in order of time.
fn timed(at: comity_model::UnixSeconds, id: &HoldingId) -> Vec<u8> {
    [at.0.to_be_bytes().as_slice(), id].concat()
}
