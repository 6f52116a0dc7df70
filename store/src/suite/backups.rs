//! Backup and restore.

use super::{A, B, commit, value};
use crate::backup::{self, BackupError, Snapshot};
use crate::{Batch, Store};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) async fn a_backup_is_of_one_point_in_time_and_restores_into_an_empty_store_only<S, F, Fut>(open: &F)
where
    S: Store + Snapshot + 'static,
    F: Fn(&'static str) -> Fut,
    Fut: Future<Output = Result<S, crate::StoreError>>,
{
    let store = Arc::new(super::fresh(open, "backup").await);
    let many = (0u16..2_500).fold(Batch::new(), |batch, n| batch.put(A, n.to_be_bytes(), vec![7u8; 40]));
    commit(&*store, many.put(A, "", "at the empty key").put(B, [0xff; 512], vec![9u8; 3 << 20]).put(B, "n", "")).await;

    // Somebody writes all the while, always both rows in one batch.
    let done = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (store, done) = (Arc::clone(&store), Arc::clone(&done));
        async move {
            let mut number = 0u64;
            while !done.load(Ordering::Relaxed) {
                number += 1;
                let number = number.to_be_bytes();
                commit(&*store, Batch::new().put(A, "zz", number).put(B, "n", number)).await;
            }
        }
    });
    let mut file = Vec::new();
    let written = backup::write(&*store, &mut file).await.expect("a backup");
    done.store(true, Ordering::Relaxed);
    writer.await.expect("the writer");
    assert_eq!(backup::inspect(&file[..]).await.expect("a whole backup"), written);

    let other = super::fresh(open, "restored").await;
    let restored = backup::restore(&other, &file[..]).await.expect("a restore");
    assert_eq!(restored, written);
    assert!(!backup::is_half_restored(&other).await.expect("an answer"));
    assert_eq!(value(&other, A, b"").await.as_deref(), Some(&b"at the empty key"[..]));
    assert_eq!(value(&other, B, &[0xff; 512]).await, Some(vec![9u8; 3 << 20]));
    assert_eq!(value(&other, A, &2_499u16.to_be_bytes()).await, Some(vec![7u8; 40]));
    let (one, two) = (value(&other, A, b"zz").await, value(&other, B, b"n").await);
    assert!(one == two || (one.is_none() && two == Some(Vec::new())), "half a batch was backed up: {one:?} {two:?}");

    // The same store again gives the same bytes.
    let mut again = Vec::new();
    backup::write(&other, &mut again).await.expect("a backup of the restored");
    assert!(again == file, "what was restored is what was backed up");
    let refused = backup::restore(&other, &file[..]).await;
    assert!(matches!(refused, Err(BackupError::NotEmpty)), "{refused:?}");
}

pub(super) async fn a_damaged_backup_is_refused_and_half_a_restore_is_known_as_such<S, F, Fut>(open: &F)
where
    S: Store + Snapshot + 'static,
    F: Fn(&'static str) -> Fut,
    Fut: Future<Output = Result<S, crate::StoreError>>,
{
    let store = super::fresh(open, "damaged").await;
    commit(&store, Batch::new().put(A, "k", "one").put(A, "l", "two").put(B, "k", "three")).await;
    let mut file = Vec::new();
    backup::write(&store, &mut file).await.expect("a backup");
    for place in 0..file.len() {
        let mut changed = file.clone();
        changed[place] ^= 1;
        backup::inspect(&changed[..]).await.expect_err("a changed byte is noticed");
        backup::inspect(&file[..place]).await.expect_err("a cut is noticed");
    }
    backup::inspect(&[&file[..], &[0]].concat()[..]).await.expect_err("what follows is noticed");
    let newer = [b"COMITYS2", &file[8..]].concat();
    let refused = backup::inspect(&newer[..]).await.expect_err("a newer version");
    assert!(refused.to_string().contains("has version 2; this program reads version 1"), "{refused}");

    let half = super::fresh(open, "half_restored").await;
    backup::restore(&half, &file[..file.len() - 40]).await.expect_err("a backup that was cut off");
    assert!(backup::is_half_restored(&half).await.expect("an answer"));
    let refused = backup::restore(&half, &file[..]).await;
    assert!(matches!(refused, Err(BackupError::NotEmpty)), "{refused:?}");
}
