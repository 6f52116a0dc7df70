//! Orders to test with: one court, one bank, two officers with known keys.

use comity_model::member::{Officer, Validity};
use comity_model::order::{Approval, ApprovalClass, Order, PrivatePart};
use comity_model::record::{Field, FieldValue};
use comity_model::seal::{PublicKey, Signature};
use comity_model::{Amount, Hash, OrderId, RequestId, UnixSeconds};
use comity_verify::seal;
use ed25519_dalek::{Signer, SigningKey};

pub(crate) fn officer_key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

pub(crate) fn officer(number: u8) -> Officer {
    Officer {
        member: "court".parse().unwrap(),
        id: format!("J{number}").parse().unwrap(),
        key: PublicKey::ed25519(officer_key(number).verifying_key().to_bytes()),
        validity: Validity { from: UnixSeconds(0), until: UnixSeconds(u64::MAX), compromised_since: None },
    }
}

pub(crate) fn approval(order: &Order, number: u8) -> Approval {
    let bytes = seal::signing_bytes(comity_verify::order::TAG_ORDER, order);
    Approval { officer: officer(number).id, signature: Signature::ed25519(officer_key(number).sign(&bytes).to_bytes()) }
}

pub(crate) fn part(id: OrderId) -> PrivatePart {
    let text = |name: &str, value: &str| Field { name: name.parse().unwrap(), value: FieldValue::Text(value.into()) };
    PrivatePart {
        salt: [5; 32],
        order: id,
        fields: vec![
            text("account_number", "6222020001"),
            Field { name: "amount".parse().unwrap(), value: FieldValue::Amount(Amount::cny(50_000)) },
            text("case_number", "(2026)浙0106执1024号"),
            text("person_name", "王五"),
        ],
    }
}

pub(crate) fn order_at(now: u64, approval: ApprovalClass) -> (Order, PrivatePart) {
    let id = OrderId([9; 16]);
    let part = part(id);
    let order = Order {
        id,
        request: RequestId([8; 16]),
        source_chain: "court-1".parse().unwrap(),
        source_client: "comet-0".parse().unwrap(),
        dest_client: "comet-1".parse().unwrap(),
        court: "court".parse().unwrap(),
        recipient: "bank".parse().unwrap(),
        sector: "accounts".parse().unwrap(),
        kind: "freeze".parse().unwrap(),
        effect: comity_model::profile::Effect::HoldDivisible,
        original: None,
        amount: None,
        account: None,
        obligation: None,
        private_digest: comity_verify::order::private_digest(&part),
        approval,
        issued_at: UnixSeconds(now),
        deliver_by: UnixSeconds(now + 3_600),
        decide_by: UnixSeconds(now + 7_200),
        hold_until: UnixSeconds(now + 365 * 86_400),
    };
    (order, part)
}

pub(crate) fn order_and_part() -> (Order, PrivatePart) {
    order_at(1_800_000_000, ApprovalClass::Double)
}

pub(crate) fn stored() -> super::StoredOrder {
    let (order, part) = order_and_part();
    let now = comity_model::Time::new(1_800_000_000, 0).unwrap();
    super::StoredOrder::draft(order, part, Hash([1; 32]), now)
}
