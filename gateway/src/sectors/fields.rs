//! The fields that a schema allows, and the check of fields against it. Knows neither Protocol Buffers nor who asks.

use super::FieldError;
use comity_model::record::{Field, FieldValue};
use comity_model::{FieldName, OrderKind};
use std::collections::BTreeMap;

/// The longest text, in bytes of UTF-8.
pub const TEXT_BYTES_MAX: usize = 4096;
/// The most texts in one field.
pub const TEXTS_MAX: usize = 64;

/// What a schema says of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldSpec {
    /// Its name.
    pub name: FieldName,
    /// The type of its value.
    pub value_type: ValueType,
    /// Whether it is always there.
    pub required: bool,
    /// In an order: the kinds that need it.
    pub required_for: Vec<OrderKind>,
    /// Whether it is personal data: asking for it takes a purpose.
    pub personal: bool,
    /// Groups that may read it, in lower case: `public`, `agency`, `holder`, `court`, … Empty in an order, which its
    /// recipient reads whole.
    pub readers: Vec<String>,
    /// What the machinery uses it for.
    pub role: Option<Role>,
    /// What a form calls it, in Chinese.
    pub label_zh: String,
    /// What a form calls it, in English.
    pub label_en: String,
    /// The texts it may have; empty: any.
    pub values: Vec<String>,
    /// Of a status: those of `values` that mean "in force".
    pub in_force: Vec<String>,
    /// Of a record: whoever reads it shows the subject's consent.
    pub consent: bool,
    /// In an answer: the record's field that it is copied from.
    pub from_record: Option<FieldName>,
}

impl FieldSpec {
    /// Whether a reader who belongs to `groups` may read it; what is `public` everybody may.
    #[must_use]
    pub fn readable_by(&self, groups: &[&str]) -> bool {
        self.readers.iter().any(|reader| reader == "public" || groups.contains(&reader.as_str()))
    }

    /// Whether a value is one that this field may have.
    pub(crate) fn check(&self, value: &FieldValue) -> Result<(), FieldError> {
        let found = ValueType::of(value);
        if found != self.value_type {
            return Err(FieldError::Type {
                field: self.name.clone(),
                expected: self.value_type.name(),
                found: found.name(),
            });
        }
        match value {
            FieldValue::Text(text) => self.check_text(text),
            FieldValue::Texts(texts) if texts.len() > TEXTS_MAX => {
                Err(FieldError::TooLong { field: self.name.clone() })
            }
            FieldValue::Texts(texts) => texts.iter().try_for_each(|text| self.check_text(text)),
            _ => Ok(()),
        }
    }

    fn check_text(&self, text: &str) -> Result<(), FieldError> {
        let field = || self.name.clone();
        if text.len() > TEXT_BYTES_MAX {
            return Err(FieldError::TooLong { field: field() });
        }
        if text.is_empty() || text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(FieldError::Text { field: field() });
        }
        if !self.values.is_empty() && !self.values.iter().any(|value| value == text) {
            return Err(FieldError::Value { field: field(), allowed: self.values.join(", ") });
        }
        Ok(())
    }
}

/// Types of value, one for each form of [`FieldValue`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// `string`
    Text,
    /// `int64`
    Integer,
    /// `bool`
    Boolean,
    /// `string` with `date: true`
    Date,
    /// `google.protobuf.Timestamp`
    Time,
    /// `comity.sector.v1.Amount`
    Amount,
    /// `bytes`
    Digest,
    /// `repeated string`
    Texts,
}

impl ValueType {
    /// The type of a value.
    #[must_use]
    pub const fn of(value: &FieldValue) -> Self {
        match value {
            FieldValue::Text(_) => Self::Text,
            FieldValue::Integer(_) => Self::Integer,
            FieldValue::Boolean(_) => Self::Boolean,
            FieldValue::Date(_) => Self::Date,
            FieldValue::Time(_) => Self::Time,
            FieldValue::Amount(_) => Self::Amount,
            FieldValue::Digest(_) => Self::Digest,
            FieldValue::Texts(_) => Self::Texts,
        }
    }

    /// The type in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Integer => "an integer",
            Self::Boolean => "a yes or no",
            Self::Date => "a date",
            Self::Time => "a time",
            Self::Amount => "an amount",
            Self::Digest => "a digest",
            Self::Texts => "a list of texts",
        }
    }
}

