//! Making blocks, one after the other: header, signatures, application, store. The rules of CometBFT for what stands in
//! a block and when it is durable are here; when a block is made is the writer's business.
//!
//! Order of a block: the application carries it out in memory; block, signatures and results go to the store, durably;
//! then it is taken into the application's state; then anybody is told. A crash before the store is as if nothing had
//! been signed; a crash after it is healed at the next start by carrying the stored block out again. So the state is made
//! durable every [`STATE_SYNC_EVERY`] blocks only.

use crate::block;
use crate::fault::EngineError;
use crate::keys::Keys;
use crate::outcome::CommittedBlock;
use crate::store::BlockStore;
use comity_ledger_app::abci::APP_VERSION;
use comity_ledger_app::{App, Block, Finalized, Prepare};
use comity_model::genesis::Genesis;
use comity_model::governance::ValidatorUpdate;
use comity_model::{ChainId, Hash, Height, Time, UnixSeconds};
use comity_verify::comet::{self, BLOCK_PROTOCOL, BlockId, Commit, Header, Validator, ValidatorSet, Version};
use comity_verify::merkle;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How far a vote's time lies at least after its block's: block time rises with each block.
const VOTE_STEP_NANOS: u64 = 1_000_000;

/// Every so many blocks the application's state is synced: as many, at most, are carried out again after a crash.
const STATE_SYNC_EVERY: u64 = 16;

/// The chain's end, where the next block goes.
pub(crate) struct Chain {
    app: App,
    store: Arc<BlockStore>,
    keys: Keys,
    id: ChainId,
    next: Next,
    next_due: Option<UnixSeconds>,
}

/// What the next header takes from what came before.
struct Next {
    height: Height,
    /// BFT time: all votes for the block before carry it, so it is their weighted median.
    time: Time,
    last_id: Option<BlockId>,
    last_commit: Option<Commit>,
    app_hash: Hash,
    results_hash: Hash,
    /// Who signs it.
    validators: ValidatorSet,
    /// Who signs the one after.
    following: ValidatorSet,
}

/// A block that was made.
pub(crate) struct Made {
    pub(crate) block: CommittedBlock,
    /// The SHA-256 of each transaction.
    pub(crate) tx_hashes: Vec<Hash>,
    /// Whether a block that proves it is wanted.
    pub(crate) work: bool,
}

impl Chain {
    /// Opens the chain: begins it, or carries out again what the application lacks.
    pub(crate) fn open(
        mut app: App,
        store: Arc<BlockStore>,
        keys: Keys,
        genesis: &Genesis,
    ) -> Result<Self, EngineError> {
        let bytes = comity_model::encode(genesis);
        let first_app_hash = match store.genesis()? {
            Some((kept, hash)) if kept == bytes => {
                // The state's file was lost, not the blocks': they give it back.
                if app.info()?.time.is_none() {
                    let answer = app.init_chain(genesis)?;
                    same_state(Height(0), hash, answer.app_hash)?;
                }
                hash
            }
            Some(_) => return Err(EngineError::OtherGenesis),
            None => {
                let answer = app.init_chain(genesis)?;
                let validators = apply(None, &answer.validators, Height(0))?;
                store.begin(&bytes, answer.app_hash, &validators)?;
                answer.app_hash
            }
        };
        let mut chain = Self {
            next: Next::after(&store, store.height()?, genesis.time, first_app_hash)?,
            next_due: None,
            app,
            store,
            keys,
            id: genesis.chain.clone(),
        };
        chain.replay(first_app_hash)?;
        chain.next_due = chain.app.info()?.next_due;
        let height = chain.next.height;
        chain.keys.suffice(height, &chain.next.validators)?;
        chain.keys.suffice(height.next(), &chain.next.following)?;
        Ok(chain)
    }

