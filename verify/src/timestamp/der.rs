//! DER (X.690) as tokens and certificates use it: a borrowed reader of tags, lengths and the few types that are needed here, and
//! a writer for what is asked. One form of each length and number; nothing indefinite. Knows no structure.

use alloc::vec::Vec;
use comity_model::Time;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OID: u8 = 0x06;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// `[number]`, constructed.
pub(super) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// `[number]`, primitive.
pub(super) const fn context_primitive(number: u8) -> u8 {
    0x80 | number
}

/// Bytes that are not of the form that was read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

pub(super) type Read<T> = Result<T, Malformed>;

/// One element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    /// With its tag and length.
    pub(super) whole: &'a [u8],
    pub(super) content: &'a [u8],
}

/// Elements, one behind the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Der<'a> {
    rest: &'a [u8],
}

impl<'a> Der<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next element, whatever its tag. Tags of more than one byte are not used here.
    pub(super) fn any(&mut self) -> Read<Element<'a>> {
        let (tag, rest) = self.rest.split_first().ok_or(Malformed)?;
        if tag & 0x1f == 0x1f {
            return Err(Malformed);
        }
        let (first, mut rest) = rest.split_first().ok_or(Malformed)?;
        let length = match *first {
            short @ 0..=0x7f => usize::from(short),
            // Up to 16 MiB, in the fewest bytes.
            long @ 0x81..=0x83 => {
                let (digits, after) = rest.split_at_checked(usize::from(long & 0x7f)).ok_or(Malformed)?;
                rest = after;
                let length = digits.iter().fold(0usize, |length, byte| (length << 8) | usize::from(*byte));
                if length < 0x80 || digits.first() == Some(&0) {
                    return Err(Malformed);
                }
                length
            }
            _ => return Err(Malformed),
        };
        let (content, rest) = rest.split_at_checked(length).ok_or(Malformed)?;
        let used = self.rest.len().checked_sub(rest.len()).ok_or(Malformed)?;
        let whole = self.rest.get(..used).ok_or(Malformed)?;
        self.rest = rest;
        Ok(Element { tag: *tag, whole, content })
    }

    /// The next element, which has this tag.
    pub(super) fn element(&mut self, tag: u8) -> Read<Element<'a>> {
        self.any().and_then(|found| if found.tag == tag { Ok(found) } else { Err(Malformed) })
    }

    /// The content of the next element, which has this tag.
    pub(super) fn take(&mut self, tag: u8) -> Read<&'a [u8]> {
        Ok(self.element(tag)?.content)
    }

    /// What is inside the next element, which has this tag.
    pub(super) fn enter(&mut self, tag: u8) -> Read<Self> {
        Ok(Self::new(self.take(tag)?))
    }

    /// The next element if it has this tag.
    pub(super) fn optional(&mut self, tag: u8) -> Read<Option<Element<'a>>> {
        if self.rest.first() == Some(&tag) { self.element(tag).map(Some) } else { Ok(None) }
    }

    /// Nothing may be left.
    pub(super) const fn end(&self) -> Read<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed) }
    }

    /// An integer's content in its shortest form, with its sign.
    pub(super) fn integer(&mut self) -> Read<&'a [u8]> {
        match self.take(INTEGER)? {
            [] | [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..] => Err(Malformed),
            bytes => Ok(bytes),
        }
    }

    /// The bytes of an integer that is not negative, without leading zeros.
    pub(super) fn unsigned(&mut self) -> Read<&'a [u8]> {
        unsigned(self.integer()?)
    }

    /// An integer below 2³².
    pub(super) fn small(&mut self) -> Read<u32> {
        small(self.unsigned()?)
    }

    /// The bytes of a bit string of whole bytes.
    pub(super) fn bits(&mut self) -> Read<&'a [u8]> {
        match self.take(BIT_STRING)? {
            [0, bytes @ ..] => Ok(bytes),
            _ => Err(Malformed),
        }
    }
}

pub(super) fn unsigned(integer: &[u8]) -> Read<&[u8]> {
    match integer {
        [0x80..=0xff, ..] => Err(Malformed),
        [0, rest @ ..] => Ok(rest),
        bytes => Ok(bytes),
    }
}

/// A number of at most four bytes.
pub(super) fn small(bytes: &[u8]) -> Read<u32> {
    if bytes.len() > 4 {
        return Err(Malformed);
    }
    Ok(bytes.iter().fold(0, |number, byte| (number << 8) | u32::from(*byte)))
}

/// A `UTCTime` or `GeneralizedTime`, in UTC and to the second; a `GeneralizedTime` may have a fraction without trailing zeros
/// (RFC 5280 section 4.1.2.5, RFC 3161 section 2.4.2).
pub(super) fn time(element: Element<'_>) -> Read<Time> {
    let text = core::str::from_utf8(element.content).map_err(|_| Malformed)?;
    let text = text.strip_suffix('Z').filter(|text| text.is_ascii()).ok_or(Malformed)?;
    let (year, rest) = match element.tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2).ok_or(Malformed)?;
            (alloc::format!("{}{year}", if year < "50" { "20" } else { "19" }), rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4).ok_or(Malformed)?;
            (year.into(), rest)
        }
        _ => return Err(Malformed),
    };
    let (whole, fraction) = rest.split_once('.').map_or((rest, None), |(whole, fraction)| (whole, Some(fraction)));
    let is_shortest = fraction.is_none_or(|digits| !digits.is_empty() && !digits.ends_with('0'));
    if whole.len() != 10 || !is_shortest || (fraction.is_some() && element.tag == UTC_TIME) {
        return Err(Malformed);
    }
    let part = |from: usize| whole.get(from..from.saturating_add(2)).unwrap_or_default();
    let (month, day, hour, minute, second) = (part(0), part(2), part(4), part(6), part(8));
    let fraction = fraction.map(|digits| alloc::format!(".{digits}")).unwrap_or_default();
    let text = alloc::format!("{year}-{month}-{day}T{hour}:{minute}:{second}{fraction}Z");
    text.parse().map_err(|_| Malformed)
}

/// An element of `content`.
pub(super) fn put(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let mut bytes = alloc::vec![tag];
    match u8::try_from(content.len()) {
        Ok(short @ 0..=0x7f) => bytes.push(short),
        Ok(long) => bytes.extend_from_slice(&[0x81, long]),
        // What is written here is never longer.
        Err(_) => {
            bytes.push(0x82);
            bytes.extend_from_slice(&u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&content);
    bytes
}
