//! ICS-23's operations: what a leaf or an inner step hashes. Knows no spec and no tree.

use crate::refusal::{Refusal, Rule};
use crate::sha::{Short, sha256};
use crate::wire;
use alloc::borrow::Cow;
use alloc::vec::Vec;
use blake2::{Blake2b512, Blake2s256};
use comity_model::Hash;
use ripemd::Ripemd160;
use sha2::{Sha512, Sha512_256};

/// ICS-23 `HashOp`. Keccak-256 and BLAKE3 are in the schema; like the Go implementation, this one has them not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum HashOp {
    /// The bytes as they are; for prehashing only.
    #[default]
    NoHash = 0,
    /// SHA-256.
    Sha256 = 1,
    /// SHA-512.
    Sha512 = 2,
    /// RIPEMD-160.
    Ripemd160 = 4,
    /// RIPEMD-160 of SHA-256.
    Bitcoin = 5,
    /// SHA-512/256.
    Sha512_256 = 6,
    /// BLAKE2b with 64 bytes.
    Blake2b512 = 7,
    /// BLAKE2s with 32 bytes.
    Blake2s256 = 8,
}

impl HashOp {
    /// The operation of this number; `None` for unknown and unsupported ones.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::NoHash,
            1 => Self::Sha256,
            2 => Self::Sha512,
            4 => Self::Ripemd160,
            5 => Self::Bitcoin,
            6 => Self::Sha512_256,
            7 => Self::Blake2b512,
            8 => Self::Blake2s256,
            _ => return None,
        })
    }

    /// The hash of the concatenation of `pieces`; [`HashOp::NoHash`] is no hash and is refused (`doHash`).
    pub fn hash(self, pieces: &[&[u8]]) -> Result<Digest, Refusal> {
        Ok(match self {
            Self::NoHash => return Err(refuse("a hash operation", "none")),
            Self::Sha256 => Digest::of(&sha256(pieces).0),
            Self::Sha512 => Digest::of(&sha2_of::<Sha512>(pieces)),
            Self::Sha512_256 => Digest::of(&sha2_of::<Sha512_256>(pieces)),
            Self::Ripemd160 => Digest::of(&older_of::<Ripemd160>(pieces)),
            Self::Bitcoin => {
                let inner = sha256(pieces);
                Digest::of(&older_of::<Ripemd160>(&[&inner.0]))
            }
            Self::Blake2b512 => Digest::of(&older_of::<Blake2b512>(pieces)),
            Self::Blake2s256 => Digest::of(&older_of::<Blake2s256>(pieces)),
        })
    }

    /// Like [`Self::hash`], but [`HashOp::NoHash`] leaves the bytes as they are (`doHashOrNoop`).
    pub fn hash_or_keep(self, bytes: &[u8]) -> Result<Cow<'_, [u8]>, Refusal> {
        if self == Self::NoHash {
            return Ok(Cow::Borrowed(bytes));
        }
        self.hash(&[bytes]).map(|digest| Cow::Owned(digest.as_slice().to_vec()))
    }
}

fn sha2_of<D: sha2::Digest>(pieces: &[&[u8]]) -> sha2::digest::Output<D> {
    let mut hasher = D::new();
    pieces.iter().for_each(|piece| hasher.update(piece));
    hasher.finalize()
}

fn older_of<D: ripemd::Digest>(pieces: &[&[u8]]) -> ripemd::digest::Output<D> {
    let mut hasher = D::new();
    pieces.iter().for_each(|piece| hasher.update(piece));
    hasher.finalize()
}

/// A digest of up to 64 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    bytes: [u8; 64],
    length: usize,
}

impl Digest {
    fn of(bytes: &[u8]) -> Self {
        let mut digest = Self { bytes: [0; 64], length: bytes.len().min(64) };
        for (to, from) in digest.bytes.iter_mut().zip(bytes) {
            *to = *from;
        }
        digest
    }

    /// The digest's bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&[])
    }
}

/// ICS-23 `LengthOp`. `VAR_RLP` is in the schema and, as in the Go implementation, not supported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum LengthOp {
    /// No length.
    #[default]
    NoPrefix = 0,
    /// A protobuf varint.
    VarProto = 1,
    /// 32 bits, big-endian.
    Fixed32Big = 3,
    /// 32 bits, little-endian.
    Fixed32Little = 4,
    /// 64 bits, big-endian.
    Fixed64Big = 5,
    /// 64 bits, little-endian.
    Fixed64Little = 6,
    /// No length; refused unless there are 32 bytes.
    Require32Bytes = 7,
    /// No length; refused unless there are 64 bytes.
    Require64Bytes = 8,
}

