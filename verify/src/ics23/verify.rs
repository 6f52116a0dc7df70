//! Whether a proof holds under a spec and a root. Knows no encoding.

use super::decode::{ExistenceProof, NonExistenceProof};
use super::ops::{Digest, InnerOp, LeafOp};
use super::spec::{InnerSpec, ProofSpec};
use crate::refusal::{Refusal, Rule};
use crate::wire;
use alloc::borrow::Cow;

type Checked = Result<(), Refusal>;

fn ensure(holds: bool, expected: &str, found: &dyn core::fmt::Display) -> Checked {
    if holds { Ok(()) } else { Err(Refusal::new(Rule::StateProof, expected, found)) }
}

/// ICS-23 `ExistenceProof.Verify`: the proof is of this shape, of this key and value, and leads to the root.
pub fn verify_existence(
    proof: &ExistenceProof<'_>,
    spec: &ProofSpec<'_>,
    root: &[u8],
    key: &[u8],
    value: &[u8],
) -> Checked {
    check_shape(proof, spec, key, value)?;
    let found = calculate(proof, Some(spec))?;
    ensure(found.as_slice() == root, "a path to the header's root", &"a path to another")
}

/// All of [`verify_existence`] but the path to the root.
pub(super) fn check_shape(proof: &ExistenceProof<'_>, spec: &ProofSpec<'_>, key: &[u8], value: &[u8]) -> Checked {
    ensure(proof.key == key, "a proof of the key asked for", &"one of another")?;
    ensure(proof.value == value, "a proof of the value claimed", &"one of another")?;
    check_spec(proof, spec)
}

/// The root that a proof leads to (ICS-23 `ExistenceProof.Calculate`).
pub fn root_of(proof: &ExistenceProof<'_>) -> Result<Digest, Refusal> {
    calculate(proof, None)
}

fn calculate(proof: &ExistenceProof<'_>, spec: Option<&ProofSpec<'_>>) -> Result<Digest, Refusal> {
    let leaf = proof.leaf.as_ref().ok_or_else(|| Refusal::new(Rule::StateProof, "a leaf operation", "none"))?;
    let mut hash = leaf.apply(proof.key, proof.value)?;
    for step in &proof.path {
        hash = step.apply(hash.as_slice())?;
        if let Some(spec) = spec {
            let size = as_usize(spec.inner.child_size);
            let fits = size < 32 || hash.as_slice().len() <= size;
            ensure(fits, "nodes that fit their place", &"a longer hash")?;
        }
    }
    Ok(hash)
}

/// ICS-23 `ExistenceProof.CheckAgainstSpec`: the shape alone.
pub fn check_spec(proof: &ExistenceProof<'_>, spec: &ProofSpec<'_>) -> Checked {
    let leaf = proof.leaf.as_ref().ok_or_else(|| Refusal::new(Rule::StateProof, "a leaf operation", "none"))?;
    check_leaf(leaf, &spec.leaf)?;
    let is_iavl = spec.is_iavl();
    if is_iavl {
        check_iavl_prefix(leaf.prefix, 0, &[0])?;
    }
    let depth = proof.path.len();
    ensure(depth >= as_usize(spec.min_depth), "a deeper path", &depth)?;
    ensure(spec.max_depth == 0 || depth <= as_usize(spec.max_depth), "a path within the tree's depth", &depth)?;
    for (step, height) in proof.path.iter().zip(1i64..) {
        check_inner(step, spec)?;
        if is_iavl {
            // A length byte for the left hash; or length, left hash and the next length byte.
            check_iavl_prefix(step.prefix, height, &[1, 34])?;
        }
    }
    Ok(())
}

/// ICS-23 `LeafOp.CheckAgainstSpec`: equal to the spec's, but for a longer prefix.
pub fn check_leaf(leaf: &LeafOp<'_>, spec: &LeafOp<'_>) -> Checked {
    let same = leaf.hash == spec.hash
        && leaf.prehash_key == spec.prehash_key
        && leaf.prehash_value == spec.prehash_value
        && leaf.length == spec.length;
    ensure(same, "the leaf operation of the tree", &"another")?;
    ensure(leaf.prefix.starts_with(spec.prefix), "the leaf prefix of the tree", &"another")
}

