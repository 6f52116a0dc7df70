//! What an institution tells the court of an asset that it holds, as the sector's answer schema asks for it. Pure.
//! It refuses to know where the facts come from, sectors by name, and what becomes of the answer.

use crate::sectors::{FieldSet, FieldSpec, Role, TEXTS_MAX, ValueType};
use comity_model::record::{Field, FieldValue};
use comity_model::{Amount, MemberId, Time, UnixSeconds};

/// What is known of an asset when an order on it is decided.
pub(super) struct Facts {
    /// The time of the header under which all of it was proven.
    pub(super) as_of: UnixSeconds,
    /// What the asset is worth, where it is divisible.
    pub(super) value: Option<Amount>,
    /// What this order is to hold at most; `None` for a release and for an indivisible asset.
    pub(super) amount: Option<Amount>,
    /// Until when its hold lasts; `None` for a release.
    pub(super) until: Option<UnixSeconds>,
    /// Holds that arrived before this order and stand, the first to arrive first.
    pub(super) prior: Vec<Prior>,
    /// What holds that arrived later ask for.
    pub(super) later: u64,
    /// What the order asks for.
    pub(super) asked: Option<Amount>,
    /// The asset's record, if the institution keeps one.
    pub(super) record: Vec<Field>,
    /// What the record says that an indivisible asset is worth.
    pub(super) worth: Option<Amount>,
}

/// A hold that stands before an order.
pub(super) struct Prior {
    /// Whose.
    pub(super) court: MemberId,
    /// What it asks for, and what it has of it; `None` where the asset is indivisible.
    pub(super) asked: Option<Amount>,
    /// What it has of it.
    pub(super) held: Option<Amount>,
    /// When it lapses.
    pub(super) until: UnixSeconds,
    /// Whether it waits behind others itself.
    pub(super) waits: bool,
    /// Whether it is of the same court and case.
    pub(super) same_case: bool,
}

impl Facts {
    /// The fields of an answer that are known, by name.
    pub(super) fn fields(&self, schema: &FieldSet) -> Vec<Field> {
        let known = schema.iter().filter_map(|spec| {
            let value = self.value_of(spec).filter(|value| ValueType::of(value) == spec.value_type)?;
            Some(Field { name: spec.name.clone(), value })
        });
        known.collect()
    }

    fn value_of(&self, spec: &FieldSpec) -> Option<FieldValue> {
        if let Some(from) = &spec.from_record {
            return self.record.iter().find(|field| field.name == *from).map(|field| field.value.clone());
        }
        match spec.role? {
            Role::Balance => self.value.map(FieldValue::Amount),
            Role::Available => self.available().map(FieldValue::Amount),
            Role::Held => self.held().map(FieldValue::Amount),
            Role::EffectiveUntil => self.until.map(FieldValue::Time),
            Role::PriorHolds => Some(FieldValue::Texts(self.prior_lines())),
            Role::PriorHeld => self.value.map(|value| FieldValue::Amount(Amount { minor: self.prior_held(), ..value })),
            Role::OverControl => self.over_control().map(FieldValue::Amount),
            Role::AsOf => Some(FieldValue::Time(self.as_of)),
            Role::Identity
            | Role::Status
            | Role::Reference
            | Role::Amount
            | Role::PersonName
            | Role::PersonNumber
            | Role::Account
            | Role::ConsentKey => None,
        }
    }

    /// What the order's hold takes, by the chain's own rule: what those before it ask for goes first.
    fn held(&self) -> Option<Amount> {
        let (value, amount) = (self.value?, self.amount?);
        let left = value.minor.saturating_sub(self.prior_asked());
        Some(Amount { minor: amount.minor.min(left), ..value })
    }

    /// What is left once everybody who stands has taken what they ask for.
    fn available(&self) -> Option<Amount> {
        let value = self.value?;
        let own = self.amount.map_or(0, |amount| amount.minor);
        let taken = self.prior_asked().saturating_add(own).saturating_add(self.later);
        Some(Amount { minor: value.minor.saturating_sub(taken), ..value })
    }

    fn prior_asked(&self) -> u64 {
        self.prior.iter().fold(0, |sum, prior| sum.saturating_add(prior.asked.map_or(0, |asked| asked.minor)))
    }

    fn prior_held(&self) -> u64 {
        self.prior.iter().fold(0, |sum, prior| sum.saturating_add(prior.held.map_or(0, |held| held.minor)))
    }

    /// By how much what the same case holds of a divisible asset exceeds what it asks for now; of an indivisible one, by
    /// how much its worth does.
    fn over_control(&self) -> Option<Amount> {
        let asked = self.asked?;
        let held = match self.held() {
            Some(held) => {
                let same = self.prior.iter().filter(|prior| prior.same_case);
                same.fold(held.minor, |sum, prior| sum.saturating_add(prior.held.map_or(0, |held| held.minor)))
            }
            None => self.worth.filter(|worth| self.until.is_some() && worth.currency == asked.currency)?.minor,
        };
        Some(Amount { minor: held.saturating_sub(asked.minor), ..asked })
    }

    fn prior_lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.prior.iter().take(TEXTS_MAX).map(Prior::line).collect();
        let more = self.prior.len().saturating_sub(TEXTS_MAX);
        if more > 0
            && let Some(last) = lines.last_mut()
        {
            *last = format!("{} more", more.saturating_add(1));
        }
        lines
    }
}

impl Prior {
    /// Who, how much, until when.
    fn line(&self) -> String {
        let amount = match (self.held, self.asked) {
            (Some(held), Some(asked)) if held == asked => held.to_string(),
            (Some(held), Some(asked)) => format!("{held} of {asked}"),
            _ if self.waits => "the whole, waiting".to_owned(),
            _ => "the whole".to_owned(),
        };
        let until = time_of(self.until).map_or_else(|| self.until.to_string(), |time| time.to_string());
        format!("{} · {amount} · until {until}", self.court)
    }
}

fn time_of(seconds: UnixSeconds) -> Option<Time> {
    Time::new(i64::try_from(seconds.0).ok()?, 0)
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
