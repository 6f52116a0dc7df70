//! Time stamps of authorities (RFC 3161, RFC 5816): a token says that a message was there at a time, by the word of who signed it. A
//! token is judged whole: what it is over, by whom it is signed, by which certificates, valid then and for time stamps alone.
//! Whose word counts is the reader's: the certificates that it names. Knows no clock, no network and no revocation.

mod certificate;
mod der;
mod key;
mod request;
mod token;

pub use request::Request;

use crate::refusal::{Refusal, Rule};
use crate::sha::sha256;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use certificate::Certificate;
use comity_model::{Hash, UnixSeconds};
use core::fmt;
use token::Token;

/// Largest token, in bytes.
pub const TOKEN_BYTES_MAX: usize = 16 << 10;
/// Largest file of certificates, in bytes.
const FILE_BYTES_MAX: usize = 256 << 10;
/// Most certificates in it.
const AUTHORITIES_MAX: usize = 64;

/// A certificate that a reader trusts for time: an authority's own, or one under which authorities for time stand.
#[derive(Clone, PartialEq, Eq)]
pub struct Authority {
    /// DER, which was read once.
    bytes: Vec<u8>,
    name: String,
}

impl Authority {
    /// Reads a certificate (X.509 version 3, DER).
    ///
    /// # Errors
    /// `TIMESTAMP_FORMAT` for other bytes, and for a certificate that is neither for time stamps alone (critically, RFC 3161
    /// section 2.3) nor of an authority over others.
    pub fn from_der(bytes: &[u8]) -> Result<Self, Refusal> {
        let refuse = |found: &str| malformed("a certificate for time stamps, or of an authority over such", found);
        let mut der = der::Der::new(bytes);
        let certificate = Certificate::read(&mut der).and_then(|found| der.end().map(|()| found));
        let certificate = certificate.map_err(|_| refuse("other bytes"))?;
        if !certificate.may_stamp() && !certificate.may_certify(0) {
            return Err(refuse("one for other things"));
        }
        Ok(Self { bytes: bytes.to_vec(), name: certificate.name() })
    }

    /// Reads the certificates of a file in PEM (RFC 7468): one at least, at most 64; what stands between them is for people.
    ///
    /// # Errors
    /// As [`Authority::from_der`].
    pub fn read_pem(text: &[u8]) -> Result<Vec<Self>, Refusal> {
        const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
        const END: &str = "-----END CERTIFICATE-----";
        let refuse = || malformed("certificates in PEM, at most 64", "another text");
        let text = core::str::from_utf8(text).ok().filter(|text| text.len() <= FILE_BYTES_MAX).ok_or_else(refuse)?;
        let mut found = Vec::new();
        for part in text.split(BEGIN).skip(1) {
            let (base64, _) = part.split_once(END).ok_or_else(refuse)?;
            let base64: String = base64.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
            let bytes = crate::tlog::from_base64(&base64).ok_or_else(refuse)?;
            if found.len() == AUTHORITIES_MAX {
                return Err(refuse());
            }
            found.push(Self::from_der(&bytes)?);
        }
        if found.is_empty() { Err(refuse()) } else { Ok(found) }
    }

    /// Its name, as its certificate has it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of the certificate.
    #[must_use]
    pub fn fingerprint(&self) -> Hash {
        sha256(&[&self.bytes])
    }

    /// Whether it vouches for a certificate with `below` others between it and the signer: it is that one, or has signed it.
    fn vouches(&self, token: &Token<'_>, below: usize, one: &Certificate<'_>) -> bool {
        let Ok(own) = Certificate::read(&mut der::Der::new(&self.bytes)) else { return false };
        one.whole == own.whole || (own.may_certify(below) && own.covers(token.info.at) && one.is_signed_by(&own))
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({}, {})", self.name, self.fingerprint())
    }
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The token's time, in whole seconds.
    pub made: UnixSeconds,
    /// The message was there at this time at the latest: the token's time and its stated accuracy, in whole seconds, rounded up.
    pub at: UnixSeconds,
    /// The name of who signed it, as its certificate has it.
    pub by: String,
    /// SHA-256 of that certificate.
    pub certificate: Hash,
    /// Whether one of the reader's authorities vouches for it. Without that it is anybody's word.
    pub known: bool,
}

/// Who made it, for people: the name, and the certificate's SHA-256 where anybody may have taken that name.
impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.by.is_empty() { "a nameless authority" } else { &self.by };
        if self.known { f.write_str(name) } else { write!(f, "{name} (certificate {})", self.certificate) }
    }
}

/// Judges a token over `message`. Everything in it is checked, whether a reader trusts its authority or not.
///
/// # Errors
/// `TIMESTAMP_FORMAT` for what is no token of at most 16 KiB; `TIMESTAMP` for one that is over something else, is not signed by the
/// certificate that it carries, or by one that may not sign it or was not valid then.
pub fn check(token: &[u8], message: &[u8], authorities: &[Authority]) -> Result<Stamp, Refusal> {
    let token = read(token)?;
    let chain = token.check(message)?;
    let signer = chain.first().ok_or_else(|| malformed("a signer", "none"))?;
    let vouched = |below: usize, one| authorities.iter().any(|authority| authority.vouches(&token, below, one));
    // Of a certificate that stands above all others in the token, nothing else has checked a byte: it must be vouched for itself, be a
    // root, or be the signer's, whose digest is signed.
    let (below, top) = (chain.len().saturating_sub(1), chain.last().copied().unwrap_or(signer));
    let is_whole = below == 0 || top.is_signed_by(top) || vouched(below, top);
    let latest = token.info.at.plus_nanos(token.info.accuracy_us.saturating_mul(1_000));
    Ok(Stamp {
        made: token.info.at.unix_seconds(),
        at: latest.unix_seconds().plus(u64::from(latest.nanos() > 0)),
        by: signer.name(),
        certificate: sha256(&[signer.whole]),
        known: is_whole && chain.iter().enumerate().any(|(below, one)| vouched(below, one)),
    })
}

fn read(bytes: &[u8]) -> Result<Token<'_>, Refusal> {
    if bytes.len() > TOKEN_BYTES_MAX {
        return Err(malformed("a token of at most 16 KiB", &bytes.len().to_string()));
    }
    Token::read(bytes).map_err(|_| malformed("a time stamp token (RFC 3161) in DER", "other bytes"))
}

fn malformed(expected: &str, found: &str) -> Refusal {
    Refusal::new(Rule::TimestampFormat, expected, found)
}
