//! An institution's certificate authority and the certificates it issues: its gateway, its signer, its people by role.
//! A certificate says who speaks in a SAN URI `comity://<institution>/<role>`.
//! Refuses to know what a role may do, and to make certificates in another institution's name.

use crate::failure::{Failure, OrFail};
use crate::files;
use comity_model::{Hash, MemberId};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType, date_time_ymd,
};
use sha2::{Digest as _, Sha256};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use zeroize::Zeroizing;

/// The role of an institution's gateway: only it may speak to other gateways.
pub(crate) const ROLE_GATEWAY: &str = "gateway";
/// The role of an institution's signer.
pub(crate) const ROLE_SIGNER: &str = "signer";

/// How many years an authority's own certificate is valid.
const AUTHORITY_YEARS: i32 = 10;
/// How many years an issued certificate is valid.
const ISSUED_YEARS: i32 = 2;

/// An institution's certificate authority.
pub(crate) struct Authority {
    institution: MemberId,
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
    fingerprint: Hash,
}

/// A certificate and its key.
pub(crate) struct Issued {
    /// The certificate, PEM.
    pub(crate) certificate_pem: String,
    /// Its key, PKCS #8 PEM.
    pub(crate) key_pem: Zeroizing<String>,
}

/// What a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Listens and calls: a gateway, a signer. Reached at these addresses besides `localhost`.
    Server {
        /// The role it speaks in when it calls.
        role: String,
        /// Where it can be reached.
        addresses: Vec<IpAddr>,
    },
    /// Calls only: a person or a system, in a role.
    Client {
        /// The role.
        role: String,
    },
}

impl Authority {
    /// A new authority.
    pub(crate) fn create(institution: &MemberId) -> Result<(Self, Zeroizing<String>), Failure> {
        let failed = || "the certificate authority could not be made".to_owned();
        let key = KeyPair::generate().or_fault(failed)?;
        let key_pem = Zeroizing::new(key.serialize_pem());
        let mut params = params(institution, "certificate authority", AUTHORITY_YEARS)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).or_fault(failed)?;
        let authority = Self {
            institution: institution.clone(),
            fingerprint: Hash(Sha256::digest(certificate.der()).into()),
            certificate_pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        };
        Ok((authority, key_pem))
    }

    /// Issues a certificate.
    pub(crate) fn issue(&self, purpose: &Purpose) -> Result<Issued, Failure> {
        let (Purpose::Server { role, .. } | Purpose::Client { role }) = purpose;
        let failed = || format!("the certificate of role {role} could not be issued");
        let mut params = params(&self.institution, role, ISSUED_YEARS)?;
        let uri = format!("comity://{}/{role}", self.institution);
        params.subject_alt_names.push(SanType::URI(uri.try_into().or_fault(failed)?));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        if let Purpose::Server { addresses, .. } = purpose {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
            params.subject_alt_names.push(SanType::DnsName("localhost".try_into().or_fault(failed)?));
            let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
            let mut reached = vec![loopback];
            reached.extend(addresses.iter().copied().filter(|ip| *ip != loopback && !ip.is_unspecified()));
            params.subject_alt_names.extend(reached.into_iter().map(SanType::IpAddress));
        }
        let key = KeyPair::generate().or_fault(failed)?;
        let certificate = params.signed_by(&key, &self.issuer).or_fault(failed)?;
        Ok(Issued { certificate_pem: certificate.pem(), key_pem: Zeroizing::new(key.serialize_pem()) })
    }

    /// The authority's certificate, PEM: what others need in order to know this institution.
    pub(crate) fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// SHA-256 of the authority's DER certificate: what the chain says of it.
    pub(crate) const fn fingerprint(&self) -> Hash {
        self.fingerprint
    }
}

impl Issued {
    /// Writes `<stem>.crt` and `<stem>.key`.
    pub(crate) fn write(&self, folder: &Path, stem: &str) -> Result<(), Failure> {
        files::write_public(&folder.join(format!("{stem}.crt")), &self.certificate_pem)?;
        files::write_secret(&folder.join(format!("{stem}.key")), self.key_pem.as_bytes())
    }
}

/// SHA-256 of the DER certificate in a PEM file: what a chain says of an authority.
pub(crate) fn fingerprint_of(pem: &str) -> Option<Hash> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).ok()?;
    Some(Hash(Sha256::digest(pem.contents).into()))
}

fn params(institution: &MemberId, what: &str, years: i32) -> Result<CertificateParams, Failure> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, institution.as_str());
    params.distinguished_name.push(DnType::CommonName, format!("{institution} {what}"));
    let today = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date();
    let yesterday = today.yesterday().or_fault(|| "the clock shows no usable date".into())?;
    let day = |date: jiff::civil::Date, years: i32| {
        // The 29th of February exists only in some years; the 28th in all.
        let day = u8::try_from(date.day().clamp(1, 28)).unwrap_or(1);
        date_time_ymd(i32::from(date.year()).saturating_add(years), u8::try_from(date.month()).unwrap_or(1), day)
    };
    params.not_before = day(yesterday, 0);
    params.not_after = day(yesterday, years);
    Ok(params)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

    fn der(pem: &str) -> Vec<u8> {
        x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap().1.contents
    }

    #[test]
    fn a_gateway_certificate_says_who_it_is_where_it_is_and_chains_to_its_own_authority() {
        let (authority, _key) = Authority::create(&"court".parse().unwrap()).unwrap();
        let purpose = Purpose::Server { role: ROLE_GATEWAY.into(), addresses: vec!["10.0.0.7".parse().unwrap()] };
        let issued = authority.issue(&purpose).unwrap();
        let (issued, issuer) = (der(&issued.certificate_pem), der(authority.certificate_pem()));
        let issued = X509Certificate::from_der(&issued).unwrap().1;
        let issuer = X509Certificate::from_der(&issuer).unwrap().1;
        let names = issued.subject_alternative_name().unwrap().unwrap().value.general_names.clone();
        assert!(names.contains(&GeneralName::URI("comity://court/gateway")));
        assert!(names.contains(&GeneralName::DNSName("localhost")));
        assert!(names.contains(&GeneralName::IPAddress(&[127, 0, 0, 1])));
        assert!(names.contains(&GeneralName::IPAddress(&[10, 0, 0, 7])));
        assert!(issued.validity().is_valid() && issuer.validity().is_valid());
        assert_eq!(issued.issuer(), issuer.subject());
        assert!(issuer.is_ca() && !issued.is_ca());
    }

    #[test]
    fn a_client_certificate_cannot_serve() {
        let (authority, _key) = Authority::create(&"court".parse().unwrap()).unwrap();
        let issued = authority.issue(&Purpose::Client { role: "judge".into() }).unwrap();
        let issued = der(&issued.certificate_pem);
        let issued = X509Certificate::from_der(&issued).unwrap().1;
        let usage = issued.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.client_auth && !usage.server_auth);
    }

    #[test]
    fn the_fingerprint_is_of_the_certificate_that_is_handed_out() {
        let (authority, _key) = Authority::create(&"court".parse().unwrap()).unwrap();
        let expected: [u8; 32] = Sha256::digest(der(authority.certificate_pem())).into();
        assert_eq!(authority.fingerprint(), Hash(expected));
    }
}
