//! Commitments of records, and the register of assets under opaque handles.
//!
//! Both are batches under an institution's seal. It knows no field and no person: what stands here are hashes, random
//! handles and public numbers.

use crate::holds;
use crate::members;
use crate::refusal::{Reason, Stop, require};
use crate::working::Execution;
use comity_model::asset::{Asset, AssetStatus};
use comity_model::profile::Profile;
use comity_model::record::RecordState;
use comity_model::seal::Signature;
use comity_model::state::StatePath;
use comity_model::tx::{AssetBatch, RecordBatch};
use comity_model::{MemberId, Sector};
use comity_verify::seal::{TAG_ASSETS, TAG_RECORDS};

/// Most records or assets in one batch.
pub(crate) const BATCH_MAX: usize = 2_000;

/// Writes commitments of records.
pub(crate) fn put(ex: &mut Execution<'_>, batch: &RecordBatch, seal: &Signature) -> Result<(), Stop> {
    require(batch.chain == ex.config.chain, Reason::WrongChain)?;
    require((1..=BATCH_MAX).contains(&batch.records.len()), Reason::BatchSize)?;
    answers_for(ex, &batch.member, &batch.sector)?;
    let member = members::valid_at_home(ex, &batch.member)?;
    members::check_seal(&member, TAG_RECORDS, batch, seal, ex.config.suites)?;
    for (id, record) in &batch.records {
        let path = StatePath::Record(batch.sector.clone(), id.clone());
        let standing: Option<RecordState> = ex.state.read(&path, "a record")?;
        if standing.as_ref() == Some(record) {
            continue;
        }
        let next = standing.map_or(1, |standing| standing.version.saturating_add(1));
        require(record.version == next, Reason::RecordVersion)?;
        ex.state.write(&path, record);
    }
    Ok(())
}

/// Registers assets, or changes their values; a higher value reaches the holds that wait for it.
pub(crate) fn register(ex: &mut Execution<'_>, batch: &AssetBatch, seal: &Signature) -> Result<(), Stop> {
    require(batch.chain == ex.config.chain, Reason::WrongChain)?;
    require((1..=BATCH_MAX).contains(&batch.assets.len()), Reason::BatchSize)?;
    let member = members::valid_at_home(ex, &batch.member)?;
    members::check_seal(&member, TAG_ASSETS, batch, seal, ex.config.suites)?;
    for asset in &batch.assets {
        require(asset.institution == batch.member, Reason::NotTheInstitution)?;
        answers_for(ex, &batch.member, &asset.sector)?;
        register_one(ex, asset)?;
    }
    Ok(())
}

fn register_one(ex: &mut Execution<'_>, asset: &Asset) -> Result<(), Stop> {
    let path = StatePath::Asset(asset.handle);
    let Some(standing) = ex.state.read::<Asset>(&path, "an asset")? else {
        let sound = asset.revision == 1 && asset.status == AssetStatus::Standing;
        require(sound, Reason::AssetRevision)?;
        let fresh = Asset { holds: 0, ..asset.clone() };
        ex.state.write(&path, &fresh);
        return Ok(());
    };
    let changed = Asset { holds: standing.holds, ..asset.clone() };
    if changed == standing {
        return Ok(());
    }
    require(standing.status == AssetStatus::Standing, Reason::AssetTransferred)?;
    require(asset.revision == standing.revision.saturating_add(1), Reason::AssetRevision)?;
    let same_currency = asset.value.map(|value| value.currency) == standing.value.map(|value| value.currency);
    require(
        same_currency
            && asset.sector == standing.sector
            && asset.institution == standing.institution
            && asset.enforcement == standing.enforcement
            && asset.status == standing.status,
        Reason::AssetChanged,
    )?;
    holds::settle_overdue(ex, &asset.handle)?;
    let held = holds::held_in_all(ex, &asset.handle)?;
    let value = asset.value.map_or(0, |value| value.minor);
    require(value >= held, Reason::AssetHeld)?;
    ex.state.write(&path, &changed);
    let now = ex.now();
    holds::settle(ex, &asset.handle, now, None, None)
}

/// The profile of a sector of this chain.
pub(crate) fn profile(ex: &Execution<'_>, sector: &Sector) -> Result<Option<Profile>, Stop> {
    let path = StatePath::Profile(sector.clone());
    Ok(ex.state.read(&path, "a profile")?)
}

fn answers_for(ex: &Execution<'_>, member: &MemberId, sector: &Sector) -> Result<(), Stop> {
    let profile = profile(ex, sector)?.ok_or(Reason::UnknownSector)?;
    require(profile.institution == *member, Reason::NotTheInstitution)
}
