//! Reads rules: `sectors/rules/*.toml`, each file a list of kinds of agreement and of rules. All of it is checked against
//! the sectors before the gateway starts; one bad rule refuses them all, by file and rule.
//! It refuses to know what happened, and when.

use crate::policy::kind_name;
use crate::sectors::{FieldSet, SectorSchema, Sectors, ValueType};
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::agreement::{HOLD_MAX_S, Opens, payment_field};
use comity_model::member::MemberKind;
use comity_model::record::FieldValue;
use comity_model::{FieldName, Hash, MemberId, OrderKind, RuleId, Sector};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Most kinds of agreement and rules in all, and most proposals of one rule.
const RULES_MAX: usize = 256;
const PROPOSALS_MAX: usize = 8;
/// Longest title or provision, in bytes.
const TEXT_MAX: usize = 512;
/// Most sectors of one investigation.
const SECTORS_MAX: usize = 32;
/// Most bodies that one proposal names.
const BODIES_MAX: usize = 16;
/// Longest hold period of an investigation, in seconds: 30 days.
const INVESTIGATION_HOLD_MAX_S: u64 = 30 * 86_400;

/// A file of rules.
#[derive(Clone, Copy, Debug)]
pub struct RuleSource<'a> {
    /// Its name, for error messages.
    pub name: &'a str,
    /// Its content: TOML.
    pub text: &'a str,
}

/// The files of `sectors/rules/`, as they were when the program was built.
const EMBEDDED: &[RuleSource<'static>] = include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// Rules that cannot be used. The operator sees it when the gateway starts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rules in {file}{}: {problem}", .rule.as_ref().map(|rule| format!(", {rule}")).unwrap_or_default())]
pub struct RuleError {
    /// The file.
    pub file: String,
    /// The rule, where it is about one.
    pub rule: Option<String>,
    /// What is wrong.
    pub problem: String,
}

/// Every rule of one gateway.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    agreements: BTreeMap<RuleId, AgreementKind>,
    rules: Vec<Rule>,
}

/// What every rule says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Title {
    /// In Chinese and in English.
    pub(crate) zh: String,
    /// See `zh`.
    pub(crate) en: String,
    /// The provision that it follows.
    pub(crate) legal_basis: String,
    /// Its text.
    pub(crate) text: String,
}

/// A kind of agreement, and what its default opens. The terms of an agreement copy it, with its digest, onto the chain.
#[derive(Clone, Debug)]
pub(crate) struct AgreementKind {
    /// What it says of itself.
    pub(crate) title: Title,
    /// SHA-256 of its text.
    pub(crate) digest: Hash,
    /// The sector in which payments are recorded.
    pub(crate) payments: Sector,
    /// What default opens before a court's confirmation, and after it.
    pub(crate) opens: Opens,
    /// See `opens`.
    pub(crate) opens_confirmed: Opens,
    /// How long a judge may stop it, at least, in seconds.
    pub(crate) hold_s: u64,
}

/// A rule: what it waits for, and what it then proposes.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// Its id.
    pub(crate) id: RuleId,
    /// What it says of itself.
    pub(crate) title: Title,
    /// SHA-256 of its text.
    pub(crate) digest: Hash,
    /// What it waits for.
    pub(crate) on: On,
    /// What it proposes.
    pub(crate) proposes: Vec<Proposes>,
}

/// What a rule waits for.
#[derive(Clone, Debug)]
pub(crate) enum On {
    /// A default of an agreement of this kind is proven.
    Defaulted { agreement: RuleId },
    /// A default of such an agreement has opened its next step: of this kind, or any.
    Opened { agreement: RuleId, opens: Option<Opens> },
    /// A hold of this court's lapses within so many days: of these sectors, or any.
    HoldLapsing { within_days: u32, sectors: Vec<Sector> },
    /// A record of the institution stands in which this field has one of these values, and another one has.
    RecordPut { sector: Sector, is: Vec<(FieldName, Vec<String>)> },
}

