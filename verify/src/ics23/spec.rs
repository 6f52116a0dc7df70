//! What a tree must look like for its proofs to be believed, and the trees that are known. Knows no proof.

use super::ops::{HashOp, LeafOp, LengthOp};

/// ICS-23 `ProofSpec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofSpec<'a> {
    /// What every leaf operation must be; its prefix may be longer.
    pub leaf: LeafOp<'a>,
    /// What inner operations must be.
    pub inner: InnerSpec<'a>,
    /// Most inner operations; 0 for no bound of the tree's own.
    pub max_depth: u32,
    /// Fewest inner operations.
    pub min_depth: u32,
    /// Whether neighbours are compared by hashed keys.
    pub prehash_key_before_comparison: bool,
}

/// ICS-23 `InnerSpec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InnerSpec<'a> {
    /// The order of children, counted from 0.
    pub child_order: &'a [u32],
    /// Bytes of a child in an inner node.
    pub child_size: u32,
    /// Fewest bytes before the first child.
    pub min_prefix_length: u32,
    /// Most bytes before the first child.
    pub max_prefix_length: u32,
    /// What stands in place of a child that is not there.
    pub empty_child: &'a [u8],
    /// The hash of inner nodes.
    pub hash: HashOp,
}

impl ProofSpec<'static> {
    /// The Jellyfish Merkle tree of the `jmt` crate under SHA-256: the tree of this project's chains.
    pub const JMT: Self = Self {
        leaf: LeafOp {
            hash: HashOp::Sha256,
            prehash_key: HashOp::Sha256,
            prehash_value: HashOp::Sha256,
            length: LengthOp::NoPrefix,
            prefix: b"JMT::LeafNode",
        },
        inner: InnerSpec {
            child_order: &[0, 1],
            child_size: 32,
            min_prefix_length: 16,
            max_prefix_length: 16,
            empty_child: b"SPARSE_MERKLE_PLACEHOLDER_HASH__",
            hash: HashOp::Sha256,
        },
        max_depth: 64,
        min_depth: 0,
        prehash_key_before_comparison: true,
    };

    /// The IAVL tree of the Cosmos SDK.
    pub const IAVL: Self = Self {
        leaf: LeafOp {
            hash: HashOp::Sha256,
            prehash_key: HashOp::NoHash,
            prehash_value: HashOp::Sha256,
            length: LengthOp::VarProto,
            prefix: &[0],
        },
        inner: InnerSpec {
            child_order: &[0, 1],
            child_size: 33,
            min_prefix_length: 4,
            max_prefix_length: 12,
            empty_child: &[],
            hash: HashOp::Sha256,
        },
        max_depth: 0,
        min_depth: 0,
        prehash_key_before_comparison: false,
    };

    /// CometBFT's simple Merkle tree, as the Cosmos SDK's multistore uses it.
    pub const TENDERMINT: Self = Self {
        leaf: LeafOp { prefix: &[0], ..Self::IAVL.leaf },
        inner: InnerSpec {
            child_order: &[0, 1],
            child_size: 32,
            min_prefix_length: 1,
            max_prefix_length: 1,
            empty_child: &[],
            hash: HashOp::Sha256,
        },
        max_depth: 0,
        min_depth: 0,
        prehash_key_before_comparison: false,
    };

    /// The sparse Merkle tree of celestiaorg/smt.
    pub const SMT: Self = Self {
        leaf: LeafOp {
            hash: HashOp::Sha256,
            prehash_key: HashOp::Sha256,
            prehash_value: HashOp::Sha256,
            length: LengthOp::NoPrefix,
            prefix: &[0],
        },
        inner: InnerSpec { empty_child: &[0; 32], ..Self::TENDERMINT.inner },
        max_depth: 0,
        min_depth: 0,
        prehash_key_before_comparison: true,
    };
}

impl ProofSpec<'_> {
    /// Whether IAVL's own rules on prefixes apply: the Go implementation asks for equality in these parts
    /// (`specEquals`), not by name.
    pub(super) fn is_iavl(&self) -> bool {
        let (leaf, inner, iavl) = (&self.leaf, &self.inner, ProofSpec::IAVL);
        leaf.hash == iavl.leaf.hash
            && leaf.prehash_key == iavl.leaf.prehash_key
            && leaf.prehash_value == iavl.leaf.prehash_value
            && leaf.length == iavl.leaf.length
            && inner.hash == iavl.inner.hash
            && inner.min_prefix_length == iavl.inner.min_prefix_length
            && inner.max_prefix_length == iavl.inner.max_prefix_length
            && inner.child_size == iavl.inner.child_size
            && inner.child_order.len() == iavl.inner.child_order.len()
    }
}
