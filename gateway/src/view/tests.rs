//! A view over a chain of headers that are signed here.
#![allow(clippy::unwrap_used)]

use super::*;
use async_trait::async_trait;
use comity_model::seal::Suites;
use comity_model::{Hash, Time};
use comity_store::RedbStore;
use comity_verify::comet::{
    AppHash, BlockId, Commit, CommitSig, Header, PartSetHeader, Validator, ValidatorSet, Version, Vote, vote_bytes,
};
use ed25519_dalek::{Signer, SigningKey};
use std::sync::Mutex as Lock;

const START_S: i64 = 1_800_000_000;

/// Headers 1 to `latest`, one second apart.
struct Fake {
    keys: Vec<SigningKey>,
    latest: Lock<u64>,
    /// What its state says: another one makes other headers.
    app: Lock<u8>,
    /// Whether it shows a signature that is none.
    forges: Lock<bool>,
    /// How often its latest height was asked for.
    asked: Lock<u64>,
}

impl Fake {
    fn new() -> Arc<Self> {
        let keys = (1..=4).map(|n| SigningKey::from_bytes(&[n; 32])).collect();
        Arc::new(Self { keys, latest: Lock::new(10), app: Lock::new(1), forges: Lock::new(false), asked: Lock::new(0) })
    }

    fn validators(&self) -> ValidatorSet {
        let of = |key: &SigningKey| Validator { public_key: key.verifying_key().to_bytes(), power: 10 };
        ValidatorSet::new(self.keys.iter().map(of).collect()).unwrap()
    }

    fn block(&self, height: u64) -> LightBlock {
        let validators = self.validators();
        let chain_id: ChainId = "court-1".parse().unwrap();
        let header = Header {
            version: Version { block: 11, app: 1 },
            chain_id: chain_id.clone(),
            height: Height(height),
            time: at(height),
            last_block_id: (height > 1)
                .then_some(BlockId { hash: Hash([8; 32]), parts: PartSetHeader { total: 1, hash: Hash([8; 32]) } }),
            last_commit_hash: Some(Hash([2; 32])),
            data_hash: Some(Hash([3; 32])),
            validators_hash: validators.hash(),
            next_validators_hash: validators.hash(),
            consensus_hash: Some(Hash([4; 32])),
            app_hash: AppHash::from(Hash([*self.app.lock().unwrap(); 32])),
            last_results_hash: Some(Hash([5; 32])),
            evidence_hash: Some(Hash([6; 32])),
            proposer_address: validators.addresses()[0],
        };
        let block_id = BlockId { hash: header.hash(), parts: PartSetHeader { total: 1, hash: Hash([7; 32]) } };
        let bytes = vote_bytes(&chain_id, Height(height), 0, Some(&block_id), header.time);
        let vote = |validator: &Validator| {
            let key = self.keys.iter().find(|key| key.verifying_key().to_bytes() == validator.public_key).unwrap();
            let mut signature = key.sign(&bytes).to_bytes();
            if *self.forges.lock().unwrap() {
                signature[1] ^= 1;
            }
            CommitSig::Commit(Vote { address: validator.address(), time: header.time, signature })
        };
        let signatures = validators.validators().iter().map(vote).collect();
        let commit = Commit { height: Height(height), round: 0, block_id, signatures };
        LightBlock { header, commit, validators }
    }

    fn anchor(&self) -> Anchor {
        let header = self.block(1).header;
        Anchor {
            chain_id: header.chain_id.clone(),
            height: header.height,
            header_hash: header.hash(),
            validators_hash: header.validators_hash,
            trusting_period_secs: 1_000,
            clock_drift_secs: 5,
            operators: 4,
            suites: Suites::NATIVE,
        }
    }
}

#[async_trait]
impl HeaderSource for Fake {
    async fn latest(&self) -> Result<Height, ApiError> {
        let latest = *self.latest.lock().unwrap();
        *self.asked.lock().unwrap() += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok(Height(latest))
    }

