//! The caller's side of a connection: the server must be the gateway of exactly the institution that is meant, under
//! that institution's own authority. Names and addresses decide nothing.
//! It refuses to know what is called.

use super::authorities::{Authorities, certificate_identity};
use super::{TlsError, TlsMaterial, certificates, private_key, provider};
use crate::identity::Identity;
use comity_model::MemberId;
use hyper_util::rt::TokioIo;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint, Uri};

/// Bounds of a channel to a gateway.
#[derive(Clone, Copy, Debug)]
pub struct ChannelLimits {
    /// For TCP and TLS together.
    pub connect_timeout: Duration,
    /// For a call's answer to begin.
    pub call_timeout: Duration,
    /// Calls at once.
    pub concurrency: usize,
}

impl Default for ChannelLimits {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(5), call_timeout: Duration::from_secs(30), concurrency: 256 }
    }
}

/// A channel to the gateway of `institution`: see [`channel_to`].
///
/// # Errors
/// [`TlsError`] where the material cannot be used.
pub fn channel(
    institution: &MemberId,
    address: &str,
    ca_pem: &str,
    material: &TlsMaterial,
    limits: ChannelLimits,
) -> Result<Channel, TlsError> {
    channel_to(&Identity::gateway(institution.clone()), address, ca_pem, material, limits)
}

/// A channel to `expected` (an institution's gateway or signer) at `address` (`host:port`), as the holder of `material`.
/// `ca_pem` is that institution's authority. Connects when first used, and again when the connection was lost.
///
/// # Errors
/// [`TlsError`] where the material cannot be used.
pub fn channel_to(
    expected: &Identity,
    address: &str,
    ca_pem: &str,
    material: &TlsMaterial,
    limits: ChannelLimits,
) -> Result<Channel, TlsError> {
    let mut authorities = Authorities::default();
    authorities.add(expected.institution.clone(), None, ca_pem)?;
    let roots = authorities.roots(&expected.institution).cloned();
    let roots = roots.ok_or_else(|| TlsError::Setup("the authority was not taken up".into()))?;
    let config = Arc::new(client_config(expected, roots, material)?);
    let (host, connector) = (address.to_owned(), TlsConnector::from(config));
    let connect = tower::service_fn(move |_: Uri| {
        let (host, connector) = (host.clone(), connector.clone());
        async move {
            let connecting = async {
                let tcp = TcpStream::connect(&host).await?;
                tcp.set_nodelay(true)?;
                connector.connect(no_name(), tcp).await
            };
            tokio::time::timeout(limits.connect_timeout, connecting)
                .await
                .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the connection takes too long"))?
                .map(TokioIo::new)
        }
    });
    // The authority of the URI is what HTTP/2 shows the server; the connector dials the address.
    let uri: Uri =
        format!("http://{address}").parse().map_err(|_| TlsError::Setup(format!("{address} is no host:port")))?;
    Ok(Endpoint::from(uri)
        .timeout(limits.call_timeout)
        .concurrency_limit(limits.concurrency)
        .http2_keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(10))
        .initial_connection_window_size(4 << 20)
        .initial_stream_window_size(2 << 20)
        .connect_with_connector_lazy(connect))
}

/// The name that the TLS library wants to be told: the same for all and never sent, as the certificate's URI decides.
fn no_name() -> ServerName<'static> {
    ServerName::from(std::net::IpAddr::from([0, 0, 0, 0]))
}

fn client_config(
    expected: &Identity,
    roots: Arc<RootCertStore>,
    material: &TlsMaterial,
) -> Result<ClientConfig, TlsError> {
    let provider = provider();
    let verifier =
        GatewayVerifier { expected: expected.clone(), roots, algorithms: provider.signature_verification_algorithms };
    let chain = certificates("the certificate chain", &material.cert_chain_pem)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| TlsError::Setup(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_auth_cert(chain, private_key(&material.key_pem)?)
        .map_err(|error| TlsError::Key(error.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.enable_sni = false;
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Verifies that a server is exactly the expected holder.
#[derive(Debug)]
struct GatewayVerifier {
    expected: Identity,
    roots: Arc<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for GatewayVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, intermediates, now, self.algorithms.all)?;
        if certificate_identity(end_entity)? == self.expected {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::NotValidForName.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
