//! Many tasks at once.

use super::{A, B, commit, value};
use crate::{Batch, Store, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::JoinSet;

pub(super) async fn one_of_many_that_expect_absence_wins<S: Store + 'static>(store: S) {
    let store = Arc::new(store);
    for round in 0u8..8 {
        let mut tasks = JoinSet::new();
        for task in 0u8..16 {
            let store = Arc::clone(&store);
            tasks.spawn(async move {
                let batch = Batch::new().absent(A, [round]).put(A, [round], [task]);
                (task, store.commit(batch).await)
            });
        }
        let mut winners = Vec::new();
        for (task, result) in tasks.join_all().await {
            match result {
                Ok(()) => winners.push(vec![task]),
                Err(StoreError::Conflict) => {}
                Err(error) => panic!("a race ends in success or conflict, not in {error}"),
            }
        }
        let stored: Vec<_> = value(&*store, A, &[round]).await.into_iter().collect();
        assert_eq!(winners, stored, "exactly the winner's value stands");
    }
}

pub(super) async fn compare_and_set_loses_no_increment<S: Store + 'static>(store: S) {
    const TASKS: u64 = 8;
    const INCREMENTS: u64 = 10;
    let store = Arc::new(store);
    commit(&*store, Batch::new().put(A, "counter", 0u64.to_be_bytes())).await;
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            for _ in 0..INCREMENTS {
                increment(&*store).await;
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(value(&*store, A, b"counter").await, Some((TASKS * INCREMENTS).to_be_bytes().to_vec()));
}

async fn increment<S: Store>(store: &S) {
    loop {
        let old = value(store, A, b"counter").await.expect("the counter");
        let number = u64::from_be_bytes(old.clone().try_into().expect("eight bytes"));
        let batch = Batch::new().equals(A, "counter", old).put(A, "counter", (number + 1).to_be_bytes());
        match store.commit(batch).await {
            Ok(()) => return,
            Err(StoreError::Conflict) => {}
            Err(error) => panic!("an increment ends in success or conflict, not in {error}"),
        }
    }
}

pub(super) async fn readers_never_see_half_a_batch<S: Store + 'static>(store: S) {
    let store = Arc::new(store);
    commit(&*store, Batch::new().put(A, "x/1", [0]).put(A, "x/2", [0])).await;
    let done = Arc::new(AtomicBool::new(false));
    let reader = {
        let (store, done) = (Arc::clone(&store), Arc::clone(&done));
        tokio::spawn(async move {
            while !done.load(Ordering::Relaxed) {
                let rows = store.scan(A, b"x/", b"", 2).await.expect("a scan");
                let values: Vec<_> = rows.into_iter().map(|(_, value)| value).collect();
                assert_eq!(values.len(), 2);
                assert_eq!(values.first(), values.last(), "a scan is of one point in time");
                tokio::task::yield_now().await;
            }
        })
    };
    for n in 1u8..100 {
        commit(&*store, Batch::new().put(A, "x/1", [n]).put(A, "x/2", [n])).await;
        assert_eq!(value(&*store, A, b"x/1").await, Some(vec![n]), "a read after a commit sees it");
    }
    done.store(true, Ordering::Relaxed);
    reader.await.expect("the reader");
}

pub(super) async fn a_conflict_among_many_commits_fails_alone<S: Store + 'static>(store: S) {
    let store = Arc::new(store);
    commit(&*store, Batch::new().put(B, "taken", "x")).await;
    let mut tasks = JoinSet::new();
    for n in 0u8..64 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let batch = Batch::new().put(A, [n], [n]);
            let batch = if n % 4 == 0 { batch.absent(B, "taken") } else { batch };
            (n, store.commit(batch).await)
        });
    }
    for (n, result) in tasks.join_all().await {
        match result {
            Ok(()) => assert_ne!(n % 4, 0),
            Err(StoreError::Conflict) => assert_eq!(n % 4, 0),
            Err(error) => panic!("found {error}"),
        }
        assert_eq!(value(&*store, A, &[n]).await.is_some(), n % 4 != 0);
    }
}