    async fn light_block(&self, height: Height) -> Result<LightBlock, ApiError> {
        Ok(self.block(height.0))
    }
}

fn at(height: u64) -> Time {
    Time::new(START_S + i64::try_from(height).unwrap(), 0).unwrap()
}

fn clock(seconds: u64) -> Clock {
    Clock::from_fn(move || at(seconds))
}

struct World {
    fake: Arc<Fake>,
    store: Arc<dyn Store>,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(RedbStore::open(&folder.path().join("views.redb")).unwrap());
        Self { fake: Fake::new(), store, _folder: folder }
    }

    async fn view(&self, now: u64) -> Arc<ChainView> {
        self.view_from(self.fake.anchor(), now).await
    }

    async fn view_from(&self, anchor: Anchor, now: u64) -> Arc<ChainView> {
        ChainView::open(anchor, self.fake.clone(), self.store.clone(), clock(now)).await.unwrap()
    }
}

fn reason<T>(result: Result<T, ApiError>) -> Reason {
    result.err().unwrap().reason()
}

#[tokio::test]
async fn a_view_follows_its_source_and_remembers_across_restarts() {
    let world = World::new();
    let view = world.view(20).await;
    assert!(view.verified().is_none());
    assert_eq!(view.fresh().await.unwrap().height(), Height(10));
    *world.fake.latest.lock().unwrap() = 18;
    assert_eq!(view.fresh().await.unwrap().height(), Height(18));
    assert_eq!(view.header(Height(12)).await.unwrap().height(), Height(12));
    assert_eq!(view.verified().unwrap().height(), Height(18), "an older header does not set it back");
    drop(view);
    let again = world.view(20).await;
    assert_eq!(again.verified().unwrap().height(), Height(18), "written 10 s after the first one");
}

#[tokio::test]
async fn who_asks_at_once_shares_one_look_and_nobody_is_told_of_a_look_that_began_before_the_question() {
    let world = World::new();
    let view = world.view(30).await;
    assert!(view.fresh().await.is_ok());
    *world.fake.asked.lock().unwrap() = 0;
    let first = view.fresh();
    let others = async {
        // The first look is under way and found 10: these ask later.
        tokio::time::sleep(Duration::from_millis(1)).await;
        *world.fake.latest.lock().unwrap() = 18;
        futures::future::join_all((0..100).map(|_| view.fresh())).await
    };
    let (first, others) = tokio::join!(first, others);
    assert_eq!(first.unwrap().height(), Height(10));
    assert!(others.into_iter().all(|header| header.unwrap().height() == Height(18)));
    assert_eq!(*world.fake.asked.lock().unwrap(), 2);
}

#[tokio::test]
async fn only_the_anchored_header_is_where_a_view_starts() {
    let world = World::new();
    let mut anchor = world.fake.anchor();
    anchor.header_hash = Hash([1; 32]);
    let view = world.view_from(anchor, 20).await;
    let error = view.fresh().await.unwrap_err();
    assert_eq!((error.reason(), error.metadata("rule")), (Reason::ProofRefused, Some("ANCHOR")));
    assert!(view.verified().is_none());
    assert_eq!(reason(world.view(20).await.link(Height(0)).await), Reason::HeightGone);
}

#[tokio::test]
async fn a_source_that_forges_is_refused_and_believed_again_once_it_tells_the_truth() {
    let world = World::new();
    let view = world.view(20).await;
    let _ = view.trusted().await.unwrap();
    *world.fake.forges.lock().unwrap() = true;
    let error = view.fresh().await.unwrap_err();
    assert_eq!((error.reason(), error.metadata("rule")), (Reason::ProofRefused, Some("SIGNATURE")));
    *world.fake.forges.lock().unwrap() = false;
    assert_eq!(view.fresh().await.unwrap().height(), Height(10));
}

