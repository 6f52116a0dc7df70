//! Reads rules: `sectors/rules/*.toml`, each file a list of kinds of agreement and of rules. All of it is checked against
//! the sectors before the gateway starts; one bad rule refuses them all, by file and rule.
//! It refuses to know what happened, and when.

mod checks;
mod written;

use crate::sectors::Sectors;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::agreement::Opens;
use comity_model::member::MemberKind;
use comity_model::record::FieldValue;
use comity_model::{FieldName, Hash, MemberId, OrderKind, RuleId, Sector};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use written::{AgreementEntry, File, RuleEntry};

/// Most kinds of agreement and rules in all.
const RULES_MAX: usize = 256;

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

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
