//! Between the wire's types and the domain's, once: names, fields, times, proofs.
//! It refuses to decide anything: what is out of form is the caller's fault.

use crate::error::{ApiError, Reason};
use comity_model::record::{Date, Field, FieldValue};
use comity_model::{Amount, FieldName, Hash, MemberId, RecordId, Sector, Time, UnixSeconds};
use comity_proto::v1;
use comity_verify::light::Anchor;
use comity_verify::state::ProvenAt;
use prost_types::{Duration as WireDuration, Timestamp};
use std::time::Duration;

/// A record's place: "members/{member}/sectors/{sector}/records/{record}".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordName {
    /// Who keeps it.
    pub(crate) member: MemberId,
    /// Its sector.
    pub(crate) sector: Sector,
    /// Its id: everything after "/records/".
    pub(crate) id: RecordId,
}

impl RecordName {
    pub(crate) fn parse(name: &str) -> Result<Self, ApiError> {
        let parts = || {
            let rest = name.strip_prefix("members/")?;
            let (member, rest) = rest.split_once("/sectors/")?;
            let (sector, id) = rest.split_once("/records/")?;
            Some(Self { member: member.parse().ok()?, sector: sector.parse().ok()?, id: id.parse().ok()? })
        };
        parts().ok_or_else(|| malformed("members/{member}/sectors/{sector}/records/{record}"))
    }

    /// The sector that a name speaks of, whatever else is wrong with it: access is decided before form.
    pub(crate) fn sector_of(name: &str) -> Option<Sector> {
        let (_, rest) = name.split_once("/sectors/")?;
        rest.split('/').next()?.parse().ok()
    }
}

impl std::fmt::Display for RecordName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "members/{}/sectors/{}/records/{}", self.member, self.sector, self.id)
    }
}

/// A sector of an institution: "members/{member}/sectors/{sector}".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SectorName {
    /// Who answers for it.
    pub(crate) member: MemberId,
    /// The sector.
    pub(crate) sector: Sector,
}

impl SectorName {
    pub(crate) fn parse(name: &str) -> Result<Self, ApiError> {
        let parts = || {
            let (member, sector) = name.strip_prefix("members/")?.split_once("/sectors/")?;
            Some(Self { member: member.parse().ok()?, sector: sector.parse().ok()? })
        };
        parts().ok_or_else(|| malformed("members/{member}/sectors/{sector}"))
    }
}

/// The part of a name after its collection, such as `court` of "members/court".
pub(crate) fn named<'a>(collection: &'static str, form: &'static str, name: &'a str) -> Result<&'a str, ApiError> {
    let part = name.strip_prefix(collection).and_then(|rest| rest.strip_prefix('/'));
    part.filter(|part| !part.is_empty() && !part.contains('/')).ok_or_else(|| malformed(form))
}

pub(crate) fn malformed(form: &'static str) -> ApiError {
    ApiError::new(Reason::MalformedName, format!("The name must be of the form {form}.")).with("form", form)
}

/// A field for the wire.
#[must_use]
pub fn field_to_wire(field: &Field) -> v1::Field {
    use v1::field::Value;
    let value = match &field.value {
        FieldValue::Text(text) => Value::Text(text.clone()),
        FieldValue::Integer(number) => Value::Integer(*number),
        FieldValue::Boolean(yes) => Value::Boolean(*yes),
        FieldValue::Date(date) => Value::Date(date.to_string()),
        FieldValue::Time(time) => Value::Time(seconds_to_wire(*time)),
        FieldValue::Amount(amount) => Value::Amount(amount_to_wire(amount)),
        FieldValue::Digest(digest) => Value::Digest(digest.0.to_vec()),
        FieldValue::Texts(values) => Value::Texts(v1::Texts { values: values.clone() }),
    };
    v1::Field { name: field.name.to_string(), value: Some(value) }
}

/// A field from the wire. That it fits its schema is checked elsewhere.
pub(crate) fn field_from_wire(field: v1::Field) -> Result<Field, ApiError> {
    use v1::field::Value;
    let refused = |what: &str| {
        ApiError::new(Reason::FieldType, format!("A field's value must be {what}.")).with("field", field.name.clone())
    };
    let name: FieldName =
        field.name.parse().map_err(|error| ApiError::new(Reason::UnknownField, format!("{error}.")))?;
    let value = match field.value.clone().ok_or_else(|| refused("set"))? {
        Value::Text(text) => FieldValue::Text(text),
        Value::Integer(number) => FieldValue::Integer(number),
        Value::Boolean(yes) => FieldValue::Boolean(yes),
        Value::Date(text) => FieldValue::Date(date(&text).ok_or_else(|| refused("a date such as 2026-03-01"))?),
        Value::Time(time) => FieldValue::Time(seconds_from_wire(&time).ok_or_else(|| refused("a time since 1970"))?),
        Value::Amount(amount) => {
            FieldValue::Amount(amount_from_wire(&amount).ok_or_else(|| refused("an amount in an ISO 4217 currency"))?)
        }
        Value::Digest(bytes) => {
            FieldValue::Digest(Hash(bytes.try_into().map_err(|_| refused("a digest of 32 bytes"))?))
        }
        Value::Texts(v1::Texts { values }) => FieldValue::Texts(values),
    };
    Ok(Field { name, value })
}

