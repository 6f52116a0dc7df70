//! The Merkle tree of RFC 6962 and RFC 9162 over SHA-256: CometBFT's "simple tree" and transparency logs have the same
//! shape. Roots, growing logs, inclusion and consistency. Knows nothing of what its leaves mean.

use crate::refusal::{Refusal, Rule};
use crate::sha::{sha256, sha256_each};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use comity_model::Hash;

/// The hash of a leaf: SHA-256(0x00 ‖ data) (RFC 9162 section 2.1.1).
#[must_use]
pub fn leaf_hash(data: &[u8]) -> Hash {
    sha256(&[&[0], data])
}

/// The hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], &left.0, &right.0])
}

/// The root of a tree without leaves: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// The root over `leaves` (their data, not their hashes).
#[must_use]
pub fn root<T: AsRef<[u8]>>(leaves: &[T]) -> Hash {
    let hashes = sha256_each(leaves, |leaf| [&[0], leaf.as_ref()]);
    root_of_hashes(&hashes)
}

/// The root over leaf hashes.
#[must_use]
pub fn root_of_hashes(hashes: &[Hash]) -> Hash {
    // Pairs level by level, and a last one without a pair goes up as it is: the same tree as by halves, and the hashes of
    // a level do not wait for each other.
    let mut level = hashes.to_vec();
    while level.len() > 1 {
        let (pairs, last) = level.as_chunks::<2>();
        let mut above = sha256_each(pairs, |[left, right]| [&[1], &left.0, &right.0]);
        above.extend_from_slice(last);
        level = above;
    }
    level.first().copied().unwrap_or_else(empty_root)
}

/// The root over leaf hashes where inner nodes are hashed by `node`; `None` for no leaves.
pub(crate) fn root_by(node: &impl Fn(&Hash, &Hash) -> Hash, hashes: &[Hash]) -> Option<Hash> {
    match hashes {
        [] => None,
        [one] => Some(*one),
        _ => {
            let (left, right) = hashes.split_at_checked(split(hashes.len()))?;
            Some(node(&root_by(node, left)?, &root_by(node, right)?))
        }
    }
}

/// The largest power of two below `count`, which is at least 2.
pub(crate) fn split(count: usize) -> usize {
    count.div_ceil(2).checked_next_power_of_two().unwrap_or(1)
}

/// The size of a log and its root: what a chain's state keeps of its headers (canonical bytes: `u64`, 32 bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TreeHead {
    /// Number of leaves.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
}

/// The right edge of a growing tree: enough to append and to know the root, log₂ n hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize)]
pub struct Frontier {
    size: u64,
    /// Roots of the perfect subtrees, largest first: one for each bit set in `size`.
    peaks: Vec<Hash>,
}

impl BorshDeserialize for Frontier {
    fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
        let size = u64::deserialize_reader(reader)?;
        let peaks = crate::bounded::list::<_, Hash, 64>(reader)?;
        if u32::try_from(peaks.len()) != Ok(size.count_ones()) {
            return Err(borsh::io::Error::new(
                borsh::io::ErrorKind::InvalidData,
                "a frontier has one hash for each bit of its size",
            ));
        }
        Ok(Self { size, peaks })
    }
}

/// A node that became final: the root of the perfect subtree of `2^level` leaves whose first leaf is
/// `index · 2^level`. Whoever stores them can prove inclusion and consistency later ([`inclusion`], [`consistency`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// 0 for leaves.
    pub level: u32,
    /// Position among the nodes of its level.
    pub index: u64,
    /// Its hash.
    pub hash: Hash,
}

impl Frontier {
    /// An empty tree.
    #[must_use]
    pub const fn new() -> Self {
        Self { size: 0, peaks: Vec::new() }
    }

    /// Number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf hash and returns the nodes that became final by it, the leaf first.
    pub fn append(&mut self, leaf: Hash) -> Vec<Node> {
        let mut node = Node { level: 0, index: self.size, hash: leaf };
        let mut finals = alloc::vec![node];
        // Each trailing one bit of the size is a perfect subtree that the new leaf completes to the next larger one.
        for _ in 0..self.size.trailing_ones() {
            let Some(left) = self.peaks.pop() else { break };
            node = Node {
                level: node.level.saturating_add(1),
                index: node.index >> 1,
                hash: node_hash(&left, &node.hash),
            };
            finals.push(node);
        }
        self.peaks.push(node.hash);
        self.size = self.size.saturating_add(1);
        finals
    }

    /// The root over all leaves.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.peaks.iter().rev().copied().reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
    }

    /// Size and root.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        TreeHead { size: self.size, root: self.root() }
    }
}

/// Reads the final node at (level, index), as [`Frontier::append`] returned it.
pub trait Nodes {
    /// The node's hash; `None` where it is not stored.
    fn node(&self, level: u32, index: u64) -> Option<Hash>;
}

