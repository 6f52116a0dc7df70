//! A witness over HTTP, as the specification words it: what it cosigns, what it refuses with which status, and that it remembers.
#![allow(clippy::unwrap_used)]

use comity_model::{Hash, UnixSeconds};
use comity_store::RedbStore;
use comity_verify::merkle::{self, Frontier, TreeHead};
use comity_verify::tlog::{Checkpoint, NoteKey, Quorum, SIZE_TYPE, Submission, Trust};
use comity_witness::{Answer, Running, Witness, serve};
use ed25519_dalek::{Signer as _, SigningKey};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const ORIGIN: &str = "court-1/court";
const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

/// A tree whose leaves from `fork` on are others than those of the log.
fn tree(size: u64, fork: u64) -> (TreeHead, BTreeMap<(u32, u64), Hash>) {
    let (mut frontier, mut nodes) = (Frontier::new(), BTreeMap::new());
    for leaf in 0..size {
        let leaf = merkle::leaf_hash(&[leaf.to_be_bytes(), u64::from(leaf >= fork).to_be_bytes()].concat());
        nodes.extend(frontier.append(leaf).into_iter().map(|node| ((node.level, node.index), node.hash)));
    }
    (frontier.head(), nodes)
}

fn log_key() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn log() -> NoteKey {
    NoteKey::log(ORIGIN, log_key().verifying_key().to_bytes()).unwrap()
}

fn submission(old: u64, size: u64, fork: u64) -> Submission {
    let (head, nodes) = tree(size, fork);
    let proof = if old == 0 || old >= size {
        Vec::new()
    } else {
        merkle::consistency(old, size, &|level, index| nodes.get(&(level, index)).copied()).unwrap()
    };
    Submission { old, proof, checkpoint: signed(ORIGIN, &head, &log_key()) }
}

fn signed(origin: &str, head: &TreeHead, key: &SigningKey) -> Vec<u8> {
    let text = Checkpoint::text(origin, head).unwrap();
    let line =
        NoteKey::log(origin, key.verifying_key().to_bytes()).unwrap().line(&key.sign(text.as_bytes()).to_bytes());
    format!("{text}\n{line}").into_bytes()
}

fn witness(store: &Path) -> Witness {
    let store = Arc::new(RedbStore::open(store).unwrap());
    Witness::new("witness.example/w1", &[2; 32], vec![log()], store, || NOW).unwrap()
}

async fn serving(store: &Path) -> (Running, NoteKey) {
    let witness = Arc::new(witness(store));
    let key = witness.key().clone();
    (serve("127.0.0.1:0".parse().unwrap(), witness).await.unwrap(), key)
}

async fn post(running: &Running, body: Vec<u8>) -> (u16, String, String) {
    let url = format!("http://{}/add-checkpoint", running.address());
    let answer = reqwest::Client::new().post(url).body(body).send().await.unwrap();
    let kind = answer.headers().get("content-type").unwrap().to_str().unwrap().to_owned();
    (answer.status().as_u16(), kind, answer.text().await.unwrap())
}

#[tokio::test]
async fn a_checkpoint_that_grew_is_cosigned_and_the_cosignature_is_one_that_readers_believe() {
    let folder = tempfile::tempdir().unwrap();
    let (running, key) = serving(&folder.path().join("w")).await;
    let trust = Trust { origin: ORIGIN.into(), log: vec![log()], witnesses: vec![key], quorum: Quorum::of(1, 1) };
    for (old, size) in [(0, 5), (5, 5), (5, 300)] {
        let submission = submission(old, size, u64::MAX);
        let (status, _, line) = post(&running, submission.encode()).await;
        assert_eq!(status, 200, "{line}");
        let note = [submission.checkpoint, line.into_bytes()].concat();
        let checkpoint = Checkpoint::verify(&note, &trust, NOW).unwrap();
        assert_eq!((checkpoint.head().size, checkpoint.witnessed()[0].at), (size, NOW));
    }
    running.stop().await;
}

#[tokio::test]
async fn a_fork_a_rollback_and_what_is_no_submission_are_refused_with_the_specifications_status() {
    let folder = tempfile::tempdir().unwrap();
    let (running, _) = serving(&folder.path().join("w")).await;
    assert_eq!(post(&running, submission(0, 10, u64::MAX).encode()).await.0, 200);
    let conflict = (409, SIZE_TYPE.to_owned(), "10\n".to_owned());
    // An old size that is not the one that was cosigned: rolled back, or not known.
    assert_eq!(post(&running, submission(0, 20, u64::MAX).encode()).await, conflict);
    assert_eq!(post(&running, submission(0, 4, u64::MAX).encode()).await, conflict);
    assert_eq!(post(&running, submission(4, 20, u64::MAX).encode()).await, conflict);
    // The same size with another root.
    assert_eq!(post(&running, submission(10, 10, 9).encode()).await, conflict);
    // Another tree, with the proof that it has, and without.
    assert_eq!(post(&running, submission(10, 20, 3).encode()).await.0, 422);
    let bare = Submission { proof: Vec::new(), ..submission(10, 20, u64::MAX) };
    assert_eq!(post(&running, bare.encode()).await.0, 422);
    let more = Submission { proof: vec![Hash([1; 32])], ..submission(10, 10, u64::MAX) };
    assert_eq!(post(&running, more.encode()).await.0, 422);

    let larger = Submission { old: 11, ..submission(10, 10, u64::MAX) };
    assert_eq!(post(&running, larger.encode()).await.0, 400);
    assert_eq!(post(&running, b"old 10\n".to_vec()).await.0, 400);
    assert_eq!(post(&running, b"old 10\n\nno note\n".to_vec()).await.0, 400);
    let (head, _) = tree(20, u64::MAX);
    let other = SigningKey::from_bytes(&[9; 32]);
    let forged = Submission { checkpoint: signed(ORIGIN, &head, &other), ..submission(10, 20, u64::MAX) };
    assert_eq!(post(&running, forged.encode()).await.0, 403);
    let unknown = Submission { checkpoint: signed("court-1/bank", &head, &log_key()), ..submission(10, 20, u64::MAX) };
    assert_eq!(post(&running, unknown.encode()).await.0, 404);
    assert_eq!(post(&running, vec![b'a'; 65 << 10]).await.0, 413);
    // Nothing of all that has moved what it knows.
    assert_eq!(post(&running, submission(10, 20, u64::MAX).encode()).await.0, 200);
    running.stop().await;
}

#[tokio::test]
async fn what_was_cosigned_is_known_after_a_restart_and_of_two_at_once_one_is_told_to_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let (running, _) = serving(&folder.path().join("w")).await;
    assert_eq!(post(&running, submission(0, 10, u64::MAX).encode()).await.0, 200);
    running.stop().await;
    let witness = witness(&folder.path().join("w"));
    let forked = witness.add_checkpoint(&submission(0, 12, 3).encode()).await.unwrap();
    assert_eq!(forked, Answer::Conflict(10));
    let (larger, smaller) = (submission(10, 30, u64::MAX).encode(), submission(10, 20, u64::MAX).encode());
    let (one, two) = tokio::join!(witness.add_checkpoint(&larger), witness.add_checkpoint(&smaller));
    assert!(matches!(one.unwrap(), Answer::Cosigned(_)));
    assert_eq!(two.unwrap(), Answer::Conflict(30));
}
