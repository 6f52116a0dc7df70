//! The gateway's side of a connection: a caller's certificate must chain to the authority of the institution that it
//! names itself.
//! It refuses to know sockets and roles' rights.

use super::authorities::{Authorities, certificate_identity};
use super::{TlsError, TlsMaterial, certificates, private_key, provider};
use crate::identity::{Caller, Identity};
use arc_swap::ArcSwap;
use comity_model::MemberId;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The server's TLS, exchangeable while it runs: connections that are up go on, new ones get the new certificate.
pub struct ServerTls {
    configs: ArcSwap<Configs>,
    authorities: Authorities,
    holder: Identity,
}

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/2 only.
    Grpc,
    /// HTTP/2 or HTTP/1.1.
    Rest,
}

/// One certificate, for each protocol.
struct Configs {
    grpc: Arc<ServerConfig>,
    rest: Arc<ServerConfig>,
}

impl Configs {
    fn of(config: ServerConfig) -> Self {
        let mut rest = config.clone();
        rest.alpn_protocols.push(b"http/1.1".to_vec());
        Self { grpc: Arc::new(config), rest: Arc::new(rest) }
    }
}

impl ServerTls {
    /// TLS of `holder` (a gateway or a signer), for callers of `authorities` (the own institution included).
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn new(holder: Identity, material: &TlsMaterial, authorities: Authorities) -> Result<Self, TlsError> {
        let config = server_config(&holder, material, &authorities)?;
        Ok(Self { configs: ArcSwap::from_pointee(Configs::of(config)), authorities, holder })
    }

    /// Takes a new certificate for the connections that come.
    ///
    /// # Errors
    /// [`TlsError`]; the old one stays in use.
    pub fn reload(&self, material: &TlsMaterial) -> Result<(), TlsError> {
        let config = server_config(&self.holder, material, &self.authorities)?;
        self.configs.store(Arc::new(Configs::of(config)));
        Ok(())
    }

    pub(super) fn current(&self, protocol: Protocol) -> Arc<ServerConfig> {
        let configs = self.configs.load();
        match protocol {
            Protocol::Grpc => configs.grpc.clone(),
            Protocol::Rest => configs.rest.clone(),
        }
    }

    /// The caller behind certificates that the handshake verified.
    pub(super) fn caller(&self, certificates: &[CertificateDer<'_>]) -> Option<Caller> {
        let identity = certificate_identity(certificates.first()?).ok()?;
        Some(self.authorities.caller(identity))
    }
}

/// TLS 1.3, HTTP/2, a certificate of `holder`, and callers' certificates required.
///
/// # Errors
/// [`TlsError`].
pub fn server_config(
    holder: &Identity,
    material: &TlsMaterial,
    authorities: &Authorities,
) -> Result<ServerConfig, TlsError> {
    let chain = holder_chain(holder, material)?;
    let verifier = CallerVerifier::new(authorities)?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| TlsError::Setup(error.to_string()))?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_single_cert(chain, private_key(&material.key_pem)?)
        .map_err(|error| TlsError::Key(error.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    // No resumption: each connection proves its caller anew, by a certificate that is valid now.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// The chain of `material`, if it names `holder`.
pub(super) fn holder_chain(
    holder: &Identity,
    material: &TlsMaterial,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain = certificates("the certificate chain", &material.cert_chain_pem)?;
    let named = chain.first().and_then(|certificate| certificate_identity(certificate).ok());
    if named.as_ref() == Some(holder) {
        return Ok(chain);
    }
    Err(TlsError::Holder {
        expected: holder.to_string(),
        found: named.map_or_else(|| "nobody".to_owned(), |identity| identity.to_string()),
    })
}

/// Verifies a caller's certificate under the root of the institution that it names.
#[derive(Debug)]
struct CallerVerifier {
    by_institution: BTreeMap<MemberId, Arc<dyn ClientCertVerifier>>,
    /// Verifies signatures only: the same for all.
    any: Arc<dyn ClientCertVerifier>,
}

impl CallerVerifier {
    fn new(authorities: &Authorities) -> Result<Self, TlsError> {
        let mut by_institution: BTreeMap<_, Arc<dyn ClientCertVerifier>> = BTreeMap::new();
        for institution in authorities.institutions() {
            let Some(roots) = authorities.roots(institution) else { continue };
            let verifier =
                WebPkiClientVerifier::builder_with_provider(roots.clone(), provider()).build().map_err(|error| {
                    TlsError::Authority { institution: institution.to_string(), problem: error.to_string() }
                })?;
            by_institution.insert(institution.clone(), verifier);
        }
        let any = by_institution.values().next().cloned();
        let any = any.ok_or_else(|| TlsError::Setup("no institution is configured".into()))?;
        Ok(Self { by_institution, any })
    }
}

impl ClientCertVerifier for CallerVerifier {
    /// None: which authority counts depends on the certificate, and the list would tell who is in the alliance.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let identity = certificate_identity(end_entity)?;
        match self.by_institution.get(&identity.institution) {
            Some(verifier) => verifier.verify_client_cert(end_entity, intermediates, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.any.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.any.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.any.supported_verify_schemes()
    }
}
