//! The contract as a suite: every backend passes it. Each case is a sentence of the contract; a broken one panics with
//! it. Knows the contract and no backend.

mod backups;
mod leases;
mod limits;
mod order;
mod races;

use crate::backup::Snapshot;
use crate::{Batch, Store, StoreError, Table};
use std::future::Future;

/// Runs every case. `open(name)` opens the store of that name, empty at first, with the same contents each time it is
/// opened again after it was dropped; the names are `[a-z_]` and fewer than 64 bytes.
///
/// # Panics
/// When the backend breaks the contract.
pub async fn run<S, F, Fut>(open: F)
where
    S: Store + Snapshot + 'static,
    F: Fn(&'static str) -> Fut,
    Fut: Future<Output = Result<S, StoreError>>,
{
    what_was_committed_is_read(&fresh(&open, "read").await).await;
    a_deleted_key_has_no_value(&fresh(&open, "delete").await).await;
    tables_are_apart(&fresh(&open, "tables").await).await;
    a_batch_whose_expectation_fails_writes_nothing(&fresh(&open, "atomic").await).await;
    expectations_compare_whole_values(&fresh(&open, "expect").await).await;
    a_batch_over_several_tables_is_visible_whole(&fresh(&open, "whole").await).await;
    the_last_write_of_a_key_in_a_batch_stands(&fresh(&open, "last").await).await;
    order::scans_are_in_byte_order(&fresh(&open, "byte_order").await).await;
    order::scans_keep_to_their_prefix(&fresh(&open, "prefix").await).await;
    order::scans_start_where_they_are_told(&fresh(&open, "start").await).await;
    order::scans_return_no_more_than_the_limit(&fresh(&open, "limit").await).await;
    order::scans_from_the_end_descend_from_below_where_they_are_told(&fresh(&open, "from_the_end").await).await;
    limits::keys_and_values_at_their_limit_fit(&fresh(&open, "fits").await).await;
    limits::keys_and_values_over_their_limit_are_refused(&fresh(&open, "too_large").await).await;
    limits::bytes_of_every_kind_survive(&fresh(&open, "bytes").await).await;
    races::one_of_many_that_expect_absence_wins(fresh(&open, "absence_race").await).await;
    races::compare_and_set_loses_no_increment(fresh(&open, "increments").await).await;
    races::readers_never_see_half_a_batch(fresh(&open, "half").await).await;
    races::a_conflict_among_many_commits_fails_alone(fresh(&open, "alone").await).await;
    leases::a_lease_is_held_by_one_until_it_is_given_back_or_its_term_is_over(fresh(&open, "lease").await).await;
    commits_survive_reopening(&open).await;
    a_conflict_survives_reopening_as_nothing(&open).await;
    backups::a_backup_is_of_one_point_in_time_and_restores_into_an_empty_store_only(&open).await;
    backups::a_damaged_backup_is_refused_and_half_a_restore_is_known_as_such(&open).await;
}

const A: Table = Table("suite_a");
const B: Table = Table("suite_b");

async fn fresh<S, F, Fut>(open: &F, name: &'static str) -> S
where
    S: Store,
    F: Fn(&'static str) -> Fut,
    Fut: Future<Output = Result<S, StoreError>>,
{
    let store = open(name).await.expect("a new store opens");
    assert_eq!(value(&store, A, b"k").await, None, "a new store is empty");
    store
}

async fn value<S: Store>(store: &S, table: Table, key: &[u8]) -> Option<Vec<u8>> {
    store.read(table, key).await.expect("a read")
}

async fn commit<S: Store>(store: &S, batch: Batch) {
    store.commit(batch).await.expect("a commit");
}

async fn conflict<S: Store>(store: &S, batch: Batch) {
    let result = store.commit(batch).await;
    assert!(matches!(result, Err(StoreError::Conflict)), "expected a conflict, found {result:?}");
}

async fn what_was_committed_is_read<S: Store>(store: &S) {
    commit(store, Batch::new().put(A, "k", "one")).await;
    assert_eq!(value(store, A, b"k").await.as_deref(), Some(&b"one"[..]));
    commit(store, Batch::new().put(A, "k", "two")).await;
    assert_eq!(value(store, A, b"k").await.as_deref(), Some(&b"two"[..]));
    commit(store, Batch::new()).await;
}

async fn a_deleted_key_has_no_value<S: Store>(store: &S) {
    commit(store, Batch::new().put(A, "k", "one").put(A, "l", "two")).await;
    commit(store, Batch::new().delete(A, "k").delete(A, "never written")).await;
    assert_eq!(value(store, A, b"k").await, None);
    assert_eq!(store.scan(A, b"", b"", 10).await.expect("a scan"), vec![(b"l".to_vec(), b"two".to_vec())]);
    commit(store, Batch::new().absent(A, "k").put(A, "k", "again")).await;
}

async fn tables_are_apart<S: Store>(store: &S) {
    commit(store, Batch::new().put(A, "k", "in a")).await;
    assert_eq!(value(store, B, b"k").await, None);
    assert!(store.scan(B, b"", b"", 10).await.expect("a scan").is_empty());
}

async fn a_batch_whose_expectation_fails_writes_nothing<S: Store>(store: &S) {
    commit(store, Batch::new().put(A, "taken", "x")).await;
    conflict(store, Batch::new().put(A, "k", "1").put(B, "k", "1").absent(A, "taken")).await;
    assert_eq!(value(store, A, b"k").await, None);
    assert_eq!(value(store, B, b"k").await, None);
    assert_eq!(value(store, A, b"taken").await.as_deref(), Some(&b"x"[..]));
}

async fn expectations_compare_whole_values<S: Store>(store: &S) {
    commit(store, Batch::new().put(A, "k", "value")).await;
    conflict(store, Batch::new().equals(A, "k", "valu").put(A, "k", "new")).await;
    conflict(store, Batch::new().equals(A, "k", "value ").put(A, "k", "new")).await;
    conflict(store, Batch::new().equals(A, "missing", "").put(A, "k", "new")).await;
    conflict(store, Batch::new().equals(B, "k", "value").put(A, "k", "new")).await;
    commit(store, Batch::new().equals(A, "k", "value").put(A, "k", "new")).await;
    assert_eq!(value(store, A, b"k").await.as_deref(), Some(&b"new"[..]));
    // An empty value is a value.
    commit(store, Batch::new().put(A, "empty", "")).await;
    conflict(store, Batch::new().absent(A, "empty")).await;
    commit(store, Batch::new().equals(A, "empty", "")).await;
}

async fn a_batch_over_several_tables_is_visible_whole<S: Store>(store: &S) {
    commit(store, Batch::new().put(A, "k", "a").put(B, "k", "b").delete(A, "l")).await;
    assert_eq!(value(store, A, b"k").await.as_deref(), Some(&b"a"[..]));
    assert_eq!(value(store, B, b"k").await.as_deref(), Some(&b"b"[..]));
}

async fn the_last_write_of_a_key_in_a_batch_stands<S: Store>(store: &S) {
    commit(store, Batch::new().put(A, "k", "1").delete(A, "k").put(A, "k", "2")).await;
    assert_eq!(value(store, A, b"k").await.as_deref(), Some(&b"2"[..]));
    commit(store, Batch::new().put(A, "k", "3").delete(A, "k")).await;
    assert_eq!(value(store, A, b"k").await, None);
}

async fn commits_survive_reopening<S, F, Fut>(open: &F)
where
    S: Store,
    F: Fn(&'static str) -> Fut,
    Fut: Future<Output = Result<S, StoreError>>,
{
    let store = fresh(open, "reopen").await;
    commit(&store, Batch::new().put(A, "k", "kept").put(B, "l", "kept as well")).await;
    drop(store);
    let store = open("reopen").await.expect("the store opens again");
    assert_eq!(value(&store, A, b"k").await.as_deref(), Some(&b"kept"[..]));
    assert_eq!(value(&store, B, b"l").await.as_deref(), Some(&b"kept as well"[..]));
    conflict(&store, Batch::new().absent(A, "k")).await;
}

async fn a_conflict_survives_reopening_as_nothing<S, F, Fut>(open: &F)
where
    S: Store,
    F: Fn(&'static str) -> Fut,
    Fut: Future<Output = Result<S, StoreError>>,
{
    let store = fresh(open, "reopen_conflict").await;
    conflict(&store, Batch::new().equals(A, "k", "x").put(A, "k", "y")).await;
    drop(store);
    let store = open("reopen_conflict").await.expect("the store opens again");
    assert_eq!(value(&store, A, b"k").await, None);
}
