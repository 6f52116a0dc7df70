//! How the demonstration tells what it sees: each step as it is proven, a table at the end; the same for machines.
//! Refuses to know the stories.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use comity_proto::v1::Proof;
use serde::Serialize;
use std::time::{Duration, Instant};

/// One step, proven.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    /// Which story it belongs to.
    pub(super) story: String,
    /// What happened.
    pub(super) what: String,
    /// On which chain it was proven; empty where no chain is involved.
    pub(super) chain: String,
    /// The header that it was proven under.
    pub(super) height: u64,
    /// The rule that decided.
    pub(super) rule: String,
    /// How long it took, in milliseconds.
    pub(super) millis: f64,
}

/// Where a step was proven, and by which rule.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// The chain.
    pub(super) chain: String,
    /// The header's height.
    pub(super) height: u64,
    /// The rule that decided.
    pub(super) rule: String,
}

impl From<&Proof> for Seen {
    fn from(proof: &Proof) -> Self {
        Self {
            chain: proof.chain_id.clone(),
            height: proof.header_height,
            rule: proof.rules.last().cloned().unwrap_or_default(),
        }
    }
}

impl Seen {
    /// Decided by `rule`, without a chain.
    pub(super) fn rule(rule: impl Into<String>) -> Self {
        Self { rule: rule.into(), ..Self::default() }
    }
}

/// Tells the steps.
pub(super) struct Report {
    json: bool,
    story: String,
    steps: Vec<Step>,
    started: Instant,
    last: Instant,
}

#[derive(Serialize)]
struct Whole<'a> {
    verified: bool,
    seconds: f64,
    steps: &'a [Step],
}

impl Report {
    /// A report to standard output: for people, or one JSON object at the end.
    pub(super) fn new(json: bool) -> Self {
        let now = Instant::now();
        Self { json, story: String::new(), steps: Vec::new(), started: now, last: now }
    }

    /// Begins a story.
    pub(super) fn story(&mut self, title: &str) {
        self.story = title.to_owned();
        self.last = Instant::now();
        if !self.json {
            println!("\n{title}");
        }
    }

    /// Says something that is not a step.
    pub(super) fn say(&self, text: &str) {
        if !self.json {
            println!("{text}");
        }
    }

    /// Starts the clock of the next step.
    pub(super) fn begin(&mut self) {
        self.last = Instant::now();
    }

    /// A step was proven; it took the time since the one before.
    pub(super) fn proven(&mut self, what: impl Into<String>, seen: &Seen) {
        let took = self.last.elapsed();
        self.took(what, seen, took);
        self.last = Instant::now();
    }

    /// A step was proven that took `took`.
    pub(super) fn took(&mut self, what: impl Into<String>, seen: &Seen, took: Duration) {
        let step = Step {
            story: self.story.clone(),
            what: what.into(),
            chain: seen.chain.clone(),
            height: seen.height,
            rule: seen.rule.clone(),
            millis: (took.as_secs_f64() * 10_000.0).round() / 10.0,
        };
        if !self.json {
            let place = if step.height == 0 { step.chain.clone() } else { format!("{} @{}", step.chain, step.height) };
            println!("  ✓ {:<74} {place:<16} {:<22} {:>8.1} ms", step.what, step.rule, step.millis);
        }
        self.steps.push(step);
    }

    /// How many steps were proven.
    #[cfg(test)]
    pub(super) const fn steps(&self) -> usize {
        self.steps.len()
    }

    /// The table at the end, or the JSON object.
    pub(super) fn finish(self, verified: bool) {
        let seconds = self.started.elapsed().as_secs_f64();
        if self.json {
            let whole = Whole { verified, seconds, steps: &self.steps };
            match serde_json::to_string_pretty(&whole) {
                Ok(text) => println!("{text}"),
                Err(error) => eprintln!("the report cannot be written: {error}"),
            }
            return;
        }
        let mut table = Table::new();
        table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(["story", "steps proven", "time"]);
        if let Some(column) = table.column_mut(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        if let Some(column) = table.column_mut(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let mut stories: Vec<(&str, usize, f64)> = Vec::new();
        for step in &self.steps {
            match stories.last_mut() {
                Some((story, count, millis)) if *story == step.story => {
                    *count += 1;
                    *millis += step.millis;
                }
                _ => stories.push((&step.story, 1, step.millis)),
            }
        }
        for (story, count, millis) in stories {
            table.add_row([story.to_owned(), count.to_string(), format!("{:.1} s", millis / 1000.0)]);
        }
        println!("\n{table}");
        let verdict = if verified { "every step verified" } else { "NOT every step verified" };
        println!("{} steps, {verdict}, {seconds:.1} s in all", self.steps.len());
    }
}
