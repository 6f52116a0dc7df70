//! Certificates of authorities for time (RFC 5280 as far as RFC 3161 needs it). Knows no store of authorities and no revocation:
//! whom a reader stops to believe it takes out of its file.

use super::der::{self, BOOLEAN, Der, INTEGER, Malformed, OCTET_STRING, OID, Read, SEQUENCE, SET, context};
use super::key::{Algorithm, Key, Scheme};
use alloc::string::String;
use comity_model::Time;

/// Longest name that is shown, in characters.
const NAME_MAX: usize = 64;

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0a];
const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 0x0e];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
/// Extensions whose meaning makes no difference here, also where they are critical: names beside the subject, and policies,
/// none of which is asked for.
const WITHOUT_CONSEQUENCE: [&[u8]; 2] = [&[0x55, 0x1d, 0x11], &[0x55, 0x1d, 0x20]];
/// id-kp-timeStamping.
const TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

/// A certificate, read whole. Nothing of it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Certificate<'a> {
    /// Its bytes.
    pub(super) whole: &'a [u8],
    signed: &'a [u8],
    algorithm: Algorithm<'a>,
    signature: &'a [u8],
    /// An integer's content.
    pub(super) serial: &'a [u8],
    /// Names with tag and length.
    pub(super) issuer: &'a [u8],
    pub(super) subject: &'a [u8],
    from: Time,
    until: Time,
    pub(super) key: Key<'a>,
    extensions: Extensions<'a>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Extensions<'a> {
    key_id: Option<&'a [u8]>,
    /// First bit highest (RFC 5280 section 4.2.1.3).
    usage: Option<u8>,
    /// Whether it is an authority, and how many others may stand below it.
    authority: Option<Option<u32>>,
    purposes: Option<Purposes>,
    /// A critical one that is not understood here.
    is_strange: bool,
}

/// What a key may be used for, where that is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Purposes {
    /// Time stamps are among them.
    has_time: bool,
    /// Time stamps, critically and nothing else.
    is_only_time: bool,
}

impl<'a> Certificate<'a> {
    pub(super) fn read(der: &mut Der<'a>) -> Read<Self> {
        let whole = der.element(SEQUENCE)?;
        let mut outer = Der::new(whole.content);
        let signed = outer.element(SEQUENCE)?;
        let algorithm = Algorithm::read(&mut outer)?;
        let signature = outer.bits()?;
        outer.end()?;
        let mut inner = Der::new(signed.content);
        let mut version = inner.enter(context(0))?;
        if version.small()? != 2 {
            return Err(Malformed);
        }
        version.end()?;
        let serial = inner.integer()?;
        if Algorithm::read(&mut inner)? != algorithm {
            return Err(Malformed);
        }
        let issuer = inner.element(SEQUENCE)?.whole;
        let mut validity = inner.enter(SEQUENCE)?;
        let (from, until) = (der::time(validity.any()?)?, der::time(validity.any()?)?);
        validity.end()?;
        let subject = inner.element(SEQUENCE)?.whole;
        let key = Key::read(&mut inner)?;
        let extensions = match inner.optional(context(3))? {
            Some(element) => Extensions::read(element.content)?,
            None => Extensions::default(),
        };
        inner.end()?;
        let (whole, signed) = (whole.whole, signed.whole);
        Ok(Self { whole, signed, algorithm, signature, serial, issuer, subject, from, until, key, extensions })
    }

    /// Whether it was valid at a time.
    pub(super) fn covers(&self, at: Time) -> bool {
        self.from <= at && at <= self.until
    }

    /// Whether it may sign tokens: for time stamps alone, critically (RFC 3161 section 2.3), and with a key that signs.
    pub(super) fn may_stamp(&self) -> bool {
        let signs = self.extensions.usage.is_none_or(|usage| usage & 0xc0 != 0);
        let only = self.extensions.purposes.is_some_and(|purposes| purposes.is_only_time);
        only && signs && !self.extensions.is_strange
    }

    /// Whether it may sign certificates with `below` others between it and the one that signs tokens.
    pub(super) fn may_certify(&self, below: usize) -> bool {
        let room = |most: u32| usize::try_from(most).is_ok_and(|most| below <= most);
        let authority = self.extensions.authority.is_some_and(|most| most.is_none_or(room));
        let signs = self.extensions.usage.is_none_or(|usage| usage & 0x04 != 0);
        let for_time = self.extensions.purposes.is_none_or(|purposes| purposes.has_time);
        authority && signs && for_time && !self.extensions.is_strange
    }

