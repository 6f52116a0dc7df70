#![allow(clippy::unwrap_used)]
use super::*;
use crate::signer::{SignerCore, SignerIdentity};
use async_trait::async_trait;
use comity_model::{Hash, Height};
use comity_store::RedbStore;
use comity_verify::seal;
use secrecy::SecretBox;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A chain that keeps assets by its rules, does not answer while `down`, and refuses while `strict`.
#[derive(Default)]
struct Chain {
    batches: Mutex<Vec<AssetBatch>>,
    assets: Mutex<BTreeMap<AssetHandle, Asset>>,
    down: AtomicBool,
    strict: AtomicBool,
    /// How many blocks its proofs lag behind.
    lag: AtomicUsize,
}

impl Chain {
    /// What an order does to an asset, as the chain carries it out.
    fn order(&self, handle: AssetHandle, change: impl FnOnce(&mut Asset)) {
        let mut assets = self.assets.lock().unwrap();
        let asset = assets.get_mut(&handle).unwrap();
        change(asset);
        asset.revision += 1;
    }
}

#[async_trait]
impl Submit for Chain {
    async fn submit(&self, messages: Vec<Message>) -> Result<Outcome, PortError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(PortError::Unavailable("down".into()));
        }
        let refused = |code: &str| Ok(Outcome::Refused { code: code.parse().unwrap(), detail: String::new() });
        if self.strict.load(Ordering::SeqCst) {
            return refused("ASSET_HELD");
        }
        for message in messages {
            let Message::RegisterAssets { batch, seal } = message else { panic!("not a batch of assets") };
            let key = core().public_key();
            seal::check(seal::TAG_ASSETS, &batch, &key, &seal, comity_model::seal::Suites::NATIVE).unwrap();
            let mut assets = self.assets.lock().unwrap();
            let follows =
                |asset: &Asset| asset.revision == assets.get(&asset.handle).map_or(0, |known| known.revision) + 1;
            if !batch.assets.iter().all(follows) {
                return refused("ASSET_REVISION");
            }
            assets.extend(batch.assets.iter().map(|asset| (asset.handle, asset.clone())));
            self.batches.lock().unwrap().push(batch);
        }
        Ok(Outcome::Committed { tx: Hash([0; 32]), height: Height(1), events: Vec::new() })
    }
}

