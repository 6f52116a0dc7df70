//! ICS-23: whether a value, or nothing, stands under a key in a Merkle tree, for any tree that a [`ProofSpec`] can
//! describe. Follows the Go implementation (cosmos/ics23 `go/proof.go`, `go/ops.go`), decodes canonical bytes only,
//! borrows from them. Knows no chain.

mod decode;
mod many;
pub mod ops;
mod spec;
mod verify;

pub use decode::{BATCH_MAX, BatchEntry, CommitmentProof, ExistenceProof, NonExistenceProof, PATH_MAX, decode};
pub use many::{Claim, memberships};
pub use ops::{HashOp, InnerOp, LeafOp, LengthOp};
pub use spec::{InnerSpec, ProofSpec};
use verify::lies_between;
pub use verify::{
    check_leaf, check_spec, left_branches_are_empty, right_branches_are_empty, root_of, verify_existence,
    verify_non_existence,
};

use crate::refusal::{Refusal, Rule};
use comity_model::Hash;

/// Proves that `value` stands under `key` in the tree with this root (ICS-23 `verifyMembership`). A batch proves it by its
/// first entry for the key.
pub fn membership(spec: &ProofSpec<'_>, root: &Hash, key: &[u8], value: &[u8], proof: &[u8]) -> Result<(), Refusal> {
    let refuse = |found: &str| Refusal::new(Rule::StateProof, "a proof of existence of the key", found);
    match decode(proof)? {
        CommitmentProof::Exist(proof) => verify_existence(&proof, spec, &root.0, key, value),
        CommitmentProof::Nonexist(_) => Err(refuse("one of absence")),
        CommitmentProof::Batch(entries) => {
            let found = entries.iter().find_map(|entry| match entry {
                BatchEntry::Exist(proof) if proof.key == key => Some(proof),
                _ => None,
            });
            verify_existence(found.ok_or_else(|| refuse("a batch without"))?, spec, &root.0, key, value)
        }
    }
}

/// Proves that nothing stands under `key` in the tree with this root (ICS-23 `verifyNonMembership`). A batch proves it by
/// its first entry whose neighbours the key lies between.
pub fn non_membership(spec: &ProofSpec<'_>, root: &Hash, key: &[u8], proof: &[u8]) -> Result<(), Refusal> {
    let refuse = |found: &str| Refusal::new(Rule::AbsenceProof, "a proof of absence of the key", found);
    match decode(proof)? {
        CommitmentProof::Nonexist(proof) => verify_non_existence(&proof, spec, &root.0, key),
        CommitmentProof::Exist(_) => Err(refuse("one of existence")),
        CommitmentProof::Batch(entries) => {
            let found = entries.iter().find_map(|entry| match entry {
                BatchEntry::Nonexist(proof) if lies_between(proof, spec, key) => Some(proof),
                _ => None,
            });
            verify_non_existence(found.ok_or_else(|| refuse("a batch without"))?, spec, &root.0, key)
        }
    }
}
