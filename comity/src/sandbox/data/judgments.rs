//! What a court archive holds: five years of decisions, their parties, amounts and what became of them.

use super::courts::{BASIC, Bench, Court, Docket, INTERMEDIATE};
use super::draw::{Draw, plus_days};
use super::fields::Fields;
use super::people::{Person, Population};
use super::{SectorData, showcase};
use comity_model::Amount;
use jiff::civil::{Date, date};

/// The last day on which anything in the sandbox happens.
pub(super) const LAST_DAY: Date = date(2025, 12, 31);

/// A debt that enforcement did not obtain whole: what credit listings are about.
pub(super) struct Debt {
    pub(super) debtor: Person,
    pub(super) court: Court,
    pub(super) judgment: String,
    pub(super) enforcement: String,
    pub(super) registered: Date,
    pub(super) duty: String,
    pub(super) awarded: u64,
    pub(super) performed: u64,
}

/// A cause of action: in Chinese and English, the type of case, whether companies sue, the sums at stake in yuan.
struct Cause {
    zh: &'static str,
    en: &'static str,
    case_type: &'static str,
    companies_per_mille: u64,
    yuan: Option<(u64, u64)>,
}

const fn cause(
    zh: &'static str,
    en: &'static str,
    case_type: &'static str,
    companies_per_mille: u64,
    yuan: Option<(u64, u64)>,
) -> Cause {
    Cause { zh, en, case_type, companies_per_mille, yuan }
}

#[rustfmt::skip]
const CAUSES: &[(u64, &Cause)] = &[
    (22, &cause("民间借贷纠纷", "Private loan", "CIVIL", 60, Some((5_000, 3_000_000)))),
    (14, &cause("金融借款合同纠纷", "Bank loan", "COMMERCIAL", 1000, Some((20_000, 40_000_000)))),
    (14, &cause("买卖合同纠纷", "Sale of goods", "COMMERCIAL", 800, Some((8_000, 9_000_000)))),
    (8, &cause("机动车交通事故责任纠纷", "Road traffic accident", "CIVIL", 30, Some((3_000, 1_200_000)))),
    (7, &cause("劳动争议", "Employment", "CIVIL", 20, Some((4_000, 300_000)))),
    (7, &cause("房屋租赁合同纠纷", "Lease of premises", "CIVIL", 350, Some((6_000, 800_000)))),
    (6, &cause("建设工程施工合同纠纷", "Construction contract", "COMMERCIAL", 900, Some((60_000, 60_000_000)))),
    (6, &cause("离婚纠纷", "Divorce", "CIVIL", 0, None)),
    (4, &cause("物业服务合同纠纷", "Property management fees", "CIVIL", 1000, Some((1_000, 40_000)))),
    (3, &cause("继承纠纷", "Inheritance", "CIVIL", 0, Some((30_000, 6_000_000)))),
    (3, &cause("股权转让纠纷", "Transfer of shares", "COMMERCIAL", 500, Some((100_000, 50_000_000)))),
    (3, &cause("侵害商标权纠纷", "Infringement of a trade mark", "INTELLECTUAL_PROPERTY", 950, Some((5_000, 3_000_000)))),
    (2, &cause("侵害发明专利权纠纷", "Infringement of a patent", "INTELLECTUAL_PROPERTY", 900, Some((50_000, 20_000_000)))),
    (1, &cause("政府信息公开", "Disclosure of government information", "ADMINISTRATIVE", 100, None)),
];

/// `count` decisions, the showcase's among them, and the debts that were not paid.
pub(super) fn draw(seed: u64, count: usize, people: &Population, licences: &[String]) -> (SectorData, Vec<Debt>) {
    let mut draw = Draw::new(seed, "judgments");
    let benches: Vec<_> = (0..=BASIC.len()).map(|_| Bench::draw(&mut draw)).collect();
    let mut docket = Docket::default();
    let mut records = vec![showcase::judgment()];
    let mut debts = Vec::new();
    while records.len() < count {
        let appeal = draw.chance(140);
        let (court, bench) = if appeal {
            (INTERMEDIATE, &benches[BASIC.len()])
        } else {
            let at = draw.index(BASIC.len());
            (BASIC[at], &benches[at])
        };
        let case = Case::draw(&mut draw, &mut docket, court, appeal, people);
        if let Some(debt) = case.debt() {
            debts.push(debt);
        }
        let number = case.number.clone();
        records.push(case.fields(&mut draw, bench, licences, people).record(&number));
    }
    (SectorData::new("judgments", records, Vec::new()), debts)
}

