//! Speaking to a gateway over mTLS: the client file, the channel, and what its errors mean to a user.
//! Refuses to know what is asked.

pub(crate) mod agreement;
pub(crate) mod chain;
pub(crate) mod consent;
pub(crate) mod delivery;
pub(crate) mod deposit;
pub(crate) mod fields;
pub(crate) mod holding;
pub(crate) mod investigate;
mod life;
mod lines;
mod obligation;
pub(crate) mod order;
pub(crate) mod query;
mod received;
pub(crate) mod register;
pub(crate) mod renew;
pub(crate) mod show;
pub(crate) mod trigger;

use crate::failure::{Failure, OrFail};
use crate::files;
use comity_gateway::Identity;
use comity_gateway::tls::{self, ChannelLimits, TlsMaterial};
use comity_model::MemberId;
use secrecy::SecretString;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use tonic::transport::Channel;
use tonic_types::StatusExt as _;
use x509_parser::pem::parse_x509_pem;

/// Whom a client speaks to and as whom: what a client file says.
#[derive(Clone)]
pub(crate) struct ClientFile {
    institution: MemberId,
    gateway: String,
    material: TlsMaterial,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    institution: String,
    gateway: String,
    authority: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl ClientFile {
    /// Reads a client file; its paths are relative to it.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let raw: Raw = toml::from_str(&files::read_text(path)?)
            .map_err(|error| Failure::usage(format!("{} is not a client file: {}", path.display(), error.message())))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Ok(Self {
            institution: raw.institution.parse().or_usage(|| format!("{}: institution", path.display()))?,
            gateway: raw.gateway,
            material: tls_material(&folder.join(raw.certificate), &folder.join(raw.key), &folder.join(raw.authority))?,
        })
    }

    /// The text of a client file for `role`, beside the certificates that `comity init` writes.
    pub(crate) fn text(institution: &MemberId, role: &str, gateway: &str) -> String {
        format!(
            "# Speaks to {institution}'s gateway in the role {role}: `comity … --as <this file>`.\n\
             institution = \"{institution}\"\n\
             gateway = \"{gateway}\"\n\
             authority = \"../tls/authority.crt\"\n\
             certificate = \"{role}.crt\"\n\
             key = \"{role}.key\"\n"
        )
    }

    /// Whose gateway it speaks to.
    pub(crate) const fn institution(&self) -> &MemberId {
        &self.institution
    }

    /// Where its gateway is: host:port.
    pub(crate) fn gateway(&self) -> &str {
        &self.gateway
    }

    /// As whom it speaks: what the certificate says.
    pub(crate) fn identity(&self) -> Result<Identity, Failure> {
        let (_, pem) = parse_x509_pem(self.material.cert_chain_pem.as_bytes())
            .or_usage(|| format!("the client certificate for {} is no PEM", self.institution))?;
        tls::certificate_identity(&pem.contents.as_slice().into())
            .map_err(|error| Failure::usage("the client certificate names nobody").because(error.to_string()))
    }

    /// A channel to the gateway, mutually authenticated; it connects when it is first used. The server must be the
    /// gateway of that institution under that institution's own authority.
    pub(crate) fn connect(&self) -> Result<Channel, Failure> {
        let Self { institution, gateway, material } = self;
        tls::channel(institution, gateway, &material.own_ca_pem, material, ChannelLimits::default())
            .or_usage(|| format!("the client file for {institution} at {gateway} cannot be used"))
    }
}

/// A certificate with its key and the authority of its institution.
pub(crate) fn tls_material(certificate: &Path, key: &Path, authority: &Path) -> Result<TlsMaterial, Failure> {
    Ok(TlsMaterial {
        cert_chain_pem: files::read_text(certificate)?,
        key_pem: SecretString::from(files::read_secret(key)?.as_str()),
        own_ca_pem: files::read_text(authority)?,
    })
}

/// The stable code of why the gateway refused, if it says one.
pub(crate) fn reason(status: &tonic::Status) -> Option<String> {
    status.get_details_error_info().map(|info| info.reason)
}

/// What a gateway's answer means to whoever asked: the reason code it gave, its sentence, and what may help.
pub(crate) fn status(status: tonic::Status, doing: &str) -> Failure {
    use tonic::Code;
    if let Some(why) = tls::refusal(&status) {
        return Failure::refused("TLS", format!("{doing}: the gateway {why}"))
            .help("is this the right client file? `comity init` issues certificates for two years");
    }
    let reason = reason(&status);
    let what = format!("{doing}: {}", status.message());
    let failure = match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown if reason.is_none() => {
            Failure::unavailable(format!("{doing}: the gateway does not answer ({})", status.message()))
        }
        Code::Unavailable | Code::DeadlineExceeded => Failure::unavailable(what),
        Code::ResourceExhausted if reason.as_deref() == Some("OVERLOADED") => Failure::unavailable(what),
        Code::Internal | Code::DataLoss => {
            Failure::unavailable(what).help("a fault on the gateway's side; its log says more to its operator")
        }
        code => Failure::refused(reason.unwrap_or_else(|| format!("{code:?}")), what),
    };
    match status.code() {
        Code::PermissionDenied => failure.help("the certificate's role may not do this; use another client file"),
        Code::Unauthenticated => failure.help("the gateway does not know this certificate; use another client file"),
        Code::Unavailable => {
            failure.help("try again: nothing was decided. Is the gateway up, and its address in the client file right?")
        }
        _ => failure,
    }
}