#[tokio::test]
async fn two_signed_headers_of_one_height_freeze_the_view_for_good() {
    let world = World::new();
    let anchor = world.fake.anchor();
    let view = world.view_from(anchor.clone(), 20).await;
    let trusted = view.trusted().await.unwrap();
    assert!(view.fresh().await.is_ok());
    *world.fake.app.lock().unwrap() = 2;
    let other = LightStep::new(&trusted, world.fake.validators(), world.fake.block(10));
    assert_eq!(reason(view.accept(&trusted, &[other]).await), Reason::ChainFrozen);
    assert_eq!(reason(view.fresh().await), Reason::ChainFrozen);
    assert_eq!(reason(view.header(Height(10)).await), Reason::ChainFrozen);
    let again = world.view_from(anchor, 20).await;
    assert!(again.is_frozen());
    assert_eq!(reason(again.trusted().await), Reason::ChainFrozen);
    // Only another anchor starts anew.
    assert!(!world.view(20).await.is_frozen());
}

#[tokio::test]
async fn what_one_gateway_proved_against_a_chain_freezes_the_others_over_its_store_and_is_not_written_over() {
    let world = World::new();
    let anchor = world.fake.anchor();
    let (one, other) = (world.view_from(anchor.clone(), 30).await, world.view_from(anchor.clone(), 30).await);
    let trusted = one.trusted().await.unwrap();
    assert!(one.fresh().await.is_ok() && other.fresh().await.is_ok());
    *world.fake.app.lock().unwrap() = 2;
    let step = LightStep::new(&trusted, world.fake.validators(), world.fake.block(10));
    assert_eq!(reason(one.accept(&trusted, &[step]).await), Reason::ChainFrozen);
    *world.fake.app.lock().unwrap() = 1;
    assert!(!other.is_frozen());
    // The next time it writes what it verified, it learns.
    *world.fake.latest.lock().unwrap() = 25;
    assert_eq!(reason(other.fresh().await), Reason::ChainFrozen);
    assert!(world.view_from(anchor, 30).await.is_frozen());
}

#[tokio::test]
async fn a_gateway_that_is_behind_does_not_set_the_stored_view_back() {
    let world = World::new();
    let (ahead, behind) = (world.view(40).await, world.view(40).await);
    assert_eq!(behind.fresh().await.unwrap().height(), Height(10));
    *world.fake.latest.lock().unwrap() = 35;
    assert_eq!(ahead.fresh().await.unwrap().height(), Height(35));
    assert_eq!(behind.header(Height(21)).await.unwrap().height(), Height(21));
    assert_eq!(world.view(40).await.verified().unwrap().height(), Height(35));
}

#[tokio::test]
async fn a_view_that_slept_past_the_trusting_period_says_so() {
    let world = World::new();
    assert!(world.view(20).await.fresh().await.is_ok());
    *world.fake.latest.lock().unwrap() = 2_000;
    assert_eq!(reason(world.view(2_000).await.fresh().await), Reason::TrustExpired);
}

#[tokio::test]
async fn steps_and_links_lead_where_they_say() {
    let world = World::new();
    let view = world.view(20).await;
    let trusted = view.header(Height(3)).await.unwrap();
    let steps = view.steps(Height(3), Height(9)).await.unwrap();
    assert_eq!(steps.len(), 1, "one step where the validators are the same");
    let other = World::new().view(20).await;
    assert_eq!(other.accept(&trusted, &steps).await.unwrap().height(), Height(9));
    assert!(view.steps(Height(9), Height(9)).await.unwrap().is_empty());
    let (anchor, steps) = view.link(Height(9)).await.unwrap();
    assert_eq!((anchor.header.height, steps.len()), (Height(1), 1));
}

#[tokio::test]
async fn a_header_that_comes_soon_is_waited_for() {
    let world = World::new();
    let (view, fake) = (world.view(20).await, world.fake.clone());
    tokio::spawn(async move {
        tokio::time::sleep(WAIT_STEP * 3).await;
        *fake.latest.lock().unwrap() = 11;
    });
    assert_eq!(view.header_soon(Height(11)).await.unwrap().height(), Height(11));
}
