//! Whether somebody is entitled to act, today: a credential's status, proven no longer ago than the caller demands.
//! It refuses to know what a credential is of: the sector's schema says which status is in force.

use crate::audit::Purpose;
use crate::convert::{RecordName, duration};
use crate::error::{ApiError, Reason};
use crate::policy::{Permit, Policy, VerifyCredential};
use crate::records::{Reader, record_to_wire};
use crate::sectors::{Role, Sectors};
use crate::server::caller;
use comity_model::record::RecordStatus;
use comity_proto::v1;
use comity_proto::v1::credentials_server::Credentials;
use comity_verify::fields::DisclosedRecord;
use std::sync::Arc;
use std::time::Duration;
use tonic::{Request, Response, Status};

/// How old a proof may be if the caller does not say.
const MAX_AGE: Duration = Duration::from_secs(60);

/// The service.
pub(crate) struct CredentialsService {
    pub(crate) policy: Arc<Policy>,
    pub(crate) reader: Arc<Reader>,
    pub(crate) sectors: Arc<Sectors>,
}

#[tonic::async_trait]
impl Credentials for CredentialsService {
    async fn verify_credential(
        &self,
        request: Request<v1::VerifyCredentialRequest>,
    ) -> Result<Response<v1::VerifyCredentialResponse>, Status> {
        let caller = caller(&request)?;
        let sector = RecordName::sector_of(&request.get_ref().name);
        let permit = self.policy.permit_asked::<VerifyCredential>(&caller, sector)?;
        Ok(Response::new(self.check(permit, request.into_inner()).await?))
    }
}

impl CredentialsService {
    async fn check(
        &self,
        permit: Permit<VerifyCredential>,
        request: v1::VerifyCredentialRequest,
    ) -> Result<v1::VerifyCredentialResponse, ApiError> {
        let name = RecordName::parse(&request.name)?;
        let max_age = duration("max_age", request.max_age)?.unwrap_or(MAX_AGE);
        let purpose = Purpose::stated(request.purpose)?;
        let has_status =
            self.sectors.sector(&name.sector).is_some_and(|schema| schema.record.role(Role::Status).is_some());
        if !has_status {
            let message = format!("Sector {} has no credentials: its records have no status.", name.sector);
            return Err(ApiError::new(Reason::UnknownSector, message).with("sector", name.sector.as_str()));
        }
        let reading = self.reader.read(permit.caller(), "VerifyCredential", &name, &[], purpose, None).await?;
        reading.no_older_than(max_age)?;
        let entitlement = match reading.record() {
            None => v1::Entitlement::UnknownNumber,
            Some(record) if self.entitles(&name, record)? => v1::Entitlement::Entitled,
            Some(_) => v1::Entitlement::NotEntitled,
        };
        Ok(v1::VerifyCredentialResponse {
            entitlement: entitlement.into(),
            credential: reading.record().map(|record| record_to_wire(&name, record)),
            proof: Some(reading.proof()),
            bundle: if request.include_bundle { reading.bundle().await? } else { Vec::new() },
        })
    }

    fn entitles(&self, name: &RecordName, record: &DisclosedRecord) -> Result<bool, ApiError> {
        if record.state.status != RecordStatus::Current {
            return Ok(false);
        }
        let schema = self.sectors.sector(&name.sector);
        // Without the status there is no answer; a guess would be one.
        schema.and_then(|schema| schema.record.in_force(&record.fields)).ok_or_else(ApiError::denied)
    }
}