    /// Carries out the stored blocks that the application has not, and compares what they give.
    fn replay(&mut self, first_app_hash: Hash) -> Result<(), EngineError> {
        let info = self.app.info()?;
        let last = self.store.height()?;
        if info.height > last {
            return Err(EngineError::AppAhead { app: info.height, store: last });
        }
        let expected = self.app_hash_after(info.height, first_app_hash)?;
        same_state(info.height, expected, info.app_hash)?;
        for height in info.height.0.saturating_add(1)..=last.0 {
            let height = Height(height);
            let meta = self.store.meta(height)?.ok_or_else(|| lost(height))?;
            let txs = self.store.txs(height)?;
            let finalized =
                self.app.finalize_block(&Block { height, time: meta.header.time, hash: meta.id.hash, txs: &txs })?;
            let expected = self.app_hash_after(height, first_app_hash)?;
            same_state(height, expected, finalized.app_hash)?;
            self.app.commit()?;
            tracing::info!(%height, "a stored block was carried out again");
        }
        Ok(())
    }

    fn app_hash_after(&self, height: Height, first: Hash) -> Result<Hash, EngineError> {
        if height.0 == 0 {
            return Ok(first);
        }
        let results = self.store.results(height)?.ok_or_else(|| lost(height))?;
        Ok(results.app_hash)
    }

    /// The time that the next header will carry.
    pub(crate) const fn time(&self) -> Time {
        self.next.time
    }

    /// When the next due date falls.
    pub(crate) const fn next_due(&self) -> Option<UnixSeconds> {
        self.next_due
    }

    /// What the application would put into the next block.
    pub(crate) fn choose(&self, txs: Vec<Vec<u8>>, now: Time, bytes_max: usize) -> Vec<Vec<u8>> {
        if txs.is_empty() {
            return txs;
        }
        self.app.prepare_proposal(&Prepare { height: self.next.height, time: self.next.time, now, txs, bytes_max })
    }

    /// Makes the next block of `txs`; durable, with its state, when it returns.
    pub(crate) fn make(&mut self, txs: Vec<Vec<u8>>, now: Time) -> Result<Made, EngineError> {
        let height = self.next.height;
        self.keys.suffice(height, &self.next.validators)?;
        let tx_hashes: Vec<Hash> = txs.iter().map(|tx| block::tx_hash(tx)).collect();
        let header = self.header(&txs)?;
        let (parts, size) = block::parts(&header, &txs, self.next.last_commit.as_ref());
        let id = BlockId { hash: header.hash(), parts };
        let finalized = self.app.finalize_block(&Block { height, time: header.time, hash: id.hash, txs: &txs })?;
        let changed = self.changed_validators(&finalized)?;
        let vote_time = now.max(header.time.plus_nanos(VOTE_STEP_NANOS));
        let commit = self.keys.sign(&self.id, height, id, vote_time, &self.next.validators);
        let Finalized { app_hash, tx_results, events, validator_updates, work, next_due } = finalized;
        let block = CommittedBlock {
            id,
            header,
            commit,
            last_commit: self.next.last_commit.take(),
            txs,
            results: tx_results,
            events,
            validator_updates,
            app_hash,
        };
        self.store.put(&block, size, changed.as_ref(), &tx_hashes)?;
        if height.0.is_multiple_of(STATE_SYNC_EVERY) {
            self.app.commit()?;
        } else {
            self.app.commit_for_now()?;
        }
        self.next_due = next_due;
        self.next.advance(&block, vote_time, changed);
        Ok(Made { block, tx_hashes, work })
    }

