//! An intellectual property office's register: patents, trade marks, copyright deposits.

use super::draw::{Draw, plus_days, plus_years};
use super::fields::Fields;
use super::judgments::LAST_DAY;
use super::names;
use super::numbers::{Sex, patent_application};
use super::people::Population;
use super::{Asset, SectorData, accounts, showcase};
use comity_model::Amount;
use jiff::civil::{Date, date};

/// A right, before the fields.
pub(super) struct Right {
    pub(super) number: String,
    pub(super) kind: &'static str,
    pub(super) title: String,
    pub(super) title_en: String,
    pub(super) class: Option<&'static str>,
    pub(super) application: Option<String>,
    pub(super) holders: Vec<(String, String)>,
    pub(super) creators: Vec<String>,
    pub(super) filed: Date,
    pub(super) granted: Option<Date>,
    pub(super) expires: Option<Date>,
    pub(super) fees_until: Option<Date>,
    pub(super) status: &'static str,
    pub(super) pledgee: Option<&'static str>,
    pub(super) licences: Vec<String>,
    pub(super) appraised: Option<u64>,
}

impl Right {
    pub(super) fn asset(&self) -> Option<Asset> {
        (self.status == "VALID").then(|| Asset { reference: self.number.clone(), value: None })
    }

    pub(super) fn fields(self) -> Fields {
        let (names, numbers) = self.holders.into_iter().unzip();
        Fields::default()
            .text("right_number", self.number)
            .text("kind", self.kind)
            .text("title", self.title)
            .text("title_en", self.title_en)
            .maybe(self.class, |fields, class| fields.text("classification", class))
            .maybe(self.application, |fields, number| fields.text("application_number", number))
            .texts("holders", names)
            .texts("holder_numbers", numbers)
            .maybe((!self.creators.is_empty()).then_some(self.creators), |fields, creators| {
                fields.texts("creators", creators)
            })
            .text("agency", "安澜智合知识产权代理有限公司")
            .date("filing_date", self.filed)
            .maybe(self.granted, |fields, day| fields.date("grant_date", day))
            .maybe(self.expires, |fields, day| fields.date("expiry_date", day))
            .maybe(self.fees_until, |fields, day| fields.date("fees_paid_until", day))
            .text("status", self.status)
            .boolean("pledged", self.pledgee.is_some())
            .maybe(self.pledgee, |fields, pledgee| fields.text("pledgee", pledgee))
            .texts("licences", self.licences)
            .maybe(self.appraised, |fields, fen| fields.amount("appraised", Amount::cny(fen)))
    }
}

/// `count` rights, the showcase's among them.
pub(super) fn draw(seed: u64, count: usize, people: &Population) -> SectorData {
    let mut draw = Draw::new(seed, "ip-rights");
    let mut assets = Vec::new();
    let mut records = Vec::new();
    let mut right = showcase::ip_right();
    loop {
        assets.extend(right.asset());
        let id = right.number.clone();
        records.push(right.fields().record(&id));
        if records.len() >= count {
            return SectorData::new("ip-rights", records, assets);
        }
        right = draw_one(&mut draw, records.len(), people);
    }
}

/// A kind of right: its number's form, term and first grant after filing.
struct Kind {
    name: &'static str,
    /// The digit in a patent's application number.
    patent: Option<u64>,
    term_years: i64,
    grant_after_days: (u64, u64),
    classes: &'static [&'static str],
}

const fn kind(
    name: &'static str,
    patent: Option<u64>,
    term_years: i64,
    grant_after_days: (u64, u64),
    classes: &'static [&'static str],
) -> Kind {
    Kind { name, patent, term_years, grant_after_days, classes }
}

#[rustfmt::skip]
const KINDS: &[(u64, &Kind)] = &[
    (20, &kind("INVENTION_PATENT", Some(1), 20, (540, 1100), &["G06F 21/60", "C08L 23/06", "H04L 9/32", "D06P 1/38", "B65G 1/04"])),
    (22, &kind("UTILITY_MODEL", Some(2), 10, (150, 330), &["D03D 49/06", "E04G 21/14", "F16K 31/02", "A47B 88/40", "B60N 2/28"])),
    (10, &kind("DESIGN_PATENT", Some(3), 15, (110, 240), &["06-01", "09-03", "14-02", "26-05"])),
    (30, &kind("TRADE_MARK", None, 10, (240, 420), &["9", "24", "25", "30", "35", "42"])),
    (13, &kind("SOFTWARE_COPYRIGHT", None, 50, (30, 90), &[])),
    (5, &kind("WORK_COPYRIGHT", None, 50, (20, 60), &[])),
];

