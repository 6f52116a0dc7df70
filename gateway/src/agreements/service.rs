//! The service `Agreements`: permit, decode, call the desk, encode.
//! It refuses to know how an agreement comes onto the chain and is followed.

use super::desk::AgreementDesk;
use super::stored::StoredAgreement;
use super::wire;
use crate::audit::{self, Audit, Purpose};
use crate::convert_order::{Operators, parsed};
use crate::error::ApiError;
use crate::members::page_size;
use crate::policy::{ApproveDeed, DrawUpAgreement, Permit, Policy, ReadAgreement, ReadParties};
use crate::server::caller;
use comity_model::agreement::Deed;
use comity_proto::v1;
use comity_proto::v1::agreements_server::Agreements;
use comity_verify::agreement::TAG_DEED;
use comity_verify::seal::signing_bytes;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Most agreements on one page, and how many there are on one unless the caller says less.
const PAGE_MAX: usize = 100;

/// The service.
pub(crate) struct AgreementsService {
    pub(crate) desk: Arc<AgreementDesk>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) operators: Operators,
    pub(crate) audit: Audit,
}

impl AgreementsService {
    fn encode(&self, stored: &StoredAgreement) -> Result<v1::Agreement, ApiError> {
        wire::agreement(stored, &self.operators)
    }

    async fn create(
        &self,
        permit: &Permit<DrawUpAgreement>,
        request: v1::CreateAgreementRequest,
    ) -> Result<v1::Agreement, ApiError> {
        let only_check = request.validate_only;
        let request = wire::terms_request(request)?;
        let stored = self.desk.draw_up(&request, only_check).await?;
        tracing::info!(caller = %permit.caller(), agreement = %stored.id, only_check, "an agreement was drawn up");
        self.encode(&stored)
    }

    async fn approve(
        &self,
        permit: &Permit<ApproveDeed>,
        request: &v1::ApproveAgreementRequest,
    ) -> Result<v1::Agreement, ApiError> {
        let id = wire::agreement_name(&request.name)?;
        let approval = wire::approval(&request.officer, &request.signature)?;
        let officer = approval.officer.clone();
        let stored = self.desk.approve(&id, approval).await?;
        tracing::info!(caller = %permit.caller(), agreement = %id, %officer, "an agreement was approved");
        self.encode(&stored)
    }

    /// A deed about an agreement that stands: only shown for signing, or done.
    async fn act(
        &self,
        permit: &Permit<ApproveDeed>,
        deed: Deed,
        only_check: bool,
        (officer, signature): (&str, &[u8]),
    ) -> Result<v1::Agreement, ApiError> {
        let id = deed.agreement;
        if only_check {
            let mut shown = self.encode(&self.desk.read(&id).await?)?;
            shown.signing_bytes = signing_bytes(TAG_DEED, &deed);
            return Ok(shown);
        }
        let stored = self.desk.act(deed, wire::approval(officer, signature)?).await?;
        tracing::info!(caller = %permit.caller(), agreement = %id, officer, "a deed about an agreement was done");
        self.encode(&stored)
    }

    async fn get(
        &self,
        permit: &Permit<ReadAgreement>,
        request: v1::GetAgreementRequest,
    ) -> Result<v1::Agreement, ApiError> {
        let stored = self.desk.read(&wire::agreement_name(&request.name)?).await?;
        let mut shown = self.encode(&stored)?;
        if let Some(purpose) = Purpose::stated(request.purpose)? {
            let permit = self.policy.permit::<ReadParties>(permit.caller())?;
            self.file(&permit, &stored, purpose).await?;
            wire::open(&mut shown, &stored);
        }
        Ok(shown)
    }

    /// Files that somebody sees the parties, before they are shown.
    async fn file(
        &self,
        permit: &Permit<ReadParties>,
        stored: &StoredAgreement,
        purpose: Purpose,
    ) -> Result<(), ApiError> {
        let names = ["parties".parse().map_err(ApiError::fault)?];
        let fields = names.into_iter().chain(stored.private.case.iter().map(|field| field.name.clone())).collect();
        let resource = format!("agreements/{}", stored.id);
        let entry = audit::entry(self.desk.now(), permit.caller(), "ReadParties", resource, fields, purpose);
        self.audit.append(&entry).await
    }

    async fn list(
        &self,
        _permit: &Permit<ReadAgreement>,
        request: &v1::ListAgreementsRequest,
    ) -> Result<v1::ListAgreementsResponse, ApiError> {
        let limit = page_size(request.page_size, PAGE_MAX)?;
        let after = crate::triggers::place(&request.page_token)?;
        let (agreements, next) = self.desk.list(after.as_ref(), limit).await?;
        Ok(v1::ListAgreementsResponse {
            agreements: agreements.iter().map(|stored| self.encode(stored)).collect::<Result<_, _>>()?,
            next_page_token: next.map(hex::encode).unwrap_or_default(),
        })
    }
}

#[tonic::async_trait]
impl Agreements for AgreementsService {
    async fn create_agreement(
        &self,
        request: Request<v1::CreateAgreementRequest>,
    ) -> Result<Response<v1::Agreement>, Status> {
        let permit = self.policy.permit::<DrawUpAgreement>(&caller(&request)?)?;
        Ok(Response::new(self.create(&permit, request.into_inner()).await?))
    }

    async fn approve_agreement(
        &self,
        request: Request<v1::ApproveAgreementRequest>,
    ) -> Result<Response<v1::Agreement>, Status> {
        let permit = self.policy.permit::<ApproveDeed>(&caller(&request)?)?;
        Ok(Response::new(self.approve(&permit, request.get_ref()).await?))
    }

    async fn confirm_agreement(
        &self,
        request: Request<v1::ConfirmAgreementRequest>,
    ) -> Result<Response<v1::Agreement>, Status> {
        let permit = self.policy.permit::<ApproveDeed>(&caller(&request)?)?;
        let request = request.get_ref();
        let (id, ruling) = (wire::agreement_name(&request.name)?, wire::digest("ruling", &request.ruling)?);
        let deed = self.desk.confirmation(&id, ruling);
        let by = (request.officer.as_str(), request.signature.as_slice());
        Ok(Response::new(self.act(&permit, deed, request.validate_only, by).await?))
    }

    async fn stop_agreement(
        &self,
        request: Request<v1::StopAgreementRequest>,
    ) -> Result<Response<v1::Agreement>, Status> {
        let permit = self.policy.permit::<ApproveDeed>(&caller(&request)?)?;
        let request = request.get_ref();
        let (id, ruling) = (wire::agreement_name(&request.name)?, wire::digest("ruling", &request.ruling)?);
        let deed = self.desk.stop(&id, parsed("reason", &request.reason)?, ruling);
        let by = (request.officer.as_str(), request.signature.as_slice());
        Ok(Response::new(self.act(&permit, deed, request.validate_only, by).await?))
    }

    async fn get_agreement(
        &self,
        request: Request<v1::GetAgreementRequest>,
    ) -> Result<Response<v1::Agreement>, Status> {
        let permit = self.policy.permit::<ReadAgreement>(&caller(&request)?)?;
        Ok(Response::new(self.get(&permit, request.into_inner()).await?))
    }

    async fn list_agreements(
        &self,
        request: Request<v1::ListAgreementsRequest>,
    ) -> Result<Response<v1::ListAgreementsResponse>, Status> {
        let permit = self.policy.permit::<ReadAgreement>(&caller(&request)?)?;
        Ok(Response::new(self.list(&permit, request.get_ref()).await?))
    }
}
