//! How a rule is written: the tables of a rule file, each read whole, and what they come to once they were checked.
//! It refuses to know what exists: see `checks`.

use super::checks::{condition_field, names, order_of, recipient, sector, sector_names, template};
use super::{AgreementKind, FoundRule, On, Proposes, Rule, Title, To};
use crate::sectors::{Sectors, ValueType};
use crate::triggers::source;
use comity_model::agreement::{HOLD_MAX_S, Opens, payment_field};
use comity_model::{FieldName, Hash, RuleId, Sector};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Most proposals of one rule.
const PROPOSALS_MAX: usize = 8;
/// Longest title or provision, in bytes.
const TEXT_MAX: usize = 512;
/// Longest hold period of an investigation, in seconds: 30 days.
const INVESTIGATION_HOLD_MAX_S: u64 = 30 * 86_400;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) agreement: Vec<toml::Table>,
    #[serde(default)]
    pub(super) rule: Vec<toml::Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Titles {
    zh: String,
    en: String,
}

impl Titles {
    fn title(self, legal_basis: String, text: String) -> Result<Title, String> {
        let fits =
            |part: &String| !part.trim().is_empty() && part.len() <= TEXT_MAX && !part.contains(char::is_control);
        if ![&self.zh, &self.en, &legal_basis].into_iter().all(fits) {
            return Err(format!("title and legal_basis have 1 to {TEXT_MAX} bytes"));
        }
        Ok(Title { zh: self.zh, en: self.en, legal_basis, text })
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OpensName {
    Trial,
    Enforcement,
}

impl From<OpensName> for Opens {
    fn from(name: OpensName) -> Self {
        match name {
            OpensName::Trial => Self::Trial,
            OpensName::Enforcement => Self::Enforcement,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgreementEntry {
    pub(super) id: String,
    title: Titles,
    legal_basis: String,
    payments: String,
    opens: OpensName,
    opens_confirmed: OpensName,
    hold_s: u64,
}

impl AgreementEntry {
    /// The kind of agreement that is written there.
    pub(super) fn kind(self, text: String, digest: Hash, sectors: &Sectors) -> Result<(RuleId, AgreementKind), String> {
        let schema = sector(sectors, &self.payments)?;
        for (name, wanted) in [
            (payment_field::ACCOUNT, ValueType::Digest),
            (payment_field::AMOUNT, ValueType::Amount),
            (payment_field::PAID_AT, ValueType::Time),
        ] {
            let name: FieldName = name.parse().map_err(|error| format!("{error}"))?;
            if schema.record.field(&name).is_none_or(|spec| spec.value_type != wanted) {
                return Err(format!("records of sector {} have no field {name} as payments have", schema.name));
            }
        }
        if self.hold_s > HOLD_MAX_S {
            return Err(format!("hold_s is at most {HOLD_MAX_S}"));
        }
        let id = self.id.parse().map_err(|error| format!("id: {error}"))?;
        let kind = AgreementKind {
            title: self.title.title(self.legal_basis, text)?,
            digest,
            payments: schema.name.clone(),
            opens: self.opens.into(),
            opens_confirmed: self.opens_confirmed.into(),
            hold_s: self.hold_s,
        };
        Ok((id, kind))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleEntry {
    pub(super) id: String,
    title: Titles,
    legal_basis: String,
    on: OnName,
    #[serde(default, rename = "where")]
    condition: Condition,
    propose: Vec<ProposeEntry>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OnName {
    AgreementDefaulted,
    AgreementOpened,
    HoldLapsing,
    RecordPut,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    agreement: Option<String>,
    opens: Option<OpensName>,
    within_days: Option<u32>,
    sectors: Option<Vec<String>>,
    sector: Option<String>,
    is: Option<BTreeMap<String, Vec<String>>>,
}

impl RuleEntry {
    /// The rule that is written there.
    pub(super) fn rule(self, text: String, digest: Hash, sectors: &Sectors) -> Result<Rule, String> {
        let on = self.condition.on(self.on, sectors)?;
        if self.propose.is_empty() || self.propose.len() > PROPOSALS_MAX {
            return Err(format!("a rule proposes 1 to {PROPOSALS_MAX} things"));
        }
        let proposes = self.propose.into_iter().map(|entry| entry.proposes(&on, sectors));
        Ok(Rule {
            id: self.id.parse().map_err(|error| format!("id: {error}"))?,
            title: self.title.title(self.legal_basis, text)?,
            digest,
            proposes: proposes.collect::<Result<_, _>>()?,
            on,
        })
    }
}

impl Condition {
    fn on(self, name: OnName, known: &Sectors) -> Result<On, String> {
        let Self { agreement, opens, within_days, sectors, sector: of, is } = self;
        let missing = |what: &str| format!("where.{what} is missing");
        let agreement =
            agreement.map(|id| id.parse().map_err(|error| format!("where.agreement: {error}"))).transpose()?;
        let listed = sectors.map(|names| sector_names(known, &names)).transpose()?;
        match (name, agreement, opens, within_days, listed, of, is) {
            (OnName::AgreementDefaulted, Some(agreement), None, None, None, None, None) => {
                Ok(On::Defaulted { agreement })
            }
            (OnName::AgreementOpened, Some(agreement), opens, None, None, None, None) => {
                Ok(On::Opened { agreement, opens: opens.map(Into::into) })
            }
            (OnName::HoldLapsing, None, None, Some(within_days), sectors, None, None) => {
                Ok(On::HoldLapsing { within_days, sectors: sectors.unwrap_or_default() })
            }
            (OnName::RecordPut, None, None, None, None, Some(of), Some(is)) => {
                let schema = sector(known, &of)?;
                let is = is.into_iter().map(|(name, values)| condition_field(schema, &name, values));
                Ok(On::RecordPut { sector: schema.name.clone(), is: is.collect::<Result<_, _>>()? })
            }
            (OnName::AgreementDefaulted | OnName::AgreementOpened, None, ..) => Err(missing("agreement")),
            (OnName::HoldLapsing, None, None, None, ..) => Err(missing("within_days")),
            (OnName::RecordPut, None, None, None, None, None, _) => Err(missing("sector")),
            (OnName::RecordPut, None, None, None, None, Some(_), None) => Err(missing("is")),
            _ => Err("`where` says what `on` does not know".into()),
        }
    }
}

#[derive(Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
enum ProposeEntry {
    Order {
        sector: Option<String>,
        kind: String,
        to: OneOrMore,
        #[serde(default)]
        without: Vec<String>,
        #[serde(default)]
        fields: BTreeMap<String, toml::Value>,
        #[serde(default)]
        hold_days: u32,
    },
    Investigation {
        sectors: Vec<String>,
        number: Option<String>,
        #[serde(default)]
        hold_s: u64,
        #[serde(default)]
        found: Vec<FoundEntry>,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl From<OneOrMore> for Vec<String> {
    fn from(texts: OneOrMore) -> Self {
        match texts {
            OneOrMore::One(text) => vec![text],
            OneOrMore::More(texts) => texts,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FoundEntry {
    sector: String,
    kind: String,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    fields: BTreeMap<String, toml::Value>,
    #[serde(default)]
    hold_days: u32,
}

impl FoundEntry {
    fn rule(self, searched: &[Sector], known: &Sectors) -> Result<FoundRule, String> {
        let (schema, kind, order) = order_of(known, &self.sector, &self.kind)?;
        if !searched.contains(&schema.name) {
            return Err(format!("found: sector {} is not among those that are searched", schema.name));
        }
        let holds =
            schema.profile.as_ref().and_then(|profile| profile.kind(&kind)).is_some_and(|rule| rule.effect.holds());
        if !holds {
            return Err(format!("found: an order of kind {kind} holds nothing"));
        }
        let fields = self.fields.into_iter().map(|(name, value)| template(Some(order), &name, value, true));
        Ok(FoundRule {
            sector: schema.name.clone(),
            kind,
            without: names(self.without)?,
            fields: fields.collect::<Result<_, _>>()?,
            hold_days: self.hold_days,
        })
    }
}

impl ProposeEntry {
    fn proposes(self, on: &On, known: &Sectors) -> Result<Proposes, String> {
        match self {
            Self::Investigation { sectors, number, hold_s, found } => {
                let number = match (on, number) {
                    (On::Defaulted { .. } | On::Opened { .. }, None) => "debtor.id_number".to_owned(),
                    (On::RecordPut { .. }, Some(place)) => place,
                    (On::RecordPut { .. }, None) => return Err("number is missing: whom to look for".into()),
                    (On::HoldLapsing { .. }, _) => {
                        return Err("only an agreement or a record says whom to look for".into());
                    }
                    (_, Some(_)) => return Err("an agreement says itself whom to look for".into()),
                };
                let number = number.strip_prefix('$').unwrap_or(&number).to_owned();
                if !source::is_known(&number, false) {
                    return Err(format!("number: nothing is found at ${number}"));
                }
                let sectors = sector_names(known, &sectors)?;
                let closed = sectors.iter().find(|name| !known.sector(name).is_some_and(|schema| schema.searchable));
                if let Some(closed) = closed {
                    return Err(format!("sector {closed} cannot be searched by person"));
                }
                if hold_s > INVESTIGATION_HOLD_MAX_S || found.len() > PROPOSALS_MAX {
                    return Err(format!(
                        "hold_s is at most {INVESTIGATION_HOLD_MAX_S}, and a finding proposes at most {PROPOSALS_MAX} things"
                    ));
                }
                let found = found.into_iter().map(|entry| entry.rule(&sectors, known)).collect::<Result<_, _>>()?;
                Ok(Proposes::Investigation { sectors, number, hold_s, found })
            }
            Self::Order { sector: named, kind, to, without, fields, hold_days } => {
                let to = recipient(&Vec::from(to), on)?;
                if (to == To::Original) != named.is_none() {
                    return Err("an order to `original` is of its sector, every other one names its sector".into());
                }
                let named = named.map(|named| order_of(known, &named, &kind)).transpose()?;
                let (schema, order) = (named.as_ref().map(|named| named.0), named.as_ref().map(|named| named.2));
                let fields = fields.into_iter().map(|(name, value)| template(order, &name, value, false));
                Ok(Proposes::Order {
                    sector: schema.map(|schema| schema.name.clone()),
                    kind: kind.parse().map_err(|error| format!("kind: {error}"))?,
                    to,
                    without: names(without)?,
                    fields: fields.collect::<Result<_, _>>()?,
                    hold_days,
                })
            }
        }
    }
}