impl LengthOp {
    /// The operation of this number; `None` for unknown and unsupported ones.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::NoPrefix,
            1 => Self::VarProto,
            3 => Self::Fixed32Big,
            4 => Self::Fixed32Little,
            5 => Self::Fixed64Big,
            6 => Self::Fixed64Little,
            7 => Self::Require32Bytes,
            8 => Self::Require64Bytes,
            _ => return None,
        })
    }

    fn put(self, out: &mut Vec<u8>, data: &[u8]) -> Result<(), Refusal> {
        let long = u64::try_from(data.len()).map_err(|_| refuse("a shorter value", "a long one"))?;
        let short = u32::try_from(data.len()).map_err(|_| refuse("a shorter value", "a long one"))?;
        match self {
            Self::NoPrefix => {}
            Self::VarProto => wire::put_varint(out, long),
            Self::Fixed32Big => out.extend_from_slice(&short.to_be_bytes()),
            Self::Fixed32Little => out.extend_from_slice(&short.to_le_bytes()),
            Self::Fixed64Big => out.extend_from_slice(&long.to_be_bytes()),
            Self::Fixed64Little => out.extend_from_slice(&long.to_le_bytes()),
            Self::Require32Bytes if data.len() == 32 => {}
            Self::Require64Bytes if data.len() == 64 => {}
            Self::Require32Bytes | Self::Require64Bytes => {
                return Err(refuse("a value of fixed length", "another length"));
            }
        }
        out.extend_from_slice(data);
        Ok(())
    }
}

/// ICS-23 `LeafOp`: hash(prefix ‖ length(prehash(key)) ‖ length(prehash(value))).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeafOp<'a> {
    /// The leaf's hash.
    pub hash: HashOp,
    /// What is done to the key first.
    pub prehash_key: HashOp,
    /// What is done to the value first.
    pub prehash_value: HashOp,
    /// How lengths are written.
    pub length: LengthOp,
    /// What tells a leaf from an inner node.
    pub prefix: &'a [u8],
}

impl LeafOp<'_> {
    /// Whether it is SHA-256 over the hashes of key and value and nothing else, as in trees of hashed keys.
    pub(super) fn hashes_both(&self) -> bool {
        let operations = [self.hash, self.prehash_key, self.prehash_value];
        operations == [HashOp::Sha256; 3] && self.length == LengthOp::NoPrefix
    }

    /// The leaf's hash. Key and value must not be empty.
    pub fn apply(&self, key: &[u8], value: &[u8]) -> Result<Digest, Refusal> {
        if key.is_empty() || value.is_empty() {
            return Err(refuse("a key and a value", "an empty one"));
        }
        if self.hashes_both() {
            return Ok(Digest::of(&sha256(&[self.prefix, &sha256(&[key]).0, &sha256(&[value]).0]).0));
        }
        let mut data = Vec::with_capacity(160);
        self.length.put(&mut data, &self.prehash_key.hash_or_keep(key)?)?;
        self.length.put(&mut data, &self.prehash_value.hash_or_keep(value)?)?;
        self.hash.hash(&[self.prefix, &data])
    }
}

/// ICS-23 `InnerOp`: hash(prefix ‖ child ‖ suffix).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InnerOp<'a> {
    /// The node's hash.
    pub hash: HashOp,
    /// What stands before the child, earlier children included.
    pub prefix: &'a [u8],
    /// What stands after the child: later children.
    pub suffix: &'a [u8],
}

impl InnerOp<'_> {
    /// The node's hash over a child, which must not be empty.
    pub fn apply(&self, child: &[u8]) -> Result<Digest, Refusal> {
        if child.is_empty() {
            return Err(refuse("a child", "none"));
        }
        if let (HashOp::Sha256, Ok(child)) = (self.hash, child.try_into().map(Hash))
            && let Some(node) = Short::node(self.prefix, &child, self.suffix)
        {
            return Ok(Digest::of(&node.digest().0));
        }
        self.hash.hash(&[self.prefix, child, self.suffix])
    }
}

fn refuse(expected: &str, found: &str) -> Refusal {
    Refusal::new(Rule::StateProof, expected, found)
}