    /// Whether `issuer` signed it.
    pub(super) fn is_signed_by(&self, issuer: &Certificate<'_>) -> bool {
        let scheme = Scheme::of(&self.algorithm, None);
        self.issuer == issuer.subject
            && scheme.is_some_and(|scheme| issuer.key.verify(scheme, self.signed, self.signature))
    }

    /// Whether `id` is the id of its key, as it says.
    pub(super) fn has_key_id(&self, id: &[u8]) -> bool {
        self.extensions.key_id == Some(id)
    }

    /// Its subject's common name or organisation, as people may read it; empty where it has none in UTF-8.
    pub(super) fn name(&self) -> String {
        let of = |wanted| attribute(self.subject, wanted).unwrap_or_default();
        let found = of(COMMON_NAME).or_else(|| of(ORGANISATION)).unwrap_or_default();
        found.chars().filter(|letter| !letter.is_control()).take(NAME_MAX).collect()
    }
}

/// The first attribute of a name, as text.
fn attribute<'a>(name: &'a [u8], wanted: &[u8]) -> Read<Option<&'a str>> {
    let mut parts = Der::new(name).enter(SEQUENCE)?;
    while !parts.is_empty() {
        let mut part = parts.enter(SET)?;
        while !part.is_empty() {
            let mut pair = part.enter(SEQUENCE)?;
            let (kind, value) = (pair.take(OID)?, pair.any()?);
            if kind == wanted {
                return Ok(core::str::from_utf8(value.content).ok());
            }
        }
    }
    Ok(None)
}

impl<'a> Extensions<'a> {
    fn read(bytes: &'a [u8]) -> Read<Self> {
        let mut outer = Der::new(bytes);
        let mut list = outer.enter(SEQUENCE)?;
        outer.end()?;
        let (mut found, mut seen) = (Self::default(), alloc::vec::Vec::new());
        while !list.is_empty() {
            let mut one = list.enter(SEQUENCE)?;
            let kind = one.take(OID)?;
            let critical = match one.optional(BOOLEAN)?.map(|element| element.content) {
                None => false,
                Some([0xff]) => true,
                Some(_) => return Err(Malformed),
            };
            let value = one.take(OCTET_STRING)?;
            one.end()?;
            if seen.contains(&kind) {
                return Err(Malformed);
            }
            seen.push(kind);
            found.take(kind, critical, value)?;
        }
        Ok(found)
    }

    fn take(&mut self, kind: &[u8], critical: bool, value: &'a [u8]) -> Read<()> {
        let mut value = Der::new(value);
        match kind {
            SUBJECT_KEY_ID => self.key_id = Some(value.take(OCTET_STRING)?),
            KEY_USAGE => match value.take(der::BIT_STRING)? {
                // How many bits at the end do not count, then the bits.
                [0..=7, first, ..] => self.usage = Some(*first),
                _ => return Err(Malformed),
            },
            BASIC_CONSTRAINTS => {
                let mut inside = value.enter(SEQUENCE)?;
                let is_authority = match inside.optional(BOOLEAN)?.map(|element| element.content) {
                    None => false,
                    Some([0xff]) => true,
                    Some(_) => return Err(Malformed),
                };
                let most = match inside.optional(INTEGER)? {
                    None => None,
                    Some(element) => Some(Der::new(element.whole).small()?),
                };
                inside.end()?;
                self.authority = is_authority.then_some(most);
            }
            EXTENDED_KEY_USAGE => {
                let mut inside = value.enter(SEQUENCE)?;
                let first = inside.take(OID)?;
                let is_only_time = critical && first == TIME_STAMPING && inside.is_empty();
                let mut has_time = first == TIME_STAMPING;
                while !inside.is_empty() {
                    has_time |= inside.take(OID)? == TIME_STAMPING;
                }
                self.purposes = Some(Purposes { has_time, is_only_time });
            }
            other => {
                self.is_strange |= critical && !WITHOUT_CONSEQUENCE.contains(&other);
                return Ok(());
            }
        }
        value.end()
    }
}
