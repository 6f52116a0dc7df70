//! Reads `profile.toml`: the kinds of order of a sector. Which institution answers them is not in the file: the same
//! sector has another one on each chain.

use super::{SectorError, SectorSource};
use comity_model::profile::{Effect, KindRule, ObjectionRule, Profile, Unanswered};
use comity_model::{Amount, MemberId, OrderKind, Sector};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Most kinds of one sector.
const KINDS_MAX: usize = 32;
/// Ten years: longer than any hold.
const PERIOD_DAYS_MAX: u32 = 3660;
/// Thirty days: longer than any institution may take to decide.
const DECIDE_WITHIN_S_MAX: u64 = 30 * 86_400;

/// The kinds of order of a sector, for any institution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileTemplate {
    /// The sector.
    pub sector: Sector,
    /// Its kinds, in the order of the file.
    pub kinds: Vec<KindRule>,
}

impl ProfileTemplate {
    /// Reads a profile as `sectors/<sector>/profile.toml` has it.
    ///
    /// # Errors
    /// [`SectorError::Profile`] says what is wrong with it.
    pub fn parse(sector: &Sector, text: &str) -> Result<Self, SectorError> {
        read(&SectorSource { name: sector.as_str(), schema: "", profile: Some(text) }, sector, text)
    }

    /// The profile as chain state, answered by `institution`.
    #[must_use]
    pub fn profile(&self, institution: MemberId) -> Profile {
        Profile { sector: self.sector.clone(), institution, kinds: self.kinds.clone() }
    }

    /// The rule of a kind, if the sector knows it.
    #[must_use]
    pub fn kind(&self, kind: &OrderKind) -> Option<&KindRule> {
        self.kinds.iter().find(|rule| rule.kind == *kind)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    kind: Vec<KindEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KindEntry {
    name: String,
    effect: EffectName,
    #[serde(default)]
    period_days_max: u32,
    decide_within_s: u64,
    two_approvals_from: Option<AmountEntry>,
    confirm_within_s: Option<u64>,
    objection: Option<ObjectionEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ObjectionEntry {
    answer_within_s: u64,
    unanswered: UnansweredName,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum UnansweredName {
    Stands,
    Released,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum EffectName {
    HoldDivisible,
    HoldExclusive,
    HoldConcurrent,
    Release,
    Renew,
    Deduct,
    Transfer,
    Rollback,
    Amend,
    HandOver,
    Confirm,
    UpholdObjection,
    RejectObjection,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AmountEntry {
    currency: String,
    minor: u64,
}

/// Reads the profile of `sector`.
pub(super) fn read(source: &SectorSource<'_>, sector: &Sector, text: &str) -> Result<ProfileTemplate, SectorError> {
    let refuse = |problem: String| SectorError::Profile { sector: source.name.to_owned(), problem };
    let file: File = toml::from_str(text).map_err(|error| refuse(error.to_string()))?;
    if file.kind.is_empty() || file.kind.len() > KINDS_MAX {
        return Err(refuse(format!("it has no kind, or more than {KINDS_MAX}")));
    }
    let mut names = BTreeSet::new();
    let mut kinds = Vec::with_capacity(file.kind.len());
    for entry in file.kind {
        let name = entry.name.clone();
        let rule = entry.rule().map_err(|problem| refuse(format!("{name}: {problem}")))?;
        if !names.insert(name) {
            return Err(refuse(format!("{}: the kind stands twice", rule.kind)));
        }
        kinds.push(rule);
    }
    Ok(ProfileTemplate { sector: sector.clone(), kinds })
}

impl KindEntry {
    fn rule(self) -> Result<KindRule, String> {
        let effect = match self.effect {
            EffectName::HoldDivisible => Effect::HoldDivisible,
            EffectName::HoldExclusive => Effect::HoldExclusive,
            EffectName::HoldConcurrent => Effect::HoldConcurrent,
            EffectName::Release => Effect::Release,
            EffectName::Renew => Effect::Renew,
            EffectName::Deduct => Effect::Deduct,
            EffectName::Transfer => Effect::Transfer,
            EffectName::Rollback => Effect::Rollback,
            EffectName::Amend => Effect::Amend,
            EffectName::HandOver => Effect::HandOver,
            EffectName::Confirm => Effect::Confirm,
            EffectName::UpholdObjection => Effect::UpholdObjection,
            EffectName::RejectObjection => Effect::RejectObjection,
        };
        let has_period = effect.holds() || effect == Effect::Renew;
        if has_period && !(1..=PERIOD_DAYS_MAX).contains(&self.period_days_max) {
            return Err(format!("period_days_max of a hold or a renewal is 1 to {PERIOD_DAYS_MAX}"));
        }
        if !has_period && self.period_days_max != 0 {
            return Err("only holds and renewals have a period".to_owned());
        }
        if !(1..=DECIDE_WITHIN_S_MAX).contains(&self.decide_within_s) {
            return Err(format!("decide_within_s is 1 to {DECIDE_WITHIN_S_MAX}"));
        }
        let two_approvals_from = match self.two_approvals_from {
            Some(amount) => Some(Amount {
                currency: amount.currency.parse().map_err(|error| format!("two_approvals_from: {error}"))?,
                minor: amount.minor,
            }),
            None => None,
        };
        let objection = self.objection.map(|entry| ObjectionRule {
            answer_within_s: entry.answer_within_s,
            unanswered: match entry.unanswered {
                UnansweredName::Stands => Unanswered::Stands,
                UnansweredName::Released => Unanswered::Released,
            },
        });
        let rule = KindRule {
            kind: self.name.parse().map_err(|error| format!("name: {error}"))?,
            effect,
            period_days_max: self.period_days_max,
            decide_within_s: self.decide_within_s,
            two_approvals_from,
            confirm_within_s: self.confirm_within_s,
            objection,
        };
        if !rule.is_consistent() {
            return Err("confirm_within_s and objection are for holds, and are not 0".to_owned());
        }
        Ok(rule)
    }
}
