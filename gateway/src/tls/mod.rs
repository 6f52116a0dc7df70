//! Mutual TLS between an institution's people, its gateway and other institutions' gateways: TLS 1.3 only, with one
//! root store per institution, so that an institution's authority can never speak for another.
//! It refuses to know what a caller may do.

mod authorities;
mod client;
mod listener;
mod public;
mod refusal;
mod server;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub(crate) use authorities::root_store;
pub use authorities::{Authorities, certificate_identity, fingerprint};
pub use client::{ChannelLimits, channel, channel_to};
pub use listener::{Connection, Listener};
pub use public::TlsServerMaterial;
pub(crate) use public::public_config;
pub use refusal::refusal;
pub use server::{Protocol, ServerTls, server_config};

use rustls::crypto::CryptoProvider;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;

/// Most certificates that a chain or an authority's file may hold.
const CERTIFICATES_MAX: usize = 8;

/// A holder's certificate, its key, and the authority of its institution, as PEM.
#[derive(Clone, Debug)]
pub struct TlsMaterial {
    /// The certificate, then intermediates.
    pub cert_chain_pem: String,
    /// The key: PKCS#8, SEC1 or PKCS#1.
    pub key_pem: SecretString,
    /// The own institution's authority.
    pub own_ca_pem: String,
}

/// TLS that cannot be set up. The operator sees it when the gateway starts, or reloads its certificates.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM text holds no certificate, or too many.
    #[error("{what} must hold 1 to {CERTIFICATES_MAX} PEM certificates")]
    Certificates {
        /// Which text.
        what: String,
    },
    /// The key is not PEM of a supported form, or does not belong to the certificate.
    #[error("the private key cannot be used: {0}")]
    Key(String),
    /// An authority's certificate cannot be a trust anchor.
    #[error("the authority of {institution} cannot be used: {problem}")]
    Authority {
        /// Whose.
        institution: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The certificate names another holder than the gateway of the configured institution.
    #[error("the certificate must name {expected}, and names {found}")]
    Holder {
        /// What it must name.
        expected: String,
        /// What it names.
        found: String,
    },
    /// The TLS library refuses the configuration.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// The cryptography that TLS uses, passed explicitly so that no process-wide default decides.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Certificates of a PEM text.
fn certificates(what: &str, pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let refused = || TlsError::Certificates { what: what.to_owned() };
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .take(CERTIFICATES_MAX + 1)
        .collect::<Result<_, _>>()
        .map_err(|_| refused())?;
    if (1..=CERTIFICATES_MAX).contains(&certificates.len()) { Ok(certificates) } else { Err(refused()) }
}

fn private_key(pem: &SecretString) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes()).map_err(|error| TlsError::Key(error.to_string()))
}
