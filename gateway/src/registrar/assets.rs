//! Assets of the own institution, row by row, and the service `Assets`.
//! It refuses to repeat a reference in an error: the row's index says which asset is meant.

use super::{Judged, RULES, Registrar, indexed, repeated, row_error};
use crate::audit;
use crate::convert::{RecordName, SectorName, amount_from_wire, amount_to_wire, proof};
use crate::error::{ApiError, Reason};
use crate::institution::{ASSETS_MAX, AssetError, NewAsset};
use crate::keeper::{chain_refused, signer_failed};
use crate::policy::{Permit, Policy, RegisterAssets};
use crate::server::caller;
use comity_model::asset::{Asset, Enforcement};
use comity_model::state::StatePath;
use comity_model::{Amount, Height, Sector, decode};
use comity_proto::v1;
use comity_proto::v1::assets_server::Assets;
use std::collections::HashSet;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The service.
pub(crate) struct AssetsService {
    pub(crate) policy: Arc<Policy>,
    pub(crate) registrar: Arc<Registrar>,
}

#[tonic::async_trait]
impl Assets for AssetsService {
    async fn batch_register_assets(
        &self,
        request: Request<v1::BatchRegisterAssetsRequest>,
    ) -> Result<Response<v1::BatchRegisterAssetsResponse>, Status> {
        let caller = caller(&request)?;
        let sector = RecordName::sector_of(&request.get_ref().parent);
        let permit = self.policy.permit_asked::<RegisterAssets>(&caller, sector)?;
        Ok(Response::new(self.registrar.register_assets(&permit, request.into_inner()).await?))
    }

    async fn lookup_asset(&self, request: Request<v1::LookupAssetRequest>) -> Result<Response<v1::Asset>, Status> {
        let caller = caller(&request)?;
        let sector = RecordName::sector_of(&request.get_ref().parent);
        let permit = self.policy.permit_asked::<RegisterAssets>(&caller, sector)?;
        Ok(Response::new(self.registrar.look_up(&permit, request.get_ref()).await?))
    }
}

/// What was registered of a batch.
#[derive(Default)]
struct Done {
    results: Vec<v1::AssetResult>,
    errors: Vec<v1::RowError>,
    /// What the chain must say of each.
    wanted: Vec<(StatePath, Option<Amount>)>,
    header: Option<Height>,
}

impl Registrar {
    async fn register_assets(
        &self,
        permit: &Permit<RegisterAssets>,
        request: v1::BatchRegisterAssetsRequest,
    ) -> Result<v1::BatchRegisterAssetsResponse, ApiError> {
        let parent = self.sector(&request.parent).await?;
        let Judged { rows, errors } = self.judge_assets(&parent.sector, request.rows).await?;
        if request.validate_only || rows.is_empty() {
            return Ok(v1::BatchRegisterAssetsResponse { errors, ..Default::default() });
        }
        let mut done = Done { errors, ..Done::default() };
        self.register_rows(rows, &mut done).await?;
        done.results.sort_by_key(|result| result.index);
        done.errors.sort_by_key(|error| error.index);
        let proof = if done.wanted.is_empty() {
            None
        } else {
            let says = |value: &Option<Amount>, bytes: &[u8]| self.says(&parent.sector, *value, bytes);
            Some(self.proof(&self.prove(done.header, &done.wanted, says).await?))
        };
        self.file_assets(permit, &parent, &done.results).await?;
        let changed = done.results.iter().filter(|result| result.changed).count();
        tracing::info!(
            caller = %permit.caller(), sector = %parent.sector, changed,
            unchanged = done.results.len().saturating_sub(changed), refused = done.errors.len(), "assets were registered"
        );
        Ok(v1::BatchRegisterAssetsResponse { results: done.results, errors: done.errors, proof })
    }

    async fn look_up(
        &self,
        permit: &Permit<RegisterAssets>,
        request: &v1::LookupAssetRequest,
    ) -> Result<v1::Asset, ApiError> {
        let parent = self.sector(&request.parent).await?;
        let unknown = || ApiError::new(Reason::UnknownAsset, "No asset is registered under this reference.");
        let known = self.assets.find(&parent.sector, &request.reference).await.map_err(failed)?.ok_or_else(unknown)?;
        // Follows an asset that goes on under a new handle; what is shown is then proven under one header.
        let (asset, _) = self.assets.standing(known.handle, Height(0)).await.map_err(failed)?;
        let handle = asset.ok_or_else(unknown)?.handle;
        let stood = self.home.now(&StatePath::Asset(handle)).await?;
        let value = stood.what.value().ok_or_else(unknown)?;
        let asset: Asset = decode("an asset", value.value()).map_err(ApiError::fault)?;
        let name = format!("members/{}/sectors/{}/assets/{}", parent.member, parent.sector, hex::encode(handle.0));
        let entry = audit::own_register(self.clock.now(), permit.caller(), "LookupAsset", name.clone(), Vec::new());
        self.audit.append_all(&[entry]).await?;
        Ok(v1::Asset {
            name,
            handle: handle.0.to_vec(),
            value: asset.value.as_ref().map(amount_to_wire),
            enforcement: match asset.enforcement {
                Enforcement::Native => v1::Enforcement::Native,
                Enforcement::Attested => v1::Enforcement::Attested,
            }
            .into(),
            holds_placed: asset.holds,
            etag: asset.revision.to_string(),
            proof: Some(proof(stood.what.at(), self.home.view().anchor(), RULES)),
        })
    }