fn date(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if bytes.len() != 10 || bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    let (year, month, day) = (text.get(..4)?, text.get(5..7)?, text.get(8..)?);
    if ![year, month, day].into_iter().all(digits) {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

/// Money for the wire.
#[must_use]
pub fn amount_to_wire(amount: &Amount) -> v1::Amount {
    v1::Amount { currency: amount.currency.as_str().to_owned(), minor: amount.minor }
}

pub(crate) fn amount_from_wire(amount: &v1::Amount) -> Option<Amount> {
    Some(Amount { currency: amount.currency.parse().ok()?, minor: amount.minor })
}

pub(crate) fn seconds_to_wire(time: UnixSeconds) -> Timestamp {
    Timestamp { seconds: i64::try_from(time.0).unwrap_or(i64::MAX), nanos: 0 }
}

pub(crate) fn seconds_from_wire(time: &Timestamp) -> Option<UnixSeconds> {
    u64::try_from(time.seconds).ok().map(UnixSeconds)
}

pub(crate) fn time_to_wire(time: Time) -> Timestamp {
    Timestamp { seconds: time.seconds(), nanos: i32::try_from(time.nanos()).unwrap_or(0) }
}

/// A duration that bounds an age; negative ones are the caller's fault.
pub(crate) fn duration(field: &'static str, wire: Option<WireDuration>) -> Result<Option<Duration>, ApiError> {
    wire.map(|wire| Duration::try_from(wire).map_err(|_| ApiError::argument(field, "A duration must not be negative.")))
        .transpose()
}

/// Where and how strongly something was proven. `rules` in the order in which they were applied.
pub(crate) fn proof(at: &ProvenAt, anchor: &Anchor, rules: &[&'static str]) -> v1::Proof {
    v1::Proof {
        chain_id: at.chain_id.to_string(),
        header_height: at.height.0,
        header_hash: at.header_hash.0.to_vec(),
        header_time: Some(time_to_wire(at.time)),
        strength: v1::Strength::State.into(),
        operators: anchor.operators,
        rules: rules.iter().map(|&rule| rule.to_owned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_record_name_reads_what_it_prints_and_the_id_may_hold_slashes() {
        for text in [
            "members/court/sectors/judgments/records/(2025)浙01民终1234号",
            "members/ip/sectors/ip-rights/records/ZL/2020/1.2",
        ] {
            assert_eq!(RecordName::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "members/court", "members/C/sectors/x/records/y", "members/court/sectors/x/records/", "x"] {
            assert_eq!(RecordName::parse(text).unwrap_err().reason(), Reason::MalformedName, "{text}");
        }
        assert_eq!(RecordName::sector_of("members/C/sectors/x/recs/y").unwrap().as_str(), "x");
    }

    #[test]
    fn fields_survive_the_wire() {
        let values = [
            FieldValue::Text("王五".into()),
            FieldValue::Integer(-5),
            FieldValue::Boolean(true),
            FieldValue::Date(Date::new(2026, 3, 1).unwrap()),
            FieldValue::Time(UnixSeconds(1_800_000_000)),
            FieldValue::Amount(Amount::cny(42)),
            FieldValue::Digest(Hash([7; 32])),
            FieldValue::Texts(vec!["a".into(), "b".into()]),
        ];
        for value in values {
            let field = Field { name: "x".parse().unwrap(), value };
            assert_eq!(field_from_wire(field_to_wire(&field)).unwrap(), field);
        }
    }

    #[test]
    fn values_out_of_form_are_the_callers_fault() {
        use v1::field::Value;
        let wire = |value| v1::Field { name: "x".into(), value };
        let bad = [
            None,
            Some(Value::Date("2026-3-1".into())),
            Some(Value::Date("2026-13-01".into())),
            Some(Value::Date("+026-03-01".into())),
            Some(Value::Time(Timestamp { seconds: -1, nanos: 0 })),
            Some(Value::Amount(v1::Amount { currency: "yuan".into(), minor: 1 })),
            Some(Value::Digest(vec![0; 31])),
        ];
        for value in bad {
            assert_eq!(field_from_wire(wire(value)).unwrap_err().reason(), Reason::FieldType);
        }
        let name = v1::Field { name: "Not A Name".into(), value: Some(Value::Boolean(true)) };
        assert_eq!(field_from_wire(name).unwrap_err().reason(), Reason::UnknownField);
    }
}
