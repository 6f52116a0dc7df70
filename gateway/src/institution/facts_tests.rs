#![allow(clippy::unwrap_used)]
use super::*;
use crate::sectors::{SectorSource, Sectors};
use comity_model::FieldName;

const SCHEMA: &str = include_str!("../../tests/api/enforcement/accounts.proto");
const PROFILE: &str = include_str!("../../tests/api/enforcement/accounts.toml");

fn facts() -> Facts {
    Facts {
        as_of: UnixSeconds(1_800_000_000),
        value: Some(Amount::cny(100)),
        amount: Some(Amount::cny(50)),
        until: Some(UnixSeconds(1_900_000_000)),
        prior: Vec::new(),
        later: 0,
        asked: Some(Amount::cny(50)),
        record: Vec::new(),
        worth: None,
    }
}

fn prior(asked: u64, held: u64, same_case: bool) -> Prior {
    Prior {
        court: "other-court".parse().unwrap(),
        asked: Some(Amount::cny(asked)),
        held: Some(Amount::cny(held)),
        until: UnixSeconds(1_850_000_000),
        waits: held == 0,
        same_case,
    }
}

fn answered(facts: &Facts) -> impl Fn(&str) -> Option<FieldValue> + use<> {
    let sectors = Sectors::load(&[SectorSource { name: "accounts", schema: SCHEMA, profile: Some(PROFILE) }]).unwrap();
    let set = sectors.sector(&"accounts".parse().unwrap()).unwrap().answer.clone().unwrap();
    let fields = facts.fields(&set);
    set.check(&fields).unwrap();
    move |name: &str| {
        let name: FieldName = name.parse().unwrap();
        fields.iter().find(|field| field.name == name).map(|field| field.value.clone())
    }
}

fn money(minor: u64) -> Option<FieldValue> {
    Some(FieldValue::Amount(Amount::cny(minor)))
}

#[test]
fn what_is_frozen_is_what_those_before_leave_and_what_is_available_is_the_rest() {
    let answer = answered(&Facts { prior: vec![prior(30, 30, false)], ..facts() });
    assert_eq!((answer("balance"), answer("frozen"), answer("available")), (money(100), money(50), money(20)));
    assert_eq!(answer("prior_frozen"), money(30));
    let answer = answered(&Facts { prior: vec![prior(30, 30, false), prior(60, 60, false)], ..facts() });
    assert_eq!((answer("frozen"), answer("available")), (money(10), money(0)));
    let answer = answered(&Facts { later: 40, ..facts() });
    assert_eq!((answer("frozen"), answer("available")), (money(50), money(10)), "who came later stands behind");
}

#[test]
fn earlier_holds_are_told_with_who_how_much_and_until_when() {
    let answer = answered(&Facts { prior: vec![prior(30, 30, false), prior(90, 70, false)], ..facts() });
    let Some(FieldValue::Texts(lines)) = answer("prior_freezes") else { panic!("no list") };
    assert_eq!(lines[0], "other-court · CNY 0.30 · until 2028-08-16T00:53:20Z");
    assert!(lines[1].contains("CNY 0.70 of CNY 0.90"), "{}", lines[1]);
}

#[test]
fn a_list_that_is_too_long_says_how_much_more_there_is() {
    let many = (0..TEXTS_MAX + 9).map(|_| prior(1, 1, false)).collect();
    let answer = answered(&Facts { prior: many, ..facts() });
    let Some(FieldValue::Texts(lines)) = answer("prior_freezes") else { panic!("no list") };
    assert_eq!((lines.len(), lines.last().unwrap().as_str()), (TEXTS_MAX, "10 more"));
}

#[test]
fn over_control_is_what_one_case_holds_beyond_what_it_asks_for() {
    let answer = answered(&Facts { prior: vec![prior(40, 40, false)], ..facts() });
    assert_eq!(answer("over_control"), money(0), "another case's hold is not this one's");
    let answer = answered(&Facts { prior: vec![prior(40, 40, true)], ..facts() });
    assert_eq!(answer("over_control"), money(40));
    let whole = Facts { value: None, amount: None, worth: Some(Amount::cny(80)), ..facts() };
    assert_eq!(answered(&whole)("over_control"), money(30), "a whole that is worth more than is asked for");
    let dollars = Facts { worth: Some(Amount { currency: "USD".parse().unwrap(), minor: 80 }), ..whole };
    assert_eq!(answered(&dollars)("over_control"), None);
}

#[test]
fn what_is_not_known_is_left_out_and_what_the_record_says_is_copied() {
    let owners = FieldValue::Texts(vec!["王五".into(), "赵六".into()]);
    let record = vec![Field { name: "co_owners".parse().unwrap(), value: owners.clone() }];
    let answer = answered(&Facts { value: None, amount: None, until: None, record, ..facts() });
    assert_eq!(answer("co_owners"), Some(owners));
    assert_eq!((answer("balance"), answer("frozen"), answer("frozen_until")), (None, None, None));
    assert_eq!(answer("as_of"), Some(FieldValue::Time(UnixSeconds(1_800_000_000))));
    let wrong = vec![Field { name: "co_owners".parse().unwrap(), value: FieldValue::Integer(1) }];
    assert_eq!(answered(&Facts { record: wrong, ..facts() })("co_owners"), None, "of another type");
}
