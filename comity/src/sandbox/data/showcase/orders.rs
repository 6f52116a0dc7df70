//! The orders of the stories: what a case system would draw up about the showcase's assets.

use super::{BANKS, BASIC, Court, ENFORCEMENT, Fields, JUDGMENT, SECOND_ENFORCEMENT};
use super::{account, debtor, ip_right, mark, obligation, own, parcel, unknown_account};
use comity_model::record::Field;
use comity_model::{Amount, OrderKind, Sector};
use jiff::civil::date;

/// Orders that fit the schemas, as a case system would draw them up.
pub(crate) struct ShowcaseOrders {
    /// Freezes the account for the obligation; more than is there.
    pub(crate) freeze: OrderDraft,
    /// A second court freezes CNY 150,000.00 on the same account.
    pub(crate) second_freeze: OrderDraft,
    /// Releases the first freeze, whole.
    pub(crate) release: OrderDraft,
    /// Freezes CNY 20,000.00 on the same account: for a recipient that answers too late.
    pub(crate) late_freeze: OrderDraft,
    /// Freezes an account that does not exist.
    pub(crate) unknown_freeze: OrderDraft,
    /// Seals the flat.
    pub(crate) seal: OrderDraft,
    /// Freezes the utility model.
    pub(crate) ip_freeze: OrderDraft,
    /// Lists the debtor.
    pub(crate) listing: OrderDraft,
}

/// An order before it is drawn up.
#[derive(Clone)]
pub(crate) struct OrderDraft {
    /// The sector.
    pub(crate) sector: Sector,
    /// The kind in its profile.
    pub(crate) kind: OrderKind,
    /// The obligation, which decides how many officers must approve.
    pub(crate) obligation: Amount,
    /// The private part, sorted by name.
    pub(crate) fields: Vec<Field>,
}

impl ShowcaseOrders {
    pub(super) fn new() -> Self {
        let (first, second) = (BASIC[5], BASIC[1]);
        let freeze = |draft: Draft, account: String, amount: Amount| {
            let fields = draft
                .fields()
                .text("account_number", account)
                .text("bank", BANKS[0].name)
                .text("control_kind", "FUNDS")
                .amount("amount", amount);
            order("accounts", "freeze", amount, fields)
        };
        let first_draft = |request: u64| Draft::new(first, ENFORCEMENT, request);
        let amount = obligation();
        Self {
            freeze: freeze(first_draft(1), account().number, amount),
            second_freeze: freeze(Draft::new(second, SECOND_ENFORCEMENT, 1), account().number, Amount::cny(15_000_000)),
            release: order(
                "accounts",
                "release",
                amount,
                first_draft(2)
                    .fields()
                    .text("account_number", account().number)
                    .text("original_case_number", ENFORCEMENT)
                    .text("original_request_number", first_draft(1).request_number())
                    .text("release_ground", "SETTLED"),
            ),
            late_freeze: freeze(first_draft(3), account().number, Amount::cny(2_000_000)),
            unknown_freeze: freeze(first_draft(4), unknown_account(), amount),
            seal: order(
                "parcels",
                "seal",
                amount,
                first_draft(5)
                    .fields()
                    .text("unit_number", parcel().unit)
                    .text("certificate_number", parcel().certificate)
                    .text("right_type", "LAND_USE_AND_BUILDING")
                    .amount("obligation", amount),
            ),
            ip_freeze: order(
                "ip-rights",
                "freeze",
                amount,
                first_draft(6)
                    .fields()
                    .text("right_number", ip_right().number)
                    .text("right_kind", ip_right().kind)
                    .texts("restrictions", vec!["转让".to_owned(), "质押".to_owned(), "放弃".to_owned()])
                    .amount("obligation", amount),
            ),
            listing: order("credit", "list", amount, listing_fields(first_draft(7))),
        }
    }
}

fn listing_fields(draft: Draft) -> Fields {
    let court = draft.court.name;
    draft
        .fields()
        .text("subject_number", debtor().id_number)
        .text("subject_kind", "PERSON")
        .text("region", "浙江")
        .date("registered_date", date(2025, 10, 13))
        .text("basis_document", JUDGMENT)
        .text("basis_issuer", court)
        .text("duty", "支付货款人民币680000.00元，并负担案件受理费。")
        .text("performance", "NONE")
        .amount("unperformed", obligation())
        .text("conduct", "ABLE_AND_REFUSES")
}

fn order(sector: &str, kind: &str, obligation: Amount, fields: Fields) -> OrderDraft {
    OrderDraft { sector: own(sector), kind: own(kind), obligation, fields: fields.sorted() }
}

/// What all orders say of the court, the case and the debtor. The period is left to the order's public part.
struct Draft {
    court: Court,
    case: &'static str,
    request: u64,
}

impl Draft {
    const fn new(court: Court, case: &'static str, request: u64) -> Self {
        Self { court, case, request }
    }

    fn request_number(&self) -> String {
        format!("KZ{}2026{:06}", self.court.code.trim_start_matches('浙'), self.request)
    }

    fn fields(&self) -> Fields {
        let debtor = debtor();
        Fields::default()
            .text("request_number", self.request_number())
            .text("court", self.court.name)
            .text("court_code", self.court.code)
            .text("case_number", self.case)
            .text("judge", "程景行")
            .text("judge_phone", "0999-99001234")
            .text("work_number", "GZ9906-0117")
            .text("official_number", "GW9906-0042")
            .text("legal_basis", "《中华人民共和国民事诉讼法》第二百五十三条")
            .text("ruling_number", format!("{}之一", self.case))
            .digest("ruling_digest", mark(2))
            .text("notice_name", "协助执行通知书")
            .text("notice_number", format!("{}协{}", self.case, self.request))
            .text("person_name", debtor.name.own)
            .text("person_id_type", debtor.id_type)
            .text("person_id_number", debtor.id_number)
    }
}
