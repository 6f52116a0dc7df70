//! The state as a block sees it while it is carried out: the committed view, what the block has changed, and what the
//! current transaction wants to change.
//!
//! A transaction's changes are kept or dropped as a whole. All access goes by typed paths; bytes that do not decode to
//! the path's type are a fault of ours, never a refusal.

use crate::abci::AppError;
use crate::side::{self, Side};
use crate::store::Snapshot;
use crate::tree::{self, StateKey};
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::client::ClientKind;
use comity_model::event::Event;
use comity_model::governance::ValidatorUpdate;
use comity_model::seal::Suites;
use comity_model::state::StatePath;
use comity_model::{ChainId, Hash, Height, Time, UnixSeconds, encode};
use std::collections::BTreeMap;
use std::ops::Bound;

/// What genesis fixed for ever.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Config {
    /// The chain.
    pub(crate) chain: ChainId,
    /// Accepted kinds of light client.
    pub(crate) client_kinds: Vec<ClientKind>,
    /// Suites that are accepted from members, officers and governors at home here.
    pub(crate) suites: Suites,
    /// SHA-256 of the genesis' canonical bytes.
    pub(crate) genesis: Hash,
}

/// Where the committed state stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Clock {
    /// The last block.
    pub(crate) height: Height,
    /// Its header time.
    pub(crate) time: Time,
    /// The hash of the state after it.
    pub(crate) app_hash: Hash,
}

/// New values by key; `None` removes.
pub(crate) type Puts<K> = BTreeMap<K, Option<Vec<u8>>>;

/// Changes on top of something.
#[derive(Default)]
struct Changes {
    state: Puts<StateKey>,
    side: Puts<Vec<u8>>,
}

/// The working state of one block.
pub(crate) struct Working<'a> {
    snapshot: &'a Snapshot,
    version: u64,
    block: Changes,
    transaction: Changes,
}

impl<'a> Working<'a> {
    /// Works on top of the committed state after the block of `version`.
    pub(crate) fn new(snapshot: &'a Snapshot, version: u64) -> Self {
        Self { snapshot, version, block: Changes::default(), transaction: Changes::default() }
    }

    /// The raw value of a path.
    pub(crate) fn bytes(&self, path: &StatePath) -> Result<Option<Vec<u8>>, AppError> {
        let key = comity_verify::state::key(path);
        if let Some(change) = self.transaction.state.get(&key) {
            return Ok(change.clone());
        }
        if let Some(change) = self.block.state.get(&key) {
            return Ok(change.clone());
        }
        tree::value(self.snapshot, self.version, &key)
    }

    /// The value of a path.
    pub(crate) fn read<T: BorshDeserialize>(
        &self,
        path: &StatePath,
        what: &'static str,
    ) -> Result<Option<T>, AppError> {
        self.bytes(path)?.map(|bytes| decode(what, &bytes)).transpose()
    }

    /// Sets the value of a path.
    pub(crate) fn write<T: BorshSerialize>(&mut self, path: &StatePath, value: &T) {
        self.write_bytes(path, encode(value));
    }

    /// Sets the raw value of a path.
    pub(crate) fn write_bytes(&mut self, path: &StatePath, value: Vec<u8>) {
        let key = comity_verify::state::key(path);
        self.transaction.state.insert(key, Some(value));
    }

    /// Removes the value of a path.
    pub(crate) fn remove(&mut self, path: &StatePath) {
        let key = comity_verify::state::key(path);
        self.transaction.state.insert(key, None);
    }

    /// A row of the side table.
    pub(crate) fn side<T: BorshDeserialize>(&self, row: &Side, what: &'static str) -> Result<Option<T>, AppError> {
        let key = row.key();
        let change = self.transaction.side.get(&key).or_else(|| self.block.side.get(&key));
        let bytes = match change {
            Some(change) => change.clone(),
            None => self.snapshot.side(&key)?,
        };
        bytes.map(|bytes| decode(what, &bytes)).transpose()
    }

    /// Sets a row of the side table.
    pub(crate) fn set_side<T: BorshSerialize>(&mut self, row: &Side, value: &T) {
        self.transaction.side.insert(row.key(), Some(encode(value)));
    }

    /// Removes a row of the side table.
    pub(crate) fn remove_side(&mut self, row: &Side) {
        self.transaction.side.insert(row.key(), None);
    }

    /// At most `limit` rows whose keys begin with `prefix`, from the first at or after `from`.
    pub(crate) fn scan<T: BorshDeserialize>(
        &self,
        prefix: &[u8],
        from: Option<&Side>,
        limit: usize,
        what: &'static str,
    ) -> Result<Vec<T>, AppError> {
        let lower = from.map_or_else(|| prefix.to_vec(), Side::key);
        let upper = after_prefix(prefix);
        let rows = self.range(Bound::Included(&lower), Bound::Excluded(&upper), limit, false)?;
        rows.values().map(|bytes| decode(what, bytes)).collect()
    }

