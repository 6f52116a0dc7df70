//! Where a rule finds values when it fires: the agreement's private part, the original order's, a record's fields, or what an
//! investigation kept and found.
//! It refuses to know rules and schemas.

use super::stored::StoredInvestigation;
use crate::agreements::StoredAgreement;
use crate::orders::StoredOrder;
use comity_model::record::{Field, FieldValue};
use comity_model::{Amount, MemberId};

/// Places that a template may name, beside `case.<field>`.
pub(super) const NAMED: [&str; 5] = ["debtor.name", "debtor.id_type", "debtor.id_number", "unpaid", "court"];
/// The id of the firing, in hex: a number that nothing else has.
pub(super) const FIRING: &str = "firing";
/// The prefix of a field of the case, of the original order, or of the record.
const CASE: &str = "case.";
/// The prefix of a field of the record that an investigation found.
const FOUND: &str = "found.";
/// What stands behind a list's name for one of its texts.
const FIRST: &str = ".first";
const LAST: &str = ".last";

/// Whether something may be found at `source`; `found` where an investigation's record is at hand.
pub(super) fn is_known(source: &str, found: bool) -> bool {
    let field = source.strip_prefix(CASE).or_else(|| source.strip_prefix(FOUND).filter(|_| found));
    NAMED.contains(&source) || source == FIRING || field.is_some_and(|name| !name.is_empty())
}

/// What a firing is about.
pub(super) enum Source<'a> {
    /// An agreement, and what of it is unpaid.
    Agreement(&'a StoredAgreement, Amount),
    /// An order whose hold is about to lapse.
    Order(&'a StoredOrder),
    /// A record of the institution: its fields.
    Record(&'a MemberId, &'a [Field]),
    /// A record that an investigation found.
    Found(&'a StoredInvestigation, &'a [Field]),
}

impl Source<'_> {
    /// The fields of the case.
    pub(super) fn case(&self) -> &[Field] {
        match self {
            Self::Agreement(stored, _) => &stored.private.case,
            Self::Order(order) => &order.part.fields,
            Self::Record(_, fields) => fields,
            Self::Found(investigation, _) => &investigation.case,
        }
    }

    /// The value at `source`, if there is one.
    pub(super) fn value(&self, source: &str) -> Option<FieldValue> {
        if let Some(name) = source.strip_prefix(CASE) {
            return of_field(self.case(), name);
        }
        let text = |text: &str| Some(FieldValue::Text(text.to_owned()));
        match (self, source) {
            (Self::Found(_, fields), source) if source.starts_with(FOUND) => {
                of_field(fields, source.strip_prefix(FOUND)?)
            }
            (Self::Found(investigation, _), _) => {
                investigation.places.iter().find(|(place, _)| place == source).map(|(_, value)| value.clone())
            }
            (Self::Agreement(_, unpaid), "unpaid") => Some(FieldValue::Amount(*unpaid)),
            (Self::Agreement(stored, _), "court") => text(stored.deed.court.as_str()),
            (Self::Order(order), "court") => text(order.order.court.as_str()),
            (Self::Record(keeper, _), "court") => text(keeper.as_str()),
            (Self::Agreement(stored, _), _) => {
                let debtor = stored.debtor()?;
                match source {
                    "debtor.name" => text(&debtor.name),
                    "debtor.id_type" => text(&debtor.id_type),
                    "debtor.id_number" => text(&debtor.id_number),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The text at `source`; none where another kind of value stands there.
    pub(super) fn text(&self, source: &str) -> Option<String> {
        match self.value(source)? {
            FieldValue::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The value of a field, or of the first or last text of a list.
fn of_field(fields: &[Field], name: &str) -> Option<FieldValue> {
    let find = |name: &str| fields.iter().find(|field| field.name.as_str() == name).map(|field| &field.value);
    let (list, first) = match (name.strip_suffix(FIRST), name.strip_suffix(LAST)) {
        (Some(list), _) => (list, true),
        (_, Some(list)) => (list, false),
        _ => return find(name).cloned(),
    };
    let FieldValue::Texts(texts) = find(list)? else { return None };
    let text = if first { texts.first() } else { texts.last() };
    text.map(|text| FieldValue::Text(text.clone()))
}
