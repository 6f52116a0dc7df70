//! Reading `CommitmentProof` from protobuf, borrowed, bounded, and only in its canonical form. Knows what proofs look
//! like, not whether they hold.

use super::ops::{HashOp, InnerOp, LeafOp, LengthOp};
use crate::refusal::{Refusal, Rule};
use crate::wire::{Malformed, Reader, packed};
use alloc::vec::Vec;

/// Most inner steps of a proof; no tree in use is deeper.
pub const PATH_MAX: usize = 256;

/// Most proofs in a batch.
pub const BATCH_MAX: usize = 4_096;

/// ICS-23 `CommitmentProof`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitmentProof<'a> {
    /// A value stands under the key.
    Exist(ExistenceProof<'a>),
    /// Nothing does.
    Nonexist(NonExistenceProof<'a>),
    /// Several proofs under one root, whether or not they came compressed.
    Batch(Vec<BatchEntry<'a>>),
}

/// ICS-23 `BatchEntry`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchEntry<'a> {
    /// A value stands under the key.
    Exist(ExistenceProof<'a>),
    /// Nothing does.
    Nonexist(NonExistenceProof<'a>),
}

/// ICS-23 `ExistenceProof`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExistenceProof<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub value: &'a [u8],
    /// How the leaf is hashed.
    pub leaf: Option<LeafOp<'a>>,
    /// From the leaf up.
    pub path: Vec<InnerOp<'a>>,
}

/// ICS-23 `NonExistenceProof`: the neighbours between which nothing stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NonExistenceProof<'a> {
    /// The key under which nothing stands.
    pub key: &'a [u8],
    /// The neighbour before it; `None` where it would be the first.
    pub left: Option<ExistenceProof<'a>>,
    /// The neighbour after it; `None` where it would be the last.
    pub right: Option<ExistenceProof<'a>>,
}

/// Reads a proof. Linear in its size; refuses unknown fields, other orders and longer forms, so that a proof has one
/// encoding.
pub fn decode(bytes: &[u8]) -> Result<CommitmentProof<'_>, Refusal> {
    commitment(bytes).map_err(|Malformed| {
        Refusal::new(Rule::ProofEncoding, "a canonical ICS-23 proof", alloc::format!("{} other bytes", bytes.len()))
    })
}

fn commitment(bytes: &[u8]) -> Result<CommitmentProof<'_>, Malformed> {
    let mut reader = Reader::new(bytes);
    let proof = match reader.next(&[])? {
        Some((1, value)) => CommitmentProof::Exist(existence(value.message()?)?),
        Some((2, value)) => CommitmentProof::Nonexist(non_existence(value.message()?)?),
        Some((3, value)) => CommitmentProof::Batch(batch(value.message()?)?),
        Some((4, value)) => CommitmentProof::Batch(compressed(value.message()?)?),
        _ => return Err(Malformed),
    };
    match reader.next(&[])? {
        None => Ok(proof),
        Some(_) => Err(Malformed),
    }
}

fn batch(bytes: &[u8]) -> Result<Vec<BatchEntry<'_>>, Malformed> {
    let mut reader = Reader::new(bytes);
    let mut entries = Vec::new();
    while let Some((field, value)) = reader.next(&[1])? {
        if field != 1 || entries.len() >= BATCH_MAX {
            return Err(Malformed);
        }
        let (kind, proof) = only(value.message()?)?;
        entries.push(match kind {
            1 => BatchEntry::Exist(existence(proof)?),
            2 => BatchEntry::Nonexist(non_existence(proof)?),
            _ => return Err(Malformed),
        });
    }
    Ok(entries)
}

/// The one field of a message, itself a message.
fn only(bytes: &[u8]) -> Result<(u32, &[u8]), Malformed> {
    let mut reader = Reader::new(bytes);
    let (field, value) = reader.next(&[])?.ok_or(Malformed)?;
    match reader.next(&[])? {
        None => Ok((field, value.message()?)),
        Some(_) => Err(Malformed),
    }
}

/// ICS-23 `CompressedBatchProof`: steps stand once, in a list behind the entries, which name them by index.
fn compressed(bytes: &[u8]) -> Result<Vec<BatchEntry<'_>>, Malformed> {
    let mut reader = Reader::new(bytes);
    let (mut raw, mut steps) = (Vec::new(), Vec::new());
    while let Some((field, value)) = reader.next(&[1, 2])? {
        match field {
            1 if raw.len() < BATCH_MAX => raw.push(value.message()?),
            2 if steps.len() < BATCH_MAX.saturating_mul(PATH_MAX) => steps.push(inner(value.message()?)?),
            _ => return Err(Malformed),
        }
    }
    let entry = |bytes| {
        let (kind, proof) = only(bytes)?;
        Ok(match kind {
            1 => BatchEntry::Exist(compressed_existence(proof, &steps)?),
            2 => BatchEntry::Nonexist(compressed_non_existence(proof, &steps)?),
            _ => return Err(Malformed),
        })
    };
    raw.into_iter().map(entry).collect()
}

