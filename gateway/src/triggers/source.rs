//! Where a rule finds values when it fires: the agreement's private part, the original order's, or a record's fields.
//! It refuses to know rules and schemas.

use crate::agreements::StoredAgreement;
use crate::orders::StoredOrder;
use comity_model::record::{Field, FieldValue};
use comity_model::{Amount, MemberId};

/// Places that a template may name, beside `case.<field>`.
const NAMED: [&str; 5] = ["debtor.name", "debtor.id_type", "debtor.id_number", "unpaid", "court"];
/// The prefix of a field of the case, of the original order, or of the record.
const CASE: &str = "case.";

/// Whether something may be found at `source`.
pub(super) fn is_known(source: &str) -> bool {
    NAMED.contains(&source) || source.strip_prefix(CASE).is_some_and(|name| !name.is_empty())
}

/// What a firing is about.
pub(super) enum Source<'a> {
    /// An agreement, and what of it is unpaid.
    Agreement(&'a StoredAgreement, Amount),
    /// An order whose hold is about to lapse.
    Order(&'a StoredOrder),
    /// A record of the institution: its fields.
    Record(&'a MemberId, &'a [Field]),
}

impl Source<'_> {
    /// The fields of the case.
    pub(super) fn case(&self) -> &[Field] {
        match self {
            Self::Agreement(stored, _) => &stored.private.case,
            Self::Order(order) => &order.part.fields,
            Self::Record(_, fields) => fields,
        }
    }

    /// The value at `source`, if there is one.
    pub(super) fn value(&self, source: &str) -> Option<FieldValue> {
        if let Some(name) = source.strip_prefix(CASE) {
            return self.case().iter().find(|field| field.name.as_str() == name).map(|field| field.value.clone());
        }
        let text = |text: &str| Some(FieldValue::Text(text.to_owned()));
        match (self, source) {
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

    /// Whom to look for.
    pub(super) fn person(&self) -> Vec<Field> {
        let Self::Agreement(stored, _) = self else { return Vec::new() };
        let Some(debtor) = stored.debtor() else { return Vec::new() };
        let field = |name: &str, value: &str| {
            Some(Field { name: name.parse().ok()?, value: FieldValue::Text(value.to_owned()) })
        };
        [
            field("person_id_number", &debtor.id_number),
            field("person_id_type", &debtor.id_type),
            field("person_name", &debtor.name),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
