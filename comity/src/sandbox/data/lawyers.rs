//! A justice bureau's register: a thousand licences, most of them in force.

use super::draw::{Draw, plus_days, plus_years};
use super::fields::Fields;
use super::judgments::LAST_DAY;
use super::names::{self, DISTRICTS, Name};
use super::numbers::{Sex, credit_code, licence, resident_id};
use super::{SectorData, showcase};
use comity_model::Hash;
use ed25519_dalek::SigningKey;
use jiff::civil::{Date, date};

const FIRMS: usize = 96;

/// A law firm.
#[derive(Clone)]
pub(super) struct Firm {
    pub(super) name: Name,
    pub(super) code: String,
}

/// One of the firms, each its own name and code.
pub(super) fn firm(number: usize) -> Firm {
    let district = DISTRICTS[number % DISTRICTS.len()];
    Firm { name: names::law_firm(number), code: credit_code("31", district.region, 500_000 + number as u64 * 6_053) }
}

/// Whether a lawyer may practise, and since when.
pub(super) struct Standing {
    pub(super) status: &'static str,
    pub(super) since: Date,
    pub(super) until: Option<Date>,
    pub(super) sanctions: Vec<String>,
    pub(super) assessment: &'static str,
    pub(super) grade: &'static str,
}

/// A lawyer, before the fields.
pub(super) struct Lawyer {
    pub(super) licence: String,
    pub(super) name: Name,
    pub(super) sex: Sex,
    pub(super) id_number: String,
    pub(super) firm: Firm,
    pub(super) category: &'static str,
    pub(super) first_licensed: Date,
    pub(super) areas: Vec<String>,
    pub(super) standing: Standing,
    pub(super) phone: Option<String>,
    /// With which the lawyer consents to the reading of the credit report.
    pub(super) consent_key: Option<Hash>,
}

impl Lawyer {
    pub(super) fn fields(self) -> Fields {
        let report = report(&self.standing);
        let sex = match self.sex {
            Sex::Female => "FEMALE",
            Sex::Male => "MALE",
        };
        Fields::default()
            .text("licence_number", self.licence)
            .text("name", self.name.own)
            .text("name_latin", self.name.latin)
            .text("sex", sex)
            .text("id_type", "RESIDENT_ID")
            .text("id_number", self.id_number)
            .text("firm", self.firm.name.own)
            .text("firm_en", self.firm.name.latin)
            .text("firm_code", self.firm.code)
            .text("category", self.category)
            .text("issuing_authority", "浙江省司法厅")
            .date("issue_date", plus_days(self.first_licensed, 20))
            .date("first_licensed", self.first_licensed)
            .text("assessment", self.standing.assessment)
            .integer("assessment_year", 2025)
            .text("status", self.standing.status)
            .date("status_since", self.standing.since)
            .maybe(self.standing.until, |fields, day| fields.date("suspended_until", day))
            .texts("sanctions", self.standing.sanctions)
            .texts("practice_areas", self.areas)
            .text("credit_grade", self.standing.grade)
            .texts("credit_report", report)
            .maybe(self.consent_key, |fields, key| fields.digest("consent_key", key))
            .maybe(self.phone, |fields, phone| fields.text("phone", phone))
    }
}

/// `count` lawyers, the showcase's among them, and the licence numbers of those in force.
pub(super) fn draw(seed: u64, count: usize) -> (SectorData, Vec<String>) {
    let mut draw = Draw::new(seed, "lawyers");
    let mut records: Vec<_> = showcase::lawyers()
        .into_iter()
        .map(|lawyer| {
            let licence = lawyer.licence.clone();
            lawyer.fields().record(&licence)
        })
        .collect();
    let mut licences = Vec::new();
    while records.len() < count {
        let lawyer = lawyer(&mut draw, records.len());
        let number = lawyer.licence.clone();
        if lawyer.standing.status == "ACTIVE" {
            licences.push(number.clone());
        }
        records.push(lawyer.fields().record(&number));
    }
    (SectorData::new("lawyers", records, Vec::new()), licences)
}

