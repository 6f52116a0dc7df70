//! What a rule names is held against the sectors: whether its sectors, fields, values, kinds of order and recipients exist.
//! It refuses to know how a rule is written.

use super::{Body, On, Template, To};
use crate::policy::kind_name;
use crate::sectors::{FieldSet, SectorSchema, Sectors, ValueType};
use crate::triggers::source;
use comity_model::member::MemberKind;
use comity_model::record::FieldValue;
use comity_model::{FieldName, OrderKind, Sector};

/// Most sectors of one investigation.
const SECTORS_MAX: usize = 32;
/// Most bodies that one proposal names.
const BODIES_MAX: usize = 16;

/// A field of the sector's records, and the values of which it has to have one.
pub(super) fn condition_field(
    schema: &SectorSchema,
    name: &str,
    values: Vec<String>,
) -> Result<(FieldName, Vec<String>), String> {
    let name = name.parse().map_err(|error| format!("where.is: {error}"))?;
    let spec = schema.record.field(&name);
    let spec = spec.filter(|spec| spec.value_type == ValueType::Text);
    let spec = spec.ok_or_else(|| format!("records of sector {} have no text field {name}", schema.name))?;
    let unknown = values.iter().find(|value| !spec.values.is_empty() && !spec.values.contains(value));
    match unknown {
        Some(value) => Err(format!("field {name} has no value {value}")),
        None if values.is_empty() => Err(format!("where.is.{name} names no value")),
        None => Ok((name, values)),
    }
}

/// A sector that takes orders of a kind, the kind, and what such an order says.
pub(super) fn order_of<'a>(
    known: &'a Sectors,
    name: &str,
    kind: &str,
) -> Result<(&'a SectorSchema, OrderKind, &'a FieldSet), String> {
    let schema = sector(known, name)?;
    let kind: OrderKind = kind.parse().map_err(|error| format!("kind: {error}"))?;
    if schema.profile.as_ref().is_none_or(|profile| profile.kind(&kind).is_none()) {
        return Err(format!("sector {} knows no order of kind {kind}", schema.name));
    }
    let order = schema.order.as_ref().ok_or_else(|| format!("sector {} takes no orders", schema.name))?;
    Ok((schema, kind, order))
}

/// Fields that are not taken over.
pub(super) fn names(without: Vec<String>) -> Result<Vec<FieldName>, String> {
    without.into_iter().map(|name| name.parse().map_err(|error| format!("without: {error}"))).collect()
}

/// To whom an order goes that is proposed on this occasion.
pub(super) fn recipient(bodies: &[String], on: &On) -> Result<To, String> {
    if bodies.is_empty() || bodies.len() > BODIES_MAX {
        return Err(format!("to: 1 to {BODIES_MAX} bodies"));
    }
    let to = match bodies.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["original"] => To::Original,
        ["payments"] => To::Payments,
        names => To::Bodies(names.iter().map(|name| body(name)).collect::<Result<_, _>>()?),
    };
    let has_original = matches!(on, On::HoldLapsing { .. });
    let has_payments = matches!(on, On::Defaulted { .. } | On::Opened { .. });
    match to {
        To::Original if !has_original => Err("to: only a hold has an original order".into()),
        To::Payments if !has_payments => Err("to: only an agreement says where it is paid".into()),
        to => Ok(to),
    }
}

/// `members/<id>`, or a kind of institution.
fn body(name: &str) -> Result<Body, String> {
    if let Some(id) = name.strip_prefix("members/") {
        return id.parse().map(Body::Member).map_err(|error| format!("to: {error}"));
    }
    let kind = KINDS.into_iter().find(|kind| kind_name(*kind) == name);
    kind.map(Body::Kind).ok_or_else(|| format!("to: there is no kind of institution {name}"))
}

const KINDS: [MemberKind; 10] = [
    MemberKind::Court,
    MemberKind::Justice,
    MemberKind::Property,
    MemberKind::Finance,
    MemberKind::IntellectualProperty,
    MemberKind::Credit,
    MemberKind::Market,
    MemberKind::Enforcement,
    MemberKind::Mediation,
    MemberKind::Platform,
];

/// A field of the sector's orders, and what it says; `found` where a record that was found is at hand.
pub(super) fn template(
    order: Option<&FieldSet>,
    name: &str,
    value: toml::Value,
    found: bool,
) -> Result<(FieldName, Template), String> {
    let name: FieldName = name.parse().map_err(|error| format!("fields: {error}"))?;
    if order.is_some_and(|order| order.field(&name).is_none()) {
        return Err(format!("fields: the sector's orders have no field {name}"));
    }
    let template = match value {
        toml::Value::String(text) => match text.strip_prefix('$') {
            Some(source) if source::is_known(source, found) => Template::Source(source.to_owned()),
            Some(source) => return Err(format!("fields: nothing is found at ${source}")),
            None => Template::Value(FieldValue::Text(text)),
        },
        toml::Value::Integer(number) => Template::Value(FieldValue::Integer(number)),
        toml::Value::Boolean(yes) => Template::Value(FieldValue::Boolean(yes)),
        _ => return Err(format!("fields: {name} is a text, a whole number, or true or false")),
    };
    if let (Template::Value(value), Some(spec)) = (&template, order.and_then(|order| order.field(&name))) {
        spec.check(value).map_err(|error| format!("fields: {error}"))?;
    }
    Ok((name, template))
}

/// The sector of this name.
pub(super) fn sector<'a>(sectors: &'a Sectors, name: &str) -> Result<&'a SectorSchema, String> {
    let parsed: Sector = name.parse().map_err(|error| format!("sector: {error}"))?;
    sectors.sector(&parsed).ok_or_else(|| format!("there is no sector {name}"))
}

/// The sectors of an investigation.
pub(super) fn sector_names(sectors: &Sectors, names: &[String]) -> Result<Vec<Sector>, String> {
    if names.is_empty() || names.len() > SECTORS_MAX {
        return Err(format!("1 to {SECTORS_MAX} sectors"));
    }
    names.iter().map(|name| Ok(sector(sectors, name)?.name.clone())).collect()
}
