//! A credit body's listings, made from the archive's unpaid debts, and its register of debtors who can be listed.

use super::draw::{Draw, plus_days, plus_years};
use super::fields::Fields;
use super::judgments::{Debt, LAST_DAY};
use super::{Asset, SectorData, showcase};
use comity_model::Amount;
use std::collections::BTreeSet;

/// `count` listings, fewer where there are fewer debts. Every debtor of an unpaid judgment can be listed.
pub(super) fn draw(seed: u64, count: usize, debts: &[Debt]) -> SectorData {
    let mut draw = Draw::new(seed, "credit");
    let mut numbers = BTreeSet::from([showcase::debtor().id_number]);
    numbers.extend(debts.iter().map(|debt| debt.debtor.id_number.clone()));
    let assets = numbers.into_iter().map(|reference| Asset { reference, value: None }).collect();
    let step = (debts.len() / count.max(1)).max(1);
    let records = debts
        .iter()
        .step_by(step)
        .take(count)
        .enumerate()
        .map(|(at, debt)| {
            let number = format!("SX99-{}-{:06}", debt.registered.year(), at + 1);
            listing(&mut draw, &number, debt).record(&number)
        })
        .collect();
    SectorData::new("credit", records, assets)
}

fn listing(draw: &mut Draw, number: &str, debt: &Debt) -> Fields {
    let published = plus_days(debt.registered, draw.between(20, 120) as i64).min(LAST_DAY);
    let until = plus_years(published, 2);
    let removed = (until <= LAST_DAY || draw.chance(160)).then(|| until.min(draw.day(published, LAST_DAY)));
    let ground = match removed {
        Some(day) if day == until => "TERM_EXPIRED",
        _ => draw.weighted(&[(6, "PERFORMED"), (3, "SETTLED"), (1, "APPLICANT_WITHDREW"), (1, "LISTED_IN_ERROR")]),
    };
    let status = match removed {
        Some(_) => "REMOVED",
        None => draw.weighted(&[(96, "LISTED"), (4, "CORRECTED")]),
    };
    let performed = match (removed, ground) {
        (Some(_), "PERFORMED") => debt.awarded,
        _ => debt.performed,
    };
    let performance = match performed {
        0 => "NONE",
        whole if whole == debt.awarded => "FULL",
        _ => "PARTIAL",
    };
    Fields::default()
        .text("listing_number", number)
        .text("subject_name", debt.debtor.name.own.as_str())
        .text("subject_kind", if debt.debtor.is_company() { "ORGANISATION" } else { "PERSON" })
        .text("subject_number", debt.debtor.id_number.as_str())
        .text("masked_number", debt.debtor.masked())
        .maybe(debt.debtor.representative.as_deref(), |fields, name| fields.text("legal_representative", name))
        .text("court", debt.court.name)
        .text("region", "浙江")
        .text("case_number", debt.enforcement.as_str())
        .date("registered_date", debt.registered)
        .text("basis_document", debt.judgment.as_str())
        .text("basis_issuer", debt.court.name)
        .text("duty", debt.duty.as_str())
        .text("performance", performance)
        .amount("performed", Amount::cny(performed))
        .amount("unperformed", Amount::cny(debt.awarded - performed))
        .text("conduct", draw.weighted(CONDUCT))
        .date("publish_date", published)
        .date("term_until", until)
        .text("status", status)
        .maybe(removed, |fields, day| fields.date("removed_date", day).text("removal_ground", ground))
}

#[rustfmt::skip]
const CONDUCT: &[(u64, &str)] = &[
    (50, "ABLE_AND_REFUSES"), (22, "FALSE_ASSET_REPORT"), (12, "EVADES_ENFORCEMENT"), (8, "BREACHES_SPENDING_LIMIT"),
    (5, "BREACHES_SETTLEMENT"), (3, "OBSTRUCTS_ENFORCEMENT"),
];
