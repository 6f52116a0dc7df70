//! Holdings of securities: a few securities a holder, some pledged, some restricted.

use super::draw::Draw;
use super::fields::Fields;
use super::judgments::LAST_DAY;
use super::people::Population;
use super::{Asset, SectorData, accounts, showcase};
use comity_model::Amount;
use jiff::civil::{Date, date};

/// A holding, before the fields.
pub(super) struct Holding {
    pub(super) account: String,
    pub(super) security: Security,
    pub(super) holder: (String, &'static str, String),
    pub(super) quantity: u64,
    pub(super) tradable: u64,
    pub(super) acquired: Option<Date>,
    pub(super) pledgee: Option<&'static str>,
    pub(super) restrictions: Vec<String>,
    pub(super) status: &'static str,
}

/// A security: code, name, kind, price in fen. Codes from 990000 on are not given out.
#[derive(Clone, Copy)]
pub(super) struct Security(&'static str, &'static str, &'static str, u64);

#[rustfmt::skip]
pub(super) const SECURITIES: &[Security] = &[
    Security("990001", "安澜纺织", "SHARE", 1_243), Security("990007", "望湖能源", "SHARE", 3_870),
    Security("990016", "锦川医药", "SHARE", 6_405), Security("990022", "滨溪科技", "SHARE", 11_290),
    Security("991003", "安澜城投债", "BOND", 10_012), Security("991018", "临渡水务债", "BOND", 9_876),
    Security("995101", "之江成长混合", "FUND", 187), Security("995120", "东埠货币", "FUND", 100),
    Security("998005", "梅里威瑟存托凭证", "DEPOSITARY_RECEIPT", 22_450),
];

impl Holding {
    fn number(&self) -> String {
        format!("{}/{}", self.account, self.security.0)
    }

    fn value(&self) -> Amount {
        Amount::cny(self.quantity * self.security.3)
    }

    pub(super) fn asset(&self) -> Option<Asset> {
        (self.status != "CLOSED").then(|| Asset { reference: self.number(), value: Some(self.value()) })
    }

    fn fields(self) -> Fields {
        let (number, value) = (self.number(), self.value());
        let (holder, id_type, id_number) = self.holder;
        Fields::default()
            .text("holding_number", number)
            .text("securities_account", self.account)
            .text("custodian", "安澜证券股份有限公司")
            .text("custodian_code", "99033100")
            .text("holder", holder)
            .text("id_type", id_type)
            .text("id_number", id_number)
            .text("security_code", self.security.0)
            .text("security_name", self.security.1)
            .text("security_kind", self.security.2)
            .integer("quantity", self.quantity)
            .integer("tradable", self.tradable)
            .amount("market_value", value)
            .date("valued_on", LAST_DAY)
            .maybe(self.acquired, |fields, day| fields.date("acquired_date", day))
            .maybe(self.pledgee, |fields, pledgee| fields.text("pledgee", pledgee))
            .texts("restrictions", self.restrictions)
            .text("status", self.status)
    }
}

/// `count` holdings, the showcase's among them.
pub(super) fn draw(seed: u64, count: usize, people: &Population) -> SectorData {
    let mut draw = Draw::new(seed, "securities");
    let (mut assets, mut records) = (Vec::new(), Vec::new());
    let mut holding = showcase::holding();
    loop {
        assets.extend(holding.asset());
        let id = holding.number();
        records.push(holding.fields().record(&id));
        if records.len() >= count {
            return SectorData::new("securities", records, assets);
        }
        holding = draw_one(&mut draw, records.len(), people);
    }
}

fn draw_one(draw: &mut Draw, number: usize, people: &Population) -> Holding {
    let holder = people.anybody(draw, 180);
    let security = *draw.pick(SECURITIES);
    let status = draw.weighted(&[(88, "HELD"), (7, "PLEDGED"), (5, "CLOSED")]);
    let quantity = match status {
        "CLOSED" => 0,
        _ => draw.between(1, 400) * if security.2 == "FUND" { 1_000 } else { 100 },
    };
    let locked = status == "HELD" && draw.chance(80);
    Holding {
        account: format!("A99{:07}", 1_000_000 + number * 13),
        security,
        holder: (holder.name.own.clone(), holder.id_type, holder.id_number.clone()),
        quantity,
        tradable: if locked || status == "PLEDGED" { quantity / 2 } else { quantity },
        acquired: draw.chance(900).then(|| draw.day(holder.since.max(date(2012, 1, 4)), LAST_DAY)),
        pledgee: (status == "PLEDGED").then(|| draw.pick(accounts::BANKS).name),
        restrictions: if locked { vec![format!("限售 · {} · 至2027-06-30", quantity / 2)] } else { Vec::new() },
        status,
    }
}