struct Case<'a> {
    number: String,
    court: Court,
    appeal: bool,
    cause: &'static Cause,
    plaintiffs: Vec<&'a Person>,
    defendants: Vec<&'a Person>,
    filed: Date,
    decided: Date,
    document_type: &'static str,
    status: &'static str,
    claimed: Option<u64>,
    /// Nothing where the claim was dismissed.
    awarded: Option<u64>,
    performance: &'static str,
    performed: u64,
    /// The enforcement case and the day it was registered.
    enforcement: Option<(String, Date)>,
}

impl<'a> Case<'a> {
    fn draw(draw: &mut Draw, docket: &mut Docket, court: Court, appeal: bool, people: &'a Population) -> Self {
        let cause = draw.weighted(CAUSES);
        let filed = draw.day(date(2021, 1, 4), date(2025, 10, 31));
        let decided = plus_days(filed, draw.between(18, 240) as i64).min(LAST_DAY);
        let number = docket.next(draw, filed.year(), court, kind(cause, appeal));
        let mut parties = vec![people.anybody(draw, cause.companies_per_mille)];
        let wanted = if draw.chance(220) { 3 } else { 2 };
        while parties.len() < wanted {
            let party = people.anybody(draw, cause.companies_per_mille / 2);
            if parties.iter().all(|known| known.id_number != party.id_number) {
                parties.push(party);
            }
        }
        let defendants = parties.split_off(1);
        let claimed = cause.yuan.map(|(low, high)| draw.fen(low, high));
        let dismissed = draw.chance(90);
        let awarded = claimed.filter(|_| !dismissed).map(|claimed| {
            let share = draw.weighted(&[(40, 100), (30, 92), (20, 75), (10, 40)]);
            claimed * share / 100
        });
        let document_type = draw.weighted(&[(72, "JUDGMENT"), (9, "RULING"), (19, "MEDIATION_STATEMENT")]);
        let status = status(draw, appeal, document_type, decided);
        let (performance, performed) = performance(draw, status, awarded);
        let unpaid = matches!(performance, "NOT_PERFORMED" | "PARTLY_PERFORMED");
        let enforcement = (unpaid && draw.chance(640)).then(|| {
            let registered = plus_days(decided, draw.between(30, 150) as i64).min(LAST_DAY);
            (docket.next(draw, registered.year(), court, "执"), registered)
        });
        Self {
            plaintiffs: parties,
            defendants,
            number,
            court,
            appeal,
            cause,
            filed,
            decided,
            document_type,
            status,
            claimed,
            awarded,
            performance,
            performed,
            enforcement,
        }
    }

    fn debt(&self) -> Option<Debt> {
        let (enforcement, registered) = self.enforcement.clone()?;
        Some(Debt {
            debtor: Person::clone(self.defendants.first()?),
            court: self.court,
            judgment: self.number.clone(),
            enforcement,
            registered,
            duty: result(self.cause, self.awarded).0,
            awarded: self.awarded?,
            performed: self.performed,
        })
    }

    fn fields(self, draw: &mut Draw, bench: &Bench, licences: &[String], people: &Population) -> Fields {
        let (result, result_en) = result(self.cause, self.awarded);
        let parties = || self.plaintiffs.iter().chain(&self.defendants);
        let effective = (self.status == "EFFECTIVE").then(|| plus_days(self.decided, if self.appeal { 0 } else { 15 }));
        let names = |people: &[&Person]| people.iter().map(|person| person.name.own.clone()).collect();
        Fields::default()
            .text("number", self.number.as_str())
            .text("court", self.court.name)
            .text("court_en", self.court.name_en)
            .text("court_code", self.court.code)
            .text("procedure", if self.appeal { "SECOND_INSTANCE" } else { "FIRST_INSTANCE" })
            .text("case_type", self.cause.case_type)
            .text("cause", self.cause.zh)
            .text("cause_en", self.cause.en)
            .text("document_type", self.document_type)
            .texts("plaintiffs", names(&self.plaintiffs))
            .texts("defendants", names(&self.defendants))
            .maybe(draw.chance(60).then(|| people.anybody(draw, 500)), |fields, third| {
                fields.texts("third_parties", vec![third.name.own.clone()])
            })
            .texts("party_numbers", parties().map(|person| person.id_number.clone()).collect())
            .maybe(draw.chance(560).then(|| draw.pick(licences)), |fields, licence| {
                fields.texts("representatives", vec![licence.clone()])
            })
            .text("judge", bench.judge(draw))
            .text("clerk", bench.clerk(draw))
            .date("filed_date", self.filed)
            .date("decided_date", self.decided)
            .maybe(effective, |fields, day| fields.date("effective_date", day))
            .text("status", self.status)
            .digest("ruling_digest", draw.digest())
            .text("result", result)
            .text("result_en", result_en)
            .maybe(self.claimed, |fields, fen| fields.amount("claimed", Amount::cny(fen)))
            .maybe(self.awarded, |fields, fen| fields.amount("awarded", Amount::cny(fen)))
            .amount("costs", Amount::cny(fee(self.claimed)))
            .text("performance", self.performance)
            .maybe(self.enforcement, |fields, (number, _)| fields.text("enforcement_number", number))
            .integer("pages", draw.between(4, 38))
            .boolean("published", draw.chance(870))
    }
}

