//! The records that stories, examples and documentation are about. They do not depend on the seed: Shen Yizhou did not
//! pay what a judgment awarded to Qinghe Textile, and holds an account, a flat and a utility model in Anlan.

mod orders;

pub(crate) use orders::{OrderDraft, ShowcaseOrders};

use super::Record;
use super::accounts::{Account, BANKS};
use super::courts::{BASIC, Court};
use super::draw::plus_years;
use super::fields::{Fields, own};
use super::insurance::Cover;
use super::ip_rights::Right;
use super::judgments::fee;
use super::lawyers::{Lawyer, Standing, consent_key, firm, sanction};
use super::market::Equity;
use super::names::{DISTRICTS, Name};
use super::numbers::{Sex, account as account_number, credit_code, licence, patent_application, resident_id, unit};
use super::parcels::Parcel;
use super::people::Person;
use super::platform::DataRight;
use super::securities::{Holding, SECURITIES};
use comity_model::{Amount, Hash, RecordId};
use jiff::civil::{Date, date};

/// The seed of the key with which the showcase's lawyers consent: nobody's, so it may stand here.
pub(crate) const CONSENT_SEED: [u8; 32] = [0x4c; 32];
/// What the judgment awarded.
const AWARDED: Amount = Amount::cny(68_000_000);
/// What is on the debtor's account: less.
const BALANCE: Amount = Amount::cny(42_351_786);

const JUDGMENT: &str = "(2025)浙9906民初1234号";
/// No docket gets that far.
const UNKNOWN_JUDGMENT: &str = "(2025)浙9906民初98765号";
const ENFORCEMENT: &str = "(2025)浙9906执2048号";
const SECOND_ENFORCEMENT: &str = "(2025)浙9902执771号";
/// The number of the debtor's listing.
const LISTING: &str = "SX99-2026-900001";

/// Numbers that the dockets must not give to other cases.
pub(super) const CASES: [&str; 4] = [JUDGMENT, UNKNOWN_JUDGMENT, ENFORCEMENT, SECOND_ENFORCEMENT];

/// What to ask for.
pub(crate) struct Showcase {
    /// An effective judgment, awarding CNY 680,000.00, not performed.
    pub(crate) judgment: RecordId,
    /// A number in proper form that no court gave out.
    pub(crate) unknown_judgment: RecordId,
    /// A lawyer in good standing: 林芷涵, Lin Zhihan.
    pub(crate) active_lawyer: RecordId,
    /// A lawyer suspended for a year: 周砚秋, Zhou Yanqiu.
    pub(crate) suspended_lawyer: RecordId,
    /// A number in proper form that no bureau gave out.
    pub(crate) unknown_licence: RecordId,
    /// What is on the debtor's account, CNY 423,517.86.
    pub(crate) account_balance: Amount,
    /// Whom the debtor owes: name and credit code.
    pub(crate) creditor: [String; 2],
    /// What is to be obtained, CNY 690,600.00: the award and the court's fees.
    pub(crate) obligation: Amount,
    /// The debtor's identity number.
    pub(crate) debtor_number: String,
    /// The debtor's listing, as the credit body publishes it once the court has ordered it.
    pub(crate) listing: Record,
    /// Orders about them.
    pub(crate) orders: ShowcaseOrders,
}

impl Showcase {
    pub(super) fn new() -> Self {
        let [active, suspended, _revoked] = lawyers().map(|lawyer| own(&lawyer.licence));
        Self {
            judgment: own(JUDGMENT),
            unknown_judgment: own(UNKNOWN_JUDGMENT),
            active_lawyer: active,
            suspended_lawyer: suspended,
            unknown_licence: own(&licence(2019, 1, Sex::Female, 100_404)),
            account_balance: BALANCE,
            creditor: ["安澜青禾纺织有限公司".to_owned(), credit_code("91", DISTRICTS[5].region, 4_201)],
            obligation: obligation(),
            debtor_number: debtor().id_number,
            listing: listing(),
            orders: ShowcaseOrders::new(),
        }
    }
}

/// The debtor.
pub(super) fn debtor() -> Person {
    Person {
        name: name("沈亦舟", "Shen Yizhou"),
        id_type: "RESIDENT_ID",
        id_number: resident_id(DISTRICTS[5].region, date(1987, 4, 12), 37),
        representative: None,
        since: date(2005, 4, 12),
    }
}

