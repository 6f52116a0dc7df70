//! Keys and signatures of institutions and officers, and which suites are accepted. Chain signatures are another matter
//! and another type: they are judged by a chain's consensus rules in `verify`. Computes no hash and no signature.

use crate::codec::decode_through;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;

/// A hash algorithm of 32-byte digests. Trees of state, headers and logs are SHA-256 whatever the suite; what a suite's
/// algorithm hashes are its signed messages and the fields of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum HashAlgorithm {
    /// SHA-256 (FIPS 180-4).
    Sha256 = 1,
    /// SM3 (GM/T 0004).
    Sm3 = 2,
}

impl HashAlgorithm {
    /// The algorithm's name in configuration, refusals and verdicts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sm3 => "sm3",
        }
    }
}

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
    /// Every suite, by number.
    pub const ALL: [Self; 4] = [Self::Ed25519Sha256, Self::P256Sha256, Self::Secp256k1Sha256, Self::Sm2Sm3];

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
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// The suite's hash algorithm.
    #[must_use]
    pub const fn hash(self) -> HashAlgorithm {
        match self {
            Self::Ed25519Sha256 | Self::P256Sha256 | Self::Secp256k1Sha256 => HashAlgorithm::Sha256,
            Self::Sm2Sm3 => HashAlgorithm::Sm3,
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Ed25519Sha256 => 1,
            Self::P256Sha256 => 2,
            Self::Secp256k1Sha256 => 4,
            Self::Sm2Sm3 => 8,
        }
    }
}

/// The suites that are accepted from a chain or an institution: at least one. Its canonical bytes are those of the list
/// of its suites, ascending, each once.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Suites(u8);

impl Suites {
    /// What a native chain signs its headers with, and nothing else.
    pub const NATIVE: Self = Self(Suite::Ed25519Sha256.bit());
    /// Every suite there is.
    pub const ALL: Self = Self(15);

    /// These suites; `None` where there is none or one comes twice.
    pub fn new(suites: impl IntoIterator<Item = Suite>) -> Option<Self> {
        let mut bits = 0;
        for suite in suites {
            if bits & suite.bit() != 0 {
                return None;
            }
            bits |= suite.bit();
        }
        (bits != 0).then_some(Self(bits))
    }

    /// These suites and another.
    #[must_use]
    pub const fn with(self, suite: Suite) -> Self {
        Self(self.0 | suite.bit())
    }

    /// Whether a suite is among them.
    #[must_use]
    pub const fn contains(self, suite: Suite) -> bool {
        self.0 & suite.bit() != 0
    }

    /// Whether a suite with this hash algorithm is among them.
    #[must_use]
    pub fn hashes_with(self, algorithm: HashAlgorithm) -> bool {
        self.iter().any(|suite| suite.hash() == algorithm)
    }

    /// The suites, ascending.
    pub fn iter(self) -> impl Iterator<Item = Suite> {
        Suite::ALL.into_iter().filter(move |suite| self.contains(*suite))
    }
}

/// The names, separated by commas.
impl fmt::Display for Suites {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, suite) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            f.write_str(suite.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Suites {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}

impl BorshSerialize for Suites {
    fn serialize<W: borsh::io::Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
        self.0.count_ones().serialize(writer)?;
        self.iter().try_for_each(|suite| suite.serialize(writer))
    }
}

impl BorshDeserialize for Suites {
    /// Refuses an empty list, one that is not ascending, and a suite twice: a set has one encoding.
    fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
        let bad = || borsh::io::Error::new(borsh::io::ErrorKind::InvalidData, "a set of suites");
        let count = u32::deserialize_reader(reader)?;
        let mut bits = 0u8;
        for _ in 0..count {
            let bit = Suite::deserialize_reader(reader)?.bit();
            if bit <= bits {
                return Err(bad());
            }
            bits |= bit;
        }
        if bits == 0 { Err(bad()) } else { Ok(Self(bits)) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decode, encode};

    #[test]
    fn a_set_of_suites_has_one_encoding_and_it_is_that_of_the_list() {
        for bits in 1..16u8 {
            let suites = Suites::new(Suite::ALL.into_iter().filter(|suite| bits & suite.bit() != 0)).expect("a set");
            let bytes = encode(&suites);
            assert_eq!(bytes, encode(&suites.iter().collect::<Vec<_>>()));
            assert_eq!(decode("suites", &bytes), Ok(suites));
        }
        for wrong in [&[0, 0, 0, 0][..], &[2, 0, 0, 0, 2, 1], &[2, 0, 0, 0, 1, 1], &[1, 0, 0, 0, 5], &[255; 8]] {
            assert!(decode::<Suites>("suites", wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(Suites::new([]), None);
        assert_eq!(Suites::new([Suite::Sm2Sm3, Suite::Sm2Sm3]), None);
    }

    #[test]
    fn a_set_of_suites_names_them() {
        let suites = Suites::NATIVE.with(Suite::Sm2Sm3);
        assert_eq!(alloc::format!("{suites}"), "ed25519-sha256, sm2-sm3");
        assert!(suites.hashes_with(HashAlgorithm::Sm3) && !Suites::NATIVE.hashes_with(HashAlgorithm::Sm3));
        assert_eq!(Suites::ALL.iter().count(), Suite::ALL.len());
    }
}
