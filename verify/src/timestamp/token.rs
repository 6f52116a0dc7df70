//! A time stamp token (RFC 3161 section 2.4.2): CMS signed data (RFC 5652) over a `TSTInfo`, by one signer, with the certificates
//! that lead from it upwards and nothing beside them. Judges everything but whom a reader believes.

use super::certificate::Certificate;
use super::der::{
    self, BOOLEAN, Der, Element, INTEGER, Malformed, OCTET_STRING, OID, Read, SEQUENCE, SET, context, context_primitive,
};
use super::key::{Algorithm, Digest, Scheme};
use crate::refusal::{Refusal, Rule};
use alloc::vec::Vec;
use comity_model::Time;
use sha2::{Digest as _, Sha256};

/// Most certificates in a token: the signer's and those above it.
const CERTIFICATES_MAX: usize = 6;
/// Most attributes that are signed.
const ATTRIBUTES_MAX: usize = 16;
/// Most extensions of what was stamped.
const EXTENSIONS_MAX: usize = 8;

const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
const SIGNING_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x2f];

/// A token, read whole. Nothing of it is believed.
#[derive(Debug)]
pub(super) struct Token<'a> {
    /// What was signed: the bytes of the `TSTInfo`.
    content: &'a [u8],
    pub(super) info: Info<'a>,
    certificates: Vec<Certificate<'a>>,
    signer: Signer<'a>,
}

/// A `TSTInfo`.
#[derive(Debug)]
pub(super) struct Info<'a> {
    imprint: (Algorithm<'a>, &'a [u8]),
    /// When it was made, as its authority says.
    pub(super) at: Time,
    /// How far that may be from the truth, in microseconds.
    pub(super) accuracy_us: u64,
    /// An integer's content.
    pub(super) nonce: Option<&'a [u8]>,
    /// The authority's name, with tag and length, where it is one of a directory.
    authority: Option<&'a [u8]>,
    has_critical: bool,
}

#[derive(Debug)]
struct Signer<'a> {
    id: SignerId<'a>,
    digest: Algorithm<'a>,
    /// `[0]` with its length and the attributes.
    attributes: Element<'a>,
    algorithm: Algorithm<'a>,
    signature: &'a [u8],
}

#[derive(Debug)]
enum SignerId<'a> {
    Issued { issuer: &'a [u8], serial: &'a [u8] },
    Key(&'a [u8]),
}

/// The attributes that count.
#[derive(Debug, Default)]
struct Attributes<'a> {
    content_type: Option<&'a [u8]>,
    digest: Option<&'a [u8]>,
    /// The digest of the signer's certificate, and by which algorithm.
    certificate: Option<(Algorithm<'a>, &'a [u8])>,
}

