//! Borsh decoding of lists with an upper bound, so that a few bytes never make a large allocation. Knows no type of
//! its own.

use alloc::vec::Vec;
use borsh::BorshDeserialize;
use borsh::io::{Error, ErrorKind, Read, Result};

/// Reads a list of at most `MAX` items; longer ones are not a canonical encoding.
pub(crate) fn list<R: Read, T: BorshDeserialize, const MAX: usize>(reader: &mut R) -> Result<Vec<T>> {
    let count = u32::deserialize_reader(reader)?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count > MAX {
        return Err(Error::new(ErrorKind::InvalidData, "a list is too long"));
    }
    // What is reserved ahead is bounded by more than the count: the bytes may not be there.
    let mut items = Vec::with_capacity(count.min(64));
    for _ in 0..count {
        items.push(T::deserialize_reader(reader)?);
    }
    Ok(items)
}