impl<F: Fn(u32, u64) -> Option<Hash>> Nodes for F {
    fn node(&self, level: u32, index: u64) -> Option<Hash> {
        self(level, index)
    }
}

/// The inclusion path of leaf `index` in the tree of the first `size` leaves, from the leaf up (RFC 9162 section
/// 2.1.3.1). `None` where the leaf is outside or a node is missing.
pub fn inclusion(index: u64, size: u64, nodes: &impl Nodes) -> Option<Vec<Hash>> {
    if index >= size {
        return None;
    }
    let (mut start, mut end) = (0u64, size);
    let mut path = Vec::new();
    while end.checked_sub(start)? > 1 {
        let middle = start.checked_add(split_u64(end.checked_sub(start)?))?;
        if index < middle {
            path.push(subtree(middle, end, nodes)?);
            end = middle;
        } else {
            path.push(subtree(start, middle, nodes)?);
            start = middle;
        }
    }
    path.reverse();
    Some(path)
}

/// The consistency proof from the tree of the first `old` leaves to that of the first `size` (RFC 9162 section
/// 2.1.4.1). `None` where `old` is 0 or above `size`, or a node is missing.
pub fn consistency(old: u64, size: u64, nodes: &impl Nodes) -> Option<Vec<Hash>> {
    if old == 0 || old > size {
        return None;
    }
    let (mut start, mut end) = (0u64, size);
    let mut proof = Vec::new();
    // Descend towards the old tree's right edge; `start == 0` means that the subtree so far is the old tree itself.
    while old != end {
        let middle = start.checked_add(split_u64(end.checked_sub(start)?))?;
        if old <= middle {
            proof.push(subtree(middle, end, nodes)?);
            end = middle;
        } else {
            proof.push(subtree(start, middle, nodes)?);
            start = middle;
        }
    }
    if start != 0 {
        proof.push(subtree(start, end, nodes)?);
    }
    proof.reverse();
    Some(proof)
}

fn split_u64(count: u64) -> u64 {
    count.div_ceil(2).checked_next_power_of_two().unwrap_or(1)
}

/// The root over the leaves from `start` to `end`, where `start` is a multiple of a power of two that is not smaller
/// than the largest perfect subtree inside.
fn subtree(start: u64, end: u64, nodes: &impl Nodes) -> Option<Hash> {
    let count = end.checked_sub(start)?;
    if count.is_power_of_two() {
        let level = count.trailing_zeros();
        return nodes.node(level, start.checked_shr(level)?);
    }
    let middle = start.checked_add(split_u64(count))?;
    Some(node_hash(&subtree(start, middle, nodes)?, &subtree(middle, end, nodes)?))
}

/// Checks that the leaf with this hash stands at `index` of the tree (RFC 9162 section 2.1.3.2).
pub fn included(leaf: &Hash, index: u64, head: &TreeHead, path: &[Hash]) -> Result<(), Refusal> {
    let found = climb(leaf, index, head.size, path).ok_or_else(|| {
        Refusal::new(
            Rule::LogProof,
            alloc::format!("a path of leaf {index} in a tree of {}", head.size),
            alloc::format!("{} hashes", path.len()),
        )
    })?;
    if found == head.root { Ok(()) } else { Err(Refusal::new(Rule::LogProof, head.root, found)) }
}

