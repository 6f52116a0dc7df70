//! The records of the store, page by page, for whoever compares them with the chain.
//! It refuses to hand out fields.

use super::row::{RECORDS, Row};
use crate::error::ApiError;
use comity_model::record::RecordState;
use comity_model::{Malformed, RecordId, Sector, decode};
use comity_store::Store;
use comity_verify::lookup;

pub(crate) use super::place::{key_missing, private_id};

/// A record of the store.
pub(crate) struct StoredRecord {
    /// Its sector.
    pub(crate) sector: Sector,
    /// Its id.
    pub(crate) id: RecordId,
    /// The place to go on after.
    pub(crate) after: Vec<u8>,
    row: Row,
}

impl StoredRecord {
    /// Whether it belongs to an index, and is called what it is on the chain.
    pub(crate) fn is_of_index(&self) -> bool {
        self.id.as_str().starts_with(lookup::RESERVED)
    }

    /// Whether the store can open what the chain says of the record, or will bring the chain there by itself.
    pub(crate) fn opens(&self, state: Option<&RecordState>) -> bool {
        match state {
            Some(state) => self.row.has(state),
            None => !self.row.is_settled(),
        }
    }
}

/// At most `limit` records after a place; all of them after the empty one.
pub(crate) async fn page(store: &dyn Store, after: &[u8], limit: usize) -> Result<Vec<StoredRecord>, ApiError> {
    let from = if after.is_empty() { Vec::new() } else { [after, &[0]].concat() };
    let rows = store.scan(RECORDS, &[], &from, limit).await?;
    rows.into_iter()
        .map(|(key, bytes)| {
            let (sector, id) = names(&key).ok_or_else(|| ApiError::fault(Malformed { what: "a record key" }))?;
            let row = decode("a record row", &bytes).map_err(ApiError::fault)?;
            Ok(StoredRecord { sector, id, after: key, row })
        })
        .collect()
}

fn names(key: &[u8]) -> Option<(Sector, RecordId)> {
    let (sector, id) = std::str::from_utf8(key).ok()?.split_once('\0')?;
    Some((sector.parse().ok()?, id.parse().ok()?))
}
