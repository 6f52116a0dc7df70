//! Sizes and bytes.

use super::{A, commit, value};
use crate::{Batch, KEY_BYTES_MAX, Store, StoreError, VALUE_BYTES_MAX};

pub(super) async fn keys_and_values_at_their_limit_fit<S: Store>(store: &S) {
    let (key, large) = (vec![7u8; KEY_BYTES_MAX], vec![9u8; VALUE_BYTES_MAX]);
    commit(store, Batch::new().put(A, key.clone(), large.clone())).await;
    commit(store, Batch::new().equals(A, key.clone(), large.clone())).await;
    assert!(value(store, A, &key).await == Some(large), "a value of the largest size is kept whole");
}

pub(super) async fn keys_and_values_over_their_limit_are_refused<S: Store>(store: &S) {
    let (key, large) = (vec![7u8; KEY_BYTES_MAX + 1], vec![9u8; VALUE_BYTES_MAX + 1]);
    for batch in [
        Batch::new().put(A, "k", "v").put(A, key.clone(), "v"),
        Batch::new().put(A, "k", "v").put(A, "l", large.clone()),
        Batch::new().put(A, "k", "v").delete(A, key.clone()),
        Batch::new().put(A, "k", "v").absent(A, key.clone()),
        Batch::new().put(A, "k", "v").equals(A, "l", large),
    ] {
        let result = store.commit(batch).await;
        assert!(matches!(result, Err(StoreError::TooLarge)), "found {result:?}");
    }
    assert_eq!(value(store, A, b"k").await, None, "nothing of a refused batch is written");
    assert!(matches!(store.read(A, &key).await, Err(StoreError::TooLarge)));
}

pub(super) async fn bytes_of_every_kind_survive<S: Store>(store: &S) {
    let every: Vec<u8> = (0..=255).collect();
    commit(store, Batch::new().put(A, every.clone(), every.clone()).put(A, "", "at the empty key")).await;
    assert_eq!(value(store, A, &every).await, Some(every));
    assert_eq!(value(store, A, b"").await.as_deref(), Some(&b"at the empty key"[..]));
}
