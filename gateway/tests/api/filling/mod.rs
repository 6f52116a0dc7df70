//! Fills in what a sector's schema asks for, from the schema alone: no test knows a field by name.
#![allow(dead_code, clippy::unwrap_used, missing_docs, unreachable_pub)]

use comity_gateway::field_to_wire;
use comity_gateway::sectors::{FieldSpec, Role, SectorSchema, ValueType};
use comity_model::profile::Effect;
use comity_model::record::{Date, Field, FieldValue};
use comity_model::{Amount, Hash, OrderKind, UnixSeconds};
use comity_proto::v1;

pub const NAME: &str = "沈亦舟";
pub const NUMBER: &str = "990106198704120377";
pub const CASE: &str = "(2026)浙0106执1024号";

/// Whom a record is about, and what it is called.
pub struct About<'a> {
    pub reference: &'a str,
    pub name: &'a str,
    pub number: &'a str,
}

/// A record with every field that the schema has.
pub fn record(schema: &SectorSchema, about: &About<'_>) -> Vec<Field> {
    schema.record.iter().map(|spec| Field { name: spec.name.clone(), value: value(spec, about) }).collect()
}

/// The private part of an order of this kind, with all that it needs; a hold names the account that money may go to.
pub fn order(schema: &SectorSchema, kind: &OrderKind, about: &About<'_>) -> Vec<v1::Field> {
    let rule = schema.profile.as_ref().unwrap().kind(kind).unwrap();
    let needed = |spec: &&FieldSpec| {
        let of_hold = spec.role == Some(Role::Account) && rule.effect == Effect::HoldDivisible;
        spec.required || spec.required_for.contains(kind) || of_hold
    };
    let fields = schema.order.as_ref().unwrap().iter().filter(needed);
    let filled = |spec: &FieldSpec| match spec.role {
        // A part of what is held.
        Some(Role::Amount) if rule.effect == Effect::Deduct => FieldValue::Amount(Amount::cny(100_000)),
        _ => value(spec, about),
    };
    fields.map(|spec| field_to_wire(&Field { name: spec.name.clone(), value: filled(spec) })).collect()
}

fn value(spec: &FieldSpec, about: &About<'_>) -> FieldValue {
    let text = match spec.role {
        Some(Role::Identity | Role::Reference) => about.reference.to_owned(),
        Some(Role::PersonName) => about.name.to_owned(),
        Some(Role::PersonNumber) => about.number.to_owned(),
        Some(Role::Status) => spec.in_force.first().unwrap().clone(),
        Some(Role::Account) => "3301000100010001".to_owned(),
        _ if spec.name.as_str() == "case_number" => CASE.to_owned(),
        _ => spec.values.first().cloned().unwrap_or_else(|| "某项".to_owned()),
    };
    match spec.value_type {
        ValueType::Text => FieldValue::Text(text),
        ValueType::Texts => FieldValue::Texts(vec![text]),
        ValueType::Integer => FieldValue::Integer(12),
        ValueType::Boolean => FieldValue::Boolean(true),
        ValueType::Date => FieldValue::Date(Date::new(2025, 3, 1).unwrap()),
        ValueType::Time => FieldValue::Time(UnixSeconds(1_767_225_600)),
        ValueType::Amount => FieldValue::Amount(Amount::cny(400_000)),
        ValueType::Digest => FieldValue::Digest(Hash([7; 32])),
    }
}
