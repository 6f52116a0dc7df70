//! Requests for orders of the sectors as they ship: whatever a kind needs is filled in by its schema.
#![allow(dead_code, clippy::unwrap_used, missing_docs, unreachable_pub)]

use comity_gateway::field_to_wire;
use comity_gateway::sectors::{FieldSpec, Role, Sectors, ValueType};
use comity_model::record::{Date, Field, FieldValue};
use comity_model::{Hash, UnixSeconds};
use comity_proto::v1;
use std::collections::BTreeMap;

pub const DEBTOR: &str = "王五";
const NUMBER: &str = "330106198001011234";
const CASE: &str = "(2026)浙0106执1024号";
/// The court's account that deducted money goes to, and another one.
pub const ACCOUNT: &str = "3300001666600001";
pub const OTHER_ACCOUNT: &str = "3300001666600002";

/// What no chain and no relayer may keep: the debtor's name and number, the case, the accounts, the unit, the ruling.
pub const SECRETS: [&str; 9] = [
    DEBTOR,
    NUMBER,
    CASE,
    ACCOUNT,
    "6222020001",
    "6222020002",
    "330106001001GB00001F00010001",
    "A330106-2026-0001",
    "filled in",
];

/// An order to ask for.
#[derive(Clone)]
pub struct Draft {
    pub number: u128,
    pub recipient: &'static str,
    pub sector: String,
    pub kind: String,
    pub reference: String,
    pub amount: Option<u64>,
    pub original: String,
    pub days: u32,
    pub emergency: bool,
    pub fields: BTreeMap<&'static str, FieldValue>,
    pub claim: Option<v1::Claim>,
}

pub fn text(text: &str) -> FieldValue {
    FieldValue::Text(text.into())
}

pub fn amount(minor: u64) -> v1::Amount {
    v1::Amount { currency: "CNY".into(), minor }
}

impl Draft {
    pub fn new(number: u128, sector: &str, kind: &str) -> Self {
        Self {
            number,
            recipient: "members/bank",
            sector: sector.into(),
            kind: kind.into(),
            reference: "none".into(),
            amount: None,
            original: String::new(),
            days: 0,
            emergency: false,
            fields: BTreeMap::new(),
            claim: None,
        }
    }

    pub fn on(self, reference: &str) -> Self {
        Self { reference: reference.into(), ..self }
    }

    pub fn of(self, minor: u64) -> Self {
        Self { amount: Some(minor), ..self }
    }

    pub fn changing(self, original: &v1::Order) -> Self {
        Self { original: original.name.clone(), ..self }
    }

    pub fn for_days(self, days: u32) -> Self {
        Self { days, ..self }
    }

    pub fn in_an_emergency(self) -> Self {
        Self { emergency: true, ..self }
    }

    pub fn serving(self, obligation: &str, claimed: u64) -> Self {
        let claim = v1::Claim { obligation: obligation.into(), claimed: Some(amount(claimed)), salt: Vec::new() };
        Self { claim: Some(claim), ..self }
    }

    pub fn with(mut self, name: &'static str, value: FieldValue) -> Self {
        self.fields.insert(name, value);
        self
    }

    pub fn request(&self) -> v1::CreateOrderRequest {
        let sectors = Sectors::embedded().unwrap();
        let schema = sectors.sector(&self.sector.parse().unwrap()).unwrap();
        let kind = self.kind.parse().unwrap();
        let fields = schema.order.as_ref().unwrap().iter().filter_map(|spec| {
            let needed = spec.required || spec.required_for.contains(&kind);
            let given = self.fields.get(spec.name.as_str()).cloned();
            let named = self.amount.filter(|_| spec.role == Some(Role::Amount));
            let named = named.map(|minor| FieldValue::Amount(comity_model::Amount::cny(minor)));
            let value = given.or(named).or_else(|| needed.then(|| self.filled(spec)))?;
            Some(field_to_wire(&Field { name: spec.name.clone(), value }))
        });
        v1::CreateOrderRequest {
            request_id: uuid::Uuid::from_u128(self.number).to_string(),
            recipient: self.recipient.into(),
            sector: self.sector.clone(),
            kind: self.kind.clone(),
            original: self.original.clone(),
            private_fields: fields.collect(),
            hold_days: self.days,
            emergency: self.emergency,
            claim: self.claim.clone(),
            ..Default::default()
        }
    }

    fn filled(&self, spec: &FieldSpec) -> FieldValue {
        match (spec.role, spec.value_type) {
            (Some(Role::Reference), _) => text(&self.reference),
            (Some(Role::PersonName), ValueType::Text) => text(DEBTOR),
            (Some(Role::PersonNumber), ValueType::Text) => text(NUMBER),
            (_, ValueType::Text) if spec.name.as_str() == "case_number" => text(CASE),
            (_, ValueType::Text) => text(spec.values.first().map_or("filled in", String::as_str)),
            (_, ValueType::Integer) => FieldValue::Integer(1),
            (_, ValueType::Boolean) => FieldValue::Boolean(true),
            (_, ValueType::Date) => FieldValue::Date(Date::new(2026, 3, 1).unwrap()),
            (_, ValueType::Time) => FieldValue::Time(UnixSeconds(1_800_000_000)),
            (_, ValueType::Amount) => FieldValue::Amount(comity_model::Amount::cny(1)),
            (_, ValueType::Digest) => FieldValue::Digest(Hash([1; 32])),
            (_, ValueType::Texts) => FieldValue::Texts(vec![DEBTOR.into()]),
        }
    }
}
