//! What tests of agreements and of rules agree on: the rules of `triggers.toml`, and an agreement on payments to one account.

use super::{RICH, sectors};
use comity_gateway::Clock;
use comity_gateway::triggers::{RuleSource, Rules};
use comity_proto::v1;

pub const ACCOUNT: [u8; 32] = [0xAC; 32];
pub const OWED: u64 = 30_000;

pub fn rules() -> Rules {
    let text = include_str!("../triggers.toml");
    Rules::load(&[RuleSource { name: "triggers.toml", text }], &sectors()).unwrap()
}

pub fn text(name: &str, value: &str) -> v1::Field {
    v1::Field { name: name.into(), value: Some(v1::field::Value::Text(value.into())) }
}

pub fn amount(minor: u64) -> Option<v1::Amount> {
    Some(v1::Amount { currency: "CNY".into(), minor })
}

/// An agreement whose instalments fall due after so many seconds.
pub fn request(number: u128, due_in_s: &[i64]) -> v1::CreateAgreementRequest {
    let now = Clock::system().now().seconds();
    let party = |role: v1::agreement_party::Role, name: &str, number: &str| v1::AgreementParty {
        role: role.into(),
        name: name.into(),
        id_type: "RESIDENT_ID".into(),
        id_number: number.into(),
    };
    v1::CreateAgreementRequest {
        request_id: uuid::Uuid::from_u128(number).to_string(),
        rule: "rules/quick-agreement".into(),
        parties: vec![
            party(v1::agreement_party::Role::Creditor, "赵六", "330106199001011234"),
            party(v1::agreement_party::Role::Debtor, "王五", "330106198505055678"),
        ],
        instalments: due_in_s
            .iter()
            .map(|after| v1::Instalment {
                amount: amount(OWED),
                due_time: Some(prost_types::Timestamp { seconds: now + after, nanos: 0 }),
            })
            .collect(),
        payments_at: "members/bank".into(),
        account: hex::encode(ACCOUNT),
        text_digest: vec![7; 32],
        hold: None,
        case_fields: vec![text("account_number", RICH), text("case_number", "(2026)浙0106执1024号")],
        validate_only: false,
    }
}
