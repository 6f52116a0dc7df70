#![allow(clippy::unwrap_used)]
use super::*;
use crate::signer::{SignerCore, SignerIdentity};
use async_trait::async_trait;
use comity_model::Height;
use comity_store::RedbStore;
use comity_verify::seal;
use secrecy::SecretBox;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// A chain that takes every batch, does not answer while `down`, and refuses while `strict`.
#[derive(Default)]
struct Chain {
    batches: Mutex<Vec<AssetBatch>>,
    down: AtomicBool,
    strict: AtomicBool,
}

#[async_trait]
impl Submit for Chain {
    async fn submit(&self, messages: Vec<Message>) -> Result<Outcome, PortError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(PortError::Unavailable("down".into()));
        }
        if self.strict.load(Ordering::SeqCst) {
            return Ok(Outcome::Refused { code: "ASSET_HELD".parse().unwrap(), detail: String::new() });
        }
        for message in messages {
            let Message::RegisterAssets { batch, seal } = message else { panic!("not a batch of assets") };
            let key = core().public_key();
            seal::check(seal::TAG_ASSETS, &batch, &key, &seal, comity_model::seal::Suites::NATIVE).unwrap();
            self.batches.lock().unwrap().push(batch);
        }
        Ok(Outcome::Committed { height: Height(1), events: Vec::new() })
    }
}

fn core() -> SignerCore {
    let identity = SignerIdentity {
        institution: "bank".parse().unwrap(),
        chain: "bank-1".parse().unwrap(),
        officers: Vec::new(),
        rules: Vec::new(),
    };
    SignerCore::new(identity, &SecretBox::new(Box::new([3; 32])))
}

struct World {
    register: AssetRegister,
    chain: Arc<Chain>,
    _folder: tempfile::TempDir,
}

fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(RedbStore::open(&folder.path().join("store")).unwrap());
    let chain = Arc::new(Chain::default());
    let signer = SignerClient::in_task(core());
    let register = AssetRegister::new("bank".parse().unwrap(), "bank-1".parse().unwrap(), store, chain.clone(), signer);
    World { register, chain, _folder: folder }
}

fn account(reference: &str, minor: u64) -> NewAsset {
    NewAsset {
        sector: "accounts".parse().unwrap(),
        reference: reference.into(),
        value: Some(Amount::cny(minor)),
        enforcement: Enforcement::Attested,
    }
}

#[tokio::test]
async fn an_asset_is_found_by_its_reference_and_its_handle_tells_nothing() {
    let world = world();
    let handles = world.register.register(vec![account("6222020001", 5), account("6222020002", 6)]).await.unwrap();
    let found = world.register.find(&"accounts".parse().unwrap(), "6222020002").await.unwrap().unwrap();
    assert_eq!(found, KnownAsset { handle: handles.handles[1].0, value: Some(Amount::cny(6)) });
    assert!(handles.handles[0] != handles.handles[1]);
    let bytes = encode(&world.chain.batches.lock().unwrap()[0]);
    assert!(!bytes.windows(6).any(|window| window == b"622202"));
    for reference in ["6222020003", "", "a\nb"] {
        assert_eq!(world.register.find(&"accounts".parse().unwrap(), reference).await.unwrap(), None);
    }
    assert_eq!(world.register.find(&"parcels".parse().unwrap(), "6222020001").await.unwrap(), None);
}

#[tokio::test]
async fn what_could_not_be_submitted_is_submitted_later_under_the_same_handle() {
    let world = world();
    world.chain.down.store(true, Ordering::SeqCst);
    assert!(world.register.register(vec![account("1", 5)]).await.is_err());
    let known = world.register.find(&"accounts".parse().unwrap(), "1").await.unwrap().unwrap();
    world.chain.down.store(false, Ordering::SeqCst);
    let registered = world.register.register(vec![account("1", 5)]).await.unwrap();
    assert_eq!(registered, Registered { handles: vec![(known.handle, true)], header: Some(Height(2)) });
    assert_eq!(world.chain.batches.lock().unwrap().len(), 1);
    let again = world.register.register(vec![account("1", 5)]).await.unwrap();
    assert_eq!(again, Registered { handles: vec![(known.handle, false)], header: None });
    assert_eq!(world.chain.batches.lock().unwrap().len(), 1, "nothing is submitted twice");
}

#[tokio::test]
async fn a_new_value_keeps_the_handle_and_a_new_form_is_refused() {
    let world = world();
    let first = world.register.register(vec![account("1", 5)]).await.unwrap();
    let second = world.register.register(vec![account("1", 9)]).await.unwrap();
    assert_eq!(first.handles, second.handles);
    assert_eq!(world.chain.batches.lock().unwrap()[1].assets[0].value, Some(Amount::cny(9)));
    let whole = NewAsset { value: None, ..account("1", 0) };
    assert!(matches!(world.register.register(vec![whole]).await, Err(AssetError::Changed)));
}

#[tokio::test]
async fn a_value_that_the_chain_refuses_is_not_believed_here_either() {
    let world = world();
    let known = world.register.register(vec![account("1", 9)]).await.unwrap().handles[0].0;
    world.chain.strict.store(true, Ordering::SeqCst);
    let refused = world.register.register(vec![account("1", 5), account("2", 7)]).await;
    assert!(matches!(refused, Err(AssetError::Refused(code)) if code.as_str() == "ASSET_HELD"));
    let found = world.register.find(&"accounts".parse().unwrap(), "1").await.unwrap().unwrap();
    assert_eq!(found, KnownAsset { handle: known, value: Some(Amount::cny(9)) });
    world.chain.strict.store(false, Ordering::SeqCst);
    let again = world.register.register(vec![account("1", 9)]).await.unwrap();
    assert_eq!(again.header, None, "it still stands on the chain as it did");
}

#[tokio::test]
async fn a_large_register_goes_in_batches() {
    let world = world();
    let assets = (0..1_001).map(|number| account(&number.to_string(), 1)).collect();
    assert_eq!(world.register.register(assets).await.unwrap().handles.len(), 1_001);
    let sizes: Vec<_> = world.chain.batches.lock().unwrap().iter().map(|batch| batch.assets.len()).collect();
    assert_eq!(sizes, [500, 500, 1]);
}

#[tokio::test]
async fn bad_references_and_repeated_ones_are_refused() {
    let world = world();
    for reference in ["", "a\u{0}b", &"x".repeat(129)] {
        let refused = world.register.register(vec![account(reference, 1)]).await;
        assert!(matches!(refused, Err(AssetError::Reference)), "{reference:?}");
    }
    let twice = world.register.register(vec![account("1", 1), account("1", 2)]).await;
    assert!(matches!(twice, Err(AssetError::Twice)));
}
