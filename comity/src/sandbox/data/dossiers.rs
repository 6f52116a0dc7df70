//! Dossiers of the procuratorate and the police: most of them under way, some handed over to a court.

use super::courts::BASIC;
use super::draw::{Draw, plus_days};
use super::fields::Fields;
use super::judgments::LAST_DAY;
use super::people::Population;
use super::{Record, SectorData};
use jiff::civil::date;

const KEEPERS: &[&str] = &["安澜市人民检察院", "安澜市公安局"];
const HANDLERS: &[&str] = &["傅明远", "季云舒", "邵清和", "岑知白"];

/// `count` dossiers.
pub(super) fn draw(seed: u64, count: usize, people: &Population) -> SectorData {
    let mut draw = Draw::new(seed, "dossiers");
    let records = (0..count).map(|number| dossier(&mut draw, number, people)).collect();
    SectorData::new("dossiers", records, Vec::new())
}

fn dossier(draw: &mut Draw, number: usize, people: &Population) -> Record {
    let person = people.anybody(draw, 150).clone();
    let opened = draw.day(date(2023, 2, 1), LAST_DAY);
    let name = format!("A990000-{}-{:04}", opened.year(), number + 1);
    let (kind, cause) = draw.weighted(&[
        (6, ("CRIMINAL", "合同诈骗案")),
        (2, ("REFUSAL_TO_EXECUTE", "拒不执行判决、裁定案")),
        (1, ("PUBLIC_INTEREST", "消费民事公益诉讼案")),
        (1, ("ADMINISTRATIVE", "行政非诉执行监督案")),
        (1, ("SUPERVISION", "民事生效裁判监督案")),
        (1, ("CIVIL_ENFORCEMENT", "移送执行案")),
    ]);
    let stage =
        draw.weighted(&[(60, "INVESTIGATION"), (15, "REVIEW"), (15, "PROSECUTED"), (4, "RETURNED"), (6, "CLOSED")]);
    let court = draw.pick(BASIC);
    let handed = plus_days(opened, 45).min(LAST_DAY);
    let case =
        (stage == "PROSECUTED").then(|| format!("({}){}刑初{}号", handed.year(), court.code, draw.between(10, 900)));
    Fields::default()
        .text("dossier_number", name.as_str())
        .text("case_kind", kind)
        .text("cause", cause)
        .text("keeper", *draw.pick(KEEPERS))
        .text("handler", *draw.pick(HANDLERS))
        .texts("persons", vec![person.name.own])
        .texts("person_numbers", vec![person.id_number])
        .date("opened_date", opened)
        .text("stage", stage)
        .integer("volumes", draw.between(1, 9))
        .maybe(draw.chance(800).then(|| draw.between(40, 2_000)), |fields, pages| fields.integer("pages", pages))
        .digest("dossier_digest", draw.digest())
        .maybe(case, |fields, case| fields.text("counterpart_case", case).time("handed_over", handed, 36_000))
        .record(&name)
}
