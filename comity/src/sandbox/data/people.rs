//! The people and companies of the city: the same ones sue, own and bank.

use super::draw::{Draw, plus_years};
use super::names::{self, DISTRICTS, Name};
use super::numbers::{Sex, credit_code, resident_id};
use jiff::civil::{Date, date};
use std::collections::BTreeSet;

const PERSONS: usize = 6_000;
const COMPANIES: usize = 1_200;

/// Somebody who can be a party, a holder, a debtor.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) name: Name,
    /// `RESIDENT_ID`, `PASSPORT` or `UNIFIED_CREDIT_CODE`.
    pub(super) id_type: &'static str,
    pub(super) id_number: String,
    /// Of a company.
    pub(super) representative: Option<String>,
    /// The first day on which they own, bank and invent: eighteenth birthday, foundation.
    pub(super) since: Date,
}

impl Person {
    pub(super) fn is_company(&self) -> bool {
        self.representative.is_some()
    }

    /// The number with its middle hidden, as it is published.
    pub(super) fn masked(&self) -> String {
        masked(&self.id_number)
    }
}

/// The first four and last four characters of a number; the rest hidden.
pub(super) fn masked(number: &str) -> String {
    let last = number.chars().count().saturating_sub(4);
    number.chars().enumerate().map(|(at, c)| if at < 4 || at >= last { c } else { '*' }).collect()
}

/// Everybody.
pub(super) struct Population {
    pub(super) persons: Vec<Person>,
    pub(super) companies: Vec<Person>,
}

impl Population {
    pub(super) fn draw(seed: u64) -> Self {
        let mut draw = Draw::new(seed, "people");
        let mut numbers = BTreeSet::new();
        let mut persons = Vec::with_capacity(PERSONS);
        while persons.len() < PERSONS {
            let person = person(&mut draw, persons.len());
            if numbers.insert(person.id_number.clone()) {
                persons.push(person);
            }
        }
        Self { persons, companies: (0..COMPANIES).map(|at| company(&mut draw, at)).collect() }
    }

    /// One of the persons.
    pub(super) fn person(&self, draw: &mut Draw) -> &Person {
        draw.pick(&self.persons)
    }

    /// One of the companies.
    pub(super) fn company(&self, draw: &mut Draw) -> &Person {
        draw.pick(&self.companies)
    }

    /// A company in `per_mille` of 1,000 cases, else a person.
    pub(super) fn anybody(&self, draw: &mut Draw, companies_per_mille: u64) -> &Person {
        if draw.chance(companies_per_mille) { self.company(draw) } else { self.person(draw) }
    }
}

/// Sequences below 100 are left to the showcase.
fn person(draw: &mut Draw, number: usize) -> Person {
    let sex = if draw.chance(500) { Sex::Female } else { Sex::Male };
    let region = draw.pick(DISTRICTS).region;
    // Of age when the first case of the archive was filed.
    let birth = draw.day(date(1950, 1, 1), date(2002, 12, 31));
    if draw.chance(30) {
        return Person {
            name: names::english(draw, sex),
            id_type: "PASSPORT",
            id_number: format!("XX99{number:05}"),
            representative: None,
            since: plus_years(birth, 18),
        };
    }
    let sequence = draw.between(50, 499) * 2 + u64::from(sex == Sex::Male);
    Person {
        name: names::chinese(draw, sex),
        id_type: "RESIDENT_ID",
        id_number: resident_id(region, birth, sequence),
        representative: None,
        since: plus_years(birth, 18),
    }
}

fn company(draw: &mut Draw, number: usize) -> Person {
    let sex = if draw.chance(350) { Sex::Female } else { Sex::Male };
    let representative = names::chinese(draw, sex).own;
    let region = draw.pick(DISTRICTS).region;
    let foreign = draw.chance(40);
    Person {
        name: if foreign { names::foreign_company(draw) } else { names::company(draw) },
        id_type: "UNIFIED_CREDIT_CODE",
        id_number: credit_code("91", region, 10_000 + number as u64 * 7919),
        representative: Some(representative),
        since: draw.day(date(1994, 3, 1), date(2020, 12, 1)),
    }
}
