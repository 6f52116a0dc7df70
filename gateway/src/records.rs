//! Records for the institution's people: read from whoever keeps them, verified here, handed on with proof.
//! It refuses to hand out what it has not verified itself, the own institution's records included.

mod answer;
mod came;
mod read;
mod recent;

pub(crate) use answer::{Answerer, Question};
pub(crate) use came::Came;
pub(crate) use read::{Reader, Reading, Under, accept, astray};
pub(crate) use recent::Recent;

use crate::audit::Purpose;
use crate::convert::{RecordName, duration, field_to_wire};
use crate::error::ApiError;
use crate::policy::{Permit, Policy, PutRecords, ReadRecord};
use crate::registrar::Registrar;
use crate::server::caller;
use comity_model::consent::SignedConsent;
use comity_model::record::RecordStatus;
use comity_model::{FieldName, decode};
use comity_proto::v1;
use comity_proto::v1::get_record_response::Answer;
use comity_proto::v1::records_server::Records;
use comity_verify::fields::DisclosedRecord;
use recent::For;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// Most fields in a mask: as many as a record can have.
const MASK_MAX: usize = comity_verify::fields::FIELDS_MAX;

/// The service.
pub(crate) struct RecordsService {
    pub(crate) policy: Arc<Policy>,
    pub(crate) reader: Arc<Reader>,
    pub(crate) registrar: Arc<Registrar>,
}

#[tonic::async_trait]
impl Records for RecordsService {
    async fn get_record(
        &self,
        request: Request<v1::GetRecordRequest>,
    ) -> Result<Response<v1::GetRecordResponse>, Status> {
        let caller = caller(&request)?;
        let permit = self.policy.permit_asked::<ReadRecord>(&caller, RecordName::sector_of(&request.get_ref().name))?;
        Ok(Response::new(self.read(permit, request.into_inner()).await?))
    }

    async fn batch_put_records(
        &self,
        request: Request<v1::BatchPutRecordsRequest>,
    ) -> Result<Response<v1::BatchPutRecordsResponse>, Status> {
        let caller = caller(&request)?;
        let sector = RecordName::sector_of(&request.get_ref().parent);
        let permit = self.policy.permit_asked::<PutRecords>(&caller, sector)?;
        Ok(Response::new(self.registrar.put_records(&permit, request.into_inner()).await?))
    }
}

impl RecordsService {
    async fn read(
        &self,
        permit: Permit<ReadRecord>,
        request: v1::GetRecordRequest,
    ) -> Result<v1::GetRecordResponse, ApiError> {
        let name = RecordName::parse(&request.name)?;
        let max_age = duration("max_age", request.max_age)?;
        let wanted = mask(&request.read_mask)?;
        let purpose = Purpose::stated(request.purpose)?;
        let consent = consent(&request.consent)?;
        let plain = consent.is_none() && !request.include_bundle;
        let whose = For { caller: permit.caller(), name: &name, wanted: &wanted, stated: purpose.is_some() };
        if let (Some(max_age), true) = (max_age, plain)
            && let Some(answer) = self.reader.recent(whose, max_age, purpose.as_ref()).await?
        {
            return Ok(answer);
        }
        let begun = self.reader.recent.begin();
        let reading = self.reader.read(permit.caller(), "ReadRecord", &name, &wanted, purpose, consent).await?;
        if let Some(max_age) = max_age {
            reading.no_older_than(max_age)?;
        }
        let answer = v1::GetRecordResponse {
            answer: Some(match reading.record() {
                Some(record) => Answer::Record(record_to_wire(&name, record)),
                None => Answer::Absence(v1::RecordAbsence { name: name.to_string() }),
            }),
            proof: Some(reading.proof()),
            lookup: reading.lookup(),
            bundle: if request.include_bundle { reading.bundle().await? } else { Vec::new() },
        };
        if max_age.is_some() && plain {
            self.reader.keep(begun, whose, &reading, &answer);
        }
        Ok(answer)
    }
}

/// The consent in a request; `None` if there is none.
pub(crate) fn consent(bytes: &[u8]) -> Result<Option<SignedConsent>, ApiError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let consent = decode("a signed consent", bytes);
    consent.map(Some).map_err(|error| ApiError::argument("consent", format!("{error}.")))
}

pub(crate) fn mask(names: &[String]) -> Result<Vec<FieldName>, ApiError> {
    if names.len() > MASK_MAX {
        return Err(ApiError::argument("read_mask", format!("A mask names at most {MASK_MAX} fields.")));
    }
    let mut mask = names
        .iter()
        .map(|name| name.parse().map_err(|error| ApiError::argument("read_mask", format!("{error}."))))
        .collect::<Result<Vec<FieldName>, _>>()?;
    mask.sort();
    mask.dedup();
    Ok(mask)
}

pub(crate) fn record_to_wire(name: &RecordName, record: &DisclosedRecord) -> v1::Record {
    v1::Record {
        name: name.to_string(),
        schema: record.state.schema.0.to_vec(),
        status: match record.state.status {
            RecordStatus::Current => v1::RecordStatus::Current,
            RecordStatus::Withdrawn => v1::RecordStatus::Withdrawn,
        }
        .into(),
        version: record.state.version,
        fields: record.fields.iter().map(field_to_wire).collect(),
        fields_total: record.fields_total.into(),
    }
}
