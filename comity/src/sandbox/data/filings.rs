//! The docket of filed cases: what the court tells others of, and what a trigger waits for.

use super::courts::{BASIC, Bench, INTERMEDIATE};
use super::draw::Draw;
use super::fields::Fields;
use super::judgments::LAST_DAY;
use super::people::Population;
use super::{Record, SectorData};
use comity_model::Amount;
use jiff::civil::date;

/// `count` filings.
pub(super) fn draw(seed: u64, count: usize, people: &Population) -> SectorData {
    let mut draw = Draw::new(seed, "filings");
    let bench = Bench::draw(&mut draw);
    let records = (0..count).map(|number| filing(&mut draw, &bench, number, people)).collect();
    SectorData::new("filings", records, Vec::new())
}

fn filing(draw: &mut Draw, bench: &Bench, number: usize, people: &Population) -> Record {
    let (procedure, kind, cause) = draw.weighted(&[
        (5, ("TRIAL", "民初", "买卖合同纠纷")),
        (6, ("ENFORCEMENT", "执", "民事执行")),
        (1, ("INSOLVENCY", "破申", "申请破产清算")),
    ]);
    let court = if procedure == "INSOLVENCY" { INTERMEDIATE } else { *draw.pick(BASIC) };
    let respondent =
        if procedure == "INSOLVENCY" { people.company(draw).clone() } else { people.anybody(draw, 300).clone() };
    let filed = draw.day(date(2025, 1, 6), LAST_DAY);
    // Beyond what the dockets of judgments give out.
    let name = format!("({}){}{kind}{}号", filed.year(), court.code, 30_000 + number);
    let basis = (procedure == "ENFORCEMENT")
        .then(|| format!("({}){}民初{}号", filed.year() - 1, court.code, 30_000 + draw.between(1, 900)));
    Fields::default()
        .text("case_number", name.as_str())
        .text("court", court.name)
        .text("court_code", court.code)
        .text("procedure", procedure)
        .text("cause", cause)
        .text("judge", bench.judge(draw))
        .date("filed_date", filed)
        .maybe(basis, |fields, number| fields.text("basis_number", number))
        .texts("applicants", vec![people.anybody(draw, 600).name.own.clone()])
        .texts("respondents", vec![respondent.name.own])
        .texts("respondent_numbers", vec![respondent.id_number])
        .maybe(draw.chance(900).then(|| draw.fen(2_000, 900_000)), |fields, fen| {
            fields.amount("amount", Amount::cny(fen))
        })
        .text("status", draw.weighted(&[(70, "FILED"), (5, "SUSPENDED"), (25, "CLOSED")]))
        .record(&name)
}
