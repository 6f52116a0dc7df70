//! The database is restarted, as if it had crashed, while writers are at work. A file of its own: the restart concerns
//! every test that shares the database.

mod database;

use comity_store::{Batch, PostgresStore, Store, StoreError, Table};
use database::Database;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const T: Table = Table("t");
const WRITERS: u8 = 8;
const RESTARTS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_database_loses_no_acknowledged_write_and_applies_none_twice() {
    let Some(database) = Database::find() else { return };
    let Ok(restart) = std::env::var("COMITY_POSTGRES_RESTART") else {
        println!("skipped: COMITY_POSTGRES_RESTART is not set; run it under scripts/with-postgres");
        return;
    };
    let store = Arc::new(database.open("restart").await.expect("a store"));
    for writer in 0..WRITERS {
        store.commit(Batch::new().put(T, [writer], 0u64.to_be_bytes())).await.expect("a commit");
    }
    let (done, later) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let (store, done, later) = (Arc::clone(&store), Arc::clone(&done), Arc::clone(&later));
        writers.spawn(async move { (writer, write(&store, writer, &done, &later).await) });
    }
    for _ in 0..RESTARTS {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let restart = restart.clone();
        let restarted = tokio::task::spawn_blocking(move || Command::new(restart).status().expect("it runs"));
        assert!(restarted.await.expect("it ran").success());
        // The pool recovers by itself.
        let begun = Instant::now();
        while store.read(T, &[0]).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "the pool did not recover");
        }
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    done.store(true, Ordering::SeqCst);
    let mut writes = 0;
    for (writer, acknowledged) in writers.join_all().await {
        writes += acknowledged;
        let counter = store.read(T, &[writer]).await.expect("a read").expect("the counter");
        assert_eq!(counter, acknowledged.to_be_bytes(), "writer {writer}");
        // Each increment left exactly one row, written in the same batch.
        let mut from = vec![writer, 0];
        let mut rows = 0;
        loop {
            let page = store.scan(T, &[writer, 0], &from, 1_000).await.expect("a scan");
            rows += page.len() as u64;
            match page.last() {
                Some((last, _)) if page.len() == 1_000 => from = [last.as_slice(), &[0]].concat(),
                _ => break,
            }
        }
        assert_eq!(rows, acknowledged, "writer {writer}");
    }
    println!("{writes} writes over {RESTARTS} restarts; {} answers said: later", later.load(Ordering::SeqCst));
    assert!(writes > 100);
}

/// Counts up until told to stop; returns how often that was acknowledged or found to have been done.
async fn write(store: &PostgresStore, writer: u8, done: &AtomicBool, later: &AtomicU64) -> u64 {
    let mut number = 0u64;
    // A commit whose outcome was open may take effect after the read that followed it: then the next one conflicts.
    let mut is_open = false;
    while !done.load(Ordering::SeqCst) {
        let key = [&[writer, 0][..], &(number + 1).to_be_bytes()].concat();
        let batch = Batch::new()
            .equals(T, [writer], number.to_be_bytes())
            .put(T, [writer], (number + 1).to_be_bytes())
            .absent(T, key.clone())
            .put(T, key, "");
        match store.commit(batch).await {
            Ok(()) => (number, is_open) = (number + 1, false),
            Err(StoreError::Unavailable(_)) => {
                later.fetch_add(1, Ordering::SeqCst);
            }
            // The contract: read, then decide.
            Err(StoreError::Unknown(_)) => (number, is_open) = (read(store, writer).await, true),
            Err(StoreError::Conflict) if is_open => number = read(store, writer).await,
            Err(error) => panic!("a restart is no reason for {error:?}"),
        }
    }
    number
}

async fn read(store: &PostgresStore, writer: u8) -> u64 {
    loop {
        match store.read(T, &[writer]).await {
            Ok(row) => return u64::from_be_bytes(row.expect("the counter").try_into().expect("eight bytes")),
            Err(StoreError::Unavailable(_)) => {}
            Err(error) => panic!("a restart is no reason for {error:?}"),
        }
    }
}
