//! The few parts of protobuf that are hashed, signed or read here: a writer of canonical bytes, and a borrowed reader
//! that accepts canonical bytes only (fields ascending, shortest varints, no explicit defaults, nothing unknown), so
//! that a message has one encoding. Knows no message.

use alloc::vec::Vec;
use comity_model::Time;

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const BYTES: u32 = 2;

/// Appends a varint.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or(0);
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

fn put_tag(out: &mut Vec<u8>, field: u32, kind: u32) {
    put_varint(out, u64::from((field << 3) | kind));
}

/// Appends an integer field; zero is the default and left out.
pub(crate) fn put_u64(out: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        put_tag(out, field, VARINT);
        put_varint(out, value);
    }
}

/// Appends an `int64` field; negative numbers take ten bytes.
pub(crate) fn put_i64(out: &mut Vec<u8>, field: u32, value: i64) {
    put_u64(out, field, u64::from_le_bytes(value.to_le_bytes()));
}

/// Appends an `sfixed64` field; zero is left out.
pub(crate) fn put_fixed64(out: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        put_tag(out, field, FIXED64);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// Appends a bytes or string field; empty is left out.
pub(crate) fn put_bytes(out: &mut Vec<u8>, field: u32, value: &[u8]) {
    if !value.is_empty() {
        put_message(out, field, value);
    }
}

/// Appends an embedded message, also when it is empty.
pub(crate) fn put_message(out: &mut Vec<u8>, field: u32, value: &[u8]) {
    put_tag(out, field, BYTES);
    put_varint(out, u64::try_from(value.len()).unwrap_or(u64::MAX));
    out.extend_from_slice(value);
}

/// The bytes of a `google.protobuf.Timestamp`.
pub(crate) fn timestamp(time: Time) -> Vec<u8> {
    let mut out = Vec::with_capacity(17);
    put_i64(&mut out, 1, time.seconds());
    put_u64(&mut out, 2, u64::from(time.nanos()));
    out
}

/// Bytes that are not canonical protobuf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// A field as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 2.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// A bytes field or an embedded message.
    pub(crate) fn message(self) -> Result<&'a [u8], Malformed> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Varint(_) => Err(Malformed),
        }
    }

    /// A bytes field that is not empty: an empty one is the default and must be left out.
    pub(crate) fn bytes(self) -> Result<&'a [u8], Malformed> {
        self.message().and_then(|bytes| if bytes.is_empty() { Err(Malformed) } else { Ok(bytes) })
    }

    /// An integer field that is not zero and fits 32 bits.
    pub(crate) fn number(self) -> Result<u32, Malformed> {
        match self {
            Self::Varint(0) | Self::Bytes(_) => Err(Malformed),
            Self::Varint(value) => u32::try_from(value).map_err(|_| Malformed),
        }
    }
}

/// Reads a message field by field.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    last: u32,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, last: 0 }
    }

    /// The next field, or `None` at the end. Field numbers ascend; only `repeated` fields may come again.
    pub(crate) fn next(&mut self, repeated: &[u32]) -> Result<Option<(u32, Value<'a>)>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = u32::try_from(self.varint()?).map_err(|_| Malformed)?;
        let (field, kind) = (tag >> 3, tag & 7);
        let in_order = field > self.last || (field == self.last && repeated.contains(&field));
        if field == 0 || !in_order {
            return Err(Malformed);
        }
        self.last = field;
        let value = match kind {
            VARINT => Value::Varint(self.varint()?),
            BYTES => {
                let length = usize::try_from(self.varint()?).map_err(|_| Malformed)?;
                Value::Bytes(self.take(length)?)
            }
            _ => return Err(Malformed),
        };
        Ok(Some((field, value)))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let (value, used) = varint(self.rest).ok_or(Malformed)?;
        self.rest = self.rest.get(used..).ok_or(Malformed)?;
        Ok(value)
    }
}

/// The numbers of a packed field.
pub(crate) fn packed(bytes: &[u8]) -> impl Iterator<Item = Result<u64, Malformed>> {
    let mut reader = Reader::new(bytes);
    core::iter::from_fn(move || (!reader.rest.is_empty()).then(|| reader.varint()))
        // After a malformed number, reading stops: the rest cannot be told apart.
        .scan(false, |failed, number| (!core::mem::replace(failed, number.is_err())).then_some(number))
}

/// Reads a shortest-form varint: the value and how many bytes it took.
pub(crate) fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    // Nearly all are of one byte.
    if let [byte @ 0..0x80, ..] = bytes {
        return Some((u64::from(*byte), 1));
    }
    let mut value = 0u64;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        let shift = u32::try_from(index).ok()?.checked_mul(7)?;
        let part = u64::from(byte & 0x7f);
        let shifted = part.checked_shl(shift)?;
        if shifted.checked_shr(shift)? != part {
            return None;
        }
        value |= shifted;
        if byte & 0x80 == 0 {
            let shortest = index == 0 || *byte != 0;
            return shortest.then_some((value, index.checked_add(1)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_longer_form_of_a_number_is_refused() {
        assert_eq!(varint(&[0x80, 0x00]), None);
        assert_eq!(varint(&[0xff; 10]), None);
        assert_eq!(varint(&[]), None);
        assert_eq!(varint(&[0x80; 3]), None);
    }

    #[test]
    fn fields_out_of_order_repeated_or_empty_are_refused() {
        for bytes in [
            &[0x12, 0x01, 0x61, 0x0a, 0x01, 0x61][..],
            &[0x0a, 0x01, 0x61, 0x0a, 0x01, 0x61],
            &[0x0d, 0, 0, 0, 0],
            &[0x02, 0x00],
            &[0x0a, 0x02, 0x61],
        ] {
            let mut reader = Reader::new(bytes);
            let mut result = reader.next(&[]);
            while let Ok(Some(_)) = result {
                result = reader.next(&[]);
            }
            assert_eq!(result, Err(Malformed), "{bytes:?}");
        }
        assert_eq!(Value::Bytes(&[]).bytes(), Err(Malformed));
        assert_eq!(Value::Varint(0).number(), Err(Malformed));
    }

    proptest! {
        #[test]
        fn every_number_survives(value: u64) {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            prop_assert_eq!(varint(&out), Some((value, out.len())));
        }
    }
}