fn listing() -> Record {
    let debtor = debtor();
    Fields::default()
        .text("listing_number", LISTING)
        .text("subject_name", debtor.name.own.as_str())
        .text("subject_kind", "PERSON")
        .text("subject_number", debtor.id_number.as_str())
        .text("masked_number", debtor.masked())
        .text("court", BASIC[5].name)
        .text("region", "浙江")
        .text("case_number", ENFORCEMENT)
        .date("registered_date", date(2025, 10, 13))
        .text("basis_document", JUDGMENT)
        .text("basis_issuer", BASIC[5].name)
        .text("duty", "支付货款人民币680000.00元，并负担案件受理费。")
        .text("performance", "NONE")
        .amount("unperformed", obligation())
        .text("conduct", "ABLE_AND_REFUSES")
        .date("publish_date", date(2026, 1, 20))
        .date("term_until", date(2028, 1, 20))
        .text("status", "LISTED")
        .record(LISTING)
}

pub(super) fn judgment() -> Record {
    let decided = date(2025, 6, 18);
    Fields::default()
        .text("number", JUDGMENT)
        .text("court", BASIC[5].name)
        .text("court_en", BASIC[5].name_en)
        .text("court_code", BASIC[5].code)
        .text("procedure", "FIRST_INSTANCE")
        .text("case_type", "COMMERCIAL")
        .text("cause", "买卖合同纠纷")
        .text("cause_en", "Sale of goods")
        .text("document_type", "JUDGMENT")
        .texts("plaintiffs", vec!["安澜青禾纺织有限公司".to_owned()])
        .texts("defendants", vec![debtor().name.own])
        .texts("party_numbers", vec![credit_code("91", DISTRICTS[5].region, 4_201), debtor().id_number])
        .texts("representatives", vec![lawyers()[0].licence.clone()])
        .text("judge", "许清嘉")
        .text("clerk", "田越")
        .date("filed_date", date(2025, 3, 3))
        .date("decided_date", decided)
        .date("effective_date", date(2025, 7, 9))
        .text("status", "EFFECTIVE")
        .digest("ruling_digest", mark(1))
        .text("result", "被告于本判决生效之日起十日内支付原告货款人民币680000.00元；案件受理费由被告负担。")
        .text(
            "result_en",
            "The defendant pays the plaintiff the price of CNY 680,000.00 within ten days, and bears the court fees.",
        )
        .amount("claimed", AWARDED)
        .amount("awarded", AWARDED)
        .amount("costs", Amount::cny(fee(Some(AWARDED.minor))))
        .text("performance", "NOT_PERFORMED")
        .text("enforcement_number", ENFORCEMENT)
        .integer("pages", 11)
        .boolean("published", true)
        .record(JUDGMENT)
}

/// One in force, one suspended, one revoked.
pub(super) fn lawyers() -> [Lawyer; 3] {
    let (suspended, revoked) = (date(2025, 12, 1), date(2024, 9, 2));
    [
        lawyer(
            name("林芷涵", "Lin Zhihan"),
            Sex::Female,
            (date(2014, 7, 1), 1_024),
            Standing {
                status: "ACTIVE",
                since: date(2014, 7, 1),
                until: None,
                sanctions: Vec::new(),
                assessment: "COMPETENT",
                grade: "A",
            },
        ),
        lawyer(
            name("周砚秋", "Zhou Yanqiu"),
            Sex::Male,
            (date(2009, 3, 12), 2_048),
            Standing {
                status: "SUSPENDED",
                since: suspended,
                until: Some(date(2026, 11, 30)),
                sanctions: vec![
                    sanction(date(2021, 5, 20), "警告", "私自接受委托、收取费用", 8),
                    sanction(suspended, "停止执业一年", "利益冲突仍代理", 31),
                ],
                assessment: "INCOMPETENT",
                grade: "D",
            },
        ),
        lawyer(
            name("韩柏年", "Han Bainian"),
            Sex::Male,
            (date(2003, 10, 8), 4_096),
            Standing {
                status: "REVOKED",
                since: revoked,
                until: None,
                sanctions: vec![sanction(revoked, "吊销律师执业证书", "提供虚假证据", 17)],
                assessment: "NOT_ASSESSED",
                grade: "D",
            },
        ),
    ]
}

fn lawyer(name: Name, sex: Sex, (first, serial): (Date, u64), standing: Standing) -> Lawyer {
    Lawyer {
        licence: licence(first.year(), 1, sex, serial),
        name,
        sex,
        id_number: resident_id(DISTRICTS[1].region, plus_years(first, -28), 38 + u64::from(sex == Sex::Male)),
        firm: firm(3),
        category: "FULL_TIME",
        first_licensed: first,
        areas: vec!["商事".to_owned(), "执行".to_owned()],
        standing,
        phone: Some("12900001024".to_owned()),
        consent_key: Some(consent_key(&CONSENT_SEED)),
    }
}

