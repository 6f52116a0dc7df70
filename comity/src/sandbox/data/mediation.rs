//! A mediation body's agreements: most of them being performed, some confirmed by a court.

use super::courts::BASIC;
use super::draw::{Draw, plus_days};
use super::fields::Fields;
use super::judgments::LAST_DAY;
use super::people::Population;
use super::{Record, SectorData};
use comity_model::Amount;
use jiff::civil::date;

/// The body, in its own language and in English.
const BODY: [&str; 2] = ["安澜市商事调解中心", "Commercial Mediation Centre of Anlan"];
const MEDIATORS: &[&str] = &["冯砚之", "陆知微", "秦望舒", "顾言蹊", "温如玉"];

/// `count` agreements.
pub(super) fn draw(seed: u64, count: usize, people: &Population) -> SectorData {
    let mut draw = Draw::new(seed, "mediation");
    let records = (0..count).map(|number| agreement(&mut draw, number, people)).collect();
    SectorData::new("mediation", records, Vec::new())
}

fn agreement(draw: &mut Draw, number: usize, people: &Population) -> Record {
    let (applicant, respondent) = (people.anybody(draw, 600).clone(), people.person(draw).clone());
    let concluded = draw.day(date(2023, 1, 9), LAST_DAY);
    let name = format!("安澜商调{}字第{:05}号", concluded.year(), number + 1);
    let confirmation = draw.weighted(&[(5, "NOT_APPLIED_FOR"), (1, "APPLIED_FOR"), (5, "CONFIRMED"), (1, "REFUSED")]);
    let status = draw.weighted(&[(70, "IN_PERFORMANCE"), (15, "PERFORMED"), (10, "NOT_PERFORMED"), (5, "WITHDRAWN")]);
    let court = draw.pick(BASIC);
    let decided = plus_days(concluded, 20).min(LAST_DAY);
    let confirmed = (confirmation == "CONFIRMED")
        .then(|| format!("({}){}民特{}号", decided.year(), court.code, draw.between(10, 900)));
    Fields::default()
        .text("number", name.as_str())
        .text("body", BODY[0])
        .text("body_en", BODY[1])
        .text("mediator", *draw.pick(MEDIATORS))
        .text(
            "dispute_type",
            draw.weighted(&[
                (6, "CONTRACT"),
                (4, "LOAN"),
                (2, "LABOUR"),
                (1, "NEIGHBOURHOOD"),
                (1, "FAMILY"),
                (2, "TRAFFIC"),
                (1, "INTELLECTUAL_PROPERTY"),
            ]),
        )
        .texts("applicants", vec![applicant.name.own])
        .texts("respondents", vec![respondent.name.own])
        .texts("party_numbers", vec![applicant.id_number, respondent.id_number])
        .date("concluded_date", concluded)
        .amount("total", Amount::cny(draw.fen(2_000, 900_000)))
        .integer("instalments", draw.between(1, 12))
        .digest("text_digest", draw.digest())
        .text("confirmation", confirmation)
        .maybe(confirmed, |fields, number| fields.text("confirmation_number", number))
        .text("status", status)
        .record(&name)
}
