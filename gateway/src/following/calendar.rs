//! Working days: which days count, where a day begins, and when a period of them ends. A calendar is data of a
//! jurisdiction; this module has none built in but a default.
//! It refuses to know what is due.

use comity_model::UnixSeconds;
use jiff::civil::{Date, Weekday};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// Most days that are looked through for a working day: a calendar without one in so long is refused, and counts as over.
const DAYS_MAX: u32 = 3_660;
/// Furthest that a jurisdiction's clocks are from UTC, in minutes.
const OFFSET_MINUTES_MAX: i32 = 18 * 60;

/// Which days are working days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    offset: Offset,
    weekend: Vec<Weekday>,
    holidays: BTreeSet<Date>,
    working: BTreeSet<Date>,
}

/// A calendar that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// Not a weekday's name.
    #[error("{0} is no weekday; write monday, tuesday, …")]
    Weekday(String),
    /// Not a date.
    #[error("{0} is no date; write 2026-10-01")]
    Date(String),
    /// A date stands among the holidays and among the working days.
    #[error("{0} is both a holiday and a working day")]
    Both(Date),
    /// No weekday is left.
    #[error("every day is weekend: no period would ever end")]
    NoWorkingDay,
    /// Further from UTC than any place on Earth.
    #[error("an offset of {0} minutes from UTC is none")]
    Offset(i32),
}

impl Default for Calendar {
    /// Monday to Friday, no holidays, eight hours ahead of UTC.
    fn default() -> Self {
        Self {
            offset: Offset::constant(8),
            weekend: vec![Weekday::Saturday, Weekday::Sunday],
            holidays: BTreeSet::new(),
            working: BTreeSet::new(),
        }
    }
}

impl Calendar {
    /// A calendar: days begin `utc_offset_minutes` before midnight UTC; `weekend` days by name; `holidays` that fall on
    /// other days; and days of a weekend that are `working` all the same. Dates as `2026-10-01`.
    ///
    /// # Errors
    /// [`CalendarError`].
    pub fn new(
        utc_offset_minutes: i32,
        weekend: &[String],
        holidays: &[String],
        working: &[String],
    ) -> Result<Self, CalendarError> {
        let offset = Some(utc_offset_minutes).filter(|minutes| minutes.abs() <= OFFSET_MINUTES_MAX);
        let offset = offset.and_then(|minutes| Offset::from_seconds(minutes.saturating_mul(60)).ok());
        let offset = offset.ok_or(CalendarError::Offset(utc_offset_minutes))?;
        let weekend = weekend.iter().map(|name| weekday(name)).collect::<Result<Vec<_>, _>>()?;
        let (holidays, working) = (dates(holidays)?, dates(working)?);
        if let Some(both) = holidays.intersection(&working).next() {
            return Err(CalendarError::Both(*both));
        }
        if WEEK.iter().all(|(_, day)| weekend.contains(day)) {
            return Err(CalendarError::NoWorkingDay);
        }
        Ok(Self { offset, weekend, holidays, working })
    }

    /// The end of the `days`-th working day after the day of `from`: that day itself does not count, and the last one
    /// counts whole.
    #[must_use]
    pub fn end_of(&self, days: u32, from: UnixSeconds) -> UnixSeconds {
        let Ok(start) = Timestamp::from_second(i64::try_from(from.0).unwrap_or(i64::MAX)) else { return from };
        let mut day = self.offset.to_datetime(start).date();
        let mut left = days;
        for _ in 0..DAYS_MAX {
            if left == 0 {
                break;
            }
            let Ok(next) = day.tomorrow() else { break };
            day = next;
            if self.works(day) {
                left = left.saturating_sub(1);
            }
        }
        let midnight = day.tomorrow().ok().and_then(|day| self.offset.to_timestamp(day.at(0, 0, 0, 0)).ok());
        midnight.map_or(from, |at| UnixSeconds(u64::try_from(at.as_second()).unwrap_or(0)))
    }

    fn works(&self, day: Date) -> bool {
        self.working.contains(&day) || !(self.weekend.contains(&day.weekday()) || self.holidays.contains(&day))
    }

    /// Minutes that its days begin before midnight UTC.
    #[must_use]
    pub fn utc_offset_minutes(&self) -> i64 {
        SignedDuration::from_secs(i64::from(self.offset.seconds())).as_mins()
    }

    /// The names of its weekend.
    #[must_use]
    pub fn weekend(&self) -> Vec<&'static str> {
        WEEK.iter().filter(|(_, day)| self.weekend.contains(day)).map(|(name, _)| *name).collect()
    }

    /// Its holidays and the days of weekends that are worked, as dates.
    #[must_use]
    pub fn exceptions(&self) -> [Vec<String>; 2] {
        [&self.holidays, &self.working].map(|dates| dates.iter().map(Date::to_string).collect())
    }
}

const WEEK: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

fn weekday(name: &str) -> Result<Weekday, CalendarError> {
    let known = WEEK.iter().find(|(known, _)| *known == name);
    known.map(|(_, day)| *day).ok_or_else(|| CalendarError::Weekday(name.to_owned()))
}

fn dates(texts: &[String]) -> Result<BTreeSet<Date>, CalendarError> {
    texts.iter().map(|text| text.parse().map_err(|_| CalendarError::Date(text.clone()))).collect()
}

#[cfg(test)]
#[path = "calendar_tests.rs"]
mod tests;
