//! Batches of the sample deposits, appended to a log.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use crate::samples::{circumstances, content, item, salt};
use comity_deposits::{Appended, Batch, Deposit, Log};
use comity_model::UnixSeconds;
use std::sync::mpsc::channel;

pub fn batch(from: u64, count: u64) -> Batch {
    let deposits = (from..from + count).map(|number| Deposit {
        content: content(number),
        statement_salt: salt(4, number),
        item: item(number),
    });
    Batch::new(deposits.collect(), circumstances(), UnixSeconds(7)).unwrap()
}

pub fn append(log: &Log, batch: Batch) -> Appended {
    let (told, appended) = channel();
    log.append(batch, move |outcome| told.send(outcome).unwrap()).unwrap();
    appended.recv().unwrap().unwrap()
}