impl<'a> Token<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Read<Self> {
        let mut outer = Der::new(bytes);
        let mut info = outer.enter(SEQUENCE)?;
        outer.end()?;
        expect(info.take(OID)?, SIGNED_DATA)?;
        let mut data = info.enter(context(0))?;
        info.end()?;
        let mut signed = data.enter(SEQUENCE)?;
        data.end()?;
        // Version 3: what is signed is not plain data (RFC 5652 section 5.1).
        if signed.small()? != 3 {
            return Err(Malformed);
        }
        let mut digests = signed.enter(SET)?;
        let digest = Algorithm::read(&mut digests)?;
        digests.end()?;
        let mut encapsulated = signed.enter(SEQUENCE)?;
        expect(encapsulated.take(OID)?, TST_INFO)?;
        let mut content = encapsulated.enter(context(0))?;
        encapsulated.end()?;
        let bytes = content.take(OCTET_STRING)?;
        content.end()?;
        let mut list = signed.enter(context(0))?;
        let mut certificates = Vec::new();
        while !list.is_empty() {
            if certificates.len() == CERTIFICATES_MAX {
                return Err(Malformed);
            }
            certificates.push(Certificate::read(&mut list)?);
        }
        // No revocation lists; nobody has signed them here.
        let mut signers = signed.enter(SET)?;
        signed.end()?;
        let signer = Signer::read(&mut signers)?;
        signers.end()?;
        if Digest::of(&signer.digest) != Digest::of(&digest) {
            return Err(Malformed);
        }
        Ok(Self { content: bytes, info: Info::read(bytes)?, certificates, signer })
    }

    /// Checks that the token is over `message`, signed by a certificate that it carries, which may do so and was valid then; and that
    /// every other certificate in it stands above that one. The certificates, from the signer's up.
    pub(super) fn check(&self, message: &[u8]) -> Result<Vec<&Certificate<'a>>, Refusal> {
        let refuse = |expected: &str, found: &str| Refusal::new(Rule::Timestamp, expected, found);
        let (algorithm, imprint) = &self.info.imprint;
        if Digest::of(algorithm) != Some(Digest::Sha256) || *imprint != Sha256::digest(message).as_slice() {
            return Err(refuse("a token over the SHA-256 of this checkpoint", "one over something else"));
        }
        if self.info.has_critical {
            return Err(refuse("a token without critical extensions", "one that has them"));
        }
        let signer = self.signer();
        let signer = signer.ok_or_else(|| refuse("the certificate of the token's signer", "none in the token"))?;
        self.signed_by(signer)?;
        if !signer.may_stamp() {
            return Err(refuse("a certificate for time stamps alone, critically", "one for other things"));
        }
        if self.info.authority.is_some_and(|name| name != signer.subject) {
            return Err(refuse("the signer's name as the authority's", "another name"));
        }
        let chain = self.chain(signer);
        if chain.len() != self.certificates.len() {
            return Err(refuse("certificates that lead from the signer's up", "others as well"));
        }
        if !chain.iter().all(|certificate| certificate.covers(self.info.at)) {
            return Err(refuse("certificates that were valid at the token's time", "one that was not"));
        }
        Ok(chain)
    }

    fn signer(&self) -> Option<&Certificate<'a>> {
        self.certificates.iter().find(|certificate| match self.signer.id {
            SignerId::Issued { issuer, serial } => certificate.issuer == issuer && certificate.serial == serial,
            SignerId::Key(id) => certificate.has_key_id(id),
        })
    }

    fn signed_by(&self, certificate: &Certificate<'_>) -> Result<(), Refusal> {
        let refuse = |expected: &str, found: &str| Refusal::new(Rule::Timestamp, expected, found);
        let unknown = || refuse("ECDSA on P-256, or RSA with PKCS #1 v1.5, over SHA-2", "another algorithm");
        let digest = Digest::of(&self.signer.digest).ok_or_else(unknown)?;
        let scheme = Scheme::of(&self.signer.algorithm, Some(digest)).filter(|scheme| scheme.digest() == digest);
        let scheme = scheme.ok_or_else(unknown)?;
        let attributes = Attributes::read(self.signer.attributes.content)
            .map_err(|_| refuse("the attributes of a token, each once", "others"))?;
        if attributes.content_type != Some(TST_INFO) || attributes.digest != Some(&digest.hash(self.content)) {
            return Err(refuse("the digest of what was stamped among what is signed", "another"));
        }
        let named = attributes.certificate.and_then(|(algorithm, hash)| Some((Digest::of(&algorithm)?, hash)));
        if named.is_none_or(|(digest, hash)| digest.hash(certificate.whole) != hash) {
            return Err(refuse("the digest of the signer's certificate among what is signed (RFC 5816)", "another"));
        }
        // Signed is the set as such, not as a part of the token (RFC 5652 section 5.4).
        let mut message = self.signer.attributes.whole.to_vec();
        if let Some(tag) = message.first_mut() {
            *tag = SET;
        }
        if certificate.key.verify(scheme, &message, self.signer.signature) {
            Ok(())
        } else {
            Err(refuse("a signature by the token's signer", "another signature"))
        }
    }

    /// From the signer's certificate up, through those that the token carries, each signed by the next.
    fn chain<'t>(&'t self, signer: &'t Certificate<'a>) -> Vec<&'t Certificate<'a>> {
        let mut chain = alloc::vec![signer];
        loop {
            let last = chain.last().copied().unwrap_or(signer);
            let below = chain.len().saturating_sub(1);
            let above = self.certificates.iter().find(|one| {
                let is_new = !chain.iter().any(|known| known.whole == one.whole);
                is_new && one.may_certify(below) && last.is_signed_by(one)
            });
            match above {
                Some(above) => chain.push(above),
                None => break,
            }
        }
        // Who is its own issuer has signed itself.
        if let Some(root) = chain.last().copied().filter(|root| root.issuer == root.subject)
            && !root.is_signed_by(root)
        {
            chain.pop();
        }
        chain
    }
}

impl<'a> Info<'a> {
    fn read(bytes: &'a [u8]) -> Read<Self> {
        let mut outer = Der::new(bytes);
        let mut inside = outer.enter(SEQUENCE)?;
        outer.end()?;
        if inside.small()? != 1 {
            return Err(Malformed);
        }
        let _policy = inside.take(OID)?;
        let mut imprint = inside.enter(SEQUENCE)?;
        let algorithm = Algorithm::read(&mut imprint)?;
        let hash = imprint.take(OCTET_STRING)?;
        imprint.end()?;
        let _serial = inside.integer()?;
        let at = der::time(inside.element(der::GENERALIZED_TIME)?)?;
        let accuracy_us = inside.optional(SEQUENCE)?.map_or(Ok(0), |element| accuracy(element.content))?;
        let _ordering = inside.optional(BOOLEAN)?;
        let nonce = inside.optional(INTEGER)?.map(|element| element.content);
        let authority = match inside.optional(context(0))? {
            None => None,
            Some(element) => {
                let name = Der::new(element.content).any()?;
                // A name of a directory is [4]; other kinds are not compared.
                (name.tag == context(4)).then_some(name.content)
            }
        };
        let has_critical = match inside.optional(context(1))? {
            None => false,
            Some(element) => has_critical(element.content)?,
        };
        inside.end()?;
        Ok(Self { imprint: (algorithm, hash), at, accuracy_us, nonce, authority, has_critical })
    }
}

