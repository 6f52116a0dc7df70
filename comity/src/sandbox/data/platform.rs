//! What a data and trading platform keeps: registrations of data, and online transactions.

use super::draw::{Draw, plus_days, plus_years};
use super::fields::Fields;
use super::judgments::LAST_DAY;
use super::names;
use super::people::Population;
use super::{Asset, SectorData, showcase};
use comity_model::Amount;
use jiff::civil::{Date, date};

/// A registration of data, before the fields.
pub(super) struct DataRight {
    pub(super) number: String,
    pub(super) title: String,
    pub(super) right: &'static str,
    pub(super) holders: Vec<(String, String)>,
    pub(super) source: &'static str,
    pub(super) field: &'static str,
    pub(super) records: Option<u64>,
    pub(super) digest: comity_model::Hash,
    pub(super) personal: bool,
    pub(super) registered: Date,
    pub(super) until: Option<Date>,
    pub(super) licences: Vec<String>,
    pub(super) appraised: Option<u64>,
    pub(super) status: &'static str,
}

impl DataRight {
    fn asset(&self) -> Option<Asset> {
        (self.status != "CANCELLED").then(|| Asset { reference: self.number.clone(), value: None })
    }

    fn fields(self) -> Fields {
        let (names, numbers) = self.holders.into_iter().unzip();
        Fields::default()
            .text("registration_number", self.number)
            .text("title", self.title)
            .text("right_kind", self.right)
            .texts("holders", names)
            .texts("holder_numbers", numbers)
            .text("source", self.source)
            .text("field", self.field)
            .maybe(self.records, |fields, count| fields.integer("records", count))
            .digest("content_digest", self.digest)
            .boolean("personal_information", self.personal)
            .date("registered_date", self.registered)
            .maybe(self.until, |fields, day| fields.date("valid_until", day))
            .texts("licences", self.licences)
            .maybe(self.appraised, |fields, fen| fields.amount("appraised", Amount::cny(fen)))
            .text("status", self.status)
    }
}

/// `count` registrations, the showcase's among them.
pub(super) fn data_assets(seed: u64, count: usize, people: &Population) -> SectorData {
    let mut draw = Draw::new(seed, "data-assets");
    let (mut assets, mut records) = (Vec::new(), Vec::new());
    let mut right = showcase::data_right();
    loop {
        assets.extend(right.asset());
        let id = right.number.clone();
        records.push(right.fields().record(&id));
        if records.len() >= count {
            return SectorData::new("data-assets", records, assets);
        }
        right = data_right(&mut draw, records.len(), people);
    }
}

fn data_right(draw: &mut Draw, number: usize, people: &Population) -> DataRight {
    let holder = people.anybody(draw, 920);
    let (field, subject) = *draw.pick(FIELDS);
    let registered = draw.day(date(2023, 1, 9), LAST_DAY);
    DataRight {
        number: format!("SJ99{}{:06}", registered.year(), 100 + number * 3),
        title: format!("{}{subject}", names::brand(draw).own),
        right: draw.weighted(&[(60, "HOLDING"), (25, "PROCESSING_AND_USE"), (15, "PRODUCT_OPERATION")]),
        holders: vec![(holder.name.own.clone(), holder.id_number.clone())],
        source: draw.weighted(&[(60, "OWN_BUSINESS"), (15, "PUBLIC_DATA"), (15, "LICENSED"), (10, "COLLECTED")]),
        field,
        records: draw.chance(900).then(|| draw.between(1, 900) * 10_000),
        digest: draw.digest(),
        personal: draw.chance(200),
        registered,
        until: draw.chance(900).then(|| plus_years(registered, 3)),
        licences: if draw.chance(250) {
            vec![format!("{} · 模型训练 · 至{}", people.company(draw).name.own, plus_years(registered, 2))]
        } else {
            Vec::new()
        },
        appraised: draw.chance(400).then(|| draw.fen(50_000, 9_000_000)),
        status: draw.weighted(&[(93, "REGISTERED"), (4, "DISPUTED"), (3, "CANCELLED")]),
    }
}

const FIELDS: &[(&str, &str)] = &[
    ("工业制造", "织机运行数据集"),
    ("现代物流", "冷链运输轨迹数据集"),
    ("医疗健康", "去标识化影像标注集"),
    ("城市治理", "停车泊位周转数据集"),
    ("商贸流通", "门店销售统计数据集"),
];

/// `count` transactions.
pub(super) fn trades(seed: u64, count: usize, people: &Population) -> SectorData {
    let mut draw = Draw::new(seed, "trades");
    let (mut assets, mut records) = (Vec::new(), Vec::new());
    for at in 0..count {
        let number = format!("DD99{:010}", 4_000_000 + at * 31);
        assets.push(Asset { reference: number.clone(), value: None });
        records.push(trade(&mut draw, &number, people).record(&number));
    }
    SectorData::new("trades", records, assets)
}

fn trade(draw: &mut Draw, number: &str, people: &Population) -> Fields {
    let (buyer, seller) = (people.person(draw), people.company(draw));
    let status = draw.weighted(&[(6, "OPEN"), (80, "COMPLETED"), (6, "DISPUTED"), (5, "REFUNDED"), (3, "CANCELLED")]);
    let ordered = draw.day(date(2024, 1, 2), date(2025, 12, 10));
    let second = draw.below(80_000);
    let (goods, yuan) = *draw.pick(GOODS);
    let quantity = draw.between(1, 4);
    let paid = status != "CANCELLED";
    let delivered = matches!(status, "COMPLETED" | "DISPUTED");
    Fields::default()
        .text("trade_number", number)
        .text("platform", "安澜数据与网络交易平台")
        .text("buyer", buyer.name.own.as_str())
        .text("buyer_number", buyer.id_number.as_str())
        .text("seller", seller.name.own.as_str())
        .text("seller_number", seller.id_number.as_str())
        .text("goods", goods)
        .integer("quantity", quantity)
        .amount("price", Amount::cny(yuan * 100 * quantity))
        .time("ordered_at", ordered, second)
        .maybe(paid.then_some(second), |fields, second| fields.time("paid_at", ordered, second + 95))
        .maybe(delivered.then_some(second), |fields, second| {
            fields.time("delivered_at", plus_days(ordered, 3), second).text("carrier", "安澜速运 · AL99003127")
        })
        .digest("snapshot_digest", draw.digest())
        .maybe(draw.chance(700).then(|| draw.digest()), |fields, digest| fields.digest("messages_digest", digest))
        .text("status", status)
}

const GOODS: &[(&str, u64)] =
    &[("桑蚕丝四件套", 1_299), ("家用缝纫机", 899), ("茶叶礼盒", 368), ("二手织机配件", 2_460), ("电热水壶", 159)];