#[async_trait]
impl ProvenAssets for Chain {
    async fn asset(&self, handle: &AssetHandle, at_least: Height) -> Result<(Option<Asset>, Height), ApiError> {
        let mut asset = self.assets.lock().unwrap().get(handle).cloned();
        // What lags behind shows the state before the last change, until a newer header is asked for.
        if at_least == Height(0) && self.lag.load(Ordering::SeqCst) > 0 {
            asset = asset.map(|asset| Asset { revision: asset.revision - 1, ..asset });
        }
        Ok((asset, at_least.max(Height(2))))
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
    let register = AssetRegister::new(
        "bank".parse().unwrap(),
        "bank-1".parse().unwrap(),
        store,
        chain.clone(),
        chain.clone(),
        signer,
    );
    World { register, chain, _folder: folder }
}

fn account(reference: &str, minor: u64) -> NewAsset {
    NewAsset {
        sector: "accounts".parse().unwrap(),
        reference: reference.into(),
        value: Some(Amount::cny(minor)),
        enforcement: Enforcement::Attested,
        follows: None,
    }
}

#[tokio::test]
async fn an_asset_is_found_by_its_reference_and_its_handle_tells_nothing() {
    let world = world();
    let handles = world.register.register(vec![account("6222020001", 5), account("6222020002", 6)]).await.unwrap();
    let found = world.register.find(&"accounts".parse().unwrap(), "6222020002").await.unwrap().unwrap();
    assert_eq!(found, KnownAsset { handle: handles.assets[1].handle, value: Some(Amount::cny(6)) });
    assert!(handles.assets[0].handle != handles.assets[1].handle);
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
    let asset = |changed| RegisteredAsset { handle: known.handle, revision: 1, changed };
    assert_eq!(registered, Registered { assets: vec![asset(true)], header: Some(Height(2)) });
    assert_eq!(world.chain.batches.lock().unwrap().len(), 1);
    let again = world.register.register(vec![account("1", 5)]).await.unwrap();
    assert_eq!(again, Registered { assets: vec![asset(false)], header: None });
    assert_eq!(world.chain.batches.lock().unwrap().len(), 1, "nothing is submitted twice");
}

#[tokio::test]
async fn a_new_value_keeps_the_handle_and_a_new_form_is_refused() {
    let world = world();
    let first = world.register.register(vec![account("1", 5)]).await.unwrap();
    let second = world.register.register(vec![account("1", 9)]).await.unwrap();
    assert_eq!(first.assets[0].handle, second.assets[0].handle);
    assert_eq!(world.chain.batches.lock().unwrap()[1].assets[0].value, Some(Amount::cny(9)));
    let whole = NewAsset { value: None, ..account("1", 0) };
    assert!(matches!(world.register.register(vec![whole]).await, Err(AssetError::Changed)));
}

#[tokio::test]
async fn a_value_that_the_chain_refuses_is_not_believed_here_either() {
    let world = world();
    let known = world.register.register(vec![account("1", 9)]).await.unwrap().assets[0].handle;
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
    assert_eq!(world.register.register(assets).await.unwrap().assets.len(), 1_001);
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

#[tokio::test]
async fn a_new_value_follows_what_orders_did_on_the_chain() {
    let world = world();
    let handle = world.register.register(vec![account("1", 900)]).await.unwrap().assets[0].handle;
    world.chain.order(handle, |asset| asset.value = Some(Amount::cny(600)));

    // The bank's books say what the chain says: nothing is to be done.
    let same = world.register.register(vec![account("1", 600)]).await.unwrap();
    assert_eq!(same.assets, [RegisteredAsset { handle, revision: 2, changed: false }]);
    // The value from before the deduction is not taken for unchanged.
    let more = world.register.register(vec![account("1", 900)]).await.unwrap();
    assert_eq!(more.assets, [RegisteredAsset { handle, revision: 3, changed: true }]);

    // Who says which state is followed is refused when another stands.
    let follows = |follows| NewAsset { follows: Some(follows), ..account("1", 700) };
    assert!(matches!(world.register.register(vec![follows(2)]).await, Err(AssetError::Revision)));
    assert!(matches!(world.register.check(&follows(2)).await, Err(AssetError::Revision)));
    assert!(world.register.check(&follows(3)).await.is_ok());
    assert_eq!(world.register.register(vec![follows(3)]).await.unwrap().assets[0].revision, 4);

    // An order that comes between reading and writing is seen under the next header.
    world.chain.lag.store(1, Ordering::SeqCst);
    assert_eq!(world.register.register(vec![account("1", 500)]).await.unwrap().assets[0].revision, 5);
}

#[tokio::test]
async fn what_went_over_to_a_new_owner_goes_on_under_its_new_handle_or_not_at_all() {
    let world = world();
    let handle = world.register.register(vec![account("1", 900)]).await.unwrap().assets[0].handle;
    let successor = AssetHandle([7; 32]);
    let mut went_on = world.chain.assets.lock().unwrap()[&handle].clone();
    went_on.handle = successor;
    world.chain.assets.lock().unwrap().insert(successor, went_on);
    world.chain.order(handle, |asset| asset.status = AssetStatus::Transferred { successor: Some(successor) });
    let registered = world.register.register(vec![account("1", 800)]).await.unwrap();
    assert_eq!(registered.assets, [RegisteredAsset { handle: successor, revision: 2, changed: true }]);
    let found = world.register.find(&"accounts".parse().unwrap(), "1").await.unwrap().unwrap();
    assert_eq!(found.handle, successor);
    world.chain.order(successor, |asset| asset.status = AssetStatus::Transferred { successor: None });
    assert!(matches!(world.register.register(vec![account("1", 700)]).await, Err(AssetError::Gone)));
}
