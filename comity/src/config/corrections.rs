//! `[corrections]` of `comity.toml`: by when a correction must have reached everyone who holds the record, counted in working
//! days of the jurisdiction, and how often the own holdings are checked. Refuses to know what is delivered.

use crate::failure::Failure;
use comity_gateway::following::{Calendar, Following};
use serde::Deserialize;
use std::fmt::Write as _;
use std::time::Duration;

/// Most working days: a longer time is a mistake.
const DAYS_MAX: u32 = 60;
/// Shortest and longest time between two checks, in seconds.
const CHECK_S: std::ops::RangeInclusive<u64> = 10..=86_400;

/// The section as it is written; what is left out is as in [`Following::default`].
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    working_days: Option<u32>,
    check_every_s: Option<u64>,
    utc_offset_minutes: Option<i32>,
    weekend: Option<Vec<String>>,
    #[serde(default)]
    holidays: Vec<String>,
    #[serde(default)]
    worked: Vec<String>,
}

impl Raw {
    pub(super) fn check(self) -> Result<Following, Failure> {
        let usual = Following::default();
        let bad = |what: String| Failure::usage(format!("corrections: {what}"));
        let offset = match self.utc_offset_minutes {
            Some(minutes) => minutes,
            None => i32::try_from(usual.calendar.utc_offset_minutes()).unwrap_or_default(),
        };
        let weekend = self.weekend.unwrap_or_else(|| usual.calendar.weekend().into_iter().map(str::to_owned).collect());
        let calendar = Calendar::new(offset, &weekend, &self.holidays, &self.worked);
        let calendar = calendar.map_err(|error| bad(error.to_string()))?;
        let working_days = self.working_days.unwrap_or(usual.working_days);
        if !(1..=DAYS_MAX).contains(&working_days) {
            return Err(bad(format!("working_days is 1 to {DAYS_MAX}")));
        }
        let check_every_s = self.check_every_s.unwrap_or(usual.check_every.as_secs());
        if !CHECK_S.contains(&check_every_s) {
            return Err(bad(format!("check_every_s is {} to {}", CHECK_S.start(), CHECK_S.end())));
        }
        Ok(Following { calendar, working_days, check_every: Duration::from_secs(check_every_s) })
    }
}

/// Writes the section.
pub(super) fn write(out: &mut String, following: &Following) -> std::fmt::Result {
    let list = |texts: Vec<String>| texts.iter().map(|text| format!("\"{text}\"")).collect::<Vec<_>>().join(", ");
    let [holidays, worked] = following.calendar.exceptions();
    writeln!(
        out,
        "\n# Whoever read a record of a followed sector is told of each later version (docs/corrections.md)."
    )?;
    writeln!(out, "[corrections]")?;
    writeln!(out, "# Every holder must have acknowledged it when so many working days after the change are over.")?;
    writeln!(out, "working_days = {}", following.working_days)?;
    writeln!(
        out,
        "# The jurisdiction's days: when they begin, which are the weekend, which others are holidays, and which days"
    )?;
    writeln!(out, "# of a weekend are worked for them. Enter each year's when they are announced.")?;
    writeln!(out, "utc_offset_minutes = {}", following.calendar.utc_offset_minutes())?;
    writeln!(out, "weekend = [{}]", list(following.calendar.weekend().into_iter().map(str::to_owned).collect()))?;
    writeln!(out, "holidays = [{}]", list(holidays))?;
    writeln!(out, "worked = [{}]", list(worked))?;
    writeln!(out, "# How often what is held of others' records is checked by proof on their chains.")?;
    writeln!(out, "check_every_s = {}", following.check_every.as_secs())
}