/// The root that a path leads to; `None` where its length does not fit.
fn climb(leaf: &Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut node, mut last) = (index, size.checked_sub(1)?);
    let mut hash = *leaf;
    for sibling in path {
        if last == 0 {
            return None;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

/// Checks that the tree `new` continues the tree `old` (RFC 9162 section 2.1.4.2).
pub fn consistent(old: &TreeHead, new: &TreeHead, proof: &[Hash]) -> Result<(), Refusal> {
    let shape = || {
        Refusal::new(
            Rule::LogProof,
            alloc::format!("a consistency proof from {} to {}", old.size, new.size),
            alloc::format!("{} hashes", proof.len()),
        )
    };
    if old.size == 0 || old.size == new.size {
        // An empty tree, whose root is that of nothing, is a prefix of every tree; a tree is a prefix of itself.
        let from_nothing = old.size > 0 || old.root == empty_root();
        let to_itself = old.size != new.size || old.root == new.root;
        return if proof.is_empty() && from_nothing && to_itself { Ok(()) } else { Err(shape()) };
    }
    let (old_root, new_root) = grow(old, new, proof).ok_or_else(shape)?;
    if old_root != old.root {
        return Err(Refusal::new(Rule::LogProof, old.root, old_root));
    }
    if new_root != new.root {
        return Err(Refusal::new(Rule::LogProof, new.root, new_root));
    }
    Ok(())
}

fn grow(old: &TreeHead, new: &TreeHead, proof: &[Hash]) -> Option<(Hash, Hash)> {
    if old.size > new.size {
        return None;
    }
    let (mut node, mut last) = (old.size.checked_sub(1)?, new.size.checked_sub(1)?);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    // Where the old tree is perfect, its root is the first hash and is left out of the proof.
    let (first, rest) = if old.size.is_power_of_two() { (&old.root, proof) } else { proof.split_first()? };
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return None;
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    (last == 0).then_some((old_hash, new_hash))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    struct Log {
        frontier: Frontier,
        nodes: BTreeMap<(u32, u64), Hash>,
        heads: Vec<TreeHead>,
        leaves: Vec<Hash>,
    }

    fn log(size: u64) -> Log {
        let mut log = Log {
            frontier: Frontier::new(),
            nodes: BTreeMap::new(),
            heads: alloc::vec![Frontier::new().head()],
            leaves: Vec::new(),
        };
        for index in 0..size {
            let leaf = leaf_hash(&index.to_le_bytes());
            log.leaves.push(leaf);
            for node in log.frontier.append(leaf) {
                log.nodes.insert((node.level, node.index), node.hash);
            }
            log.heads.push(log.frontier.head());
        }
        log
    }

    #[test]
    fn roots_are_those_of_rfc_6962() {
        // From the reference vectors of certificate-transparency-go: leaves "", 00, 10, 2021, …
        assert_eq!(
            std::format!("{}", empty_root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        let leaves: [&[u8]; 3] = [&[], &[0], &[0x10]];
        assert_eq!(
            std::format!("{}", root(&leaves[..1])),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
        assert_eq!(
            std::format!("{}", root(&leaves[..2])),
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
        );
        assert_eq!(
            std::format!("{}", root(&leaves)),
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"
        );
    }

    #[test]
    fn a_frontier_has_the_root_of_the_whole_tree() {
        let log = log(70);
        for (size, head) in log.heads.iter().enumerate() {
            assert_eq!(head.root, root_of_hashes(&log.leaves[..size]));
        }
        let bytes = comity_model::encode(&log.frontier);
        assert_eq!(comity_model::decode("frontier", &bytes), Ok(log.frontier));
        assert!(comity_model::decode::<Frontier>("frontier", &[3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).is_err());
    }

    #[test]
    fn every_leaf_is_included_and_every_prefix_is_consistent() {
        let log = log(40);
        let nodes = |level, index| log.nodes.get(&(level, index)).copied();
        for size in 1..=40u64 {
            let head = log.heads[usize::try_from(size).unwrap_or(0)];
            for index in 0..size {
                let leaf = log.leaves[usize::try_from(index).unwrap_or(0)];
                let path = inclusion(index, size, &nodes).expect("a path");
                assert_eq!(included(&leaf, index, &head, &path), Ok(()));
                assert!(included(&leaf, index ^ 1, &head, &path).is_err() || size == 1);
                let mut longer = path.clone();
                longer.push(leaf);
                assert!(included(&leaf, index, &head, &longer).is_err());
            }
            for old in 1..=size {
                let old_head = log.heads[usize::try_from(old).unwrap_or(0)];
                let proof = consistency(old, size, &nodes).expect("a proof");
                assert_eq!(consistent(&old_head, &head, &proof), Ok(()), "{old} {size}");
                if old < size {
                    assert!(consistent(&TreeHead { root: head.root, ..old_head }, &head, &proof).is_err());
                }
            }
        }
        assert_eq!(inclusion(4, 4, &nodes), None);
    }

    #[test]
    fn an_empty_tree_is_a_prefix_of_every_tree_and_holds_no_leaf() {
        let log = log(3);
        let (empty, three) = (log.heads[0], log.heads[3]);
        assert_eq!(consistent(&empty, &three, &[]), Ok(()));
        assert_eq!(consistent(&empty, &empty, &[]), Ok(()));
        assert!(consistent(&empty, &three, &[three.root]).is_err());
        assert!(consistent(&three, &empty, &[]).is_err());
        // A head that says it is empty and has another root is of no tree.
        for root in [three.root, Hash::ZERO] {
            assert!(consistent(&TreeHead { size: 0, root }, &three, &[]).is_err());
        }
        assert!(consistent(&TreeHead { root: empty.root, ..three }, &three, &[]).is_err());
        assert!(included(&log.leaves[0], 0, &empty, &[]).is_err());
        assert!(included(&empty.root, 0, &TreeHead { size: u64::MAX, root: empty.root }, &[]).is_err());
    }

    proptest! {
        #[test]
        fn a_changed_path_is_refused(size in 2u64..60, index in 0u64..60, at in 0usize..6, bit in 0usize..256) {
            let index = index % size;
            let log = log(size);
            let nodes = |level, index| log.nodes.get(&(level, index)).copied();
            let mut path = inclusion(index, size, &nodes).expect("a path");
            let at = at % path.len();
            path[at].0[bit / 8] ^= 1 << (bit % 8);
            let leaf = log.leaves[usize::try_from(index).unwrap_or(0)];
            prop_assert!(included(&leaf, index, &log.frontier.head(), &path).is_err());
        }
    }
}
