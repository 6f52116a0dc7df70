//! Times: UTC, without leap seconds, as CometBFT and IBC count them.

use crate::codec::decode_through;
use alloc::string::String;
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;
use core::str::FromStr;

/// Whole seconds since 1970-01-01T00:00:00Z. Deadlines and due dates are in this unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize)]
pub struct UnixSeconds(pub u64);

impl UnixSeconds {
    /// `seconds` later, or the end of time.
    #[must_use]
    pub const fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }
}

impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match i64::try_from(self.0).ok().and_then(|seconds| Time::new(seconds, 0)) {
            Some(time) => time.fmt(f),
            None => write!(f, "{}s", self.0),
        }
    }
}

/// A point in time with nanoseconds, between the years 1 and 9999: a block's time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct Time {
    seconds: i64,
    nanos: u32,
}

#[derive(BorshDeserialize)]
struct RawTime {
    seconds: i64,
    nanos: u32,
}

impl TryFrom<RawTime> for Time {
    type Error = ();
    fn try_from(raw: RawTime) -> Result<Self, ()> {
        Self::new(raw.seconds, raw.nanos).ok_or(())
    }
}
decode_through!(Time, RawTime);

const NANOS_PER_SECOND: u32 = 1_000_000_000;
/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, protobuf's `Timestamp` range.
const SECONDS_MIN: i64 = -62_135_596_800;
const SECONDS_MAX: i64 = 253_402_300_799;

impl Time {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self { seconds: 0, nanos: 0 };

    /// `seconds` since 1970 (may be negative) and `nanos` below 10⁹; `None` outside the years 1 to 9999.
    #[must_use]
    pub const fn new(seconds: i64, nanos: u32) -> Option<Self> {
        if seconds < SECONDS_MIN || seconds > SECONDS_MAX || nanos >= NANOS_PER_SECOND {
            return None;
        }
        Some(Self { seconds, nanos })
    }

    /// Whole seconds since 1970, rounded towards the past.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.seconds
    }

    /// Nanoseconds within the second.
    #[must_use]
    pub const fn nanos(self) -> u32 {
        self.nanos
    }

    /// Whole seconds, with times before 1970 as 0: the unit that packets and deadlines use.
    #[must_use]
    pub fn unix_seconds(self) -> UnixSeconds {
        UnixSeconds(u64::try_from(self.seconds).unwrap_or(0))
    }

    /// This time and `seconds` more, at most the last second of the year 9999.
    #[must_use]
    pub fn plus_seconds(self, seconds: u64) -> Self {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        let sum = self.seconds.saturating_add(seconds);
        if sum > SECONDS_MAX {
            Self { seconds: SECONDS_MAX, nanos: 0 }
        } else {
            Self { seconds: sum, nanos: self.nanos }
        }
    }

    /// This time and `nanos` more, at most the last second of the year 9999.
    #[must_use]
    pub fn plus_nanos(self, nanos: u64) -> Self {
        let billion = u64::from(NANOS_PER_SECOND);
        let total = u64::from(self.nanos).saturating_add(nanos);
        let carried = self.plus_seconds(total.checked_div(billion).unwrap_or(0));
        let rest = u32::try_from(total.checked_rem(billion).unwrap_or(0)).unwrap_or(0);
        Self { seconds: carried.seconds, nanos: rest }
    }

    /// Nanoseconds from `earlier` to this time; zero if it is not earlier.
    #[must_use]
    pub fn nanos_since(self, earlier: Self) -> u128 {
        let nanos = |time: Self| {
            i128::from(time.seconds).saturating_mul(i128::from(NANOS_PER_SECOND)).saturating_add(i128::from(time.nanos))
        };
        u128::try_from(nanos(self).saturating_sub(nanos(earlier))).unwrap_or(0)
    }
}

/// RFC 3339 in UTC, with as many groups of three fraction digits as are needed.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.seconds.div_euclid(86_400));
        let second_of_day = self.seconds.rem_euclid(86_400);
        let (hour, minute, second) = (
            second_of_day.div_euclid(3600),
            second_of_day.rem_euclid(3600).div_euclid(60),
            second_of_day.rem_euclid(60),
        );
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if self.nanos != 0 {
            let digits: String = alloc::format!("{:09}", self.nanos);
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is not an RFC 3339 time in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time in UTC, such as 2026-03-01T09:30:00Z")]
pub struct NotATime;

impl FromStr for Time {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        parse(text).ok_or(NotATime)
    }
}

