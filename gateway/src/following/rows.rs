//! What both books keep, and the moves they share: counting in shards, and reading keys in order of time.
//! It refuses to know what a row means.

use super::{HoldingId, SHARD_MAX};
use crate::error::{ApiError, Reason};
use comity_model::UnixSeconds;
use comity_store::{Batch, Store, Table};

/// The count of a shard: read, to be written with the row that it counts.
pub(super) struct Count {
    table: Table,
    key: Vec<u8>,
    was: Option<Vec<u8>>,
    number: u64,
}

impl Count {
    /// The shard of `owner` to which `id` belongs.
    pub(super) async fn read(store: &dyn Store, table: Table, owner: &[u8], id: &HoldingId) -> Result<Self, ApiError> {
        let key = [owner, &[0, id.first().copied().unwrap_or(0) & 15]].concat();
        let was = store.read(table, &key).await?;
        let number = was.as_deref().and_then(|bytes| Some(u64::from_be_bytes(bytes.try_into().ok()?))).unwrap_or(0);
        Ok(Self { table, key, was, number })
    }

    /// One more, unless there are too many.
    pub(super) fn add(self, batch: Batch) -> Result<Batch, ApiError> {
        if self.number >= SHARD_MAX {
            let message = "As many records are held as can be followed. End holdings that are needed no longer.";
            return Err(ApiError::new(Reason::HoldingsFull, message));
        }
        let number = self.number.saturating_add(1);
        Ok(self.write(batch, number))
    }

    /// One less.
    pub(super) fn take(self, batch: Batch) -> Batch {
        let number = self.number.saturating_sub(1);
        self.write(batch, number)
    }

    fn write(self, batch: Batch, number: u64) -> Batch {
        let batch = match self.was {
            Some(was) => batch.equals(self.table, self.key.clone(), was),
            None => batch.absent(self.table, self.key.clone()),
        };
        batch.put(self.table, self.key, number.to_be_bytes())
    }
}

/// The time and the id in a key of [`super::timed`].
pub(super) fn of_time(key: &[u8]) -> Option<(UnixSeconds, HoldingId)> {
    let at = u64::from_be_bytes(key.get(..8)?.try_into().ok()?);
    Some((UnixSeconds(at), key.get(8..24)?.try_into().ok()?))
}

/// The key right after `key`: where the next page begins.
pub(super) fn after(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

/// A page's token as it goes out, and comes back.
pub(super) fn from_token(token: &str) -> Result<Vec<u8>, ApiError> {
    let key = hex::decode(token).ok().filter(|key| key.len() < comity_store::KEY_BYTES_MAX);
    key.map(|key| if key.is_empty() { key } else { after(&key) })
        .ok_or_else(|| ApiError::argument("page_token", "This is no token of a page."))
}
