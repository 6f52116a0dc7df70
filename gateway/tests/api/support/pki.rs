//! Authorities and certificates of institutions.

use comity_gateway::TlsMaterial;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType};
use secrecy::SecretString;

/// An institution's authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    pub fn issue(&self, uri: &str) -> TlsMaterial {
        let mut params = CertificateParams::default();
        let loopback = SanType::IpAddress(std::net::Ipv4Addr::LOCALHOST.into());
        params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap()), loopback];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().unwrap();
        TlsMaterial {
            cert_chain_pem: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key_pem: SecretString::from(key.serialize_pem()),
            own_ca_pem: self.pem.clone(),
        }
    }
}