    /// The last row whose key begins with `prefix` and is at or before `until`.
    pub(crate) fn last<T: BorshDeserialize>(
        &self,
        prefix: &[u8],
        until: &Side,
        what: &'static str,
    ) -> Result<Option<T>, AppError> {
        let upper = until.key();
        let rows = self.range(Bound::Included(prefix), Bound::Included(&upper), 1, true)?;
        rows.values().next().map(|bytes| decode(what, bytes)).transpose()
    }

    /// Side rows within bounds, `limit` from one end, with all changes applied.
    fn range(
        &self,
        lower: Bound<&[u8]>,
        upper: Bound<&[u8]>,
        limit: usize,
        from_high: bool,
    ) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, AppError> {
        let mut changes = BTreeMap::new();
        for layer in [&self.block.side, &self.transaction.side] {
            changes.extend(layer.range::<[u8], _>((lower, upper)));
        }
        // Each change hides at most one committed row: so this many are enough.
        let enough = limit.saturating_add(changes.len());
        let mut rows = self.snapshot.side_range(lower, upper, enough, from_high)?;
        for (key, change) in changes {
            match change {
                Some(value) => rows.insert(key.clone(), value.clone()),
                None => rows.remove(key),
            };
        }
        while rows.len() > limit {
            let _ = if from_high { rows.pop_first() } else { rows.pop_last() };
        }
        Ok(rows)
    }

    /// Keeps what the transaction changed.
    pub(crate) fn keep(&mut self) {
        self.block.state.append(&mut self.transaction.state);
        self.block.side.append(&mut self.transaction.side);
    }

    /// Drops what the transaction changed.
    pub(crate) fn discard(&mut self) {
        self.transaction = Changes::default();
    }

    /// Whether what the block has kept so far makes the state, or an index whose digest stands in it, another one than the
    /// committed one.
    pub(crate) fn is_changed(&self) -> Result<bool, AppError> {
        for (key, change) in &self.block.state {
            if tree::value(self.snapshot, self.version, key)? != *change {
                return Ok(true);
            }
        }
        for (key, change) in &self.block.side {
            if !side::is_local(key) && self.snapshot.side(key)? != *change {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the block changed in the state, and in the side table.
    pub(crate) fn into_changes(self) -> (Puts<StateKey>, Puts<Vec<u8>>) {
        (self.block.state, self.block.side)
    }
}

/// The block being carried out, as its messages see it.
pub(crate) struct Execution<'a> {
    /// The state.
    pub(crate) state: Working<'a>,
    /// What genesis fixed.
    pub(crate) config: &'a Config,
    /// The block.
    pub(crate) height: Height,
    /// Its header time.
    pub(crate) time: Time,
    /// The transaction's index in it.
    pub(crate) tx: u32,
    /// The message's index in the transaction.
    pub(crate) message: u32,
    /// What happened in the current transaction or due date.
    pub(crate) events: Vec<Event>,
    /// Validators that the current transaction changes.
    pub(crate) transaction_updates: Vec<ValidatorUpdate>,
    /// Validators that the block changed.
    pub(crate) validator_updates: Vec<ValidatorUpdate>,
}

impl<'a> Execution<'a> {
    /// A block on top of a committed state.
    pub(crate) fn new(state: Working<'a>, config: &'a Config, height: Height, time: Time) -> Self {
        Self {
            state,
            config,
            height,
            time,
            tx: 0,
            message: 0,
            events: Vec::new(),
            transaction_updates: Vec::new(),
            validator_updates: Vec::new(),
        }
    }

    /// The block's time in the unit of deadlines.
    pub(crate) fn now(&self) -> UnixSeconds {
        self.time.unix_seconds()
    }

    /// Reports what happened.
    pub(crate) fn emit(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Ends a transaction or a due date: its changes are kept and its events handed out.
    pub(crate) fn keep(&mut self) -> Vec<Event> {
        self.state.keep();
        let updates = std::mem::take(&mut self.transaction_updates);
        self.validator_updates.extend(updates);
        std::mem::take(&mut self.events)
    }

    /// Ends a refused transaction: nothing of it remains.
    pub(crate) fn discard(&mut self) {
        self.state.discard();
        self.transaction_updates.clear();
        self.events.clear();
    }
}

/// Decodes what this program itself stored.
pub(crate) fn decode<T: BorshDeserialize>(what: &'static str, bytes: &[u8]) -> Result<T, AppError> {
    comity_model::decode(what, bytes).map_err(|_| AppError::Damaged { what })
}

/// The first key after all that begin with `prefix`, whose last byte is a tag or part below 255 or a random one.
fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            break;
        }
    }
    end
}