/// ICS-23 `InnerOp.CheckAgainstSpec`.
fn check_inner(op: &InnerOp<'_>, spec: &ProofSpec<'_>) -> Checked {
    let inner = &spec.inner;
    let (min, max) = (as_usize(inner.min_prefix_length), as_usize(inner.max_prefix_length));
    let size = as_usize(inner.child_size);
    let others = inner.child_order.len().saturating_sub(1);
    ensure(op.hash == inner.hash, "the inner hash of the tree", &"another")?;
    ensure(!op.prefix.starts_with(spec.leaf.prefix), "an inner prefix", &"a leaf's")?;
    ensure(op.prefix.len() >= min, "a longer prefix", &op.prefix.len())?;
    let longest = max.saturating_add(others.saturating_mul(size));
    ensure(op.prefix.len() <= longest, "a shorter prefix", &op.prefix.len())?;
    ensure(size > 0, "a spec with children", &"none")?;
    // With more slack than a child, one prefix could be read as two different places (cosmos/ics23 `go/proof.go`).
    ensure(max < min.saturating_add(size), "a spec with clear places", &"an ambiguous one")?;
    let whole = op.suffix.len().checked_rem(size) == Some(0);
    ensure(whole, "a suffix of whole children", &op.suffix.len())
}

/// IAVL prefixes hold height, size and version as zigzag varints and then nothing but lengths and a hash (cosmos/ics23
/// `go/ops.go`, `validateIavlOps`).
fn check_iavl_prefix(prefix: &[u8], height_min: i64, rest: &[usize]) -> Checked {
    let mut bytes = prefix;
    for minimum in [height_min, 0, 0] {
        let (raw, used) =
            wire::varint(bytes).ok_or_else(|| Refusal::new(Rule::StateProof, "an IAVL prefix", "other bytes"))?;
        let magnitude = i64::try_from(raw >> 1).unwrap_or(i64::MAX);
        let value = if raw & 1 == 1 { !magnitude } else { magnitude };
        ensure(value >= minimum, "IAVL height, size and version", &value)?;
        bytes = bytes.get(used..).unwrap_or(&[]);
    }
    ensure(rest.contains(&bytes.len()), "an IAVL prefix and no more", &bytes.len())
}

/// ICS-23 `NonExistenceProof.Verify`: both neighbours stand in the tree, the key lies between them, nothing else does.
/// The key that the proof itself names is ignored, as the specification has it: some trees write its hash there.
pub fn verify_non_existence(proof: &NonExistenceProof<'_>, spec: &ProofSpec<'_>, root: &[u8], key: &[u8]) -> Checked {
    non_existence(proof, spec, root, key).map_err(|refusal| Refusal { rule: Rule::AbsenceProof, ..refusal })
}

/// A key as neighbours are compared by (`keyForComparison`).
fn place<'k>(spec: &ProofSpec<'_>, key: &'k [u8]) -> Result<Cow<'k, [u8]>, Refusal> {
    if spec.prehash_key_before_comparison { spec.leaf.prehash_key.hash_or_keep(key) } else { Ok(Cow::Borrowed(key)) }
}

/// Whether the key lies between the neighbours that a proof names, believed or not (`getNonExistProofForKey`).
pub(super) fn lies_between(proof: &NonExistenceProof<'_>, spec: &ProofSpec<'_>, key: &[u8]) -> bool {
    let Ok(wanted) = place(spec, key) else { return false };
    let neighbour = |proof: &Option<ExistenceProof<'_>>, fits: fn(&[u8], &[u8]) -> bool| {
        proof.as_ref().is_none_or(|proof| place(spec, proof.key).is_ok_and(|place| fits(&place, &wanted)))
    };
    neighbour(&proof.left, |left, wanted| left < wanted) && neighbour(&proof.right, |right, wanted| wanted < right)
}

fn non_existence(proof: &NonExistenceProof<'_>, spec: &ProofSpec<'_>, root: &[u8], key: &[u8]) -> Checked {
    let wanted = place(spec, key)?;
    if let Some(left) = &proof.left {
        verify_existence(left, spec, root, left.key, left.value)?;
        ensure(place(spec, left.key)? < wanted, "a left neighbour before the key", &"one after it")?;
    }
    if let Some(right) = &proof.right {
        verify_existence(right, spec, root, right.key, right.value)?;
        ensure(wanted < place(spec, right.key)?, "a right neighbour after the key", &"one before it")?;
    }
    let adjoining = match (&proof.left, &proof.right) {
        (None, None) => false,
        (Some(left), None) => right_most(&spec.inner, &left.path),
        (None, Some(right)) => left_most(&spec.inner, &right.path),
        (Some(left), Some(right)) => neighbours(&spec.inner, &left.path, &right.path),
    };
    ensure(adjoining, "neighbours with nothing between them", &"others")
}

