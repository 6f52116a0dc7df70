//! Keys and signatures of institutions and officers. Chain signatures are another matter and another type: they are
//! judged by a chain's consensus rules in `verify`.

use crate::codec::decode_through;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;

/// A signature suite: which algorithm, over which digest. A deployment states which it accepts; a proof states which
/// it used; the number is part of what is signed and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Suite {
    /// Ed25519 (RFC 8032, strict) with SHA-256 commitments.
    Ed25519Sha256 = 1,
    /// ECDSA on P-256 with SHA-256.
    P256Sha256 = 2,
    /// ECDSA on secp256k1 with SHA-256.
    Secp256k1Sha256 = 3,
    /// SM2 with SM3 (GM/T 0003, 0004).
    Sm2Sm3 = 4,
}

impl Suite {
    /// The suite's name in configuration, anchors and verdicts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ed25519Sha256 => "ed25519-sha256",
            Self::P256Sha256 => "p256-sha256",
            Self::Secp256k1Sha256 => "secp256k1-sha256",
            Self::Sm2Sm3 => "sm2-sm3",
        }
    }

    /// The suite of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Ed25519Sha256, Self::P256Sha256, Self::Secp256k1Sha256, Self::Sm2Sm3]
            .into_iter()
            .find(|suite| suite.name() == name)
    }
}

/// A public key: 32 bytes for Ed25519, 33 (compressed point) for the others.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct PublicKey {
    suite: Suite,
    bytes: Vec<u8>,
}

#[derive(BorshDeserialize)]
struct RawPublicKey {
    suite: Suite,
    bytes: Vec<u8>,
}

/// Key bytes whose length does not fit their suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the length of a key or signature does not fit its suite")]
pub struct BadLength;

impl TryFrom<RawPublicKey> for PublicKey {
    type Error = BadLength;
    fn try_from(raw: RawPublicKey) -> Result<Self, BadLength> {
        Self::new(raw.suite, raw.bytes)
    }
}
decode_through!(PublicKey, RawPublicKey);

impl PublicKey {
    /// A key of `suite`; only the length is checked here, the point where it is used.
    pub fn new(suite: Suite, bytes: Vec<u8>) -> Result<Self, BadLength> {
        let length = if matches!(suite, Suite::Ed25519Sha256) { 32 } else { 33 };
        if bytes.len() == length { Ok(Self { suite, bytes }) } else { Err(BadLength) }
    }

    /// An Ed25519 key.
    #[must_use]
    pub fn ed25519(bytes: [u8; 32]) -> Self {
        Self { suite: Suite::Ed25519Sha256, bytes: bytes.to_vec() }
    }

    /// The key's suite.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// The encoded key.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.suite.name())?;
        self.bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A signature: 64 bytes in every suite (Ed25519 `R‖s`, ECDSA and SM2 `r‖s`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Signature {
    /// Which suite made it; must equal the key's.
    pub suite: Suite,
    /// The signature's bytes.
    pub bytes: [u8; 64],
}

impl Signature {
    /// An Ed25519 signature.
    #[must_use]
    pub const fn ed25519(bytes: [u8; 64]) -> Self {
        Self { suite: Suite::Ed25519Sha256, bytes }
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.suite.name())?;
        self.bytes.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…")
    }
}