pub(super) fn account() -> Account {
    Account {
        number: account_number(7, 20_480),
        branch: "滨溪支行",
        holder: debtor(),
        kind: "PERSONAL_CLASS_1",
        balance: BALANCE,
        prior_frozen: 0,
        prior_freezes: Vec::new(),
        opened: date(2016, 8, 22),
        moved: (date(2025, 12, 29), 34_215),
        status: "NORMAL",
        protected: None,
    }
}

/// A number in proper form of which the bank keeps no account.
pub(super) fn unknown_account() -> String {
    account_number(7, 40_404)
}

pub(super) fn parcel() -> Parcel {
    let mortgage = 52_000_000;
    Parcel {
        unit: unit(DISTRICTS[5].region, 3_012, 77, 4, 1_202),
        certificate: "浙(2018)安澜市不动产权第9900077号".to_owned(),
        location: "安澜市滨溪区芦花街18号4幢1202室".to_owned(),
        use_: "RESIDENTIAL",
        area_dm2: 11_836,
        land_area_dm2: 1_240,
        registered: date(2018, 5, 14),
        holders: vec![(debtor().name.own, debtor().id_number)],
        co_ownership: "SOLE",
        shares: Vec::new(),
        encumbrances: vec![format!("2018-05-16 · 抵押 · {} · {}", BANKS[1].name, Amount::cny(mortgage))],
        mortgage: Some((BANKS[1].name.to_owned(), mortgage)),
        status: "REGISTERED",
    }
}

pub(super) fn ip_right() -> Right {
    let application = patent_application(2021, 2, 731);
    Right {
        number: format!("ZL{application}"),
        kind: "UTILITY_MODEL",
        title: "一种低噪声织机送经装置".to_owned(),
        title_en: "Low-noise let-off motion for looms".to_owned(),
        class: Some("D03D 49/06"),
        application: Some(application),
        holders: vec![(debtor().name.own, debtor().id_number)],
        creators: vec![debtor().name.own],
        filed: date(2021, 3, 9),
        granted: Some(date(2021, 11, 16)),
        expires: Some(date(2031, 3, 9)),
        fees_until: Some(date(2027, 3, 9)),
        status: "VALID",
        pledgee: None,
        licences: Vec::new(),
        appraised: Some(18_000_000),
    }
}

/// What the debtor holds beside account, flat and utility model: shares, a policy, a share of a company, a data set.
pub(super) fn holding() -> Holding {
    Holding {
        account: "A990020480".to_owned(),
        security: SECURITIES[0],
        holder: (debtor().name.own, debtor().id_type, debtor().id_number),
        quantity: 6_000,
        tradable: 6_000,
        acquired: Some(date(2020, 9, 8)),
        pledgee: None,
        restrictions: Vec::new(),
        status: "HELD",
    }
}

pub(super) fn cover() -> Cover {
    Cover {
        number: "P992017000020480".to_owned(),
        product: ("安澜长青终身寿险", "WHOLE_LIFE"),
        holder: (debtor().name.own, debtor().id_type, debtor().id_number),
        insured: debtor().name.own,
        beneficiaries: vec!["沈若溪".to_owned()],
        start: date(2017, 6, 1),
        end: None,
        premium: 1_200_000,
        cash_value: 7_340_000,
        loan: None,
        status: "IN_FORCE",
    }
}

pub(super) fn equity() -> Equity {
    Equity {
        number: "GQ9900002048".to_owned(),
        company: ("安澜澄远机械制造有限公司".to_owned(), credit_code("91", DISTRICTS[5].region, 4_202)),
        holder: (debtor().name.own, debtor().id_number),
        subscribed: 30_000_000,
        paid_in: Some(12_000_000),
        basis_points: 3_000,
        until: Some(date(2030, 6, 30)),
        registered: date(2019, 4, 17),
        pledgee: None,
        status: "REGISTERED",
    }
}

pub(super) fn data_right() -> DataRight {
    DataRight {
        number: "SJ992024000048".to_owned(),
        title: "低噪声织机运行数据集".to_owned(),
        right: "HOLDING",
        holders: vec![(debtor().name.own, debtor().id_number)],
        source: "OWN_BUSINESS",
        field: "工业制造",
        records: Some(1_280_000),
        digest: mark(3),
        personal: false,
        registered: date(2024, 3, 12),
        until: Some(date(2027, 3, 12)),
        licences: Vec::new(),
        appraised: None,
        status: "REGISTERED",
    }
}

/// The award and the court's fees on it.
fn obligation() -> Amount {
    Amount::cny(AWARDED.minor + fee(Some(AWARDED.minor)))
}

fn name(own: &str, latin: &str) -> Name {
    Name { own: own.to_owned(), latin: latin.to_owned() }
}

/// Stands for the digest of the showcase's documents: the ruling, the notice.
const fn mark(byte: u8) -> Hash {
    Hash([byte; 32])
}
