//! Insolvency and restructuring cases of the city's companies.

use super::SectorData;
use super::courts::INTERMEDIATE;
use super::draw::{Draw, plus_days};
use super::fields::Fields;
use super::judgments::LAST_DAY;
use super::names;
use super::people::Population;
use comity_model::Amount;
use jiff::civil::date;

/// `count` cases, each of another company.
pub(super) fn draw(seed: u64, count: usize, people: &Population) -> SectorData {
    let mut draw = Draw::new(seed, "insolvency");
    let records = people.companies.iter().step_by((people.companies.len() / count.max(1)).max(1)).take(count);
    let records = records.enumerate().map(|(at, debtor)| {
        let accepted = draw.day(debtor.since.max(date(2021, 2, 1)), date(2025, 11, 15));
        let number = format!("({}){}破{}号", accepted.year(), INTERMEDIATE.code, at + 1);
        let status = draw.weighted(&[
            (64, "ACCEPTED"),
            (11, "DECLARED_BANKRUPT"),
            (9, "PLAN_APPROVED"),
            (9, "CONCLUDED"),
            (7, "DISMISSED"),
        ]);
        let over = matches!(status, "CONCLUDED" | "DISMISSED");
        let claims = draw.chance(600).then(|| draw.fen(500_000, 90_000_000));
        Fields::default()
            .text("case_number", number.as_str())
            .text("court", INTERMEDIATE.name)
            .text("court_code", INTERMEDIATE.code)
            .text("debtor", debtor.name.own.as_str())
            .text("debtor_code", debtor.id_number.as_str())
            .text("procedure", draw.weighted(&[(60, "LIQUIDATION"), (30, "RESTRUCTURING"), (10, "SETTLEMENT")]))
            .text("applicant", people.company(&mut draw).name.own.as_str())
            .date("accepted_date", accepted)
            .text("administrator", names::law_firm(draw.index(60)).own)
            .maybe(draw.chance(900).then_some("0999-99007788"), |fields, phone| {
                fields.text("administrator_contact", phone)
            })
            .date("claims_until", plus_days(accepted, 60))
            .date("meeting_date", plus_days(accepted, 75))
            .maybe(claims, |fields, fen| {
                fields.amount("claims_admitted", Amount::cny(fen)).amount("assets_reported", Amount::cny(fen / 4))
            })
            .boolean("enforcement_stayed", !over)
            .digest("ruling_digest", draw.digest())
            .text("status", status)
            .maybe(over.then(|| draw.day(accepted, LAST_DAY)), |fields, day| fields.date("concluded_date", day))
            .record(&number)
    });
    SectorData::new("insolvency", records.collect(), Vec::new())
}
