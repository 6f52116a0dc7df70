//! What a bundle's verification says, in values and in words: what is proven, what is not, and by which rules. Knows no
//! file format and no reader.

use crate::deposit::Deposited;
use crate::fields::DisclosedRecord;
use crate::light::{Anchor, TrustedHeader};
use crate::order;
use crate::refusal::Rule;
use crate::renewal::Renewal;
use crate::sha::sha256;
use crate::state::ProvenAt;
use crate::witnessed::{self, Attestations, Seen, Stamped};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use comity_model::order::{OrderEntry, ReceivedOrder};
use comity_model::record::RecordStatus;
use comity_model::seal::{HashAlgorithm, Suite, Suites};
use comity_model::{RecordId, Sector};
use core::fmt;

/// The outcome of verifying a bundle that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Verdict {
    /// What was found, as values.
    pub finding: Finding,
    /// Where and when.
    pub at: ProvenAt,
    /// Whether it is fresh.
    pub judgment: Judgment,
    /// How much the chain's kind of proof shows.
    pub strength: Strength,
    /// How many independent operators vouch for the chain, by the anchor.
    pub operators: u32,
    /// The suites that the proof used: of headers, of a record's fields, of an order's seals.
    pub suites: Suites,
    /// Witnesses that cosigned a deposit's log.
    pub seen: Vec<Seen>,
    /// The time stamp over a deposit's log.
    pub stamped: Option<Stamped>,
    /// That the proof was renewed, the first time first; all else is as of then.
    pub renewals: Vec<Renewal>,
    /// What is proven, in sentences.
    pub proves: Vec<String>,
    /// What is not, in sentences.
    pub does_not_prove: Vec<String>,
    /// What was checked, in order.
    pub steps: Vec<Step>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A record and its opened fields.
    Record(DisclosedRecord),
    /// No such record.
    Absence {
        /// The sector.
        sector: Sector,
        /// The id.
        id: RecordId,
    },
    /// An order on the court's chain.
    Order(OrderEntry),
    /// An order on the institution's chain.
    Received(ReceivedOrder),
    /// A value at a path.
    Value {
        /// The path's bytes.
        path: Vec<u8>,
        /// The value.
        value: Vec<u8>,
    },
    /// A deposit.
    Deposit(Deposited),
}

/// Whether a judgment is fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgment {
    /// Within the trusting period: integrity and time.
    Live,
    /// From a pinned header, without freshness: integrity alone.
    Archive,
}

impl Judgment {
    /// `LIVE` or `ARCHIVE`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "LIVE",
            Self::Archive => "ARCHIVE",
        }
    }
}

/// How much a chain's proofs show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    /// The chain's state itself, presence and absence.
    State,
}

impl Strength {
    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::State => "STATE",
        }
    }
}

/// One check that was passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was checked, in words.
    pub what: String,
    /// Under which rule.
    pub rule: Rule,
}

impl Step {
    pub(crate) const fn new(what: String, rule: Rule) -> Self {
        Self { what, rule }
    }
}

/// Puts the verdict together.
pub(crate) fn of(
    anchor: &Anchor,
    header: &TrustedHeader,
    finding: Finding,
    judgment: Judgment,
    others: Attestations,
    steps: Vec<Step>,
) -> Verdict {
    let at = ProvenAt::of(header);
    let suites = used(&finding);
    let (by_others, doubts) = witnessed::sentences(&others);
    Verdict {
        proves: proves(&finding, &at).into_iter().chain(by_others).collect(),
        does_not_prove: does_not_prove(&finding, &at, judgment, others.are_believed(), anchor.operators)
            .into_iter()
            .chain(doubts)
            .collect(),
        seen: others.seen,
        stamped: others.stamped,
        renewals: Vec::new(),
        finding,
        at,
        judgment,
        strength: Strength::State,
        operators: anchor.operators,
        suites,
        steps,
    }
}

/// The suites that a finding rests on: that of headers, and its own.
pub(crate) fn used(finding: &Finding) -> Suites {
    let own: Vec<Suite> = match finding {
        Finding::Record(record) if record.algorithm == HashAlgorithm::Sm3 => alloc::vec![Suite::Sm2Sm3],
        Finding::Order(entry) => order::suites(&entry.sealed).collect(),
        Finding::Received(entry) => order::suites(&entry.sealed).collect(),
        Finding::Deposit(deposit) => deposit.seal.iter().map(|seal| seal.signature.suite).collect(),
        Finding::Record(_) | Finding::Absence { .. } | Finding::Value { .. } => Vec::new(),
    };
    own.into_iter().fold(Suites::NATIVE, Suites::with)
}