/// What a rule proposes.
#[derive(Clone, Debug)]
pub(crate) enum Proposes {
    /// A draft order.
    Order {
        /// Its sector; `None`: the original's.
        sector: Option<Sector>,
        /// Its kind.
        kind: OrderKind,
        /// To whom.
        to: To,
        /// Fields of the case, or of the original, that are not taken over.
        without: Vec<FieldName>,
        /// Fields beyond those of the case that the schema knows too.
        fields: Vec<(FieldName, Template)>,
        /// How long a hold is to last; 0 for the longest.
        hold_days: u32,
    },
    /// Looking for a person.
    Investigation {
        /// In these sectors, each of which can be searched.
        sectors: Vec<Sector>,
        /// Where the person's number is found.
        number: String,
        /// How long a judge may stop it, in seconds.
        hold_s: u64,
        /// What a record that is found proposes.
        found: Vec<FoundRule>,
    },
}

/// A draft order to whoever keeps a record that an investigation found.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct FoundRule {
    /// The sector of the record and of the order.
    pub(crate) sector: Sector,
    /// The order's kind.
    pub(crate) kind: OrderKind,
    /// Fields of the case that are not taken over.
    pub(crate) without: Vec<FieldName>,
    /// Fields beyond those of the case that the schema knows too.
    pub(crate) fields: Vec<(FieldName, Template)>,
    /// How long a hold is to last; 0 for the longest.
    pub(crate) hold_days: u32,
}

/// To whom a proposed order goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// To whoever got the original.
    Original,
    /// To whoever keeps the agreement's account.
    Payments,
    /// To each of these.
    Bodies(Vec<Body>),
}

/// Institutions that a rule names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// Every one of this kind.
    Kind(MemberKind),
    /// This one.
    Member(MemberId),
}

/// A value, or where it is found when the rule fires.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) enum Template {
    /// This one.
    Value(FieldValue),
    /// `$case.<field>`, `$debtor.name`, `$unpaid`, …: see `source`.
    Source(String),
}

