//! One chain in memory: an [`App`] and blocks signed by four validators.

use super::keys;
use comity_ledger_app::{App, Block, Finalized, Query, QueryResponse};
use comity_model::genesis::Genesis;
use comity_model::governance::ValidatorUpdate;
use comity_model::state::StatePath;
use comity_model::{ChainId, Hash, Height, Time};
use comity_verify::comet::{
    self, BlockId, Commit, CommitSig, Header, LightBlock, Validator, ValidatorSet, Version, Vote,
};
use comity_verify::light::LightStep;
use ed25519_dalek::{Signer, SigningKey};

/// A chain in memory.
pub struct TestChain {
    pub id: ChainId,
    pub app: App,
    /// Signed blocks, from height 1.
    pub blocks: Vec<LightBlock>,
    /// The transactions of each, and what it came to.
    pub history: Vec<(Vec<Vec<u8>>, Finalized)>,
    set: ValidatorSet,
    keys: Vec<SigningKey>,
    app_hash: Hash,
    results_hash: Option<Hash>,
}

/// The validators of a test chain, for its genesis.
pub fn validators(chain: &str) -> Vec<ValidatorUpdate> {
    (0..4)
        .map(|index| ValidatorUpdate { public_key: keys::public(&format!("{chain} validator {index}")), power: 10 })
        .collect()
}

impl TestChain {
    /// A chain that begins with `genesis`, whose validators are [`validators`].
    pub fn new(genesis: &Genesis) -> Self {
        Self::over(App::in_memory().unwrap(), genesis)
    }

    /// The same over an application of the test's choice.
    pub fn over(mut app: App, genesis: &Genesis) -> Self {
        let begun = app.init_chain(genesis).unwrap();
        let validators =
            begun.validators.iter().map(|update| Validator { public_key: update.public_key, power: update.power });
        let set = ValidatorSet::new(validators.collect()).unwrap();
        let names = (0..4).map(|index| format!("{} validator {index}", genesis.chain));
        let all: Vec<SigningKey> = names.map(|name| keys::key(&name)).collect();
        let in_order = set.validators().iter().map(|validator| {
            let own = |key: &&SigningKey| key.verifying_key().to_bytes() == validator.public_key;
            all.iter().find(own).unwrap().clone()
        });
        Self {
            id: genesis.chain.clone(),
            app,
            blocks: Vec::new(),
            history: Vec::new(),
            keys: in_order.collect(),
            set,
            app_hash: begun.app_hash,
            results_hash: None,
        }
    }

    /// Makes, signs, carries out and commits the next block.
    pub fn block(&mut self, time: Time, txs: &[Vec<u8>]) -> Finalized {
        let header = self.next_header(time, txs);
        let signed = self.sign(header.clone(), txs);
        let finalized =
            self.app.finalize_block(&Block { height: header.height, time, hash: header.hash(), txs }).unwrap();
        self.app.commit().unwrap();
        self.app_hash = finalized.app_hash;
        let outcomes: Vec<_> = finalized
            .tx_results
            .iter()
            .map(|result| comet::TxOutcome { code: result.code, ..comet::TxOutcome::default() })
            .collect();
        self.results_hash = Some(comet::results_hash(&outcomes));
        self.blocks.push(signed);
        self.history.push((txs.to_vec(), finalized.clone()));
        finalized
    }

    /// The header that follows, over `txs`.
    pub fn next_header(&self, time: Time, txs: &[Vec<u8>]) -> Header {
        let last = self.blocks.last().map(|block| &block.commit);
        Header {
            version: Version { block: comet::BLOCK_PROTOCOL, app: 1 },
            chain_id: self.id.clone(),
            height: Height(self.height() + 1),
            time,
            last_block_id: last.map(|commit| commit.block_id),
            last_commit_hash: Some(last.map_or_else(comity_verify::merkle::empty_root, comet::commit_hash)),
            data_hash: Some(comet::data_hash(txs)),
            validators_hash: self.set.hash(),
            next_validators_hash: self.set.hash(),
            consensus_hash: Some(comet::consensus_hash(1 << 22, -1)),
            app_hash: self.app_hash.into(),
            last_results_hash: self.results_hash,
            evidence_hash: Some(comet::evidence_hash()),
            proposer_address: self.set.addresses()[0],
        }
    }

    /// A header with a commit by all validators.
    pub fn sign(&self, header: Header, txs: &[Vec<u8>]) -> LightBlock {
        let last = self.blocks.last().map(|block| &block.commit);
        let block_id = BlockId { hash: header.hash(), parts: comet::parts(&comet::block_bytes(&header, txs, last)) };
        let bytes = comet::vote_bytes(&self.id, header.height, 0, Some(&block_id), header.time);
        let votes = self.keys.iter().zip(self.set.addresses()).map(|(key, address)| {
            CommitSig::Commit(Vote { address: *address, time: header.time, signature: key.sign(&bytes).to_bytes() })
        });
        LightBlock {
            commit: Commit { height: header.height, round: 0, block_id, signatures: votes.collect() },
            validators: self.set.clone(),
            header,
        }
    }

    /// The last height.
    pub fn height(&self) -> u64 {
        self.blocks.len() as u64
    }

    /// The signed block of a height.
    pub fn light_block(&self, height: u64) -> &LightBlock {
        &self.blocks[usize::try_from(height).unwrap() - 1]
    }

    /// The step of a light client to a height; the validators never change here.
    pub fn step(&self, height: u64) -> Vec<u8> {
        step(self.light_block(height).clone())
    }

    /// The value at a path and its proof (or that of its absence) under the header of `height`.
    pub fn proven(&self, path: &StatePath, height: u64) -> (Vec<u8>, Vec<u8>) {
        let key = comity_verify::state::key(path);
        let answer = self.query("/state", &key, Some(height - 1), true);
        assert_eq!(answer.code, 0, "{}", answer.log);
        (answer.value, answer.proof)
    }

    /// The value at a path as it stands now.
    pub fn value<T: borsh::BorshDeserialize>(&self, path: &StatePath) -> Option<T> {
        let key = comity_verify::state::key(path);
        let answer = self.query("/state", &key, None, false);
        (!answer.value.is_empty()).then(|| comity_model::decode("a value", &answer.value).unwrap())
    }

    /// Any question.
    pub fn query(&self, path: &str, data: &[u8], height: Option<u64>, prove: bool) -> QueryResponse {
        let height = height.map(Height);
        self.app.query(&Query { path, data, height, prove }).unwrap()
    }
}

/// A light block as the bytes of a step from a header with the same validators.
pub fn step(block: LightBlock) -> Vec<u8> {
    comity_model::encode(&LightStep { trusted_next: None, block })
}