fn proves(finding: &Finding, at: &ProvenAt) -> Vec<String> {
    let place = alloc::format!("at height {} of chain {}, {}", at.height, at.chain_id, at.time);
    let mut sentences = Vec::new();
    match finding {
        Finding::Record(record) => {
            sentences.push(alloc::format!(
                "Record {} of sector {} stood in version {}, {}, {place}.",
                record.id,
                record.sector,
                record.state.version,
                match record.state.status {
                    RecordStatus::Current => "in force",
                    RecordStatus::Withdrawn => "withdrawn",
                },
            ));
            sentences.push(alloc::format!(
                "The {} field(s) shown are unchanged since the institution committed to them; it gave {} as the time of \
                 this version.",
                record.fields.len(),
                record.state.updated_at,
            ));
        }
        Finding::Absence { sector, id } => {
            sentences.push(alloc::format!("No record {id} stood in sector {sector} {place}."))
        }
        Finding::Order(entry) => sentences.push(alloc::format!(
            "Order {} of {} to {} was {} on the court's chain {place}.",
            entry.sealed.order.id,
            entry.sealed.order.court,
            entry.sealed.order.recipient,
            entry.state.name(),
        )),
        Finding::Received(entry) => sentences.push(alloc::format!(
            "Order {} of {} to {} was {} on the institution's chain {place}.",
            entry.sealed.order.id,
            entry.sealed.order.court,
            entry.sealed.order.recipient,
            entry.state.name(),
        )),
        Finding::Value { path, value } => sentences.push(alloc::format!(
            "A value of {} bytes with SHA-256 {} stood in table {} {place}.",
            value.len(),
            sha256(&[value]),
            table(path),
        )),
        Finding::Deposit(deposit) => sentences.extend(deposited(deposit, &place)),
    }
    sentences
}

fn deposited(deposit: &Deposited, place: &str) -> Vec<String> {
    let (index, keeper, at) = (deposit.index, &deposit.keeper, deposit.log.at);
    let mut sentences = alloc::vec![alloc::format!(
        "Entry {index} stood in the log of {keeper} since {at} at the latest: proven {place}."
    )];
    if let Some(content) = &deposit.content {
        sentences.push(alloc::format!(
            "A file of {} bytes with SHA-256 {} and SM3 {} is unchanged since {at}.",
            content.size,
            content.sha256,
            content.sm3,
        ));
    }
    if let Some(seal) = &deposit.seal {
        sentences.push(alloc::format!("{} deposited it, under its seal.", seal.batch.depositor));
    }
    sentences
}

/// The table that a path is in: the text before the first slash.
fn table(path: &[u8]) -> String {
    let name = path.split(|byte| *byte == b'/').next().unwrap_or(&[]);
    let text = core::str::from_utf8(name).unwrap_or("unknown");
    text.chars().filter(char::is_ascii_alphanumeric).take(32).collect()
}

fn does_not_prove(
    finding: &Finding,
    at: &ProvenAt,
    judgment: Judgment,
    is_witnessed: bool,
    operators: u32,
) -> Vec<String> {
    let mut sentences = Vec::new();
    sentences.push(match finding {
        Finding::Absence { .. } => String::from(
            "It says nothing about records of another id or sector, nor about what happened outside the chain.",
        ),
        Finding::Deposit(_) => String::from(
            "Nothing is asserted about the file before that: its source, how it was made and who had it are as its \
             depositor states them.",
        ),
        _ => String::from(
            "It says nothing about whether the content was true before it was committed: that is what the institution \
             stated.",
        ),
    });
    sentences.push(alloc::format!("It says nothing about changes after {}.", at.time));
    if judgment == Judgment::Archive {
        sentences.push(if is_witnessed {
            "Beyond what witnesses and time stamps say, time is the chain's own: this is an archive judgment, of integrity without freshness."
                .to_string()
        } else {
            "The time is not independently witnessed: this is an archive judgment, of integrity without freshness."
                .to_string()
        });
    }
    if operators <= 1 {
        sentences.push("One operator runs all validators of this chain: it alone vouches for the history.".to_string());
    }
    sentences
}

/// The verdict as text, line by line, without the values of fields: those are for their reader's own presentation.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "VERIFIED  {}  {}", self.judgment.name(), self.strength.name())?;
        writeln!(f, "chain     {}", self.at.chain_id)?;
        writeln!(f, "height    {}", self.at.height)?;
        writeln!(f, "time      {}", self.at.time)?;
        writeln!(f, "header    {}", self.at.header_hash)?;
        writeln!(f, "operators {}", self.operators)?;
        writeln!(f, "suites    {}", self.suites)?;
        writeln!(f, "\nThis proves:")?;
        self.proves.iter().try_for_each(|text| writeln!(f, "  + {text}"))?;
        writeln!(f, "\nThis does not prove:")?;
        self.does_not_prove.iter().try_for_each(|text| writeln!(f, "  - {text}"))?;
        writeln!(f, "\nChecked:")?;
        for (number, step) in (1u32..).zip(&self.steps) {
            writeln!(f, "  {number}. {} [{}]", step.what, step.rule.code())?;
        }
        Ok(())
    }
}
