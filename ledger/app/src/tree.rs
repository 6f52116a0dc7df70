//! The Jellyfish Merkle tree over the store: versions, roots and ICS-23 proofs.
//!
//! A state key (32 bytes, `verify::state::key`) stands in the tree under its SHA-256. A row of `values` carries the state
//! key beside the value, because a proof of absence names its neighbours by key. It knows no path and no type.

use crate::abci::AppError;
use crate::store::{Batch, Snapshot};
use comity_model::Hash;
use jmt::storage::{HasPreimage, LeafNode, Node, NodeKey, TreeReader};
use jmt::{JellyfishMerkleTree, KeyHash, OwnedValue, SimpleHasher, Version};
use prost::Message;
use sha2::Digest;
use std::collections::BTreeMap;

/// SHA-256 for the tree.
struct Sha256(sha2::Sha256);

impl SimpleHasher for Sha256 {
    fn new() -> Self {
        Self(sha2::Sha256::new())
    }

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finalize(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

type Tree<'a> = JellyfishMerkleTree<'a, Snapshot, Sha256>;

/// A key of the state: the hash of a path.
pub(crate) type StateKey = [u8; 32];

/// The value of `key` after the block of `version`.
pub(crate) fn value(snapshot: &Snapshot, version: Version, key: &StateKey) -> Result<Option<Vec<u8>>, AppError> {
    Ok(newest(snapshot, version, hash(key))?.and_then(|row| row.value))
}

/// The value of `key` after the block of `version`, and an ICS-23 proof of it or of its absence.
pub(crate) fn prove(
    snapshot: &Snapshot,
    version: Version,
    key: &StateKey,
) -> Result<(Option<Vec<u8>>, Vec<u8>), AppError> {
    let (value, proof) =
        Tree::new(snapshot).get_with_ics23_proof(key.to_vec(), version).map_err(|error| fault("proving", &error))?;
    Ok((value, proof.encode_to_vec()))
}

/// What stands after the last commit, in the order of the tree: state keys and values.
pub(crate) fn all(
    snapshot: &Snapshot,
) -> Result<impl Iterator<Item = Result<(StateKey, Vec<u8>), AppError>> + Send + use<>, AppError> {
    let mut rows = snapshot.all_values()?.peekable();
    Ok(std::iter::from_fn(move || {
        loop {
            let (row_key, bytes) = match rows.next()? {
                Ok(row) => row,
                Err(error) => return Some(Err(error)),
            };
            // Versions of a key follow each other: only the newest stands.
            if matches!(rows.peek(), Some(Ok((next, _))) if next.get(..32) == row_key.get(..32)) {
                continue;
            }
            match parse(&row_key, &bytes) {
                Some(Row { key, value: Some(value), .. }) => return Some(Ok((key, value))),
                Some(Row { value: None, .. }) => {}
                None => return Some(Err(damaged("a value row"))),
            }
        }
    }))
}

/// Adds to `batch` what `changes` do to the state after `batch.version - 1`, and returns the new root and how many values
/// really changed. Changes that change nothing are left out; so are removals of what is not there.
pub(crate) fn update(
    snapshot: &Snapshot,
    changes: &BTreeMap<StateKey, Option<Vec<u8>>>,
    batch: &mut Batch,
) -> Result<(Hash, usize), AppError> {
    let mut puts = Vec::with_capacity(changes.len());
    for (key, value) in changes {
        let key_hash = hash(key);
        let previous = newest(snapshot, batch.version, key_hash)?;
        let standing = previous.as_ref().and_then(|row| row.value.as_ref());
        if standing == value.as_ref() {
            continue;
        }
        let row_key = value_key(key_hash, batch.version);
        if let Some(previous) = previous {
            batch.stale_values.push(value_key(key_hash, previous.version));
        }
        if value.is_none() {
            // The mark of a removal is itself superfluous once no kept version lies before it.
            batch.stale_values.push(row_key.clone());
        }
        batch.values.push((row_key, value_row(key, value.as_deref())));
        puts.push((key_hash, value.clone()));
    }
    puts.sort_unstable_by_key(|(key_hash, _)| key_hash.0);
    let changed = puts.len();
    let (root, update) =
        Tree::new(snapshot).put_value_set(puts, batch.version).map_err(|error| fault("writing", &error))?;
    for (key, node) in update.node_batch.nodes() {
        let node = borsh::to_vec(node).map_err(|_| damaged("a tree node"))?;
        batch.nodes.push((node_key(key)?, node));
    }
    for stale in &update.stale_node_index_batch {
        let row = node_key(&stale.node_key)?;
        batch.stale_nodes.push((stale.stale_since_version, row));
    }
    Ok((Hash(root.0), changed))
}

impl TreeReader for Snapshot {
    fn get_node_option(&self, key: &NodeKey) -> anyhow::Result<Option<Node>> {
        let row = self.node(&node_key(key)?)?;
        Ok(row.map(|bytes| borsh::from_slice(&bytes)).transpose()?)
    }

    fn get_value_option(&self, max: Version, key: KeyHash) -> anyhow::Result<Option<OwnedValue>> {
        Ok(newest(self, max, key)?.and_then(|row| row.value))
    }

    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        // Asked for only by the library's own restoration; here a tree is restored as blocks make it.
        Err(anyhow::anyhow!("the tree is not restored by the library"))
    }
}

impl HasPreimage for Snapshot {
    fn preimage(&self, key: KeyHash) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(newest(self, Version::MAX, key)?.map(|row| row.key.to_vec()))
    }
}

/// A row of `values`.
struct Row {
    version: Version,
    key: StateKey,
    value: Option<Vec<u8>>,
}

/// The newest row of a key at or before a version.
fn newest(snapshot: &Snapshot, max: Version, key: KeyHash) -> Result<Option<Row>, AppError> {
    let Some((row_key, bytes)) = snapshot.newest_value(&value_key(key, 0), &value_key(key, max))? else {
        return Ok(None);
    };
    parse(&row_key, &bytes).ok_or_else(|| damaged("a value row")).map(Some)
}

fn parse(row_key: &[u8], bytes: &[u8]) -> Option<Row> {
    let version = Version::from_be_bytes(row_key.get(32..)?.try_into().ok()?);
    let (key, rest) = bytes.split_first_chunk::<32>()?;
    let (stands, value) = rest.split_first()?;
    Some(Row { version, key: *key, value: (*stands == 1).then(|| value.to_vec()) })
}

fn value_key(key: KeyHash, version: Version) -> Vec<u8> {
    let mut bytes = key.0.to_vec();
    bytes.extend_from_slice(&version.to_be_bytes());
    bytes
}

fn value_row(key: &StateKey, value: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = key.to_vec();
    bytes.push(u8::from(value.is_some()));
    bytes.extend_from_slice(value.unwrap_or_default());
    bytes
}

/// Big-endian version first: a block's new nodes are neighbours, which keeps redb fast.
fn node_key(key: &NodeKey) -> Result<Vec<u8>, AppError> {
    let mut bytes = key.version().to_be_bytes().to_vec();
    let path = borsh::to_vec(key.nibble_path()).map_err(|_| damaged("a node's path"))?;
    bytes.extend_from_slice(&path);
    Ok(bytes)
}

fn hash(key: &StateKey) -> KeyHash {
    KeyHash(sha2::Sha256::digest(key).into())
}

fn damaged(what: &'static str) -> AppError {
    AppError::Damaged { what }
}

fn fault(doing: &'static str, error: &anyhow::Error) -> AppError {
    AppError::Tree { doing, reason: format!("{error:#}") }
}

#[cfg(test)]
mod tests;
