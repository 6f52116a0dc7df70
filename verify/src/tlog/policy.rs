//! Whom a reader of logs wants to have seen a checkpoint (C2SP `tlog-policy`): logs and witnesses by their keys, and the quorum, k of
//! n of witnesses or of groups. Knows no checkpoint and asks nobody.

use super::checkpoint::Trust;
use super::note::NoteKey;
use super::{decimal, malformed};
use crate::refusal::Refusal;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Largest policy, in bytes.
const BYTES_MAX: usize = 256 << 10;
/// Most logs, witnesses and groups, each; the specification asks for 32 at least.
const EACH_MAX: usize = 64;

/// A policy, read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<NoteKey>,
    witnesses: Vec<PolicyWitness>,
    quorum: Quorum,
}

/// A witness of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyWitness {
    /// Its name in the policy.
    pub name: String,
    /// Its key.
    pub key: NoteKey,
    /// Where it is asked for cosignatures: its submission prefix.
    pub url: Option<String>,
}

/// Which witnesses are enough. Witnesses are numbered from 0, in the order of the list that it is used with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum(Rule);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Nobody,
    Witness(usize),
    Group { wanted: usize, members: Vec<Rule> },
}

impl Quorum {
    /// No witness is wanted.
    #[must_use]
    pub const fn none() -> Self {
        Self(Rule::Nobody)
    }

    /// `wanted` of the first `count` witnesses.
    #[must_use]
    pub fn of(wanted: usize, count: usize) -> Self {
        Self(Rule::Group { wanted, members: (0..count).map(Rule::Witness).collect() })
    }

    /// Whether no witness is wanted.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0 == Rule::Nobody
    }

    /// Whether those witnesses are enough of whom `cosigned` says that they have.
    #[must_use]
    pub fn is_met(&self, cosigned: &dyn Fn(usize) -> bool) -> bool {
        self.0.is_met(cosigned)
    }
}

impl Rule {
    fn is_met(&self, cosigned: &dyn Fn(usize) -> bool) -> bool {
        match self {
            Self::Nobody => true,
            Self::Witness(number) => cosigned(*number),
            Self::Group { wanted, members } => {
                members.iter().filter(|member| member.is_met(cosigned)).count() >= *wanted
            }
        }
    }
}

/// In words, for a refusal.
impl core::fmt::Display for Quorum {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match &self.0 {
            Rule::Nobody => f.write_str("no witness"),
            Rule::Witness(_) => f.write_str("the one witness that is wanted"),
            Rule::Group { wanted, members } => {
                let groups = members.iter().any(|member| !matches!(member, Rule::Witness(_)));
                write!(f, "{wanted} of {} {}", members.len(), if groups { "groups of witnesses" } else { "witnesses" })
            }
        }
    }
}

/// What a line of a policy has named.
struct Named<'a> {
    name: &'a [u8],
    rule: Rule,
    used: bool,
}

