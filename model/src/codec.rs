//! The one encoding of everything that is signed, hashed or stored in a chain's state.

use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Bytes that are not the canonical encoding of the wanted type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not a canonical encoding of {what}")]
pub struct Malformed {
    /// The type that was expected, in words.
    pub what: &'static str,
}

/// Canonical bytes of `value`.
#[must_use]
pub fn encode<T: BorshSerialize>(value: &T) -> Vec<u8> {
    // Writing to memory fails only for lengths over u32::MAX, which no bounded type of this crate reaches.
    borsh::to_vec(value).unwrap_or_default()
}

/// Decodes `bytes` whole: trailing bytes, another form of the same value or a broken invariant are [`Malformed`].
pub fn decode<T: BorshDeserialize>(what: &'static str, bytes: &[u8]) -> Result<T, Malformed> {
    borsh::from_slice(bytes).map_err(|_| Malformed { what })
}

/// Makes a Borsh decoder out of `TryFrom`, so that an invariant is checked in one place.
macro_rules! decode_through {
    ($name:ident, $raw:ty) => {
        impl borsh::BorshDeserialize for $name {
            fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
                let raw = <$raw as borsh::BorshDeserialize>::deserialize_reader(reader)?;
                Self::try_from(raw)
                    .map_err(|_| borsh::io::Error::new(borsh::io::ErrorKind::InvalidData, stringify!($name)))
            }
        }
    };
}
pub(crate) use decode_through;
