//! Many membership proofs at once, level by level: the hashes of one level of different proofs do not wait for each other.
//! Decides nothing differently: what does not fit the fast way, or does not hold, is judged by the slow one. Knows no chain.

use super::decode::{CommitmentProof, ExistenceProof, decode};
use super::ops::HashOp;
use super::spec::ProofSpec;
use super::verify::check_shape;
use crate::refusal::Refusal;
use crate::sha::{LANES, Short};
use comity_model::Hash;

/// That a value stands under a key in the tree with a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    /// The tree's root.
    pub root: &'a Hash,
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub value: &'a [u8],
    /// ICS-23 `CommitmentProof`.
    pub proof: &'a [u8],
}

impl Claim<'_> {
    fn check(&self, spec: &ProofSpec<'_>) -> Result<(), Refusal> {
        super::membership(spec, self.root, self.key, self.value, self.proof)
    }
}

/// Proves all claims, or says which is the first that does not hold, and why: agrees with [`super::membership`] on each.
pub fn memberships(spec: &ProofSpec<'_>, claims: &[Claim<'_>]) -> Result<(), (usize, Refusal)> {
    for (round, lanes) in claims.chunks(LANES).enumerate() {
        if all_hold(spec, lanes) {
            continue;
        }
        for (lane, claim) in lanes.iter().enumerate() {
            let index = round.saturating_mul(LANES).saturating_add(lane);
            claim.check(spec).map_err(|refusal| (index, refusal))?;
        }
    }
    Ok(())
}

/// Whether all of these hold by the fast way; `false` decides nothing.
fn all_hold(spec: &ProofSpec<'_>, claims: &[Claim<'_>]) -> bool {
    let Ok(claims) = <&[Claim<'_>; LANES]>::try_from(claims) else {
        return false;
    };
    let mut proofs: [ExistenceProof<'_>; LANES] = Default::default();
    for (place, claim) in proofs.iter_mut().zip(claims) {
        match decode(claim.proof) {
            Ok(CommitmentProof::Exist(proof)) if check_shape(&proof, spec, claim.key, claim.value).is_ok() => {
                *place = proof;
            }
            _ => return false,
        }
    }
    roots(spec, &proofs).is_some_and(|roots| roots.iter().zip(claims).all(|(root, claim)| root == claim.root))
}

/// The roots that the proofs lead to; `None` where one has another hash, another depth or long nodes.
fn roots(spec: &ProofSpec<'_>, proofs: &[ExistenceProof<'_>; LANES]) -> Option<[Hash; LANES]> {
    let depth = proofs.first()?.path.len();
    let fits = spec.inner.hash == HashOp::Sha256
        && spec.leaf.hash == HashOp::Sha256
        && proofs.iter().all(|proof| proof.path.len() == depth);
    if !fits {
        return None;
    }
    let mut nodes = [Short::EMPTY; LANES];
    let mut hashes = leaves(proofs, &mut nodes)?;
    for level in 0..depth {
        for ((node, proof), child) in nodes.iter_mut().zip(proofs).zip(&hashes) {
            // Of the tree's hash: the shape was checked.
            let step = proof.path.get(level)?;
            node.set_node(step.prefix, child, step.suffix)?;
        }
        hashes = Short::digests(&nodes);
    }
    Some(hashes)
}

/// The leaves' hashes; `None` where one has no leaf of 32 bytes. `nodes` is room to work in.
fn leaves(proofs: &[ExistenceProof<'_>; LANES], nodes: &mut [Short; LANES]) -> Option<[Hash; LANES]> {
    if let Some(hashes) = leaves_of_hashes(proofs, nodes) {
        return Some(hashes);
    }
    let mut hashes = [Hash::ZERO; LANES];
    for (hash, proof) in hashes.iter_mut().zip(proofs) {
        let leaf = proof.leaf.as_ref()?.apply(proof.key, proof.value).ok()?;
        *hash = Hash(leaf.as_slice().try_into().ok()?);
    }
    Some(hashes)
}

/// The same as `LeafOp::apply` where all leaves hash keys and short values first, and none is empty.
fn leaves_of_hashes(proofs: &[ExistenceProof<'_>; LANES], nodes: &mut [Short; LANES]) -> Option<[Hash; LANES]> {
    let fits = |proof: &ExistenceProof<'_>| {
        proof.leaf.as_ref().is_some_and(|leaf| leaf.hashes_both()) && !proof.key.is_empty() && !proof.value.is_empty()
    };
    if !proofs.iter().all(fits) {
        return None;
    }
    for (node, proof) in nodes.iter_mut().zip(proofs) {
        node.set(&[proof.key])?;
    }
    let keys = Short::digests(nodes);
    for (node, proof) in nodes.iter_mut().zip(proofs) {
        node.set(&[proof.value])?;
    }
    let values = Short::digests(nodes);
    for (((node, proof), key), value) in nodes.iter_mut().zip(proofs).zip(&keys).zip(&values) {
        node.set(&[proof.leaf.as_ref()?.prefix, &key.0, &value.0])?;
    }
    Some(Short::digests(nodes))
}