impl Policy {
    /// Reads a policy's text.
    ///
    /// # Errors
    /// `LOG_FORMAT`, with the number of the line.
    pub fn parse(text: &[u8]) -> Result<Self, Refusal> {
        if text.len() > BYTES_MAX {
            return Err(malformed("a policy of at most 256 KiB", "a larger one"));
        }
        let lines = text.strip_suffix(b"\n").unwrap_or(text).split(|byte| *byte == b'\n');
        let mut policy = Self { logs: Vec::new(), witnesses: Vec::new(), quorum: Quorum::none() };
        let (mut names, mut quorum): (Vec<Named<'_>>, Option<Quorum>) = (Vec::new(), None);
        for (number, line) in (1u32..).zip(lines) {
            policy
                .line(line, &mut names, &mut quorum)
                .map_err(|expected| malformed(expected, &format!("line {number}")))?;
        }
        policy.quorum = quorum.ok_or_else(|| malformed("a line `quorum`", "none"))?;
        Ok(policy)
    }

    fn line<'a>(
        &mut self,
        line: &'a [u8],
        names: &mut Vec<Named<'a>>,
        quorum: &mut Option<Quorum>,
    ) -> Result<(), &'static str> {
        if line.iter().any(|byte| matches!(byte, 0..=8 | 10..=31 | 127)) {
            return Err("no control characters");
        }
        let mut items = line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|item| !item.is_empty());
        let Some(keyword) = items.next().filter(|item| !item.starts_with(b"#")) else { return Ok(()) };
        let items: Vec<&[u8]> = items.collect();
        match (keyword, items.as_slice()) {
            (b"log", [key] | [key, _]) => {
                let key = vkey(key).filter(|key| !key.is_witness()).ok_or("a log's key")?;
                if self.logs.len() == EACH_MAX || self.logs.iter().any(|other| other.has_key_of(&key)) {
                    return Err("at most 64 logs, each once");
                }
                self.logs.push(key);
            }
            (b"witness", [name, key, url @ ..]) if url.len() < 2 => {
                let key = vkey(key).filter(NoteKey::is_witness).ok_or("a witness's key")?;
                let known = self.witnesses.iter().any(|other| other.key.has_key_of(&key));
                if self.witnesses.len() == EACH_MAX || known {
                    return Err("at most 64 witnesses, each once");
                }
                let url = url.first().map(|url| text(url).ok_or("a URL")).transpose()?;
                define(names, name, Rule::Witness(self.witnesses.len()))?;
                self.witnesses.push(PolicyWitness { name: String::from_utf8_lossy(name).into_owned(), key, url });
            }
            (b"group", [name, wanted, members @ ..]) => {
                let count = members.len();
                let members = members.iter().map(|member| take(names, member)).collect::<Result<Vec<_>, _>>()?;
                let wanted = match *wanted {
                    b"all" => count,
                    b"any" => 1,
                    number => {
                        let number = core::str::from_utf8(number).ok().and_then(decimal);
                        number.and_then(|number| usize::try_from(number).ok()).ok_or("`all`, `any` or a number")?
                    }
                };
                let groups = names.iter().filter(|named| matches!(named.rule, Rule::Group { .. })).count();
                if !(1..=count).contains(&wanted) || groups == EACH_MAX {
                    return Err("at most 64 groups, each with as many members as it wants, and one at least");
                }
                define(names, name, Rule::Group { wanted, members })?;
            }
            (b"quorum", [name]) => {
                let rule = if *name == b"none" {
                    Rule::Nobody
                } else {
                    let named = names.iter().find(|named| named.name == *name);
                    named.ok_or("a witness or group of a line before")?.rule.clone()
                };
                if quorum.replace(Quorum(rule)).is_some() {
                    return Err("one line `quorum`");
                }
            }
            _ => return Err("a line `log`, `witness`, `group` or `quorum` with its items"),
        }
        Ok(())
    }

    /// The logs that are known; none: any, where the reader knows which by other means.
    #[must_use]
    pub fn logs(&self) -> &[NoteKey] {
        &self.logs
    }

    /// The witnesses that are known, in the order of their lines.
    #[must_use]
    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }

    /// Which of them are enough.
    #[must_use]
    pub const fn quorum(&self) -> &Quorum {
        &self.quorum
    }

    /// What a checkpoint of the log with this origin is judged by; `known` are keys of it that the reader has by other means,
    /// for a policy that names no log.
    #[must_use]
    pub fn trust(&self, origin: &str, known: Vec<NoteKey>) -> Trust {
        let log = if self.logs.is_empty() {
            known
        } else {
            self.logs.iter().filter(|key| key.name() == origin).cloned().collect()
        };
        let witnesses = self.witnesses.iter().map(|witness| witness.key.clone()).collect();
        Trust { origin: origin.to_string(), log, witnesses, quorum: self.quorum.clone() }
    }
}

fn text(bytes: &[u8]) -> Option<String> {
    core::str::from_utf8(bytes).ok().map(String::from)
}

fn vkey(bytes: &[u8]) -> Option<NoteKey> {
    NoteKey::parse(core::str::from_utf8(bytes).ok()?).ok()
}

fn define<'a>(names: &mut Vec<Named<'a>>, name: &'a [u8], rule: Rule) -> Result<(), &'static str> {
    if name == b"none" || names.iter().any(|named| named.name == name) {
        return Err("a name that is not taken");
    }
    names.push(Named { name, rule, used: false });
    Ok(())
}

/// A member: each name is one of one group at the most, so that a witness counts in one way.
fn take(names: &mut [Named<'_>], name: &[u8]) -> Result<Rule, &'static str> {
    let named = names.iter_mut().find(|named| named.name == name && !named.used);
    let named = named.ok_or("members of lines before, each of one group")?;
    named.used = true;
    Ok(named.rule.clone())
}
