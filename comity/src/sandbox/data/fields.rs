//! Builds the fields of a record, sorted by name.

use super::Record;
use comity_model::record::{Date, Field, FieldValue};
use comity_model::{Amount, Hash, UnixSeconds};
use std::fmt::Debug;
use std::str::FromStr;

/// An identifier that this program wrote itself.
pub(super) fn own<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().expect("the sandbox writes identifiers in their form")
}

/// Fields, as they are collected.
#[derive(Clone, Default)]
pub(super) struct Fields(Vec<Field>);

impl Fields {
    pub(super) fn text(self, name: &str, value: impl Into<String>) -> Self {
        self.with(name, FieldValue::Text(value.into()))
    }

    pub(super) fn texts(self, name: &str, values: Vec<String>) -> Self {
        self.with(name, FieldValue::Texts(values))
    }

    pub(super) fn integer(self, name: &str, value: u64) -> Self {
        self.with(name, FieldValue::Integer(i64::try_from(value).unwrap_or(i64::MAX)))
    }

    pub(super) fn boolean(self, name: &str, value: bool) -> Self {
        self.with(name, FieldValue::Boolean(value))
    }

    pub(super) fn date(self, name: &str, day: jiff::civil::Date) -> Self {
        let date = Date::new(day.year().unsigned_abs(), day.month().unsigned_abs(), day.day().unsigned_abs());
        match date {
            Some(date) => self.with(name, FieldValue::Date(date)),
            None => self,
        }
    }

    /// `second` of the day, UTC.
    pub(super) fn time(self, name: &str, day: jiff::civil::Date, second: u64) -> Self {
        let epoch = jiff::civil::date(1970, 1, 1);
        let midnight = u64::try_from(day.duration_since(epoch).as_secs()).unwrap_or(0);
        self.with(name, FieldValue::Time(UnixSeconds(midnight + second)))
    }

    pub(super) fn amount(self, name: &str, value: Amount) -> Self {
        self.with(name, FieldValue::Amount(value))
    }

    pub(super) fn digest(self, name: &str, value: Hash) -> Self {
        self.with(name, FieldValue::Digest(value))
    }

    /// With what `more` adds, where there is a `value`.
    pub(super) fn maybe<T>(self, value: Option<T>, more: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => more(self, value),
            None => self,
        }
    }

    fn with(mut self, name: &str, value: FieldValue) -> Self {
        self.0.push(Field { name: own(name), value });
        self
    }

    /// The fields, sorted.
    pub(super) fn sorted(mut self) -> Vec<Field> {
        self.0.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        self.0
    }

    /// A record of them.
    pub(super) fn record(self, id: &str) -> Record {
        Record { id: own(id), fields: self.sorted() }
    }
}
