//! TLS of the public port: a certificate that browsers know, and no question who calls. It refuses to be anything for the
//! members' API: there a caller always proves who he is.

use super::{TlsError, certificates, private_key, provider};
use rustls::ServerConfig;
use secrecy::SecretString;
use std::sync::Arc;

/// A certificate of a public authority and its key, as PEM.
#[derive(Clone, Debug)]
pub struct TlsServerMaterial {
    /// The certificate, then intermediates.
    pub cert_chain_pem: String,
    /// The key: PKCS#8, SEC1 or PKCS#1.
    pub key_pem: SecretString,
}

/// The public port's TLS.
///
/// # Errors
/// [`TlsError`].
pub(crate) fn public_config(material: &TlsServerMaterial) -> Result<Arc<ServerConfig>, TlsError> {
    let setup = |error: rustls::Error| TlsError::Setup(error.to_string());
    let chain = certificates("the public port's certificate", &material.cert_chain_pem)?;
    // 1.2 as well: visitors' browsers are what they are.
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(setup)?
        .with_no_client_auth()
        .with_single_cert(chain, private_key(&material.key_pem)?)
        .map_err(|error| TlsError::Key(error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
