//! What market regulation registers: the city's companies, who holds equity in them, and penalties.

use super::draw::{Draw, plus_days, plus_years};
use super::fields::Fields;
use super::judgments::LAST_DAY;
use super::names::{self, DISTRICTS};
use super::numbers::{Sex, credit_code, resident_id};
use super::people::{Person, Population};
use super::{Asset, SectorData, accounts, showcase};
use comity_model::Amount;
use jiff::civil::{Date, date};

const AUTHORITY: &str = "安澜市市场监督管理局";

/// Every company of the city, and the branches of none.
pub(super) fn companies(seed: u64, people: &Population) -> SectorData {
    let mut draw = Draw::new(seed, "companies");
    let records = people.companies.iter().map(|company| {
        let status = draw.weighted(&[(90, "OPERATING"), (3, "LIQUIDATING"), (3, "REVOKED"), (4, "DEREGISTERED")]);
        company_fields(&mut draw, company, status).record(&company.id_number)
    });
    SectorData::new("companies", records.collect(), Vec::new())
}

fn company_fields(draw: &mut Draw, company: &Person, status: &'static str) -> Fields {
    let representative = company.representative.clone().unwrap_or_default();
    let sex = if draw.chance(400) { Sex::Female } else { Sex::Male };
    let supervisor = names::chinese(draw, sex).own;
    let numbers = (0..2).map(|_| {
        let birth = draw.day(date(1955, 1, 1), date(1996, 12, 31));
        let sequence = draw.between(50, 499) * 2;
        resident_id(draw.pick(DISTRICTS).region, birth, sequence)
    });
    let numbers = numbers.collect();
    let capital = draw.fen(100_000, 80_000_000) / 10_000 * 10_000;
    let abnormal = status == "REVOKED" || draw.chance(25);
    Fields::default()
        .text("credit_code", company.id_number.as_str())
        .text("name", company.name.own.as_str())
        .text("company_type", form(&company.name.own))
        .text("legal_representative", representative.as_str())
        .texts("officers", vec![format!("{representative} · 法定代表人"), format!("{supervisor} · 监事")])
        .texts("officer_numbers", numbers)
        .amount("registered_capital", Amount::cny(capital))
        .maybe(draw.chance(820).then_some(capital), |fields, fen| fields.amount("paid_in_capital", Amount::cny(fen)))
        .date("founded_date", company.since)
        .text(
            "address",
            format!("安澜市{}{}{}号", draw.pick(DISTRICTS).name, names::street(draw), draw.between(1, 380)),
        )
        .text("authority", AUTHORITY)
        .text("scope", *draw.pick(SCOPES))
        .texts(
            "abnormalities",
            if abnormal {
                vec![format!("{} · 未按期公示年度报告", draw.day(company.since, LAST_DAY))]
            } else {
                Vec::new()
            },
        )
        .text("status", status)
        .maybe((status == "DEREGISTERED").then(|| draw.day(company.since, LAST_DAY)), |fields, day| {
            fields.date("deregistered_date", day)
        })
}

fn form(name: &str) -> &'static str {
    match name {
        name if name.contains("股份") => "JOINT_STOCK",
        name if name.contains("合伙") => "PARTNERSHIP",
        name if name.is_ascii() => "FOREIGN_BRANCH",
        _ => "LIMITED",
    }
}

const SCOPES: &[&str] = &[
    "纺织品制造、销售；货物进出口。",
    "建设工程施工；建筑材料销售。",
    "软件开发；信息技术咨询服务。",
    "食品生产；食品销售。",
    "道路货物运输；仓储服务。",
];

/// A share, before the fields.
pub(super) struct Equity {
    pub(super) number: String,
    pub(super) company: (String, String),
    pub(super) holder: (String, String),
    pub(super) subscribed: u64,
    pub(super) paid_in: Option<u64>,
    pub(super) basis_points: u64,
    pub(super) until: Option<Date>,
    pub(super) registered: Date,
    pub(super) pledgee: Option<&'static str>,
    pub(super) status: &'static str,
}

impl Equity {
    fn asset(&self) -> Option<Asset> {
        (self.status != "CANCELLED").then(|| Asset { reference: self.number.clone(), value: None })
    }

    fn fields(self) -> Fields {
        Fields::default()
            .text("share_number", self.number)
            .text("company", self.company.0)
            .text("company_code", self.company.1)
            .text("shareholder", self.holder.0)
            .text("shareholder_number", self.holder.1)
            .amount("subscribed", Amount::cny(self.subscribed))
            .maybe(self.paid_in, |fields, fen| fields.amount("paid_in", Amount::cny(fen)))
            .integer("share_basis_points", self.basis_points)
            .maybe(self.until, |fields, day| fields.date("subscribed_until", day))
            .date("registered_date", self.registered)
            .maybe(self.pledgee, |fields, pledgee| fields.text("pledgee", pledgee))
            .boolean("pre_emption", true)
            .text("status", self.status)
    }
}

