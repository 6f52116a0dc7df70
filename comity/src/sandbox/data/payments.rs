//! A bank's records of payments to courts' designated accounts. What they were paid under is
//! drawn: their references lead to no agreement of the sandbox.

use super::draw::Draw;
use super::fields::Fields;
use super::judgments::LAST_DAY;
use super::{Record, SectorData};
use comity_model::Amount;
use jiff::civil::date;

/// `count` payments.
pub(super) fn draw(seed: u64, count: usize) -> SectorData {
    let mut draw = Draw::new(seed, "payments");
    let account = draw.digest();
    let records = (0..count)
        .map(|_| -> Record {
            let reference = draw.digest().to_string();
            let day = draw.day(date(2024, 1, 8), LAST_DAY);
            Fields::default()
                .text("reference", reference.as_str())
                .digest("account", account)
                .amount("amount", Amount::cny(draw.fen(500, 60_000)))
                .time("paid_at", day, draw.below(86_400))
                .record(&reference)
        })
        .collect();
    SectorData::new("payments", records, Vec::new())
}