impl Rules {
    /// Reads `sources`, for gateways that know `sectors`.
    ///
    /// # Errors
    /// [`RuleError`] names the file, the rule and what is wrong with it; one bad rule refuses them all.
    pub fn load(sources: &[RuleSource<'_>], sectors: &Sectors) -> Result<Self, RuleError> {
        let mut rules = Self::default();
        for source in sources {
            rules.read(source, sectors)?;
        }
        for rule in &rules.rules {
            let (On::Defaulted { agreement } | On::Opened { agreement, .. }) = &rule.on else { continue };
            if !rules.agreements.contains_key(agreement) {
                let problem = format!("there is no kind of agreement {agreement}");
                return Err(RuleError { file: "all files".into(), rule: Some(rule.id.to_string()), problem });
            }
        }
        Ok(rules)
    }

    /// Reads the rules that came with the program, and `more`, such as an operator's own.
    ///
    /// # Errors
    /// As [`Rules::load`].
    pub fn embedded(more: &[RuleSource<'_>], sectors: &Sectors) -> Result<Self, RuleError> {
        Self::load(&[EMBEDDED, more].concat(), sectors)
    }

    /// The kind of agreement of this id.
    pub(crate) fn agreement(&self, id: &RuleId) -> Option<&AgreementKind> {
        self.agreements.get(id)
    }

    /// All kinds of agreement, by id.
    pub(crate) fn agreements(&self) -> impl Iterator<Item = (&RuleId, &AgreementKind)> {
        self.agreements.iter()
    }

    /// All rules, in the order of their files.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    fn read(&mut self, source: &RuleSource<'_>, sectors: &Sectors) -> Result<(), RuleError> {
        let refuse = |rule: Option<&str>, problem: String| RuleError {
            file: source.name.to_owned(),
            rule: rule.map(ToOwned::to_owned),
            problem,
        };
        let file: File = toml::from_str(source.text).map_err(|error| refuse(None, error.to_string()))?;
        for table in file.agreement {
            let (text, digest) = text(&table).map_err(|problem| refuse(None, problem))?;
            let entry: AgreementEntry =
                table.try_into().map_err(|error: toml::de::Error| refuse(None, error.to_string()))?;
            let name = entry.id.clone();
            let (id, kind) = entry.kind(text, digest, sectors).map_err(|problem| refuse(Some(&name), problem))?;
            if self.knows(&id) {
                return Err(refuse(Some(&name), "the id stands twice".into()));
            }
            self.agreements.insert(id, kind);
        }
        for table in file.rule {
            let (text, digest) = text(&table).map_err(|problem| refuse(None, problem))?;
            let entry: RuleEntry =
                table.try_into().map_err(|error: toml::de::Error| refuse(None, error.to_string()))?;
            let name = entry.id.clone();
            let rule = entry.rule(text, digest, sectors).map_err(|problem| refuse(Some(&name), problem))?;
            if self.knows(&rule.id) {
                return Err(refuse(Some(&name), "the id stands twice".into()));
            }
            self.rules.push(rule);
        }
        if self.agreements.len() + self.rules.len() > RULES_MAX {
            return Err(refuse(None, format!("there are more than {RULES_MAX} rules")));
        }
        Ok(())
    }

    fn knows(&self, id: &RuleId) -> bool {
        self.agreements.contains_key(id) || self.rules.iter().any(|rule| rule.id == *id)
    }
}

/// A rule's text in one form, whatever comments and spaces its file has, and its SHA-256.
fn text(table: &toml::Table) -> Result<(String, Hash), String> {
    let text = toml::to_string(table).map_err(|error| error.to_string())?;
    let digest = Hash(Sha256::digest(text.as_bytes()).into());
    Ok((text, digest))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    agreement: Vec<toml::Table>,
    #[serde(default)]
    rule: Vec<toml::Table>,
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
struct AgreementEntry {
    id: String,
    title: Titles,
    legal_basis: String,
    payments: String,
    opens: OpensName,
    opens_confirmed: OpensName,
    hold_s: u64,
}

impl AgreementEntry {
    fn kind(self, text: String, digest: Hash, sectors: &Sectors) -> Result<(RuleId, AgreementKind), String> {
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
struct RuleEntry {
    id: String,
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
    fn rule(self, text: String, digest: Hash, sectors: &Sectors) -> Result<Rule, String> {
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

fn condition_field(schema: &SectorSchema, name: &str, values: Vec<String>) -> Result<(FieldName, Vec<String>), String> {
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
                if !super::source::is_known(&number, false) {
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
                let to = recipient(to, on)?;
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

/// A sector that takes orders of a kind, the kind, and what such an order says.
fn order_of<'a>(
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

fn names(without: Vec<String>) -> Result<Vec<FieldName>, String> {
    without.into_iter().map(|name| name.parse().map_err(|error| format!("without: {error}"))).collect()
}

fn recipient(to: OneOrMore, on: &On) -> Result<To, String> {
    let bodies = match to {
        OneOrMore::One(text) => vec![text],
        OneOrMore::More(texts) => texts,
    };
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

fn template(
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
            Some(source) if super::source::is_known(source, found) => Template::Source(source.to_owned()),
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

fn sector<'a>(sectors: &'a Sectors, name: &str) -> Result<&'a SectorSchema, String> {
    let parsed: Sector = name.parse().map_err(|error| format!("sector: {error}"))?;
    sectors.sector(&parsed).ok_or_else(|| format!("there is no sector {name}"))
}

fn sector_names(sectors: &Sectors, names: &[String]) -> Result<Vec<Sector>, String> {
    if names.is_empty() || names.len() > SECTORS_MAX {
        return Err(format!("1 to {SECTORS_MAX} sectors"));
    }
    names.iter().map(|name| Ok(sector(sectors, name)?.name.clone())).collect()
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
