//! Policies with a cash value, as an insurer keeps them.

use super::draw::{Draw, plus_years};
use super::fields::Fields;
use super::judgments::LAST_DAY;
use super::people::Population;
use super::{Asset, SectorData, showcase};
use comity_model::Amount;
use jiff::civil::{Date, date};

/// A policy, before the fields.
pub(super) struct Cover {
    pub(super) number: String,
    pub(super) product: (&'static str, &'static str),
    pub(super) holder: (String, &'static str, String),
    pub(super) insured: String,
    pub(super) beneficiaries: Vec<String>,
    pub(super) start: Date,
    pub(super) end: Option<Date>,
    pub(super) premium: u64,
    pub(super) cash_value: u64,
    pub(super) loan: Option<u64>,
    pub(super) status: &'static str,
}

const PRODUCTS: &[(&str, &str)] = &[
    ("安澜长青终身寿险", "WHOLE_LIFE"),
    ("安澜丰年两全保险", "ENDOWMENT"),
    ("安澜颐养年金保险", "ANNUITY"),
    ("安澜聚盈万能型终身寿险", "UNIVERSAL_LIFE"),
    ("安澜企业财产综合险", "PROPERTY"),
];

impl Cover {
    pub(super) fn asset(&self) -> Option<Asset> {
        let stands = matches!(self.status, "IN_FORCE" | "SUSPENDED");
        stands.then(|| Asset { reference: self.number.clone(), value: Some(Amount::cny(self.cash_value)) })
    }

    fn fields(self) -> Fields {
        let (holder, id_type, id_number) = self.holder;
        Fields::default()
            .text("policy_number", self.number)
            .text("insurer", "安澜人寿保险股份有限公司")
            .text("product", self.product.0)
            .text("product_kind", self.product.1)
            .text("holder", holder)
            .text("id_type", id_type)
            .text("id_number", id_number)
            .text("insured", self.insured)
            .maybe((!self.beneficiaries.is_empty()).then_some(self.beneficiaries), |fields, names| {
                fields.texts("beneficiaries", names)
            })
            .date("start_date", self.start)
            .maybe(self.end, |fields, day| fields.date("end_date", day))
            .amount("premium", Amount::cny(self.premium))
            .amount("sum_insured", Amount::cny(self.premium * 20))
            .amount("cash_value", Amount::cny(self.cash_value))
            .maybe(self.loan, |fields, fen| fields.amount("policy_loan", Amount::cny(fen)))
            .text("status", self.status)
    }
}

/// `count` policies, the showcase's among them.
pub(super) fn draw(seed: u64, count: usize, people: &Population) -> SectorData {
    let mut draw = Draw::new(seed, "insurance");
    let (mut assets, mut records) = (Vec::new(), Vec::new());
    let mut cover = showcase::cover();
    loop {
        assets.extend(cover.asset());
        let id = cover.number.clone();
        records.push(cover.fields().record(&id));
        if records.len() >= count {
            return SectorData::new("insurance", records, assets);
        }
        cover = draw_one(&mut draw, records.len(), people);
    }
}

fn draw_one(draw: &mut Draw, number: usize, people: &Population) -> Cover {
    let holder = people.anybody(draw, 90);
    let product = if holder.is_company() { PRODUCTS[4] } else { *draw.pick(&PRODUCTS[..4]) };
    let life = product.1 != "PROPERTY";
    let start = draw.day(holder.since.max(date(2008, 3, 3)), date(2025, 11, 28));
    let status = draw.weighted(&[(90, "IN_FORCE"), (4, "SUSPENDED"), (3, "LAPSED"), (3, "SURRENDERED")]);
    let premium = draw.fen(1_200, 120_000);
    let years = u64::try_from(LAST_DAY.year() - start.year()).unwrap_or(0);
    let stands = matches!(status, "IN_FORCE" | "SUSPENDED") && life;
    let cash_value = if stands { premium * years * draw.between(35, 85) / 100 } else { 0 };
    Cover {
        number: format!("P99{}{:09}", start.year(), 100_000 + number * 17),
        product,
        holder: (holder.name.own.clone(), holder.id_type, holder.id_number.clone()),
        insured: if life && draw.chance(300) { people.person(draw).name.own.clone() } else { holder.name.own.clone() },
        beneficiaries: if life && draw.chance(700) { vec![people.person(draw).name.own.clone()] } else { Vec::new() },
        start,
        end: (product.1 != "WHOLE_LIFE").then(|| plus_years(start, 20)),
        premium,
        cash_value,
        loan: (cash_value > 1_000_000 && draw.chance(150)).then_some(cash_value / 3),
        status,
    }
}
