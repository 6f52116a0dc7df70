//! What an institution has stored, for whoever compares it with the chain: assets page by page, private parts by presence.
//! It refuses to hand out private parts and what assets are called.

use super::assets::{ASSETS, Row};
use super::inbox::{self, PRIVATE};
use crate::error::ApiError;
use comity_model::asset::Asset;
use comity_model::{AssetHandle, Malformed, MemberId, OrderId, Sector, decode};
use comity_store::Store;

/// An asset of the store.
pub(crate) struct StoredAsset {
    /// Its sector.
    pub(crate) sector: Sector,
    /// Its handle.
    pub(crate) handle: AssetHandle,
    /// The place to go on after.
    pub(crate) after: Vec<u8>,
    row: Row,
}

impl StoredAsset {
    /// Whether the chain's asset of this handle is the one that is meant.
    pub(crate) fn is(&self, asset: &Asset, institution: &MemberId) -> bool {
        asset.sector == self.sector && asset.institution == *institution && self.row.is_of(asset)
    }
}

/// At most `limit` assets after a place; all of them after the empty one.
pub(crate) async fn assets(store: &dyn Store, after: &[u8], limit: usize) -> Result<Vec<StoredAsset>, ApiError> {
    let from = if after.is_empty() { Vec::new() } else { [after, &[0]].concat() };
    let rows = store.scan(ASSETS, &[], &from, limit).await?;
    rows.into_iter()
        .map(|(key, bytes)| {
            let sector = key.split(|byte| *byte == 0).next().and_then(|name| std::str::from_utf8(name).ok());
            let sector = sector.and_then(|name| name.parse().ok());
            let sector = sector.ok_or_else(|| ApiError::fault(Malformed { what: "an asset key" }))?;
            let row: Row = decode("asset row", &bytes).map_err(ApiError::fault)?;
            Ok(StoredAsset { sector, handle: row.asset.handle, after: key, row })
        })
        .collect()
}

/// Whether the private part of a court's order arrived.
pub(crate) async fn has_private_part(store: &dyn Store, court: &MemberId, order: &OrderId) -> Result<bool, ApiError> {
    Ok(store.read(PRIVATE, &inbox::key(court, order)).await?.is_some())
}