    async fn judge_assets(&self, sector: &Sector, rows: Vec<v1::AssetRow>) -> Result<Judged<NewAsset>, ApiError> {
        let mut judged = Judged::default();
        let mut seen = HashSet::new();
        for (index, row) in indexed(rows, ASSETS_MAX)? {
            let row = match asset(sector, row) {
                Ok(new) if !seen.insert(new.reference.clone()) => Err(repeated()),
                Ok(new) => match self.assets.check(&new).await.map_err(failed) {
                    Ok(()) => Ok(new),
                    Err(error) if is_of_row(&error) => Err(error),
                    Err(error) => return Err(error),
                },
                Err(error) => Err(error),
            };
            judged.judge(index, row);
        }
        Ok(judged)
    }

    /// Registers rows; a batch that the chain refuses for one of them is halved until that one stands alone.
    async fn register_rows(&self, rows: Vec<(u32, NewAsset)>, done: &mut Done) -> Result<(), ApiError> {
        let mut open = vec![rows];
        while let Some(mut rows) = open.pop() {
            let assets = rows.iter().map(|(_, new)| new.clone()).collect();
            match self.assets.register(assets).await.map_err(failed) {
                Ok(registered) => {
                    done.header = done.header.max(registered.header);
                    for ((index, new), asset) in rows.into_iter().zip(registered.assets) {
                        done.wanted.push((StatePath::Asset(asset.handle), new.value));
                        done.results.push(v1::AssetResult {
                            index,
                            handle: asset.handle.0.to_vec(),
                            changed: asset.changed,
                            etag: asset.revision.to_string(),
                        });
                    }
                }
                Err(error) if is_of_row(&error) => match rows.as_slice() {
                    [(index, _)] => done.errors.push(row_error(*index, &error)),
                    _ => {
                        let later = rows.split_off(rows.len() / 2);
                        open.extend([later, rows]);
                    }
                },
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether the chain says of an asset of this institution what was registered.
    fn says(&self, sector: &Sector, value: Option<Amount>, bytes: &[u8]) -> bool {
        decode::<Asset>("an asset", bytes)
            .is_ok_and(|asset| asset.institution == self.institution && asset.sector == *sector && asset.value == value)
    }

    /// Who registered what; filed before it is answered.
    async fn file_assets(
        &self,
        permit: &Permit<RegisterAssets>,
        parent: &SectorName,
        results: &[v1::AssetResult],
    ) -> Result<(), ApiError> {
        let now = self.clock.now();
        let entries = results.iter().map(|result| {
            let handle = hex::encode(&result.handle);
            let name = format!("members/{}/sectors/{}/assets/{handle}", parent.member, parent.sector);
            audit::own_register(now, permit.caller(), "RegisterAssets", name, Vec::new())
        });
        self.audit.append_all(&entries.collect::<Vec<_>>()).await
    }
}

fn asset(sector: &Sector, row: v1::AssetRow) -> Result<NewAsset, ApiError> {
    let enforcement = match row.enforcement() {
        v1::Enforcement::Native => Enforcement::Native,
        v1::Enforcement::Attested | v1::Enforcement::Unspecified => Enforcement::Attested,
    };
    let value = row.value.map(|value| {
        let message = "The value is an amount in an ISO 4217 currency.";
        amount_from_wire(&value).ok_or_else(|| ApiError::argument("value", message))
    });
    let follows = match row.etag.as_str() {
        "" => None,
        etag => {
            let message = "The etag is not one that this service gave.";
            Some(etag.parse().map_err(|_| ApiError::argument("etag", message))?)
        }
    };
    Ok(NewAsset { sector: sector.clone(), reference: row.reference, value: value.transpose()?, enforcement, follows })
}

/// Whether an error says something of one row, not of the whole batch.
fn is_of_row(error: &ApiError) -> bool {
    matches!(
        error.reason(),
        Reason::AssetReference
            | Reason::AssetChanged
            | Reason::AssetHeld
            | Reason::AssetRevision
            | Reason::AssetTransferred
    )
}

fn failed(error: AssetError) -> ApiError {
    match error {
        AssetError::Reference => {
            let message = "A reference is 1 to 128 bytes of text without control characters.";
            ApiError::new(Reason::AssetReference, message).with("field", "reference")
        }
        AssetError::Twice => repeated(),
        AssetError::Changed => changed(),
        AssetError::Revision => {
            let message = "The asset changed on the chain since the state that this value follows: look it up again.";
            ApiError::new(Reason::AssetRevision, message).with("field", "etag")
        }
        AssetError::Gone => {
            let message = "An order handed the asset over to another owner; register what is new under its own name.";
            ApiError::new(Reason::AssetTransferred, message).with("field", "reference")
        }
        AssetError::Refused(code) => match code.as_str() {
            "ASSET_CHANGED" => changed(),
            "ASSET_HELD" => {
                let message = "The new value is less than what orders hold of the asset; they end first.";
                ApiError::new(Reason::AssetHeld, message).with("field", "value")
            }
            code => chain_refused(code, String::new()),
        },
        AssetError::Signer(error) => signer_failed(error),
        AssetError::Chain(error) => error.into(),
        AssetError::Proof(error) => error,
        AssetError::Store(error) => error.into(),
        AssetError::Randomness | AssetError::Corrupt(_) => ApiError::fault(error),
    }
}

fn changed() -> ApiError {
    let message = "An asset's enforcement, its currency and whether it has a value cannot change.";
    ApiError::new(Reason::AssetChanged, message)
}
