//! The courts of the city, and the numbers of their cases.

use super::draw::Draw;
use super::names;
use super::numbers::Sex;
use std::collections::BTreeMap;

/// A court.
#[derive(Clone, Copy, Debug)]
pub(super) struct Court {
    pub(super) name: &'static str,
    pub(super) name_en: &'static str,
    /// As case numbers carry it.
    pub(super) code: &'static str,
}

const fn court(name: &'static str, name_en: &'static str, code: &'static str) -> Court {
    Court { name, name_en, code }
}

/// The intermediate court, which hears appeals.
pub(super) const INTERMEDIATE: Court = court("浙江省安澜市中级人民法院", "Anlan Intermediate People's Court", "浙99");

/// The basic courts, in the order of [`names::DISTRICTS`].
pub(super) const BASIC: &[Court] = &[
    court("安澜市古埠区人民法院", "Gubu District People's Court", "浙9901"),
    court("安澜市望湖区人民法院", "Wanghu District People's Court", "浙9902"),
    court("安澜市锦川区人民法院", "Jinchuan District People's Court", "浙9903"),
    court("安澜市青榆区人民法院", "Qingyu District People's Court", "浙9904"),
    court("安澜市临渡县人民法院", "Lindu County People's Court", "浙9905"),
    court("安澜市滨溪区人民法院", "Binxi District People's Court", "浙9906"),
];

/// Gives out case numbers: rising within a court, a year and a kind of case, with gaps, as an archive has them.
#[derive(Default)]
pub(super) struct Docket(BTreeMap<(i16, &'static str, &'static str), u64>);

impl Docket {
    /// The next number: `(2025)浙9906民初1234号`. Numbers up to 20,000 are given out once; the showcase's are skipped.
    pub(super) fn next(&mut self, draw: &mut Draw, year: i16, court: Court, kind: &'static str) -> String {
        let serial = self.0.entry((year, court.code, kind)).or_insert(0);
        loop {
            *serial += draw.between(1, 3);
            let number = case_number(year, court.code, kind, *serial);
            if !super::showcase::CASES.contains(&number.as_str()) {
                return number;
            }
        }
    }
}

fn case_number(year: i16, court: &str, kind: &str, serial: u64) -> String {
    format!("({year}){court}{kind}{serial}号")
}

/// The judges and clerks of a court.
pub(super) struct Bench {
    judges: Vec<String>,
    clerks: Vec<String>,
}

impl Bench {
    pub(super) fn draw(draw: &mut Draw) -> Self {
        let mut names = |count: usize| {
            (0..count)
                .map(|_| {
                    let sex = if draw.chance(500) { Sex::Female } else { Sex::Male };
                    names::chinese(draw, sex).own
                })
                .collect()
        };
        Self { judges: names(24), clerks: names(16) }
    }

    pub(super) fn judge(&self, draw: &mut Draw) -> &str {
        draw.pick::<String>(&self.judges)
    }

    pub(super) fn clerk(&self, draw: &mut Draw) -> &str {
        draw.pick::<String>(&self.clerks)
    }
}
