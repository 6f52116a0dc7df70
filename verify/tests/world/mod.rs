//! A small chain to test against: keys, headers, commits, and a Jellyfish Merkle tree as its state.
#![allow(dead_code, clippy::unwrap_used)]

use comity_model::seal::Suites;
use comity_model::state::StatePath;
use comity_model::{ChainId, Hash, Height, Time};
use comity_verify::comet::{
    AppHash, BlockId, Commit, CommitSig, Header, LightBlock, PartSetHeader, Validator, ValidatorSet, Version, Vote,
    vote_sign_bytes,
};
use comity_verify::light::{Anchor, ClientParams, TrustedHeader};
use ed25519_dalek::{Signer, SigningKey};
use jmt::mock::MockTreeStore;
use jmt::{JellyfishMerkleTree, KeyHash};
use prost_for_ics23::Message;
use sha2_for_jmt::Sha256;
use std::collections::BTreeMap;

/// A validator's number is its key's seed.
pub(crate) fn signer(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub(crate) fn public(seed: u8) -> [u8; 32] {
    signer(seed).verifying_key().to_bytes()
}

pub(crate) fn set(members: &[(u8, u64)]) -> ValidatorSet {
    let validators = members.iter().map(|(seed, power)| Validator { public_key: public(*seed), power: *power });
    ValidatorSet::new(validators.collect()).unwrap()
}

pub(crate) fn chain() -> ChainId {
    "court-1".parse().unwrap()
}

pub(crate) fn at(seconds: i64) -> Time {
    Time::new(1_700_000_000 + seconds, 0).unwrap()
}

/// The header of height h: its time is h seconds after height 0.
pub(crate) fn header(height: u64, validators: &ValidatorSet, next: &ValidatorSet, app: Hash) -> Header {
    Header {
        version: Version { block: 11, app: 1 },
        chain_id: chain(),
        height: Height(height),
        time: at(height.try_into().unwrap()),
        last_block_id: (height > 1)
            .then_some(BlockId { hash: Hash([1; 32]), parts: PartSetHeader { total: 1, hash: Hash([2; 32]) } }),
        last_commit_hash: Some(Hash([3; 32])),
        data_hash: Some(Hash([4; 32])),
        validators_hash: validators.hash(),
        next_validators_hash: next.hash(),
        consensus_hash: Some(Hash([5; 32])),
        app_hash: AppHash::from(app),
        last_results_hash: Some(Hash([6; 32])),
        evidence_hash: Some(Hash([7; 32])),
        proposer_address: validators.addresses()[0],
    }
}

/// The header with a commit by all validators of `seeds` that are in the set.
pub(crate) fn block(header: Header, validators: &ValidatorSet, seeds: &[u8]) -> LightBlock {
    let block_id = BlockId { hash: header.hash(), parts: PartSetHeader { total: 1, hash: Hash([8; 32]) } };
    let mut commit = Commit {
        height: header.height,
        round: 0,
        block_id,
        signatures: vec![CommitSig::Absent; validators.validators().len()],
    };
    let keys: BTreeMap<[u8; 32], SigningKey> = seeds.iter().map(|seed| (public(*seed), signer(*seed))).collect();
    for (index, validator) in validators.validators().iter().enumerate() {
        if let Some(key) = keys.get(&validator.public_key) {
            let time = header.time.plus_nanos(index as u64 + 1);
            sign(&mut commit, index, key, &header.chain_id, validator.address(), time, true);
        }
    }
    LightBlock { header, commit, validators: validators.clone() }
}

/// Puts a vote at an index.
pub(crate) fn sign(
    commit: &mut Commit,
    index: usize,
    key: &SigningKey,
    chain_id: &ChainId,
    address: [u8; 20],
    time: Time,
    for_block: bool,
) {
    let vote = Vote { address, time, signature: [0; 64] };
    let entry = |vote| if for_block { CommitSig::Commit(vote) } else { CommitSig::Nil(vote) };
    commit.signatures[index] = entry(vote.clone());
    let bytes = vote_sign_bytes(chain_id, commit, index).unwrap();
    commit.signatures[index] = entry(Vote { signature: key.sign(&bytes).to_bytes(), ..vote });
}

pub(crate) fn anchor(block: &LightBlock) -> Anchor {
    Anchor {
        chain_id: block.header.chain_id.clone(),
        height: block.header.height,
        header_hash: block.header.hash(),
        validators_hash: block.header.validators_hash,
        trusting_period_secs: 1_000,
        clock_drift_secs: 5,
        operators: 1,
        suites: Suites::NATIVE,
    }
}

pub(crate) fn params() -> ClientParams {
    ClientParams { chain_id: chain(), trusting_period_secs: 1_000, clock_drift_secs: 5 }
}

pub(crate) fn pin(block: &LightBlock) -> TrustedHeader {
    TrustedHeader::pin(&anchor(block), block).unwrap()
}

/// A state in a Jellyfish Merkle tree, by raw key.
pub(crate) struct State {
    store: MockTreeStore,
    pub(crate) root: Hash,
}

impl State {
    pub(crate) fn of_paths(values: &[(StatePath, Vec<u8>)]) -> Self {
        let raw: Vec<(Vec<u8>, Vec<u8>)> =
            values.iter().map(|(path, value)| (comity_verify::state::key(path).to_vec(), value.clone())).collect();
        Self::of_keys(&raw)
    }

    pub(crate) fn of_keys(values: &[(Vec<u8>, Vec<u8>)]) -> Self {
        let store = MockTreeStore::default();
        let tree = JellyfishMerkleTree::<_, Sha256>::new(&store);
        for (key, _) in values {
            store.put_key_preimage(KeyHash::with::<Sha256>(key), key);
        }
        let set = values.iter().map(|(key, value)| (KeyHash::with::<Sha256>(key), Some(value.clone())));
        let (root, batch) = tree.put_value_set(set, 0).unwrap();
        store.write_tree_update_batch(batch).unwrap();
        Self { store, root: Hash(root.0) }
    }

    pub(crate) fn prove_key(&self, key: &[u8]) -> (Option<Vec<u8>>, Vec<u8>) {
        let tree = JellyfishMerkleTree::<_, Sha256>::new(&self.store);
        let (value, proof) = tree.get_with_ics23_proof(key.to_vec(), 0).unwrap();
        (value, proof.encode_to_vec())
    }

    pub(crate) fn prove(&self, path: &StatePath) -> Vec<u8> {
        self.prove_key(&comity_verify::state::key(path)).1
    }
}