/// What the machinery uses a field for: see `comity/sector/v1/options.proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The record's id.
    Identity,
    /// Whether the record's subject is in force.
    Status,
    /// Which asset an order is about.
    Reference,
    /// How much.
    Amount,
    /// The person concerned.
    PersonName,
    /// That person's number.
    PersonNumber,
    /// In an answer: what the asset is worth in all.
    Balance,
    /// In an answer: what no hold takes.
    Available,
    /// In an answer: what this order's hold takes.
    Held,
    /// In an answer: until when it does.
    EffectiveUntil,
    /// In an answer: the holds that stand before it.
    PriorHolds,
    /// In an answer: what those take in all.
    PriorHeld,
    /// In an answer: by how much what is held exceeds what the case asks for.
    OverControl,
    /// In an answer: when all this was so.
    AsOf,
    /// In an order: the number of the court's account that deducted money goes to.
    Account,
    /// In a record: the key with which its subject consents.
    ConsentKey,
}

impl Role {
    /// The type of an answer's field of this role; `None` for a role that answers do not have.
    #[must_use]
    pub const fn answers_with(self) -> Option<ValueType> {
        match self {
            Self::Balance | Self::Available | Self::Held | Self::PriorHeld | Self::OverControl => {
                Some(ValueType::Amount)
            }
            Self::PriorHolds => Some(ValueType::Texts),
            Self::EffectiveUntil | Self::AsOf => Some(ValueType::Time),
            Self::Identity
            | Self::Status
            | Self::Reference
            | Self::Amount
            | Self::PersonName
            | Self::PersonNumber
            | Self::Account
            | Self::ConsentKey => None,
        }
    }
}

/// The fields of a record, of an order's private part, or of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldSet {
    by_name: BTreeMap<FieldName, FieldSpec>,
    by_role: BTreeMap<Role, FieldName>,
}

impl FieldSet {
    /// Of specifications that `schema` has found to be consistent: names and roles each once.
    pub(super) fn new(specs: Vec<FieldSpec>) -> Self {
        Self {
            by_role: specs.iter().filter_map(|spec| Some((spec.role?, spec.name.clone()))).collect(),
            by_name: specs.into_iter().map(|spec| (spec.name.clone(), spec)).collect(),
        }
    }

    /// The field of this name.
    #[must_use]
    pub fn field(&self, name: &FieldName) -> Option<&FieldSpec> {
        self.by_name.get(name)
    }

    /// The field of this role.
    #[must_use]
    pub fn role(&self, role: Role) -> Option<&FieldSpec> {
        self.by_name.get(self.by_role.get(&role)?)
    }

    /// All fields, by name.
    pub fn iter(&self) -> impl Iterator<Item = &FieldSpec> {
        self.by_name.values()
    }

    /// The fields that a reader who belongs to `groups` may read, by name.
    pub fn readable(&self, groups: &[&str]) -> impl Iterator<Item = &FieldSpec> {
        self.iter().filter(|spec| spec.readable_by(groups))
    }

    /// The value of the field of this role among `fields`.
    #[must_use]
    pub fn value<'a>(&self, role: Role, fields: &'a [Field]) -> Option<&'a FieldValue> {
        let name = self.by_role.get(&role)?;
        fields.iter().find(|field| field.name == *name).map(|field| &field.value)
    }

    /// Whether the record that `fields` are of is in force, by its status; `None` where they do not say.
    #[must_use]
    pub fn in_force(&self, fields: &[Field]) -> Option<bool> {
        let spec = self.role(Role::Status)?;
        match self.value(Role::Status, fields)? {
            FieldValue::Text(status) => Some(spec.in_force.contains(status)),
            _ => None,
        }
    }

    /// Whether `fields` are sorted by name, each once, each known and of its type and values, and none missing.
    ///
    /// # Errors
    /// [`FieldError`] names the first field that is wrong.
    pub fn check(&self, fields: &[Field]) -> Result<(), FieldError> {
        for pair in fields.windows(2) {
            if let [before, after] = pair
                && before.name >= after.name
            {
                return Err(FieldError::NotSorted { field: after.name.clone() });
            }
        }
        for field in fields {
            let spec =
                self.by_name.get(&field.name).ok_or_else(|| FieldError::Unknown { field: field.name.clone() })?;
            spec.check(&field.value)?;
        }
        match self.iter().find(|spec| spec.required && !has(fields, &spec.name)) {
            Some(spec) => Err(FieldError::Missing { field: spec.name.clone() }),
            None => Ok(()),
        }
    }

    /// Whether the fields that this kind of order needs are there.
    pub(super) fn check_kind(&self, kind: &OrderKind, fields: &[Field]) -> Result<(), FieldError> {
        match self.iter().find(|spec| spec.required_for.contains(kind) && !has(fields, &spec.name)) {
            Some(spec) => Err(FieldError::MissingForKind { field: spec.name.clone(), kind: kind.clone() }),
            None => Ok(()),
        }
    }
}

/// Binary search: `fields` are sorted by name.
fn has(fields: &[Field], name: &FieldName) -> bool {
    fields.binary_search_by(|field| field.name.cmp(name)).is_ok()
}
