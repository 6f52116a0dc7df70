//! Authorities and certificates to test with.
#![allow(clippy::unwrap_used)]

use super::TlsMaterial;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use secrecy::SecretString;

/// An institution's authority.
pub(crate) struct TestAuthority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

impl TestAuthority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate that names `uri`.
    pub(crate) fn issue(&self, uri: &str) -> TlsMaterial {
        self.issue_with(&[uri], |_| {})
    }

    /// A certificate that expired a day ago.
    pub(crate) fn issue_expired(&self, uri: &str) -> TlsMaterial {
        self.issue_with(&[uri], |params| {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2020, 1, 2);
        })
    }

    pub(crate) fn issue_with(&self, uris: &[&str], change: impl FnOnce(&mut CertificateParams)) -> TlsMaterial {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "holder");
        params.subject_alt_names = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        TlsMaterial {
            cert_chain_pem: certificate.pem(),
            key_pem: SecretString::from(key.serialize_pem()),
            own_ca_pem: self.pem.clone(),
        }
    }
}
