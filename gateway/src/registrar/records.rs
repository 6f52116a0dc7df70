//! Records of the own institution, row by row: each names itself by its identity field.
//! It refuses to say what a field holds: an error names the row and the field.

use super::{Judged, Registrar, indexed, repeated};
use crate::audit;
use crate::convert::{RecordName, SectorName, field_from_wire};
use crate::error::{ApiError, Reason};
use crate::identity::Caller;
use crate::keeper::{BATCH_MAX, unknown_sector};
use crate::policy::{Permit, PutRecords};
use crate::sectors::{Role, SectorSchema};
use comity_model::record::{Field, FieldValue, RecordState};
use comity_model::state::StatePath;
use comity_model::{RecordId, encode};
use comity_proto::v1;
use std::collections::HashSet;

impl Registrar {
    /// Puts records; see `Records.BatchPutRecords`.
    pub(crate) async fn put_records(
        &self,
        permit: &Permit<PutRecords>,
        request: v1::BatchPutRecordsRequest,
    ) -> Result<v1::BatchPutRecordsResponse, ApiError> {
        let parent = self.sector(&request.parent).await?;
        let schema = self.sectors.sector(&parent.sector).ok_or_else(|| unknown_sector(&parent.sector))?;
        let Judged { rows, errors } = judge(schema, request.rows)?;
        if request.validate_only || rows.is_empty() {
            return Ok(v1::BatchPutRecordsResponse { errors, ..Default::default() });
        }
        self.file_records(permit.caller(), &parent, schema, &rows).await?;
        let (indices, records): (Vec<u32>, Vec<_>) = rows.into_iter().unzip();
        let published = self.keeper.publish(&parent.sector, records.clone()).await?;
        let stands = published.records.iter();
        let wanted =
            stands.map(|record| (StatePath::Record(parent.sector.clone(), record.id.clone()), record.state.clone()));
        let wanted: Vec<(StatePath, RecordState)> = wanted.collect();
        let at = self.prove(Some(published.header), &wanted, |state, value| encode(state) == value).await?;
        // Of all that stand so, changed or not: repeating a batch that broke off here makes it good.
        let put = records.iter().zip(&published.records);
        let put: Vec<_> = put.map(|((id, fields), stands)| (id, fields.as_slice(), &stands.state)).collect();
        self.engine.records_put(&parent.sector, &put, &(&at).into()).await?;
        tracing::info!(
            caller = %permit.caller(), sector = %parent.sector, changed = published.changed,
            unchanged = published.unchanged, refused = errors.len(), "records were put"
        );
        let results = indices.into_iter().zip(records).zip(&published.records).map(|((index, (id, _)), stands)| {
            let name = RecordName { member: parent.member.clone(), sector: parent.sector.clone(), id };
            v1::RecordResult { index, name: name.to_string(), version: stands.state.version, changed: stands.changed }
        });
        Ok(v1::BatchPutRecordsResponse { results: results.collect(), errors, proof: Some(self.proof(&at)) })
    }

    /// Who put which record, before it is done.
    async fn file_records(
        &self,
        caller: &Caller,
        parent: &SectorName,
        schema: &SectorSchema,
        rows: &[(u32, (RecordId, Vec<Field>))],
    ) -> Result<(), ApiError> {
        let now = self.clock.now();
        let entries = rows.iter().map(|(_, (id, fields))| {
            let name = RecordName { member: parent.member.clone(), sector: parent.sector.clone(), id: id.clone() };
            let personal = fields.iter().map(|field| &field.name);
            let personal = personal.filter(|name| schema.record.field(name).is_some_and(|spec| spec.personal));
            audit::own_register(now, caller, "PutRecords", name.to_string(), personal.cloned().collect())
        });
        self.audit.append_all(&entries.collect::<Vec<_>>()).await
    }
}

fn judge(schema: &SectorSchema, rows: Vec<v1::RecordRow>) -> Result<Judged<(RecordId, Vec<Field>)>, ApiError> {
    let mut judged = Judged::default();
    let mut seen = HashSet::new();
    for (index, row) in indexed(rows, BATCH_MAX)? {
        let row = record(schema, row)
            .and_then(|(id, fields)| if seen.insert(id.clone()) { Ok((id, fields)) } else { Err(repeated()) });
        judged.judge(index, row);
    }
    Ok(judged)
}

/// The record of a row, if its fields fit the schema.
fn record(schema: &SectorSchema, row: v1::RecordRow) -> Result<(RecordId, Vec<Field>), ApiError> {
    let mut fields = row.fields.into_iter().map(field_from_wire).collect::<Result<Vec<_>, _>>()?;
    fields.sort_by(|one, other| one.name.cmp(&other.name));
    schema.record.check(&fields)?;
    let identity = schema.record.role(Role::Identity).map_or("", |spec| spec.name.as_str());
    let Some(FieldValue::Text(text)) = schema.record.value(Role::Identity, &fields) else {
        let message = format!("The record has no identity: the field {identity} is missing.");
        return Err(ApiError::new(Reason::FieldMissing, message).with("field", identity));
    };
    let id: RecordId = text.parse().map_err(|error| {
        ApiError::new(Reason::MalformedName, format!("The field {identity} names the record: {error}."))
            .with("field", identity)
    })?;
    schema.check_record(&id, &fields)?;
    Ok((id, fields))
}
