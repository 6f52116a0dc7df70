//! When periods of working days end.
#![allow(clippy::unwrap_used)]

use super::*;

fn at(text: &str) -> UnixSeconds {
    UnixSeconds(text.parse::<Timestamp>().unwrap().as_second().try_into().unwrap())
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn three_working_days_from_a_monday_end_with_thursday() {
    let calendar = Calendar::default();
    assert_eq!(calendar.end_of(3, at("2026-11-23T10:00:00+08")), at("2026-11-27T00:00:00+08"));
    // Whatever the hour: the day itself does not count.
    assert_eq!(calendar.end_of(3, at("2026-11-23T00:00:00+08")), at("2026-11-27T00:00:00+08"));
    assert_eq!(calendar.end_of(3, at("2026-11-23T23:59:59+08")), at("2026-11-27T00:00:00+08"));
}

#[test]
fn a_weekend_does_not_count() {
    let calendar = Calendar::default();
    // Thursday: Friday, Monday, Tuesday. Saturday: Monday, Tuesday, Wednesday.
    assert_eq!(calendar.end_of(3, at("2026-11-26T15:00:00+08")), at("2026-12-02T00:00:00+08"));
    assert_eq!(calendar.end_of(3, at("2026-11-28T15:00:00+08")), at("2026-12-03T00:00:00+08"));
}

#[test]
fn holidays_do_not_count_and_worked_weekends_do() {
    // The October holiday of 2026 from Thursday the 1st to Wednesday the 7th, with Saturday the 10th worked for it.
    let holidays = texts(&["2026-10-01", "2026-10-02", "2026-10-05", "2026-10-06", "2026-10-07"]);
    let weekend = texts(&["saturday", "sunday"]);
    let calendar = Calendar::new(480, &weekend, &holidays, &texts(&["2026-10-10"])).unwrap();
    assert_eq!(calendar.end_of(3, at("2026-09-30T09:00:00+08")), at("2026-10-11T00:00:00+08"));
    let without = Calendar::new(480, &weekend, &holidays, &[]).unwrap();
    assert_eq!(without.end_of(3, at("2026-09-30T09:00:00+08")), at("2026-10-13T00:00:00+08"));
}

#[test]
fn the_day_is_that_of_the_jurisdiction() {
    // 20:00 UTC on Sunday is Monday already eight hours ahead.
    let weekend = texts(&["saturday", "sunday"]);
    let sunday = at("2026-11-22T20:00:00Z");
    assert_eq!(Calendar::default().end_of(3, sunday), at("2026-11-27T00:00:00+08"));
    assert_eq!(Calendar::new(0, &weekend, &[], &[]).unwrap().end_of(3, sunday), at("2026-11-26T00:00:00Z"));
}

#[test]
fn a_calendar_that_cannot_be_meant_is_refused() {
    let of = |weekend: &[&str], holidays: &[&str], working: &[&str]| {
        Calendar::new(0, &texts(weekend), &texts(holidays), &texts(working))
    };
    assert!(matches!(of(&["Sunday"], &[], &[]), Err(CalendarError::Weekday(_))));
    assert!(matches!(of(&[], &["2026-02-30"], &[]), Err(CalendarError::Date(_))));
    assert!(matches!(of(&[], &["2026-02-03"], &["2026-02-03"]), Err(CalendarError::Both(_))));
    let week: Vec<&str> = WEEK.iter().map(|(name, _)| *name).collect();
    assert_eq!(of(&week, &[], &[]), Err(CalendarError::NoWorkingDay));
    assert_eq!(Calendar::new(2_000, &[], &[], &[]), Err(CalendarError::Offset(2_000)));
}
