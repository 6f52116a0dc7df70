//! Puts the invented records and assets into the institutions' stores and their commitments onto the chains, the way any
//! institution would: by its own keeper and register, sealed by its own signer.
//! Refuses to know what the records say.

use super::Institution;
use super::data::{SandboxData, SectorData};
use crate::failure::{Failure, OrFail};
use comity_gateway::institution::NewAsset;
use comity_model::asset::Enforcement;
use futures::future::{try_join, try_join_all};

/// Loads every sector into the institution that answers for it, all at once.
pub(super) async fn load(institutions: &[Institution], data: &SandboxData) -> Result<(), Failure> {
    let loads = data.sectors.iter().map(|sector| async move {
        let institution = institutions
            .iter()
            .find(|institution| institution.sectors.contains(&sector.sector))
            .ok_or_else(|| Failure::fault(format!("nobody in the sandbox answers for {}", sector.sector)))?;
        try_join(records(institution, sector), assets(institution, sector)).await
    });
    try_join_all(loads).await?;
    Ok(())
}

async fn records(institution: &Institution, data: &SectorData) -> Result<(), Failure> {
    let records = data.records.iter().map(|record| (record.id.clone(), record.fields.clone())).collect();
    institution
        .gateway
        .records()
        .publish(&data.sector, records)
        .await
        .or_fault(|| format!("the records of {} were not published", institution.id))?;
    Ok(())
}

async fn assets(institution: &Institution, data: &SectorData) -> Result<(), Failure> {
    let assets = data
        .assets
        .iter()
        .map(|asset| NewAsset {
            sector: data.sector.clone(),
            reference: asset.reference.clone(),
            value: asset.value,
            enforcement: Enforcement::Attested,
            follows: None,
        })
        .collect();
    institution
        .gateway
        .assets()
        .register(assets)
        .await
        .or_fault(|| format!("the assets of {} were not registered", institution.id))?;
    Ok(())
}