fn parse(text: &str) -> Option<Time> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut date_parts = date.split('-');
    let (year, month, day) =
        (digits(date_parts.next()?, 4)?, digits(date_parts.next()?, 2)?, digits(date_parts.next()?, 2)?);
    let mut clock_parts = clock.split(':');
    let (hour, minute, second) =
        (digits(clock_parts.next()?, 2)?, digits(clock_parts.next()?, 2)?, digits(clock_parts.next()?, 2)?);
    if date_parts.next().is_some() || clock_parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_from_civil(year, month, day);
    if civil_from_days(days) != (year, month, day) {
        return None;
    }
    let seconds = days
        .checked_mul(86_400)?
        .checked_add(hour.checked_mul(3600)?)?
        .checked_add(minute.checked_mul(60)?)?
        .checked_add(second)?;
    let nanos = if fraction.is_empty() {
        if text.contains('.') {
            return None;
        }
        0
    } else {
        let value = digits(fraction, fraction.len())?;
        let scale = 10i64.checked_pow(u32::try_from(9usize.checked_sub(fraction.len())?).ok()?)?;
        u32::try_from(value.checked_mul(scale)?).ok()?
    };
    Time::new(seconds, nanos)
}

fn digits(text: &str, length: usize) -> Option<i64> {
    (text.len() == length && length <= 9 && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar, by eras of 400 years.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month <= 2 { year.saturating_sub(1) } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let month_from_march = month.saturating_add(9).rem_euclid(12);
    let day_of_year =
        month_from_march.saturating_mul(153).saturating_add(2).div_euclid(5).saturating_add(day).saturating_sub(1);
    let day_of_era = year_of_era
        .saturating_mul(365)
        .saturating_add(year_of_era.div_euclid(4))
        .saturating_sub(year_of_era.div_euclid(100))
        .saturating_add(day_of_year);
    era.saturating_mul(146_097).saturating_add(day_of_era).saturating_sub(719_468)
}

/// The inverse of [`days_from_civil`]: (year, month 1–12, day 1–31).
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = day_of_era
        .saturating_sub(day_of_era.div_euclid(1460))
        .saturating_add(day_of_era.div_euclid(36_524))
        .saturating_sub(day_of_era.div_euclid(146_096))
        .div_euclid(365);
    let day_of_year = day_of_era
        .saturating_sub(year_of_era.saturating_mul(365))
        .saturating_sub(year_of_era.div_euclid(4))
        .saturating_add(year_of_era.div_euclid(100));
    let month_from_march = day_of_year.saturating_mul(5).saturating_add(2).div_euclid(153);
    let day = day_of_year
        .saturating_sub(month_from_march.saturating_mul(153).saturating_add(2).div_euclid(5))
        .saturating_add(1);
    let month =
        if month_from_march < 10 { month_from_march.saturating_add(3) } else { month_from_march.saturating_sub(9) };
    let year = year_of_era.saturating_add(era.saturating_mul(400));
    (if month <= 2 { year.saturating_add(1) } else { year }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn known_times_read_and_print_as_rfc_3339() {
        for (text, seconds, nanos) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("2020-11-18T12:39:10.160570315Z", 1_605_703_150, 160_570_315),
            ("2000-02-29T23:59:59.5Z", 951_868_799, 500_000_000),
            ("0001-01-01T00:00:00Z", SECONDS_MIN, 0),
        ] {
            let time = Time::new(seconds, nanos).expect("in range");
            assert_eq!(time.to_string(), text);
            assert_eq!(text.parse(), Ok(time));
        }
    }

    #[test]
    fn malformed_times_are_refused() {
        for text in ["", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z"]
        {
            assert_eq!(text.parse::<Time>(), Err(NotATime), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_time_survives_printing(seconds in SECONDS_MIN..=SECONDS_MAX, nanos in 0..NANOS_PER_SECOND) {
            let time = Time::new(seconds, nanos).expect("in range");
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }
    }
}