/// Whether no key can stand before this path (`IsLeftMost`): each step is a first child, or all before it are empty.
fn left_most(spec: &InnerSpec<'_>, path: &[InnerOp<'_>]) -> bool {
    path.iter().all(|op| has_padding(spec, op, 0) || left_branches_are_empty(spec, op))
}

/// Whether no key can stand after this path (`IsRightMost`).
fn right_most(spec: &InnerSpec<'_>, path: &[InnerOp<'_>]) -> bool {
    let last = spec.child_order.len().saturating_sub(1);
    path.iter().all(|op| has_padding(spec, op, last) || right_branches_are_empty(spec, op))
}

/// Whether nothing stands between two paths (`IsLeftNeighbor`): from the root they share steps, then part into
/// adjoining children, and run along the inner edges from there.
fn neighbours(spec: &InnerSpec<'_>, left: &[InnerOp<'_>], right: &[InnerOp<'_>]) -> bool {
    let shared = left
        .iter()
        .rev()
        .zip(right.iter().rev())
        .take_while(|(a, b)| a.prefix == b.prefix && a.suffix == b.suffix)
        .count();
    let part = |path: &[InnerOp<'_>]| path.len().checked_sub(shared)?.checked_sub(1);
    let (Some(left_at), Some(right_at)) = (part(left), part(right)) else {
        return false;
    };
    let (Some(top_left), Some(top_right)) = (left.get(left_at), right.get(right_at)) else {
        return false;
    };
    let (Some(a), Some(b)) = (branch(spec, top_left), branch(spec, top_right)) else {
        return false;
    };
    a.checked_add(1) == Some(b)
        && right_most(spec, left.get(..left_at).unwrap_or(&[]))
        && left_most(spec, right.get(..right_at).unwrap_or(&[]))
}

/// Which branch a step descends into (`orderFromPadding`).
fn branch(spec: &InnerSpec<'_>, op: &InnerOp<'_>) -> Option<usize> {
    (0..spec.child_order.len()).find(|branch| has_padding(spec, op, *branch))
}

/// The position of a branch among the children as stored (`getPosition`).
fn position(spec: &InnerSpec<'_>, branch: usize) -> Option<usize> {
    spec.child_order.iter().position(|child| as_usize(*child) == branch)
}

/// Whether a step has as many bytes before and after its child as this branch has (`getPadding`, `hasPadding`).
fn has_padding(spec: &InnerSpec<'_>, op: &InnerOp<'_>, branch: usize) -> bool {
    let size = as_usize(spec.child_size);
    let Some(before) = position(spec, branch) else {
        return false;
    };
    let after = spec.child_order.len().saturating_sub(1).saturating_sub(before);
    let prefix = before.saturating_mul(size);
    let shortest = prefix.saturating_add(as_usize(spec.min_prefix_length));
    let longest = prefix.saturating_add(as_usize(spec.max_prefix_length));
    (shortest..=longest).contains(&op.prefix.len()) && op.suffix.len() == after.saturating_mul(size)
}

/// Whether all children before this step's are the tree's placeholder (`leftBranchesAreEmpty`).
#[must_use]
pub fn left_branches_are_empty(spec: &InnerSpec<'_>, op: &InnerOp<'_>) -> bool {
    let size = as_usize(spec.child_size);
    let Some(before) = branch(spec, op).filter(|branch| *branch > 0) else {
        return false;
    };
    let Some(start) = op.prefix.len().checked_sub(before.saturating_mul(size)) else {
        return false;
    };
    (0..before).all(|branch| child_is_empty(spec, op.prefix, start, branch))
}

/// Whether all children after this step's are the tree's placeholder (`rightBranchesAreEmpty`).
#[must_use]
pub fn right_branches_are_empty(spec: &InnerSpec<'_>, op: &InnerOp<'_>) -> bool {
    let Some(at) = branch(spec, op) else {
        return false;
    };
    let after = spec.child_order.len().saturating_sub(1).saturating_sub(at);
    after > 0
        && op.suffix.len() == as_usize(spec.child_size)
        && (0..after).all(|branch| child_is_empty(spec, op.suffix, 0, branch))
}

fn child_is_empty(spec: &InnerSpec<'_>, bytes: &[u8], start: usize, branch: usize) -> bool {
    let size = as_usize(spec.child_size);
    position(spec, branch)
        .and_then(|position| start.checked_add(position.checked_mul(size)?))
        .and_then(|from| bytes.get(from..from.checked_add(size)?))
        .is_some_and(|child| child == spec.empty_child)
}

fn as_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
