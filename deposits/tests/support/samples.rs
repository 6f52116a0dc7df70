//! Deposits to test with: every number is another file, the same one wherever it is asked for.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use comity_model::Hash;
use comity_model::deposit::{Circumstances, Content, DepositKind, Item, Statement};
use comity_verify::merkle;

/// Digests of a kind: 1 and 4 give salts, 2 SHA-256, 3 SM3.
pub fn digest(kind: u8, number: u64) -> Hash {
    merkle::leaf_hash(&[&[kind], &number.to_le_bytes()[..]].concat())
}

pub fn salt(kind: u8, number: u64) -> [u8; 16] {
    *digest(kind, number).0.first_chunk().unwrap()
}

pub fn content(number: u64) -> Content {
    Content { salt: salt(1, number), sha256: digest(2, number), sm3: digest(3, number), size: number }
}

pub fn item(number: u64) -> Item {
    Item { name: format!("exhibit-{number}.pdf"), ..Item::default() }
}

pub fn circumstances() -> Circumstances {
    Circumstances {
        kind: DepositKind::ElectronicEvidence,
        depositor: "notary".parse().unwrap(),
        identified_by: "licence shown at the counter".into(),
        source: "a web page".into(),
        method: "screen recording".into(),
        custody: "the notary's office".into(),
        environment: String::new(),
        case: String::new(),
    }
}

pub fn statement(number: u64) -> Statement {
    Statement { salt: salt(4, number), item: item(number), circumstances: circumstances() }
}
