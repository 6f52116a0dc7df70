//! redb keeps the contract.

use comity_store::{Batch, RedbStore, Store, StoreError, Table, suite};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redb_keeps_the_contract() {
    let directory = tempfile::tempdir().expect("a directory");
    suite::run(|name| std::future::ready(RedbStore::open(&directory.path().join(name)))).await;
}

#[tokio::test]
async fn redb_keeps_the_contract_on_one_thread_as_well() {
    let directory = tempfile::tempdir().expect("a directory");
    suite::run(|name| std::future::ready(RedbStore::open(&directory.path().join(name)))).await;
}

#[tokio::test]
async fn a_commit_that_nobody_waits_for_is_carried_out() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store");
    let table = Table("t");
    let store = RedbStore::open(&path).expect("a store");
    {
        let mut commit = store.commit(Batch::new().put(table, "k", "v"));
        // One poll hands the batch over.
        let _ = futures_poll_once(commit.as_mut()).await;
    }
    drop(store);
    let store = RedbStore::open(&path).expect("the store again");
    assert_eq!(store.read(table, b"k").await.expect("a read"), Some(b"v".to_vec()));
}

async fn futures_poll_once<F: Future + ?Sized>(mut future: std::pin::Pin<&mut F>) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context).is_ready())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_arrive_together_all_stand() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Arc::new(RedbStore::open(&directory.path().join("store")).expect("a store"));
    let started = std::time::Instant::now();
    for n in 0u32..64 {
        store.commit(Batch::new().put(Table("t"), n.to_be_bytes(), "v")).await.expect("a commit");
    }
    let alone = started.elapsed();
    let started = std::time::Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 64u32..128 {
        let store = Arc::clone(&store);
        tasks.spawn(async move { store.commit(Batch::new().put(Table("t"), n.to_be_bytes(), "v")).await });
    }
    let results: Result<Vec<()>, StoreError> = tasks.join_all().await.into_iter().collect();
    results.expect("all commits");
    println!("64 commits one after the other {alone:?}, together {:?}", started.elapsed());
    assert_eq!(store.scan(Table("t"), b"", b"", 1000).await.expect("a scan").len(), 128);
}

#[tokio::test]
async fn a_file_that_was_cut_off_is_refused_with_words() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store");
    let store = RedbStore::open(&path).expect("a store");
    for n in 0u32..50 {
        let batch = Batch::new().put(Table("t"), n.to_be_bytes(), vec![7u8; 4000]);
        store.commit(batch).await.expect("a commit");
    }
    drop(store);
    let whole = std::fs::read(&path).expect("the file");
    for keep in [100, 5000, whole.len() / 2] {
        std::fs::write(&path, &whole[..keep]).expect("a shorter file");
        let result = RedbStore::open(&path).map(|_| ());
        assert!(matches!(result, Err(StoreError::Damaged(_))), "{keep} bytes: {result:?}");
    }
}
