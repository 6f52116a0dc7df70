//! The signatures that authorities for time make: ECDSA on P-256 (FIPS 186-5) and RSA of 2,048 to 4,096 bits with PKCS #1 v1.5
//! (RFC 8017 section 8.2.2), each over SHA-256, SHA-384 or SHA-512. The same code wherever this runs, so that a browser and a
//! server say the same of a token. Knows no certificate.

use super::der::{self, Der, Element, Malformed, NULL, OID, Read, SEQUENCE};
use alloc::vec::Vec;
use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U64, U4096};
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const RSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const RSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c];
const RSA_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const ECDSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
const ECDSA_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04];
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const SHA384: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02];
const SHA512: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03];

/// Bits of an RSA modulus.
const RSA_BITS_MIN: usize = 2_048;
const RSA_BYTES_MAX: usize = 512;

/// A digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    Sha256,
    Sha384,
    Sha512,
}

impl Digest {
    const fn oid(self) -> &'static [u8] {
        match self {
            Self::Sha256 => SHA256,
            Self::Sha384 => SHA384,
            Self::Sha512 => SHA512,
        }
    }

    /// The digest of an `AlgorithmIdentifier`, whose parameters are none or NULL; `None` for another.
    pub(super) fn of(algorithm: &Algorithm<'_>) -> Option<Self> {
        let digests = [Self::Sha256, Self::Sha384, Self::Sha512];
        digests.into_iter().find(|digest| algorithm.is_plain(digest.oid()))
    }

    pub(super) fn hash(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }
}

/// An `AlgorithmIdentifier`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Algorithm<'a> {
    /// With its tag and length.
    pub(super) whole: &'a [u8],
    oid: &'a [u8],
    parameters: Option<Element<'a>>,
}

impl<'a> Algorithm<'a> {
    pub(super) fn read(der: &mut Der<'a>) -> Read<Self> {
        let element = der.element(SEQUENCE)?;
        let mut inside = Der::new(element.content);
        let oid = inside.take(OID)?;
        let parameters = if inside.is_empty() { None } else { Some(inside.any()?) };
        inside.end()?;
        Ok(Self { whole: element.whole, oid, parameters })
    }

    /// SHA-256 of an `AlgorithmIdentifier` that is left out.
    pub(super) const fn sha256() -> Self {
        Self { whole: &[], oid: SHA256, parameters: None }
    }

    fn is_plain(&self, oid: &[u8]) -> bool {
        let none = |element: Element<'_>| element.tag == NULL && element.content.is_empty();
        self.oid == oid && self.parameters.is_none_or(none)
    }
}

/// How something is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Rsa(Digest),
    Ecdsa(Digest),
}

impl Scheme {
    /// The scheme of a signature's `AlgorithmIdentifier`; where that is RSA alone (RFC 5652 section 5.3), `digest` says which.
    /// `None` for one that is not judged here.
    pub(super) fn of(algorithm: &Algorithm<'_>, digest: Option<Digest>) -> Option<Self> {
        let plain = [
            (RSA_SHA256, Self::Rsa(Digest::Sha256)),
            (RSA_SHA384, Self::Rsa(Digest::Sha384)),
            (RSA_SHA512, Self::Rsa(Digest::Sha512)),
            (ECDSA_SHA256, Self::Ecdsa(Digest::Sha256)),
            (ECDSA_SHA384, Self::Ecdsa(Digest::Sha384)),
            (ECDSA_SHA512, Self::Ecdsa(Digest::Sha512)),
        ];
        let found = plain.into_iter().find(|(oid, _)| algorithm.is_plain(oid)).map(|(_, scheme)| scheme);
        found.or_else(|| digest.filter(|_| algorithm.is_plain(RSA)).map(Self::Rsa))
    }

    pub(super) const fn digest(self) -> Digest {
        match self {
            Self::Rsa(digest) | Self::Ecdsa(digest) => digest,
        }
    }
}

/// A public key, as a `SubjectPublicKeyInfo` has it. Nothing of it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key<'a> {
    algorithm: Algorithm<'a>,
    bits: &'a [u8],
}