    fn header(&self, txs: &[Vec<u8>]) -> Result<Header, EngineError> {
        let next = &self.next;
        let proposer = self.keys.proposer(next.height, &next.validators);
        Ok(Header {
            version: Version { block: BLOCK_PROTOCOL, app: APP_VERSION },
            chain_id: self.id.clone(),
            height: next.height,
            time: next.time,
            last_block_id: next.last_id,
            last_commit_hash: Some(match &next.last_commit {
                Some(commit) => comet::commit_hash(commit),
                None => merkle::empty_root(),
            }),
            data_hash: Some(comet::data_hash(txs)),
            validators_hash: next.validators.hash(),
            next_validators_hash: next.following.hash(),
            consensus_hash: Some(block::consensus_hash()),
            app_hash: next.app_hash.into(),
            last_results_hash: Some(next.results_hash),
            evidence_hash: Some(comet::evidence_hash()),
            proposer_address: proposer.ok_or_else(|| EngineError::Keys {
                height: next.height,
                held: 0,
                total: next.validators.total_power(),
            })?,
        })
    }

    /// The validators of two blocks later, where this block changes them.
    fn changed_validators(&self, finalized: &Finalized) -> Result<Option<ValidatorSet>, EngineError> {
        if finalized.validator_updates.is_empty() {
            return Ok(None);
        }
        let height = self.next.height;
        let set = apply(Some(&self.next.following), &finalized.validator_updates, height)?;
        if let Err(error) = self.keys.suffice(height.next().next(), &set) {
            // The change is decided; the chain will stop there unless the keys are brought.
            tracing::error!(%error, code = error.code(), "the chain will stop");
        }
        Ok(Some(set))
    }
}

impl Next {
    fn after(store: &BlockStore, last: Height, genesis_time: Time, first_app_hash: Hash) -> Result<Self, EngineError> {
        let height = last.next();
        let set = |height: Height| store.validators(height)?.ok_or_else(|| lost(height));
        let (validators, following) = (set(height)?, set(height.next())?);
        if last.0 == 0 {
            return Ok(Self {
                height,
                time: genesis_time,
                last_id: None,
                last_commit: None,
                app_hash: first_app_hash,
                results_hash: merkle::empty_root(),
                validators,
                following,
            });
        }
        let meta = store.meta(last)?.ok_or_else(|| lost(last))?;
        let commit = store.commit(last)?.ok_or_else(|| lost(last))?;
        let results = store.results(last)?.ok_or_else(|| lost(last))?;
        Ok(Self {
            height,
            time: block::vote_time(&commit).ok_or_else(|| lost(last))?,
            last_id: Some(meta.id),
            last_commit: Some(commit),
            app_hash: results.app_hash,
            results_hash: block::results_hash(&results.txs()),
            validators,
            following,
        })
    }

    fn advance(&mut self, block: &CommittedBlock, time: Time, changed: Option<ValidatorSet>) {
        self.height = self.height.next();
        self.time = time;
        self.last_id = Some(block.id);
        self.last_commit = Some(block.commit.clone());
        self.app_hash = block.app_hash;
        self.results_hash = block::results_hash(&block.results);
        let following = changed.unwrap_or_else(|| self.following.clone());
        self.validators = std::mem::replace(&mut self.following, following);
    }
}

/// A set after updates: power 0 removes.
fn apply(set: Option<&ValidatorSet>, updates: &[ValidatorUpdate], height: Height) -> Result<ValidatorSet, EngineError> {
    let mut powers: BTreeMap<[u8; 32], u64> = set
        .into_iter()
        .flat_map(ValidatorSet::validators)
        .map(|validator| (validator.public_key, validator.power))
        .collect();
    for update in updates {
        if update.power == 0 {
            powers.remove(&update.public_key);
        } else {
            powers.insert(update.public_key, update.power);
        }
    }
    let members = powers.into_iter().map(|(public_key, power)| Validator { public_key, power }).collect();
    ValidatorSet::new(members).map_err(|refusal| EngineError::Validators { height, reason: refusal.to_string() })
}

fn same_state(height: Height, expected: Hash, found: Hash) -> Result<(), EngineError> {
    if expected == found {
        return Ok(());
    }
    Err(EngineError::Diverged { height, expected, found })
}

fn lost(height: Height) -> EngineError {
    EngineError::Damaged { what: format!("block {height} is incomplete") }
}
