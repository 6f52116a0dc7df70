//! A bank's deposit accounts: balances over orders of magnitude, some empty, some dormant, a few frozen before.

use super::courts::BASIC;
use super::draw::{Draw, plus_years};
use super::fields::Fields;
use super::judgments::LAST_DAY;
use super::numbers::account;
use super::people::{Person, Population};
use super::{Asset, SectorData, showcase};
use comity_model::{Amount, Currency};
use jiff::civil::{Date, date};

/// A bank of the sandbox.
#[derive(Clone, Copy)]
pub(super) struct Bank {
    pub(super) name: &'static str,
    /// CNAPS, 12 digits.
    pub(super) code: &'static str,
}

/// The banks; the first is the one that answers in the sandbox, and keeps all accounts.
pub(super) const BANKS: &[Bank] = &[
    Bank { name: "安澜银行股份有限公司", code: "999331000012" },
    Bank { name: "之江农村商业银行股份有限公司", code: "999331000029" },
    Bank { name: "东埠国际银行（中国）有限公司", code: "999331000037" },
];

const BRANCHES: &[&str] =
    &["营业部", "古埠支行", "望湖支行", "锦川支行", "青榆支行", "临渡支行", "滨溪支行", "望江路支行", "学院路支行"];

/// An account, before the fields.
pub(super) struct Account {
    pub(super) number: String,
    pub(super) branch: &'static str,
    pub(super) holder: Person,
    pub(super) kind: &'static str,
    pub(super) balance: Amount,
    pub(super) prior_frozen: u64,
    pub(super) prior_freezes: Vec<String>,
    pub(super) opened: Date,
    pub(super) moved: (Date, u64),
    pub(super) status: &'static str,
    pub(super) protected: Option<&'static str>,
}

impl Account {
    /// What earlier freezes leave.
    pub(super) fn available(&self) -> Amount {
        Amount { minor: self.balance.minor.saturating_sub(self.prior_frozen), ..self.balance }
    }

    pub(super) fn asset(&self) -> Option<Asset> {
        (self.status != "CLOSED").then(|| Asset { reference: self.number.clone(), value: Some(self.available()) })
    }

    pub(super) fn fields(self) -> Fields {
        let available = self.available();
        let prior = (self.prior_frozen > 0).then_some(Amount { minor: self.prior_frozen, ..self.balance });
        Fields::default()
            .text("account_number", self.number)
            .text("bank", BANKS[0].name)
            .text("bank_code", BANKS[0].code)
            .text("branch", self.branch)
            .text("holder", self.holder.name.own)
            .text("id_type", self.holder.id_type)
            .text("id_number", self.holder.id_number)
            .text("account_kind", self.kind)
            .amount("balance", self.balance)
            .amount("available", available)
            .date("opened_date", self.opened)
            .time("last_moved", self.moved.0, self.moved.1)
            .text("status", self.status)
            .texts("prior_freezes", self.prior_freezes)
            .maybe(prior, |fields, amount| fields.amount("prior_frozen", amount))
            .maybe(self.protected, |fields, purpose| fields.text("protected_purpose", purpose))
    }
}

/// `count` accounts, the showcase's among them.
pub(super) fn draw(seed: u64, count: usize, people: &Population) -> SectorData {
    let mut draw = Draw::new(seed, "accounts");
    let mut assets = Vec::new();
    let mut records = Vec::new();
    let mut account = showcase::account();
    loop {
        assets.extend(account.asset());
        let id = account.number.clone();
        records.push(account.fields().record(&id));
        if records.len() >= count {
            return SectorData::new("accounts", records, assets);
        }
        account = draw_one(&mut draw, records.len(), people);
    }
}

fn draw_one(draw: &mut Draw, number: usize, people: &Population) -> Account {
    let holder = people.anybody(draw, 240).clone();
    let kind = if holder.is_company() {
        draw.weighted(&[(5, "BASIC"), (4, "GENERAL"), (2, "SPECIAL"), (1, "TEMPORARY")])
    } else {
        draw.weighted(&[(7, "PERSONAL_CLASS_1"), (3, "PERSONAL_CLASS_2")])
    };
    let status = draw.weighted(&[(907, "NORMAL"), (30, "PARTLY_FROZEN"), (43, "DORMANT"), (20, "CLOSED")]);
    let currency = if holder.is_company() && draw.chance(90) {
        draw.weighted(&[(6, *b"USD"), (3, *b"EUR"), (1, *b"HKD")])
    } else {
        *b"CNY"
    };
    let (low, high) = if holder.is_company() { (500, 60_000_000) } else { (1, 2_000_000) };
    let minor = match status {
        "CLOSED" => 0,
        "PARTLY_FROZEN" => draw.fen(low.max(2_000), high),
        "DORMANT" => draw.below(40_000),
        _ if draw.chance(60) => 0,
        _ => draw.fen(low, high),
    };
    let (prior_frozen, prior_freezes) = if status == "PARTLY_FROZEN" {
        let frozen = minor * draw.between(10, 100) / 100;
        (frozen, vec![earlier_freeze(draw, frozen, currency)])
    } else {
        (0, Vec::new())
    };
    let branch = draw.index(BRANCHES.len());
    let opened = draw.day(holder.since.max(date(2003, 1, 6)), date(2025, 9, 30));
    let first_move = if status == "DORMANT" { opened } else { opened.max(date(2025, 10, 1)) };
    let last_move = if status == "DORMANT" { plus_years(opened, 1).min(LAST_DAY) } else { LAST_DAY };
    Account {
        // Serials from 1,000,000 on; what is below is left to the showcase.
        number: account(branch as u64 + 1, 1_000_000 + number as u64 * 1_013 + draw.below(1_013)),
        branch: BRANCHES[branch],
        kind,
        balance: Amount { currency: Currency::try_from(currency).unwrap_or(Currency::CNY), minor },
        prior_frozen,
        prior_freezes,
        opened,
        moved: (draw.day(first_move, last_move), draw.below(86_400)),
        status,
        protected: (!holder.is_company() && draw.chance(18))
            .then(|| draw.weighted(&[(3, "工资专户"), (3, "养老金"), (2, "低保金"), (1, "住房公积金")])),
        holder,
    }
}

fn earlier_freeze(draw: &mut Draw, minor: u64, currency: [u8; 3]) -> String {
    let court = draw.pick(BASIC);
    let day = draw.day(date(2025, 2, 1), LAST_DAY);
    format!(
        "{} · ({}){}执{}号 · {} {}.{:02} · 至{}",
        court.name,
        day.year(),
        court.code,
        draw.between(100, 2_000),
        String::from_utf8_lossy(&currency),
        minor / 100,
        minor % 100,
        plus_years(day, 1)
    )
}