/// The word in the case number that says what kind of case it is.
fn kind(cause: &Cause, appeal: bool) -> &'static str {
    match (cause.case_type, appeal) {
        ("ADMINISTRATIVE", false) => "行初",
        ("ADMINISTRATIVE", true) => "行终",
        (_, false) => "民初",
        (_, true) => "民终",
    }
}

fn status(draw: &mut Draw, appeal: bool, document_type: &str, decided: Date) -> &'static str {
    let settled = appeal || document_type == "MEDIATION_STATEMENT";
    if !settled && decided > plus_days(LAST_DAY, -15) {
        return "APPEALABLE";
    }
    if settled {
        return draw.weighted(&[(99, "EFFECTIVE"), (1, "REVERSED")]);
    }
    draw.weighted(&[(91, "EFFECTIVE"), (5, "ON_APPEAL"), (4, "REVERSED")])
}

/// What became of an award, and how much of it was paid, in fen.
fn performance(draw: &mut Draw, status: &str, awarded: Option<u64>) -> (&'static str, u64) {
    let Some(awarded) = awarded.filter(|_| status == "EFFECTIVE") else {
        return ("NOT_DUE", 0);
    };
    match draw.weighted(&[(52, "PERFORMED"), (16, "PARTLY_PERFORMED"), (26, "NOT_PERFORMED"), (6, "NOT_DUE")]) {
        "PERFORMED" => ("PERFORMED", awarded),
        "PARTLY_PERFORMED" => ("PARTLY_PERFORMED", awarded * draw.between(5, 80) / 100),
        other => (other, 0),
    }
}

/// The operative part, in Chinese and English; it names no party.
fn result(cause: &Cause, awarded: Option<u64>) -> (String, String) {
    match (cause.yuan, awarded) {
        (Some(_), Some(fen)) => (
            format!(
                "被告于本文书生效之日起十日内支付原告人民币{}.{:02}元；驳回原告其他诉讼请求。",
                fen / 100,
                fen % 100
            ),
            format!(
                "The defendant pays the plaintiff {} within ten days; all other claims are dismissed.",
                Amount::cny(fen)
            ),
        ),
        (None, _) if cause.case_type == "CIVIL" => {
            ("准予原告与被告离婚。".to_owned(), "The marriage of the parties is dissolved.".to_owned())
        }
        _ => ("驳回原告的诉讼请求。".to_owned(), "The plaintiff's claims are dismissed.".to_owned()),
    }
}

/// Court fees in fen for a claim in fen, by the brackets of the Measures on the Payment of Litigation Costs (2006),
/// article 13: (from yuan, per mille above it, yuan at that point).
pub(super) fn fee(claimed: Option<u64>) -> u64 {
    const BRACKETS: &[(u64, u64, u64)] = &[
        (20_000_000, 5, 141_800),
        (10_000_000, 6, 81_800),
        (5_000_000, 7, 46_800),
        (2_000_000, 8, 22_800),
        (1_000_000, 9, 13_800),
        (500_000, 10, 8_800),
        (200_000, 15, 4_300),
        (100_000, 20, 2_300),
        (10_000, 25, 50),
    ];
    let claimed = claimed.unwrap_or(0);
    BRACKETS
        .iter()
        .find(|(from, ..)| claimed > from * 100)
        .map_or(5_000, |(from, per_mille, base)| base * 100 + (claimed - from * 100) * per_mille / 1000)
}

#[cfg(test)]
mod tests {
    use super::fee;

    #[test]
    fn court_fees_follow_the_brackets() {
        for (yuan, fee_yuan) in
            [(1_000, 50), (10_000, 50), (100_000, 2_300), (680_000, 10_600), (1_000_000, 13_800), (30_000_000, 191_800)]
        {
            assert_eq!(fee(Some(yuan * 100)), fee_yuan * 100, "{yuan}");
        }
    }
}
