//! Scans: byte order, prefix, start, limit, and from the end.

use super::{A, commit};
use crate::{Batch, SCAN_ROWS_MAX, Store};

async fn keys<S: Store>(store: &S, prefix: &[u8], from: &[u8], limit: usize) -> Vec<Vec<u8>> {
    let rows = store.scan(A, prefix, from, limit).await.expect("a scan");
    rows.into_iter().map(|(key, _)| key).collect()
}

pub(super) async fn scans_are_in_byte_order<S: Store>(store: &S) {
    let unsorted: [&[u8]; 7] = [b"b", &[0xff, 0xff], b"a", &[0xff], &[0], b"ab", b"B"];
    let batch = unsorted.iter().fold(Batch::new(), |batch, key| batch.put(A, *key, "v"));
    commit(store, batch).await;
    let sorted: [&[u8]; 7] = [&[0], b"B", b"a", b"ab", b"b", &[0xff], &[0xff, 0xff]];
    assert_eq!(keys(store, b"", b"", 100).await, sorted);
}

pub(super) async fn scans_keep_to_their_prefix<S: Store>(store: &S) {
    let all: [&[u8]; 6] = [b"p", b"p/1", b"p/2", b"q", &[0xff], &[0xff, 1]];
    let batch = all.iter().fold(Batch::new(), |batch, key| batch.put(A, *key, "v"));
    commit(store, batch).await;
    assert_eq!(keys(store, b"p/", b"", 100).await, [b"p/1", b"p/2"]);
    assert_eq!(keys(store, b"p", b"", 100).await.len(), 3);
    assert_eq!(keys(store, &[0xff], b"", 100).await.len(), 2, "a prefix without a successor");
    assert!(keys(store, b"none", b"", 100).await.is_empty());
}

pub(super) async fn scans_start_where_they_are_told<S: Store>(store: &S) {
    let batch = (0u8..10).fold(Batch::new(), |batch, n| batch.put(A, vec![b'k', n], "v"));
    commit(store, batch.put(A, "a", "v").put(A, "z", "v")).await;
    assert_eq!(keys(store, b"k", &[b'k', 7], 100).await, [[b'k', 7], [b'k', 8], [b'k', 9]], "inclusive");
    assert_eq!(keys(store, b"k", &[b'k', 7, 0], 100).await, [[b'k', 8], [b'k', 9]]);
    assert_eq!(keys(store, b"k", b"a", 100).await.len(), 10, "a start before the prefix");
    assert!(keys(store, b"k", b"z", 100).await.is_empty(), "a start after the prefix");
}

pub(super) async fn scans_return_no_more_than_the_limit<S: Store>(store: &S) {
    let batch = (0..SCAN_ROWS_MAX + 5).fold(Batch::new(), |batch, n| batch.put(A, format!("{n:08}"), "v"));
    commit(store, batch).await;
    assert_eq!(keys(store, b"", b"", 3).await, [b"00000000", b"00000001", b"00000002"]);
    assert!(keys(store, b"", b"", 0).await.is_empty());
    assert_eq!(keys(store, b"", b"", usize::MAX).await.len(), SCAN_ROWS_MAX);
    assert_eq!(keys(store, b"", format!("{SCAN_ROWS_MAX:08}").as_bytes(), usize::MAX).await.len(), 5);
}

pub(super) async fn scans_from_the_end_descend_from_below_where_they_are_told<S: Store>(store: &S) {
    let back = async |until: &[u8], limit| -> Vec<Vec<u8>> {
        let rows = store.scan_back(A, until, limit).await.expect("a scan");
        rows.into_iter().map(|(key, _)| key).collect()
    };
    assert!(back(b"", 10).await.is_empty(), "a table without rows");
    let all: [&[u8]; 5] = [&[0], b"a", b"ab", b"b", &[0xff, 0xff]];
    commit(store, all.iter().fold(Batch::new(), |batch, key| batch.put(A, *key, "v"))).await;
    assert_eq!(back(b"", 10).await, all.iter().rev().map(|key| key.to_vec()).collect::<Vec<_>>());
    assert_eq!(back(b"b", 10).await, [&b"ab"[..], b"a", &[0]], "exclusive");
    assert_eq!(back(b"aa", 10).await, [&b"a"[..], &[0]], "below a key that is not there");
    assert_eq!(back(b"", 2).await, [&[0xff, 0xff][..], b"b"]);
    assert!(back(&[0], 10).await.is_empty() && back(b"", 0).await.is_empty());
    commit(store, (0..SCAN_ROWS_MAX).fold(Batch::new(), |batch, n| batch.put(A, format!("n{n:08}"), "v"))).await;
    assert_eq!(back(b"", usize::MAX).await.len(), SCAN_ROWS_MAX);
}