/// `count` shares, the showcase's among them.
pub(super) fn equity(seed: u64, count: usize, people: &Population) -> SectorData {
    let mut draw = Draw::new(seed, "equity");
    let (mut assets, mut records) = (Vec::new(), Vec::new());
    let mut share = showcase::equity();
    loop {
        assets.extend(share.asset());
        let id = share.number.clone();
        records.push(share.fields().record(&id));
        if records.len() >= count {
            return SectorData::new("equity", records, assets);
        }
        share = draw_share(&mut draw, records.len(), people);
    }
}

fn draw_share(draw: &mut Draw, number: usize, people: &Population) -> Equity {
    let (company, holder) = (people.company(draw), people.anybody(draw, 300));
    let basis_points = draw.between(1, 100) * 100;
    let subscribed = draw.fen(100_000, 60_000_000) / 10_000 * 10_000 * basis_points / 10_000;
    let status = draw.weighted(&[(88, "REGISTERED"), (8, "PLEDGED"), (4, "CANCELLED")]);
    let paid = draw.chance(600);
    Equity {
        number: format!("GQ99{:08}", 10_000 + number * 7),
        company: (company.name.own.clone(), company.id_number.clone()),
        holder: (holder.name.own.clone(), holder.id_number.clone()),
        subscribed,
        paid_in: paid.then_some(subscribed),
        basis_points,
        until: (!paid).then(|| plus_years(LAST_DAY, draw.between(1, 5) as i64)),
        registered: draw.day(company.since.max(holder.since), LAST_DAY),
        pledgee: (status == "PLEDGED").then(|| draw.pick(accounts::BANKS).name),
        status,
    }
}

/// `count` penalties.
pub(super) fn penalties(seed: u64, count: usize, people: &Population) -> SectorData {
    let mut draw = Draw::new(seed, "penalties");
    let (mut assets, mut records) = (Vec::new(), Vec::new());
    for at in 0..count {
        let number = format!("安市监罚决〔{}〕99{:05}号", 2022 + at % 4, at + 1);
        let status = draw.weighted(&[(60, "EFFECTIVE"), (35, "PERFORMED"), (5, "WITHDRAWN")]);
        if status == "EFFECTIVE" {
            assets.push(Asset { reference: number.clone(), value: None });
        }
        records.push(penalty(&mut draw, &number, at, status, people).record(&number));
    }
    SectorData::new("penalties", records, assets)
}

fn penalty(draw: &mut Draw, number: &str, at: usize, status: &'static str, people: &Population) -> Fields {
    let party = people.anybody(draw, 800);
    let year = i16::try_from(2022 + at % 4).unwrap_or(2022);
    let decided = draw.day(date(year, 1, 10), date(year, 11, 20));
    let measure = draw.weighted(MEASURES);
    let fine = matches!(measure, "FINE" | "CONFISCATION").then(|| draw.fen(500, 300_000) / 10_000 * 10_000 + 50_000);
    let (facts, basis) = *draw.pick(OFFENCES);
    Fields::default()
        .text("decision_number", number)
        .text("authority", AUTHORITY)
        .text("authority_code", credit_code("11", DISTRICTS[1].region, 77_001))
        .text("party", party.name.own.as_str())
        .text("party_number", party.id_number.as_str())
        .text("facts", facts)
        .text("legal_basis", basis)
        .text("measure", measure)
        .maybe(fine, |fields, fen| fields.amount("fine", Amount::cny(fen)).date("pay_by", plus_days(decided, 15)))
        .date("decided_date", decided)
        .date("served_date", plus_days(decided, draw.between(1, 7) as i64))
        .maybe(fine.filter(|_| status == "PERFORMED"), |fields, fen| fields.amount("paid", Amount::cny(fen)))
        .text(
            "review",
            draw.weighted(&[(88, "NONE"), (4, "RECONSIDERATION"), (3, "LITIGATION"), (4, "UPHELD"), (1, "SET_ASIDE")]),
        )
        .digest("decision_digest", draw.digest())
        .text("status", status)
}

#[rustfmt::skip]
const OFFENCES: &[(&str, &str)] = &[
    ("销售不符合食品安全标准的食品", "《中华人民共和国食品安全法》第一百二十四条"),
    ("发布虚假广告", "《中华人民共和国广告法》第五十五条"),
    ("未取得许可擅自从事经营活动", "《无证无照经营查处办法》第十三条"),
    ("侵犯注册商标专用权", "《中华人民共和国商标法》第六十条"),
    ("使用未经检定的计量器具", "《中华人民共和国计量法》第二十六条"),
];

#[rustfmt::skip]
const MEASURES: &[(u64, &str)] = &[
    (15, "WARNING"), (70, "FINE"), (9, "CONFISCATION"), (4, "SUSPENSION_OF_BUSINESS"), (2, "REVOCATION_OF_LICENCE"),
];