impl<'a> Key<'a> {
    pub(super) fn read(der: &mut Der<'a>) -> Read<Self> {
        let mut inside = der.enter(SEQUENCE)?;
        let key = Self { algorithm: Algorithm::read(&mut inside)?, bits: inside.bits()? };
        inside.end()?;
        Ok(key)
    }

    /// Whether the signature holds.
    pub(super) fn verify(&self, scheme: Scheme, message: &[u8], signature: &[u8]) -> bool {
        let hash = scheme.digest().hash(message);
        match scheme {
            Scheme::Rsa(digest) => self.rsa(digest, &hash, signature).unwrap_or(false),
            Scheme::Ecdsa(_) => self.p256(&hash, signature).unwrap_or(false),
        }
    }

    fn p256(&self, hash: &[u8], signature: &[u8]) -> Read<bool> {
        let curve = self.algorithm.parameters.filter(|curve| curve.tag == OID && curve.content == P256);
        if self.algorithm.oid != EC || curve.is_none() {
            return Ok(false);
        }
        let mut der = Der::new(signature);
        let mut inside = der.enter(SEQUENCE)?;
        let (r, s) = (padded::<32>(inside.unsigned()?)?, padded::<32>(inside.unsigned()?)?);
        inside.end()?;
        der.end()?;
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(self.bits).map_err(|_| Malformed)?;
        let signature = p256::ecdsa::Signature::from_scalars(r, s).map_err(|_| Malformed)?;
        Ok(key.verify_prehash(hash, &signature).is_ok())
    }

    fn rsa(&self, digest: Digest, hash: &[u8], signature: &[u8]) -> Read<bool> {
        if !self.algorithm.is_plain(RSA) {
            return Ok(false);
        }
        let mut der = Der::new(self.bits);
        let mut inside = der.enter(SEQUENCE)?;
        let (modulus, exponent) = (inside.unsigned()?, inside.small()?);
        inside.end()?;
        der.end()?;
        let bits = modulus.len().checked_mul(8).ok_or(Malformed)?;
        let leading = modulus.first().map_or(8, |byte| byte.leading_zeros());
        let bits = bits.checked_sub(usize::try_from(leading).map_err(|_| Malformed)?).ok_or(Malformed)?;
        if bits < RSA_BITS_MIN || signature.len() != modulus.len() || exponent < 3 || exponent % 2 == 0 {
            return Ok(false);
        }
        let (n, s) = (number(modulus)?, number(signature)?);
        let expected = number(&encoded(digest, hash, modulus.len())?)?;
        if s >= n {
            return Ok(false);
        }
        let n = Option::<Odd<U4096>>::from(Odd::new(n)).ok_or(Malformed)?;
        let params = FixedMontyParams::new_vartime(n);
        let opened = FixedMontyForm::new(&s, &params).pow_vartime(&U64::from(exponent)).retrieve();
        Ok(opened == expected)
    }
}

/// What a signature of `length` bytes opens to (EMSA-PKCS1-v1_5, RFC 8017 section 9.2): compared whole, nothing of it is parsed.
fn encoded(digest: Digest, hash: &[u8], length: usize) -> Read<Vec<u8>> {
    let algorithm = der::put(SEQUENCE, &[&der::put(OID, &[digest.oid()]), &[NULL, 0]]);
    let info = der::put(SEQUENCE, &[&algorithm, &der::put(der::OCTET_STRING, &[hash])]);
    let padding = length.checked_sub(info.len()).and_then(|rest| rest.checked_sub(3)).ok_or(Malformed)?;
    let mut bytes = alloc::vec![0, 1];
    bytes.resize(padding.saturating_add(2), 0xff);
    bytes.push(0);
    bytes.extend_from_slice(&info);
    Ok(bytes)
}

fn number(bytes: &[u8]) -> Read<U4096> {
    Ok(U4096::from_be_slice(&padded::<RSA_BYTES_MAX>(bytes)?))
}

/// The bytes behind zeros.
fn padded<const N: usize>(bytes: &[u8]) -> Read<[u8; N]> {
    let mut padded = [0; N];
    let from = N.checked_sub(bytes.len()).ok_or(Malformed)?;
    padded.get_mut(from..).ok_or(Malformed)?.copy_from_slice(bytes);
    Ok(padded)
}
