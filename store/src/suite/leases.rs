//! Leases over the store.

use crate::{Lease, Store};
use std::sync::Arc;
use std::time::Duration;

const TERM: Duration = Duration::from_millis(400);

pub(super) async fn a_lease_is_held_by_one_until_it_is_given_back_or_its_term_is_over<S: Store + 'static>(store: S) {
    let store: Arc<dyn Store> = Arc::new(store);
    let lease = |holder: u8| Lease::new(Arc::clone(&store), "work", [holder; 16], TERM);
    let (mut one, mut other) = (lease(1), lease(2));
    assert!(!one.is_held());
    assert!(hold(&mut one).await && one.is_held());
    assert!(!hold(&mut other).await && !other.is_held());
    assert!(hold(&mut one).await, "it is renewed by its holder");

    one.release().await.expect("a release");
    assert!(!one.is_held());
    assert!(hold(&mut other).await, "what was given back is free at once");
    one.release().await.expect("a release of what another holds");
    assert!(!hold(&mut one).await, "and does not end the other's");

    // Renewed by its holder, it never comes free, however long it is watched.
    for _ in 0..8 {
        tokio::time::sleep(TERM / 4).await;
        assert!(hold(&mut other).await);
        assert!(!hold(&mut one).await);
    }
    tokio::time::sleep(TERM).await;
    assert!(!other.is_held(), "its holder knows when its term is over");
    assert!(hold(&mut one).await, "and another takes it");
    assert!(!hold(&mut other).await);
}

async fn hold(lease: &mut Lease) -> bool {
    lease.hold().await.expect("an answer")
}