fn draw_one(draw: &mut Draw, number: usize, people: &Population) -> Right {
    let kind = draw.weighted(KINDS);
    let holder = people.anybody(draw, 780);
    let filed = draw.day(holder.since.max(date(2008, 1, 7)), date(2025, 11, 28));
    let (soonest, latest) = kind.grant_after_days;
    let granted = Some(plus_days(filed, draw.between(soonest, latest) as i64)).filter(|day| *day <= LAST_DAY);
    // Terms run from filing for patents, from registration for the rest.
    let from = if kind.patent.is_some() { Some(filed) } else { granted };
    let expires = granted.and(from).map(|day| plus_years(day, kind.term_years));
    let status = match (granted, expires) {
        (None, _) => "PENDING",
        (_, Some(day)) if day <= LAST_DAY => "EXPIRED",
        _ => draw.weighted(&[(95, "VALID"), (5, "INVALIDATED")]),
    };
    let mut holders = vec![(holder.name.own.clone(), holder.id_number.clone())];
    if draw.chance(70) {
        let second = people.company(draw);
        if second.id_number != holder.id_number {
            holders.push((second.name.own.clone(), second.id_number.clone()));
        }
    }
    let application = kind.patent.map(|digit| patent_application(filed.year(), digit, 1_000 + number as u64 * 37));
    let serial = 100_000 + number as u64 * 89 + draw.below(89);
    let (title, title_en) = title(draw, kind);
    let valid = status == "VALID";
    Right {
        number: right_number(kind.name, application.as_deref(), filed, serial),
        kind: kind.name,
        title,
        title_en,
        class: (!kind.classes.is_empty()).then(|| *draw.pick(kind.classes)),
        application,
        holders,
        creators: creators(draw, kind),
        filed,
        granted,
        expires,
        fees_until: (valid && kind.patent.is_some()).then(|| plus_days(LAST_DAY, draw.between(5, 360) as i64)),
        status,
        pledgee: (valid && draw.chance(80)).then(|| draw.pick(accounts::BANKS).name),
        licences: if valid && draw.chance(110) {
            let term = plus_days(LAST_DAY, draw.between(100, 1_800) as i64);
            let form = draw.weighted(&[(6, "普通许可"), (2, "排他许可"), (2, "独占许可")]);
            vec![format!("{} · {form} · 至{term}", people.company(draw).name.own)]
        } else {
            Vec::new()
        },
        appraised: (valid && draw.chance(300)).then(|| draw.fen(20_000, 12_000_000)),
    }
}

/// A granted patent is named by ZL and its application number; marks and deposits by numbers that lie beyond those
/// given out.
fn right_number(kind: &str, application: Option<&str>, filed: Date, serial: u64) -> String {
    match (kind, application) {
        (_, Some(number)) => format!("ZL{number}"),
        ("TRADE_MARK", _) => format!("99{serial:06}"),
        ("SOFTWARE_COPYRIGHT", _) => format!("{}SR99{serial:06}", filed.year()),
        _ => format!("浙作登字-{}-F-99{serial:06}", filed.year()),
    }
}

fn creators(draw: &mut Draw, kind: &Kind) -> Vec<String> {
    if kind.name == "TRADE_MARK" {
        return Vec::new();
    }
    (0..draw.between(1, 3))
        .map(|_| {
            let sex = if draw.chance(400) { Sex::Female } else { Sex::Male };
            names::chinese(draw, sex).own
        })
        .collect()
}

fn title(draw: &mut Draw, kind: &Kind) -> (String, String) {
    let brand = names::brand(draw);
    match kind.name {
        "TRADE_MARK" => (brand.own, brand.latin.to_uppercase()),
        "SOFTWARE_COPYRIGHT" => {
            let (zh, en) = *draw.pick(SYSTEMS);
            let version = draw.between(1, 6);
            (format!("{}{zh}V{version}.0", brand.own), format!("{} {en} V{version}.0", brand.latin))
        }
        "WORK_COPYRIGHT" => (format!("《{}》", brand.own), format!("\u{201c}{}\u{201d}, a work of art", brand.latin)),
        _ => {
            let ((first, first_en), (thing, thing_en)) = (*draw.pick(QUALITIES), *draw.pick(THINGS));
            (format!("一种{first}{thing}"), format!("{first_en} {thing_en}"))
        }
    }
}

type Pair = (&'static str, &'static str);

#[rustfmt::skip]
const QUALITIES: &[Pair] = &[
    ("节能型", "Energy-saving"), ("可折叠的", "Foldable"), ("自清洁", "Self-cleaning"), ("低噪声", "Low-noise"),
    ("耐高温", "Heat-resistant"), ("模块化", "Modular"), ("防水", "Waterproof"), ("高精度", "High-precision"),
];

#[rustfmt::skip]
const THINGS: &[Pair] = &[
    ("织机送经装置", "let-off motion for looms"), ("脚手架连接件", "scaffold coupling"), ("电磁阀", "solenoid valve"),
    ("仓储货架", "storage rack"), ("数据加密装置", "data encryption device"), ("染色设备", "dyeing machine"),
    ("医用导管", "medical catheter"), ("分拣机械臂", "sorting arm"), ("光伏支架", "solar panel mount"),
    ("污水处理单元", "waste water unit"),
];

#[rustfmt::skip]
const SYSTEMS: &[Pair] = &[
    ("仓储管理系统", "Warehouse Management System"), ("供应链协同平台", "Supply Chain Platform"),
    ("智能排产软件", "Production Scheduler"), ("医疗影像处理软件", "Medical Imaging Software"),
    ("合同管理系统", "Contract Management System"),
];
