//! Where records stand on the chain: under their own names, or, where those are personal data, under ids that only the
//! institution's lookup key can compute and everybody can check (see `verify::lookup`).
//! It refuses to know what stands there.

use super::RecordKeeper;
use crate::error::{ApiError, Reason};
use crate::lookup::LookupKey;
use crate::sectors::SectorSchema;
use comity_model::{RecordId, Sector};
use comity_verify::lookup;
use comity_verify::vrf::Proof;
use std::sync::Arc;

/// Where a record stands.
pub(crate) struct Place {
    /// Its id on the chain.
    pub(crate) id: RecordId,
    /// Of a private id: the proof that the record of this name can stand nowhere else.
    pub(crate) vrf_proof: Option<Proof>,
}

impl RecordKeeper {
    /// Where the record of this name stands, or would.
    pub(crate) async fn place(&self, schema: &SectorSchema, name: &RecordId) -> Result<Place, ApiError> {
        if !schema.private_ids() {
            return Ok(Place { id: name.clone(), vrf_proof: None });
        }
        let key = self.key_of(&schema.name)?;
        let input = lookup::record_input(&schema.name, name);
        // A quarter of a millisecond.
        let proven = tokio::task::spawn_blocking(move || key.prove(&input)).await.map_err(ApiError::fault)?;
        let (output, proof) = proven.ok_or_else(no_point)?;
        Ok(Place { id: lookup::private_id(&output), vrf_proof: Some(proof) })
    }

    /// The ids on the chain of records of these names, in their order.
    pub(super) async fn ids(&self, schema: &SectorSchema, names: Vec<RecordId>) -> Result<Vec<RecordId>, ApiError> {
        if !schema.private_ids() {
            return Ok(names);
        }
        let (key, sector) = (self.key_of(&schema.name)?, schema.name.clone());
        let ids = move || names.iter().map(|name| private_id(&key, &sector, name)).collect();
        // A tenth of a millisecond each, and a batch has hundreds.
        tokio::task::spawn_blocking(ids).await.map_err(ApiError::fault)?
    }

    fn key_of(&self, sector: &Sector) -> Result<Arc<LookupKey>, ApiError> {
        self.0.lookup.clone().ok_or_else(|| key_missing(sector))
    }
}

/// The private id of the record of this name.
pub(crate) fn private_id(key: &LookupKey, sector: &Sector, name: &RecordId) -> Result<RecordId, ApiError> {
    let output = key.output(&lookup::record_input(sector, name)).ok_or_else(no_point)?;
    Ok(lookup::private_id(&output))
}

/// Nothing can be said of this sector's records without the key.
pub(crate) fn key_missing(sector: &Sector) -> ApiError {
    let message = format!("Records of {sector} stand under private ids, and this gateway has no lookup key.");
    ApiError::new(Reason::LookupKeyMissing, message).with("sector", sector.as_str())
}

/// Happens to one input in 2²⁵⁶.
fn no_point() -> ApiError {
    ApiError::fault("a name has no point on the curve")
}