fn lawyer(draw: &mut Draw, number: usize) -> Lawyer {
    let sex = if draw.chance(440) { Sex::Female } else { Sex::Male };
    let first_licensed = draw.day(date(1996, 3, 1), date(2024, 11, 30));
    let (category, digit) = draw.weighted(&[
        (86, ("FULL_TIME", 1)),
        (5, ("PART_TIME", 2)),
        (4, ("CORPORATE", 3)),
        (3, ("GOVERNMENT", 4)),
        (2, ("LEGAL_AID", 5)),
    ]);
    // Serials from 200,000 on; what is below is left to the showcase.
    let serial = 200_000 + number as u64 * 700 + draw.below(700);
    let birth = plus_days(plus_years(first_licensed, -27), -(draw.below(2_500) as i64));
    let sequence = draw.between(50, 499) * 2 + u64::from(sex == Sex::Male);
    let mut areas: Vec<String> = Vec::new();
    for _ in 0..draw.between(1, 3) {
        let area = (*draw.pick(AREAS)).to_owned();
        if !areas.contains(&area) {
            areas.push(area);
        }
    }
    Lawyer {
        licence: licence(first_licensed.year(), digit, sex, serial),
        name: names::chinese(draw, sex),
        sex,
        id_number: resident_id(draw.pick(DISTRICTS).region, birth, sequence),
        firm: firm(draw.index(FIRMS)),
        category,
        first_licensed,
        areas,
        standing: standing(draw, first_licensed),
        phone: draw.chance(900).then(|| phone(draw)),
        consent_key: draw.chance(600).then(|| consent_key(&draw.digest().0)),
    }
}

/// The public key of a seed.
pub(super) fn consent_key(seed: &[u8; 32]) -> Hash {
    Hash(SigningKey::from_bytes(seed).verifying_key().to_bytes())
}

/// What the bureau has on a lawyer's credit.
fn report(standing: &Standing) -> Vec<String> {
    let grade = format!("2025年度 · 信用等级{}", standing.grade);
    let complaints = match standing.grade {
        "A" | "B" => "2025年度 · 无投诉立案".to_owned(),
        _ => "2025年度 · 投诉立案1件，查证属实".to_owned(),
    };
    vec![grade, complaints]
}

/// 2.5% suspended, 1% revoked; of the others one in forty was warned once.
fn standing(draw: &mut Draw, first_licensed: Date) -> Standing {
    let ground = *draw.pick(GROUNDS);
    let decision = draw.between(1, 60);
    match draw.weighted(&[(965, "ACTIVE"), (25, "SUSPENDED"), (10, "REVOKED")]) {
        "SUSPENDED" => {
            // Three months to a year, by the Lawyers Law, articles 47 to 49.
            let since = draw.day(date(2025, 4, 1), LAST_DAY);
            let months = draw.weighted(&[(3, 6), (2, 9), (5, 12)]);
            Standing {
                status: "SUSPENDED",
                since,
                until: Some(plus_days(since, months * 30 + months / 2)),
                sanctions: vec![sanction(since, &format!("停止执业{months}个月"), ground, decision)],
                assessment: "INCOMPETENT",
                grade: "D",
            }
        }
        "REVOKED" => {
            let since = draw.day(first_licensed.max(date(2016, 1, 1)), LAST_DAY);
            Standing {
                status: "REVOKED",
                since,
                until: None,
                sanctions: vec![sanction(since, "吊销律师执业证书", ground, decision)],
                assessment: "NOT_ASSESSED",
                grade: "D",
            }
        }
        _ => {
            let warned = draw.chance(25).then(|| draw.day(first_licensed.max(date(2015, 1, 1)), LAST_DAY));
            Standing {
                status: "ACTIVE",
                since: first_licensed,
                until: None,
                sanctions: warned.map(|day| sanction(day, "警告", ground, decision)).into_iter().collect(),
                assessment: draw.weighted(&[(96, "COMPETENT"), (3, "BASICALLY_COMPETENT"), (1, "NOT_ASSESSED")]),
                grade: if warned.is_some() { "C" } else { draw.weighted(&[(7, "A"), (3, "B")]) },
            }
        }
    }
}

/// A sanction in one line: date, measure, ground, decision.
pub(super) fn sanction(day: Date, measure: &str, ground: &str, decision: u64) -> String {
    format!("{day} · {measure} · {ground} · 浙99司罚决字〔{}〕{decision}号", day.year())
}

/// A mobile number in a range that is not assigned.
fn phone(draw: &mut Draw) -> String {
    format!("129{:08}", draw.below(100_000_000))
}

#[rustfmt::skip]
const AREAS: &[&str] = &[
    "民事", "商事", "知识产权", "建设工程", "婚姻家庭", "劳动人事", "金融", "破产与重整", "行政", "刑事", "涉外", "执行",
];

#[rustfmt::skip]
const GROUNDS: &[&str] = &[
    "私自接受委托、收取费用", "泄露当事人隐私", "利益冲突仍代理", "拒绝履行法律援助义务", "提供虚假证据", "扰乱法庭秩序",
];
