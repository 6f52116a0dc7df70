//! Values of what deposits are made of, for the pins.

use comity_model::deposit::{
    Circumstances, Content, DepositBatch, DepositKind, Entry, Item, LogHead, LogState, Statement,
};
use comity_model::seal::Signature;
use comity_model::{Hash, UnixSeconds};
use comity_verify::deposit::{self, BatchSeal, Deposited, TAG_BATCH, TAG_CONTENT, TAG_HEAD, TAG_STATEMENT};
use comity_verify::renewal::RenewedBundle;
use comity_verify::seal::{digest, signing_bytes};
use comity_verify::tlog::Cosigned;
use comity_verify::witnessed::{Grown, SignedCheckpoint, StampedCheckpoint, StampedDeposit, WitnessedDeposit};

pub(super) fn tagged() -> [(&'static str, Vec<u8>); 4] {
    [
        ("comity/deposit-content/v1", digest(TAG_CONTENT, &content()).0.to_vec()),
        ("comity/deposit-statement/v1", digest(TAG_STATEMENT, &statement()).0.to_vec()),
        ("comity/deposits/v1", signing_bytes(TAG_BATCH, &deposit_batch())),
        ("comity/log-head/v1", signing_bytes(TAG_HEAD, &log_head())),
    ]
}

pub(super) fn entry() -> Entry {
    deposit::entry(&content(), &statement())
}

pub(super) fn log_state() -> LogState {
    LogState { size: 9, root: Hash([10; 32]), at: UnixSeconds(1_700_000_000) }
}

pub(super) fn deposited() -> Deposited {
    Deposited {
        keeper: "court".parse().unwrap(),
        log: log_state(),
        index: 3,
        path: vec![Hash([11; 32])],
        entry: entry(),
        content: Some(content()),
        statement: Some(statement()),
        seal: Some(BatchSeal {
            batch: deposit_batch(),
            place: 2,
            path: vec![Hash([12; 32])],
            signature: Signature::ed25519([13; 64]),
            member: super::genesis().members.remove(0),
            client: Some("client-court-1".parse().unwrap()),
            proof: vec![14],
        }),
    }
}

pub(super) fn witnessed() -> WitnessedDeposit {
    WitnessedDeposit { deposit: deposited(), witnessed: signed() }
}

pub(super) fn stamped() -> StampedDeposit {
    StampedDeposit {
        deposit: deposited(),
        stamped: StampedCheckpoint { tree: tree(), token: vec![18; 3] },
        witnessed: Some(signed()),
    }
}

pub(super) fn renewed() -> RenewedBundle {
    let stamped = StampedCheckpoint { tree: tree(), token: vec![18; 3] };
    RenewedBundle { deposit: deposited(), stamped: Some(stamped), witnessed: None, old: vec![19; 5] }
}

fn tree() -> Grown {
    Grown { size: 12, root: Hash([15; 32]), growth: vec![Hash([16; 32])] }
}

fn signed() -> SignedCheckpoint {
    let key = b"witness.example/w1+00000000+BA".to_vec();
    SignedCheckpoint { tree: tree(), signatures: vec![Cosigned { key, signature: vec![17; 72] }] }
}

fn content() -> Content {
    Content { salt: [1; 16], sha256: Hash([2; 32]), sm3: Hash([3; 32]), size: 4 }
}

fn statement() -> Statement {
    Statement {
        salt: [5; 16],
        item: Item {
            name: "合同.pdf".into(),
            media_type: "application/pdf".into(),
            created_at: Some(UnixSeconds(1_700_000_000)),
            follows: Some(Hash([6; 32])),
        },
        circumstances: Circumstances {
            kind: DepositKind::ServedDocument,
            depositor: "court".parse().unwrap(),
            identified_by: "a".into(),
            source: "b".into(),
            method: "c".into(),
            custody: "d".into(),
            environment: "e".into(),
            case: "f".into(),
        },
    }
}

fn deposit_batch() -> DepositBatch {
    DepositBatch {
        chain: "court-1".parse().unwrap(),
        keeper: "court".parse().unwrap(),
        depositor: "notary".parse().unwrap(),
        count: 7,
        root: Hash([8; 32]),
    }
}

fn log_head() -> LogHead {
    LogHead { chain: "court-1".parse().unwrap(), keeper: "court".parse().unwrap(), size: 9, root: Hash([10; 32]) }
}
