//! Which authority vouches for whom: one root store per institution, and what a certificate says of its holder.
//! It refuses to know connections and roles' rights.

use super::{TlsError, certificates};
use crate::identity::{Caller, Identity, SCHEME};
use comity_model::member::MemberKind;
use comity_model::{Hash, MemberId};
use rustls::{CertificateError, RootCertStore};
use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

/// The authorities of all institutions that a gateway deals with.
#[derive(Clone, Debug, Default)]
pub struct Authorities {
    by_institution: BTreeMap<MemberId, Authority>,
}

#[derive(Clone, Debug)]
struct Authority {
    kind: Option<MemberKind>,
    roots: Arc<RootCertStore>,
}

impl Authorities {
    /// Adds an institution and the authority that alone may vouch for it.
    ///
    /// # Errors
    /// [`TlsError`] where `ca_pem` is no usable authority.
    pub fn add(&mut self, institution: MemberId, kind: Option<MemberKind>, ca_pem: &str) -> Result<(), TlsError> {
        let roots = root_store(institution.as_str(), ca_pem)?;
        self.by_institution.insert(institution, Authority { kind, roots: Arc::new(roots) });
        Ok(())
    }

    /// The roots of an institution.
    #[must_use]
    pub fn roots(&self, institution: &MemberId) -> Option<&Arc<RootCertStore>> {
        self.by_institution.get(institution).map(|authority| &authority.roots)
    }

    /// All institutions.
    pub fn institutions(&self) -> impl Iterator<Item = &MemberId> {
        self.by_institution.keys()
    }

    /// The holder of a certificate that was already verified, as a caller.
    pub(super) fn caller(&self, identity: Identity) -> Caller {
        let kind = self.by_institution.get(&identity.institution).and_then(|authority| authority.kind);
        Caller { institution: identity.institution, role: identity.role, kind }
    }
}

/// The authorities of a PEM text, alone; `whose` is for the operator.
pub(crate) fn root_store(whose: &str, ca_pem: &str) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&format!("the authority of {whose}"), ca_pem)? {
        roots
            .add(certificate)
            .map_err(|error| TlsError::Authority { institution: whose.to_owned(), problem: error.to_string() })?;
    }
    Ok(roots)
}

/// What a certificate's subject alternative name says of its holder: exactly one URI of our scheme. The certificate is
/// not verified here.
///
/// # Errors
/// `BadEncoding` for what is no certificate, `ApplicationVerificationFailure` for one that names no holder or several.
pub fn certificate_identity(certificate: &CertificateDer<'_>) -> Result<Identity, CertificateError> {
    let (rest, parsed) = X509Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
    if !rest.is_empty() {
        return Err(CertificateError::BadEncoding);
    }
    let mut found = None;
    for extension in parsed.extensions() {
        let ParsedExtension::SubjectAlternativeName(names) = extension.parsed_extension() else { continue };
        for name in &names.general_names {
            let GeneralName::URI(uri) = name else { continue };
            if !uri.starts_with(&format!("{SCHEME}://")) {
                continue;
            }
            if found.is_some() {
                return Err(CertificateError::ApplicationVerificationFailure);
            }
            found = Some(uri.parse().map_err(|_| CertificateError::ApplicationVerificationFailure)?);
        }
    }
    found.ok_or(CertificateError::ApplicationVerificationFailure)
}

/// SHA-256 of the first certificate of an authority's PEM: how `Member.ca_fingerprint` names it.
///
/// # Errors
/// [`TlsError::Certificates`].
pub fn fingerprint(ca_pem: &str) -> Result<Hash, TlsError> {
    let certificates = certificates("the authority", ca_pem)?;
    let first = certificates.first().ok_or_else(|| TlsError::Certificates { what: "the authority".into() })?;
    Ok(Hash(Sha256::digest(first).into()))
}