fn compressed_non_existence<'a>(bytes: &'a [u8], steps: &[InnerOp<'a>]) -> Result<NonExistenceProof<'a>, Malformed> {
    let mut proof = NonExistenceProof::default();
    let mut reader = Reader::new(bytes);
    while let Some((field, value)) = reader.next(&[])? {
        match field {
            1 => proof.key = value.bytes()?,
            2 => proof.left = Some(compressed_existence(value.message()?, steps)?),
            3 => proof.right = Some(compressed_existence(value.message()?, steps)?),
            _ => return Err(Malformed),
        }
    }
    Ok(proof)
}

fn compressed_existence<'a>(bytes: &'a [u8], steps: &[InnerOp<'a>]) -> Result<ExistenceProof<'a>, Malformed> {
    let mut proof = ExistenceProof::default();
    let mut reader = Reader::new(bytes);
    while let Some((field, value)) = reader.next(&[])? {
        match field {
            1 => proof.key = value.bytes()?,
            2 => proof.value = value.bytes()?,
            3 => proof.leaf = Some(leaf(value.message()?)?),
            4 => {
                for index in packed(value.bytes()?) {
                    let step = steps.get(usize::try_from(index?).map_err(|_| Malformed)?).ok_or(Malformed)?;
                    if proof.path.len() >= PATH_MAX {
                        return Err(Malformed);
                    }
                    proof.path.push(*step);
                }
            }
            _ => return Err(Malformed),
        }
    }
    Ok(proof)
}

fn non_existence(bytes: &[u8]) -> Result<NonExistenceProof<'_>, Malformed> {
    let mut proof = NonExistenceProof::default();
    let mut reader = Reader::new(bytes);
    while let Some((field, value)) = reader.next(&[])? {
        match field {
            1 => proof.key = value.bytes()?,
            2 => proof.left = Some(existence(value.message()?)?),
            3 => proof.right = Some(existence(value.message()?)?),
            _ => return Err(Malformed),
        }
    }
    Ok(proof)
}

fn existence(bytes: &[u8]) -> Result<ExistenceProof<'_>, Malformed> {
    const PATH: u32 = 4;
    let mut proof = ExistenceProof::default();
    let mut reader = Reader::new(bytes);
    while let Some((field, value)) = reader.next(&[PATH])? {
        match field {
            1 => proof.key = value.bytes()?,
            2 => proof.value = value.bytes()?,
            3 => proof.leaf = Some(leaf(value.message()?)?),
            PATH if proof.path.len() < PATH_MAX => {
                if proof.path.is_empty() {
                    proof.path.reserve(40);
                }
                proof.path.push(inner(value.message()?)?);
            }
            _ => return Err(Malformed),
        }
    }
    Ok(proof)
}

fn leaf(bytes: &[u8]) -> Result<LeafOp<'_>, Malformed> {
    let mut op = LeafOp::default();
    let mut reader = Reader::new(bytes);
    while let Some((field, value)) = reader.next(&[])? {
        match field {
            1 => op.hash = hash(value.number()?)?,
            2 => op.prehash_key = hash(value.number()?)?,
            3 => op.prehash_value = hash(value.number()?)?,
            4 => op.length = LengthOp::from_number(value.number()?).ok_or(Malformed)?,
            5 => op.prefix = value.bytes()?,
            _ => return Err(Malformed),
        }
    }
    Ok(op)
}

fn inner(bytes: &[u8]) -> Result<InnerOp<'_>, Malformed> {
    if let Some(op) = usual_inner(bytes) {
        return Ok(op);
    }
    let mut op = InnerOp::default();
    let mut reader = Reader::new(bytes);
    while let Some((field, value)) = reader.next(&[])? {
        match field {
            1 => op.hash = hash(value.number()?)?,
            2 => op.prefix = value.bytes()?,
            3 => op.suffix = value.bytes()?,
            _ => return Err(Malformed),
        }
    }
    Ok(op)
}

/// A step as nearly all are: SHA-256, a prefix, perhaps a suffix, each shorter than 128 bytes. `None` decides nothing.
#[inline]
fn usual_inner(bytes: &[u8]) -> Option<InnerOp<'_>> {
    let [0x08, 1, 0x12, length @ 1..0x80, rest @ ..] = bytes else {
        return None;
    };
    let (prefix, rest) = rest.split_at_checked(usize::from(*length))?;
    let suffix = match rest {
        [] => &[],
        [0x1a, length @ 1..0x80, suffix @ ..] if suffix.len() == usize::from(*length) => suffix,
        _ => return None,
    };
    Some(InnerOp { hash: HashOp::Sha256, prefix, suffix })
}

fn hash(number: u32) -> Result<HashOp, Malformed> {
    HashOp::from_number(number).ok_or(Malformed)
}
