//! The private index of a sector's records by person: which entries a publication changes, and what they then say. An
//! entry stands under an id that only this institution's lookup key can compute (see `verify::lookup`).
//! It refuses to know how records and entries are kept and published.

use super::row::Row;
use crate::error::ApiError;
use crate::lookup::LookupKey;
use crate::sectors::{Role, SectorSchema, TEXTS_MAX};
use comity_model::record::{Field, FieldValue, RecordStatus};
use comity_model::{Hash, RecordId, Sector};
use comity_verify::{fields, lookup};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Most records of one person in one sector: what an entry's fields hold.
const RECORDS_MAX: usize = TEXTS_MAX * fields::FIELDS_MAX;

/// What an entry is to gain (`true`) and to lose (`false`).
pub(super) type Change = BTreeMap<RecordId, bool>;

/// Changes of a sector's index, by the number of the person.
#[derive(Default)]
pub(super) struct Changes(BTreeMap<String, Change>);

impl Changes {
    /// Notes that record `id`, of which `row` is kept, is about to say `now` with this status. A withdrawn record is found
    /// by nobody's number any more.
    pub(super) fn note(
        &mut self,
        schema: &SectorSchema,
        id: &RecordId,
        row: &Row,
        now: &[Field],
        status: RecordStatus,
    ) {
        let wanted = match status {
            RecordStatus::Current => numbers(schema, now.iter()),
            RecordStatus::Withdrawn => BTreeSet::new(),
        };
        for version in row.versions() {
            for former in numbers(schema, version.openings.iter().map(|opening| &opening.field)) {
                if !wanted.contains(&former) {
                    self.0.entry(former).or_default().insert(id.clone(), false);
                }
            }
        }
        for number in wanted {
            self.0.entry(number).or_default().insert(id.clone(), true);
        }
    }

    /// The same by the ids of the entries.
    pub(super) async fn under(self, key: Arc<LookupKey>, sector: Sector) -> Result<Vec<(RecordId, Change)>, ApiError> {
        let entries = move || {
            let entry = |(number, change): (String, Change)| {
                let output = key.output(&lookup::input(&sector, &number));
                let output = output.ok_or_else(|| ApiError::fault("a number has no point on the curve"))?;
                Ok((lookup::private_id(&output), change))
            };
            self.0.into_iter().map(entry).collect()
        };
        // Tens of microseconds each, and a batch has hundreds.
        tokio::task::spawn_blocking(entries).await.map_err(ApiError::fault)?
    }
}

/// The numbers of the persons whom a record concerns, in their one form.
fn numbers<'a>(schema: &SectorSchema, mut fields: impl Iterator<Item = &'a Field>) -> BTreeSet<String> {
    let Some(spec) = schema.record.role(Role::PersonNumber) else { return BTreeSet::new() };
    let named = fields.find(|field| field.name == spec.name);
    let numbers: Vec<&String> = match named.map(|field| &field.value) {
        Some(FieldValue::Text(number)) => vec![number],
        Some(FieldValue::Texts(numbers)) => numbers.iter().collect(),
        _ => Vec::new(),
    };
    numbers.into_iter().map(|number| lookup::normal(number)).filter(|number| !number.is_empty()).collect()
}

/// What an entry says after `change`; `None` where it need not exist.
pub(super) fn entry(row: &Row, change: &Change) -> Result<Option<Vec<Field>>, ApiError> {
    let mut ids: BTreeSet<RecordId> = BTreeSet::new();
    for opening in row.last().iter().flat_map(|last| &last.openings) {
        if let FieldValue::Texts(texts) = &opening.field.value {
            for text in texts {
                ids.insert(text.parse().map_err(ApiError::fault)?);
            }
        }
    }
    for (id, gains) in change {
        if *gains {
            ids.insert(id.clone())
        } else {
            ids.remove(id)
        };
    }
    if ids.is_empty() && row.last().is_none() {
        return Ok(None);
    }
    if ids.len() > RECORDS_MAX {
        let message = format!("A person has at most {RECORDS_MAX} records in one sector's index.");
        return Err(ApiError::argument("records", message));
    }
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let mut lists: Vec<&[String]> = ids.chunks(TEXTS_MAX).collect();
    if lists.is_empty() {
        lists.push(&[]);
    }
    lists.iter().enumerate().map(|(at, list)| field(at, list)).collect::<Result<_, _>>().map(Some)
}

fn field(at: usize, list: &[String]) -> Result<Field, ApiError> {
    let name = format!("{}{at:03}", lookup::RECORDS_FIELD).parse().map_err(ApiError::fault)?;
    Ok(Field { name, value: FieldValue::Texts(list.to_vec()) })
}

/// What the record that publishes a lookup key says.
pub(super) fn published(key: &LookupKey) -> Result<Vec<Field>, ApiError> {
    let name = lookup::KEY_FIELD.parse().map_err(ApiError::fault)?;
    Ok(vec![Field { name, value: FieldValue::Digest(Hash(*key.public())) }])
}