/// Seconds, milliseconds and microseconds.
fn accuracy(bytes: &[u8]) -> Read<u64> {
    let mut inside = Der::new(bytes);
    let seconds = inside.optional(INTEGER)?.map_or(Ok(0), |element| Der::new(element.whole).small())?;
    let mut part = |number| -> Read<u32> {
        let found = inside.optional(context_primitive(number))?;
        found.map_or(Ok(0), |element| der::unsigned(element.content).and_then(der::small))
    };
    let (millis, micros) = (part(0)?, part(1)?);
    inside.end()?;
    let micros = u64::from(micros).saturating_add(u64::from(millis).saturating_mul(1_000));
    Ok(micros.saturating_add(u64::from(seconds).saturating_mul(1_000_000)))
}

fn has_critical(bytes: &[u8]) -> Read<bool> {
    let mut list = Der::new(bytes);
    let mut found = false;
    for _ in 0..EXTENSIONS_MAX {
        if list.is_empty() {
            return Ok(found);
        }
        let mut one = list.enter(SEQUENCE)?;
        let _kind = one.take(OID)?;
        found |= one.optional(BOOLEAN)?.is_some_and(|element| element.content != [0]);
        let _value = one.take(OCTET_STRING)?;
        one.end()?;
    }
    list.end().map(|()| found)
}

impl<'a> Signer<'a> {
    fn read(der: &mut Der<'a>) -> Read<Self> {
        let mut inside = der.enter(SEQUENCE)?;
        let version = inside.small()?;
        let id = match inside.optional(context_primitive(0))? {
            Some(element) if version == 3 => SignerId::Key(element.content),
            None if version == 1 => {
                let mut id = inside.enter(SEQUENCE)?;
                let (issuer, serial) = (id.element(SEQUENCE)?.whole, id.integer()?);
                id.end()?;
                SignerId::Issued { issuer, serial }
            }
            _ => return Err(Malformed),
        };
        let digest = Algorithm::read(&mut inside)?;
        let attributes = inside.element(context(0))?;
        let algorithm = Algorithm::read(&mut inside)?;
        let signature = inside.take(OCTET_STRING)?;
        // No attributes that are not signed.
        inside.end()?;
        Ok(Self { id, digest, attributes, algorithm, signature })
    }
}

impl<'a> Attributes<'a> {
    fn read(bytes: &'a [u8]) -> Read<Self> {
        let (mut list, mut found, mut kinds) = (Der::new(bytes), Self::default(), Vec::new());
        while !list.is_empty() {
            let mut one = list.enter(SEQUENCE)?;
            let kind = one.take(OID)?;
            let mut values = one.enter(SET)?;
            one.end()?;
            if kinds.contains(&kind) || kinds.len() == ATTRIBUTES_MAX {
                return Err(Malformed);
            }
            kinds.push(kind);
            match kind {
                CONTENT_TYPE => found.content_type = Some(values.take(OID)?),
                MESSAGE_DIGEST => found.digest = Some(values.take(OCTET_STRING)?),
                SIGNING_CERTIFICATE => found.certificate = Some(signing_certificate(&mut values)?),
                // Others say nothing about the time or the signer: the time at which it signed, as it believes, for one.
                _ => continue,
            }
            values.end()?;
        }
        Ok(found)
    }
}

/// The first certificate of a `SigningCertificateV2` (RFC 5035 section 3): the signer's.
fn signing_certificate<'a>(values: &mut Der<'a>) -> Read<(Algorithm<'a>, &'a [u8])> {
    let mut inside = values.enter(SEQUENCE)?;
    let mut first = inside.enter(SEQUENCE)?.enter(SEQUENCE)?;
    if let Some(hash) = first.optional(OCTET_STRING)? {
        return Ok((Algorithm::sha256(), hash.content));
    }
    Ok((Algorithm::read(&mut first)?, first.take(OCTET_STRING)?))
}

fn expect(found: &[u8], wanted: &[u8]) -> Read<()> {
    if found == wanted { Ok(()) } else { Err(Malformed) }
}
